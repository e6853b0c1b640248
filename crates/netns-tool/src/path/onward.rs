//! Why a packet that is in a place does not go on from there, or is not taken there.

use super::loss::{INWARD, Kind, Loss, OUTWARD, PASSING, SENT_ON, SentOn, Uncounted};
use super::neighbour::no_reply;
use super::words::{in_place, ip as ip_command, place, run};
use super::{Finding, Reason, Site};
use crate::firewall::rule::Protocol;
use crate::kernel::ground::value;
use crate::kernel::sockets::Listener;
use crate::lab::model::Question;
use crate::plan::Place;
use crate::probe::{Probe, Sighting};
use std::net::IpAddr;

/// A packet in a place.
#[derive(Clone, Copy)]
pub struct Packet<'p> {
    pub at: &'p Place,
    /// The index of the interface that it came in by; `None`: it was made there.
    pub input: Option<u32>,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// The port that is asked, as it is there; `None`: that of the question, or none.
    pub port: Option<u16>,
}

impl<'p> Packet<'p> {
    /// One that has come to where it was seen.
    pub fn of(seen: &'p Sighting) -> Self {
        let Sighting { at, interface, source, destination, port, .. } = seen;
        let (source, destination, port) = (*source, *destination, *port);
        Self { at, input: Some(*interface), source, destination, port }
    }
}

/// Why it was not sent on.
pub fn onward(site: &Site, packet: &Packet) -> Finding {
    let Packet { at, input, source, destination, .. } = *packet;
    if let Some(reason) = input.and_then(|input| not_forwarded(site, packet, input)) {
        return Finding::Known(reason);
    }
    let Some(hop) = site.hop(at, destination) else {
        return Finding::Known(site.no_route(at, destination));
    };
    let link = site.link(at, hop.device);
    if let Some(fault) = link.and_then(|link| site.fault(at, link)) {
        return Finding::Known(fault);
    }
    if let Some(neighbour) = site.is_unanswered(at, &hop, destination) {
        return no_reply(site, at, neighbour, hop.device);
    }
    let (hooks, what) = match input {
        Some(_) => (
            PASSING,
            format!("{} does not pass on what comes from {source} to {destination}", place(at)),
        ),
        None => (OUTWARD, format!("{} does not send to {destination}", place(at))),
    };
    let name = link.map(|link| link.name.to_string());
    let device = name.as_deref().unwrap_or_default();
    let look = run(at, &format!("tcpdump -ni {device} host {destination}"));
    let losses = vec![Loss::of(site, packet, hooks).by(name)];
    Finding::Dropped { losses, otherwise: Reason::new(what).hint(look) }
}

/// What a router has against a packet before it asks its firewall.
fn not_forwarded(site: &Site, packet: &Packet, input: u32) -> Option<Reason> {
    let Packet { at, destination, .. } = *packet;
    let link = site.link(at, input)?;
    let (family, switch) = if destination.is_ipv4() {
        ("ipv4", "net.ipv4.ip_forward")
    } else {
        ("ipv6", "net.ipv6.conf.all.forwarding")
    };
    let path = format!("/proc/sys/net/{family}/conf/{}/forwarding", link.name);
    if value(at, &path).as_deref() == Some("0") {
        let global = format!("/proc/sys/{}", switch.replace('.', "/"));
        let is_all_off = value(at, &global).as_deref() == Some("0");
        let switch = if is_all_off {
            switch.to_owned()
        } else {
            format!("net.{family}.conf.{}.forwarding", link.name)
        };
        let on = run(at, &format!("sysctl -w {switch}=1"));
        let what = format!("forwarding is off {} ({switch} is 0)", in_place(at));
        return Some(Reason::new(what).hint(on));
    }
    wrong_way(site, packet, input)
}

/// The filter of the reverse path (rp_filter) drops what comes in by another interface than the way back leads over.
fn wrong_way(site: &Site, packet: &Packet, input: u32) -> Option<Reason> {
    let Packet { at, source, .. } = *packet;
    if source.is_ipv6() {
        return None;
    }
    let name = site.name(at, input);
    let read = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        value(at, &path).and_then(|value| value.parse::<u8>().ok())
    };
    let mode = read("all").max(read(&name))?;
    let hop = site.hop(at, source);
    let wrong = match (mode, hop) {
        (0, _) => return None,
        (_, None) => "it has no route back".to_owned(),
        (1, Some(hop)) if hop.device != input => {
            format!("its way back leads over `{}`", site.name(at, hop.device))
        }
        _ => return None,
    };
    let what = format!(
        "{} drops what comes from {source} by `{name}`: {wrong} (rp_filter is {mode})",
        place(at)
    );
    Some(Reason::new(what).hint(ip_command(at, &format!("route get {source}"))))
}

