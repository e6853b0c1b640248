//! `delete`: namespaces go with all that is wired to them.

use super::{check_seen, named};
use crate::cli::DeleteArgs;
use crate::dns;
use crate::failure::{Failure, failed, shortened};
use crate::ip;
use crate::kernel::namespaces::Entry;
use crate::kernel::state::Link;
use crate::kernel::{Netns, Snapshot, Wanted};
use crate::name::NamespaceName;
use crate::noun::{Noun, Work, strange};
use crate::plan::{Cmd, Fact, Place, Step, Tool};

impl Noun for DeleteArgs {
    fn wanted(&self) -> Wanted {
        // Which of them are wired to one that goes before.
        let later = |at: usize| self.names[at + 1..].iter();
        let pairs = |(at, first): (usize, &NamespaceName)| -> Vec<[NamespaceName; 2]> {
            later(at).map(|name| [name.clone(), first.clone()]).collect()
        };
        let numbers = self.names.iter().enumerate().flat_map(pairs).collect();
        let namespaces = self.names.clone();
        Wanted { namespaces, second_names: true, processes: true, numbers, ..Wanted::default() }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let (mut first, mut then, mut report) = (Vec::new(), Vec::new(), Vec::new());
        let named = named(&self.names, facts);
        let names: Vec<_> = named.iter().map(|(name, _)| *name).collect();
        for (place, (name, netns)) in named.iter().enumerate() {
            if netns.entry == Entry::Absent {
                if let Some(line) = dns::left_line(name, &facts.etc) {
                    check_seen(name, "delete", facts)?;
                    report.push(line);
                    continue;
                }
                if !self.if_exists {
                    return Err(failed(format!("there is no network namespace `{name}`"))
                        .hint("`ip netns list` shows those that are there; --if-exists takes it for a success"));
                }
                report.push(format!("There is no network namespace `{name}`; nothing to delete"));
                continue;
            }
            let stays = facts.stays_as(&names, place).filter(|_| netns.is_sound());
            self.check(name, netns, stays.is_some())?;
            check_seen(name, "delete", facts)?;
            if let Some(known_as) = stays {
                then.extend(unmount(name, netns));
                report.push(further_name_line(name, &known_as));
                report.extend(dns::kept_line(name, &facts.etc));
                continue;
            }
            first.extend(end_processes(name, netns));
            first.extend(cut_veths(name, netns, &named[..place]));
            then.extend(unmount(name, netns));
            report.push(deleted_line(name, netns));
            report.extend(dns::kept_line(name, &facts.etc));
        }
        first.extend(then);
        first.extend(dns::take_back(&names, &facts.etc));
        Ok(Work::remove(first, report))
    }
}

impl DeleteArgs {
    /// Refuses what would hurt. Where only the name goes and the namespace `stays`, nobody in it minds.
    fn check(&self, name: &NamespaceName, netns: &Netns, stays: bool) -> Result<(), Failure> {
        if let Entry::Strange(what) = netns.entry {
            return Err(strange(name, what));
        }
        if matches!(netns.entry, Entry::Sound { mixed: true, .. }) && !self.force {
            return Err(failed(format!(
                "several namespaces are mounted one above the other on the file of `{name}`"
            ))
            .hint("--force deletes them all"));
        }
        if netns.is_current && !stays {
            return Err(failed(format!(
                "network namespace `{name}` is the one that this command runs in"
            ))
            .hint("the same command outside of it"));
        }
        if netns.is_sound() && !netns.is_ours() && !self.force {
            return Err(failed(format!("network namespace `{name}` was not made by netns-tool: its `lo` does not bear the mark"))
                .hint("--force deletes it all the same"));
        }
        if !netns.processes.is_empty() && !self.kill && !stays {
            let mut failure = failed(format!("processes run inside network namespace `{name}`"));
            for process in &netns.processes {
                let command = shortened(&process.command.replace('\n', " "));
                failure = failure.note("pid", format!("{} {command}", process.pid));
            }
            return Err(failure.hint("end them, or --kill to have them ended"));
        }
        Ok(())
    }
}

/// Ends what runs inside; `None` where nothing does.
pub fn end_processes(name: &NamespaceName, netns: &Netns) -> Option<Step> {
    if netns.processes.is_empty() {
        return None;
    }
    let end = Step::new(
        format!("end the processes inside {name}"),
        Cmd::End {
            netns: name.clone(),
            pids: netns.processes.iter().map(|process| process.pid).collect(),
        },
    )
    .gives([Fact::Empty(name.clone())]);
    Some(end)
}

/// Deletes the veth pairs of the namespace before it. The kernel would do it as well, but some time after `ip netns
/// del` has returned, and until then the names on the host are taken. A pair that leads to one of those before has gone
/// with its other end.
fn cut_veths(
    name: &NamespaceName,
    netns: &Netns,
    before: &[(&NamespaceName, &Netns)],
) -> Vec<Step> {
    let at = Some(name.clone());
    let why =
        |link| format!("delete {link} of {name} and its other end: both names are free at once");
    let links = &netns.state.links;
    let goes_along = |place: usize, link: &Link| {
        let other_in =
            |links: &[Link]| links.iter().any(|other| is_cut(other) && link.mirrors(other));
        let leads_to = |name| netns.numbers.get(name).copied() == link.peer_netns;
        match link.peer_netns {
            None => other_in(&links[..place]),
            Some(_) => {
                before.iter().any(|(name, there)| leads_to(name) && other_in(&there.state.links))
            }
        }
    };
    let veths =
        links.iter().enumerate().filter(|(place, link)| is_cut(link) && !goes_along(*place, link));
    veths.map(|(_, link)| ip::delete_link(&at, &link.name, why(&link.name))).collect()
}

fn is_cut(link: &Link) -> bool {
    link.is_kind("veth") && link.name.is_plain()
}

/// The namespace, with the mounts that lie one above the other on its file.
pub fn unmount(name: &NamespaceName, netns: &Netns) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Entry::Sound { mounts, .. } = netns.entry {
        steps.extend((1..mounts).map(|_| {
            Step::new(
                format!("take off the upper of the mounts on the file of {name}"),
                Cmd::run(Tool::Umount, [name.path().display().to_string()]),
            )
        }));
    }
    let why = match netns.entry {
        Entry::Broken => format!("remove the file of {name}, which has no namespace"),
        _ => format!("delete network namespace {name}"),
    };
    steps.push(ip::delete_namespace(name, why));
    steps
}

fn further_name_line(name: &NamespaceName, known_as: &Place) -> String {
    match known_as {
        Some(other) => format!("Deleted the name `{name}` of network namespace `{other}`"),
        None => format!("Deleted the name `{name}` of the host's own network namespace"),
    }
}

fn deleted_line(name: &NamespaceName, netns: &Netns) -> String {
    if !netns.is_sound() {
        return format!("Deleted network namespace `{name}` (a file without a namespace)");
    }
    let wires: Vec<_> = netns
        .state
        .links
        .iter()
        .filter(|link| link.is_kind("veth"))
        .map(|link| link.name.as_str())
        .collect();
    match wires[..] {
        [] => format!("Deleted network namespace `{name}`"),
        [wire] => {
            format!("Deleted network namespace `{name}`, and with it the veth pair of `{wire}`")
        }
        _ => format!(
            "Deleted network namespace `{name}`, and with it the veth pairs of `{}`",
            wires.join("`, `")
        ),
    }
}
