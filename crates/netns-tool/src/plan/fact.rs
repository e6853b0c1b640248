//! What is or is not so in the kernel.

use super::Place;
use crate::address::Mac;
use crate::family::Family;
use crate::firewall::{self, Backend, rule::Rule};
use crate::item::Item;
use crate::name::{InterfaceName, NamespaceName};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Everywhere, for a default route.
pub const ANY_V4: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0));
pub const ANY_V6: IpNet = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0));

/// A route of the main table, as a plan makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `0.0.0.0/0` or `::/0` for a default route.
    pub to: IpNet,
    pub via: Option<IpAddr>,
    pub device: Option<InterfaceName>,
    /// `None`: what the kernel takes by itself.
    pub metric: Option<u32>,
}

impl Route {
    /// The metric that it has in the kernel.
    pub fn metric(&self) -> u32 {
        self.metric.unwrap_or_else(|| usual_metric(&self.to))
    }
}

/// The metric that the kernel gives a route by itself; of IPv6 it is `IP6_RT_PRIO_USER`.
pub fn usual_metric(to: &IpNet) -> u32 {
    if to.addr().is_ipv6() { 1024 } else { 0 }
}

impl fmt::Display for Route {
    /// In the words of `ip route`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to.prefix_len() {
            0 => f.write_str("default")?,
            _ => write!(f, "{}", self.to)?,
        }
        if let Some(via) = self.via {
            write!(f, " via {via}")?;
        }
        if let Some(device) = &self.device {
            write!(f, " dev {device}")?;
        }
        self.metric.map_or(Ok(()), |metric| write!(f, " metric {metric}"))
    }
}

/// What can be set of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setting {
    /// In bytes.
    Mtu(u32),
    Mac(Mac),
    /// Of a bridge: whether it speaks the spanning tree protocol.
    Stp(bool),
    /// Of a bridge: whether it tells VLANs apart.
    VlanFiltering(bool),
}

impl Setting {
    /// The words of `ip link set` for it.
    pub fn words(self) -> String {
        match self {
            Self::Mtu(mtu) => format!("mtu {mtu}"),
            Self::Mac(mac) => format!("address {mac}"),
            Self::Stp(on) => format!("type bridge stp_state {}", u8::from(on)),
            Self::VlanFiltering(on) => format!("type bridge vlan_filtering {}", u8::from(on)),
        }
    }
}

/// Something that is or is not so in the kernel, and that the reader can look up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// The namespace has its file in /run/netns.
    Namespace(NamespaceName),
    /// The interface exists.
    Link { at: Place, name: InterfaceName },
    /// The interface is administratively up.
    Up { at: Place, name: InterfaceName },
    /// The interface bears this alias.
    Alias { at: Place, name: InterfaceName, alias: String },
    /// The interface is a port of the bridge.
    Port { at: Place, name: InterfaceName, bridge: InterfaceName },
    /// The interface has the address.
    Address { at: Place, name: InterfaceName, address: IpNet },
    /// The interface is a bridge.
    Bridge { at: Place, name: InterfaceName },
    /// The interface is set like this.
    Set { at: Place, name: InterfaceName, setting: Setting },
    /// The main routing table has the route.
    Route { at: Place, route: Route },
    /// The main routing table has a default route through the gateway.
    DefaultRoute { at: Place, gateway: IpAddr },
    /// The firewall of the host has the rule.
    Rule { backend: Backend, rule: Rule },
    /// The table of iptables has the chain of netns-tool.
    Chain { family: Family, table: firewall::rule::Table },
    /// The table of netns-tool in nft has what this line of its frame adds; the first adds the table.
    Frame(String),
    /// The file of /proc/sys holds the value, as it is seen from the place.
    Value {
        #[serde(default)]
        at: Place,
        path: String,
        value: String,
    },
    /// The file or directory is there. That it is not: a directory may be there with something in it, and a file with
    /// another text.
    Item(Item),
    /// A process inside the namespace bears the mark.
    Process { netns: NamespaceName, mark: String },
    /// No process is inside the namespace.
    Empty(NamespaceName),
    /// The opposite.
    Not(Box<Fact>),
}

impl Fact {
    /// Whether it is about the firewall, where all that is ours bears the mark or the name.
    pub fn is_of_firewall(&self) -> bool {
        matches!(self, Self::Rule { .. } | Self::Chain { .. } | Self::Frame(_))
    }

    pub fn not(fact: Fact) -> Self {
        Self::Not(Box::new(fact))
    }

    /// Where it is so, or not; `None`: a file or directory, which is in no network namespace.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::Not(fact) => fact.place(),
            Self::Namespace(name) | Self::Empty(name) | Self::Process { netns: name, .. } => {
                Some(Some(name.clone()))
            }
            Self::Link { at, .. }
            | Self::Up { at, .. }
            | Self::Alias { at, .. }
            | Self::Port { at, .. }
            | Self::Address { at, .. }
            | Self::DefaultRoute { at, .. }
            | Self::Bridge { at, .. }
            | Self::Set { at, .. }
            | Self::Route { at, .. }
            | Self::Value { at, .. } => Some(at.clone()),
            Self::Rule { .. } | Self::Chain { .. } | Self::Frame(_) => Some(None),
            Self::Item(_) => None,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |at: &Place| match at {
            Some(netns) => format!(" in network namespace `{netns}`"),
            None => String::new(),
        };
        match self {
            Self::Namespace(name) => write!(f, "network namespace `{name}`"),
            Self::Link { at, name } => write!(f, "interface `{name}`{}", place(at)),
            Self::Up { at, name } => write!(f, "interface `{name}` being up{}", place(at)),
            Self::Alias { at, name, alias } => {
                write!(f, "alias `{alias}` of `{name}`{}", place(at))
            }
            Self::Port { at, name, bridge } => {
                write!(f, "port `{name}` of bridge `{bridge}`{}", place(at))
            }
            Self::Address { at, name, address } => {
                write!(f, "address `{address}` of `{name}`{}", place(at))
            }
            Self::Bridge { at, name } => write!(f, "bridge `{name}`{}", place(at)),
            Self::Set { at, name, setting } => {
                write!(f, "setting `{}` of `{name}`{}", setting.words(), place(at))
            }
            Self::Route { at, route } => write!(f, "route {route}{}", place(at)),
            Self::DefaultRoute { at, gateway } => {
                write!(f, "default route via `{gateway}`{}", place(at))
            }
            Self::Rule { backend: Backend::Iptables, rule } => {
                write!(f, "rule `{}`", firewall::iptables::spell(rule))
            }
            Self::Rule { backend: Backend::Nft, rule } => {
                write!(f, "rule `{}` of nft", firewall::nft::spell(rule))
            }
            Self::Chain { family, table } => write!(
                f,
                "chain `{}` of {family} in table `{}`",
                firewall::iptables::CHAIN,
                firewall::iptables::table_name(*table)
            ),
            Self::Frame(line) if line == firewall::nft::TABLE_LINE => {
                write!(f, "table `{}` of nft", firewall::nft::TABLE)
            }
            Self::Frame(line) => write!(f, "what `{line}` adds to nft"),
            Self::Value { at, path, value } => {
                write!(f, "value `{value}` of `{path}`{}", place(at))
            }
            Self::Item(item) => write!(f, "{item}"),
            Self::Process { netns, mark } => {
                write!(f, "process `{mark}` in network namespace `{netns}`")
            }
            Self::Empty(name) => write!(f, "end of the processes in network namespace `{name}`"),
            Self::Not(fact) => write!(f, "absence of {fact}"),
        }
    }
}
