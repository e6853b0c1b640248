//! What stands in one network namespace: the facts from which plans are computed.

use crate::address::Mac;
use crate::mark::{self, LabName};
use crate::name::InterfaceName;
use crate::plan::{self, Setting};
use ipnet::IpNet;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// The links, addresses and routes of one network namespace.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    pub routes: Vec<Route>,
    /// The indices of the interfaces over which routes lead, in any table, that a router advertised.
    pub advertised: BTreeSet<u32>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: InterfaceName,
    /// `veth`, `bridge`, …; `None` for `lo` and for hardware.
    pub kind: Option<String>,
    /// Administratively up.
    pub up: bool,
    pub mtu: u32,
    pub mac: Vec<u8>,
    pub group: u32,
    pub alias: Option<String>,
    /// The index of the bridge (or bond, …) that it is a port of.
    pub master: Option<u32>,
    /// Of a veth: the index of the other end, in the namespace `peer_netns`.
    pub peer: Option<u32>,
    /// `None`: the other end is in the same namespace.
    pub peer_netns: Option<i32>,
    /// Of a bridge: whether it speaks the spanning tree protocol.
    pub stp: bool,
    /// Of a bridge: whether it tells VLANs apart.
    pub vlan_filtering: bool,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            index: 0,
            name: InterfaceName::reported(String::new()),
            kind: None,
            up: false,
            mtu: 1500,
            mac: Vec::new(),
            group: 0,
            alias: None,
            master: None,
            peer: None,
            peer_netns: None,
            stp: false,
            vlan_filtering: false,
        }
    }
}

impl Link {
    pub fn is_set(&self, setting: Setting) -> bool {
        match setting {
            Setting::Mtu(mtu) => self.mtu == mtu,
            Setting::Mac(mac) => self.mac[..] == mac.octets()[..],
            Setting::Stp(on) => self.stp == on,
            Setting::VlanFiltering(on) => self.vlan_filtering == on,
        }
    }

    /// As it is set, where the other is set differently.
    pub fn setting_like(&self, other: Setting) -> Option<Setting> {
        Some(match other {
            Setting::Mtu(_) => Setting::Mtu(self.mtu),
            Setting::Mac(_) => Setting::Mac(Mac::from_octets(self.mac.as_slice().try_into().ok()?)),
            Setting::Stp(_) => Setting::Stp(self.stp),
            Setting::VlanFiltering(_) => Setting::VlanFiltering(self.vlan_filtering),
        })
    }

    /// The lab that it belongs to.
    pub fn lab(&self) -> Option<LabName> {
        mark::Mark::read(self.alias.as_deref()?)?.0.lab
    }

    /// Whether each of the two says of the other that it is its other end. In their namespaces; which those are, the
    /// indices do not tell.
    pub fn mirrors(&self, other: &Self) -> bool {
        self.peer == Some(other.index) && other.peer == Some(self.index)
    }

    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Whether it bears the marks of netns-tool. The alias alone can be missing: it comes a moment after the group.
    pub fn is_ours(&self) -> bool {
        self.group == mark::GROUP && (self.alias.is_none() || mark::is_ours(self.alias.as_deref()))
    }
}

/// An address on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The index of the interface.
    pub index: u32,
    pub net: IpNet,
}

/// A unicast route of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub to: IpNet,
    pub via: Option<IpAddr>,
    /// The index of the interface; `None` for a route over several.
    pub device: Option<u32>,
    pub metric: u32,
    /// Who made it (`rtm_protocol` of linux/rtnetlink.h).
    pub protocol: u8,
}

/// A route that lets no packet go on. No plan has anything to do with such: they are there to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In the words of ip-route(8): `blackhole`, `unreachable`, `prohibit` or `throw`.
    pub kind: &'static str,
    pub to: IpNet,
    pub metric: u32,
}

/// The routes that the kernel makes by itself, such as that of an address's subnet (`RTPROT_KERNEL`).
pub const PROTOCOL_KERNEL: u8 = 2;

impl State {
    pub fn link(&self, name: &InterfaceName) -> Option<&Link> {
        self.links.iter().find(|link| link.name == *name)
    }

    /// The index of the interface of that name.
    pub fn index_of(&self, name: &str) -> Option<u32> {
        self.links.iter().find(|link| link.name.as_str() == name).map(|link| link.index)
    }

    pub fn by_index(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The ports of the bridge, by name.
    pub fn ports<'a>(&'a self, bridge: &'a Link) -> impl Iterator<Item = &'a Link> {
        self.links.iter().filter(|link| link.master == Some(bridge.index))
    }

    /// The addresses of the interface.
    pub fn addresses_of<'a>(&'a self, link: &'a Link) -> impl Iterator<Item = IpNet> + 'a {
        self.addresses
            .iter()
            .filter(|address| address.index == link.index)
            .map(|address| address.net)
    }

    /// A link may go after its routes were read, and they go with it.
    pub fn drop_routes_over_nothing(&mut self) {
        let links: HashSet<u32> = self.links.iter().map(|link| link.index).collect();
        self.routes.retain(|route| route.device.is_none_or(|device| links.contains(&device)));
    }

    /// Whether the route is there, by whoever's hand.
    pub fn has_route(&self, wanted: &plan::Route) -> bool {
        self.routes.iter().any(|route| self.is_route(route, wanted))
    }

    /// Whether the route that was found is the one that is wanted.
    pub fn is_route(&self, found: &Route, wanted: &plan::Route) -> bool {
        let is_over = |name| found.device == self.link(name).map(|link| link.index);
        found.to == wanted.to
            && found.via == wanted.via
            && wanted.metric.is_none_or(|metric| found.metric == metric)
            && wanted.device.as_ref().is_none_or(is_over)
    }

    /// The default routes of one address family, the preferred one first.
    pub fn default_routes(&self, ipv4: bool) -> Vec<&Route> {
        let is_default =
            |route: &&Route| route.to.prefix_len() == 0 && route.to.addr().is_ipv4() == ipv4;
        let mut routes: Vec<_> = self.routes.iter().filter(is_default).collect();
        routes.sort_by_key(|route| route.metric);
        routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_over_a_link_that_went_meanwhile_went_too() {
        let to: IpNet = "192.0.2.0/24".parse().unwrap();
        let route = |device| Route { to, via: None, device, metric: 0, protocol: PROTOCOL_KERNEL };
        let links = vec![Link { index: 2, ..Link::default() }];
        let routes = [Some(2), Some(3), None].map(route).to_vec();
        let mut state = State { links, routes, ..State::default() };
        state.drop_routes_over_nothing();
        assert_eq!(state.routes, [route(Some(2)), route(None)]);
    }
}
