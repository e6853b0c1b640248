//! Questions to the network: sent from inside of namespaces, many at a time, and answered or not.
//!
//! A socket stays in the network namespace in which it was made. So threads go through the namespaces and make them, and
//! one loop waits for all answers.

mod ask;
mod echo;
mod http;
mod open;
mod packet;
mod sockets;
mod tap;

use crate::lab::model::Question;
use crate::plan::Place;
pub use ask::ask;
use nix::errno::Errno;
pub use packet::Unreachable;
use std::net::IpAddr;
use std::time::Duration;
pub use tap::{Sighting, Sort, Taps};

/// A question from one place to an address.
#[derive(Clone, Debug)]
pub struct Probe {
    pub from: Place,
    pub to: IpAddr,
    pub question: Question,
    /// After this no answer is expected any more.
    pub patience: Duration,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Such as a connection.
    Answered {
        rtt: Duration,
    },
    /// A datagram was not answered, but it was seen that the far side has got it.
    Taken,
    /// The sending was refused by the kernel of the place itself, or the connection by somebody.
    Failed(Errno),
    /// Somebody on the way, or the far side, says that it does not go on.
    Unreachable {
        by: IpAddr,
        why: Unreachable,
    },
    /// There was a connection, but no answer such as was asked for.
    WrongAnswer(String),
    Silence,
    /// It could not even be asked.
    NotAsked(String),
}

impl Outcome {
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::Taken)
    }

    pub fn rtt(&self) -> Option<Duration> {
        match self {
            Self::Answered { rtt } => Some(*rtt),
            _ => None,
        }
    }
}
