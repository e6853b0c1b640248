//! The answers of rtnetlink taken apart: a link, an address, a route, out of the bytes of one message.

use crate::kernel::state::{Address, Link, Refusal, Route};
use crate::name::InterfaceName;
use anyhow::Result;
use ipnet::IpNet;
use netlink_packet_core::NlasIterator;
use std::net::IpAddr;

// Attributes of a link (linux/if_link.h) …
const IFLA_ADDRESS: u16 = 1;
pub const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
pub const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_GROUP: u16 = 27;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_VLAN_FILTERING: u16 = 7;
// … of an address (linux/if_addr.h) …
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
// … and of a route (linux/rtnetlink.h).
pub const RTA_DST: u16 = 1;
pub const RTA_OIF: u16 = 4;
pub const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
/// The number of the main table (`RT_TABLE_MAIN` of linux/rtnetlink.h).
pub const MAIN: u32 = 254;
/// The kinds of routes that let no packet go on (`RTN_BLACKHOLE` and the like of linux/rtnetlink.h).
const REFUSING: [(u8, &str); 4] =
    [(6, "blackhole"), (7, "unreachable"), (8, "prohibit"), (9, "throw")];

/// The attributes after the fixed header of a message, as pairs of kind and value.
pub fn attributes(body: &[u8], header: usize) -> Vec<(u16, Vec<u8>)> {
    let attributes = NlasIterator::new(body.get(header..).unwrap_or_default());
    attributes.map_while(Result::ok).map(|nla| (nla.kind(), nla.value().to_vec())).collect()
}

pub fn link(body: &[u8]) -> Result<Link> {
    let mut link = Link {
        index: number(&body[4..8]),
        up: number(&body[8..12]) & 1 == 1,
        mtu: 0,
        ..Link::default()
    };
    for (kind, value) in attributes(body, 16) {
        match kind {
            IFLA_ADDRESS => link.mac = value,
            IFLA_IFNAME => link.name = InterfaceName::reported(text(&value)),
            IFLA_MTU => link.mtu = number(&value),
            IFLA_LINK => link.peer = Some(number(&value)),
            IFLA_LINK_NETNSID => link.peer_netns = Some(number(&value).cast_signed()),
            IFLA_MASTER => link.master = Some(number(&value)),
            IFLA_LINKINFO => read_link_info(&value, &mut link),
            IFLA_IFALIAS => link.alias = Some(text(&value)),
            IFLA_GROUP => link.group = number(&value),
            _ => {}
        }
    }
    Ok(link)
}

/// IFLA_LINKINFO: the kind, and of a bridge the settings that can be asked for.
fn read_link_info(value: &[u8], link: &mut Link) {
    for (kind, value) in attributes(value, 0) {
        match kind {
            IFLA_INFO_KIND => link.kind = Some(text(&value)),
            IFLA_INFO_DATA => {
                for (kind, value) in attributes(&value, 0) {
                    match kind {
                        IFLA_BR_STP_STATE => link.stp = number(&value) != 0,
                        IFLA_BR_VLAN_FILTERING => {
                            link.vlan_filtering = value.first().is_some_and(|on| *on != 0)
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

pub fn address(body: &[u8]) -> Option<Address> {
    let (prefix, index) = (body[1], number(&body[4..8]));
    let attributes = attributes(body, 8);
    // On a point-to-point link IFA_ADDRESS is the other end's, and IFA_LOCAL our own.
    let find = |wanted| {
        attributes.iter().find(|(kind, _)| *kind == wanted).and_then(|(_, value)| ip(value))
    };
    let ip = find(IFA_LOCAL).or_else(|| find(IFA_ADDRESS))?;
    Some(Address { index, net: IpNet::new(ip, prefix).ok()? })
}

/// A route of the main table over which packets go on their way.
pub fn route(body: &[u8]) -> Option<Route> {
    const UNICAST: u8 = 1;
    (body[7] == UNICAST).then(|| route_of_any_kind(body))?
}

/// The same, once for each of its routers: packets take several ways in turn.
pub fn ways(body: &[u8]) -> Vec<Route> {
    let Some(route) = route(body) else { return Vec::new() };
    let several = attributes(body, 12).into_iter().find(|(kind, _)| *kind == RTA_MULTIPATH);
    let Some((_, mut rest)) = several else { return vec![route] };
    let mut ways = Vec::new();
    // Each is a struct rtnexthop (its length, flags, the index of the interface) with attributes behind it.
    while let [first, second, ..] = rest[..] {
        let length = usize::from(u16::from_ne_bytes([first, second]));
        if length < 8 || length > rest.len() {
            break;
        }
        let via = attributes(&rest[..length], 8).into_iter().find_map(|(kind, value)| match kind {
            RTA_GATEWAY => ip(&value),
            RTA_VIA => value.get(2..).and_then(ip),
            _ => None,
        });
        ways.push(Route { via, device: Some(number(&rest[4..8])), ..route.clone() });
        rest.drain(..length.next_multiple_of(4).min(rest.len()));
    }
    ways
}

/// One that lets no packet go on.
pub fn refusal(body: &[u8]) -> Option<Refusal> {
    refusal_of_any_table(body).filter(|(table, _)| *table == MAIN).map(|(_, refusal)| refusal)
}

/// The same of whichever table, after that.
pub fn refusal_of_any_table(body: &[u8]) -> Option<(u32, Refusal)> {
    let (_, kind) = REFUSING.into_iter().find(|(number, _)| *number == body[7])?;
    let (table, Route { to, metric, .. }) = route_of_any_table(body)?;
    Some((table, Refusal { kind, to, metric }))
}

/// `None`: it is of another table than the main one.
fn route_of_any_kind(body: &[u8]) -> Option<Route> {
    route_of_any_table(body).filter(|(table, _)| *table == MAIN).map(|(_, route)| route)
}

/// A route of whichever table, after that.
fn route_of_any_table(body: &[u8]) -> Option<(u32, Route)> {
    let (family, prefix, mut table) = (body[0], body[1], u32::from(body[4]));
    let (mut to, mut via, mut device, mut metric) = (None, None, None, 0);
    for (kind, value) in attributes(body, 12) {
        match kind {
            RTA_DST => to = ip(&value),
            RTA_OIF => device = Some(number(&value)),
            RTA_GATEWAY => via = ip(&value),
            // A router of the other family, after its number (struct rtvia).
            RTA_VIA => via = value.get(2..).and_then(ip),
            RTA_PRIORITY => metric = number(&value),
            RTA_TABLE => table = number(&value),
            _ => {}
        }
    }
    let any = if family == 2 { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    let to = IpNet::new(to.unwrap_or(any), prefix).ok()?;
    Some((table, Route { to, via, device, metric, protocol: body[5] }))
}

/// The interface of a route that a router advertised (`RTPROT_RA` of linux/rtnetlink.h).
pub fn advertised_over(body: &[u8]) -> Option<u32> {
    const RA: u8 = 9;
    let over = || attributes(body, 12).into_iter().find(|(kind, _)| *kind == RTA_OIF);
    (body[5] == RA).then(over)?.map(|(_, value)| number(&value))
}

pub fn number(bytes: &[u8]) -> u32 {
    bytes.get(..4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

/// Text that ends with a NUL. A foreign name need not be UTF-8: it is shown, never used.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned()
}

pub fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
}
