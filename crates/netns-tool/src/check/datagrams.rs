//! Datagrams that nobody answers: whether a program has taken them all the same.

use super::Verdict;
use super::judge::probe;
use crate::firewall::rule::Protocol;
use crate::kernel::ground::{Arrivals, arrivals as arrivals_at, listener};
use crate::lab::model::Question;
use crate::path::{Observed, observe};
use crate::plan::Place;
use crate::probe::{Outcome, Probe, Sighting, Sort};
use anyhow::Result;
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

/// How long a datagram may take to its socket.
const MOMENT: Duration = Duration::from_millis(150);

/// A program need not answer a datagram. Where somebody listens, more are sent, and it is looked on the far side whether
/// they come to him; to each place for one question at a time, so that it is known whose they are.
pub fn look(verdicts: &mut [Verdict]) -> Result<()> {
    let is_open = |verdict: &&mut Verdict| {
        let (to, port) = (&verdict.expectation.to, port_of(verdict));
        verdict.outcome == Outcome::Silence
            && to
                .at
                .as_ref()
                .zip(port)
                .is_some_and(|(at, port)| listener(at, Protocol::Udp, to.ip, port).is_some())
    };
    let mut open: Vec<Doubt> = verdicts.iter_mut().filter(is_open).map(Doubt::new).collect();
    while !open.is_empty() {
        let mut busy: BTreeSet<Place> = BTreeSet::new();
        let is_now = |doubt: &Doubt| match &doubt.verdict.expectation.to.at {
            Some(at) => busy.insert(at.clone()),
            None => false,
        };
        let (mut now, later): (Vec<_>, Vec<_>) = open.into_iter().partition(is_now);
        let before: Vec<Arrivals> = now.iter().map(Doubt::arrivals).collect();
        sleep(MOMENT);
        let then: Vec<Arrivals> = now.iter().map(Doubt::arrivals).collect();
        let probes: Vec<Probe> = now.iter().flat_map(Doubt::probes).collect();
        let mut seen = observe(&busy.into_iter().collect::<Vec<_>>(), &probes)?.into_iter();
        for (index, doubt) in now.iter_mut().enumerate() {
            let seen: Vec<Observed> = seen.by_ref().take(doubt.burst()).collect();
            let noise = then[index].since(before[index]);
            doubt.note(noise, doubt.arrivals().since(then[index]), &seen);
        }
        now.retain(Doubt::is_open);
        open = later.into_iter().chain(now).collect();
    }
    Ok(())
}

/// How many datagrams are sent at once at first: so many that they stand out among those of others.
const BURST: usize = 8;

/// How often it is tried, each time with twice as many, where others send too much.
const TRIES: u32 = 4;

/// A datagram of which it is not known whether it was taken.
struct Doubt<'v, 'a> {
    verdict: &'v mut Verdict<'a>,
    tries: u32,
    /// How often it looked as if it was, although others were sent too.
    likely: u32,
    is_known: bool,
}

impl<'v, 'a> Doubt<'v, 'a> {
    fn new(verdict: &'v mut Verdict<'a>) -> Self {
        Self { verdict, tries: 0, likely: 0, is_known: false }
    }

    fn is_open(&self) -> bool {
        !self.is_known && self.tries < TRIES
    }

    fn burst(&self) -> usize {
        BURST << self.tries
    }

    fn probes(&self) -> impl Iterator<Item = Probe> + use<> {
        let again = Probe { patience: MOMENT, ..probe(self.verdict.expectation) };
        std::iter::repeat_n(again, self.burst())
    }

    fn arrivals(&self) -> Arrivals {
        let to = &self.verdict.expectation.to;
        let place = to.at.as_ref().zip(port_of(self.verdict));
        place.map(|(at, port)| arrivals_at(at, to.ip.is_ipv4(), port)).unwrap_or_default()
    }

    /// Judges by what came to programs in a moment when nothing was sent, and what came with the burst.
    fn note(&mut self, noise: Arrivals, growth: Arrivals, seen: &[Observed]) {
        let come = seen.iter().filter(|seen| has_come(self.verdict, seen)).count() as u64;
        self.tries += 1;
        match is_taken(come, noise, growth) {
            Taken::Yes => self.likely = u32::MAX,
            Taken::Likely => self.likely += 1,
            Taken::Unclear => {}
            Taken::No => self.is_known = true,
        }
        if self.likely > 1 {
            self.is_known = true;
            self.verdict.outcome = Outcome::Taken;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Yes,
    /// Others sent some in the quiet moment.
    Likely,
    /// Others sent too many.
    Unclear,
    No,
}

/// Whether so many datagrams that have come to a place were taken by a program at their port.
fn is_taken(come: u64, noise: Arrivals, growth: Arrivals) -> Taken {
    let stands_out = |growth: u64, noise: u64| growth > 2 * noise;
    let is_of_port = stands_out(growth.waiting, noise.waiting)
        || (growth.refused >= come && stands_out(growth.refused, noise.refused));
    match noise.taken {
        _ if come == 0 => Taken::No,
        _ if is_of_port => Taken::Yes,
        noise if 2 * noise >= come => Taken::Unclear,
        noise if !(come..come + come / 2 + 2 * noise).contains(&growth.taken) => Taken::No,
        0 => Taken::Yes,
        _ => Taken::Likely,
    }
}

fn port_of(verdict: &Verdict) -> Option<u16> {
    match verdict.expectation.question {
        Question::Udp(port) => Some(port),
        _ => None,
    }
}

fn has_come(verdict: &Verdict, seen: &Observed) -> bool {
    let at = verdict.expectation.to.at.as_ref();
    let is_it = |one: &Sighting| {
        Some(&one.at) == at && !one.is_out && !one.is_for_another && one.sort == Sort::Question
    };
    seen.sightings.iter().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_of_others_are_not_taken_for_ours() {
        let of = |taken, waiting, refused| Arrivals { taken, waiting, refused };
        for (noise, growth, expected) in [
            (of(0, 0, 0), of(8, 0, 0), Taken::Yes),
            (of(0, 0, 0), of(7, 0, 0), Taken::No),
            (of(0, 0, 0), of(20, 0, 0), Taken::No),
            (of(2, 0, 0), of(10, 0, 0), Taken::Likely),
            (of(2, 0, 0), of(2, 0, 0), Taken::No),
            (of(4, 0, 0), of(12, 0, 0), Taken::Unclear),
            (of(4, 0, 0), of(4, 6144, 0), Taken::Yes),
            (of(0, 768, 0), of(0, 768, 0), Taken::No),
            (of(0, 0, 0), of(0, 0, 8), Taken::Yes),
            (of(0, 0, 1), of(0, 0, 1), Taken::No),
        ] {
            assert_eq!(is_taken(8, noise, growth), expected, "{noise:?} {growth:?}");
            assert_eq!(is_taken(0, noise, growth), Taken::No);
        }
    }
}
