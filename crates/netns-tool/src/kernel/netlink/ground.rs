//! What decides where a packet goes: the routing of one address, neighbours, and the condition of links.

use super::decode::{
    IFLA_LINKINFO, RTA_DST, RTA_GATEWAY, RTA_OIF, address, attributes, ip, number,
};
use super::{RTM_GETLINK, RTM_GETROUTE, Reader, is, link_request};
use crate::address::is_link_local;
use anyhow::Result;
use nix::errno::Errno;
use nix::libc::{AF_INET, AF_INET6};
use std::collections::BTreeSet;
use std::net::IpAddr;

const RTM_GETNEIGH: u16 = 30;
/// Of a neighbour (linux/neighbour.h).
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
/// `NUD_INCOMPLETE` and `NUD_FAILED`: it was asked for, and has not answered.
const UNANSWERED: u16 = 0x01 | 0x20;
/// `IFF_RUNNING` of linux/if.h.
const RUNNING: u32 = 0x40;
/// `IFF_LOWER_UP` of linux/if.h.
const LOWER_UP: u32 = 1 << 16;
const IFLA_INFO_SLAVE_DATA: u16 = 5;
const IFLA_BRPORT_STATE: u16 = 1;
/// `RTN_LOCAL` of linux/rtnetlink.h.
const LOCAL: u8 = 2;
/// The kinds of routes that refuse a packet, with their numbers (`RTN_BLACKHOLE` and the like of linux/rtnetlink.h), and with
/// what the kernel answers in their place (`fib_props`).
const REFUSING: [(u8, Errno, &str); 3] = [
    (6, Errno::EINVAL, "blackhole"),
    (7, Errno::EHOSTUNREACH, "unreachable"),
    (8, Errno::EACCES, "prohibit"),
];

/// Where the kernel sends a packet to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The index of the interface.
    pub device: u32,
    /// The router; `None`: the address itself is on the link.
    pub via: Option<IpAddr>,
    /// It is an address of the place itself.
    pub is_local: bool,
}

/// What the kernel does with a packet to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Hop(Hop),
    /// A route of this kind refuses it.
    Refused(&'static str),
    /// There is no route.
    None,
}

/// The index of an interface, and an address on it that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    pub device: u32,
    pub ip: IpAddr,
}

/// Somebody whom the place has talked with over a link, or has tried to: a line of its ARP table, or of that of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The index of the interface.
    pub device: u32,
    pub ip: IpAddr,
    /// Its hardware address, if that is known.
    pub mac: Option<Vec<u8>>,
    /// By linux/neighbour.h.
    pub state: u16,
}

/// Of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The index of the interface.
    pub index: u32,
    pub has_carrier: bool,
    /// What is sent over it leaves it: that comes a moment after the carrier (`IFF_RUNNING`).
    pub is_running: bool,
    /// Of the port of a bridge, by linux/if_bridge.h.
    pub port_state: Option<u8>,
}

impl Reader {
    /// The way to an address, as the kernel looks it up.
    pub fn way_to(&self, to: IpAddr) -> Result<Way> {
        let (family, bytes) = match to {
            IpAddr::V4(ip) => (AF_INET, ip.octets().to_vec()),
            IpAddr::V6(ip) => (AF_INET6, ip.octets().to_vec()),
        };
        // struct rtmsg, then RTA_DST.
        let mut request = vec![0; 12];
        (request[0], request[1]) = (u8::try_from(family)?, u8::try_from(bytes.len() * 8)?);
        request.extend(u16::try_from(4 + bytes.len())?.to_ne_bytes());
        request.extend(RTA_DST.to_ne_bytes());
        request.extend(bytes);
        // Where there is none, that is what the kernel answers as an error.
        let bodies = match self.ask(RTM_GETROUTE, request, 0) {
            Ok(bodies) => bodies.unwrap_or_default(),
            Err(error) => {
                let number = error.downcast_ref().and_then(std::io::Error::raw_os_error);
                let kind = REFUSING.iter().find(|(_, errno, _)| Some(*errno as i32) == number);
                return Ok(kind.map_or(Way::None, |(.., name)| Way::Refused(name)));
            }
        };
        let Some(body) = bodies.into_iter().find(|body| body.len() >= 12) else {
            return Ok(Way::None);
        };
        // IPv6 answers with the route itself.
        if let Some((.., name)) = REFUSING.iter().find(|(kind, ..)| *kind == body[7]) {
            return Ok(Way::Refused(name));
        }
        let (mut device, mut via) = (None, None);
        for (kind, value) in attributes(&body, 12) {
            match kind {
                RTA_OIF => device = Some(number(&value)),
                RTA_GATEWAY => via = ip(&value),
                _ => {}
            }
        }
        let is_local = body[7] == LOCAL;
        Ok(device.map_or(Way::None, |device| Way::Hop(Hop { device, via, is_local })))
    }

