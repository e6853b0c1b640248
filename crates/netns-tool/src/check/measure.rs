//! What takes a second look: datagrams that nobody answers, times, and whom the far side sees.

use super::judge::{probe, way_of};
use super::{Fault, Verdict};
use crate::kernel::ground::{datagrams as datagrams_at, takes_datagrams};
use crate::lab::model::Question;
use crate::path::{Observed, observe};
use crate::plan::Place;
use crate::probe::{Outcome, Probe, Sort, ask};
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a datagram may take to its socket.
const MOMENT: Duration = Duration::from_millis(150);

/// How many times more it is asked where the time matters: the best of all counts.
const TIMES: usize = 2;

/// A program need not answer a datagram. Where somebody listens, one more is sent, and it is looked on the far side whether
/// it comes to him; to each place one at a time, so that it is known whose it is.
pub fn datagrams(verdicts: &mut [Verdict]) -> Result<()> {
    let mut open: Vec<&mut Verdict> = verdicts
        .iter_mut()
        .filter(|verdict| {
            let (at, port) = (verdict.expectation.to.at.as_ref(), port_of(verdict));
            verdict.outcome == Outcome::Silence
                && at.zip(port).is_some_and(|(at, port)| takes_datagrams(at, port))
        })
        .collect();
    while !open.is_empty() {
        let mut busy: BTreeSet<Place> = BTreeSet::new();
        let is_now = |verdict: &&mut Verdict| match &verdict.expectation.to.at {
            Some(at) => busy.insert(at.clone()),
            None => false,
        };
        let (mut now, later): (Vec<_>, Vec<_>) = open.into_iter().partition(is_now);
        let counts = |verdicts: &[&mut Verdict]| -> Vec<(u64, u64)> {
            verdicts.iter().map(|verdict| count(verdict)).collect()
        };
        let again =
            |verdict: &&mut Verdict| Probe { patience: MOMENT, ..probe(verdict.expectation) };
        let probes: Vec<Probe> = now.iter().map(again).collect();
        let before = counts(&now);
        let seen = observe(&busy.into_iter().collect::<Vec<_>>(), &probes)?;
        let after = counts(&now);
        for (index, verdict) in now.iter_mut().enumerate() {
            let (then, now) = (before[index], after[index]);
            let has_grown = now.0 > then.0 || now.1 > then.1;
            if has_grown && has_come(verdict, &seen[index]) {
                verdict.outcome = Outcome::Taken;
            }
        }
        open = later;
    }
    Ok(())
}

fn port_of(verdict: &Verdict) -> Option<u16> {
    match verdict.expectation.question {
        Question::Udp(port) => Some(port),
        _ => None,
    }
}

fn count(verdict: &Verdict) -> (u64, u64) {
    let to = &verdict.expectation.to;
    let place = to.at.as_ref().zip(port_of(verdict));
    place.map(|(at, port)| datagrams_at(at, to.ip.is_ipv4(), port)).unwrap_or_default()
}

fn has_come(verdict: &Verdict, seen: &Observed) -> bool {
    let at = verdict.expectation.to.at.as_ref();
    let is_it = |one: &crate::probe::Sighting| {
        Some(&one.at) == at && !one.is_out && one.sort == Sort::Question
    };
    seen.sightings.iter().any(is_it)
}

/// Where a time is expected that was not kept at first, it is asked again when nothing else is.
pub fn times(verdicts: &mut [Verdict]) -> Result<()> {
    for verdict in verdicts {
        for _ in 0..TIMES {
            let is_slow = match (verdict.rtt, verdict.expectation.max_rtt) {
                (Some(rtt), Some(max)) => rtt > max,
                _ => false,
            };
            if is_slow {
                let again = ask(&[probe(verdict.expectation)], None)?;
                verdict.rtt = [verdict.rtt, again[0].rtt()].into_iter().flatten().min();
            }
        }
    }
    Ok(())
}

/// Notes what the taps have seen of a question that was answered: as whom, and which way.
pub fn note_source(verdict: &mut Verdict, seen: &Observed) {
    let expectation = verdict.expectation;
    if !expectation.is_reachable {
        if let Some(fault) = verdict.fault.as_mut().filter(|_| verdict.outcome.is_answer()) {
            fault.why = way_of(seen);
        }
        return;
    }
    let Some(wanted) = expectation.source.filter(|_| verdict.outcome.is_answer()) else { return };
    let mut questions = seen.sightings.iter().filter(|one| one.sort == Sort::Question);
    // Who is not of the lab sees what has left it.
    let is_foreign = expectation.to.at.is_none();
    let last = questions.rfind(|one| one.is_out == is_foreign);
    verdict.seen_as = last.map(|last| last.source);
    let what = match verdict.seen_as {
        Some(seen_as) if seen_as == wanted => return,
        Some(seen_as) => format!("the far side sees {seen_as}, not {wanted}"),
        None => "it could not be seen as whom the far side sees it".to_owned(),
    };
    verdict.fault.get_or_insert(Fault { what, why: way_of(seen) });
}
