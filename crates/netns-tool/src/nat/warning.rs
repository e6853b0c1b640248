//! What the rules of a NAT cannot do anything about, said to whom it concerns.

use crate::family::Family;
use crate::firewall::iptables::CHAIN;
use crate::firewall::obstacle::{self, Listing, Obstacle, Packet, Reason};
use crate::firewall::{Backend, Firewall, nft};
use crate::kernel::Snapshot;
use crate::name::InterfaceName;
use crate::sysctl::{Forwarding, Need};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// What will drop the packets of the NAT although it stands.
pub fn of_nat(
    bridge: &InterfaceName,
    uplink: &InterfaceName,
    subnets: &[IpNet],
    facts: &Snapshot,
) -> Vec<String> {
    in_the_way(bridge, uplink, subnets, facts, true).iter().map(InTheWay::warning).collect()
}

/// A rule of somebody else's that drops what is to get through.
pub struct InTheWay {
    /// The rule, or the policy of its chain.
    pub rule: String,
    /// What it drops.
    pub dropped: String,
    /// Why no rule of netns-tool helps.
    pub reason: String,
    /// What to type, one command each.
    pub cures: Vec<String>,
    /// Of which families it drops, besides, what the ports of one bridge send to each other.
    pub between_ports: BTreeSet<Family>,
}

impl InTheWay {
    fn warning(&self) -> String {
        let Self { rule, dropped, reason, cures, .. } = self;
        let mut lines = vec![format!("warning: {rule} drops {dropped}; {reason}")];
        lines.extend(cures.iter().map(|cure| format!("  try:     {cure}")));
        lines.join("\n")
    }
}

/// What will drop the packets between a bridge and an uplink, with a NAT of netns-tool or without one.
pub fn in_the_way(
    bridge: &InterfaceName,
    uplink: &InterfaceName,
    subnets: &[IpNet],
    facts: &Snapshot,
    has_nat: bool,
) -> Vec<InTheWay> {
    let mut found = Found { has_nat, ..Found::default() };
    for family in Family::BOTH {
        let Some(subnet) = subnets.iter().find(|net| Family::of_net(net) == family) else {
            continue;
        };
        let (bridge, uplink) = (bridge.as_str(), uplink.as_str());
        let out = Packet {
            input: bridge,
            output: uplink,
            source: Some(*subnet),
            destination: None,
            is_answer: false,
            is_published: false,
        };
        let answer = Packet {
            input: uplink,
            output: bridge,
            source: None,
            destination: Some(*subnet),
            is_answer: true,
            is_published: false,
        };
        let among = Packet { output: bridge, destination: Some(*subnet), ..out };
        let mut packets = vec![
            (out, format!("what {bridge} sends out over {uplink}")),
            (answer, format!("the answers from {uplink} to {bridge}")),
        ];
        if facts.filtered_on_bridges.contains(&family) {
            packets.push((among, format!("what the ports of {bridge} send to each other")));
        }
        for (packet, what) in packets {
            found.look(family, &packet, &what, &facts.firewall);
        }
    }
    found.all()
}

/// Which interface's own switch is off although the whole host forwards: packets of IPv4 that come in over it stay here.
pub fn of_switches(
    need: &Need,
    before: &BTreeMap<Family, Forwarding>,
    facts: &Snapshot,
) -> Vec<String> {
    let was_on = before.get(&Family::V4).is_some_and(|before| before.on);
    let off = facts.switches.v4.closed(need, &facts.host);
    let warning = |name: &InterfaceName| {
        let switch = format!("/proc/sys/net/ipv4/conf/{name}/forwarding");
        format!(
            "warning: `{name}` does not forward IPv4, though the host does: {switch} is 0\n  \
             try:     echo 1 > {switch}"
        )
    };
    off.iter().filter(|_| was_on).map(warning).collect()
}

