//! A plan that removes: it goes on past errors, tries once more what failed, and names what is left.

use super::batch::Manner;
use super::schedule::{LONG, Task, schedule};
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
            look.holds(fact).unwrap_or(false)
                || is_another(look.number(fact))
                || look.is_setting_of_nothing(fact)
        })
    }
}

impl Writer {
    /// Removes what can be removed. No signal stops it.
    pub(super) fn remove(&self, steps: &[Step]) -> Result<()> {
        let mut look = self.look();
        look.gather(gives(steps));
        let mut number = |step: &Step| step.gives.iter().map(|fact| look.number(fact)).collect();
        let mut removals: Vec<Removal> = steps
            .iter()
            .map(|step| Removal { step, doomed: number(step), refusal: None })
            .collect();
        if steps.len() >= LONG {
            self.take_away_together(steps, &removals);
        } else {
            for removal in &mut removals {
                if !(removal.may_go_with_others() && removal.is_done(&mut self.look())) {
                    self.take_away(removal);
                }
            }
        }
        self.drop_done(&mut removals, steps);
        if !removals.is_empty() {
            removals.iter_mut().for_each(|removal| self.take_away(removal));
            self.drop_done(&mut removals, steps);
        }
        if signals::pending().is_some() {
            tell("a signal arrived; what was begun to be removed was removed to the end");
        }
        if removals.is_empty() { Ok(()) } else { Err(name_leftovers(&removals).into()) }
    }

    /// Forgets those that have done what they should.
    fn drop_done(&self, removals: &mut Vec<Removal>, steps: &[Step]) {
        let mut look = self.look();
        look.gather(gives(steps));
        removals.retain(|removal| !removal.is_done(&mut look));
    }

    /// Does many steps at a time. How it went is seen by looking.
    fn take_away_together(&self, steps: &[Step], removals: &[Removal]) {
        let mut tasks: Vec<Task> = steps.iter().map(Task::of_step).collect();
        for level in schedule(&mut tasks) {
            self.do_level(&level, |index| &steps[index].run, Manner::Forced);
        }
        let is_of_link =
            |fact: &Fact| matches!(fact, Fact::Not(gone) if matches!(**gone, Fact::Link { .. }));
        let links: Vec<_> =
            removals.iter().filter(|removal| removal.step.gives.iter().any(is_of_link)).collect();
        self.settle(|look| {
            look.gather(links.iter().flat_map(|removal| &removal.step.gives));
            links.iter().filter(|removal| !removal.is_done(look)).count()
        });
    }

    fn take_away(&self, removal: &mut Removal) {
        if let Err(refusal) = self.execute(&removal.step.run, true) {
            removal.refusal = Some(refusal);
        }
    }
}

fn gives(steps: &[Step]) -> impl Iterator<Item = &Fact> {
    steps.iter().flat_map(|step| &step.gives)
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
