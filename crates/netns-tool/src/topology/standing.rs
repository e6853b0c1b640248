//! The network as it stands.

use super::{Interface, Nat, Owner, Peer, Same, Spot, Topology};
use crate::address::hardware;
use crate::kernel::namespaces::Entry;
use crate::kernel::peers::{self, Ends};
use crate::kernel::state::{Link, State};
use crate::kernel::{Netns, Snapshot, Wanted};
use crate::mark::{self, LabName, Mark};
use crate::name::NamespaceName;
use crate::nat;
use crate::plan::Place;

/// What has to be read for it.
pub fn wanted() -> Wanted {
    Wanted { all_namespaces: true, rules: true, ..Wanted::default() }
}

impl Topology {
    /// What was found, with the peers by name.
    pub fn standing(facts: &Snapshot) -> Self {
        let ends = peers::find(facts);
        let host = Spot {
            at: None,
            owner: Owner::Foreign,
            fault: None,
            interfaces: interfaces(&None, &facts.host, facts, &ends),
            same_as: None,
            also: also(&None, facts),
        };
        let namespaces = facts.namespaces.iter().map(|(name, netns)| {
            let at = Some(name.clone());
            let first = facts.second_names.get(name);
            // Who is wired to whom is known by the first name.
            let known_as = first.cloned().unwrap_or_else(|| at.clone());
            Spot {
                owner: owner_of(netns),
                fault: fault(netns.entry),
                interfaces: interfaces(&known_as, &netns.state, facts, &ends),
                same_as: first.cloned().map(same),
                also: also(&at, facts),
                at,
            }
        });
        let nats = nat::standing(facts.firewall.ours());
        Self {
            spots: std::iter::once(host).chain(namespaces).collect(),
            nats: nats.into_iter().map(|nat| standing_nat(facts, nat)).collect(),
            hidden: facts.hidden,
        }
    }
}

/// The further names of what is there.
fn also(at: &Place, facts: &Snapshot) -> Vec<NamespaceName> {
    let second = facts.second_names.iter().filter(|(_, first)| *first == at);
    second.map(|(name, _)| name.clone()).collect()
}

fn same(first: Place) -> Same {
    first.map_or(Same::Host, |namespace| Same::Namespace { namespace })
}

fn fault(entry: Entry) -> Option<&'static str> {
    match entry {
        Entry::Sound { .. } => None,
        Entry::Absent => Some("gone"),
        Entry::Broken => Some("broken"),
        Entry::Strange(what) => Some(what),
    }
}

fn owner_of(netns: &Netns) -> Owner {
    owner(netns.lab(), netns.is_ours())
}

fn owner(lab: Option<LabName>, is_ours: bool) -> Owner {
    match lab {
        Some(lab) => Owner::Lab(lab),
        None if is_ours => Owner::NetnsTool,
        None => Owner::Foreign,
    }
}

fn interfaces(at: &Place, state: &State, facts: &Snapshot, ends: &Ends) -> Vec<Interface> {
    let interface = |link: &Link| {
        let peer = ends
            .get(&(at.clone(), link.index))
            .and_then(|(far, index)| Some(Peer::of(far, &facts.state(far).by_index(*index)?.name)));
        let is_veth = link.is_kind("veth");
        let unknown = if facts.hidden > 0 { Peer::Unseen } else { Peer::Unnamed };
        // The mark on the loopback is that of the whole namespace.
        let is_ours = link.is_ours() || mark::is_ours(link.alias.as_deref());
        Interface {
            name: link.name.clone(),
            kind: link.kind.clone(),
            owner: owner(link.lab(), is_ours),
            up: link.up,
            mtu: Some(link.mtu),
            mac: (!link.mac.is_empty()).then(|| hardware(&link.mac)),
            addresses: state.addresses_of(link).collect(),
            master: link.master.and_then(|master| Some(state.by_index(master)?.name.clone())),
            peer: peer.or(is_veth.then_some(unknown)),
        }
    };
    state.links.iter().map(interface).collect()
}

fn standing_nat(facts: &Snapshot, nat: nat::Standing) -> Nat {
    let Mark { lab, .. } = nat.mark;
    let published = nat::published(facts, &nat.bridge);
    Nat {
        owner: owner(lab, true),
        published: published.into_iter().map(|(publication, _)| publication.to_string()).collect(),
        bridge: nat.bridge,
        uplink: Some(nat.uplink),
        subnets: nat.subnets,
        allowed: nat.allowed,
    }
}
