//! The packet that is to be let through, and what is certain about it.

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

impl Packet<'_> {
    /// It is IPv6 if one of its addresses is.
    pub fn is_ipv6(&self) -> bool {
        [self.source, self.destination].into_iter().flatten().any(|net| matches!(net, IpNet::V6(_)))
    }

    /// Its interface at the side of the bridge.
    pub fn inside(&self) -> &str {
        if self.is_answer == self.is_published { self.input } else { self.output }
    }

    /// Whether a firewall can be told of exactly these interfaces.
    pub fn has_plain_names(&self) -> bool {
        [self.input, self.output].iter().all(|name| InterfaceName::existing(name).is_ok())
    }

    /// Whether conntrack has it in this state, in the words of either tool.
    pub fn is_in_state(&self, state: &str) -> Truth {
        match state.to_ascii_lowercase().as_str() {
            "new" => (!self.is_answer).into(),
            "established" => self.is_answer.into(),
            "related" | "invalid" | "untracked" => Truth::No,
            "dnat" => self.is_published.into(),
            _ => Truth::Unknown,
        }
    }

    /// Whether its protocol is this one, by name or number.
    pub fn is_protocol(protocol: &str) -> Truth {
        matches!(protocol, "tcp" | "6").into()
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
