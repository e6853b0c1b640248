//! A command of the caller's in the foreground: it has his terminal, and the signals that are meant for it.

use super::child;
use super::signals::ending;
use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getpgrp, getpid, getsid, tcgetpgrp, tcsetpgrp};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGWINCH};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// The signals that are passed on, besides those that end a process.
const PASSED_ON: [i32; 2] = [SIGCONT, SIGWINCH];

/// Those that a terminal has the kernel send.
const OF_TERMINAL: [i32; 5] = [SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGWINCH];

/// How long a signal may take to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// The place of the caller, while a command of his has it.
pub struct Foreground {
    signals: SignalsInfo<WithOrigin>,
    /// The terminal, and our process group if it has it.
    terminal: Option<(File, Pid)>,
    /// The commands are in a process group of their own, which gets nothing from the terminal.
    is_apart: bool,
}

impl Foreground {
    /// From here on signals are passed on, and end us no more.
    ///
    /// # Errors
    /// They cannot be handled.
    pub fn new() -> Result<Self> {
        Self::with(false)
    }

    /// The same for commands in a process group of their own.
    ///
    /// # Errors
    /// As [`Foreground::new`].
    pub fn of_others() -> Result<Self> {
        Self::with(true)
    }

    fn with(is_apart: bool) -> Result<Self> {
        let signals = SignalsInfo::new(ending().chain(PASSED_ON).chain([SIGCHLD]));
        let group = getpgrp();
        let terminal = File::open("/dev/tty").ok();
        let terminal = terminal.filter(|terminal| tcgetpgrp(terminal) == Ok(group));
        Ok(Self {
            signals: signals.context("cannot handle signals")?,
            terminal: terminal.map(|terminal| (terminal, group)),
            is_apart,
        })
    }

    /// Waits until `look` has what it looks for, which it does again whenever a child has ended. What a terminal sends goes
    /// to the whole process group, and so mostly to the command as well; all else is passed on.
    ///
    /// # Errors
    /// Those of `look`.
    pub fn wait<T>(
        &mut self,
        mut look: impl FnMut() -> Result<Option<T>>,
        mut pass_on: impl FnMut(i32),
    ) -> Result<T> {
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            for origin in self.signals.wait() {
                // A group apart gets nothing from the terminal.
                let is_known = is_for_all(&origin) && !self.is_apart;
                if origin.signal != SIGCHLD && !is_known {
                    pass_on(origin.signal);
                }
            }
        }
    }
}

/// Whether the command gets the signal by itself. That a terminal is gone is told to the first process of its session alone.
fn is_for_all(origin: &Origin) -> bool {
    let is_first = || getsid(None) == Ok(getpid());
    origin.cause == Cause::Kernel
        && OF_TERMINAL.contains(&origin.signal)
        && !(origin.signal == SIGHUP && is_first())
}

/// Sends a signal to a process, which may have ended just now.
pub fn send(pid: Pid, number: i32) {
    if let Ok(signal) = Signal::try_from(number) {
        let _ = kill(pid, signal);
        return;
    }
    // Those for programs' own use have no names, and so no other way here.
    let _ = child::run_script(&format!("kill -{number} {pid}"), PATIENCE);
}

impl Drop for Foreground {
    /// A shell in a process namespace of its own cannot give the terminal back: it does not know our process group.
    fn drop(&mut self) {
        if let Some((terminal, group)) = &self.terminal {
            let mut background = SigSet::empty();
            background.add(Signal::SIGTTOU);
            // Whoever is in the background is stopped for it otherwise.
            if let Ok(before) = background.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK)
            {
                // It may have been hung up.
                let _ = tcsetpgrp(terminal, *group);
                let _ = before.thread_set_mask();
            }
        }
    }
}

/// The exit code as a shell has it.
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|number| 128 + number));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}
