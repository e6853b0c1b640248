//! From what stands to what the file says: the steps, and each difference in words.

use super::model::Lab;
use crate::failure::{Failure, failed};
use crate::kernel::Snapshot;
use crate::kernel::state::Link;
use crate::mark::Mark;
use crate::name::InterfaceName;
use crate::noun::Work;
use crate::plan::{Cmd, Fact, Place, Setting, Step, Undo};
use ipnet::IpNet;
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};

/// Something that is not as the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Such as "interface `eth0` in network namespace `web`".
    pub object: String,
    /// Such as "is missing", or "has MTU 1500, not 1400".
    pub difference: String,
}

/// How long links and addresses may take until they can be used, in seconds: twice what the kernel takes to ask whether
/// anybody else has an address of IPv6.
const SECONDS: u64 = 4;
/// The same where a port listens and learns first, each for 15 seconds.
const STP_SECONDS: u64 = 34;

/// The way, as far as it is planned.
pub struct Course<'a> {
    pub lab: &'a Lab,
    pub mark: &'a Mark,
    /// How long a program may take to become ready, in seconds.
    pub patience: u16,
    /// What will be there after the steps that are planned.
    pub facts: Snapshot,
    pub build: Vec<Step>,
    late: Vec<Step>,
    /// What is written into the /proc/sys of namespaces, after what `ip` does there: it then needs no process of its own.
    pub settings: Vec<Step>,
    pub remove: Vec<Step>,
    pub differences: Vec<Difference>,
    /// What is in the way, so that the plan cannot be done.
    pub obstacles: Vec<Failure>,
    pub notes: Vec<String>,
    /// What the steps make: all that is done to it goes with it.
    new: HashSet<(Place, Option<InterfaceName>)>,
    /// Where bridges come up late, once that is planned: a route over one can only be made then.
    pub opened: HashSet<Place>,
}

impl<'a> Course<'a> {
    pub fn new(lab: &'a Lab, mark: &'a Mark, patience: u16, facts: &Snapshot) -> Self {
        Self {
            lab,
            mark,
            patience,
            facts: facts.clone(),
            build: Vec::new(),
            late: Vec::new(),
            settings: Vec::new(),
            remove: Vec::new(),
            differences: Vec::new(),
            obstacles: Vec::new(),
            notes: Vec::new(),
            new: HashSet::new(),
            opened: HashSet::new(),
        }
    }

    /// Notes what is not as it should be.
    pub fn differs(&mut self, object: impl Into<String>, difference: impl Into<String>) {
        self.differences.push(Difference { object: object.into(), difference: difference.into() });
    }

    /// Notes what was in the way, so that all of it is told at once; each once.
    pub fn went(&mut self, outcome: Result<(), Failure>) {
        let Err(obstacle) = outcome else { return };
        if !self.obstacles.iter().any(|known| known.what == obstacle.what) {
            self.obstacles.push(obstacle);
        }
    }

    /// Whether all is as the file says.
    pub fn is_done(&self) -> bool {
        self.differences.is_empty() && self.obstacles.is_empty()
    }

    /// One step more.
    pub fn step(&mut self, step: Step) {
        self.facts.after(&step);
        // What waits for other places would make all that comes after it wait as well.
        let steps = if step.after.is_empty() { &mut self.build } else { &mut self.late };
        steps.push(step);
    }