/// What will drop the connections to ports that are published.
pub fn of_publication(
    bridge: &InterfaceName,
    uplink: &InterfaceName,
    to: IpNet,
    facts: &Snapshot,
) -> Vec<String> {
    let packet = Packet {
        input: uplink.as_str(),
        output: bridge.as_str(),
        source: None,
        destination: Some(to),
        is_answer: false,
        is_published: true,
    };
    let mut found = Found { has_nat: true, ..Found::default() };
    let what = format!("what comes from {uplink} to the published ports");
    found.look(Family::of_net(&to), &packet, &what, &facts.firewall);
    found.all().iter().map(InTheWay::warning).collect()
}

/// Rules of others that drop something, each with what it drops; the cures are those for all of that.
#[derive(Default)]
struct Found {
    obstacles: Vec<(Obstacle, Vec<String>)>,
    /// Whether netns-tool has rules that let it through where they are asked.
    has_nat: bool,
    /// Those of them that drop what goes from port to port of a bridge.
    between_ports: Vec<(Family, String)>,
}

impl Found {
    fn look(&mut self, family: Family, packet: &Packet, what: &str, firewall: &Firewall) {
        for obstacle in obstacles(family, packet, firewall, self.has_nat) {
            if packet.input == packet.output {
                self.between_ports.push((family, obstacle.what.clone()));
            }
            let is_same = |(known, _): &(Obstacle, _)| known.what == obstacle.what;
            let Some(index) = self.obstacles.iter().position(is_same) else {
                self.obstacles.push((obstacle, vec![what.to_owned()]));
                continue;
            };
            let (known, dropped) = &mut self.obstacles[index];
            if !dropped.iter().any(|known| known == what) {
                dropped.push(what.to_owned());
            }
            let is_new = |cure: &String| !known.cures.contains(cure);
            let new: Vec<String> = obstacle.cures.into_iter().filter(is_new).collect();
            known.cures.extend(new);
        }
    }

    fn all(self) -> Vec<InTheWay> {
        let between_ports = self.between_ports;
        let in_the_way = |(obstacle, dropped): (Obstacle, Vec<String>)| {
            let reason = match obstacle.reason {
                Reason::IsElsewhere => "no rule of another table can let it through".to_owned(),
                Reason::ComesFirst => {
                    format!("netns-tool's chain `{CHAIN}` is not asked first")
                }
            };
            let (rule, dropped) = (obstacle.what, dropped.join(", and "));
            let its = between_ports.iter().filter(|(_, what)| *what == rule);
            let between_ports = its.map(|(family, _)| *family).collect();
            InTheWay { rule, dropped, reason, cures: obstacle.cures, between_ports }
        };
        self.obstacles.into_iter().map(in_the_way).collect()
    }
}

/// Iptables is judged by what its `-save` prints, which nft shows without the extensions; what nft has besides, by nft.
fn obstacles(family: Family, packet: &Packet, firewall: &Firewall, has_nat: bool) -> Vec<Obstacle> {
    let command = family.iptables();
    let has_ours = has_nat && firewall.backend == Backend::Iptables;
    let own = firewall.saved.iter().find(|(of, _)| *of == family);
    let own = own.map(|(_, saved)| Listing { text: &saved.text, command, has_ours });
    let other = firewall.other_variant.iter().find(|(of, ..)| *of == family);
    let other = other.map(|(_, command, text)| Listing { text, command, has_ours: false });
    let mut found: Vec<Obstacle> = [own, other]
        .into_iter()
        .flatten()
        .filter_map(|listing| obstacle::in_saved(&listing, packet))
        .collect();
    // The one on nft is always among them, where `iptables` is the legacy one.
    let on_nft = other.filter(|other| other.command.ends_with("-nft")).or(own);
    let mut judged: Vec<(&str, &str)> = Vec::new();
    judged.extend(on_nft.iter().flat_map(|listing| obstacle::listed_chains(listing.text)));
    // It leads to our own chain, or will.
    judged.extend(on_nft.filter(|listing| listing.has_ours).map(|_| ("filter", "FORWARD")));
    let skip = |family: &str, table: &str, chain: &str| match family {
        "inet" => nft::TABLE.strip_prefix("inet ") == Some(table),
        _ => judged.contains(&(table, chain)),
    };
    let ruleset = firewall.ruleset.as_ref();
    found.extend(ruleset.and_then(|ruleset| obstacle::in_ruleset(ruleset, skip, packet)));
    found
}
