//! `down`: everything that bears the lab's mark goes, whatever its file says by now.

use super::obsolete::namespaces_of;
use super::record::{self, Marked};
use super::{file, processes, way_back};
use crate::cli::DownArgs;
use crate::dns;
use crate::failure::{Failure, count, failed, usage};
use crate::ip;
use crate::kernel::state::Link;
use crate::kernel::{Netns, Snapshot, Wanted};
use crate::mark::{GROUP, LabName, PROTOCOL};
use crate::name::NamespaceName;
use crate::namespace::{end_processes, unmount};
use crate::nat;
use crate::noun::{Noun, Work};
use crate::plan::{Cmd, Fact, Step};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A lab that is to go.
pub struct Down {
    /// The name that the file gives it, or that was typed.
    name: LabName,
    /// Where a file was given without a name, the lab that was made from it is meant, whatever its name was.
    file: Option<PathBuf>,
}

impl Down {
    /// The lab of that file, or of that name.
    ///
    /// # Errors
    /// It is neither.
    pub fn of(args: &DownArgs) -> Result<Self, Failure> {
        let text = args.lab.to_str().unwrap_or_default();
        let is_file = text.contains('/') || text.ends_with(".toml") || args.lab.is_file();
        if let Some(name) = &args.name {
            return Ok(Self { name: name.clone(), file: None });
        }
        if !is_file {
            let wrong = |why| usage(format!("`{text}` is no lab: {why}"));
            return Ok(Self { name: LabName::new(text).map_err(wrong)?, file: None });
        }
        let file = std::path::absolute(&args.lab).unwrap_or_else(|_| args.lab.clone());
        // It may be gone, or be wrong by now.
        let own = file::read(&args.lab, None).map(|lab| lab.name);
        let stem = || LabName::new(args.lab.file_stem()?.to_str()?).ok();
        match own.or_else(|failure| stem().ok_or(failure)) {
            Ok(name) => Ok(Self { name, file: Some(file) }),
            Err(failure) => Err(failure.hint("netns-tool labs, and netns-tool down NAME")),
        }
    }

    /// The lab of that name.
    pub fn named(name: LabName) -> Self {
        Self { name, file: None }
    }

    /// The lab that is meant, among those that stand.
    fn meant(&self, facts: &Snapshot) -> Result<LabName, Failure> {
        let is_its = |marked: &Marked| self.file.is_some() && marked.file == self.file;
        let mut labs: BTreeSet<LabName> =
            record::marked(facts).filter(is_its).map(|marked| marked.lab).collect();
        match labs.len() {
            1.. if labs.contains(&self.name) => Ok(self.name.clone()),
            0 => Ok(self.name.clone()),
            1 => Ok(labs.pop_first().unwrap_or_else(|| self.name.clone())),
            _ => {
                let names: Vec<&str> = labs.iter().map(LabName::as_str).collect();
                Err(failed(format!(
                    "several labs are up that this file describes: {}",
                    names.join(", ")
                ))
                .hint(format!("netns-tool down {}", names[0])))
            }
        }
    }
}

impl Noun for Down {
    fn wanted(&self) -> Wanted {
        Wanted {
            all_namespaces: true,
            processes: true,
            routes: true,
            rules: true,
            ..Wanted::default()
        }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let lab = &self.meant(facts)?;
        let names = namespaces_of(lab, facts);
        let known: Vec<(&NamespaceName, &Netns)> =
            names.iter().filter_map(|name| facts.namespaces.get_key_value(name)).collect();
        let is_of_lab = |link: &&Link| link.lab().as_ref() == Some(lab);
        let on_host: Vec<&Link> = facts.host.links.iter().filter(is_of_lab).collect();
        // Before their namespaces: of those that are gone nobody would know that they were the lab's.
        let mut steps = dns::take_back(&names.iter().collect::<Vec<_>>(), &facts.etc);
        steps.extend(nats(lab, facts)?);
        steps.extend(known.iter().filter_map(|(name, netns)| end_processes(name, netns)));
        steps.extend(routes(lab, facts));
        steps.extend(host_links(&on_host, facts));
        steps.extend(known.iter().flat_map(|(name, netns)| unmount(name, netns)));
        steps.extend(processes::clear(lab, facts));
        let said = if steps.is_empty() {
            not_up(lab, facts)
        } else {
            format!(
                "Lab `{lab}` is down: {}, {} on the host",
                count(names.len(), "namespace"),
                count(on_host.len(), "interface")
            )
        };
        Ok(Work::remove(steps, vec![said]))
    }
}

