//! Messages of rtnetlink as bytes, and the socket they go through: only what the baseline needs.
//! Layouts: linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/veth.h.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, bail};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

const NLMSG_ERROR: u16 = 2;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
/// `NLM_F_EXCL` and `NLM_F_CREATE`: make it, and it must not be there.
const NEW: u16 = 0x200 | 0x400;

const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_GROUP: u16 = 27;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_NUM_TX_QUEUES: u16 = 31;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_GATEWAY: u16 = 5;

const IFF_UP: u32 = 1;

/// A fixed header and attributes after it; nested ones are such a body without a header.
struct Body(Vec<u8>);

impl Body {
    fn with(mut self, kind: u16, value: &[u8]) -> Self {
        // Nothing here comes near the 64 KiB of an attribute.
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// `struct ifinfomsg`: `up` is whether it shall be brought up.
    fn link(index: u32, up: bool) -> Self {
        let flags = if up { IFF_UP } else { 0 };
        Self([0, index, flags, flags].into_iter().flat_map(u32::to_ne_bytes).collect())
    }

    fn named(self, name: &str) -> Self {
        self.with(IFLA_IFNAME, &[name.as_bytes(), &[0]].concat())
    }

    /// One queue each way, not one a processor: each queue more costs grace periods when the link goes.
    fn single_queue(self) -> Self {
        let one = 1u32.to_ne_bytes();
        self.with(IFLA_NUM_TX_QUEUES, &one).with(IFLA_NUM_RX_QUEUES, &one)
    }
}

/// An interface that is about to be made: its name, and the number it is to have.
#[derive(Clone, Copy)]
pub struct End<'a> {
    pub name: &'a str,
    pub index: u32,
}

/// Messages that are sent together.
#[derive(Default)]
pub struct Messages {
    bytes: Vec<u8>,
    /// Where the last of them begins.
    last: usize,
    count: u32,
}

impl Messages {
    fn push(&mut self, kind: u16, flags: u16, body: &Body) {
        self.last = self.bytes.len();
        self.count += 1;
        let length = u32::try_from(16 + body.0.len()).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        self.bytes.extend(self.count.to_ne_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(&body.0);
    }

    pub fn bridge(&mut self, bridge: End, group: u32) {
        let info = Body(Vec::new()).with(IFLA_INFO_KIND, b"bridge");
        let body = Body::link(bridge.index, true).named(bridge.name);
        let body = body.with(IFLA_GROUP, &group.to_ne_bytes()).with(IFLA_LINKINFO, &info.0);
        self.push(RTM_NEWLINK, NEW, &body);
    }

    /// A veth pair with its second end in the namespace behind the file; both are down.
    pub fn veth(&mut self, one: End, group: u32, other: End, netns: &File) {
        let peer = Body::link(other.index, false).named(other.name).single_queue();
        let peer = peer.with(IFLA_NET_NS_FD, &netns.as_raw_fd().to_ne_bytes());
        let data = Body(Vec::new()).with(VETH_INFO_PEER, &peer.0);
        let info = Body(Vec::new()).with(IFLA_INFO_KIND, b"veth").with(IFLA_INFO_DATA, &data.0);
        let body = Body::link(one.index, false).named(one.name).single_queue();
        let body = body.with(IFLA_GROUP, &group.to_ne_bytes()).with(IFLA_LINKINFO, &info.0);
        self.push(RTM_NEWLINK, NEW, &body);
    }

    pub fn up(&mut self, index: u32) {
        self.push(RTM_NEWLINK, 0, &Body::link(index, true));
    }

    /// Makes it a port of the bridge, and brings it up.
    pub fn join(&mut self, index: u32, bridge: u32) {
        let body = Body::link(index, true).with(IFLA_MASTER, &bridge.to_ne_bytes());
        self.push(RTM_NEWLINK, 0, &body);
    }

    pub fn delete_group(&mut self, group: u32) {
        let body = Body::link(0, false).with(IFLA_GROUP, &group.to_ne_bytes());
        self.push(RTM_DELLINK, 0, &body);
    }

    pub fn address(&mut self, index: u32, address: Ipv4Addr, prefix: u8) {
        let octets = address.octets();
        // `struct ifaddrmsg`
        let header = [&[2, prefix, 0, 0], &index.to_ne_bytes()[..]].concat();
        let body = Body(header).with(IFA_LOCAL, &octets).with(IFA_ADDRESS, &octets);
        self.push(RTM_NEWADDR, NEW, &body);
    }

    /// A route to that network; of prefix 0: the default route.
    pub fn route(&mut self, to: Ipv4Addr, prefix: u8, via: Ipv4Addr) {
        // `struct rtmsg`: the main table, protocol `boot`, the whole world, unicast.
        let header = vec![2, prefix, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        let body = Body(header).with(RTA_DST, &to.octets()).with(RTA_GATEWAY, &via.octets());
        self.push(RTM_NEWROUTE, NEW, &body);
    }
}

/// A socket of the network namespace that the calling thread was in when it was opened.
pub struct Route(Socket);

impl Route {
    pub fn open() -> Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE).context("cannot open a netlink socket")?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self(socket))
    }

    /// Sends them, and returns when all are done. The kernel answers the last one, and each that fails: were it to
    /// answer all, more than some hundred answers would not fit into the socket's buffer.
    pub fn run(&self, mut messages: Messages) -> Result<()> {
        let flags = messages.last + 6..messages.last + 8;
        let Some(flags) = messages.bytes.get_mut(flags) else { return Ok(()) };
        let asked = u16::from_ne_bytes([flags[0], flags[1]]) | NLM_F_ACK;
        flags.copy_from_slice(&asked.to_ne_bytes());
        self.0.send(&messages.bytes, 0).context("cannot send over netlink")?;
        loop {
            let mut answer = Vec::with_capacity(1 << 16);
            self.0.recv(&mut answer, 0).context("cannot receive over netlink")?;
            let number = |at: usize| -> Option<u32> {
                Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?))
            };
            let (Some(sequence), Some(code)) = (number(8), number(16)) else {
                bail!("the kernel sent half a netlink message");
            };
            if answer[4..6] == NLMSG_ERROR.to_ne_bytes() && code != 0 {
                let error = std::io::Error::from_raw_os_error(-code.cast_signed());
                let count = messages.count;
                bail!("the kernel refused netlink message {sequence} of {count}: {error}");
            }
            if sequence == messages.count {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested() {
        let inner = Body(Vec::new()).named("eth0");
        let body = Body(Vec::new()).with(18, &inner.0).with(1, b"ab");
        let word = |number: u16| number.to_ne_bytes();
        let expected = [
            [word(16), word(18), word(9), word(3)].concat(),
            b"eth0\0\0\0\0".to_vec(),
            [word(6), word(1)].concat(),
            b"ab\0\0".to_vec(),
        ];
        assert_eq!(body.0, expected.concat());
    }

    #[test]
    fn each_message_says_how_long_it_is() {
        let mut messages = Messages::default();
        messages.up(1);
        messages.address(1, Ipv4Addr::new(10, 0, 0, 1), 8);
        assert_eq!(messages.last, 32);
        assert_eq!(messages.bytes[..4], 32u32.to_ne_bytes());
        assert_eq!(messages.bytes[32..36], 40u32.to_ne_bytes());
        assert_eq!(messages.bytes.len(), 72);
    }
}
