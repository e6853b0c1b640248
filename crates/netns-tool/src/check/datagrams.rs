//! Datagrams that nobody answers: whether a program has taken them all the same.

mod taken;

use super::Verdict;
use super::judge::probe;
use crate::firewall::rule::Protocol;
use crate::kernel::ground::{Arrivals, arrivals, listener};
use crate::lab::model::{Lab, Question};
use crate::path::{Observed, observe};
use crate::plan::Place;
use crate::probe::{Outcome, Probe, Sighting, Sort};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, SystemTime};
use taken::{Growth, Taken, is_taken};

/// How long a datagram may take to its socket.
const MOMENT: Duration = Duration::from_millis(150);

/// How much longer than the slowest of a place's datagrams took: where the way is known, less than a moment will do.
const SPARE: Duration = Duration::from_millis(15);

/// How many datagrams are sent at once at first: so many that they stand out among those of others.
const BURST: usize = 8;

/// How often it is tried, each time with twice as many, where others send too much.
const TRIES: u32 = 4;

/// A program need not answer a datagram. Where somebody listens, more are sent, and it is looked on the far side whether
/// they come to him. All that go to one place are sent together at first: mostly all of them are taken, or none. Only
/// where some are and some are not are they sent one question at a time, so that it is known whose they are.
pub fn look(verdicts: &mut [Verdict], lab: &Lab, passages: &BTreeSet<Place>) -> Result<()> {
    let doubts = doubts(verdicts, lab, passages)?;
    let new = |doubts| Group { doubts, pace: MOMENT, has_come: false, tries: 0, likely: 0 };
    let mut groups: Vec<Group> =
        grouped(doubts, |doubt| (doubt.at.clone(), doubt.is_ipv4())).map(new).collect();
    while !groups.is_empty() {
        // What counts datagrams does so for a whole place.
        let mut busy: BTreeSet<Place> = BTreeSet::new();
        let is_now = |group: &Group| group.at().is_some_and(|at| busy.insert(at));
        let (now, later): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_now);
        let open = ask_together(now, busy)?;
        groups = later.into_iter().chain(open).collect();
    }
    Ok(())
}

/// Sends the datagrams of these groups, each to a place of its own; those of which it is still not known.
fn ask_together<'v, 'a>(
    groups: Vec<Group<'v, 'a>>,
    places: BTreeSet<Place>,
) -> Result<Vec<Group<'v, 'a>>> {
    let pace = groups.iter().map(|group| group.pace).max().unwrap_or(MOMENT);
    let read = || groups.iter().map(Group::read).collect::<Vec<_>>();
    let before = read();
    sleep(pace);
    let then = read();
    let begin = SystemTime::now();
    let probes: Vec<Probe> = groups.iter().flat_map(|group| group.probes(pace)).collect();
    let places: Vec<Place> = places.into_iter().collect();
    let mut seen = observe(&places, &probes)?.into_iter();
    let after = read();
    let mut open = Vec::new();
    for (index, mut group) in groups.into_iter().enumerate() {
        let burst = group.burst();
        let seen = group.doubts.iter().map(|doubt| {
            let its = seen.by_ref().take(burst);
            its.filter_map(|one| doubt.comes(&one)).collect::<Vec<_>>()
        });
        let seen: Vec<Vec<SystemTime>> = seen.collect();
        let latest = seen.iter().flatten().max();
        let delay = latest.and_then(|latest| latest.duration_since(begin).ok());
        group.pace = delay.map_or(MOMENT, |delay| MOMENT.min(delay + SPARE));
        let come: Vec<usize> = seen.iter().map(Vec::len).collect();
        let growth = |(port, before): (&u16, &Arrivals)| {
            let (then, after) = (then[index].get(port)?, after[index].get(port)?);
            Some((*port, Growth::new(*before, *then, *after)))
        };
        let growth = before[index].iter().filter_map(growth).collect();
        open.extend(group.note(&come, &growth));
    }
    Ok(open)
}

/// A datagram of which it is not known whether it was taken.
struct Doubt<'v, 'a> {
    verdict: &'v mut Verdict<'a>,
    /// Where it goes to; a NAT may have sent it elsewhere than it was asked.
    at: Place,
    ip: IpAddr,
    port: u16,
}

/// Those that nobody has answered, but somebody listens where they go to.
fn doubts<'v, 'a>(
    verdicts: &'v mut [Verdict<'a>],
    lab: &Lab,
    passages: &BTreeSet<Place>,
) -> Result<Vec<Doubt<'v, 'a>>> {
    let is_silent = |verdict: &&mut Verdict| {
        matches!(verdict.expectation.question, Question::Udp(_))
            && verdict.outcome == Outcome::Silence
    };
    let silent: Vec<&mut Verdict> = verdicts.iter_mut().filter(is_silent).collect();
    if silent.is_empty() {
        return Ok(Vec::new());
    }
    let again = |verdict: &&mut Verdict| Probe { patience: MOMENT, ..probe(verdict.expectation) };
    let probes: Vec<Probe> = silent.iter().map(again).collect();
    let askers = silent.iter().map(|verdict| verdict.expectation.from.clone());
    let places: BTreeSet<Place> = passages.iter().cloned().chain(askers).collect();
    let seen = observe(&places.into_iter().collect::<Vec<_>>(), &probes)?;
    let both = silent.into_iter().zip(seen);
    Ok(both.filter_map(|(verdict, seen)| Doubt::new(verdict, &seen, lab)).collect())
}

