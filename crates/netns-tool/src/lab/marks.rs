//! The marks of what is the lab's: given again where somebody has taken them off.

use super::course::Course;
use crate::ip;
use crate::kernel::state::Link;
use crate::mark::GROUP;
use crate::name::InterfaceName;
use crate::noun::where_is;
use crate::plan::{Place, Undo};
use std::collections::BTreeSet;

impl Course<'_> {
    /// First of all: what bears no mark is not the lab's, and would be in its way.
    pub fn marks(&mut self) {
        let lab = self.lab;
        let bridges = lab.bridges.iter().map(|bridge| (&bridge.at, &bridge.name));
        let ends = lab.links.iter().flat_map(|link| &link.ends).map(|end| (&end.at, &end.name));
        let names: BTreeSet<(&Place, &InterfaceName)> = bridges.chain(ends).collect();
        for (at, name) in names {
            let link = self.facts.state(at).link(name);
            if link.is_some_and(|link| link.alias.is_none() && link.group == GROUP) {
                let object = format!("mark of interface `{name}`{}", where_is(at));
                self.mark_again(at, name, &self.mark.link_alias(), object);
            }
        }
        for netns in &lab.namespaces {
            if self.has_lost_its_mark(&Some(netns.name.clone())) {
                let lo = InterfaceName::reported("lo".to_owned());
                let object = format!("mark of network namespace `{}`", netns.name);
                self.mark_again(&Some(netns.name.clone()), &lo, &self.mark.alias(), object);
            }
        }
    }

    /// Whether a namespace is the lab's all the same: its links say so, and its loopback says nothing.
    fn has_lost_its_mark(&self, at: &Place) -> bool {
        let links = &self.facts.state(at).links;
        let is_silent = |link: &Link| link.name.as_str() != "lo" || link.alias.is_none();
        links.iter().all(is_silent) && links.iter().any(|link| self.owns(link))
    }

    fn mark_again(&mut self, at: &Place, name: &InterfaceName, alias: &str, object: String) {
        self.differs(object, "is missing");
        let mark = ip::mark(at, name, alias, false, ip::why_marked(name, false));
        let off = ip::mark(at, name, "", false, String::new());
        let undo = Undo::new(mark.gives[0].clone(), off.run);
        self.step(mark.undo([undo]));
    }
}
