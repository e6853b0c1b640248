//! `down`: everything that bears the lab's mark goes, whatever its file says by now.

use super::obsolete::namespaces_of;
use super::{nats, way_back};
use crate::dns;
use crate::failure::Failure;
use crate::ip;
use crate::kernel::state::Link;
use crate::kernel::{Snapshot, Wanted};
use crate::mark::{LabName, PROTOCOL};
use crate::namespace::{end_processes, unmount};
use crate::nat;
use crate::noun::{Noun, Work};
use crate::plan::{Cmd, Fact, Step};

/// A lab that is to go.
pub struct Down {
    pub lab: LabName,
}

impl Noun for Down {
    fn wanted(&self) -> Wanted {
        Wanted { all_namespaces: true, processes: true, routes: true, rules: true, ..Wanted::default() }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let lab = &self.lab;
        let mut facts = facts.clone();
        let mut steps = Vec::new();
        let mut take = |steps_of: Vec<Step>, facts: &mut Snapshot| {
            for step in steps_of {
                facts.after(&step);
                steps.push(step);
            }
        };
        for nat in nat::standing(facts.firewall.clone().ours()) {
            if nat.mark.lab.as_ref() == Some(lab) {
                let work = nats::removal(&nat.bridge, &nat.uplink).plan(&facts)?;
                take(work.plan.remove, &mut facts);
            }
        }
        let names = namespaces_of(lab, &facts);
        let ends: Vec<Step> =
            names.iter().filter_map(|name| end_processes(name, facts.namespaces.get(name)?)).collect();
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
        doomed.extend(dns::take_back(&names.iter().collect::<Vec<_>>(), &facts.etc));
        take(doomed, &mut facts);
        if steps.is_empty() {
            return Ok(Work::nothing(&format!("lab `{lab}` is not up")));
        }
        Ok(Work::remove(steps, vec![report(lab, counts)]))
    }
}

fn report(lab: &LabName, (namespaces, links): (usize, usize)) -> String {
    let count = |count: usize, name: &str| format!("{count} {name}{}", if count == 1 { "" } else { "s" });
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

/// The lab's interfaces on the host. Each alone takes the kernel some 20 ms; a group goes at once. It is one of their own:
/// the group that all of netns-tool's links have is not the lab's alone.
fn host_links(links: &[Link], facts: &Snapshot) -> Vec<Step> {
    let names: Vec<&Link> = links.iter().collect();
    if names.len() < 3 {
        let single = |link: &&Link| ip::delete_link(&None, &link.name, format!("delete {}", link.name));
        return names.iter().map(single).collect();
    }
    let is_free = |group: &u32| !facts.host.links.iter().any(|link| link.group == *group);
    let group = (crate::mark::GROUP << 16..).find(is_free).unwrap_or(crate::mark::GROUP << 16);
    let join = |link: &&Link| {
        let line = format!("link set dev {} group {group}", link.name);
        Step::new(format!("put {} into a group that goes at once", link.name), Cmd::ip(&None, &line))
    };
    let mut steps: Vec<Step> = names.iter().map(join).collect();
    let gone = names.iter().map(|link| Fact::not(Fact::Link { at: None, name: link.name.clone() }));
    let delete = Step::new(
        "delete the interfaces of the lab on the host, with their other ends",
        Cmd::ip(&None, &format!("link del group {group}")),
    );
    steps.push(delete.gives(gone.collect::<Vec<_>>()));
    steps
}
