//! A plan that builds: all of its steps, or the host as it was.

use super::batch::{Manner, Stop};
use super::journal::Journal;
use super::schedule::{LONG, Level, Task, finished, of_place, schedule};
use super::{Refusal, Writer, interruption, undo, undo::Begun};
use crate::failure::{Failure, Kind, failed, shortened};
use crate::name::NamespaceName;
use crate::plan::{Fact, Place, Step, few_lines};
use crate::sysctl;
use crate::system::signals;
use anyhow::Result;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The exit status by which iptables says that its lock, or its chain, is busy; or that it is not permitted.
const IPTABLES_BUSY: i32 = 4;

impl Writer {
    /// Does all the steps, or leaves the host as it was.
    pub(super) fn build(&self, steps: &[Step], mut journal: Journal) -> Result<()> {
        let mut begun = Vec::new();
        let outcome = self.do_steps(steps, &mut journal, &mut begun);
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
        let mut tasks: Vec<Task> = steps.iter().map(Task::of_step).collect();
        let levels = schedule(&mut tasks);
        let checks = checks(steps, &tasks, &levels);
        let mut new = HashSet::new();
        for (level, facts) in levels.iter().zip(&checks) {
            interruption()?;
            let order = || level.iter().flat_map(|batch| &batch.steps).map(|index| &steps[*index]);
            let undoable: Vec<&Step> = order().filter(|step| !step.undo.is_empty()).collect();
            if !undoable.is_empty() {
                self.prove_absence(&undoable, &new)?;
                journal.note(&undoable)?;
            }
            let before = begun.len();
            let outcome = match order().collect::<Vec<_>>()[..] {
                [step] => self.do_alone(step, begun),
                _ => self.do_together(level, steps, begun),
            };
            if let Err(failure) = outcome {
                // A Ctrl-C also ends a child that it finds just before it has a process group of its own.
                interruption()?;
                return Err(failure.into());
            }
            self.take_numbers(&mut begun[before..]);
            let made = begun[before..].iter().flat_map(|begun| &begun.step.undo);
            new.extend(made.filter_map(|undo| undo::namespace(&undo.made)));
            interruption()?;
            self.verify(facts)?;
        }
        Ok(())
    }

    /// Does the one step of a level.
    fn do_alone<'p>(&self, step: &'p Step, begun: &mut Vec<Begun<'p>>) -> Result<(), Failure> {
        let outcome = self.act(step);
        let is_foreign = outcome.as_ref().is_err_and(|refusal| is_of_others(step, refusal));
        if !step.undo.is_empty() && !is_foreign {
            begun.push(Begun { step, number: None });
        }
        outcome.map_err(|refusal| self.refused(step, &refusal))
    }

    /// Does the batches of a level; what is under way when one fails is let finish.
    fn do_together<'p>(
        &self,
        level: &Level,
        steps: &'p [Step],
        begun: &mut Vec<Begun<'p>>,
    ) -> Result<(), Failure> {
        let answers = self.do_level(level, |index| &steps[index].run, Manner::Strict);
        let mut failure = None;
        for (batch, answer) in level.iter().zip(answers) {
            let of_batch: Vec<&Step> = batch.steps.iter().map(|index| &steps[*index]).collect();
            let mut count = of_batch.len();
            if let Err(stop) = answer {
                let is_foreign =
                    stop.culprit.is_some_and(|index| is_of_others(of_batch[index], &stop.refusal));
                count = stop.begun - usize::from(is_foreign);
                failure = failure.or_else(|| Some(self.stopped(&of_batch, &stop)));
            }
            let undoable = of_batch[..count].iter().filter(|step| !step.undo.is_empty());
            begun.extend(undoable.map(|step| Begun { step, number: None }));
        }
        failure.map_or(Ok(()), Err)
    }

    /// The failure of a batch, in words: that of the step at which it stopped, as far as this can be seen.
    fn stopped(&self, batch: &[&Step], stop: &Stop) -> Failure {
        let mut look = self.look();
        look.gather(batch.iter().flat_map(|step| &step.gives));
        // The steps of a batch are done one after the other, so the first that has not given what it gives is the one.
        let is_missing =
            |step: &&&Step| look.first_missing(&step.gives).is_ok_and(|missing| missing.is_some());
        let seen = || batch.iter().find(is_missing);
        match stop.culprit.and_then(|index| batch.get(index)).or_else(seen) {
            Some(step) => self.refused(step, &stop.refusal),
            None => {
                let whys: Vec<_> = batch.iter().map(|step| step.why.as_str()).collect();
                let what = shortened(&whys.join("; "));
                let ran: Vec<_> = batch.iter().map(|step| step.run.to_string()).collect();
                failed(format!("could not do all of this: {what}"))
                    .note("ran", few_lines(ran.join("\n")))
                    .note("system", stop.refusal.said.clone())
            }
        }
    }

    /// Notes what tells the things just made from others of the same names.
    fn take_numbers(&self, begun: &mut [Begun]) {
        let mut look = self.look();
        for begun in begun {
            begun.number = match begun.step.undo.first().map(|undo| &undo.made) {
                Some(made @ Fact::Namespace(_)) => look.number(made),
                _ => None,
            };
        }
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
    /// In a namespace that was made a moment ago there is nothing, and whatever comes goes with it.
    fn prove_absence(&self, steps: &[&Step], new: &HashSet<&NamespaceName>) -> Result<()> {
        let mut look = self.look();
        let is_new = |fact: &Fact| fact.place().flatten().is_some_and(|netns| new.contains(&netns));
        let made = |step: &&'_ Step| -> Vec<Fact> {
            let made = step.undo.iter().map(|undo| undo.made.clone());
            made.filter(|fact| !fact.is_of_firewall() && !is_new(fact)).collect()
        };
        let all: Vec<Vec<Fact>> = steps.iter().map(made).collect();
        look.gather(all.iter().flatten());
        for (step, made) in steps.iter().zip(&all) {
            for fact in made {
                if look.holds(fact)? {
                    let what = match fact {
                        Fact::Not(gone) => format!("taken away {gone}"),
                        fact => format!("made {fact}"),
                    };
                    let why = &step.why;
                    return Err(
                        failed(format!("cannot {why}: somebody else has just {what}")).into()
                    );
                }
            }
        }
        Ok(())
    }

    /// A command that ends with exit status 0 need not have done anything.
    fn verify(&self, facts: &[&Fact]) -> Result<()> {
        let mut look = self.look();
        look.gather(facts.iter().copied());
        let Some(fact) = look.first_missing(facts.iter().copied())? else { return Ok(()) };
        let what = format!("all commands reported success, but there is no {fact}");
        Err(failed(what).hint("netns-tool -v shows what was run").into())
    }
}