    /// Waits where links came up, until they carry packets; and until addresses of IPv6 can be used, where there are any:
    /// without its link-local address the kernel asks nobody on a link for its neighbours.
    pub fn settle(&mut self) {
        let lab = self.lab;
        let gives = self.build.iter().flat_map(|step| &step.gives);
        let comes_up = |fact: &&Fact| matches!(fact, Fact::Up { .. } | Fact::Port { .. });
        let touched: BTreeSet<Place> = gives.filter(comes_up).filter_map(Fact::place).collect();
        let ends = || lab.links.iter().flat_map(|link| &link.ends);
        let with_addresses = ends().map(|end| (&end.at, &end.addresses));
        let bridges = lab.bridges.iter().map(|bridge| (&bridge.at, &bridge.addresses));
        let has_ipv6 =
            |(_, addresses): &(_, &Vec<IpNet>)| addresses.iter().any(|net| net.addr().is_ipv6());
        let is_touched = |at: &&Place| touched.contains(*at);
        let addresses = with_addresses.chain(bridges).filter(has_ipv6).map(|(at, _)| at);
        let addresses: BTreeSet<Place> = addresses.filter(is_touched).cloned().collect();
        let links: BTreeSet<Place> =
            ends().map(|end| &end.at).filter(is_touched).cloned().collect();
        let known = self.known();
        if links.is_empty() && addresses.is_empty() && known.is_empty() {
            return;
        }
        let with_tree = lab.bridges.iter().filter(|bridge| bridge.stp).map(|bridge| &bridge.at);
        let trees: BTreeSet<Place> = with_tree.filter(is_touched).cloned().collect();
        let why = if known.is_empty() {
            "wait until the lab's links and addresses can be used"
        } else {
            "wait until the lab's links and addresses can be used, and ask for all neighbours anew"
        };
        let wait = Cmd::Settle {
            lab: lab.name.clone(),
            links: links.into_iter().collect(),
            addresses: addresses.into_iter().collect(),
            known,
            seconds: if trees.is_empty() { SECONDS } else { STP_SECONDS },
            trees: trees.into_iter().collect(),
        };
        self.build.push(Step::new(why, wait));
    }

    /// The interfaces that know neighbours of before, where the plan makes new ones, or old ones can be reached again.
    fn known(&self) -> Vec<(Place, InterfaceName)> {
        let is_neighbour = |fact: &Fact| {
            matches!(fact, Fact::Up { .. } | Fact::Port { .. } | Fact::Address { .. })
                || matches!(fact, Fact::Set { setting: Setting::Mac(_), .. })
        };
        if !self.build.iter().flat_map(|step| &step.gives).any(is_neighbour) {
            return Vec::new();
        }
        let ends = self.lab.links.iter().flat_map(|link| &link.ends);
        // A port knows nobody: its bridge does.
        let ends = ends.filter(|end| end.bridge.is_none()).map(|end| (&end.at, &end.name));
        let bridges = self.lab.bridges.iter().map(|bridge| (&bridge.at, &bridge.name));
        let old = ends.chain(bridges).filter(|(at, name)| !self.is_new(at, Some(name)));
        old.map(|(at, name)| (at.clone(), name.clone())).collect()
    }

    /// Now it is time for the steps that wait for others.
    pub fn catch_up(&mut self) {
        self.build.append(&mut self.settings);
        self.build.append(&mut self.late);
    }

    /// All that a noun has planned.
    pub fn take(&mut self, work: Work) {
        work.plan.build.into_iter().for_each(|step| self.step(step));
        for step in work.plan.remove {
            self.removes(step);
        }
        self.notes.extend(
            work.notes.into_iter().filter(|note| !self.notes.contains(note)).collect::<Vec<_>>(),
        );
    }

    /// A step for when all that is new stands.
    pub fn removes(&mut self, step: Step) {
        self.facts.after(&step);
        self.remove.push(step);
    }

    /// A step about something that may be as new as the plan itself: then it needs no way back.
    pub fn step_on(
        &mut self,
        at: &Place,
        name: Option<&InterfaceName>,
        step: Step,
        way_back: impl FnOnce() -> Undo,
    ) {
        let undo: Vec<Undo> = (!self.is_new(at, name)).then(way_back).into_iter().collect();
        self.step(step.undo(undo));
    }

    pub fn makes(&mut self, at: &Place, name: Option<&InterfaceName>) {
        self.new.insert((at.clone(), name.cloned()));
    }

    pub fn is_new(&self, at: &Place, name: Option<&InterfaceName>) -> bool {
        (at.is_some() && self.new.contains(&(at.clone(), None)))
            || (name.is_some() && self.new.contains(&(at.clone(), name.cloned())))
    }

    /// Whether the mark is this lab's.
    pub fn owns(&self, link: &Link) -> bool {
        link.lab().as_ref() == Some(&self.lab.name)
    }

    /// Something that has a name of the lab, and is not the lab's.
    pub fn not_ours(&self, object: &str, remove: &str) -> Failure {
        failed(format!("{object} is there already, and is not of lab `{}`", self.lab.name))
            .hint(format!("another name in the lab's file, or remove it: {remove}"))
    }
}
