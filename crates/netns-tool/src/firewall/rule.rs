//! Rules as data. What a rule says is here; how it is spelled is the backend's affair.

use crate::family::Family;
use crate::mark;
use crate::name::InterfaceName;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// Where a rule stands, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Chain {
    /// Packets that the host forwards: our own chain, in which what is accepted comes before what is dropped.
    Forward,
    /// The same, in iptables' chain of everybody. No rule of ours is there, but some that people typed are.
    Everybody,
    /// Packets for the host itself.
    Input,
    /// Connections to an address of the host: our own chain of published ports.
    Publish,
    /// What is about to leave.
    Postrouting,
    /// Where a chain of everybody leads into one of ours.
    Hook(Hook),
}

/// A chain of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hook {
    Forward,
    /// Docker's chain for the rules of others, which it puts before its own.
    DockerUser,
    Prerouting,
    Output,
}

/// The two tables of iptables that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Table {
    Filter,
    Nat,
}

/// What is known of a packet's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// It belongs to a connection that stands, or has to do with one.
    Known,
    NotKnown,
    /// The same, against the direction in which that connection was opened.
    Answer,
    /// It is the first of one that has to do with another that stands: an ICMP error, above all.
    Related,
    /// Its destination was changed: it came to a published port.
    Published,
    /// It opens a connection, or belongs to none, and nobody sent it on.
    Unasked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp].into_iter().find(|protocol| protocol.name() == name)
    }
}

/// Destination ports, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ports {
    pub protocol: Protocol,
    pub first: u16,
    pub last: u16,
}

impl Ports {
    /// Those that are among both.
    pub fn shared(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (self.protocol == other.protocol && first <= last).then_some(Self { first, last, ..self })
    }
}

/// As a person says it: `80/tcp`, `8000-8010/udp`.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, first, last } = self;
        let last = if first == last { String::new() } else { format!("-{last}") };
        write!(f, "{first}{last}/{}", protocol.name())
    }
}

/// Where a connection was going before its destination was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// `None`: to any address.
    pub address: Option<IpAddr>,
    /// The ports, from the first to the last.
    pub first: u16,
    pub last: u16,
}

/// What becomes of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    Accept,
    Drop,
    /// It gets the address of the interface by which it leaves.
    Masquerade,
    /// It goes on to this address, and to this port unless it keeps its own.
    Send {
        to: IpAddr,
        port: Option<u16>,
    },
    /// It is shown to our own chain of the table.
    Jump,
}

/// A rule of the firewall.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    pub family: Family,
    pub chain: Chain,
    pub source: Option<IpNet>,
    pub destination: Option<IpNet>,
    pub input: Option<InterfaceName>,
    pub output: Option<InterfaceName>,
    pub ports: Option<Ports>,
    pub state: Option<State>,
    pub origin: Option<Origin>,
    pub verdict: Verdict,
    /// Empty where it has none.
    pub comment: String,
}

impl Rule {
    /// A rule for every packet of the family that comes to the chain.
    pub fn new(family: Family, chain: Chain, verdict: Verdict, comment: &str) -> Self {
        Self {
            family,
            chain,
            source: None,
            destination: None,
            input: None,
            output: None,
            ports: None,
            state: None,
            origin: None,
            verdict,
            comment: comment.to_owned(),
        }
    }

    pub fn from(mut self, interface: &InterfaceName) -> Self {
        self.input = Some(interface.clone());
        self
    }

    pub fn to(mut self, interface: &InterfaceName) -> Self {
        self.output = Some(interface.clone());
        self
    }

    pub fn when(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// Whether netns-tool made it.
    pub fn is_ours(&self) -> bool {
        mark::is_ours(Some(&self.comment))
    }

    /// Whether the other does the same, whatever its comment says.
    pub fn does_as(&self, other: &Self) -> bool {
        let comment = String::new();
        Self { comment: comment.clone(), ..self.clone() } == Self { comment, ..other.clone() }
    }

    /// The table of iptables that its chain is in.
    pub fn table(&self) -> Table {
        match self.chain {
            Chain::Publish | Chain::Postrouting | Chain::Hook(Hook::Prerouting | Hook::Output) => {
                Table::Nat
            }
            Chain::Forward
            | Chain::Everybody
            | Chain::Input
            | Chain::Hook(Hook::Forward | Hook::DockerUser) => Table::Filter,
        }
    }

    /// Whether it stands in a chain of our own.
    pub fn is_inside(&self) -> bool {
        matches!(self.chain, Chain::Forward | Chain::Publish)
    }

    /// Whether it comes behind those that are there. All others come first: nobody's DROP shall win over what we accept,
    /// but our own DROP is the last word of our chain.
    pub fn comes_last(&self) -> bool {
        self.chain == Chain::Publish
            || (self.chain == Chain::Forward && self.verdict == Verdict::Drop)
    }
}
