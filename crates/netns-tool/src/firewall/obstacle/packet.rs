//! The packet that is to be let through, and what is certain about it.

use super::load::Load;
use super::place::{Hook, Place};
use super::verdict::Truth;
use crate::name::InterfaceName;
use ipnet::IpNet;
use std::net::IpAddr;

/// A packet that a NAT has to let through: any TCP packet for which this holds. (Firewalls that let pings pass and
/// nothing else are common, so it must not be a packet of just any protocol.)
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    pub input: &'a str,
    pub output: &'a str,
    /// Where it may come from, as it is in the `forward` hook: behind DNAT, before masquerading. `None`: anywhere.
    pub source: Option<IpNet>,
    pub destination: Option<IpNet>,
    /// Of a connection that the firewall has let through both ways (conntrack: established); else the first of one.
    pub is_answer: bool,
    /// Of a connection to a published port, whose destination was changed (conntrack: DNAT).
    pub is_published: bool,
}

/// What is certain about a packet in some chain; `None` where nothing is.
pub struct Seen<'a> {
    pub is_ipv6: bool,
    pub input: Option<&'a str>,
    pub output: Option<&'a str>,
    pub source: Option<IpNet>,
    pub destination: Option<IpNet>,
    pub load: Load,
    pub is_answer: Option<bool>,
    pub is_published: Option<bool>,
}

/// By what a rule that is to let the packet through knows it: by no less than keeps others out.
pub struct Marks<'a> {
    pub input: Option<&'a str>,
    pub output: Option<&'a str>,
    pub source: Option<IpNet>,
    pub is_answer: bool,
    pub is_published: bool,
}

impl<'a> Packet<'a> {
    /// It is IPv6 if one of its addresses is.
    pub fn is_ipv6(&self) -> bool {
        [self.source, self.destination].into_iter().flatten().any(|net| matches!(net, IpNet::V6(_)))
    }

    /// As a chain at this place sees it.
    pub fn at(&self, place: Place) -> Seen<'a> {
        let (after_conntrack, after_dnat) = (place.is_after_conntrack(), place.is_after_dnat());
        Seen {
            is_ipv6: self.is_ipv6(),
            // Before 5.7, the kernel has forgotten it in the end.
            input: Some(self.input).filter(|_| place.hook != Hook::Postrouting),
            output: Some(self.output).filter(|_| place.hook != Hook::Prerouting),
            source: self.source.filter(|_| place.is_before_masquerade()),
            destination: self.destination.filter(|_| after_dnat),
            load: Load::ANY_TCP,
            is_answer: Some(self.is_answer).filter(|_| after_conntrack),
            is_published: Some(self.is_published)
                .filter(|is| after_dnat || (after_conntrack && !is)),
        }
    }

    /// As a chain sees it that is asked while it crosses the bridge: by frames, of which here no more is certain.
    pub fn on_bridge(&self) -> Seen<'a> {
        let (input, output, source, destination) = (None, None, None, None);
        let (is_ipv6, load, is_answer, is_published) = (self.is_ipv6(), Load::ANY_TCP, None, None);
        Seen { is_ipv6, input, output, source, destination, load, is_answer, is_published }
    }

    /// The hooks of a bridge that it comes to between its port and the host.
    pub fn bridge_hooks(&self) -> [&'static str; 2] {
        if self.inside() == self.input {
            ["prerouting", "input"]
        } else {
            ["output", "postrouting"]
        }
    }

    /// `None` where it cannot be told from packets that are not to be let through.
    pub fn marks_at(&self, place: Place) -> Option<Marks<'a>> {
        let seen = self.at(place);
        let has_state = self.is_answer || self.is_published;
        let is_state_known = seen.is_answer.is_some() && seen.is_published.is_some();
        let source = seen.source.filter(|_| seen.input.is_none() && !has_state);
        let is_known =
            if has_state { is_state_known } else { seen.input.is_some() || source.is_some() };
        is_known.then_some(Marks {
            input: seen.input,
            output: seen.output,
            source,
            is_answer: self.is_answer,
            is_published: self.is_published && !self.is_answer,
        })
    }

    /// Its interface at the side of the bridge.
    pub fn inside(&self) -> &str {
        if self.is_answer == self.is_published { self.input } else { self.output }
    }

    /// Whether a firewall can be told of exactly these interfaces.
    pub fn has_plain_names(&self) -> bool {
        [self.input, self.output].iter().all(|name| InterfaceName::existing(name).is_ok())
    }
}

impl Seen<'_> {
    /// Whether conntrack has it in this state, in the words of either tool.
    pub fn is_in_state(&self, state: &str) -> Truth {
        match state.to_ascii_lowercase().as_str() {
            "new" => !Truth::of(self.is_answer),
            "established" => Truth::of(self.is_answer),
            "related" | "invalid" | "untracked" => Truth::of(self.is_answer.map(|_| false)),
            "dnat" => Truth::of(self.is_published),
            _ => Truth::Unknown,
        }
    }
}

/// Whether an address out of `net` lies between these two.
pub fn lies_between(net: Option<IpNet>, first: IpAddr, last: IpAddr) -> Truth {
    let Some(net) = net else { return Truth::Unknown };
    let (low, high) = (net.network(), net.broadcast());
    if first.is_ipv4() != low.is_ipv4() || last.is_ipv4() != low.is_ipv4() {
        return Truth::No;
    }
    if first <= low && high <= last {
        Truth::Yes
    } else if high < first || last < low {
        Truth::No
    } else {
        Truth::Unknown
    }
}

/// Whether an address out of `net` belongs to this network or is this address.
pub fn lies_in(net: Option<IpNet>, text: &str) -> Truth {
    match text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into())) {
        Ok::<IpNet, _>(wide) => lies_between(net, wide.network(), wide.broadcast()),
        Err(_) => Truth::Unknown,
    }
}