/// Why there was no answer from where it was to go.
pub fn at_destination(site: &Site, packet: &Packet, probe: &Probe) -> Finding {
    let Packet { at, source, .. } = *packet;
    if let Some(reason) = packet.input.and_then(|input| wrong_way(site, packet, input)) {
        return Finding::Known(reason);
    }
    let Some(hop) = site.hop(at, source) else {
        let back = site.no_route(at, source);
        let what = format!("the way back is missing: {}", back.what);
        return Finding::Known(Reason { what, hint: back.hint });
    };
    if let Some(neighbour) = site.is_unanswered(at, &hop, source) {
        return no_reply(site, at, neighbour, hop.device).on_the_way_back();
    }
    if let Some(deaf) = answers_no_ping(packet).filter(|_| probe.question == Question::Ping) {
        return Finding::Known(deaf);
    }
    let question = Loss::of(site, packet, INWARD);
    // What seems to be for this place may be for another, such as what comes to a published port.
    let elsewhere = Loss::of(site, packet, SENT_ON);
    let elsewhere = elsewhere.sent_on(SentOn::Needed).uncounted(Uncounted::Suspected);
    if let Some(otherwise) = no_listener(site, packet, probe) {
        // The kernel says so too, and has not been heard: of UDP it need not say it each time.
        let uncounted = match probe.question {
            Question::Udp(_) => Uncounted::PassedOver,
            _ => Uncounted::Suspected,
        };
        let refusal = question.back(Kind::Refusal, OUTWARD);
        let leads = ["what comes there", "what says so"];
        let losses = [question, refusal].into_iter().zip(leads).map(|(loss, which)| {
            let lead = format!("{}, and {which} is ", otherwise.what);
            loss.lead(lead).uncounted(uncounted).sent_on(SentOn::Unsaid)
        });
        return Finding::Dropped { losses: losses.chain([elsewhere]).collect(), otherwise };
    }
    let otherwise = Reason::new(format!("it came to {}, which did not answer", place(at)))
        .hint(run(at, &format!("tcpdump -ni any host {source}")));
    let answer = question.back(Kind::Answer, OUTWARD).on_the_way_back();
    Finding::Dropped { losses: vec![question, answer, elsewhere], otherwise }
}

/// The switch by which a place answers no ping.
fn answers_no_ping(packet: &Packet) -> Option<Reason> {
    let at = packet.at;
    let switch = if packet.source.is_ipv4() {
        "net.ipv4.icmp_echo_ignore_all"
    } else {
        "net.ipv6.icmp.echo_ignore_all"
    };
    let path = format!("/proc/sys/{}", switch.replace('.', "/"));
    let is_deaf = value(at, &path).as_deref() == Some("1");
    let what = || format!("{} answers no ping ({switch} is 1)", place(at));
    is_deaf.then(|| Reason::new(what()).hint(run(at, &format!("sysctl -w {switch}=0"))))
}

/// Whether nobody waits for the question where it came to.
pub fn no_listener(site: &Site, packet: &Packet, probe: &Probe) -> Option<Reason> {
    let (protocol, port) = match &probe.question {
        Question::Ping => return None,
        Question::Tcp(port) | Question::Http { port, .. } => (Protocol::Tcp, *port),
        Question::Udp(port) => (Protocol::Udp, *port),
    };
    // Behind a NAT it may be another.
    let (at, port) = (packet.at, packet.port.unwrap_or(port));
    let listeners = &site.grounds.get(at)?.listeners;
    let there: Vec<&Listener> = listeners.iter().filter(|one| one.is_at(protocol, port)).collect();
    let (word, option) = match protocol {
        Protocol::Tcp => ("TCP", "t"),
        Protocol::Udp => ("UDP", "u"),
    };
    let show = run(at, &format!("ss -lnp{option} sport = :{port}"));
    let what = format!("nothing listens at {word} port {port} of {}", place(at));
    let destination = packet.destination;
    match there.first() {
        None => Some(Reason::new(what).hint(show)),
        Some(_) if there.iter().any(|one| one.is_for(destination)) => None,
        Some(other) => {
            let on = match other.address {
                ip if !ip.is_unspecified() => format!("on {ip}"),
                IpAddr::V4(_) => "over IPv4".to_owned(),
                IpAddr::V6(_) => "over IPv6".to_owned(),
            };
            let what = format!("{what} on {destination}: what listens there does so {on} alone");
            Some(Reason::new(what).hint(show))
        }
    }
}
