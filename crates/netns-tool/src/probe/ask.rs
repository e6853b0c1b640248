//! The loop that asks: everything at the same time, and waits for what comes.

use super::echo::Token;
use super::open::{Open, State};
use super::packet::{Body, Packet, Quoted};
use super::sockets::{self, Own, Pinger, receive};
use super::tap::Taps;
use super::{Outcome, Probe};
use crate::system::{limits, signals};
use anyhow::Result;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::SockaddrStorage;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

/// How many questions are sent before answers are looked for: what waits in a socket takes room.
const AT_ONCE: usize = 32;

/// How many questions are open at the same time.
const OPEN_MAX: usize = 1500;

/// How many files a question has open at most: its socket, and for a moment its namespace.
const FILES_EACH: usize = 2;

/// How many files are open besides: taps, and what the caller has left us.
const FILES_BESIDE: usize = 64;

/// How many questions can be open at the same time where the caller has limited the files (`ulimit -n`).
fn open_max() -> Result<usize> {
    let files = OPEN_MAX * FILES_EACH + FILES_BESIDE;
    let room = usize::try_from(limits::room_for_files(files.try_into()?)?).unwrap_or(files);
    Ok((room.saturating_sub(FILES_BESIDE) / FILES_EACH).clamp(8, OPEN_MAX))
}

/// Asks all questions, and gives what came of each, in their order.
///
/// # Errors
/// A signal arrived, or there is no randomness.
pub fn ask(probes: &[Probe], mut taps: Option<&mut Taps>) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(probes.len());
    for part in probes.chunks(open_max()?) {
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

struct Round<'p> {
    pingers: Vec<Pinger>,
    open: Vec<Open<'p>>,
    first: usize,
    token: Token,
}

impl<'p> Round<'p> {
    fn new(probes: &'p [Probe], first: usize, token: Token, mut taps: Option<&mut Taps>) -> Self {
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
                Some(Ok(Own { socket, port })) => {
                    taps.iter_mut().for_each(|taps| taps.note_port(port, first + index));
                    socket
                }
                Some(Err(error)) => cannot(&error),
            };
            let (sent, next, deadline) = (Vec::new(), Some(now), None);
            Open { probe, number, state, sent, next, deadline, outcome }
        });
        let open = open.collect();
        Self { pingers, open, first, token }
    }

    fn go(&mut self, mut taps: Option<&mut Taps>) -> Result<()> {
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
                let outcome = match (packet.body, open.sent.get(attempt as usize)) {
                    (Body::Error { why, .. }, _) => Outcome::Unreachable { by: packet.source, why },
                    (_, Some(sent)) => {
                        let waited = SystemTime::now().duration_since(received.time).ok();
                        Outcome::Answered { rtt: round_trip(sent.elapsed(), waited) }
                    }
                    // It answers what was not asked.
                    (_, None) => continue,
                };
                open.outcome.get_or_insert(outcome);
            }
        }
    }
}

/// How long an answer took, which has waited in its socket by the clock of the kernel, if that was not set meanwhile.
fn round_trip(since_sent: Duration, waited: Option<Duration>) -> Duration {
    since_sent.saturating_sub(waited.filter(|waited| *waited < since_sent).unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_does_not_change_a_time() {
        let ms = Duration::from_millis;
        assert_eq!(round_trip(ms(9), Some(ms(4))), ms(5));
        // It was set ahead, or back, while the answer waited.
        assert_eq!(round_trip(ms(9), Some(ms(3_600_000))), ms(9));
        assert_eq!(round_trip(ms(9), None), ms(9));
    }
}