fn not_up(lab: &LabName, facts: &Snapshot) -> String {
    let others: BTreeSet<LabName> = record::marked(facts).map(|marked| marked.lab).collect();
    let others: Vec<String> = others.iter().map(|lab| format!("`{lab}`")).collect();
    match others.len() {
        0 => format!("Lab `{lab}` is not up; nothing to take down"),
        _ => format!("Lab `{lab}` is not up; nothing to take down (up: {})", others.join(", ")),
    }
}

/// The NATs of the lab, each taken down where those before it are gone.
fn nats(lab: &LabName, facts: &Snapshot) -> Result<Vec<Step>, Failure> {
    let (mut facts, mut steps) = (facts.clone(), Vec::new());
    for nat in nat::standing(facts.firewall.clone().ours()) {
        if nat.mark.lab.as_ref() == Some(lab) {
            let work = super::nats::removal(&nat.bridge, &nat.uplink).plan(&facts)?;
            work.plan.remove.iter().for_each(|step| facts.after(step));
            steps.extend(work.plan.remove);
        }
    }
    Ok(steps)
}

/// The lab's routes over interfaces of others: those over its own go with these.
fn routes(lab: &LabName, facts: &Snapshot) -> Vec<Step> {
    let host = &facts.host;
    let is_its = |over: Option<u32>| {
        let link = over.and_then(|index| host.by_index(index));
        link.is_some_and(|link| link.lab().as_ref() == Some(lab))
    };
    let its = host.routes.iter().filter(|route| {
        route.protocol == PROTOCOL && route.metric == lab.metric() && !is_its(route.device)
    });
    its.map(|route| {
        let route = way_back::planned(route, host);
        let why = format!("take the route {route} away");
        ip::delete_route(&None, route, why)
    })
    .collect()
}

/// The lab's interfaces on the host. Each alone takes the kernel some 20 ms; a group goes at once. Where the group that
/// all of netns-tool's links have is not the lab's alone, it is one of their own: to put them into it takes as long again.
fn host_links(links: &[&Link], facts: &Snapshot) -> Vec<Step> {
    if links.len() < 3 {
        return (0..links.len()).filter_map(|place| single(place, links)).collect();
    }
    let is_its = |link: &Link| link.group != GROUP || links.contains(&link);
    if links.iter().all(|link| link.group == GROUP) && facts.host.links.iter().all(is_its) {
        return vec![delete_group(GROUP, links)];
    }
    let is_free = |group: &u32| !facts.host.links.iter().any(|link| link.group == *group);
    let group = (GROUP << 16..).find(is_free).unwrap_or(GROUP << 16);
    let join = |link: &&Link| {
        let line = format!("link set dev {} group {group}", link.name);
        Step::new(
            format!("put {} into a group that goes at once", link.name),
            Cmd::ip(&None, &line),
        )
    };
    let mut steps: Vec<Step> = links.iter().map(join).collect();
    steps.push(delete_group(group, links));
    steps
}

/// One interface by itself, with its other end where both are here; `None` where it is that other end.
fn single(place: usize, links: &[&Link]) -> Option<Step> {
    let link = links[place];
    let is_other = |other: &&Link| link.peer_netns.is_none() && link.mirrors(other);
    if links[..place].iter().any(is_other) {
        return None;
    }
    let mut step = ip::delete_link(&None, &link.name, format!("delete {}", link.name));
    let along = links[place..].iter().filter(|other| is_other(other));
    step.gives.extend(along.map(|other| gone(other)));
    Some(step)
}

fn gone(link: &Link) -> Fact {
    Fact::not(Fact::Link { at: None, name: link.name.clone() })
}

fn delete_group(group: u32, links: &[&Link]) -> Step {
    let delete = Step::new(
        "delete the interfaces of the lab on the host, with their other ends",
        Cmd::ip(&None, &format!("link del group {group}")),
    );
    delete.gives(links.iter().map(|link| gone(link)).collect::<Vec<_>>())
}
