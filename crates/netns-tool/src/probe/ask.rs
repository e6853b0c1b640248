//! The loop that asks: everything at the same time, and waits for what comes.

use super::echo::{self, Token};
use super::packet::{Body, Packet, Port, Quoted};
use super::sockets::{self, Own, Pinger, receive};
use super::tap::Taps;
use super::{Outcome, Probe, http};
use crate::lab::model::Question;
use crate::system::signals;
use anyhow::Result;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{SockaddrStorage, getsockopt, sockopt};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime};

/// When a question without a connection is asked again, after it was asked the first time: a packet may be lost while
/// neighbours find each other.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// How many questions are sent before answers are looked for: what waits in a socket takes room.
const AT_ONCE: usize = 32;

/// How many questions are open at the same time.
const OPEN_MAX: usize = 1500;

/// How long a server may think about a page.
const PAGE: Duration = Duration::from_secs(5);

/// Asks all questions, and gives what came of each, in their order.
///
/// # Errors
/// A signal arrived, or there is no randomness.
pub fn ask(probes: &[Probe], taps: Option<&mut Taps>) -> Result<Vec<Outcome>> {
    let mut taps = taps;
    let mut outcomes = Vec::with_capacity(probes.len());
    for part in probes.chunks(OPEN_MAX) {
        let first = outcomes.len();
        let token = match &taps {
            Some(taps) => taps.token,
            None => Token::random()?,
        };
        let mut round = Round::new(part, first, token, taps.as_deref_mut());
        round.go(taps.as_deref_mut())?;
        let silent = |open: Open| open.outcome.unwrap_or(Outcome::Silence);
        outcomes.extend(round.open.into_iter().map(silent));
    }
    Ok(outcomes)
}

/// A question that was, or is to be, asked.
struct Open<'p> {
    probe: &'p Probe,
    number: u32,
    state: State,
    /// When each try was sent.
    sent: Vec<(Instant, SystemTime)>,
    next: Option<Instant>,
    deadline: Option<Instant>,
    outcome: Option<Outcome>,
}

enum State {
    /// With the number of its [`Pinger`].
    Ping(usize),
    Connecting(OwnedFd),
    /// With what has been read.
    Page(TcpStream, Vec<u8>),
    Datagram(UdpSocket),
    None,
}

struct Round<'p> {
    pingers: Vec<Pinger>,
    open: Vec<Open<'p>>,
    first: usize,
    token: Token,
}

impl<'p> Round<'p> {
    fn new(probes: &'p [Probe], first: usize, token: Token, taps: Option<&mut Taps>) -> Self {
        let mut taps = taps;
        let (pingers, own) = (sockets::pingers(probes), sockets::own(probes));
        let now = Instant::now();
        let open = probes.iter().zip(own).enumerate().map(|(index, (probe, own))| {
            let number = (first + index) as u32;
            let mut outcome = None;
            let mut cannot = |error: &anyhow::Error| {
                outcome = Some(Outcome::NotAsked(format!("{error:#}")));
                State::None
            };
            let state = match own {
                None => {
                    let is_its = |pinger: &Pinger| {
                        pinger.at == probe.from && pinger.is_ipv4 == probe.to.is_ipv4()
                    };
                    let pinger = pingers.iter().position(is_its).unwrap_or_default();
                    match pingers.get(pinger).map(|pinger| &pinger.socket) {
                        Some(Err(error)) => cannot(error),
                        _ => State::Ping(pinger),
                    }
                }
                Some(Ok(Own::Tcp(socket, port))) => {
                    let port = Port::Tcp(port);
                    taps.iter_mut().for_each(|taps| taps.note_port(port, first + index));
                    State::Connecting(socket)
                }
                Some(Ok(Own::Udp(socket, port))) => {
                    let port = Port::Udp(port);
                    taps.iter_mut().for_each(|taps| taps.note_port(port, first + index));
                    State::Datagram(socket)
                }
                Some(Err(error)) => cannot(&error),
            };
            let (sent, next, deadline) = (Vec::new(), Some(now), None);
            Open { probe, number, state, sent, next, deadline, outcome }
        });
        let open = open.collect();
        Self { pingers, open, first, token }
    }

