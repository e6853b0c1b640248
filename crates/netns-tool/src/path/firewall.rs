//! Which rule has dropped a packet: the one whose counter moves when the packet is sent once more.

use super::blame::{Moves, blame};
use super::loss::{Kind, Loss};
use super::words::in_place;
use super::{Finding, Reason};
use crate::family::Family;
use crate::firewall::obstacle::suspects::Suspect;
use crate::kernel::firewall::counters::Listing;
use crate::plan::Place;
use crate::probe::{Probe, ask};
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::Duration;

/// How long one more packet may take through the machine.
const MOMENT: Duration = Duration::from_millis(150);

/// How long until a neighbour is asked again: after a second (`retrans_time_ms`).
const NEIGHBOURS: Duration = Duration::from_millis(1200);

/// How often a question is asked once more: the rule that drops it counts each, and what others send is seldom as many.
const COPIES: usize = 4;

/// How often it is looked whether nobody else moves the counters: what was asked before may still be under way.
const LOOKS_MAX: usize = 3;

/// How many questions that were lost in one place are asked once more, one after the other.
const ROUNDS_MAX: usize = 20;

/// A question that a firewall has dropped, by all that is known.
struct Open {
    /// Its number among the questions.
    index: usize,
    family: Family,
    losses: Vec<Loss>,
}

impl Open {
    fn places(&self) -> impl Iterator<Item = &Place> {
        self.losses.iter().map(|loss| &loss.at)
    }

    fn is_of_neighbours(&self) -> bool {
        self.losses.iter().any(|loss| loss.kind == Kind::Neighbour)
    }

    /// How often it is asked once more: however much is sent, a neighbour is asked for once.
    fn copies(&self) -> usize {
        if self.is_of_neighbours() { 1 } else { COPIES }
    }
}

/// What a place lists for a family: twice while nothing was asked, and as it was read last.
struct Listed {
    family: Family,
    quiet: [Listing; 2],
    last: Listing,
}

/// The reasons, with the rules where the firewall is one.
///
/// # Errors
/// A signal arrived.
pub fn name_rules(
    probes: &[&Probe],
    findings: Vec<Finding>,
    limit: Duration,
) -> Result<Vec<Reason>> {
    let mut open: Vec<Open> = Vec::new();
    let mut reasons = Vec::with_capacity(findings.len());
    for (index, finding) in findings.into_iter().enumerate() {
        reasons.push(match finding {
            Finding::Known(reason) => reason,
            Finding::Dropped { losses, otherwise } => {
                open.push(Open { index, family: Family::of(probes[index].to), losses });
                otherwise
            }
        });
    }
    // Those of one listing one after the other: what was read after one is what was there before the next.
    open.sort_by_key(|one| one.family);
    let mut asker = Asker { probes, limit, listings: BTreeMap::new() };
    for round in 0.. {
        if open.is_empty() {
            break;
        }
        let (now, later) = apart(open);
        open = later;
        let is_asked = round < ROUNDS_MAX;
        let found = asker.ask_once_more(&now, is_asked)?;
        for (one, found) in now.iter().zip(found) {
            let reason = &mut reasons[one.index];
            match found {
                Some(found) => {
                    *reason = Reason { hint: found.hint.or(reason.hint.take()), ..found }
                }
                None if !is_asked && asker.has_suspects(one) => {
                    let at = one.places().next().map(in_place).unwrap_or_default();
                    reason.what += &format!(
                        " (its firewall was asked about {ROUNDS_MAX} others that were lost {at}, not about this)"
                    );
                }
                None => {}
            }
        }
    }
    Ok(reasons)
}

/// Those that can be asked at once, no two of them in one place, so that no question moves the counters of another; and
/// the rest.
fn apart(open: Vec<Open>) -> (Vec<Open>, Vec<Open>) {
    let mut busy: BTreeSet<Place> = BTreeSet::new();
    open.into_iter().partition(|one| {
        let is_free = !one.places().any(|at| busy.contains(at));
        busy.extend(one.places().cloned());
        is_free
    })
}

struct Asker<'p> {
    probes: &'p [&'p Probe],
    limit: Duration,
    listings: BTreeMap<Place, Listed>,
}

