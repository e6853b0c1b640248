//! `down`: everything that bears the lab's mark goes, whatever its file says by now.

use super::obsolete::namespaces_of;
use super::{file, nats, processes, record, way_back};
use crate::cli::DownArgs;
use crate::dns;
use crate::failure::{Failure, count, failed, usage};
use crate::ip;
use crate::kernel::state::Link;
use crate::kernel::{Snapshot, Wanted};
use crate::mark::{GROUP, LabName, Mark, PROTOCOL};
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

    /// The lab that is meant, among those that stand.
    fn meant(&self, facts: &Snapshot) -> Result<LabName, Failure> {
        let mut labs = BTreeSet::new();
        let states = facts.namespaces.values().map(|netns| &netns.state);
        let links = states.chain([&facts.host]).flat_map(|state| &state.links);
        for alias in links.filter_map(|link| link.alias.as_deref()) {
            let Some((Mark { lab: Some(lab), .. }, rest)) = Mark::read(alias) else { continue };
            if self.file.is_some() && record::read(rest).1 == self.file {
                labs.insert(lab);
            }
        }
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
        let mut facts = facts.clone();
        let mut steps = Vec::new();
        let mut take = |steps_of: Vec<Step>, facts: &mut Snapshot| {
            for step in steps_of {
                facts.after(&step);
                steps.push(step);
            }
        };
        let names = namespaces_of(lab, &facts);
        // Before their namespaces: of those that are gone nobody would know that they were the lab's.
        let files = dns::take_back(&names.iter().collect::<Vec<_>>(), &facts.etc);
        take(files, &mut facts);
        for nat in nat::standing(facts.firewall.clone().ours()) {
            if nat.mark.lab.as_ref() == Some(lab) {
                let work = nats::removal(&nat.bridge, &nat.uplink).plan(&facts)?;
                take(work.plan.remove, &mut facts);
            }
        }
        let ends: Vec<Step> = names
            .iter()
            .filter_map(|name| end_processes(name, facts.namespaces.get(name)?))
            .collect();
        let is_of_lab = |step: &&Link| step.lab().as_ref() == Some(lab);
        let on_host: Vec<Link> = facts.host.links.iter().filter(is_of_lab).cloned().collect();
        let counts = (names.len(), on_host.len());
        take(ends, &mut facts);
        take(routes(lab, &facts), &mut facts);
        take(host_links(&on_host, &facts), &mut facts);
        let mut doomed = Vec::new();
        for name in &names {
            if let Some(netns) = facts.namespaces.get(name) {
                doomed.extend(unmount(name, netns));
            }
        }
        doomed.extend(processes::clear(lab, &facts));
        take(doomed, &mut facts);
        if steps.is_empty() {
            return Ok(Work::remove(
                steps,
                vec![format!("Lab `{lab}` is not up; nothing to take down")],
            ));
        }
        Ok(Work::remove(steps, vec![report(lab, counts)]))
    }
}

fn report(lab: &LabName, (namespaces, links): (usize, usize)) -> String {
    format!(
        "Lab `{lab}` is down: {}, {} on the host",
        count(namespaces, "namespace"),
        count(links, "interface")
    )
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
fn host_links(links: &[Link], facts: &Snapshot) -> Vec<Step> {
    let names: Vec<&Link> = links.iter().collect();
    if names.len() < 3 {
        let single =
            |link: &&Link| ip::delete_link(&None, &link.name, format!("delete {}", link.name));
        return names.iter().map(single).collect();
    }
    let is_its = |link: &Link| link.group != GROUP || links.contains(link);
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
    let mut steps: Vec<Step> = names.iter().map(join).collect();
    steps.push(delete_group(group, links));
    steps
}

fn delete_group(group: u32, links: &[Link]) -> Step {
    let gone = links.iter().map(|link| Fact::not(Fact::Link { at: None, name: link.name.clone() }));
    let delete = Step::new(
        "delete the interfaces of the lab on the host, with their other ends",
        Cmd::ip(&None, &format!("link del group {group}")),
    );
    delete.gives(gone.collect::<Vec<_>>())
}
