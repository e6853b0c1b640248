//! Taking back: look at the kernel again, and undo exactly what was proven absent and is there now.

use super::batch::Manner;
use super::schedule::{LONG, Task, schedule};
use super::{Writer, tell};
use crate::failure::Failure;
use crate::firewall::iptables;
use crate::kernel::Look;
use crate::name::NamespaceName;
use crate::noun::where_is;
use crate::plan::{Cmd, Fact, Place, Step, Undo};
use crate::sysctl;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How long to wait for what is on its way out when nothing seems to move.
const PATIENCE: Duration = Duration::from_millis(500);

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
        let mut left: Vec<&Begun> = begun.iter().rev().collect();
        let mut before = HashSet::new();
        let mut look = self.look();
        if begun.len() >= LONG {
            self.undo_together(begun);
            look = self.look();
            look.gather(made(begun));
            before = were_so(begun);
            left.retain(|begun| is_left(&mut look, begun, &before));
        }
        left.into_iter().flat_map(|begun| self.undo_step(&mut look, begun, &before)).collect()
    }

    /// Takes back what can be taken back many steps at a time. What remains is seen by looking.
    fn undo_together(&self, begun: &[Begun]) {
        let mut look = self.look();
        let all = begun
            .iter()
            .rev()
            .flat_map(|begun| begun.step.undo.iter().map(move |undo| (begun, undo)));
        let all: Vec<(&Begun, &Undo)> = all.filter(|(_, undo)| !is_item(undo)).collect();
        let namespaces =
            all.iter().filter_map(|(begun, undo)| Some((begun, undo, namespace(&undo.made)?)));
        let going: HashSet<&NamespaceName> = namespaces
            .filter(|(begun, undo, _)| remains(&mut look, undo, begun))
            .map(|(_, _, name)| name)
            .collect();
        let (along, mut undos): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(begun, undo)| goes_along(begun.step, undo, &going));
        look.gather(undos.iter().map(|(_, undo)| &undo.made));
        undos.retain(|(begun, undo)| remains(&mut look, undo, begun));
        let mut tasks: Vec<Task> = undos.iter().map(|(_, undo)| Task::of_undo(undo)).collect();
        for level in schedule(&mut tasks) {
            // How it went is seen by looking.
            self.do_level(&level, |index| &undos[index].1.run, Manner::Forced);
        }
        self.settle(|look| {
            look.gather(along.iter().map(|(_, undo)| &undo.made));
            along.iter().filter(|(begun, undo)| remains(look, undo, begun)).count()
        });
    }

    /// Waits while what goes along with a namespace goes, which takes the kernel some time; `left` counts what is there.
    pub(super) fn settle(&self, mut left: impl FnMut(&mut Look) -> usize) {
        let (mut fewest, mut since) = (usize::MAX, Instant::now());
        loop {
            let now = left(&mut self.look());
            if now < fewest {
                (fewest, since) = (now, Instant::now());
            }
            if now == 0 || since.elapsed() > PATIENCE {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `look` is of this moment, before and after.
    fn undo_step(&self, look: &mut Look, begun: &Begun, before: &HashSet<String>) -> Vec<Undo> {
        let step = begun.step;
        let rest = |look: &mut Look| rest(look, step, before);
        let is_due = |undo: &&Undo| !before.contains(&words(&undo.made));
        for _attempt in 0..2 {
            for undo in step.undo.iter().filter(is_due) {
                if remains(look, undo, begun) {
                    *look = self.take_back(&undo.run);
                }
            }
            if let Some(run) = iptables::take_back(&rest(look)) {
                *look = self.take_back(&run);
            }
        }
        let rest = rest(look);
        let alone = |fact: Fact| Some(Undo::new(fact.clone(), iptables::take_back(&[fact])?));
        let mut left: Vec<Undo> = rest.into_iter().filter_map(alone).collect();
        for undo in step.undo.iter().filter(is_due) {
            // There may be several ways to take back one thing.
            let is_known = left.iter().any(|known| known.made == undo.made);
            if !is_known && remains(look, undo, begun) {
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

/// What the steps have made, as far as something takes it back.
fn made<'a>(begun: &'a [Begun]) -> impl Iterator<Item = &'a Fact> {
    begun.iter().flat_map(|begun| &begun.step.undo).map(|undo| &undo.made)
}

/// A file or directory: whether one can be taken back depends on what has been taken back in it before.
fn is_item(undo: &Undo) -> bool {
    matches!(undo.run, Cmd::Make(_) | Cmd::Remove(_))
}

/// Whether something of the step is there, or may be in its turn.
fn is_left(look: &mut Look, begun: &Begun, before: &HashSet<String>) -> bool {
    let is_due = |undo: &&Undo| !before.contains(&words(&undo.made));
    begun.step.undo.iter().filter(is_due).any(|undo| is_item(undo) || remains(look, undo, begun))
        || !rest(look, begun.step, before).is_empty()
}

/// What was so before the first step, and that a step has taken away: when all is taken back it is there again, and rightly
/// so, though a later step gives it too. Facts in words, by which they are found.
fn were_so(begun: &[Begun]) -> HashSet<String> {
    let (mut before, mut known) = (HashSet::new(), HashSet::new());
    let mut written = HashSet::new();
    for step in begun.iter().map(|begun| begun.step) {
        // A switch over others has changed them before: it also sets them back, and not to what the later step found.
        let is_under = |made: &&Fact| {
            value(made).is_some_and(|(at, path)| {
                sysctl::switch_over(path).is_some_and(|over| written.contains(&(at.clone(), over)))
            })
        };
        before.extend(step.undo.iter().map(|undo| &undo.made).filter(is_under).map(words));
        written.extend(
            step.gives.iter().filter_map(value).map(|(at, path)| (at.clone(), path.to_owned())),
        );
        let made = step.undo.iter().map(|undo| &undo.made);
        for fact in made.chain(&step.gives) {
            let (thing, opposite) = match fact {
                Fact::Not(gone) => (words(gone), words(gone)),
                fact => (words(fact), words(&Fact::not(fact.clone()))),
            };
            // The first word on a thing tells what was before the plan: its opposite.
            if known.insert(thing) {
                before.insert(opposite);
            }
        }
    }
    before
}

/// The file that the fact is about.
fn value(fact: &Fact) -> Option<(&Place, &str)> {
    match fact {
        Fact::Not(fact) => value(fact),
        Fact::Value { at, path, .. } => Some((at, path)),
        _ => None,
    }
}

fn words(fact: &Fact) -> String {
    format!("{fact:?}")
}

/// The one that it is about as a whole.
pub(super) fn namespace(fact: &Fact) -> Option<&NamespaceName> {
    match fact {
        Fact::Namespace(name) => Some(name),
        _ => None,
    }
}

/// Whether it goes with one of the namespaces that are about to go: what is inside, and the other end of a pair.
fn goes_along(step: &Step, undo: &Undo, going: &HashSet<&NamespaceName>) -> bool {
    let is_link = |fact: &Fact| matches!(fact, Fact::Link { .. });
    let goes = |fact: &Fact| {
        namespace(fact).is_none()
            && fact.place().flatten().is_some_and(|netns| going.contains(&netns))
    };
    let is_of_pair = is_link(&undo.made)
        && step.undo.iter().any(|other| is_link(&other.made) && goes(&other.made));
    goes(&undo.made) || is_of_pair
}

/// The rules of the step that remain though its own commands have been run, which fail if somebody has removed some of
/// the rules meanwhile.
fn rest(look: &mut Look, step: &Step, before: &HashSet<String>) -> Vec<Fact> {
    let mut facts = if step.undo.is_empty() { Vec::new() } else { step.gives.clone() };
    facts.retain(|fact| {
        let is_due = fact.is_of_firewall() && !before.contains(&words(fact));
        is_due && look.remains(fact).unwrap_or(true)
    });
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
