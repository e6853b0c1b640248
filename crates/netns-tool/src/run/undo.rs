//! Taking back: look at the kernel again, and undo exactly what was proven absent and is there now.

use super::{Writer, tell};
use crate::failure::Failure;
use crate::firewall::iptables;
use crate::kernel::Look;
use crate::noun::where_is;
use crate::plan::{Cmd, Fact, Step, Undo};

/// A step that was begun.
#[derive(Clone, Copy)]
pub(super) struct Begun<'p> {
    pub step: &'p Step,
    /// What tells the thing that it made from another of the same name, once it has succeeded.
    pub number: Option<u64>,
}

impl Writer {
    /// Takes the steps back, the last first; gives what could not be taken back.
    pub(super) fn undo(&self, begun: &[Begun]) -> Vec<Undo> {
        begun.iter().rev().flat_map(|begun| self.undo_step(begun)).collect()
    }

    fn undo_step(&self, begun: &Begun) -> Vec<Undo> {
        let step = begun.step;
        let mut look = self.look();
        for _attempt in 0..2 {
            for undo in &step.undo {
                if remains(&mut look, undo, begun) {
                    look = self.take_back(&undo.run);
                }
            }
            if let Some(run) = iptables::take_back(&rest(&mut look, step)) {
                look = self.take_back(&run);
            }
        }
        let rest = rest(&mut look, step);
        let alone = |fact: Fact| Some(Undo::new(fact.clone(), iptables::take_back(&[fact])?));
        let mut left: Vec<Undo> = rest.into_iter().filter_map(alone).collect();
        for undo in &step.undo {
            // There may be several ways to take back one thing.
            let is_known = left.iter().any(|known| known.made == undo.made);
            if !is_known && remains(&mut look, undo, begun) {
                left.push(undo.clone());
            }
        }
        left
    }

    /// Whether it worked is seen by looking, not by the exit status.
    fn take_back(&self, run: &Cmd) -> Look {
        if let Err(refusal) = self.execute(run, true)
            && self.settings.verbose
        {
            tell(&refusal.said);
        }
        self.look()
    }
}

/// The rules of the step that remain though its own commands have been run, which fail if somebody has removed some of
/// the rules meanwhile.
fn rest(look: &mut Look, step: &Step) -> Vec<Fact> {
    let mut facts = if step.undo.is_empty() { Vec::new() } else { step.gives.clone() };
    facts.retain(|fact| fact.is_of_firewall() && look.remains(fact).unwrap_or(true));
    facts
}

/// What cannot be looked up may be there.
fn remains(look: &mut Look, undo: &Undo, begun: &Begun) -> bool {
    let is_known = matches!(undo.made, Fact::Namespace(_)) && begun.number.is_some();
    (is_known && look.number(&undo.made) == begun.number)
        || look.remains(&undo.made).unwrap_or(true)
}

/// Adds to the failure what is left, and the commands that remove it.
pub(super) fn name_leftovers(failure: Failure, leftovers: &[Undo]) -> Failure {
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
        Fact::Value { at, path, value } => {
            format!("`{path}`{}, which should be `{value}`", where_is(at))
        }
        fact => fact.to_string(),
    }
}
