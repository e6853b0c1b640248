//! Which rule has dropped a packet: the one whose counter moves when the packet is sent once more.

use super::words::in_place;
use super::{Finding, Reason};
use crate::family::Family;
use crate::kernel::firewall::counters::{Dropper, droppers};
use crate::plan::Place;
use crate::probe::{Probe, ask};
use anyhow::Result;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long one more packet may take through the machine.
const MOMENT: Duration = Duration::from_millis(150);

/// How many questions that were lost in one place are asked once more, one after the other.
const ROUNDS_MAX: usize = 20;

/// A question that the firewall of a place has dropped, by all that is known.
struct Open {
    /// Its number among the questions.
    index: usize,
    at: Place,
    family: Family,
    hooks: &'static [&'static str],
    is_answer: bool,
}

/// What drops packets of a family in a place, as it was read last.
type Listings = BTreeMap<Place, (Family, Vec<Dropper>)>;

/// The reasons, with the rules where the firewall is one.
///
/// # Errors
/// A signal arrived.
pub fn name_rules(
    probes: &[&Probe],
    findings: Vec<Finding>,
    limit: Duration,
) -> Result<Vec<Reason>> {
    let mut open: BTreeMap<Place, VecDeque<Open>> = BTreeMap::new();
    let mut reasons = Vec::with_capacity(findings.len());
    for (index, finding) in findings.into_iter().enumerate() {
        reasons.push(match finding {
            Finding::Known(reason) => reason,
            Finding::Dropped { at, hooks, otherwise, is_answer } => {
                let family = Family::of(probes[index].to);
                let its = open.entry(at.clone()).or_default();
                its.push_back(Open { index, at, family, hooks, is_answer });
                otherwise
            }
        });
    }
    // Those of one listing one after the other: what was read after one is what was there before the next.
    open.values_mut().for_each(|its| its.make_contiguous().sort_by_key(|one| one.family));
    let mut listings = Listings::new();
    for round in 0.. {
        // One of each place: no question moves the counters of two.
        let now: Vec<Open> = open.values_mut().filter_map(VecDeque::pop_front).collect();
        if now.is_empty() {
            break;
        }
        let found = ask_once_more(probes, &now, &mut listings, round < ROUNDS_MAX, limit)?;
        for (one, found) in now.iter().zip(found) {
            let reason = &mut reasons[one.index];
            if let Some(found) = found {
                let lead = if one.is_answer { "on the way back: " } else { "" };
                *reason = Reason { what: format!("{lead}{}", found.what), ..found };
            } else if round >= ROUNDS_MAX && !listings[&one.at].1.is_empty() {
                let at = in_place(&one.at);
                reason.what += &format!(
                    " (its firewall was asked about {ROUNDS_MAX} others that were lost {at}, not about this)"
                );
            }
        }
    }
    Ok(reasons)
}

/// Asks questions that were lost in different places, all at once, and tells what has dropped each. With `is_asked` unset
/// only what can be told without a packet is.
fn ask_once_more(
    probes: &[&Probe],
    now: &[Open],
    listings: &mut Listings,
    is_asked: bool,
    limit: Duration,
) -> Result<Vec<Option<Reason>>> {
    for one in now {
        if listings.get(&one.at).is_none_or(|(family, _)| *family != one.family) {
            listings.insert(one.at.clone(), (one.family, droppers(&one.at, one.family, limit)));
        }
    }
    let is_worth_it = |one: &&Open| is_asked && !listings[&one.at].1.is_empty();
    let asked: Vec<&Open> = now.iter().filter(is_worth_it).collect();
    let again = |one: &&Open| Probe { patience: MOMENT, ..probes[one.index].clone() };
    ask(&asked.iter().map(again).collect::<Vec<_>>(), None)?;
    let mut moves = BTreeMap::new();
    for one in asked {
        let after = droppers(&one.at, one.family, limit);
        let before = listings.insert(one.at.clone(), (one.family, after.clone()));
        let before = before.map(|(_, before)| before).unwrap_or_default();
        moves.extend(moved(&one.at, &before, &after).map(|reason| (&one.at, reason)));
    }
    let reason = |one: &Open| {
        let unmoved = || uncounted(&one.at, one.hooks, &listings[&one.at].1);
        moves.remove(&one.at).or_else(unmoved)
    };
    Ok(now.iter().map(reason).collect())
}

/// The first that has counted a packet since.
fn moved(at: &Place, before: &[Dropper], after: &[Dropper]) -> Option<Reason> {
    let is_same = before.len() == after.len();
    let has_moved = |(index, now): &(usize, &Dropper)| {
        let then = before.get(*index).filter(|then| is_same && then.what == now.what);
        then.is_some_and(|then| then.packets < now.packets)
    };
    let (_, dropper) = after.iter().enumerate().find(has_moved)?;
    Some(Reason::new(format!("dropped {} by {} (its counter moved)", in_place(at), dropper.what)))
}

/// Those that do not count, where a packet comes to them.
fn uncounted(at: &Place, hooks: &[&str], droppers: &[Dropper]) -> Option<Reason> {
    let is_asked = |dropper: &&Dropper| {
        dropper.packets.is_none()
            && dropper.hook.as_deref().is_none_or(|hook| hooks.contains(&hook))
    };
    let suspects: Vec<&str> =
        droppers.iter().filter(is_asked).map(|dropper| dropper.what.as_str()).collect();
    let at = in_place(at);
    let what = match suspects[..] {
        [] => return None,
        [only] => format!("dropped {at}, and only {only} can have done it (it has no counter)"),
        _ => {
            format!("dropped {at} by one of these, which have no counters: {}", suspects.join("; "))
        }
    };
    Some(Reason::new(what))
}
