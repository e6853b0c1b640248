//! Taps: in each place a socket that sees all packets which come in or go out, so that a question can be followed.

use super::Probe;
use super::echo::Token;
use super::packet::{Body, Packet, Port, Quoted, Unreachable};
use super::sockets::{in_places, receive, wait_for_timestamps};
use crate::kernel::ground::bridge_ports as ports;
use crate::plan::Place;
use anyhow::Result;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, setsockopt, socket, sockopt,
};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::SystemTime;

/// `PACKET_OTHERHOST` and `PACKET_OUTGOING` of linux/if_packet.h.
const OTHER_HOST: u8 = 3;
const OUTGOING: u8 = 4;

/// How many bytes of packets may wait until they are taken; a small one is counted as a thousand or so.
const ROOM: usize = 16 << 20;

/// What a packet is to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Question,
    Answer,
    /// Of TCP: that there is no connection.
    Reset,
    Error(Unreachable),
}

/// A packet of a question, seen in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub at: Place,
    /// The index of the interface.
    pub interface: u32,
    pub is_out: bool,
    /// It came to the port of a bridge that is to pass it on.
    pub is_for_another: bool,
    pub sort: Sort,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// The port that is asked, of TCP or UDP, as it is here: a NAT may change it. An error has none.
    pub port: Option<u16>,
    pub time: SystemTime,
}

/// The socket of one place.
struct Tap {
    at: Place,
    socket: OwnedFd,
    /// The indices of the interfaces that are ports of bridges.
    ports: BTreeSet<u32>,
}

/// The taps of several places.
pub struct Taps {
    taps: Vec<Tap>,
    pub(super) token: Token,
    /// The numbers of the questions that are asked from these ports.
    ports: HashMap<Port, usize>,
    caught: Vec<(Packet, Sighting)>,
}

impl Taps {
    /// # Errors
    /// A place cannot be entered.
    pub fn open(places: &[Place]) -> Result<Self> {
        let jobs = places.iter().map(|at| (at.clone(), ())).collect();
        let opened = in_places(jobs, |()| Ok((tap()?, ports()?)));
        let opened = opened.into_iter().collect::<Result<Vec<_>>>()?;
        let tap = |(at, (socket, ports)): (&Place, _)| Tap { at: at.clone(), socket, ports };
        let taps = places.iter().zip(opened).map(tap).collect();
        wait_for_timestamps();
        Ok(Self { taps, token: Token::random()?, ports: HashMap::new(), caught: Vec::new() })
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = &OwnedFd> {
        self.taps.iter().map(|tap| &tap.socket)
    }

    /// The question of this number is asked from that port.
    pub(super) fn note_port(&mut self, port: Port, number: usize) {
        self.ports.insert(port, number);
    }

    /// Takes what has been seen since.
    pub(super) fn drain(&mut self) {
        for tap in &self.taps {
            while let Some(received) = receive::<LinkAddr>(&tap.socket) {
                let (Some(packet), Some(link)) =
                    (Packet::parse(&received.bytes, &self.token), received.from)
                else {
                    continue;
                };
                let interface = u32::try_from(link.ifindex()).unwrap_or_default();
                let is_for_another = link.pkttype() == OTHER_HOST;
                // A bridge that does not know yet where somebody is sends to all; the others do not take it.
                if is_for_another && !tap.ports.contains(&interface) {
                    continue;
                }
                let sighting = Sighting {
                    at: tap.at.clone(),
                    interface,
                    is_out: link.pkttype() == OUTGOING,
                    is_for_another,
                    sort: Sort::Question,
                    source: packet.source,
                    destination: packet.destination,
                    port: None,
                    time: received.time,
                };
                self.caught.push((packet, sighting));
            }
        }
    }

    /// What was seen of each question, in the order of time.
    pub fn sightings(mut self, probes: &[Probe]) -> Vec<Vec<Sighting>> {
        self.drain();
        let mut all = vec![Vec::new(); probes.len()];
        for (packet, sighting) in std::mem::take(&mut self.caught) {
            if let Some((number, sort)) = self.whose(&packet.body)
                && let Some(own) = all.get_mut(number)
            {
                own.push(Sighting {
                    sort,
                    port: packet.body.asked_port(sort == Sort::Question),
                    ..sighting
                });
            }
        }
        // What has one time is in the order in which its place saw it.
        all.iter_mut().for_each(|own| own.sort_by_key(|sighting| sighting.time));
        all
    }

    /// The number of the question that a packet belongs to, and what it is to it.
    fn whose(&self, body: &Body) -> Option<(usize, Sort)> {
        let by_port = |port: Port| self.ports.get(&port).copied();
        let (tcp, udp) =
            (|port: &u16| by_port(Port::Tcp(*port)), |port: &u16| by_port(Port::Udp(*port)));
        match body {
            Body::Echo { number, is_reply } => {
                Some((*number as usize, if *is_reply { Sort::Answer } else { Sort::Question }))
            }
            Body::Error { of: Quoted::Number(number), why } => {
                Some((*number as usize, Sort::Error(*why)))
            }
            // It may also be about an answer.
            Body::Error { of: Quoted::Ports { from, to }, why } => {
                Some((by_port(*from).or_else(|| by_port(*to))?, Sort::Error(*why)))
            }
            Body::Tcp { from, is_reset: false, .. } if tcp(from).is_some() => {
                Some((tcp(from)?, Sort::Question))
            }
            Body::Tcp { to, is_reset, .. } => {
                Some((tcp(to)?, if *is_reset { Sort::Reset } else { Sort::Answer }))
            }
            Body::Udp { from, to } => udp(from)
                .map(|number| (number, Sort::Question))
                .or_else(|| Some((udp(to)?, Sort::Answer))),
        }
    }
}

fn tap() -> Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    // Without the header of the link, so that all links look alike.
    let socket = socket(AddressFamily::Packet, SockType::Datagram, flags, SockProtocol::EthAll)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    // A lab that has just come up talks: twenty neighbours on a bridge announce their groups to each other, and on a busy
    // machine nobody takes that out for a while. In a user namespace there is less room.
    if setsockopt(&socket, sockopt::RcvBufForce, &ROOM).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &ROOM)?;
    }
    Ok(socket)
}
