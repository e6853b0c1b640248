//! Where a packet was lost, and why.
//!
//! It is not guessed: the question is asked once more while a tap in each place sees what passes. Where the packet was
//! seen last, the ground tells the rest: interfaces, routes, neighbours, switches, listeners; and where all of these are as
//! they should be, it is the firewall, whose counters tell which rule.

mod blame;
mod firewall;
mod loss;
mod neighbour;
mod onward;
mod refusal;
mod site;
mod stop;
pub mod words;

use crate::kernel::ground::grounds;
use crate::lab::model::Lab;
use crate::plan::Place;
use crate::probe::{Outcome, Probe, Sighting, Sort, Taps, ask};
use anyhow::Result;
use loss::Loss;
pub use site::Site;
use std::time::Duration;

/// Why a question was not answered, or which way it went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    pub what: String,
    /// What to type to see more of it, or to mend it.
    pub hint: Option<String>,
}

impl Reason {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// How far the ground explains it.
enum Finding {
    Known(Reason),
    /// A packet came to a place and not out of it, and nothing but the firewall is left.
    Dropped {
        /// The packets that it may have been, in the order in which they are sent.
        losses: Vec<Loss>,
        /// What is to be said where no rule is found.
        otherwise: Reason,
    },
}

/// A question that was asked under the eyes of the taps.
pub struct Observed {
    pub outcome: Outcome,
    pub sightings: Vec<Sighting>,
}

/// Asks once more, and watches.
///
/// # Errors
/// The places cannot be entered, or a signal arrived.
pub fn observe(places: &[Place], probes: &[Probe]) -> Result<Vec<Observed>> {
    let mut taps = Taps::open(places)?;
    let outcomes = ask(probes, Some(&mut taps))?;
    let sightings = taps.sightings(probes);
    let both = outcomes.into_iter().zip(sightings);
    Ok(both.map(|(outcome, sightings)| Observed { outcome, sightings }).collect())
}

/// Why each of the questions, which have just been observed, was not answered.
///
/// # Errors
/// A signal arrived.
pub fn explain(
    lab: &Lab,
    places: &[Place],
    questions: &[(&Probe, &Observed)],
    limit: Duration,
) -> Result<Vec<Reason>> {
    let grounds = grounds(places);
    let site = Site { lab, grounds };
    let findings = questions.iter().map(|(probe, seen)| stop::find(&site, probe, seen));
    let findings: Vec<Finding> = findings.collect();
    let probes: Vec<&Probe> = questions.iter().map(|(probe, _)| *probe).collect();
    firewall::name_rules(&probes, findings, limit)
}

/// The places that a question came through when it was asked first, in words; `None`: it was not seen.
pub fn way(seen: &Observed) -> Option<String> {
    let all = seen.sightings.iter().take_while(|one| one.sort == Sort::Question);
    let mut places: Vec<&Place> = all.map(|sighting| &sighting.at).collect();
    places.dedup();
    // It may have been asked again before it was answered.
    let again = places.iter().skip(1).position(|at| Some(at) == places.first());
    places.truncate(again.map_or(places.len(), |again| again + 1));
    let names: Vec<&str> = places.into_iter().map(words::bare).collect();
    (!names.is_empty()).then(|| names.join(" -> "))
}

/// What was seen, without what was seen there already: it may have been asked again before it was answered.
pub fn first_of_each(seen: &Observed) -> Vec<&Sighting> {
    let step = |one: &Sighting| (one.at.clone(), one.interface, one.is_out, one.sort);
    let mut first: Vec<&Sighting> = Vec::new();
    for one in &seen.sightings {
        if !first.iter().any(|known| step(known) == step(one)) {
            first.push(one);
        }
    }
    first
}

/// Between which two places most of the time of a question and its answer passed, in words, and how much.
pub fn longest(seen: &Observed) -> Option<(String, Duration)> {
    let first = first_of_each(seen);
    let legs = first.iter().zip(first.iter().skip(1));
    let timed =
        legs.filter_map(|(one, next)| Some((one, next, next.time.duration_since(one.time).ok()?)));
    let (one, next, time) = timed.max_by_key(|(.., time)| *time)?;
    let leg = if one.at == next.at {
        words::in_place(&one.at)
    } else {
        format!("between {} and {}", words::place(&one.at), words::place(&next.at))
    };
    Some((leg, time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NamespaceName;
    use std::time::UNIX_EPOCH;

    #[test]
    fn what_is_asked_again_meanwhile_is_no_leg_of_the_way() {
        let db = Some(NamespaceName::new("db").unwrap());
        let sighting = |at: &Place, is_out: bool, sort: Sort, millis: u64| Sighting {
            at: at.clone(),
            interface: 2,
            is_out,
            is_for_another: false,
            sort,
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            port: None,
            time: UNIX_EPOCH + Duration::from_millis(millis),
        };
        let sightings = vec![
            sighting(&None, true, Sort::Question, 0),
            sighting(&None, true, Sort::Question, 200),
            sighting(&db, false, Sort::Question, 300),
            sighting(&db, true, Sort::Answer, 310),
            sighting(&None, false, Sort::Answer, 311),
        ];
        let rtt = Duration::from_millis(311);
        let seen = Observed { outcome: Outcome::Answered { rtt }, sightings };
        let leg = "between the host and `db`".to_owned();
        assert_eq!(longest(&seen), Some((leg, Duration::from_millis(300))));
    }
}
