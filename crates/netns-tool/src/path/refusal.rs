//! Somebody on the way says that a packet does not go on, or that nobody is there.

use super::loss::{ALL, Loss};
use super::neighbour::no_reply;
use super::onward::{Packet, no_listener};
use super::words::{in_place, ip as ip_command, place};
use super::{Finding, Reason, Site};
use crate::lab::model::Question;
use crate::probe::{Probe, Sighting, Unreachable};
use std::net::IpAddr;

/// Somebody says that it does not go on.
pub fn refused(
    site: &Site,
    probe: &Probe,
    error: &Sighting,
    why: Unreachable,
    last: Option<&&Sighting>,
) -> Finding {
    let destination = last.map_or(probe.to, |last| last.destination);
    let source = last.map_or(error.source, |last| last.source);
    let port = last.and_then(|last| last.port);
    let packet = Packet { port, ..at_error(error, last, source, destination) };
    if why == Unreachable::Port
        && matches!(probe.question, Question::Udp(_))
        && site.is_local(packet.at, destination)
        && let Some(reason) = no_listener(site, &packet, probe)
    {
        return Finding::Known(reason);
    }
    told(site, error, &packet, why)
}

/// The same of the answer, which goes to whom the question came from.
pub fn answer_refused(
    site: &Site,
    error: &Sighting,
    why: Unreachable,
    answer: Option<&&Sighting>,
    question: Option<&&Sighting>,
) -> Finding {
    let known = answer.map(|answer| (answer.source, answer.destination));
    let asked = || question.map(|question| (question.destination, question.source));
    let (source, destination) =
        known.or_else(asked).unwrap_or((error.destination, error.destination));
    told(site, error, &at_error(error, answer, source, destination), why)
}

/// The packet that an error is about, in the place that has made that, where it was seen first.
fn at_error<'s>(
    error: &'s Sighting,
    last: Option<&&Sighting>,
    source: IpAddr,
    destination: IpAddr,
) -> Packet<'s> {
    let came = last.filter(|last| last.at == error.at && !last.is_out);
    let input = came.map(|last| last.interface);
    Packet { at: &error.at, input, source, destination, port: None }
}

/// Why somebody says that a packet does not go on: what is seen of it there, or else the firewall.
fn told(site: &Site, error: &Sighting, packet: &Packet, why: Unreachable) -> Finding {
    let (at, by) = (packet.at, error.source);
    let is_ours = error.is_out || site.is_local(at, by);
    if !is_ours {
        let what = format!("{by} says: {}", say(why));
        return Finding::Known(Reason::new(what));
    }
    by_the_ground(site, packet, why).unwrap_or_else(|| Finding::Dropped {
        losses: vec![Loss::of(site, packet, ALL).refused()],
        otherwise: Reason::new(format!("{} ({by}) says: {}", place(at), say(why))),
    })
}

/// Why it does not go on, if it is not the firewall that says so.
fn by_the_ground(site: &Site, packet: &Packet, why: Unreachable) -> Option<Finding> {
    let Packet { at, destination, .. } = *packet;
    match why {
        Unreachable::Network | Unreachable::Host | Unreachable::Prohibited
            if site.hop(at, destination).is_none() =>
        {
            Some(Finding::Known(site.no_route(at, destination)))
        }
        Unreachable::Host => {
            let hop = site.hop(at, destination)?;
            let neighbour = site.is_unanswered(at, &hop, destination)?;
            Some(no_reply(site, at, neighbour, hop.device))
        }
        Unreachable::TimeExceeded => {
            let what =
                format!("it went in circles until its time to live was over, {}", in_place(at));
            let look = ip_command(at, &format!("route get {destination}"));
            Some(Finding::Known(Reason::new(what).hint(look)))
        }
        _ => None,
    }
}

fn say(why: Unreachable) -> &'static str {
    match why {
        Unreachable::Network => "there is no route",
        Unreachable::Host => "nobody answers there",
        Unreachable::Port => "nothing listens at that port",
        Unreachable::Prohibited => "it is prohibited",
        Unreachable::TimeExceeded => "its time to live was over",
        Unreachable::TooBig => "the packet is too big",
        Unreachable::Other => "it cannot be delivered",
    }
}

/// A connection was refused: there is no listener, or a rule says so in its place.
pub fn answered_by_reset(
    site: &Site,
    probe: &Probe,
    reset: &Sighting,
    last: Option<&&Sighting>,
) -> Finding {
    let at = &reset.at;
    let (source, destination, port) = (reset.destination, reset.source, reset.port);
    let packet = Packet { at, input: None, source, destination, port };
    let is_its_own = last.is_some_and(|last| last.at == *at) && site.is_local(at, reset.source);
    if let Some(reason) = no_listener(site, &packet, probe).filter(|_| is_its_own) {
        return Finding::Known(reason);
    }
    if !site.grounds.contains_key(at) || !(reset.is_out || is_its_own) {
        return Finding::Known(Reason::new(format!("{} refuses the connection", reset.source)));
    }
    Finding::Dropped {
        losses: vec![Loss::of(site, &packet, ALL).refused()],
        otherwise: Reason::new(format!("{} refuses the connection", place(at))),
    }
}
