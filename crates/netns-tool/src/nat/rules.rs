//! The rules of a NAT, and how they are known again: by their comments, which also tell what forwarding was before.

use super::owner;
use super::publication::Publication;
use crate::family::Family;
use crate::firewall::rule::{Chain, Origin, Ports, Rule, State, Verdict};
use crate::mark::{self, Mark};
use crate::name::InterfaceName;
use crate::sysctl::{Need, Scope};
use ipnet::IpNet;
use std::collections::{BTreeMap, HashSet};

/// Between the comment of a NAT and its record of what was before.
pub const BEFORE: &str = " before ";

/// In the comment of a NAT that forwards between its own interfaces alone.
pub const INTERFACE: &str = " interface";

/// In the comment of a NAT whose IPv6 subnets keep their addresses.
pub const PLAIN: &str = " plain";

/// In the comment of a rule that lets a NAT which stood already talk with one bridge more.
pub const ADDED: &str = " added";

/// A NAT: the rules that make it, in the order in which a packet should meet them.
pub struct Nat<'a> {
    pub bridge: &'a InterfaceName,
    pub uplink: &'a InterfaceName,
    pub scope: Scope,
    pub subnets: &'a [IpNet],
    /// Whether IPv6 subnets get the address of the uplink; those of IPv4 always do.
    pub masquerades_ipv6: bool,
    /// Others that the bridge may talk with.
    pub allowed: &'a [InterfaceName],
    /// Whether it is there already, and the allowed are added to it.
    pub stands: bool,
}

/// What a NAT remembers of a family, besides what others do: what was before the first of them.
pub struct Memory {
    pub record: String,
    /// The interfaces that forward because of this NAT alone: what comes in over them and was not asked for must not
    /// get further than to it.
    pub turned: Vec<InterfaceName>,
}

/// The rules with a mark that may name a lab.
pub fn marked(rules: impl IntoIterator<Item = Rule>, mark: &Mark) -> Vec<Rule> {
    let put = |rule: Rule| {
        // Some of them may have it already.
        let comment = match Mark::read(&rule.comment) {
            Some((_, more)) if !more.is_empty() => format!("{mark} {more}"),
            _ => mark.to_string(),
        };
        Rule { comment, ..rule }
    };
    rules.into_iter().map(put).collect()
}

impl Nat<'_> {
    pub fn families(&self) -> Vec<Family> {
        let has = |family| self.subnets.iter().any(|net| Family::of_net(net) == family);
        Family::BOTH.into_iter().filter(|family| has(*family)).collect()
    }

    /// All of its rules; of families that are not its own, those that close the bridge. Some bear the record, of either
    /// table: any may be flushed by somebody.
    pub fn rules(&self, memories: &BTreeMap<Family, Memory>, closed: &[Family]) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (family, memory) in memories {
            rules.extend(self.forward(*family, memory));
        }
        for family in closed.iter().chain(memories.keys()) {
            rules.extend(close(*family, self.bridge));
        }
        rules
    }

    fn forward(&self, family: Family, memory: &Memory) -> Vec<Rule> {
        let (bridge, uplink) = (self.bridge, self.uplink);
        let comment = self.comment(family);
        let with_record = format!("{comment}{BEFORE}{}", memory.record);
        let rule = |chain, verdict, comment: &str| Rule::new(family, chain, verdict, comment);
        let accept = |comment: &str| rule(Chain::Forward, Verdict::Accept, comment);
        let subnets = self.subnets.iter().filter(|net| Family::of_net(net) == family);
        let mut rules = Vec::new();
        for subnet in subnets.clone() {
            let out = accept(&with_record).from(bridge).to(uplink);
            rules.push(Rule { source: Some(*subnet), ..out });
        }
        rules.push(accept(&comment).from(uplink).to(bridge).when(State::Answer));
        // With a record: what is allowed later was not in those of before.
        let added = if self.stands { ADDED } else { "" };
        let of_allowed = format!("{comment}{added}{BEFORE}{}", memory.record);
        for other in self.allowed {
            rules.push(accept(&of_allowed).from(bridge).to(other));
            rules.push(accept(&of_allowed).from(other).to(bridge));
        }
        for interface in &memory.turned {
            let comment = if interface == uplink { &comment } else { &of_allowed };
            let drop = rule(Chain::Forward, Verdict::Drop, comment).from(interface);
            rules.push(drop.when(State::Unasked));
        }
        if family == Family::V4 || self.masquerades_ipv6 {
            rules.extend(subnets.map(|subnet| Rule {
                source: Some(*subnet),
                ..rule(Chain::Postrouting, Verdict::Masquerade, &with_record).to(uplink)
            }));
        }
        rules
    }

    pub fn need(&self) -> Need {
        owner::need(self.scope, self.bridge, self.uplink, self.allowed)
    }

    fn comment(&self, family: Family) -> String {
        let scope = if self.scope == Scope::Interface { INTERFACE } else { "" };
        let plain = if family == Family::V6 && !self.masquerades_ipv6 { PLAIN } else { "" };
        format!("{} nat {} {}{scope}{plain}", mark::ALIAS, self.bridge, self.uplink)
    }
}

