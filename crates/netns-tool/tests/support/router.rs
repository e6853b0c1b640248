//! The router that tells the host its IPv6 prefix and default route: real router advertisements (RFC 4861), sent
//! from within a namespace.

use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::thread;
use std::time::Duration;

use nix::net::if_::if_nametoindex;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt,
};

use super::net::enter;

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ON_LINK_AND_AUTONOMOUS: u8 = 0xc0;
const PREFIX_LENGTH: u8 = 64;
const DAY: u32 = 86_400;

/// An interface of a namespace that advertises itself as the default router, with a prefix for addresses: when
/// solicited, and when told to. Real ones do so by themselves every few minutes, which is never in a test: what
/// a command loses does not come back on its own.
#[derive(Debug)]
pub struct Advertiser {
    /// A raw ICMPv6 socket; the standard library sends and receives on it as on any other.
    socket: UdpSocket,
    index: u32,
    prefix: Ipv6Addr,
}

impl Advertiser {
    /// Begins: one advertisement at once, and one for each solicitation until the test ends.
    pub fn start(place: &str, interface: &str, prefix: Ipv6Addr) -> Self {
        let (socket, index) = enter(place, || {
            let index = if_nametoindex(interface).expect("the router's interface");
            (raw_socket(index).expect("a raw ICMPv6 socket"), index)
        });
        let advertiser = Self { socket, index, prefix };
        advertiser.advertise(1800);
        let socket = advertiser.socket.try_clone().expect("a second handle of the socket");
        let answering = Self { socket, ..advertiser };
        thread::spawn(move || answering.answer());
        advertiser
    }

    /// Sends an advertisement: a default router for so many seconds, 0 for none any more.
    pub fn advertise(&self, lifetime: u16) {
        let to = SocketAddrV6::new(ALL_NODES, 0, 0, self.index);
        let message = advertisement(self.prefix, lifetime);
        self.socket.send_to(&message, to).expect("send a router advertisement");
    }

    fn answer(&self) {
        let mut message = [0; 2048];
        loop {
            match self.socket.recv(&mut message) {
                Ok(length) if length > 0 && message[0] == SOLICITATION => self.advertise(1800),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The interface is gone.
                Err(_) => return,
            }
        }
    }
}

/// Hop limit 255 proves to the receiver that no router forwarded it; the kernel fills the checksum in.
fn raw_socket(index: u32) -> io::Result<UdpSocket> {
    let socket =
        socket(AddressFamily::Inet6, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::IcmpV6)?;
    setsockopt(&socket, sockopt::Ipv6MulticastHops, &255)?;
    let socket = UdpSocket::from(socket);
    socket.join_multicast_v6(&ALL_ROUTERS, index)?;
    socket.set_write_timeout(Some(Duration::from_secs(1)))?;
    Ok(socket)
}

fn advertisement(prefix: Ipv6Addr, lifetime: u16) -> Vec<u8> {
    const HOP_LIMIT: u8 = 64;
    let mut message = vec![ADVERTISEMENT, 0, 0, 0, HOP_LIMIT, 0];
    message.extend(lifetime.to_be_bytes());
    // Reachable and retransmission time: not said.
    message.extend([0; 8]);
    // The option "prefix information" is four times eight bytes long.
    message.extend([3, 4, PREFIX_LENGTH, ON_LINK_AND_AUTONOMOUS]);
    message.extend(DAY.to_be_bytes());
    message.extend((DAY / 2).to_be_bytes());
    message.extend([0; 4]);
    message.extend(prefix.octets());
    message
}