/// What holds after all of the steps: but for what a later one takes away, or puts in the place of what an earlier one
/// has taken away. Each with the index of its step.
fn lasting(steps: &[Step]) -> Vec<(usize, &Fact)> {
    let steps = steps.iter().enumerate();
    let of_steps: Vec<(usize, &Fact)> =
        steps.flat_map(|(index, step)| step.gives.iter().map(move |fact| (index, fact))).collect();
    let facts: Vec<&Fact> = of_steps.iter().map(|(_, fact)| *fact).collect();
    let gone = |fact: &Fact| match fact {
        Fact::Not(gone) => Some((**gone).clone()),
        _ => None,
    };
    // Most plans only add, and few take much away.
    let doomed: Vec<(usize, Fact)> =
        facts.iter().enumerate().filter_map(|(index, fact)| Some((index, gone(fact)?))).collect();
    // Of what is written several times, the last stays.
    let mut written: HashMap<(&Place, &str), usize> = HashMap::new();
    for (index, fact) in facts.iter().enumerate() {
        if let Fact::Value { at, path, .. } = fact {
            written.insert((at, path), index);
        }
    }
    let is_opposed = |index: usize, fact: &Fact| match fact {
        Fact::Not(gone) => facts[index + 1..].contains(&&**gone),
        Fact::Value { at, path, .. } => {
            let is_written =
                |path: &str| written.get(&(at, path)).is_some_and(|last| *last > index);
            is_written(path) || sysctl::switch_over(path).is_some_and(|over| is_written(&over))
        }
        fact => doomed.iter().any(|(later, gone)| *later > index && gone == fact),
    };
    let lasting =
        of_steps.iter().enumerate().filter(|(index, (_, fact))| !is_opposed(*index, fact));
    lasting.map(|(_, found)| *found).collect()
}

/// The facts to verify after each level: those of a namespace when it is finished, and those of the host before what is
/// done there at last, which brings up the bridges. A lab whose links have all come up is busy with itself, and then each
/// look takes ten times as long.
fn checks<'p>(steps: &'p [Step], tasks: &[Task], levels: &[Level]) -> Vec<Vec<&'p Fact>> {
    let last = levels.len().saturating_sub(1);
    let lasting = lasting(steps);
    let mut checks = vec![Vec::new(); levels.len()];
    if steps.len() < LONG {
        checks[last].extend(lasting.into_iter().map(|(_, fact)| fact));
        return checks;
    }
    let finished = finished(tasks, levels);
    let mut level_of = vec![last; steps.len()];
    for (number, level) in levels.iter().enumerate() {
        level.iter().flat_map(|batch| &batch.steps).for_each(|index| level_of[*index] = number);
    }
    // Rules and switches come after the bridges; and each look at rules takes processes.
    let is_early = |fact: &Fact| !fact.is_of_firewall() && !matches!(fact, Fact::Value { .. });
    let is_on_host = |fact: &Fact| fact.place() == Some(None) && is_early(fact);
    let on_host = lasting.iter().filter(|(_, fact)| is_on_host(fact));
    let late = on_host.map(|(index, _)| level_of[*index]).max().unwrap_or(last);
    for (index, fact) in lasting {
        let level = match fact.place() {
            Some(None) if is_early(fact) && level_of[index] < late => late - 1,
            Some(at @ Some(_)) => finished.get(&of_place(&at)).copied().unwrap_or(last),
            _ => last,
        };
        checks[level].push(fact);
    }
    checks
}

/// Whether something has that name which was not there a moment ago: it is somebody else's.
fn is_of_others(step: &Step, refusal: &Refusal) -> bool {
    matches!(step.gives[..], [Fact::Namespace(_) | Fact::Item(_)])
        && refusal.said.contains("File exists")
}
