//! Taking back: look at the kernel again, and undo exactly what was proven absent and is there now.

use super::{Writer, tell};
use crate::failure::Failure;
use crate::plan::{Cmd, Fact, Step};

impl Writer {
    /// Takes the steps back, the last first; gives those of which something is left.
    pub(super) fn undo<'p>(&self, begun: &[&'p Step]) -> Vec<&'p Step> {
        begun.iter().rev().copied().filter(|step| !self.undo_step(step)).collect()
    }

    /// Whether nothing of the step is left.
    fn undo_step(&self, step: &Step) -> bool {
        for _attempt in 0..2 {
            if !self.remains(step) {
                return true;
            }
            for cmd in &step.undo {
                // Whether it worked is seen by looking, not by its exit status.
                if let Err(refusal) = self.execute(cmd, true)
                    && self.settings.verbose
                {
                    tell(&refusal.said);
                }
            }
        }
        !self.remains(step)
    }

    /// What cannot be looked up may be there.
    fn remains(&self, step: &Step) -> bool {
        let mut look = self.look();
        // Values that are put back are looked at one by one: a killed command may have put back some of them.
        let writes: Vec<_> = step.undo.iter().filter_map(Cmd::value).collect();
        if !writes.is_empty() {
            return !writes.iter().all(|fact| look.holds(fact).unwrap_or(false));
        }
        step.gives.iter().any(|fact| look.remains(fact).unwrap_or(true))
    }
}

/// Adds to the failure what is left, and the commands that remove it.
pub(super) fn name_leftovers(failure: Failure, leftovers: &[&Step]) -> Failure {
    let mut failure = failure;
    for step in leftovers {
        failure = failure.note("left", names(&step.gives));
        for cmd in &step.undo {
            failure = failure.note("run", cmd.to_string());
        }
    }
    failure.hint("netns-tool recover, or the commands above")
}

/// What is left, in words: of a step that was to remove something, that something.
pub(super) fn names(facts: &[Fact]) -> String {
    facts.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn name(fact: &Fact) -> String {
    match fact {
        Fact::Not(fact) => fact.to_string(),
        Fact::Empty(netns) => format!("processes in network namespace `{netns}`"),
        Fact::Value { path, value } => format!("`{path}`, which should be `{value}`"),
        fact => fact.to_string(),
    }
}