/// The rules that all NATs of a bridge share: it talks with itself, where bridges ask the firewall, and else with nobody
/// but those whom another rule lets through. Of both families: an address may come later.
fn close(family: Family, bridge: &InterfaceName) -> [Rule; 3] {
    let comment = format!("{} nat {bridge}", mark::ALIAS);
    let rule = |verdict| Rule::new(family, Chain::Forward, verdict, &comment);
    [
        rule(Verdict::Accept).from(bridge).to(bridge),
        rule(Verdict::Drop).to(bridge),
        rule(Verdict::Drop).from(bridge),
    ]
}

/// The rule by which connections to the published ports are sent on.
pub fn send(publication: &Publication, bridge: &str, uplink: &str) -> Vec<Rule> {
    let comment = format!("{} publish {bridge} {uplink}", mark::ALIAS);
    let send = |(ports, port)| Rule {
        destination: publication.host.map(IpNet::from),
        ports: Some(ports),
        ..Rule::new(
            publication.family(),
            Chain::Publish,
            Verdict::Send { to: publication.to, port },
            &comment,
        )
    };
    publication.sends().map(send).collect()
}

/// The rule that lets in what the other sends on, and nothing that another publication sends to the same port.
pub fn let_in(send: &Rule, bridge: &InterfaceName) -> Option<Rule> {
    let (Verdict::Send { to, port }, Some(ports)) = (send.verdict, send.ports) else {
        return None;
    };
    let inside = port.map_or(ports, |port| Ports { first: port, last: port, ..ports });
    let address = send.destination.map(|net| net.addr());
    let rule = Rule::new(send.family, Chain::Forward, Verdict::Accept, &send.comment);
    Some(Rule {
        destination: Some(IpNet::from(to)),
        ports: Some(inside),
        origin: Some(Origin { address, first: ports.first, last: ports.last }),
        ..rule.to(bridge).when(State::Published)
    })
}

/// The rules without which the host's published ports cannot be reached from the bridge itself: an answer must not
/// take the short way back.
pub fn hairpin(bridge: &InterfaceName, subnets: &[IpNet]) -> Vec<Rule> {
    let comment = format!("{} publish {bridge}", mark::ALIAS);
    let rule = |subnet: &IpNet| Rule {
        source: Some(*subnet),
        ..Rule::new(Family::of_net(subnet), Chain::Postrouting, Verdict::Masquerade, &comment)
            .to(bridge)
            .when(State::Published)
    };
    subnets.iter().map(rule).collect()
}

/// The rules that let the answers out of the bridge to whoever has reached a published port, over the uplink or not, and
/// what the way back says of them in.
pub fn answers(bridge: &InterfaceName, families: &HashSet<Family>) -> Vec<Rule> {
    let comment = format!("{} publish {bridge}", mark::ALIAS);
    let rules = |family: Family| {
        let accept = || Rule::new(family, Chain::Forward, Verdict::Accept, &comment);
        [accept().from(bridge).when(State::Answer), accept().to(bridge).when(State::Related)]
    };
    Family::BOTH.into_iter().filter(|family| families.contains(family)).flat_map(rules).collect()
}

/// The rules for ports that are published on 127.0.0.1 too: its packets get an address that can be answered, and what
/// `route_localnet` would let through from the bridge is dropped (CVE-2020-8558). What claims to come from 127.0.0.0/8 is
/// forged, also where it fits to a connection of the host with itself; a true answer has the namespace's address there.
pub fn loopback(bridge: &InterfaceName, record: &str) -> Vec<Rule> {
    let comment = format!("{} loopback {bridge}{BEFORE}{record}", mark::ALIAS);
    let net = Some(IpNet::from(ipnet::Ipv4Net::new_assert([127, 0, 0, 0].into(), 8)));
    vec![
        Rule {
            source: net,
            ..Rule::new(Family::V4, Chain::Input, Verdict::Drop, &comment).from(bridge)
        },
        Rule {
            destination: net,
            ..Rule::new(Family::V4, Chain::Input, Verdict::Drop, &comment)
                .from(bridge)
                .when(State::NotKnown)
        },
        Rule {
            source: net,
            ..Rule::new(Family::V4, Chain::Postrouting, Verdict::Masquerade, &comment)
                .to(bridge)
                .when(State::Published)
        },
    ]
}
