//! What /proc does not tell of sockets, asked as `ss` does (linux/sock_diag.h, linux/inet_diag.h).

use super::{Reader, attributes, number};
use crate::firewall::rule::Protocol;
use anyhow::Result;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use nix::libc::{AF_INET6, IPPROTO_TCP, IPPROTO_UDP};
use std::collections::BTreeSet;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const INET_DIAG_SKV6ONLY: u16 = 11;
/// `TCP_CLOSE` and `TCP_LISTEN` of include/net/tcp_states.h, as bits.
const WAITING: u32 = 1 << 7 | 1 << 10;
/// The sizes of struct inet_diag_sockid and struct inet_diag_msg; the inode is the last of this.
const ID: usize = 48;
const MESSAGE: usize = 72;

/// The inodes of the sockets that wait and have `IPV6_V6ONLY`, where the calling thread is.
///
/// # Errors
/// The kernel does not tell of such sockets.
pub fn sockets_for_ipv6_only(protocol: Protocol) -> Result<BTreeSet<u64>> {
    let protocol = match protocol {
        Protocol::Tcp => IPPROTO_TCP,
        Protocol::Udp => IPPROTO_UDP,
    };
    // struct inet_diag_req_v2.
    let mut request = vec![u8::try_from(AF_INET6)?, u8::try_from(protocol)?, 0, 0];
    request.extend(WAITING.to_ne_bytes());
    request.extend([0; ID]);
    let reader = Reader::open_for(NETLINK_SOCK_DIAG)?;
    let bodies = reader.dump(SOCK_DIAG_BY_FAMILY, request, MESSAGE)?;
    let is_only = |body: &&Vec<u8>| {
        let mut all = attributes(body, MESSAGE).into_iter();
        all.any(|(kind, value)| kind == INET_DIAG_SKV6ONLY && value.first() == Some(&1))
    };
    let inode = |body: &Vec<u8>| u64::from(number(&body[MESSAGE - 4..]));
    Ok(bodies.iter().filter(is_only).map(inode).collect())
}
