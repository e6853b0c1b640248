//! From a network to what is drawn of it.

use super::model::{End, Graph, Node, NodeKind, Part, PartKind, Wire, WireKind};
use crate::address::is_link_local;
use crate::name::InterfaceName;
use crate::plan::Place;
use crate::suggest::one_line;
use crate::topology::{Interface, Nat, Owner, Peer, Spot, Topology};
use std::collections::{BTreeMap, BTreeSet};

impl Graph {
    /// All of the network that says something: no bare loopbacks, no link-local addresses, and of the host no
    /// interfaces that are not part of it.
    pub fn of(topology: &Topology, title: &str) -> Self {
        let mut build = Build {
            topology,
            graph: Self { title: one_line(title), ..Self::default() },
            parts: BTreeMap::new(),
            wired: BTreeSet::new(),
        };
        topology.spots.iter().for_each(|spot| build.node(spot));
        topology.nats.iter().for_each(|nat| build.uplink(nat));
        for (number, spot) in topology.spots.iter().enumerate() {
            spot.interfaces.iter().for_each(|one| build.interface(number, spot, one));
        }
        topology.nats.iter().for_each(|nat| build.nat(nat));
        without_empty_host(build.graph)
    }
}

struct Build<'a> {
    topology: &'a Topology,
    graph: Graph,
    /// The interfaces that are drawn as parts of the node of that number.
    parts: BTreeMap<(usize, &'a InterfaceName), usize>,
    /// The ends of pairs that have been drawn.
    wired: BTreeSet<(usize, &'a InterfaceName)>,
}

impl<'a> Build<'a> {
    fn number(&self, at: &Place) -> Option<usize> {
        self.topology.spots.iter().position(|spot| spot.at == *at)
    }

    /// A box with its switches.
    fn node(&mut self, spot: &'a Spot) {
        let lo = spot.interfaces.iter().find(|one| one.is_loopback());
        let mut notes: Vec<String> = lo.map(loopback_addresses).unwrap_or_default();
        notes.extend(spot.fault.map(str::to_owned));
        notes.extend(spot.also.iter().map(|name| format!("also called {name}")));
        let number = self.graph.nodes.len();
        self.graph.nodes.push(Node {
            kind: if spot.at.is_some() { NodeKind::Namespace } else { NodeKind::Host },
            name: spot.at.as_ref().map_or("host".to_owned(), |name| one_line(name.as_str())),
            notes: if spot.at.is_some() { notes } else { Vec::new() },
            is_foreign: spot.at.is_some() && spot.owner == Owner::Foreign,
            owner: spot.owner.to_string(),
            parts: Vec::new(),
        });
        let is_switch = |one: &&Interface| one.is_bridge() || spot.ports(one).next().is_some();
        for switch in spot.interfaces.iter().filter(is_switch) {
            self.part(number, switch, PartKind::Switch);
        }
    }

    fn part(&mut self, node: usize, interface: &'a Interface, kind: PartKind) -> usize {
        let parts = &mut self.graph.nodes[node].parts;
        *self.parts.entry((node, &interface.name)).or_insert_with(|| {
            parts.push(Part {
                kind,
                name: one_line(interface.name.as_str()),
                addresses: addresses(interface),
                notes: if kind == PartKind::Interface { of_kind(interface) } else { Vec::new() },
                is_foreign: interface.owner == Owner::Foreign,
                is_down: !interface.up,
            });
            parts.len() - 1
        })
    }

    /// The part that the uplink of a NAT is; one that the lab does not make is part of the host all the same.
    fn uplink(&mut self, nat: &'a Nat) {
        let (Some(host), Some(uplink)) = (self.number(&None), &nat.uplink) else { return };
        if let Some(interface) = self.topology.spots[host].interface(uplink) {
            let part = self.part(host, interface, PartKind::Interface);
            self.graph.nodes[host].parts[part].is_foreign = false;
            return;
        }
        let parts = &mut self.graph.nodes[host].parts;
        self.parts.entry((host, uplink)).or_insert_with(|| {
            parts.push(Part {
                kind: PartKind::Interface,
                name: one_line(uplink.as_str()),
                addresses: Vec::new(),
                notes: Vec::new(),
                is_foreign: false,
                is_down: false,
            });
            parts.len() - 1
        });
    }

    fn interface(&mut self, node: usize, spot: &'a Spot, interface: &'a Interface) {
        let is_part = self.parts.contains_key(&(node, &interface.name));
        // Behind an uplink that leads to nobody we know is the outside.
        let is_pair = interface.peer.is_some()
            && !(is_part && interface.peer.as_ref().is_some_and(|peer| peer.end().is_none()));
        if is_pair && self.wired.insert((node, &interface.name)) {
            self.pair(node, spot, interface);
        } else if !is_pair && !interface.is_loopback() {
            let is_told = spot.at.is_some() && !is_idle_fallback(interface);
            if !is_part && (is_told || interface.master.is_some()) {
                self.part(node, interface, PartKind::Interface);
            }
            if interface.master.is_some() {
                self.hardware_port(node, spot, interface);
            }
        }
    }

    /// A port that is no end of a pair.
    fn hardware_port(&mut self, node: usize, spot: &'a Spot, interface: &'a Interface) {
        let part = self.parts.get(&(node, &interface.name)).copied();
        let own = End { node, part, name: String::new(), addresses: Vec::new() };
        let Some(switch) = self.switch(node, spot, interface) else { return };
        let port = End { part: Some(switch), ..own.clone() };
        self.graph.wires.push(Wire {
            ends: [port, own],
            kind: WireKind::Plain,
            is_down: !interface.up,
            is_foreign: interface.owner == Owner::Foreign,
        });
    }

    /// The part that the bridge of a port is.
    fn switch(&self, node: usize, spot: &'a Spot, port: &Interface) -> Option<usize> {
        let master = spot.interface(port.master.as_ref()?)?;
        self.parts.get(&(node, &master.name)).copied()
    }

    fn pair(&mut self, node: usize, spot: &'a Spot, interface: &'a Interface) {
        let topology = self.topology;
        let far = interface.peer.as_ref().and_then(Peer::end);
        let far = far.and_then(|(at, _)| self.number(&at));
        let far = far.zip(topology.peer(interface));
        let is_inner = far.is_some_and(|(number, _)| number == node);
        let near_end = self.end(node, spot, interface, is_inner);
        let far_end = match far {
            Some((number, (_, one))) => {
                self.wired.insert((number, &one.name));
                self.end(number, &topology.spots[number], one, is_inner)
            }
            None if interface.peer == Some(Peer::Unseen) => {
                self.extra(NodeKind::Unseen, "not looked into")
            }
            None => self.extra(NodeKind::Unnamed, "no name"),
        };
        let others = far.map(|(_, (_, one))| one);
        self.graph.wires.push(Wire {
            ends: [near_end, far_end],
            kind: WireKind::Cable,
            is_down: !interface.up || others.is_some_and(|one| !one.up),
            is_foreign: interface.owner == Owner::Foreign,
        });
    }

    fn end(&mut self, node: usize, spot: &'a Spot, interface: &'a Interface, inner: bool) -> End {
        let switch = self.switch(node, spot, interface);
        if switch.is_none() && inner {
            self.part(node, interface, PartKind::Interface);
        }
        if let Some(part) = self.parts.get(&(node, &interface.name)).copied() {
            return End { node, part: Some(part), name: String::new(), addresses: Vec::new() };
        }
        let name = one_line(interface.name.as_str());
        End { node, part: switch, name, addresses: addresses(interface) }
    }

    /// A box that is neither the host nor a namespace that we know.
    fn extra(&mut self, kind: NodeKind, name: &str) -> End {
        self.graph.nodes.push(Node {
            kind,
            name: name.to_owned(),
            notes: Vec::new(),
            is_foreign: kind == NodeKind::Unnamed,
            owner: String::new(),
            parts: Vec::new(),
        });
        let node = self.graph.nodes.len() - 1;
        End { node, part: None, name: String::new(), addresses: Vec::new() }
    }

    fn internet(&mut self) -> End {
        let known = self.graph.nodes.iter().position(|node| node.kind == NodeKind::Internet);
        match known {
            Some(node) => End { node, part: None, name: String::new(), addresses: Vec::new() },
            None => self.extra(NodeKind::Internet, "the internet"),
        }
    }

    fn nat(&mut self, nat: &'a Nat) {
        let Some(node) = self.number(&None) else { return };
        let Some(bridge) = self.parts.get(&(node, &nat.bridge)).copied() else { return };
        let notes = &mut self.graph.nodes[node].parts[bridge].notes;
        notes.extend(nat.published.iter().map(|one| format!("publishes {}", one_line(one))));
        notes.extend(nat.allowed.iter().map(|one| format!("allows {}", one_line(one.as_str()))));
        let uplink = nat.uplink.as_ref().and_then(|name| self.parts.get(&(node, name)).copied());
        let end = |part| End { node, part, name: String::new(), addresses: Vec::new() };
        let from = end(Some(bridge));
        let to = if uplink.is_some() { end(uplink) } else { self.internet() };
        self.wire(WireKind::Nat, from, to.clone());
        let has_way = |wire: &Wire| wire.kind != WireKind::Nat && wire.ends.contains(&to);
        if uplink.is_some() && !self.graph.wires.iter().any(has_way) {
            let internet = self.internet();
            self.wire(WireKind::Plain, to, internet);
        }
    }

    fn wire(&mut self, kind: WireKind, one: End, other: End) {
        self.graph.wires.push(Wire { ends: [one, other], kind, is_down: false, is_foreign: false });
    }
}

/// A tunnel that the kernel puts into each namespace as soon as its module is loaded (`fb_tunnels_only_for_init_net` of
/// ip-sysctl), and that nobody uses.
fn is_idle_fallback(interface: &Interface) -> bool {
    const NAMES: [&str; 9] = [
        "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0",
    ];
    let is_used = interface.up || !addresses(interface).is_empty() || interface.master.is_some();
    NAMES.contains(&interface.name.as_str()) && !is_used
}

/// What is neither a wire nor a switch is told by its kind.
fn of_kind(interface: &Interface) -> Vec<String> {
    let kinds = interface.kind.iter().filter(|kind| !["veth", "bridge"].contains(&kind.as_str()));
    kinds.cloned().collect()
}

/// Those that the kernel gives by itself say nothing.
fn addresses(interface: &Interface) -> Vec<String> {
    let told = interface.addresses.iter().filter(|net| !is_link_local(net));
    told.map(ToString::to_string).collect()
}

fn loopback_addresses(lo: &Interface) -> Vec<String> {
    let own = lo.addresses.iter().filter(|net| !net.addr().is_loopback());
    own.map(|net| format!("lo {net}")).collect()
}

/// A host that has nothing to do with the network is not drawn.
fn without_empty_host(mut graph: Graph) -> Graph {
    let is_used = graph.wires.iter().flat_map(|wire| &wire.ends).any(|end| end.node == 0);
    let has_parts = graph.nodes.first().is_none_or(|host| !host.parts.is_empty());
    if is_used || has_parts || graph.nodes.len() < 2 {
        return graph;
    }
    graph.nodes.remove(0);
    graph.wires.iter_mut().flat_map(|wire| &mut wire.ends).for_each(|end| end.node -= 1);
    graph
}
