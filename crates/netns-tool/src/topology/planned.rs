//! The network as a lab file describes it.

use super::{Interface, Nat, Owner, Peer, Spot, Topology};
use crate::lab::model::{self, Lab};
use crate::name::InterfaceName;
use crate::plan::Place;
use ipnet::IpNet;

impl Topology {
    /// What the file says; of the host only what is of the lab.
    pub fn planned(lab: &Lab) -> Self {
        let host = spot(lab, None);
        let namespaces = lab.namespaces.iter().map(|namespace| {
            let mut spot = spot(lab, Some(namespace.name.clone()));
            let lo = InterfaceName::reported("lo".to_owned());
            spot.interfaces.insert(0, interface(lab, None, &lo, &namespace.addresses));
            spot
        });
        let nat = |nat: &model::Nat| Nat {
            bridge: nat.bridge.clone(),
            uplink: nat.uplink.clone(),
            owner: Owner::Lab(lab.name.clone()),
            subnets: subnets(lab, &nat.bridge),
            allowed: nat.allowed.clone(),
            published: nat.publications.iter().map(ToString::to_string).collect(),
        };
        Self {
            spots: std::iter::once(host).chain(namespaces).collect(),
            nats: lab.nats.iter().map(nat).collect(),
            hidden: 0,
        }
    }
}

fn spot(lab: &Lab, at: Place) -> Spot {
    let bridges = lab.bridges.iter().filter(|bridge| bridge.at == at).map(|bridge| Interface {
        mtu: bridge.mtu,
        mac: bridge.mac.map(|mac| mac.to_string()),
        ..interface(lab, Some("bridge"), &bridge.name, &bridge.addresses)
    });
    let ends = lab.links.iter().flat_map(|link| {
        let [one, other] = &link.ends;
        [(link, one, other), (link, other, one)]
    });
    let ends = ends.filter(|(_, end, _)| end.at == at).map(|(link, end, far)| Interface {
        mtu: link.mtu,
        mac: end.mac.map(|mac| mac.to_string()),
        master: end.bridge.clone(),
        peer: Some(Peer::of(&far.at, &far.name)),
        ..interface(lab, Some("veth"), &end.name, &end.addresses)
    });
    let interfaces = bridges.chain(ends).collect();
    let owner = Owner::Lab(lab.name.clone());
    Spot { at, owner, fault: None, interfaces, same_as: None, also: Vec::new() }
}

fn interface(
    lab: &Lab,
    kind: Option<&str>,
    name: &InterfaceName,
    addresses: &[IpNet],
) -> Interface {
    Interface {
        name: name.clone(),
        kind: kind.map(str::to_owned),
        owner: Owner::Lab(lab.name.clone()),
        up: true,
        mtu: None,
        mac: None,
        addresses: addresses.to_vec(),
        master: None,
        peer: None,
    }
}

fn subnets(lab: &Lab, bridge: &InterfaceName) -> Vec<IpNet> {
    let own = lab.bridges.iter().filter(|one| one.at.is_none() && one.name == *bridge);
    own.flat_map(|bridge| &bridge.addresses).map(IpNet::trunc).collect()
}
