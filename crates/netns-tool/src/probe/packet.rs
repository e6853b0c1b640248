//! Packets of IPv4 and IPv6 as they are seen on the way, as far as it takes to know whose they are.

use super::echo::Token;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// What somebody says of a packet that does not come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// There is no route.
    Network,
    /// Nobody answers there.
    Host,
    Port,
    /// A rule, or a route that prohibits it.
    Prohibited,
    TimeExceeded,
    TooBig,
    Other,
}

impl Unreachable {
    /// Of an ICMP message that is an error.
    pub fn of(is_ipv4: bool, kind: u8, code: u8) -> Option<Self> {
        Some(match (is_ipv4, kind, code) {
            (true, 3, 0 | 6 | 11) | (false, 1, 0) => Self::Network,
            (true, 3, 1 | 7 | 12) | (false, 1, 3) => Self::Host,
            (true, 3, 3) | (false, 1, 4) => Self::Port,
            (true, 3, 9 | 10 | 13) | (false, 1, 1 | 5 | 6) => Self::Prohibited,
            (true, 3, 4) | (false, 2, _) => Self::TooBig,
            (true, 11, _) | (false, 3, _) => Self::TimeExceeded,
            (true, 3 | 12, _) | (false, 1 | 4, _) => Self::Other,
            _ => return None,
        })
    }
}

/// A packet, as far as it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// An echo request or its reply, with the number of the question.
    Echo {
        number: u32,
        is_reply: bool,
    },
    /// What somebody says of a packet of ours.
    Error {
        of: Quoted,
        why: Unreachable,
    },
    Tcp {
        from: u16,
        to: u16,
        is_first: bool,
        is_reset: bool,
    },
    Udp {
        from: u16,
        to: u16,
    },
}

/// What an error repeats of the packet that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoted {
    Number(u32),
    /// By the port that it came from, and the one that it went to.
    Ports {
        from: Port,
        to: Port,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    Tcp(u16),
    Udp(u16),
}

impl Body {
    /// The port of whoever is asked: a question goes there, what answers it comes from there.
    pub fn asked_port(&self, is_question: bool) -> Option<u16> {
        match *self {
            Self::Tcp { from, to, .. } | Self::Udp { from, to } => {
                Some(if is_question { to } else { from })
            }
            Self::Echo { .. } | Self::Error { .. } => None,
        }
    }
}

impl Packet {
    /// The packet in the bytes, without the header of the link.
    pub fn parse(bytes: &[u8], token: &Token) -> Option<Self> {
        let (source, destination, protocol, rest) = header(bytes)?;
        let body = match protocol {
            ICMP | ICMPV6 => icmp(protocol == ICMP, rest, token)?,
            TCP => {
                let flags = *rest.get(13)?;
                let (is_syn, is_ack, is_reset) = (flags & 2 > 0, flags & 16 > 0, flags & 4 > 0);
                let (from, to) = ports(rest)?;
                Body::Tcp { from, to, is_first: is_syn && !is_ack, is_reset }
            }
            UDP => {
                let (from, to) = ports(rest)?;
                Body::Udp { from, to }
            }
            _ => return None,
        };
        Some(Self { source, destination, body })
    }

    /// An ICMPv6 message without the header of IPv6, as a raw socket receives it. To whom it was is not known then.
    pub fn icmpv6(source: Ipv6Addr, message: &[u8], token: &Token) -> Option<Self> {
        let destination = Ipv6Addr::UNSPECIFIED.into();
        Some(Self { source: source.into(), destination, body: icmp(false, message, token)? })
    }
}

/// Addresses and protocol of a packet, and what comes after its header. Extension headers of IPv6 are not looked behind:
/// packets of ours have none.
fn header(bytes: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    match bytes.first()? >> 4 {
        4 => {
            let length = usize::from(bytes[0] & 15) * 4;
            let ip = |at: usize| {
                let four = <[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?;
                Some(IpAddr::V4(Ipv4Addr::from(four)))
            };
            Some((ip(12)?, ip(16)?, *bytes.get(9)?, bytes.get(length..)?))
        }
        6 => {
            let ip = |at: usize| {
                let all = <[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?;
                Some(IpAddr::V6(Ipv6Addr::from(all)))
            };
            Some((ip(8)?, ip(24)?, *bytes.get(6)?, bytes.get(40..)?))
        }
        _ => None,
    }
}

fn ports(segment: &[u8]) -> Option<(u16, u16)> {
    let port = |at: usize| Some(u16::from_be_bytes(segment.get(at..at + 2)?.try_into().ok()?));
    Some((port(0)?, port(2)?))
}

fn icmp(is_ipv4: bool, message: &[u8], token: &Token) -> Option<Body> {
    let (kind, code) = (*message.first()?, *message.get(1)?);
    if let Some(why) = Unreachable::of(is_ipv4, kind, code) {
        let quoted = message.get(8..)?;
        if let Some((number, _)) = token.find(quoted) {
            return Some(Body::Error { of: Quoted::Number(number), why });
        }
        let (_, _, protocol, rest) = header(quoted)?;
        let (from, to) = ports(rest)?;
        let (from, to) = match protocol {
            TCP => (Port::Tcp(from), Port::Tcp(to)),
            UDP => (Port::Udp(from), Port::Udp(to)),
            _ => return None,
        };
        return Some(Body::Error { of: Quoted::Ports { from, to }, why });
    }
    let is_reply = match (is_ipv4, kind) {
        (true, 8) | (false, 128) => false,
        (true, 0) | (false, 129) => true,
        _ => return None,
    };
    token.find(message).map(|(number, _)| Body::Echo { number, is_reply })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::echo;

    fn ipv4(protocol: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes =
            vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn packets_of_ours_are_known_by_number_or_by_port() {
        let token = Token::random().unwrap();
        let question = ipv4(ICMP, &echo::request(true, &token, 9, 1));
        let body = |bytes: &[u8]| Packet::parse(bytes, &token).map(|packet| packet.body);
        assert_eq!(body(&question), Some(Body::Echo { number: 9, is_reply: false }));
        let error = ipv4(ICMP, &[&[3, 1, 0, 0, 0, 0, 0, 0], &question[..]].concat());
        let why = Unreachable::Host;
        assert_eq!(body(&error), Some(Body::Error { of: Quoted::Number(9), why }));
        let mut segment = vec![0x9c, 0x40, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0];
        let syn = ipv4(TCP, &segment);
        let (from, to) = (40000, 80);
        assert_eq!(body(&syn), Some(Body::Tcp { from, to, is_first: true, is_reset: false }));
        let error = ipv4(ICMP, &[&[3, 13, 0, 0, 0, 0, 0, 0], &syn[..28]].concat());
        let why = Unreachable::Prohibited;
        let of = Quoted::Ports { from: Port::Tcp(40000), to: Port::Tcp(80) };
        assert_eq!(body(&error), Some(Body::Error { of, why }));
        segment[13] = 20;
        let reset = Some(Body::Tcp { from, to, is_first: false, is_reset: true });
        assert_eq!(body(&ipv4(TCP, &segment)), reset);
    }

    #[test]
    fn what_is_cut_off_is_no_packet() {
        let token = Token::random().unwrap();
        let question = ipv4(ICMP, &echo::request(true, &token, 9, 1));
        for length in 0..question.len() {
            assert_eq!(Packet::parse(&question[..length], &token), None);
        }
    }
}
