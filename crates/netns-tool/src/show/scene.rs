//! What is known of one place.

use super::view::{End, Known, Waiting, Way};
use crate::address::{hardware, is_link_local};
use crate::failure::failed;
use crate::kernel::Snapshot;
use crate::kernel::around::{Around, Neighbour, around};
use crate::kernel::sockets::Listener;
use crate::kernel::state::{Refusal, Route};
use crate::name::InterfaceName;
use crate::plan::Place;
use crate::topology::{Interface, Spot, Topology};
use anyhow::Result;
use ipnet::IpNet;

/// A place, with all that is read of it.
pub struct Scene<'a> {
    topology: &'a Topology,
    facts: &'a Snapshot,
    pub spot: &'a Spot,
    around: Around,
}

impl<'a> Scene<'a> {
    pub fn look(at: &Place, topology: &'a Topology, facts: &'a Snapshot) -> Result<Self> {
        let gone = || failed("it has just gone").hint("netns-tool list");
        let spot = topology.spot(at).ok_or_else(gone)?;
        Ok(Self { topology, facts, spot, around: around(at)? })
    }

    fn index(&self, interface: &InterfaceName) -> Option<u32> {
        Some(self.facts.state(&self.spot.at).link(interface)?.index)
    }

    fn device(&self, index: u32) -> Option<InterfaceName> {
        Some(self.facts.state(&self.spot.at).by_index(index)?.name.clone())
    }

    pub fn end(&self, interface: &Interface) -> End {
        let index = self.index(&interface.name);
        let condition = self.around.conditions.iter().find(|one| Some(one.index) == index);
        let far = self.topology.peer(interface);
        End {
            interface: interface.clone(),
            carrier: condition.map(|one| one.has_carrier),
            port_state: condition.and_then(|one| one.port_state).map(port_state),
            peer_master: far.and_then(|(_, far)| far.master.clone()),
        }
    }

    pub fn ends(&self) -> Vec<End> {
        self.spot.interfaces.iter().map(|interface| self.end(interface)).collect()
    }

    pub fn routes(&self) -> impl Iterator<Item = Way> + '_ {
        // The kernel's own of IPv6 for groups and link-local addresses say nothing.
        let all = self.around.routes.iter().filter(|route| !is_commonplace(&route.to));
        let onward = all.map(|Route { to, via, device, metric, .. }| Way {
            kind: "unicast",
            to: *to,
            via: *via,
            device: device.and_then(|index| self.device(index)),
            metric: *metric,
        });
        let refusals = self.around.refusals.iter();
        onward.chain(refusals.map(|Refusal { kind, to, metric }| Way {
            kind,
            to: *to,
            via: None,
            device: None,
            metric: *metric,
        }))
    }

    pub fn neighbours(&self) -> impl Iterator<Item = Known> + '_ {
        self.around.neighbours.iter().filter_map(|one| {
            let Neighbour { device, ip, mac, state } = one;
            Some(Known {
                address: *ip,
                mac: mac.as_deref().map(hardware),
                device: self.device(*device)?,
                state: neighbour_state(*state),
            })
        })
    }

    pub fn listening(&self) -> Vec<Waiting> {
        let waiting = |listener: &Listener| Waiting {
            protocol: listener.protocol.name(),
            address: listener.address,
            port: listener.port,
            process: listener.who(),
        };
        self.around.listeners.iter().map(waiting).collect()
    }
}

fn is_commonplace(net: &IpNet) -> bool {
    is_link_local(net) || net.addr().is_multicast()
}

/// By linux/if_bridge.h.
fn port_state(state: u8) -> &'static str {
    match state {
        0 => "disabled",
        1 => "listening",
        2 => "learning",
        3 => "forwarding",
        _ => "blocking",
    }
}

/// By linux/neighbour.h.
fn neighbour_state(state: u16) -> &'static str {
    match state {
        0x01 => "incomplete",
        0x02 => "reachable",
        0x04 => "stale",
        0x08 => "delay",
        0x10 => "probe",
        0x20 => "failed",
        0x80 => "permanent",
        _ => "none",
    }
}