    fn go(&mut self, taps: Option<&mut Taps>) -> Result<()> {
        let mut taps = taps;
        while self.open.iter().any(|open| open.outcome.is_none()) {
            if let Some(interruption) = signals::interruption() {
                return Err(interruption.into());
            }
            let is_more = self.send();
            self.wait(is_more, taps.as_deref());
            self.take_replies();
            self.open.iter_mut().filter(|open| open.outcome.is_none()).for_each(Open::look);
            if let Some(taps) = taps.as_deref_mut() {
                taps.drain();
            }
        }
        Ok(())
    }

    /// Sends what is due; whether there is more of it.
    fn send(&mut self) -> bool {
        let now = Instant::now();
        let is_due =
            |open: &&mut Open| open.outcome.is_none() && open.next.is_some_and(|next| next <= now);
        let mut due = self.open.iter_mut().filter(is_due);
        for open in due.by_ref().take(AT_ONCE) {
            open.send(&self.pingers, &self.token);
        }
        due.next().is_some()
    }

    /// Waits until something has come, or is due.
    fn wait(&self, is_more: bool, taps: Option<&Taps>) {
        let unanswered = || self.open.iter().filter(|open| open.outcome.is_none());
        let due = unanswered().flat_map(|open| [open.next, open.deadline]).flatten().min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        let time = if is_more { Duration::ZERO } else { left.unwrap_or_default() };
        let reads = self.pingers.iter().filter_map(|pinger| pinger.socket.as_ref().ok());
        let reads = reads.chain(taps.iter().flat_map(|taps| taps.sockets()));
        let reads = reads.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN));
        let own = unanswered().filter_map(|open| {
            let (socket, flags) = open.state.waits_for()?;
            // One that has not been asked yet would always be ready.
            (!open.sent.is_empty()).then(|| PollFd::new(socket, flags))
        });
        let mut sockets: Vec<PollFd> = reads.chain(own).collect();
        // A little longer than the time that is left, which is rounded down.
        let time = if time.is_zero() { time } else { time + Duration::from_millis(1) };
        let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO);
        let _: Result<_, Errno> = poll(&mut sockets, time);
    }

    fn take_replies(&mut self) {
        for pinger in &self.pingers {
            let Ok(socket) = &pinger.socket else { continue };
            while let Some(received) = receive::<SockaddrStorage>(socket) {
                let Some((packet, attempt)) = parse(pinger.is_ipv4, &received, &self.token) else {
                    continue;
                };
                let number = match packet.body {
                    Body::Echo { number, is_reply: true } => number,
                    Body::Error { of: Quoted::Number(number), .. } => number,
                    _ => continue,
                };
                let index = (number as usize).wrapping_sub(self.first);
                let Some(open) = self.open.get_mut(index) else { continue };
                let sent = open.sent.get(attempt as usize);
                let rtt = sent.and_then(|(_, sent)| received.time.duration_since(*sent).ok());
                let outcome = match packet.body {
                    Body::Error { why, .. } => Outcome::Unreachable { by: packet.source, why },
                    _ => Outcome::Answered { rtt: rtt.unwrap_or_default() },
                };
                open.outcome.get_or_insert(outcome);
            }
        }
    }
}

/// What a raw socket has received, and which try it is about. One of IPv6 gives no header.
fn parse(
    is_ipv4: bool,
    received: &sockets::Received<SockaddrStorage>,
    token: &Token,
) -> Option<(Packet, u32)> {
    let (_, attempt) = token.find(&received.bytes)?;
    if is_ipv4 {
        return Some((Packet::parse(&received.bytes, token)?, attempt));
    }
    let source = received.from.as_ref()?.as_sockaddr_in6()?.ip();
    Some((Packet::icmpv6(source, &received.bytes, token)?, attempt))
}