impl<'v, 'a> Doubt<'v, 'a> {
    /// `None`: there is nothing to doubt.
    fn new(verdict: &'v mut Verdict<'a>, seen: &Observed, lab: &Lab) -> Option<Self> {
        let expectation = verdict.expectation;
        let Question::Udp(port) = expectation.question else { return None };
        let asked = (expectation.to.ip, port);
        let last = seen.sightings.iter().rfind(|one| one.sort == Sort::Question);
        let (ip, port) = last.and_then(|one| Some((one.destination, one.port?))).unwrap_or(asked);
        let at = match (ip, port) {
            same if same == asked => expectation.to.at.clone()?,
            _ => lab.whereabouts.owner(ip)?.clone(),
        };
        let is_open = listener(&at, Protocol::Udp, ip, port).is_some();
        is_open.then_some(Self { verdict, at, ip, port })
    }

    fn is_ipv4(&self) -> bool {
        self.ip.is_ipv4()
    }

    /// When the datagram was seen where it is to go to.
    fn comes(&self, seen: &Observed) -> Option<SystemTime> {
        let is_it = |one: &&Sighting| {
            let is_question = one.sort == Sort::Question && one.destination == self.ip;
            one.at == self.at && !one.is_out && !one.is_for_another && is_question
        };
        seen.sightings.iter().find(is_it).map(|one| one.time)
    }
}

/// Sorts them by something.
fn grouped<'v, 'a, K: Ord>(
    doubts: Vec<Doubt<'v, 'a>>,
    key: impl Fn(&Doubt<'v, 'a>) -> K,
) -> impl Iterator<Item = Vec<Doubt<'v, 'a>>> {
    let mut groups: BTreeMap<K, Vec<Doubt<'v, 'a>>> = BTreeMap::new();
    for doubt in doubts {
        groups.entry(key(&doubt)).or_default().push(doubt);
    }
    groups.into_values()
}

/// Those of one family to one place that are asked together.
struct Group<'v, 'a> {
    doubts: Vec<Doubt<'v, 'a>>,
    /// How long it is waited for them.
    pace: Duration,
    /// They have been seen to come to the place.
    has_come: bool,
    tries: u32,
    /// How often it looked as if they were taken, though others may have been.
    likely: u32,
}

impl<'v, 'a> Group<'v, 'a> {
    fn at(&self) -> Option<Place> {
        self.doubts.first().map(|doubt| doubt.at.clone())
    }

    fn ports(&self) -> BTreeSet<u16> {
        self.doubts.iter().map(|doubt| doubt.port).collect()
    }

    fn burst(&self) -> usize {
        BURST << self.tries
    }

    fn probes(&self, patience: Duration) -> impl Iterator<Item = Probe> {
        self.doubts.iter().flat_map(move |doubt| {
            let again = Probe { patience, ..probe(doubt.verdict.expectation) };
            std::iter::repeat_n(again, self.burst())
        })
    }

    /// What has come to the programs at each of its ports.
    fn read(&self) -> BTreeMap<u16, Arrivals> {
        let Some(first) = self.doubts.first() else { return BTreeMap::new() };
        let of_port = |port| (port, arrivals(&first.at, first.is_ipv4(), port));
        self.ports().into_iter().map(of_port).collect()
    }

    /// Judges by how many of each question have come to the place and what came to programs meanwhile; the groups of
    /// which it is still not known.
    fn note(mut self, come: &[usize], growth: &BTreeMap<u16, Growth>) -> Vec<Self> {
        self.tries += 1;
        // Those that came before are only late.
        let is_late = self.has_come && come.contains(&0);
        if !self.has_come {
            let mut come = come.iter();
            self.doubts.retain(|_| come.next().is_some_and(|come| *come > 0));
        }
        let ports: Vec<Growth> =
            self.ports().iter().filter_map(|port| growth.get(port).copied()).collect();
        let taken = if is_late { Taken::Unclear } else { is_taken(come, &ports) };
        self.likely += u32::from(taken == Taken::Likely);
        if taken == Taken::All || self.likely > 1 {
            self.doubts.iter_mut().for_each(|doubt| doubt.verdict.outcome = Outcome::Taken);
            return Vec::new();
        }
        match taken {
            Taken::Some => self.split(),
            Taken::Likely | Taken::Unclear if self.tries < TRIES => vec![self],
            _ => Vec::new(),
        }
    }

    /// Port by port, and then each alone.
    fn split(self) -> Vec<Self> {
        let is_of_ports = self.ports().len() > 1;
        let pace = self.pace;
        let new = |doubts| Self { doubts, pace, has_come: true, tries: 0, likely: 0 };
        if is_of_ports {
            return grouped(self.doubts, |doubt| doubt.port).map(new).collect();
        }
        self.doubts.into_iter().map(|doubt| new(vec![doubt])).collect()
    }
}
