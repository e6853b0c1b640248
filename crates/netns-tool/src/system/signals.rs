//! Signals: they set a flag that is read between steps; the children never see them.

use super::limits;
use crate::failure::{Failure, Kind};
use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGUSR1,
    SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

static ARRIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();
static ARE_PUT_OFF: AtomicBool = AtomicBool::new(false);

/// The signals that end a process which does not handle them (signal(7)), but for those of its own faults; SIGPWR and
/// SIGSTKFLT by their numbers on x86 and Arm.
const ENDING: [i32; 16] = [
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGXCPU, SIGXFSZ, 30, 16,
];

/// The real-time signals that glibc leaves to programs.
const REALTIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Whatever ends a process and can be handled.
pub fn ending() -> impl Iterator<Item = i32> {
    ENDING.into_iter().chain(REALTIME)
}

/// Makes the process independent of what its parent left it: signal dispositions and mask, umask, limits.
///
/// # Errors
/// A limit is too low and cannot be raised.
pub fn prepare() -> Result<()> {
    // HUP, INT and TERM may be ignored as well (sudo passes that on), and must work during a long command.
    let arrived = ARRIVED.get_or_init(Arc::default);
    see_children()?;
    for signal in ending() {
        let number = usize::try_from(signal)?;
        signal_hook::flag::register_usize(signal, Arc::clone(arrived), number)
            .context("cannot handle signals")?;
    }
    SigSet::all().thread_unblock().context("cannot unblock signals")?;
    // What `ip` makes (/run/netns) is for all to see, as without us; our own files have their modes given.
    umask(Mode::from_bits_truncate(0o022));
    limits::raise_all()
}

/// A parent may have left SIGCHLD ignored, and then the exit status of a child is lost; any handler cures it.
///
/// # Errors
/// It cannot be handled.
pub fn see_children() -> Result<()> {
    signal_hook::flag::register(SIGCHLD, Arc::default()).context("cannot handle SIGCHLD")?;
    Ok(())
}

/// The number of a signal that asked the command to end.
pub fn pending() -> Option<i32> {
    if ARE_PUT_OFF.load(Ordering::Relaxed) { None } else { arrived() }
}

fn arrived() -> Option<i32> {
    let number = ARRIVED.get()?.load(Ordering::Relaxed);
    i32::try_from(number).ok().filter(|number| *number != 0)
}

/// Does what no signal may interrupt, however many come; gives the last that came meanwhile. Those before have been seen to.
pub fn put_off<T>(act: impl FnOnce() -> T) -> (T, Option<i32>) {
    if let Some(arrived) = ARRIVED.get() {
        arrived.store(0, Ordering::Relaxed);
    }
    ARE_PUT_OFF.store(true, Ordering::Relaxed);
    let outcome = act();
    ARE_PUT_OFF.store(false, Ordering::Relaxed);
    (outcome, arrived())
}

/// The failure to give up with if a signal has arrived.
pub fn interruption() -> Option<Failure> {
    let number = pending()?;
    Some(Failure::new(Kind::Signal(number), format!("interrupted by {}", name(number))))
}

/// Those for programs' own use have none.
pub fn name(number: i32) -> String {
    Signal::try_from(number)
        .map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
}
