//! A plan that builds: all of its steps, or the host as it was.

use super::journal::Journal;
use super::{Refusal, Writer, interruption, undo, undo::Begun};
use crate::failure::{Failure, Kind, failed};
use crate::plan::{Fact, Step};
use crate::system::signals;
use anyhow::Result;
use std::time::Duration;

/// The exit status by which iptables says that its lock, or its chain, is busy; or that it is not permitted.
const IPTABLES_BUSY: i32 = 4;

impl Writer {
    /// Does all the steps, or leaves the host as it was.
    pub(super) fn build(&self, steps: &[Step], mut journal: Journal) -> Result<()> {
        let mut begun = Vec::new();
        let outcome =
            self.do_steps(steps, &mut journal, &mut begun).and_then(|()| self.verify(steps));
        // With the journal still there the next command would take everything back: it is part of the work.
        let Err(error) = outcome.and_then(|()| journal.close()) else { return Ok(()) };
        let leftovers = self.undo(&begun);
        let mut failure =
            error.downcast::<Failure>().unwrap_or_else(|error| failed(format!("{error:#}")));
        if leftovers.is_empty() {
            journal.close()?;
            let undone = if begun.is_empty() {
                "nothing had been changed"
            } else {
                "everything; the host is as it was"
            };
            return Err(failure.note("undone", undone).into());
        }
        failure.kind = Kind::Left;
        Err(undo::name_leftovers(failure, &leftovers).into())
    }

    fn do_steps<'p>(
        &self,
        steps: &'p [Step],
        journal: &mut Journal,
        begun: &mut Vec<Begun<'p>>,
    ) -> Result<()> {
        for step in steps {
            interruption()?;
            if !step.undo.is_empty() {
                self.prove_absence(step)?;
                journal.note(step)?;
                begun.push(Begun { step, number: None });
            }
            if let Err(refusal) = self.act(step) {
                // Something has that name which was not there a moment ago: it is somebody else's.
                if matches!(step.gives[..], [Fact::Namespace(_) | Fact::Item(_)])
                    && refusal.said.contains("File exists")
                {
                    begun.pop();
                }
                // A Ctrl-C also ends a child that it finds just before it has a process group of its own.
                interruption()?;
                return Err(self.refused(step, &refusal).into());
            }
            if let (Some(undo), Some(begun)) = (step.undo.first(), begun.last_mut()) {
                begun.number = self.look().number(&undo.made);
            }
        }
        interruption()
    }

    /// Runs a step; a firewall that is busy is asked again, if it did nothing.
    fn act(&self, step: &Step) -> Result<(), Refusal> {
        let mut outcome = self.execute(&step.run, false);
        for _ in 0..3 {
            let Err(refusal) = &outcome else { break };
            let is_busy = refusal.code == Some(IPTABLES_BUSY) && signals::pending().is_none();
            if !is_busy
                || !self.look().first_missing(&step.gives).is_ok_and(|missing| missing.is_some())
            {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
            outcome = self.execute(&step.run, false);
        }
        outcome
    }

    /// Whatever is going to be undone must not be there before. Rules, with what is around them, are told apart by
    /// their marks, and nobody else makes any with ours: the plan was computed under the lock from a listing without them.
    fn prove_absence(&self, step: &Step) -> Result<()> {
        let mut look = self.look();
        let made = step.undo.iter().map(|undo| &undo.made);
        for fact in made.filter(|fact| !fact.is_of_firewall()) {
            if look.holds(fact)? {
                return Err(failed(format!(
                    "cannot {}: somebody else has just made {fact}",
                    step.why
                ))
                .into());
            }
        }
        Ok(())
    }

    /// A command that ends with exit status 0 need not have done anything.
    fn verify(&self, steps: &[Step]) -> Result<()> {
        let facts = || steps.iter().flat_map(|step| &step.gives);
        let mut look = self.look();
        look.gather(facts());
        match look.first_missing(facts())? {
            None => Ok(()),
            Some(fact) => {
                Err(failed(format!("all commands reported success, but there is no {fact}"))
                    .hint("netns-tool -v shows what was run")
                    .into())
            }
        }
    }
}
