//! One question while it is open: sent, sent again, answered or given up.

use super::echo::{self, Token};
use super::sockets::{self, Pinger};
use super::{Outcome, Probe, http};
use crate::lab::model::Question;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// When a question without a connection is asked again, after it was asked the first time: a packet may be lost while
/// neighbours find each other.
const AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

/// How long a server may think about a page.
const PAGE: Duration = Duration::from_secs(5);

/// A question that was, or is to be, asked.
pub struct Open<'p> {
    pub probe: &'p Probe,
    pub number: u32,
    pub state: State,
    /// When each try was sent.
    pub sent: Vec<Instant>,
    pub next: Option<Instant>,
    pub deadline: Option<Instant>,
    pub outcome: Option<Outcome>,
}

pub enum State {
    /// With the number of its [`Pinger`].
    Ping(usize),
    Connecting(OwnedFd),
    /// With what has been read.
    Page(TcpStream, Vec<u8>),
    Datagram(UdpSocket),
    None,
}

impl Open<'_> {
    fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
        self.state = State::None;
    }

    fn rtt(&self) -> Duration {
        self.sent.first().map(Instant::elapsed).unwrap_or_default()
    }

    fn address(&self) -> SocketAddr {
        let port = match self.probe.question {
            Question::Ping => 0,
            Question::Tcp(port) | Question::Udp(port) | Question::Http { port, .. } => port,
        };
        SocketAddr::new(self.probe.to, port)
    }

    pub fn send(&mut self, pingers: &[Pinger], token: &Token) {
        let (now, to, attempt) = (Instant::now(), self.probe.to, self.sent.len() as u32);
        let deadline = *self.deadline.get_or_insert(now + self.probe.patience);
        let begin = self.sent.first().copied().unwrap_or(now);
        self.sent.push(now);
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
    pub fn look(&mut self) {
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
    pub fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
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
