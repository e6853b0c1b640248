//! The state of a network namespace as bytes of the kernel: where they are those of an earlier time, the tools need not
//! be run again, because they would print the same.
//!
//! A snapshot takes a dozen processes, a sweep thousands of snapshots, and most of them find the host as it was. The
//! bytes are only compared, never understood: all that the kernel tells the tools is in them, but for a few attributes
//! that move by themselves and that a snapshot leaves out of the tools' words as well. Whatever else moves only costs
//! a run of the tools.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::socket::SockProtocol;

use crate::netlink::{Netlink, attribute, attributes, u16_at};

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;
const RTM_GETRULE: u16 = 34;
const RTM_GETNSID: u16 = 90;

const IFLA_EXT_MASK: u16 = 29;
const SKIP_STATS: u32 = 8;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
/// Counters: of packets, and of how often the carrier came and went.
const IFLA_MOVING: [u16; 5] = [7, 23, 35, 47, 48];
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const INFO_SLAVE_KIND: u16 = 4;
const INFO_SLAVE_DATA: u16 = 5;
/// The timers of a bridge, and of a port.
const BRIDGE_MOVING: [u16; 4] = [16, 17, 18, 19];
const PORT_MOVING: [u16; 3] = [21, 22, 23];
const BRIDGE: &[u8] = b"bridge\0";

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
/// Of what a link says of IPv6, `ip` shows nothing of the settings, the counters, and how long ago something changed.
const INET6_UNSHOWN: [u16; 4] = [2, 3, 5, 6];

const NUD_PERMANENT: u16 = 0x80;
const NTF_PROXY: u8 = 8;
/// How long ago a neighbour was used, and asked.
const NEIGHBOUR_MOVING: [u16; 2] = [3, 4];
const NETNSA_FD: u16 = 3;

/// The same of nftables' rules.
pub(crate) mod rules;
/// The same of the settings of interfaces.
pub(crate) mod settings;

/// All that `ip` shows of the namespace that this thread is in: links, addresses, routes, rules, permanent neighbours,
/// and the names of the namespaces that it knows by number. `None` where the kernel does not say.
pub(crate) fn of_links(names: &[String]) -> Option<Vec<u8>> {
    let mut netlink = Netlink::open(SockProtocol::NetlinkRoute)?;
    let mut state = Vec::with_capacity(64 * 1024);
    let mut question = vec![0; 16];
    question.extend(attribute(IFLA_EXT_MASK, &SKIP_STATS.to_ne_bytes()));
    for link in netlink.dump(RTM_GETLINK, &question)? {
        put_link(&mut state, &link);
    }
    for (kind, header) in [(RTM_GETADDR, 8), (RTM_GETROUTE, 12), (RTM_GETRULE, 12)] {
        for body in netlink.dump(kind, &vec![0; header])? {
            put(&mut state, kind, &body);
        }
    }
    let proxies = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NTF_PROXY, 0];
    for question in [[0; 12], proxies] {
        for neighbour in netlink.dump(RTM_GETNEIGH, &question)? {
            put_neighbour(&mut state, &neighbour, question == proxies);
        }
    }
    for name in names {
        put(&mut state, RTM_GETNSID, name.as_bytes());
        put(&mut state, RTM_GETNSID, &number_of(name, &mut netlink));
    }
    Some(state)
}

/// What `ip -6 rule` shows of it, which stays when links come and go.
pub(crate) fn of_ip6_rules() -> Option<Vec<u8>> {
    let mut question = vec![0; 12];
    question[0] = u8::try_from(AF_INET6).ok()?;
    Some(Netlink::open(SockProtocol::NetlinkRoute)?.dump(RTM_GETRULE, &question)?.concat())
}

/// The number by which this namespace knows another, and which one that is.
fn number_of(name: &str, netlink: &mut Netlink) -> Vec<u8> {
    let path = Path::new("/run/netns").join(name);
    let Ok(found) = fs::metadata(&path) else { return Vec::new() };
    let mut bytes = [found.dev().to_ne_bytes(), found.ino().to_ne_bytes()].concat();
    if let Ok(file) = File::open(&path) {
        let mut question = vec![0; 4];
        question.extend(attribute(NETNSA_FD, &file.as_raw_fd().to_ne_bytes()));
        bytes.extend(netlink.one(RTM_GETNSID, &question).unwrap_or_default());
    }
    bytes
}

fn put_link(state: &mut Vec<u8>, link: &[u8]) {
    put(state, RTM_GETLINK, &link[..16]);
    for (number, content) in attributes(&link[16..]) {
        match number {
            IFLA_LINKINFO => put_linkinfo(state, content),
            IFLA_AF_SPEC => put_families(state, content),
            _ if IFLA_MOVING.contains(&number) => {}
            _ => put(state, number, content),
        }
    }
}

/// The settings are read from their files ([`settings`](crate::settings)).
fn put_families(state: &mut Vec<u8>, families: &[u8]) {
    for (family, content) in attributes(families) {
        match family {
            AF_INET => {}
            AF_INET6 => put_but(state, content, &INET6_UNSHOWN),
            _ => put(state, family, content),
        }
    }
}

fn put_linkinfo(state: &mut Vec<u8>, info: &[u8]) {
    let is = |kind| attributes(info).any(|(number, content)| number == kind && content == BRIDGE);
    for (number, content) in attributes(info) {
        let moving: &[u16] = match number {
            INFO_DATA if is(INFO_KIND) => &BRIDGE_MOVING,
            INFO_SLAVE_DATA if is(INFO_SLAVE_KIND) => &PORT_MOVING,
            _ => {
                put(state, number, content);
                continue;
            }
        };
        put_but(state, content, moving);
    }
}

fn put_neighbour(state: &mut Vec<u8>, neighbour: &[u8], is_proxy: bool) {
    // The others come and go with the packets.
    if is_proxy || u16_at(neighbour, 8).is_some_and(|state| state & NUD_PERMANENT != 0) {
        put(state, RTM_GETNEIGH, &neighbour[..12]);
        put_but(state, &neighbour[12..], &NEIGHBOUR_MOVING);
    }
}

fn put_but(state: &mut Vec<u8>, all: &[u8], moving: &[u16]) {
    for (number, content) in attributes(all).filter(|(number, _)| !moving.contains(number)) {
        put(state, number, content);
    }
}

fn put(state: &mut Vec<u8>, number: u16, content: &[u8]) {
    state.extend(number.to_ne_bytes());
    state.extend(content.len().to_ne_bytes());
    state.extend(content);
}
