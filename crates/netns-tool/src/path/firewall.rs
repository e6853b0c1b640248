//! Which rule has dropped a packet: the one whose counter moves when the packet is sent once more.

use super::words::in_place;
use super::{Finding, Reason};
use crate::family::Family;
use crate::kernel::firewall::counters::{Dropper, droppers};
use crate::plan::Place;
use crate::probe::{Probe, ask};
use anyhow::Result;
use std::collections::BTreeMap;
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
    // What was read after one question is what was there before the next.
    let mut known: BTreeMap<(Place, Family), Vec<Dropper>> = BTreeMap::new();
    let mut asked = 0;
    let mut reasons = Vec::with_capacity(findings.len());
    for (probe, finding) in probes.iter().zip(findings) {
        let (at, hooks, otherwise) = match finding {
            Finding::Known(reason) => {
                reasons.push(reason);
                continue;
            }
            Finding::Dropped { at, hooks, otherwise } => (at, hooks, otherwise),
        };
        let family = Family::of(probe.to);
        let read = || droppers(&at, family, limit);
        let key = (at.clone(), family);
        let before = known.entry(key.clone()).or_insert_with(read);
        let reason = if before.is_empty() {
            None
        } else if asked < ASKED_MAX {
            asked += 1;
            let again = Probe { patience: MOMENT, ..(*probe).clone() };
            ask(&[again], None)?;
            let after = read();
            let reason = moved(&at, before, &after).or_else(|| uncounted(&at, hooks, &after));
            known.insert(key, after);
            reason
        } else {
            uncounted(&at, hooks, before)
        };
        reasons.push(reason.unwrap_or(otherwise));
    }
    Ok(reasons)
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
