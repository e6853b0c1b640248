//! A plan that removes: it goes on past errors, tries once more what failed, and names what is left.

use super::{Refusal, Writer, tell, undo};
use crate::failure::{Failure, Kind};
use crate::kernel::Look;
use crate::plan::{Fact, Step};
use crate::system::signals;
use anyhow::Result;

/// A step of a removal on its way.
struct Removal<'p> {
    step: &'p Step,
    /// For each fact that the step gives, the number of the thing that is to go: another of the same name, which
    /// somebody has made meanwhile, is none of ours.
    doomed: Vec<Option<u64>>,
    /// The last answer that was not a success.
    refusal: Option<Refusal>,
}

impl Removal<'_> {
    /// Whether an earlier step may have done it along: the other end of a veth pair goes with the one. No rule of a
    /// firewall goes with another, and a step that promises nothing is always run.
    fn may_go_with_others(&self) -> bool {
        let is_of_firewall = |fact: &Fact| match fact {
            Fact::Not(fact) => fact.is_of_firewall(),
            fact => fact.is_of_firewall(),
        };
        !self.step.gives.iter().all(is_of_firewall)
    }

    /// Whether the step has done what it should. What cannot be looked up counts as not done.
    fn is_done(&self, look: &mut Look) -> bool {
        self.step.gives.iter().zip(&self.doomed).all(|(fact, before)| {
            let is_another = |now: Option<u64>| now.is_some() && before.is_some() && now != *before;
            look.holds(fact).unwrap_or(false) || is_another(look.number(fact))
        })
    }
}

impl Writer {
    /// Removes what can be removed. No signal stops it.
    pub(super) fn remove(&self, steps: &[Step]) -> Result<()> {
        let mut look = self.look();
        let mut number = |step: &Step| step.gives.iter().map(|fact| look.number(fact)).collect();
        let mut removals: Vec<Removal> = steps
            .iter()
            .map(|step| Removal { step, doomed: number(step), refusal: None })
            .collect();
        for removal in &mut removals {
            if !(removal.may_go_with_others() && removal.is_done(&mut self.look())) {
                self.take_away(removal);
            }
        }
        let mut look = self.look();
        removals.retain(|removal| !removal.is_done(&mut look));
        if !removals.is_empty() {
            removals.iter_mut().for_each(|removal| self.take_away(removal));
            let mut look = self.look();
            removals.retain(|removal| !removal.is_done(&mut look));
        }
        if signals::pending().is_some() {
            tell("a signal arrived; what was begun to be removed was removed to the end");
        }
        if removals.is_empty() { Ok(()) } else { Err(name_leftovers(&removals).into()) }
    }

    fn take_away(&self, removal: &mut Removal) {
        if let Err(refusal) = self.execute(&removal.step.run, true) {
            removal.refusal = Some(refusal);
        }
    }
}

fn name_leftovers(left: &[Removal]) -> Failure {
    let mut failure = Failure::new(Kind::Left, "not everything could be removed");
    for Removal { step, refusal, .. } in left {
        failure = failure.note("left", undo::names(&step.gives));
        if let Some(refusal) = refusal {
            failure = failure.note("system", refusal.said.clone());
        }
        failure = failure.note("run", step.run.to_string());
    }
    failure.hint("the same command again, or the commands above")
}