impl Open<'_> {
    fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
        self.state = State::None;
    }

    fn rtt(&self) -> Duration {
        self.sent.first().map(|(sent, _)| sent.elapsed()).unwrap_or_default()
    }

    fn address(&self) -> SocketAddr {
        let port = match self.probe.question {
            Question::Ping => 0,
            Question::Tcp(port) | Question::Udp(port) | Question::Http { port, .. } => port,
        };
        SocketAddr::new(self.probe.to, port)
    }

    fn send(&mut self, pingers: &[Pinger], token: &Token) {
        let (now, to, attempt) = (Instant::now(), self.probe.to, self.sent.len() as u32);
        let deadline = *self.deadline.get_or_insert(now + self.probe.patience);
        let begin = self.sent.first().map_or(now, |(begin, _)| *begin);
        self.sent.push((now, SystemTime::now()));
        let again = AGAIN.get(attempt as usize).map(|time| begin + *time);
        self.next = again.filter(|again| *again < deadline);
        let done = match &self.state {
            State::Ping(pinger) => {
                let message = echo::request(to.is_ipv4(), token, self.number, attempt);
                pingers.get(*pinger).map_or(Err(Errno::EBADF), |pinger| pinger.send(to, &message))
            }
            State::Datagram(socket) => {
                let sent = socket.connect(self.address());
                let sent = sent.and_then(|()| socket.send(&token.payload(self.number, attempt)));
                sent.map(|_| ()).map_err(|error| errno(&error))
            }
            State::Connecting(socket) => {
                // TCP asks again by itself.
                self.next = None;
                sockets::begin(socket, self.address())
            }
            State::Page(..) | State::None => Ok(()),
        };
        match done {
            Ok(()) => {}
            Err(Errno::ENOBUFS | Errno::EAGAIN) => {}
            Err(error) => self.end(Outcome::Failed(error)),
        }
    }

    /// Looks whether something has come to its own socket, and whether its time is over.
    fn look(&mut self) {
        if !self.sent.is_empty() {
            match std::mem::replace(&mut self.state, State::None) {
                State::Connecting(socket) => self.look_for_connection(socket),
                State::Page(stream, head) => self.look_for_page(stream, head),
                State::Datagram(socket) => self.look_for_datagram(socket),
                other => self.state = other,
            }
        }
        if self.outcome.is_none() && self.deadline.is_some_and(|end| end <= Instant::now()) {
            let is_connected = matches!(self.state, State::Page(..));
            self.end(if is_connected {
                let seconds = PAGE.as_secs();
                Outcome::WrongAnswer(format!("it has not answered within {seconds} s"))
            } else {
                Outcome::Silence
            });
        }
    }

    fn look_for_connection(&mut self, socket: OwnedFd) {
        match getsockopt(&socket, sockopt::SocketError) {
            Ok(0) => {}
            Ok(error) => return self.end(Outcome::Failed(Errno::from_raw(error))),
            Err(error) => return self.end(Outcome::Failed(error)),
        }
        let mut stream = TcpStream::from(socket);
        if stream.peer_addr().is_err() {
            self.state = State::Connecting(stream.into());
            return;
        }
        let Question::Http { port, path } = &self.probe.question else {
            return self.end(Outcome::Answered { rtt: self.rtt() });
        };
        let request = http::request(self.probe.to, *port, path);
        match stream.write_all(request.as_bytes()) {
            Ok(()) => {
                self.deadline = Some(Instant::now() + PAGE);
                self.state = State::Page(stream, Vec::new());
            }
            Err(error) => self.end(Outcome::Failed(errno(&error))),
        }
    }

    fn look_for_page(&mut self, mut stream: TcpStream, mut head: Vec<u8>) {
        let mut bytes = [0; 1024];
        let is_all = match stream.read(&mut bytes) {
            Ok(length) => {
                head.extend(&bytes[..length]);
                length == 0
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(_) => {
                let why = "it broke off the connection without an answer";
                return self.end(Outcome::WrongAnswer(why.to_owned()));
            }
        };
        match http::status(&head, is_all) {
            Ok(None) => self.state = State::Page(stream, head),
            Ok(Some(status)) if status < 400 => self.end(Outcome::Answered { rtt: self.rtt() }),
            Ok(Some(status)) => {
                self.end(Outcome::WrongAnswer(format!("it answered with status {status}")));
            }
            Err(why) => self.end(Outcome::WrongAnswer(why)),
        }
    }

    fn look_for_datagram(&mut self, socket: UdpSocket) {
        match socket.recv(&mut [0; 64]) {
            Ok(_) => self.end(Outcome::Answered { rtt: self.rtt() }),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.state = State::Datagram(socket);
            }
            Err(error) => self.end(Outcome::Failed(errno(&error))),
        }
    }
}

impl State {
    fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match self {
            Self::Connecting(socket) => Some((socket.as_fd(), PollFlags::POLLOUT)),
            Self::Page(stream, _) => Some((stream.as_fd(), PollFlags::POLLIN)),
            Self::Datagram(socket) => Some((socket.as_fd(), PollFlags::POLLIN)),
            Self::Ping(_) | Self::None => None,
        }
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
