//! `trace`: the way of a packet through what stands, step by step, up to where it stops.

mod story;
mod target;

use crate::cli::{Global, TraceArgs};
use crate::failure::{failed, missing, printable};
use crate::kernel::Snapshot;
use crate::lab::model::{Lab, Question};
use crate::mark::LabName;
use crate::path::{self, Observed, Reason};
use crate::plan::Place;
use crate::probe::Probe;
use crate::system::rights;
use crate::topology::{self, Topology};
use anyhow::Result;
use std::collections::BTreeSet;
use std::time::Duration;
use target::{place, target};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is printed, and whether there was an answer.
pub struct Traced {
    pub text: String,
    pub is_answered: bool,
}

/// Sends a packet, watches it, and tells its way.
///
/// # Errors
/// There is no such place, or it has no address; or a place cannot be looked into.
pub fn trace(args: &TraceArgs, limit: Duration, global: &Global) -> Result<Traced> {
    if let Some(right) = rights::lacking()? {
        let what = format!("a packet cannot be watched without root's rights ({right})");
        return Err(missing(what).hint("the same as root (sudo)").into());
    }
    let from = place(&args.from)?;
    let facts = Snapshot::read(&topology::wanted(), limit)?;
    let topology = Topology::standing(&facts);
    let name = LabName::new("standing").map_err(failed)?;
    let lab = topology.described(name);
    let to = target(&args.to, &from, &lab, &topology)?;
    let probe = Probe { from, to, question: question(args), patience: PATIENCE };
    let places = places(&facts, &probe, &lab);
    let seen = path::observe(&places, std::slice::from_ref(&probe))?.remove(0);
    let is_answered = seen.outcome.is_answer();
    let reason = if is_answered { None } else { Some(why(&lab, &places, &probe, &seen, limit)?) };
    let is_told = !(global.quiet && is_answered);
    let text = is_told.then(|| story::tell(&topology, &facts, &probe, &seen, reason.as_ref()));
    Ok(Traced { text: printable(&text.unwrap_or_default()), is_answered })
}

fn why(
    lab: &Lab,
    places: &[Place],
    probe: &Probe,
    seen: &Observed,
    limit: Duration,
) -> Result<Reason> {
    Ok(path::explain(lab, places, &[(probe, seen)], limit)?.remove(0))
}

fn question(args: &TraceArgs) -> Question {
    match (args.tcp, args.udp) {
        (Some(port), _) => Question::Tcp(port),
        (None, Some(port)) => Question::Udp(port),
        (None, None) => Question::Ping,
    }
}

/// In so many namespaces a packet is watched everywhere, in more only where it can come through and at its ends.
const FEW: usize = 100;

/// Where it can be seen. A NAT may send it somewhere else than where it is meant to go.
fn places(facts: &Snapshot, probe: &Probe, lab: &Lab) -> Vec<Place> {
    let are_few = facts.namespaces.len() <= FEW;
    let sound = facts.namespaces.iter().filter(|(_, netns)| netns.is_sound());
    // Besides the loopback, two interfaces at least.
    let passages = sound.filter(|(_, netns)| are_few || netns.state.links.len() > 2);
    let mut places: BTreeSet<Place> = passages.map(|(name, _)| Some(name.clone())).collect();
    places.extend([None, probe.from.clone()]);
    places.extend(lab.whereabouts.owner(probe.to).cloned());
    places.into_iter().collect()
}
