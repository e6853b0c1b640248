//! A packet that may have been lost in a place, as its firewall sees it.

use super::onward::Packet;
use super::{Reason, Site};
use crate::firewall::obstacle::{Load, Ports, Seen};
use crate::lab::model::Question;
use crate::plan::Place;
use crate::probe::Probe;
use ipnet::IpNet;
use std::net::IpAddr;

/// Where a packet that goes on comes through a place, …
pub const PASSING: &[&str] = &["ingress", "prerouting", "forward", "postrouting", "egress"];
/// … where one that is for it, …
pub const INWARD: &[&str] = &["ingress", "prerouting", "input"];
/// … and where one that was made there.
pub const OUTWARD: &[&str] = &["output", "postrouting", "egress"];
/// Where one comes through whose destination was changed.
pub const SENT_ON: &[&str] = &["forward", "postrouting", "egress"];
pub const ALL: &[&str] =
    &["ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"];

/// What the packet is to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Question,
    Answer,
    /// It says that nobody listens.
    Refusal,
    /// A neighbour asks for a hardware address, or tells it.
    Neighbour,
    /// The same, while it crosses a bridge.
    Crossing,
}

/// What is said of what does not count, where nothing that counts has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncounted {
    /// Nothing else is left.
    Blamed,
    Suspected,
    /// What is known without it is enough.
    PassedOver,
}

/// What it makes of a loss that the place may send packets on to somebody else (DNAT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentOn {
    Same,
    /// What is said before it holds only if it does not.
    Unsaid,
    /// Only then was it lost so.
    Needed,
}

/// A packet that may have been lost in a place.
#[derive(Clone, Debug)]
pub struct Loss {
    pub at: Place,
    pub kind: Kind,
    /// The hooks that it came to, or may have come to.
    pub hooks: &'static [&'static str],
    /// Somebody has said that it does not go on: what drops without a word was not it.
    pub is_refused: bool,
    /// What is said before it.
    pub lead: String,
    pub uncounted: Uncounted,
    sent_on: SentOn,
    /// The names of the interfaces, where they are certain.
    input: Option<String>,
    output: Option<String>,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
}

impl Loss {
    /// A packet of which the place is all that is known.
    pub fn new(at: &Place, kind: Kind, hooks: &'static [&'static str]) -> Self {
        Self {
            at: at.clone(),
            kind,
            hooks,
            is_refused: false,
            lead: String::new(),
            uncounted: Uncounted::Blamed,
            sent_on: SentOn::Same,
            input: None,
            output: None,
            source: None,
            destination: None,
        }
    }

    /// One that goes to the destination of the question, or is on the way back, as [`Self::on_the_way_back`] says.
    pub fn of(site: &Site, packet: &Packet, hooks: &'static [&'static str]) -> Self {
        // What came by a port of something else is said to have come by that.
        let input = packet.input.and_then(|index| site.link(packet.at, index));
        let input = input.filter(|link| link.master.is_none()).map(|link| link.name.to_string());
        let source = Some(packet.source).filter(|ip| !ip.is_unspecified());
        let destination = Some(packet.destination);
        Self { input, source, destination, ..Self::new(packet.at, Kind::Question, hooks) }
    }

    /// The answer to such a one, from where it went to.
    pub fn back(&self, kind: Kind, hooks: &'static [&'static str]) -> Self {
        let (source, destination) = (self.destination, self.source);
        Self { source, destination, ..Self::new(&self.at, kind, hooks) }
    }

    pub fn by(self, output: Option<String>) -> Self {
        Self { output, ..self }
    }

    pub fn refused(self) -> Self {
        Self { is_refused: true, ..self }
    }

    pub fn lead(self, lead: impl Into<String>) -> Self {
        Self { lead: lead.into(), ..self }
    }

    pub fn uncounted(self, uncounted: Uncounted) -> Self {
        Self { uncounted, ..self }
    }

    pub fn sent_on(self, sent_on: SentOn) -> Self {
        Self { sent_on, ..self }
    }

    /// The loss in a place that translates addresses, or does not; `None`: then it is none.
    pub fn where_translated(&self, translates: bool) -> Option<Self> {
        match self.sent_on {
            SentOn::Needed if !translates => None,
            SentOn::Unsaid if translates => Some(self.clone().lead("")),
            _ => Some(self.clone()),
        }
    }

    /// The same of the answer.
    pub fn on_the_way_back(self) -> Self {
        let kind = if self.kind == Kind::Question { Kind::Answer } else { self.kind };
        let lead = format!("{WAY_BACK}{}", self.lead);
        Self { kind, lead, ..self }
    }

    /// The packet as rules see it; where they change addresses, less of it is certain.
    pub fn seen(&self, probe: &Probe, translates: bool) -> Seen<'_> {
        let net = |ip: Option<IpAddr>| ip.map(IpNet::from);
        let is_first = self.kind == Kind::Question;
        let is_neighbour = matches!(self.kind, Kind::Neighbour | Kind::Crossing);
        Seen {
            is_ipv6: probe.to.is_ipv6(),
            input: self.input.as_deref(),
            output: self.output.as_deref(),
            // What is changed of a question before it leaves is where it goes to.
            source: net(self.source).filter(|_| (is_first || !translates) && !is_neighbour),
            destination: net(self.destination).filter(|_| !translates && !is_neighbour),
            load: self.load(probe, translates),
            is_answer: is_first.then_some(false),
            is_published: None,
        }
    }

    fn load(&self, probe: &Probe, translates: bool) -> Load {
        let is_ipv4 = probe.to.is_ipv4();
        let types =
            |v4: &'static [u8], v6: &'static [u8]| Load::Icmp(if is_ipv4 { v4 } else { v6 });
        let ports = |port: u16| {
            let port = Some(port).filter(|_| !translates);
            match self.kind {
                Kind::Question => Ports { from: None, to: port },
                _ => Ports { from: port, to: None },
            }
        };
        match (self.kind, &probe.question) {
            (Kind::Neighbour | Kind::Crossing, _) if is_ipv4 => Load::Arp,
            (Kind::Neighbour | Kind::Crossing, _) => Load::Icmp(&[135, 136]),
            (Kind::Question, Question::Ping) => types(&[8], &[128]),
            (_, Question::Ping) => types(&[0], &[129]),
            (Kind::Refusal, Question::Udp(_)) => types(&[3], &[1]),
            (_, Question::Udp(port)) => Load::Udp(ports(*port)),
            (_, Question::Tcp(port) | Question::Http { port, .. }) => Load::Tcp(ports(*port)),
        }
    }
}

const WAY_BACK: &str = "on the way back: ";

impl Reason {
    pub fn on_the_way_back(self) -> Self {
        Self { what: format!("{WAY_BACK}{}", self.what), ..self }
    }
}
