//! What stands, as if a lab file described it: so what looks into labs can look into anything.

use super::{Interface, Spot, Topology};
use crate::lab::model::{Bridge, End, Lab, Link, Namespace};
use crate::lab::whereabouts::Whereabouts;
use crate::mark::LabName;
use crate::plan::Place;
use ipnet::IpNet;
use std::path::PathBuf;

impl Topology {
    /// The lab `name`, with the places, wires, bridges and addresses that are there, and nothing that is expected.
    pub fn described(&self, name: LabName) -> Lab {
        let namespaces = self.namespaces().map(|(name, spot)| Namespace {
            name: name.clone(),
            addresses: spot
                .interfaces
                .iter()
                .find(|one| one.is_loopback())
                .map_or_else(Vec::new, |lo| {
                    lo.addresses.iter().filter(|net| !net.addr().is_loopback()).copied().collect()
                }),
            name_servers: Vec::new(),
            hosts: Vec::new(),
            sysctls: Vec::new(),
        });
        let bridges = self.interfaces().filter(|(_, one)| one.is_bridge());
        Lab {
            name,
            file: PathBuf::new(),
            namespaces: namespaces.collect(),
            bridges: bridges.map(|(at, one)| bridge(at, one)).collect(),
            links: self.wires().map(|ends| Link { ends, mtu: None }).collect(),
            routes: Vec::new(),
            nats: Vec::new(),
            processes: Vec::new(),
            expectations: Vec::new(),
            whereabouts: self.whereabouts(),
        }
    }

    /// Each pair once.
    fn wires(&self) -> impl Iterator<Item = [End; 2]> {
        let number = |at: &Place| self.spots.iter().position(|spot| spot.at == *at);
        self.interfaces().filter_map(move |(at, one)| {
            let (far, other) = self.peer(one)?;
            let key = |at: &Place, one: &Interface| (number(at), one.name.clone());
            (key(at, one) < key(far, other)).then(|| [end(at, one), end(far, other)])
        })
    }

    /// Who has which addresses; those of one subnet reach each other without a router.
    fn whereabouts(&self) -> Whereabouts<Place> {
        let mut subnets: Vec<IpNet> = Vec::new();
        let mut whereabouts = Whereabouts::default();
        let usable = |spot: &Spot| {
            let addresses = spot.interfaces.iter().flat_map(|one| &one.addresses);
            let is_usable =
                |net: &&IpNet| !(crate::address::is_link_local(net) || net.addr().is_loopback());
            addresses.filter(is_usable).copied().collect::<Vec<_>>()
        };
        for spot in &self.spots {
            for net in usable(spot) {
                let subnet = net.trunc();
                let known = subnets.iter().position(|other| *other == subnet);
                let segment = known.unwrap_or_else(|| {
                    subnets.push(subnet);
                    subnets.len() - 1
                });
                whereabouts.add(spot.at.clone(), Some(segment), net.addr());
            }
        }
        whereabouts
    }
}

fn bridge(at: &Place, one: &Interface) -> Bridge {
    Bridge {
        at: at.clone(),
        name: one.name.clone(),
        addresses: one.addresses.clone(),
        mtu: one.mtu,
        mac: None,
        stp: false,
        vlan_filtering: false,
    }
}

fn end(at: &Place, one: &Interface) -> End {
    End {
        at: at.clone(),
        name: one.name.clone(),
        addresses: one.addresses.clone(),
        mac: None,
        bridge: one.master.clone(),
    }
}
