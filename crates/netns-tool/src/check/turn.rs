//! One check after the other: what counts datagrams does so for a whole place, and one check would take those of another for
//! its own.

use crate::failure::{Failure, Kind};
use crate::system::signals;
use anyhow::{Context, Result};
use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Of a socket that no file stands for: it is of this network namespace, and goes with the process.
const NAME: &str = "netns-tool check";

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(20);

/// The turn of this process, for as long as it is kept.
pub struct Turn(#[expect(dead_code, reason = "it is kept open")] UnixListener);

impl Turn {
    /// Waits for the others, for so long at most.
    ///
    /// # Errors
    /// They take longer, or a signal arrived.
    pub fn take(wait: Duration) -> Result<Self> {
        let address = SocketAddr::from_abstract_name(NAME).context("cannot name a socket")?;
        let deadline = Instant::now() + wait;
        loop {
            match UnixListener::bind_addr(&address) {
                Ok(socket) => return Ok(Self(socket)),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error).context("cannot take a turn"),
            }
            if let Some(interruption) = signals::interruption() {
                return Err(interruption.into());
            }
            if Instant::now() >= deadline {
                let what = format!("another `check` has been at work for {} s", wait.as_secs());
                return Err(Failure::new(Kind::Locked, what)
                    .hint("wait for it, or give it more time: --wait SECONDS")
                    .into());
            }
            sleep(PAUSE);
        }
    }
}
