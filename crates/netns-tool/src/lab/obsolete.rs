//! What of the lab stands though its file does not know it any more.

use super::course::Course;
use super::way_back;
use crate::cli::DeleteArgs;
use crate::dns::{self, Doomed};
use crate::failure::Failure;
use crate::ip;
use crate::kernel::Snapshot;
use crate::kernel::etc::{File, Hosts};
use crate::kernel::state::Link;
use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use crate::noun::{Noun, where_is};
use crate::plan::{Fact, Place, Undo};
use std::collections::HashSet;

/// What is said of several things that the file does not know.
const NOT_IN_FILE: &str = "are not in the file";

/// The namespaces that bear the lab's mark.
pub fn namespaces_of(lab: &LabName, facts: &Snapshot) -> Vec<NamespaceName> {
    let its = facts.namespaces.iter().filter(|(_, netns)| netns.lab().as_ref() == Some(lab));
    its.map(|(name, _)| name.clone()).collect()
}

/// Whether something of the lab stands.
pub fn stands(lab: &LabName, facts: &Snapshot) -> bool {
    !namespaces_of(lab, facts).is_empty() || !links_of(lab, facts).is_empty()
}

/// The links that bear the lab's mark, on the host and in its namespaces, but for their loopbacks.
pub fn links_of(lab: &LabName, facts: &Snapshot) -> Vec<(Place, Link)> {
    let host = std::iter::once((None, &facts.host));
    let namespaces = facts.namespaces.iter();
    let places = host.chain(namespaces.map(|(name, netns)| (Some(name.clone()), &netns.state)));
    let links = places.flat_map(|(at, state)| {
        let its = |link: &&Link| link.name.as_str() != "lo" && link.lab().as_ref() == Some(lab);
        state
            .links
            .iter()
            .filter(its)
            .map(move |link| (at.clone(), link.clone()))
            .collect::<Vec<_>>()
    });
    links.collect()
}

impl Course<'_> {
    /// The bridges, first of all: another may get their subnets. Their ports come to others, or go.
    pub fn clear_bridges(&mut self) {
        let known: HashSet<(Place, InterfaceName)> = self
            .lab
            .bridges
            .iter()
            .map(|bridge| (bridge.at.clone(), bridge.name.clone()))
            .collect();
        for (at, link) in links_of(&self.lab.name, &self.facts) {
            if !link.is_kind("bridge") || known.contains(&(at.clone(), link.name.clone())) {
                continue;
            }
            if self.is_doomed(&at) {
                continue;
            }
            self.differs(format!("bridge `{}`{}", link.name, where_is(&at)), "is not in the file");
            let state = self.facts.state(&at);
            let ports: Vec<Undo> = state
                .ports(&link)
                .map(|port| {
                    let join = ip::join(&at, &port.name, &link.name);
                    Undo::new(Fact::not(join.gives[0].clone()), join.run)
                })
                .collect();
            let mut step = way_back::delete_link(&at, &link, None, &self.facts);
            step.undo.extend(ports);
            self.step(step);
        }
    }

    /// Whether the place is a namespace that goes as a whole.
    fn is_doomed(&self, at: &Place) -> bool {
        let Some(name) = at else { return false };
        !self.lab.namespaces.iter().any(|netns| netns.name == *name)
    }

    /// The veth pairs, and the namespaces with all that is in them.
    pub fn clear_rest(&mut self) -> Result<(), Failure> {
        let ends = self.lab.links.iter().flat_map(|link| &link.ends);
        let known: HashSet<(Place, InterfaceName)> =
            ends.map(|end| (end.at.clone(), end.name.clone())).collect();
        for (at, link) in links_of(&self.lab.name, &self.facts) {
            let is_there = self.facts.state(&at).link(&link.name).is_some();
            let is_known = known.contains(&(at.clone(), link.name.clone()));
            if !is_there || is_known || !link.is_kind("veth") || self.is_doomed(&at) {
                continue;
            }
            let name = &link.name;
            self.differs(format!("interface `{name}`{}", where_is(&at)), "is not in the file");
            let other = self.peer(&at, &link);
            let mut step = ip::delete_link(&at, name, format!("delete {name} and its other end"));
            step.gives
                .extend(other.map(|(at, other)| Fact::not(Fact::Link { at, name: other.name })));
            self.removes(step);
        }
        let mut names = namespaces_of(&self.lab.name, &self.facts);
        names.retain(|name| self.is_doomed(&Some(name.clone())));
        // First: of a namespace that is gone nobody would know that they were the lab's.
        self.clear_files(&names);
        if names.is_empty() {
            return Ok(());
        }
        for name in &names {
            self.differs(format!("network namespace `{name}`"), "is not in the file");
        }
        let delete = DeleteArgs { names, if_exists: true, kill: true, force: false };
        self.take(delete.plan(&self.facts)?);
        Ok(())
    }

    /// The files in /etc/netns of namespaces that go, and those that others have no more.
    fn clear_files(&mut self, gone: &[NamespaceName]) {
        let lab = self.lab;
        for netns in &lab.namespaces {
            let found = self.facts.etc.of(&netns.name);
            let name = &netns.name;
            if netns.name_servers.is_empty() && matches!(found.resolv_conf, File::Ours(_)) {
                self.differs(format!("name servers of network namespace `{name}`"), NOT_IN_FILE);
            }
            if netns.hosts.is_empty() && matches!(found.hosts, Hosts::Ours(_)) {
                self.differs(format!("names that network namespace `{name}` knows"), NOT_IN_FILE);
            }
        }
        let kept = lab.namespaces.iter().map(|netns| Doomed {
            name: &netns.name,
            name_servers: netns.name_servers.is_empty(),
            hosts: netns.hosts.is_empty(),
        });
        let gone = gone.iter().map(|name| Doomed { name, name_servers: true, hosts: true });
        let steps = dns::take_away(kept.chain(gone), &self.facts.etc);
        steps.into_iter().for_each(|step| self.removes(step));
    }
}
