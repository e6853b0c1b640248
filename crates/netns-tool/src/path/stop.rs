//! Where a question, or its answer, was seen last.

use super::loss::{ALL, INWARD, Loss, OUTWARD};
use super::neighbour::stale;
use super::onward::{Packet, at_destination, onward};
use super::refusal::{answer_refused, answered_by_reset, refused};
use super::words::{for_all, place, run};
use super::{Finding, Observed, Reason, Site};
use crate::kernel::state::Link;
use crate::lab::model::Question;
use crate::plan::Place;
use crate::probe::{Outcome, Probe, Sighting, Sort};
use nix::errno::Errno;
use std::net::{IpAddr, Ipv4Addr};

/// Why a question was not answered, as far as the ground tells.
pub fn find(site: &Site, probe: &Probe, seen: &Observed) -> Finding {
    let questions: Vec<&Sighting> = of(seen, |sort| sort == Sort::Question);
    let answers: Vec<&Sighting> = of(seen, |sort| sort == Sort::Answer);
    let last = questions.last();
    match &seen.outcome {
        Outcome::NotAsked(why) => return Finding::Known(Reason::new(why.clone())),
        Outcome::WrongAnswer(why) => return Finding::Known(Reason::new(why.clone())),
        Outcome::Failed(error) if questions.is_empty() => return at_once(site, probe, *error),
        _ => {}
    }
    if let Some(error) = seen.sightings.iter().find(|one| matches!(one.sort, Sort::Error(_)))
        && let Sort::Error(why) = error.sort
    {
        // It is for whoever has sent what it is about.
        let is_answerer = |ip: IpAddr| questions.iter().any(|one| one.destination == ip);
        let is_asker = questions.iter().any(|one| one.source == error.destination);
        if is_answerer(error.destination) && !is_asker {
            return answer_refused(site, error, why, answers.last(), last).on_the_way_back();
        }
        return refused(site, probe, error, why, last);
    }
    if let Some(reset) = seen.sightings.iter().find(|one| one.sort == Sort::Reset) {
        return answered_by_reset(site, probe, reset, last);
    }
    let for_all = for_all(probe.to).filter(|_| answers.is_empty() && last.is_some());
    if let Some(what) = for_all {
        let what = format!("{what}; nobody has answered");
        return Finding::Known(Reason::new(what).hint("the address of one of them"));
    }
    match (answers.last(), last) {
        (Some(answer), _) if answer.at == probe.from && !answer.is_out => Finding::Dropped {
            losses: vec![Loss::of(site, &Packet::of(answer), INWARD).on_the_way_back()],
            otherwise: Reason::new(format!(
                "the answer came to {}, which did not take it",
                place(&probe.from)
            )),
        },
        (Some(answer), _) => stopped(site, probe, &answers, answer, true).on_the_way_back(),
        (None, Some(question)) => stopped(site, probe, &questions, question, false),
        (None, None) => from_here(site, probe),
    }
}

fn of(seen: &Observed, is_wanted: impl Fn(Sort) -> bool) -> Vec<&Sighting> {
    seen.sightings.iter().filter(|sighting| is_wanted(sighting.sort)).collect()
}

/// The kernel of the place itself would not send it.
fn at_once(site: &Site, probe: &Probe, error: Errno) -> Finding {
    let at = &probe.from;
    let words =
        || Reason::new(format!("{} cannot send to {}: {}", place(at), probe.to, error.desc()));
    match error {
        // By ECONNREFUSED it is a rule that answers in the place of the far side, which has not got it.
        Errno::EPERM | Errno::ECONNREFUSED => Finding::Dropped {
            losses: vec![Loss::of(site, &made_there(probe), OUTWARD)],
            otherwise: Reason::new(format!("the firewall of {} does not let it out", place(at))),
        },
        // It may also be a route or a neighbour, or a rule that chose this answer.
        Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EACCES => from_here(site, probe),
        Errno::EADDRNOTAVAIL => Finding::Known(site.no_route(at, probe.to)),
        Errno::EINVAL if site.hop(at, probe.to).is_none() => {
            Finding::Known(site.no_route(at, probe.to))
        }
        _ => Finding::Known(words()),
    }
}

fn from_here(site: &Site, probe: &Probe) -> Finding {
    onward(site, &made_there(probe))
}

fn made_there(probe: &Probe) -> Packet<'_> {
    let source = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Packet { at: &probe.from, input: None, source, destination: probe.to, port: None }
}

