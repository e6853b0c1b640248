//! The sockets that questions are sent by, each made in the place that asks.

use super::Probe;
use super::echo::Token;
use super::open::State;
use super::packet::Port;
use crate::kernel::inside::each_inside;
use crate::lab::model::Question;
use crate::plan::Place;
use anyhow::Result;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrLike, SockaddrStorage, bind,
    connect, recvmsg, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;
use std::collections::BTreeSet;
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ports that questions are asked from: none twice, so that a packet is known by it. They are where nobody's services
/// are expected, and the first is a random one: answers to a command before may still be under way.
const PORTS: std::ops::Range<u16> = 41_000..60_000;
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// Makes something in each place; in their order.
pub fn in_places<J: Sync, T: Send>(
    jobs: Vec<(Place, J)>,
    make: impl Fn(&J) -> Result<T> + Sync,
) -> Vec<Result<T>> {
    let inside: Vec<_> = jobs.iter().filter_map(|(at, job)| Some((at.as_ref()?, job))).collect();
    let on_host = || -> Vec<Result<T>> {
        jobs.iter().filter(|(at, _)| at.is_none()).map(|(_, job)| make(job)).collect()
    };
    let (inside, on_host) = each_inside(&inside, |job| make(job), on_host);
    let (mut inside, mut on_host) = (inside.into_iter(), on_host.into_iter());
    let missing = || Err(anyhow::anyhow!("it was not asked"));
    let next = |(at, _): &(Place, J)| {
        let made = if at.is_some() { inside.next() } else { on_host.next() };
        made.unwrap_or_else(missing)
    };
    jobs.iter().map(next).collect()
}

/// All echo requests of one family from one place go over one socket.
pub struct Pinger {
    pub at: Place,
    pub is_ipv4: bool,
    pub socket: Result<OwnedFd>,
}

/// One for each place and family that is asked by ping.
pub fn pingers(probes: &[Probe]) -> Vec<Pinger> {
    let pings = probes.iter().filter(|probe| probe.question == Question::Ping);
    let wanted: BTreeSet<(Place, bool)> =
        pings.map(|probe| (probe.from.clone(), probe.to.is_ipv4())).collect();
    let sockets = in_places(wanted.iter().cloned().collect(), |is_ipv4| raw(*is_ipv4));
    let pinger = |((at, is_ipv4), socket)| Pinger { at, is_ipv4, socket };
    wanted.into_iter().zip(sockets).map(pinger).collect()
}

fn raw(is_ipv4: bool) -> Result<OwnedFd> {
    let (family, protocol) = if is_ipv4 {
        (AddressFamily::Inet, SockProtocol::Icmp)
    } else {
        (AddressFamily::Inet6, SockProtocol::IcmpV6)
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Raw, flags, protocol)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    Ok(socket)
}

impl Pinger {
    /// # Errors
    /// What the kernel of the place says at once, such as that there is no route.
    pub fn send(&self, to: IpAddr, message: &[u8]) -> Result<(), Errno> {
        let Ok(socket) = &self.socket else { return Err(Errno::EBADF) };
        let to = SockaddrStorage::from(SocketAddr::new(to, 0));
        sendto(socket.as_raw_fd(), message, &to, MsgFlags::empty()).map(|_| ())
    }
}

/// Something that was received.
pub struct Received<A> {
    pub bytes: Vec<u8>,
    pub from: Option<A>,
    /// When the kernel got it.
    pub time: SystemTime,
}

/// Takes one packet from a socket with timestamps, if there is one.
pub fn receive<A: SockaddrLike + Clone>(socket: &OwnedFd) -> Option<Received<A>> {
    /// What comes after is not looked at.
    const LENGTH: usize = 512;
    let mut bytes = vec![0; LENGTH];
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = loop {
        match recvmsg::<A>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags) {
            Ok(message) => break message,
            // It was an error of a packet before, which is taken by this.
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    };
    let time = message.cmsgs().ok().into_iter().flatten().find_map(|control| match control {
        nix::sys::socket::ControlMessageOwned::ScmTimestampns(time) => {
            Some(UNIX_EPOCH + Duration::from(time))
        }
        _ => None,
    });
    let (length, from) = (message.bytes, message.address.clone());
    bytes.truncate(length);
    Some(Received { bytes, from, time: time.unwrap_or_else(SystemTime::now) })
}

