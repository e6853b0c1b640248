//! A private host does not last longer than a test may take.

use std::process;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// How long a test may take, also on a busy machine: one that hangs should fail rather than hold up all others.
pub(crate) const LIMIT: Duration = Duration::from_secs(900);

/// Ends a private host that takes longer.
pub(crate) struct Watch {
    over: mpsc::Sender<()>,
    watcher: thread::JoinHandle<bool>,
}

impl Watch {
    pub(crate) fn over(child: &process::Child) -> Self {
        let host = Pid::from_raw(child.id().cast_signed());
        let (over, on_end) = mpsc::channel::<()>();
        let watcher = thread::spawn(move || {
            let is_late = on_end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
            // All that is inside goes with it (`unshare --kill-child`).
            is_late && nix::sys::signal::kill(host, Signal::SIGKILL).is_ok()
        });
        Self { over, watcher }
    }

    /// Stops watching; whether the host had to be ended.
    pub(crate) fn end(self) -> bool {
        drop(self.over);
        self.watcher.join().expect("the thread of the watch")
    }
}