/// It was seen here last, of all where it, the question or the answer, was seen.
fn stopped(
    site: &Site,
    probe: &Probe,
    trail: &[&Sighting],
    last: &Sighting,
    is_answer: bool,
) -> Finding {
    let at = &last.at;
    if let Some(bridge) = site.bridge_of(at, last.interface) {
        return in_bridge(site, probe, trail, last, bridge, is_answer);
    }
    if last.is_out {
        return on_the_wire(site, probe, last, is_answer);
    }
    if let Some(lost) = site.lost_address(at, last.destination) {
        return Finding::Known(lost);
    }
    let packet = Packet::of(last);
    let is_its_own = site.is_local(at, last.destination);
    match (is_its_own, is_answer) {
        (true, false) => at_destination(site, &packet, probe),
        _ => {
            let (sender, neighbour) = sent_to(site, probe, trail, last.destination);
            match (onward(site, &packet), stale(site, at, sender, neighbour)) {
                // It was never to go on from here.
                (Finding::Known(_), Some(stale)) => Finding::Known(stale),
                (finding, _) => finding,
            }
        }
    }
}

/// It came to a bridge, and at most to ports behind which it is not for anybody.
fn in_bridge(
    site: &Site,
    probe: &Probe,
    trail: &[&Sighting],
    last: &Sighting,
    bridge: &Link,
    is_answer: bool,
) -> Finding {
    let at = &last.at;
    let own = [Some(bridge), site.link(at, last.interface)];
    if let Some(fault) = own.into_iter().flatten().find_map(|link| site.fault(at, link)) {
        return Finding::Known(fault);
    }
    let (_, neighbour) = sent_to(site, probe, trail, last.destination);
    let receiver = site.holder(neighbour);
    if let Some(reason) = receiver.and_then(|(place, link)| site.cut_off(place, link)) {
        return Finding::Known(reason);
    }
    let port = receiver.and_then(|(place, link)| site.far_end(place, link));
    let is_at_port = |one: &&&Sighting| {
        port.is_none_or(|(at, port)| one.at == *at && one.interface == port.index)
    };
    let left = trail.iter().rfind(|one| one.is_out && one.at == *at && is_at_port(one));
    if let Some(left) = left.filter(|_| port.is_some() || last.is_out) {
        return on_the_wire(site, probe, left, is_answer);
    }
    let (name, to) = (&bridge.name, last.destination);
    let otherwise =
        Reason::new(format!("bridge `{name}` of {} does not pass on what goes to {to}", place(at)))
            .hint(run(at, &format!("bridge fdb show br {name}")));
    let crossing = Packet { input: None, ..Packet::of(last) };
    Finding::Dropped { losses: vec![Loss::of(site, &crossing, ALL)], otherwise }
}

/// Who has sent it over the link where it was seen last, and to whom: to a router, or to its destination.
fn sent_to<'s>(
    site: &Site,
    probe: &'s Probe,
    trail: &[&'s Sighting],
    destination: IpAddr,
) -> (&'s Place, IpAddr) {
    let is_sender =
        |one: &&&Sighting| one.is_out && site.bridge_of(&one.at, one.interface).is_none();
    let sender = trail.iter().rfind(is_sender).map_or(&probe.from, |one| &one.at);
    let via = site.hop(sender, destination).and_then(|hop| hop.via);
    (sender, via.unwrap_or(destination))
}

/// It went out of an interface, and nobody has seen it come in anywhere.
fn on_the_wire(site: &Site, probe: &Probe, last: &Sighting, is_answer: bool) -> Finding {
    let (at, to) = (&last.at, last.destination);
    let name = site.name(at, last.interface);
    let link = site.link(at, last.interface);
    if let Some(fault) = link.and_then(|link| site.fault(at, link)) {
        return Finding::Known(fault);
    }
    let look = run(at, &format!("tcpdump -ni {name} host {to}"));
    let what = if site.owner(to).is_some() {
        format!("it went out of `{name}` of {} and came in nowhere", place(at))
    } else if is_answer {
        format!("it left the lab by `{name}` of {} for {to}", place(at))
    } else if let Question::Udp(_) = probe.question {
        format!(
            "it left the lab by `{name}` of {} as from {}, and no reply came, without which nobody can tell whether {to} got it",
            place(at),
            last.source
        )
    } else {
        format!(
            "it left the lab by `{name}` of {} as from {}, and {to} did not answer",
            place(at),
            last.source
        )
    };
    Finding::Known(Reason::new(what).hint(look))
}

impl Finding {
    /// The same of the answer.
    pub fn on_the_way_back(self) -> Self {
        match self {
            Self::Known(reason) => Self::Known(reason.on_the_way_back()),
            Self::Dropped { losses, otherwise } => Self::Dropped {
                losses: losses.into_iter().map(Loss::on_the_way_back).collect(),
                otherwise: otherwise.on_the_way_back(),
            },
        }
    }
}
