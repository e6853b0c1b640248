//! What is left of things that are gone.

use super::Finding;
use super::facts::Facts;
use crate::failure::{count, shortened};
use crate::kernel::Snapshot;
use crate::kernel::etc::{Etc, File, Hosts};
use crate::kernel::orphans::Orphan;
use crate::kernel::state::Link;
use crate::mark::{self, LabName, Mark};
use crate::nat;
use crate::{kernel, lab};

pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = journal(facts.has_journal, facts.is_at_work);
    found.extend(facts.orphans.iter().filter_map(ours));
    found.extend(links(&facts.host));
    found.extend(nats(&facts.host));
    found.extend(files_of_namespaces(&facts.etc, &facts.host));
    found.extend(logs(&facts.log_folders, &facts.host));
    if found.is_empty() {
        found.push(Finding::ok("leftovers", "netns-tool has left nothing behind"));
    }
    found.extend(of_others(&facts.orphans));
    found
}

fn journal(has_journal: bool, is_at_work: bool) -> Vec<Finding> {
    match (has_journal, is_at_work) {
        (_, true) => vec![Finding::note(
            "journal",
            "another netns-tool is at work",
            "what it makes just now may look unfinished here",
        )],
        (true, false) => vec![
            Finding::warning(
                "journal",
                "a killed netns-tool has left its work unfinished: /run/netns-tool/journal",
                "what it had begun still stands; the next command that changes something takes it back first",
            )
            .cure("netns-tool recover"),
        ],
        (false, false) => vec![],
    }
}

/// A namespace of netns-tool whose name is gone.
fn ours(orphan: &Orphan) -> Option<Finding> {
    let (mark, _) = Mark::read(orphan.mark.as_ref()?)?;
    let of = mark.lab.map(|lab| format!(" of lab `{lab}`")).unwrap_or_default();
    let what = format!(
        "a namespace of netns-tool{of} has lost its name, and is kept by {} (`{}`)",
        pids(&orphan.pids),
        shortened(&orphan.command)
    );
    let why = "its links stay, with their ends on the host, for as long as the process lives, and no command can name it";
    let pids: Vec<String> = orphan.pids.iter().map(i32::to_string).collect();
    Some(Finding::warning("orphans", what, why).cure(format!("kill {}", pids.join(" "))))
}

/// Those of containers, and the like.
fn of_others(orphans: &[Orphan]) -> Option<Finding> {
    let others: Vec<&Orphan> = orphans.iter().filter(|orphan| orphan.mark.is_none()).collect();
    let first = others.first()?;
    let what = format!(
        "{} of others without a name in /run/netns: the first is kept by {} (`{}`)",
        count(others.len(), "namespace"),
        pids(&first.pids),
        shortened(&first.command)
    );
    let why = "containers and sandboxes have such; one whose name was deleted while a process ran in it looks the same; `lsns -t net` lists them";
    Some(Finding::note("orphans-of-others", what, why))
}

fn pids(pids: &[i32]) -> String {
    match pids {
        [one] => format!("process {one}"),
        [first, ..] => format!("{} processes, such as {first}", pids.len()),
        [] => "a process".to_owned(),
    }
}

/// Links with our mark that lead into a namespace without a name, or that were never finished.
fn links(facts: &Snapshot) -> Vec<Finding> {
    let host = &facts.host;
    let ends = kernel::peers::find(facts);
    // What could not be looked into may well have a name.
    let is_known = facts.hidden == 0;
    let is_lost = |link: &&Link| {
        let leads_away = link.is_kind("veth") && link.peer_netns.is_some();
        is_known && link.is_ours() && leads_away && !ends.contains_key(&(None, link.index))
    };
    let lost = host.links.iter().filter(is_lost).map(|link| {
        let what = format!("`{}` leads to a namespace that has no name", link.name);
        let why = "the namespace was deleted by another tool while somebody held it; the link is in the way of a new one of that name";
        Finding::warning("links", what, why).cure(removal(link))
    });
    let is_unfinished = |link: &&Link| link.group == mark::GROUP && link.alias.is_none();
    let unfinished = host.links.iter().filter(is_unfinished).map(|link| {
        let what = format!("`{}` bears half of netns-tool's mark: it was never finished", link.name);
        let why = "a killed command has made it, or somebody has taken its alias away; no `down` finds it";
        Finding::warning("links", what, why).cure(removal(link))
    });
    lost.chain(unfinished).collect()
}

