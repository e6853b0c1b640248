//! A small kernel that has the side effects of the switches, as they were seen on Linux 6.18.

use super::*;
use crate::plan::{Cmd, Fact, Step};

/// A kernel with one family's switches, and the interfaces over which it has routes from routers.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    pub now: Forwarding,
    pub advertised: BTreeSet<u32>,
}

impl Kernel {
    pub fn new(now: Forwarding, advertised: BTreeSet<u32>) -> Self {
        Self { now, advertised }
    }

    fn host(&self) -> State {
        State { advertised: self.advertised.clone(), ..host() }
    }

    pub fn write(&mut self, cmd: &Cmd) {
        let Cmd::Write { path, value, .. } = cmd else { panic!("{cmd} is no write") };
        let path = path.strip_prefix(folder(self.now.family)).expect("a path of the family");
        let on = value == "1";
        let every: BTreeSet<u32> = LINKS.iter().map(|(index, _)| *index).collect();
        let (now, parts) = (&mut self.now, path.split('/').skip(1).collect::<Vec<_>>());
        match parts[..] {
            ["ip_forward"] | ["conf", "all", "forwarding"] => {
                (now.on, now.default) = (on, on);
                now.accept_redirects = now.family == Family::V4 && !on;
                now.interfaces = if on { every } else { BTreeSet::new() };
                if !on {
                    now.forced.clear();
                }
            }
            ["conf", "all", "accept_redirects"] => now.accept_redirects = on,
            ["conf", "default", "forwarding"] => now.default = on,
            ["conf", name, switch] => {
                let (index, _) =
                    LINKS.iter().find(|(_, known)| *known == name).expect("a known link");
                for (known, set, wanted) in [
                    ("forwarding", &mut now.interfaces, "1"),
                    ("force_forwarding", &mut now.forced, "1"),
                    ("accept_ra", &mut now.hearing, "1"),
                    ("accept_ra", &mut now.always_hearing, "2"),
                ] {
                    if switch == known && value == wanted {
                        set.insert(*index);
                    } else if switch == known {
                        set.remove(index);
                    }
                }
            }
            _ => panic!("{path} is no switch"),
        }
        // rt6_purge_dflt_routers: at every 1 in a `forwarding` but the default's.
        if self.now.family == Family::V6
            && on
            && path.ends_with("/forwarding")
            && !path.contains("/default/")
        {
            self.advertised = &self.advertised & &self.now.always_hearing;
        }
    }

    fn apply(&mut self, steps: &[Step]) {
        for step in steps {
            assert!(
                !step.gives.iter().all(|fact| self.holds(fact)),
                "{} changes nothing",
                step.run
            );
            self.write(&step.run);
            assert!(
                step.gives.iter().all(|fact| self.holds(fact)),
                "{} does not give it",
                step.run
            );
        }
    }

    fn holds(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Not(fact) => !self.holds(fact),
            Fact::Value { path, value, .. } => {
                let mut after = self.clone();
                after.write(&Cmd::Write { netns: None, path: path.clone(), value: value.clone() });
                // The whole host's switch may be alone in being as it is.
                if path.ends_with(host_switch(self.now.family)) {
                    self.now.on == (value == "1")
                } else {
                    after.now == self.now
                }
            }
            _ => panic!("{fact} is no switch"),
        }
    }

    /// As the engine does: proves that what is undone is not there, acts, and takes back.
    fn apply_and_undo(&self, steps: &[Step]) -> Self {
        let mut kernel = self.clone();
        for step in steps {
            assert!(!step.undo.is_empty(), "{} has no undo", step.run);
            assert!(!step.undo.iter().any(|undo| kernel.holds(&undo.made)), "{step:?}");
            kernel.write(&step.run);
        }
        for undo in steps.iter().rev().flat_map(|step| &step.undo) {
            if kernel.holds(&undo.made) {
                kernel.write(&undo.run);
            }
        }
        kernel
    }

    /// A NAT comes; gives what stands then.
    pub fn create(&mut self, need: &Need, standing: &mut Vec<Standing>) -> Vec<Step> {
        let host = self.host();
        let before = self.now.remember(need, standing, &host);
        let steps = self.now.turn_on(need, &before, &host).expect("it can be turned on");
        assert_eq!(self.apply_and_undo(&steps), *self, "undone");
        self.apply(&steps);
        assert!(self.now.is_on(need, &host));
        let record = before.record(200).expect("it fits");
        let before = Forwarding::from_record(self.now.family, &record);
        assert!(before.is_some(), "{record}");
        standing.push(Standing { need: need.clone(), before });
        steps
    }

    pub fn delete(&mut self, standing: &mut Vec<Standing>, at: usize) -> Vec<Step> {
        let going = [standing.remove(at)];
        let steps = self.now.turn_off(&going, standing, &self.host());
        self.apply(&steps);
        steps
    }
}
