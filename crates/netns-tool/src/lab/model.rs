//! A lab as its file describes it: every name resolved, every address drawn, every count written out.

use super::whereabouts::Whereabouts;
use crate::address::Mac;
use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use crate::nat::Publication;
use crate::plan::Place;
pub use crate::plan::Ready;
use crate::sysctl::Scope;
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A network of namespaces, bridges and links, as it is to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lab {
    pub name: LabName,
    /// The file that describes it, as an absolute path.
    pub file: PathBuf,
    pub namespaces: Vec<Namespace>,
    pub bridges: Vec<Bridge>,
    pub links: Vec<Link>,
    /// Of the host and of the namespaces, default routes included.
    pub routes: Vec<Route>,
    pub nats: Vec<Nat>,
    pub processes: Vec<Process>,
    /// In the order of the file. Only `check` looks at them.
    pub expectations: Vec<Expectation>,
    pub whereabouts: Whereabouts<Place>,
}

impl Lab {
    /// The links that have an end on the bridge.
    pub fn links_of(&self, bridge: &Bridge) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.ends.iter().any(|end| end.is_port_of(bridge)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    pub name: NamespaceName,
    /// Of its loopback, besides those that the kernel gives it.
    pub addresses: Vec<IpNet>,
    pub name_servers: Vec<IpAddr>,
    /// Names for `/etc/netns/NAME/hosts`.
    pub hosts: Vec<(IpAddr, String)>,
    /// Files of `/proc/sys/net` with their values; forwarding is among them.
    pub sysctls: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    pub at: Place,
    pub name: InterfaceName,
    pub addresses: Vec<IpNet>,
    /// In bytes.
    pub mtu: Option<u32>,
    pub mac: Option<Mac>,
    pub stp: bool,
    pub vlan_filtering: bool,
}

/// A veth pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The second is in another place than the first, or both are on the host.
    pub ends: [End; 2],
    /// In bytes.
    pub mtu: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub at: Place,
    pub name: InterfaceName,
    pub addresses: Vec<IpNet>,
    pub mac: Option<Mac>,
    /// The bridge, in the same place, that it is a port of.
    pub bridge: Option<InterfaceName>,
}

impl End {
    pub fn is_port_of(&self, bridge: &Bridge) -> bool {
        self.at == bridge.at && self.bridge.as_ref() == Some(&bridge.name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub at: Place,
    /// `0.0.0.0/0` or `::/0` for a default route.
    pub to: IpNet,
    pub via: Option<IpAddr>,
    /// The interface that it leads over, where it is one of the lab; there is always `via` or this.
    pub device: Option<InterfaceName>,
}

/// The NAT of a bridge of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nat {
    pub bridge: InterfaceName,
    /// `None`: the interface of the default route.
    pub uplink: Option<InterfaceName>,
    pub publications: Vec<Publication>,
    /// Other bridges that it may talk with.
    pub allowed: Vec<InterfaceName>,
    pub no_masquerade: bool,
    pub scope: Option<Scope>,
}

/// A program that runs inside a namespace for as long as the lab is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub at: NamespaceName,
    /// Unique within its namespace.
    pub name: String,
    /// Its program and arguments.
    pub command: Vec<String>,
    /// When others may rely on it; `None`: as soon as it runs.
    pub ready: Option<Ready>,
}

/// What is expected of one way through the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The line of the file that says so.
    pub line: usize,
    pub from: Place,
    pub to: Target,
    pub question: Question,
    /// `false`: nothing may come through.
    pub is_reachable: bool,
    pub max_rtt: Option<Duration>,
    /// Whom the far side is to see.
    pub source: Option<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub ip: IpAddr,
    /// Who has the address, as far as the file tells: of an address of somebody else nobody can look at the far side.
    pub at: Option<Place>,
}

/// What is asked of an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    Ping,
    Tcp(u16),
    Udp(u16),
    Http { port: u16, path: String },
}

impl Question {
    /// The port of TCP or UDP that is asked.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Ping => None,
            Self::Tcp(port) | Self::Udp(port) | Self::Http { port, .. } => Some(*port),
        }
    }
}
