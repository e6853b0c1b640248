//! What the rules of a NAT cannot do anything about, said to whom it concerns.

use crate::family::Family;
use crate::firewall::obstacle::{self, Obstacle, Packet};
use crate::firewall::{Backend, Firewall, nft};
use crate::kernel::Snapshot;
use crate::name::InterfaceName;
use ipnet::IpNet;

/// The tables that iptables has, as nft sees them.
const IPTABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

/// What will drop the packets of the NAT although it stands.
pub fn of_nat(
    bridge: &InterfaceName,
    uplink: &InterfaceName,
    subnets: &[IpNet],
    facts: &Snapshot,
) -> Vec<String> {
    let mut found = Found::default();
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
        if facts.is_bridged_traffic_filtered {
            packets.push((among, format!("what the ports of {bridge} send to each other")));
        }
        for (packet, what) in packets {
            found.look(family, &packet, &what, &facts.firewall);
        }
    }
    found.warnings()
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
    let mut found = Found::default();
    let what = format!("what comes from {uplink} to the published ports");
    found.look(Family::of_net(&to), &packet, &what, &facts.firewall);
    found.warnings()
}

/// Rules of others that drop something, each with what it drops and what to type.
#[derive(Default)]
struct Found(Vec<(String, Vec<String>, Vec<String>)>);

impl Found {
    fn look(&mut self, family: Family, packet: &Packet, what: &str, firewall: &Firewall) {
        for Obstacle { what: rule, cures } in obstacles(family, packet, firewall) {
            let index = self.0.iter().position(|(known, ..)| *known == rule).unwrap_or_else(|| {
                self.0.push((rule, Vec::new(), Vec::new()));
                self.0.len() - 1
            });
            let (_, dropped, to_type) = &mut self.0[index];
            if !dropped.iter().any(|known| known == what) {
                dropped.push(what.to_owned());
            }
            to_type.extend(
                cures.into_iter().filter(|cure| !to_type.contains(cure)).collect::<Vec<_>>(),
            );
        }
    }

    fn warnings(self) -> Vec<String> {
        let warning = |(rule, dropped, cures): (String, Vec<String>, Vec<String>)| {
            let mut lines = vec![format!(
                "warning: {rule} drops {}; no rule of another table can let it through",
                dropped.join(", and ")
            )];
            lines.extend(cures.iter().map(|cure| format!("  try:     {cure}")));
            lines.join("\n")
        };
        self.0.into_iter().map(warning).collect()
    }
}

/// Our own table, and with iptables as the backend its filter table (in which our rules come first), are not in the way.
fn obstacles(family: Family, packet: &Packet, firewall: &Firewall) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let mut saved: Vec<(&str, &str)> = Vec::new();
    let others = firewall.other_variant.iter().filter(|(of, ..)| *of == family);
    saved.extend(others.map(|(_, command, text)| (*command, text.as_str())));
    if firewall.backend == Backend::Nft {
        let command = match family {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        };
        let own = firewall.saved.iter().filter(|(of, _)| *of == family);
        saved.extend(own.map(|(_, listing)| (command, listing.text.as_str())));
    }
    found.extend(
        saved.iter().filter_map(|(command, text)| obstacle::in_saved(text, command, packet)),
    );
    let has_iptables = !firewall.saved.is_empty();
    let is_judged = |family: &str, table: &str| {
        (family == "inet" && nft::TABLE.ends_with(table))
            || (has_iptables && family.starts_with("ip") && IPTABLES.contains(&table))
    };
    let ruleset = firewall.ruleset.as_ref();
    found.extend(ruleset.and_then(|ruleset| obstacle::in_ruleset(ruleset, is_judged, packet)));
    found
}
