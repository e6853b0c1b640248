//! Which rule has dropped a packet: the one whose counter moves when the packet is sent once more.

use super::words::in_place;
use super::{Finding, Reason};
use crate::family::Family;
use crate::kernel::firewall::counters::{Dropper, droppers};
use crate::plan::Place;
use crate::probe::{Probe, ask};
use anyhow::Result;
use std::time::Duration;

/// How long one more packet may take through the machine.
const MOMENT: Duration = Duration::from_millis(150);

/// How many questions are asked once more, one after the other; the others have to do with what the tools tell about these.
const ASKED_MAX: usize = 20;

/// The reasons, with the rules where the firewall is one.
///
/// # Errors
/// A signal arrived.
pub fn name_rules(
    probes: &[&Probe],
    findings: Vec<Finding>,
    limit: Duration,
) -> Result<Vec<Reason>> {
    let mut open: Vec<(usize, Place, &[&str], bool)> = Vec::new();
    let mut reasons = Vec::with_capacity(findings.len());
    for (index, finding) in findings.into_iter().enumerate() {
        reasons.push(match finding {
            Finding::Known(reason) => reason,
            Finding::Dropped { at, hooks, otherwise, is_answer } => {
                open.push((index, at, hooks, is_answer));
                otherwise
            }
        });
    }
    // Those of one listing one after the other: what was read after one is what was there before the next.
    open.sort_by_key(|(index, at, ..)| (at.clone(), Family::of(probes[*index].to)));
    let mut last: Option<(Listing, Vec<Dropper>)> = None;
    for (asked, (index, at, hooks, is_answer)) in open.into_iter().enumerate() {
        let listing = (at, Family::of(probes[index].to));
        let read = || droppers(&listing.0, listing.1, limit);
        let before = match last.take() {
            Some((of, known)) if of == listing => known,
            _ => read(),
        };
        let mut now = before;
        let mut reason = None;
        if !now.is_empty() && asked < ASKED_MAX {
            let again = Probe { patience: MOMENT, ..probes[index].clone() };
            ask(&[again], None)?;
            let after = read();
            reason = moved(&listing.0, &now, &after);
            now = after;
        }
        let reason = reason.or_else(|| uncounted(&listing.0, hooks, &now));
        if let Some(reason) = reason {
            let lead = if is_answer { "on the way back: " } else { "" };
            reasons[index] = Reason { what: format!("{lead}{}", reason.what), ..reason };
        }
        last = Some((listing, now));
    }
    Ok(reasons)
}

/// What is listed at once.
type Listing = (Place, Family);

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
