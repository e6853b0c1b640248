//! How far a long command has come, on a terminal: from its second second on.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// A command that takes no longer is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const PAUSE: Duration = Duration::from_millis(100);

/// Counts the steps that are done.
#[derive(Debug, Default)]
pub(super) struct Done(Arc<AtomicUsize>);

impl Done {
    pub fn add(&self, count: usize) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Shows the count for as long as what is given back is kept.
    pub fn show(&self, total: usize) -> Option<Shown> {
        let (end, ended) = mpsc::channel();
        let done = Arc::clone(&self.0);
        let thread = Builder::new().spawn(move || {
            let mut pause = PATIENCE;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let done = done.load(Ordering::Relaxed).min(total);
                // That nobody reads it is no reason to stop.
                let _ = write!(std::io::stderr(), "\r\x1b[K{done} of {total} steps");
                pause = PAUSE;
            }
            if pause == PAUSE {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
        });
        Some(Shown { end: Some(end), thread: Some(thread.ok()?) })
    }
}

/// The line on the terminal, which goes with it.
pub(super) struct Shown {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It only writes to the terminal.
            let _ = thread.join();
        }
    }
}
