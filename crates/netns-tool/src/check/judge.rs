//! Whether what came of each question is what was expected.

use super::missing::Missing;
use super::{Fault, Verdict, datagrams, measure, words};
use crate::kernel::Snapshot;
use crate::lab::model::{Expectation, Lab, Question};
use crate::name::NamespaceName;
use crate::path::{self, Observed, Reason};
use crate::plan::Place;
use crate::probe::{Outcome, Probe};
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long an answer that has to come may take, and one that must not come.
const WANTED: Duration = Duration::from_secs(2);
pub const UNWANTED: Duration = Duration::from_secs(1);

/// How long it may take where it is only asked again to see where it is lost.
const AGAIN: Duration = Duration::from_millis(700);

pub struct Judge<'a> {
    lab: &'a Lab,
    missing: &'a Missing<'a>,
    /// Those of the lab that packets can come through.
    passages: BTreeSet<Place>,
    limit: Duration,
}

/// The question of an expectation.
pub fn probe(expectation: &Expectation) -> Probe {
    let question = match expectation.question {
        // Who gets a connection reaches the server, whatever that says then.
        Question::Http { port, .. } if !expectation.is_reachable => Question::Tcp(port),
        _ => expectation.question.clone(),
    };
    Probe {
        from: expectation.from.clone(),
        to: expectation.to.ip,
        question,
        patience: if expectation.is_reachable { WANTED } else { UNWANTED },
    }
}

impl<'a> Judge<'a> {
    pub fn new(lab: &'a Lab, facts: &Snapshot, missing: &'a Missing<'a>, limit: Duration) -> Self {
        let sound = facts.namespaces.iter().filter(|(_, netns)| netns.is_sound());
        let its = |name: &NamespaceName| lab.namespaces.iter().any(|netns| netns.name == *name);
        // Besides the loopback, two interfaces at least.
        let passages = sound.filter(|(name, netns)| netns.state.links.len() > 2 && its(name));
        let passages = passages.map(|(name, _)| Some(name.clone())).chain([None]).collect();
        Self { lab, missing, passages, limit }
    }

    /// What is to be asked for an expectation.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn question(&self, expectation: &Expectation) -> Result<Probe, Reason> {
        self.missing_for(expectation).map_or_else(|| Ok(probe(expectation)), Err)
    }

    fn missing_for(&self, expectation: &Expectation) -> Option<Reason> {
        self.missing.between(&expectation.from, expectation.to.at.as_ref())
    }

    /// What is to be said of all expectations, in their order.
    ///
    /// # Errors
    /// A signal arrived, or the namespaces cannot be looked into.
    pub fn verdicts(&self, outcomes: Vec<Outcome>) -> Result<Vec<Verdict<'a>>> {
        let new = |(expectation, outcome): (&'a Expectation, Outcome)| {
            let rtt = outcome.rtt();
            Verdict { expectation, outcome, rtt, seen_as: None, fault: None }
        };
        let mut verdicts: Vec<Verdict> =
            self.lab.expectations.iter().zip(outcomes).map(new).collect();
        verdicts.iter_mut().for_each(|verdict| self.note_missing(verdict));
        datagrams::look(&mut verdicts, self.lab, &self.passages)?;
        measure::times(&mut verdicts)?;
        verdicts.iter_mut().for_each(judge);
        let doubtful = |verdict: &&mut Verdict| {
            let wants_source = verdict.expectation.source.is_some();
            (verdict.fault.is_some() || wants_source)
                && !matches!(verdict.outcome, Outcome::NotAsked(_) | Outcome::WrongAnswer(_))
        };
        self.look_again(verdicts.iter_mut().filter(doubtful).collect())?;
        verdicts.iter_mut().for_each(measure::note_server);
        Ok(verdicts)
    }

    fn note_missing(&self, verdict: &mut Verdict) {
        let why = self.missing_for(verdict.expectation);
        if why.is_some() {
            verdict.fault = Some(Fault { what: "it could not be asked".to_owned(), why });
        }
    }

    /// Asks again with taps those that are not as they should be, and those of whom it matters who is seen.
    fn look_again(&self, mut verdicts: Vec<&mut Verdict>) -> Result<()> {
        if verdicts.is_empty() {
            return Ok(());
        }
        let again =
            |verdict: &&mut Verdict| Probe { patience: AGAIN, ..probe(verdict.expectation) };
        let probes: Vec<Probe> = verdicts.iter().map(again).collect();
        let mut places = self.passages.clone();
        for verdict in &verdicts {
            places.insert(verdict.expectation.from.clone());
            places.extend(verdict.expectation.to.at.clone());
        }
        let places: Vec<Place> = places.into_iter().collect();
        let observed = path::observe(&places, &probes)?;
        for (verdict, seen) in verdicts.iter_mut().zip(&observed) {
            measure::note_source(verdict, seen);
            measure::note_slowness(verdict, seen);
        }
        let unanswered = verdicts.iter_mut().zip(probes.iter().zip(&observed));
        let unanswered: Vec<_> = unanswered.filter(|(verdict, _)| is_unanswered(verdict)).collect();
        let (verdicts, questions): (Vec<_>, Vec<_>) = unanswered.into_iter().unzip();
        let reasons = path::explain(self.lab, &places, &questions, self.limit)?;
        for ((verdict, reason), (_, seen)) in verdicts.into_iter().zip(reasons).zip(questions) {
            if let Some(fault) = &mut verdict.fault {
                fault.why = Some(if seen.outcome.is_answer() { changed() } else { reason });
            }
        }
        Ok(())
    }
}

fn is_unanswered(verdict: &Verdict) -> bool {
    verdict.fault.is_some() && verdict.expectation.is_reachable && !verdict.outcome.is_answer()
}

fn changed() -> Reason {
    let what =
        "when it was asked again it was answered: it had only just come up, or comes and goes";
    Reason { what: what.to_owned(), hint: None }
}

fn judge(verdict: &mut Verdict) {
    let expectation = verdict.expectation;
    let fault = |what: String| Some(Fault { what, why: None });
    if verdict.fault.is_some() {
        return;
    }
    verdict.fault = match (&verdict.outcome, expectation.is_reachable) {
        (Outcome::NotAsked(why), _) => fault(why.clone()),
        (outcome, false) if outcome.is_answer() => {
            let rtt = verdict.rtt.map(|rtt| format!(", after {}", words::time(rtt)));
            fault(format!("it was reached{}", rtt.unwrap_or_default()))
        }
        (outcome, true) if !outcome.is_answer() => fault(words::failure(outcome, WANTED)),
        _ => match (verdict.rtt, expectation.max_rtt) {
            (Some(rtt), Some(max)) if rtt > max => {
                let (rtt, max) = (words::time(rtt), words::time(max));
                fault(format!("it took {rtt}, more than {max}, the best of three times"))
            }
            _ => None,
        },
    };
}

/// The way that a question went, which was not to get through.
pub fn way_of(seen: &Observed) -> Option<Reason> {
    let way = path::way(seen)?;
    Some(Reason { what: format!("it went {way}"), hint: None })
}
