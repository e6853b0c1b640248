//! Signals: they set a flag that is read between steps; the children never see them.

use crate::failure::{Failure, Kind, missing};
use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::SigSet;
use nix::sys::stat::{Mode, umask};
use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

static ARRIVED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// The signals that end a process which does not handle them (signal(7)); SIGPWR and SIGSTKFLT by their numbers on
/// x86 and Arm.
const ENDING: [i32; 15] = [
    SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU, SIGXFSZ, 30, 16,
];

/// The real-time signals that glibc leaves to programs.
const REALTIME: std::ops::RangeInclusive<i32> = 34..=64;

/// The least limits to work with, for netns-tool and its children: in bytes, open files, and seconds. One that is hit
/// halfway would end a command as SIGKILL does.
const LIMITS: [(Resource, u64, &str); 6] = [
    (Resource::RLIMIT_FSIZE, 1 << 24, "file size (ulimit -f)"),
    (Resource::RLIMIT_NOFILE, 64, "open files (ulimit -n)"),
    (Resource::RLIMIT_AS, 1 << 26, "virtual memory (ulimit -v)"),
    (Resource::RLIMIT_DATA, 1 << 25, "data size (ulimit -d)"),
    (Resource::RLIMIT_STACK, 1 << 20, "stack size (ulimit -s)"),
    (Resource::RLIMIT_CPU, 60, "processor time (ulimit -t)"),
];

/// Makes the process independent of what its parent left it: signal dispositions and mask, umask, limits.
///
/// # Errors
/// A limit is too low and cannot be raised.
pub fn prepare() -> Result<()> {
    // HUP, INT and TERM may be ignored as well (sudo passes that on), and must work during a long command.
    let arrived = ARRIVED.get_or_init(Arc::default);
    see_children()?;
    for signal in ENDING.into_iter().chain(REALTIME) {
        let number = usize::try_from(signal)?;
        signal_hook::flag::register_usize(signal, Arc::clone(arrived), number)
            .context("cannot handle signals")?;
    }
    SigSet::all().thread_unblock().context("cannot unblock signals")?;
    // What `ip` makes (/run/netns) is for all to see, as without us; our own files have their modes given.
    umask(Mode::from_bits_truncate(0o022));
    LIMITS.into_iter().try_for_each(|(resource, least, name)| raise(resource, least, name))?;
    Ok(())
}

/// A parent may have left SIGCHLD ignored, and then the exit status of a child is lost; any handler cures it.
///
/// # Errors
/// It cannot be handled.
pub fn see_children() -> Result<()> {
    signal_hook::flag::register(SIGCHLD, Arc::default()).context("cannot handle SIGCHLD")?;
    Ok(())
}

fn raise(resource: Resource, least: u64, name: &str) -> Result<()> {
    let (soft, hard) = getrlimit(resource)?;
    if soft >= least {
        return Ok(());
    }
    // Root may raise the hard limit too.
    if setrlimit(resource, hard.max(least), hard.max(least)).is_ok()
        || (hard >= least && setrlimit(resource, hard, hard).is_ok())
    {
        return Ok(());
    }
    Err(missing(format!("the limit on {name} is {soft}, and cannot be raised to {least}"))
        .hint("raise it in the shell that starts netns-tool")
        .into())
}

/// How many files may be open at the same time, after it was tried to have so many.
///
/// # Errors
/// The kernel does not tell.
pub fn room_for_files(wanted: u64) -> Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= wanted {
        return Ok(soft);
    }
    // Root may raise the hard limit too.
    for limit in [hard.max(wanted), hard] {
        if setrlimit(Resource::RLIMIT_NOFILE, limit, limit.max(hard)).is_ok() {
            return Ok(limit);
        }
    }
    Ok(soft)
}

/// The number of a signal that asked the command to end.
pub fn pending() -> Option<i32> {
    let number = ARRIVED.get()?.load(Ordering::Relaxed);
    i32::try_from(number).ok().filter(|number| *number != 0)
}

/// The signal has been seen to: what comes now is not interrupted by it.
pub fn forget() {
    if let Some(arrived) = ARRIVED.get() {
        arrived.store(0, Ordering::Relaxed);
    }
}

/// The failure to give up with if a signal has arrived.
pub fn interruption() -> Option<Failure> {
    let number = pending()?;
    let name = nix::sys::signal::Signal::try_from(number)
        .map_or("a signal", nix::sys::signal::Signal::as_str);
    Some(Failure::new(Kind::Signal(number), format!("interrupted by {name}")))
}