fn removal(link: &Link) -> String {
    format!("ip link delete dev {}", crate::plan::quote(link.name.as_str()))
}

/// Rules of a NAT whose bridge or uplink is gone.
fn nats(facts: &Snapshot) -> Vec<Finding> {
    let has = |name| facts.host.link(name).is_some();
    let standing = nat::standing(facts.firewall.ours());
    let gone = standing.iter().filter_map(|nat| {
        let name = [&nat.bridge, &nat.uplink].into_iter().find(|name| !has(name))?;
        let what = format!(
            "the NAT of `{}` over `{}` stands, but there is no `{name}`",
            nat.bridge, nat.uplink
        );
        let why = "its rules count for whoever gets that name next";
        let cure = match &nat.mark.lab {
            Some(lab) => format!("netns-tool down {lab}"),
            None => format!("netns-tool nat {} {} --delete", nat.bridge, nat.uplink),
        };
        Some(Finding::warning("nats", what, why).cure(cure))
    });
    gone.collect()
}

/// Our files in /etc/netns, which outlive a reboot.
fn files_of_namespaces(left: &Etc, facts: &Snapshot) -> Vec<Finding> {
    let is_gone = |name: &&crate::name::NamespaceName| !facts.namespaces.contains_key(*name);
    let names = left.namespaces.keys().filter(is_gone);
    let ours = names.filter(|name| {
        let found = left.of(name);
        matches!(found.resolv_conf, File::Ours(_)) || matches!(found.hosts, Hosts::Ours(_))
    });
    ours.map(|name| {
        let what = format!("/etc/netns/{name} has files of netns-tool, but there is no namespace `{name}`");
        let why = "a reboot takes namespaces, but not their files: the next one of that name gets the old name servers or names";
        Finding::warning("etc", what, why).cure(format!("rm -r /etc/netns/{name}"))
    })
    .collect()
}

/// The logs of programs, of labs of which nothing stands.
fn logs(folders: &[String], facts: &Snapshot) -> Vec<Finding> {
    let lab = |folder: &String| LabName::new(folder.rsplit('/').next()?).ok();
    let is_gone = |folder: &&String| {
        facts.hidden == 0 && lab(folder).is_some_and(|lab| !lab::stands(&lab, facts))
    };
    folders
        .iter()
        .filter(is_gone)
        .map(|folder| {
            let what = format!("{folder} has logs of a lab of which nothing else is left");
            Finding::note("logs", what, "they take memory until the next reboot")
                .cure(format!("rm -r {folder}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn a_journal_is_a_leftover_only_of_who_is_dead() {
        assert_eq!(journal(false, false), []);
        assert_eq!(journal(true, true)[0].severity, Severity::Note);
        assert_eq!(journal(true, false)[0].cures, ["netns-tool recover"]);
    }

    #[test]
    fn an_orphan_of_netns_tool_is_told_from_a_container() {
        let orphan = |mark: Option<&str>| Orphan {
            pids: vec![7, 9],
            command: "sleep 1".to_owned(),
            mark: mark.map(str::to_owned),
        };
        let found = ours(&orphan(Some("netns-tool:shop"))).unwrap();
        assert!(
            found.what.contains("of lab `shop`") && found.what.contains("2 processes, such as 7")
        );
        assert_eq!(found.cures, ["kill 7 9"]);
        assert_eq!(ours(&orphan(None)), None);
        assert_eq!(of_others(&[orphan(Some("netns-tool"))]), None);
        assert_eq!(of_others(&[orphan(None)]).unwrap().severity, Severity::Note);
    }
}
