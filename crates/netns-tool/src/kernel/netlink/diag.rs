//! The sockets that wait, asked for as `ss` does (linux/sock_diag.h, linux/inet_diag.h).

use super::{Reader, attributes, number};
use crate::firewall::rule::Protocol;
use crate::kernel::sockets::Listener;
use anyhow::Result;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::libc::{AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_SKV6ONLY: u16 = 11;
/// `TCP_CLOSE`, of a UDP socket that is not connected, and `TCP_LISTEN` of include/net/tcp_states.h, as bits. Asked for the
/// latter alone, the kernel does not look through all connections.
const CLOSE: u32 = 1 << 7;
const LISTEN: u32 = 1 << 10;
/// The size of struct inet_diag_sockid, and where it begins in struct inet_diag_msg: port, port of the peer, address.
const ID: usize = 48;
const PORT: usize = 4;
const ADDRESS: usize = 8;
/// The size of struct inet_diag_msg; the inode is its last.
const MESSAGE: usize = 72;

/// Those where the calling thread is.
///
/// # Errors
/// The kernel does not tell of such sockets.
pub fn listeners(protocol: Protocol) -> Result<Vec<Listener>> {
    let (number, states) = match protocol {
        Protocol::Tcp => (IPPROTO_TCP, LISTEN),
        Protocol::Udp => (IPPROTO_UDP, CLOSE),
    };
    let reader = Reader::open_for(NETLINK_SOCK_DIAG)?;
    let mut all = Vec::new();
    for family in [AF_INET, AF_INET6] {
        // struct inet_diag_req_v2.
        let mut request = vec![u8::try_from(family)?, u8::try_from(number)?, 0, 0];
        request.extend(states.to_ne_bytes());
        request.extend([0; ID]);
        let bodies = reader.dump(SOCK_DIAG_BY_FAMILY, request, MESSAGE)?;
        all.extend(bodies.iter().map(|body| listener(protocol, body)));
    }
    Ok(all)
}

fn listener(protocol: Protocol, body: &[u8]) -> Listener {
    let address = &body[ADDRESS..];
    let address = if i32::from(body[0]) == AF_INET6 {
        let bytes: [u8; 16] = std::array::from_fn(|index| address[index]);
        IpAddr::from(Ipv6Addr::from(bytes)).to_canonical()
    } else {
        let bytes: [u8; 4] = std::array::from_fn(|index| address[index]);
        IpAddr::from(Ipv4Addr::from(bytes))
    };
    let is_set =
        |(kind, value): &(u16, Vec<u8>)| *kind == INET_DIAG_SKV6ONLY && value.first() == Some(&1);
    Listener {
        protocol,
        address,
        port: u16::from_be_bytes([body[PORT], body[PORT + 1]]),
        is_ipv6_only: attributes(body, MESSAGE).iter().any(is_set),
        inode: u64::from(number(&body[MESSAGE - 4..])),
    }
}