/// Waits until the kernel notes of each packet when it came. It begins with that a moment after the first socket has asked
/// for it; until then what is read last seems to have come last, wherever it was seen.
pub fn wait_for_timestamps() {
    const TRIES: usize = 20;
    const MOMENT: Duration = Duration::from_millis(1);
    let to_itself = || -> std::io::Result<(UdpSocket, OwnedFd)> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(socket.local_addr()?)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        let other = socket.try_clone()?.into();
        Ok((socket, other))
    };
    // Without a loopback that is up, time has to do.
    let pair = to_itself().ok();
    for _ in 0..TRIES {
        let is_sent = pair.as_ref().is_some_and(|(socket, _)| socket.send(b"when?").is_ok());
        let sent = SystemTime::now();
        std::thread::sleep(MOMENT);
        let received = pair.as_ref().filter(|_| is_sent);
        let received = received.and_then(|(_, socket)| receive::<SockaddrStorage>(socket));
        if received.is_some_and(|received| received.time <= sent) {
            return;
        }
    }
}

/// A socket of one question alone, with its port.
pub struct Own {
    pub socket: State,
    pub port: Port,
}

/// For each probe, in their order; `None` for those that ping.
pub fn own(probes: &[Probe]) -> Vec<Option<Result<Own>>> {
    let wants = |probe: &&Probe| probe.question != Question::Ping;
    let jobs = probes.iter().filter(wants).map(|probe| (probe.from.clone(), probe)).collect();
    let mut made = in_places(jobs, |probe| match probe.question {
        Question::Udp(_) => udp(probe.to.is_ipv4()),
        _ => tcp(probe.to.is_ipv4()),
    })
    .into_iter();
    probes.iter().map(|probe| if wants(&probe) { made.next() } else { None }).collect()
}

/// Gives the next port that is free where the thread is.
fn with_port<T, E: From<Errno>>(
    is_ipv4: bool,
    mut bind: impl FnMut(SocketAddr) -> Result<T, E>,
) -> Result<(T, u16), E> {
    let any =
        if is_ipv4 { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    for _ in 0..100 {
        let next = |port: u16| {
            Some(match port {
                0 => random_port(),
                last if last + 1 == PORTS.end => PORTS.start,
                _ => port + 1,
            })
        };
        let order = Ordering::Relaxed;
        // It gives what was before.
        let port = NEXT_PORT.fetch_update(order, order, next).ok().and_then(next);
        let port = port.unwrap_or(PORTS.start);
        if let Ok(bound) = bind(SocketAddr::new(any, port)) {
            return Ok((bound, port));
        }
    }
    Err(Errno::EADDRINUSE.into())
}

fn random_port() -> u16 {
    let bytes = Token::random().map(|token| token.identifier()).unwrap_or_default();
    PORTS.start + bytes % (PORTS.end - PORTS.start)
}

fn tcp(is_ipv4: bool) -> Result<Own> {
    let family = if is_ipv4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, SockProtocol::Tcp)?;
    let bound = |to: SocketAddr| bind(socket.as_raw_fd(), &SockaddrStorage::from(to));
    let ((), port) = with_port::<_, Errno>(is_ipv4, bound)?;
    Ok(Own { socket: State::Connecting(socket), port: Port::Tcp(port) })
}

fn udp(is_ipv4: bool) -> Result<Own> {
    let bound = |to: SocketAddr| UdpSocket::bind(to);
    let (socket, port) = with_port::<_, std::io::Error>(is_ipv4, bound)?;
    socket.set_nonblocking(true)?;
    // Also that somebody on the way knows no way.
    if is_ipv4 {
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
    }
    Ok(Own { socket: State::Datagram(socket), port: Port::Udp(port) })
}

/// Begins to connect.
///
/// # Errors
/// What the kernel of the place says at once.
pub fn begin(socket: &OwnedFd, to: SocketAddr) -> Result<(), Errno> {
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(()),
        Err(error) => Err(error),
    }
}