impl Asker<'_> {
    /// Asks questions that were lost in different places, all at once, and tells what has dropped each. With `is_asked`
    /// unset only what can be told without a packet is.
    fn ask_once_more(&mut self, now: &[Open], is_asked: bool) -> Result<Vec<Option<Reason>>> {
        self.read(now);
        let asked: Vec<&Open> =
            now.iter().filter(|one| is_asked && self.has_suspects(one)).collect();
        self.ask(&asked)?;
        let mut before = BTreeMap::new();
        for at in asked.iter().flat_map(|one| one.places()) {
            let Some(listed) = self.listings.get_mut(at) else { continue };
            if !before.contains_key(at) {
                let after = Listing::read(at, listed.family, self.limit);
                before.insert(at.clone(), std::mem::replace(&mut listed.last, after));
            }
        }
        let reason = |one: &Open| {
            let probe = self.probes[one.index];
            let moves = |loss: &Loss| {
                let listed = &self.listings[&loss.at];
                let translates = listed.last.translates();
                let loss = loss.where_translated(translates)?;
                let packet = loss.seen(probe, translates);
                let moves = Moves {
                    quiet: listed.quiet.each_ref().map(|quiet| quiet.suspects(&packet)),
                    before: before.get(&loss.at).map(|before| before.suspects(&packet)),
                    after: listed.last.suspects(&packet),
                    copies: one.copies() as u64,
                };
                Some((loss, moves))
            };
            let losses: Vec<(Loss, Moves)> = one.losses.iter().filter_map(moves).collect();
            blame(&losses)
        };
        Ok(now.iter().map(reason).collect())
    }

    fn ask(&self, asked: &[&Open]) -> Result<()> {
        let again = |one: &&Open| {
            let patience = if one.is_of_neighbours() { NEIGHBOURS } else { MOMENT };
            let probe = Probe { patience, ..self.probes[one.index].clone() };
            std::iter::repeat_n(probe, one.copies())
        };
        ask(&asked.iter().flat_map(again).collect::<Vec<_>>(), None)?;
        // It may have failed at once, for the neighbour had just been given up: only now it is asked for anew.
        let neighbours = asked.iter().filter(|one| one.is_of_neighbours());
        let neighbours = neighbours.map(|one| self.probes[one.index].clone());
        let anew: Vec<Probe> =
            neighbours.map(|probe| Probe { patience: MOMENT, ..probe }).collect();
        ask(&anew, None)?;
        Ok(())
    }

    /// Reads what has not been read yet, until it seems that nobody else moves what counts.
    fn read(&mut self, now: &[Open]) {
        let is_new =
            |at: &Place, family| self.listings.get(at).is_none_or(|listed| listed.family != family);
        let mut new: Vec<&Open> =
            now.iter().filter(|one| one.places().any(|at| is_new(at, one.family))).collect();
        for _ in 0..LOOKS_MAX {
            self.read_twice(&new);
            new.retain(|one| !self.is_quiet(one));
        }
    }

    /// Reads twice, so that it is known which counters others move.
    fn read_twice(&mut self, new: &[&Open]) {
        let wanted = new.iter().flat_map(|one| one.places().map(|at| (at, one.family)));
        let wanted: BTreeSet<(&Place, Family)> = wanted.collect();
        let read = |(at, family): &(&Place, Family)| Listing::read(at, *family, self.limit);
        let first: Vec<Listing> = wanted.iter().map(read).collect();
        if first.iter().any(|listing| !listing.is_empty()) {
            sleep(MOMENT);
        }
        for ((at, family), first) in wanted.into_iter().zip(first) {
            let second = if first.is_empty() {
                first.clone()
            } else {
                Listing::read(at, family, self.limit)
            };
            let listed = Listed { family, last: second.clone(), quiet: [first, second] };
            self.listings.insert(at.clone(), listed);
        }
    }

    /// Whether nothing that may have dropped it has moved while it was not asked.
    fn is_quiet(&self, one: &Open) -> bool {
        let counters = |listing: &Listing, loss: &Loss| -> Vec<Option<u64>> {
            let suspects = self.suspects(listing, loss, one);
            suspects.iter().map(|suspect| suspect.packets).collect()
        };
        one.losses.iter().all(|loss| {
            let [first, second] = &self.listings[&loss.at].quiet;
            counters(first, loss) == counters(second, loss)
        })
    }

    fn suspects(&self, listing: &Listing, loss: &Loss, one: &Open) -> Vec<Suspect> {
        listing.suspects(&loss.seen(self.probes[one.index], listing.translates()))
    }

    fn has_suspects(&self, one: &Open) -> bool {
        let has = |loss: &Loss| !self.suspects(&self.listings[&loss.at].last, loss, one).is_empty();
        one.losses.iter().any(has)
    }
}