    /// The neighbours that do not answer.
    pub fn unanswered(&self) -> Result<Vec<Unanswered>> {
        let all = self.neighbours()?.into_iter().filter(|one| one.state & UNANSWERED > 0);
        Ok(all.map(|Neighbour { device, ip, .. }| Unanswered { device, ip }).collect())
    }

    /// All neighbours, but for those that need not be asked for (`NUD_NOARP`), such as groups.
    pub fn neighbours(&self) -> Result<Vec<Neighbour>> {
        const NOARP: u16 = 0x40;
        let bodies = self.dump(RTM_GETNEIGH, vec![0; 12], 12)?;
        let neighbour = |body: &Vec<u8>| {
            let attributes = attributes(body, 12);
            let find = |wanted| attributes.iter().find(|(kind, _)| *kind == wanted);
            Some(Neighbour {
                device: number(&body[4..8]),
                ip: ip(&find(NDA_DST)?.1)?,
                mac: find(NDA_LLADDR).map(|(_, value)| value.clone()),
                state: u16::from_ne_bytes([body[8], body[9]]),
            })
        };
        Ok(bodies.iter().filter_map(neighbour).filter(|one| one.state & NOARP == 0).collect())
    }

    /// The indices of the interfaces that have an address of IPv6 and no link-local one that can be used: as long as the
    /// kernel asks whether anybody else has that, it looks for no neighbours on behalf of others.
    pub fn without_link_local(&self) -> Result<BTreeSet<u32>> {
        const TENTATIVE: u8 = 0x40;
        let (mut with, mut usable) = (BTreeSet::new(), BTreeSet::new());
        for body in self.address_bodies()? {
            let Some(address) = address(&body) else { continue };
            if is_link_local(&address.net) {
                usable.extend((body[2] & TENTATIVE == 0).then_some(address.index));
            } else if address.net.addr().is_ipv6() && !address.net.addr().is_loopback() {
                with.insert(address.index);
            }
        }
        Ok(with.difference(&usable).copied().collect())
    }

    pub fn conditions(&self) -> Result<Vec<Condition>> {
        let bodies = self.dump(RTM_GETLINK, link_request(), 16)?;
        Ok(bodies.iter().map(|body| Condition::read(body)).collect())
    }

    /// That of one link, if it is still there. A kernel since 6.8 finishes bringing it up before it answers.
    pub fn condition(&self, index: u32) -> Result<Option<Condition>> {
        let mut request = link_request();
        request[4..8].copy_from_slice(&index.to_ne_bytes());
        let bodies = match self.ask(RTM_GETLINK, request, 0) {
            Err(error) if is(&error, Errno::ENODEV) => None,
            bodies => bodies?,
        };
        Ok(bodies.iter().flatten().next().map(|body| Condition::read(body)))
    }
}

impl Condition {
    /// Of a message about a link.
    fn read(body: &[u8]) -> Self {
        Self {
            index: number(&body[4..8]),
            has_carrier: number(&body[8..12]) & LOWER_UP > 0,
            is_running: number(&body[8..12]) & RUNNING > 0,
            port_state: port_state(body),
        }
    }
}

fn port_state(body: &[u8]) -> Option<u8> {
    let find = |attributes: Vec<(u16, Vec<u8>)>, wanted: u16| {
        attributes.into_iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    };
    let info = find(attributes(body, 16), IFLA_LINKINFO)?;
    let data = find(attributes(&info, 0), IFLA_INFO_SLAVE_DATA)?;
    find(attributes(&data, 0), IFLA_BRPORT_STATE)?.first().copied()
}
