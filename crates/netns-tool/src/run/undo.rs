//! Taking back: look at the kernel again, and undo exactly what was proven absent and is there now.

use super::{Writer, tell};
use crate::failure::Failure;
use crate::plan::{Fact, Step, Undo};

impl Writer {
    /// Takes the steps back, the last first; gives what could not be taken back.
    pub(super) fn undo<'p>(&self, begun: &[&'p Step]) -> Vec<&'p Undo> {
        begun.iter().rev().flat_map(|step| self.undo_step(step)).collect()
    }

    fn undo_step<'p>(&self, step: &'p Step) -> Vec<&'p Undo> {
        for _attempt in 0..2 {
            for undo in &step.undo {
                if !self.remains(undo) {
                    continue;
                }
                // Whether it worked is seen by looking, not by its exit status.
                if let Err(refusal) = self.execute(&undo.run, true)
                    && self.settings.verbose
                {
                    tell(&refusal.said);
                }
            }
        }
        step.undo.iter().filter(|undo| self.remains(undo)).collect()
    }

    /// What cannot be looked up may be there.
    fn remains(&self, undo: &Undo) -> bool {
        self.look().remains(&undo.made).unwrap_or(true)
    }
}

/// Adds to the failure what is left, and the commands that remove it.
pub(super) fn name_leftovers(failure: Failure, leftovers: &[&Undo]) -> Failure {
    let mut failure = failure;
    for undo in leftovers {
        failure = failure.note("left", name(&undo.made)).note("run", undo.run.to_string());
    }
    failure.hint("netns-tool recover, or the commands above and then: rm -r /run/netns-tool")
}

/// What is left, in words: of a step that was to remove something, that something.
pub(super) fn names(facts: &[Fact]) -> String {
    facts.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn name(fact: &Fact) -> String {
    match fact {
        Fact::Not(fact) => name(fact),
        Fact::Empty(netns) => format!("processes in network namespace `{netns}`"),
        Fact::Value { path, value } => format!("`{path}`, which should be `{value}`"),
        fact => fact.to_string(),
    }
}
