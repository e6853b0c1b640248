//! The picture of a network: places, the interfaces in them, and who is wired to whom, as it stands or as a lab file
//! describes it. Whatever shows a network reads this.

mod described;
mod part;
mod planned;
mod standing;

use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::Place;
use ipnet::IpNet;
use serde::Serialize;
use std::fmt;

pub use standing::wanted;

/// The host comes first.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    pub spots: Vec<Spot>,
    pub nats: Vec<Nat>,
    /// How many namespaces there are besides, into which nobody could look.
    pub hidden: usize,
}

/// The host or a namespace, with what is in it.
#[derive(Clone, Debug)]
pub struct Spot {
    pub at: Place,
    pub owner: Owner,
    /// Why nothing is known of what is in it, if that is so.
    pub fault: Option<&'static str>,
    /// In the order in which they were made; the loopback among them.
    pub interfaces: Vec<Interface>,
    /// It is a second name of what is shown there as well.
    pub same_as: Option<Same>,
    /// The further names that it has.
    pub also: Vec<NamespaceName>,
}

/// What a second name of a namespace is that of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum Same {
    Host,
    Namespace { namespace: NamespaceName },
}

/// Whose something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "owner", content = "lab", rename_all = "kebab-case")]
pub enum Owner {
    /// It bears no mark of netns-tool.
    Foreign,
    NetnsTool,
    Lab(LabName),
}

#[derive(Clone, Debug, Serialize)]
pub struct Interface {
    pub name: InterfaceName,
    /// `veth`, `bridge`, …; none for the loopback and for hardware.
    pub kind: Option<String>,
    #[serde(flatten)]
    pub owner: Owner,
    /// Administratively up.
    pub up: bool,
    /// In bytes.
    pub mtu: Option<u32>,
    pub mac: Option<String>,
    pub addresses: Vec<IpNet>,
    /// The bridge (or bond, …), in the same place, that it is a port of.
    pub master: Option<InterfaceName>,
    /// Of a veth: the other end.
    pub peer: Option<Peer>,
}

/// The other end of a veth pair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum Peer {
    Host {
        interface: InterfaceName,
    },
    Namespace {
        namespace: NamespaceName,
        interface: InterfaceName,
    },
    /// In a namespace that has no name in /run/netns, such as a container's.
    Unnamed,
    /// In a namespace without a name, or in one of those into which nobody could look.
    Unseen,
}

/// A way out for a bridge of the host.
#[derive(Clone, Debug, Serialize)]
pub struct Nat {
    pub bridge: InterfaceName,
    /// None, in a file: the interface of the default route.
    pub uplink: Option<InterfaceName>,
    #[serde(flatten)]
    pub owner: Owner,
    pub subnets: Vec<IpNet>,
    /// Other bridges that it may talk with.
    pub allowed: Vec<InterfaceName>,
    /// As `--publish` takes them.
    pub published: Vec<String>,
}

impl Topology {
    pub fn spot(&self, at: &Place) -> Option<&Spot> {
        self.spots.iter().find(|spot| spot.at == *at)
    }

    /// All places, each by its first name alone.
    pub fn named_once(&self) -> impl Iterator<Item = &Spot> {
        self.spots.iter().filter(|spot| spot.same_as.is_none())
    }

    /// All of its namespaces, by all of their names.
    pub fn namespaces(&self) -> impl Iterator<Item = (&NamespaceName, &Spot)> {
        self.spots.iter().filter_map(|spot| Some((spot.at.as_ref()?, spot)))
    }

    /// Each interface with its place.
    pub fn interfaces(&self) -> impl Iterator<Item = (&Place, &Interface)> {
        self.named_once().flat_map(|spot| spot.interfaces.iter().map(|one| (&spot.at, one)))
    }

    /// The place and the interface on the other end, if it has a name.
    pub fn peer(&self, interface: &Interface) -> Option<(&Place, &Interface)> {
        let (at, name) = interface.peer.as_ref()?.end()?;
        let spot = self.spot(&at)?;
        Some((&spot.at, spot.interface(name)?))
    }
}

impl Spot {
    pub fn interface(&self, name: &InterfaceName) -> Option<&Interface> {
        self.interfaces.iter().find(|one| one.name == *name)
    }

    /// The ports of the bridge.
    pub fn ports<'a>(&'a self, bridge: &'a Interface) -> impl Iterator<Item = &'a Interface> {
        self.interfaces.iter().filter(|one| one.master.as_ref() == Some(&bridge.name))
    }
}

impl Interface {
    pub fn is_bridge(&self) -> bool {
        self.kind.as_deref() == Some("bridge")
    }

    pub fn is_loopback(&self) -> bool {
        self.name.as_str() == "lo"
    }
}

impl Peer {
    pub fn of(at: &Place, interface: &InterfaceName) -> Self {
        let interface = interface.clone();
        match at {
            Some(namespace) => Self::Namespace { namespace: namespace.clone(), interface },
            None => Self::Host { interface },
        }
    }

    pub fn end(&self) -> Option<(Place, &InterfaceName)> {
        match self {
            Self::Host { interface } => Some((None, interface)),
            Self::Namespace { namespace, interface } => Some((Some(namespace.clone()), interface)),
            Self::Unnamed | Self::Unseen => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { interface } => write!(f, "{interface} on the host"),
            Self::Namespace { namespace, interface } => write!(f, "{interface} in {namespace}"),
            Self::Unnamed => f.write_str("somebody in a namespace without a name"),
            Self::Unseen => f.write_str("somebody in a namespace that could not be looked into"),
        }
    }
}

impl fmt::Display for Same {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the same as the host"),
            Self::Namespace { namespace } => write!(f, "the same as {namespace}"),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("foreign"),
            Self::NetnsTool => f.write_str("netns-tool"),
            Self::Lab(lab) => write!(f, "lab {lab}"),
        }
    }
}

/// An interface as one names it from the host: `eth0`, or `NAMESPACE:eth0`.
pub fn label(at: &Place, name: &InterfaceName) -> String {
    match at {
        Some(namespace) => format!("{namespace}:{name}"),
        None => name.to_string(),
    }
}
