//! How far a long command has come, on a terminal: from its second second on.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A command that takes no longer is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const PAUSE: Duration = Duration::from_millis(100);

/// Counts the steps that are done, and knows what is waited for.
#[derive(Debug, Default)]
pub(super) struct Done {
    count: Arc<AtomicUsize>,
    wait: Arc<Mutex<Option<(&'static str, Instant)>>>,
}

impl Done {
    pub fn add(&self, count: usize) {
        self.count.fetch_add(count, Ordering::Relaxed);
    }

    /// Nothing is done for some time, but this is waited for: short words, as a line that wraps cannot be taken back.
    pub fn wait_for<T>(&self, what: &'static str, wait: impl FnOnce() -> T) -> T {
        let note = |now| {
            // Nobody panics while holding it.
            if let Ok(mut wait) = self.wait.lock() {
                *wait = now;
            }
        };
        note(Some((what, Instant::now())));
        let outcome = wait();
        note(None);
        outcome
    }

    /// Shows the count for as long as what is given back is kept.
    pub fn show(&self, total: usize) -> Option<Shown> {
        let (end, ended) = mpsc::channel();
        let (done, wait) = (Arc::clone(&self.count), Arc::clone(&self.wait));
        let thread = Builder::new().spawn(move || {
            let mut pause = PATIENCE;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let done = done.load(Ordering::Relaxed).min(total);
                // That nobody reads it is no reason to stop.
                let wait = wait.lock().ok().and_then(|wait| *wait).map(waiting);
                let wait = wait.unwrap_or_default();
                let _ = write!(std::io::stderr(), "\r\x1b[K{done} of {total} steps{wait}");
                pause = PAUSE;
            }
            if pause == PAUSE {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
        });
        Some(Shown { end: Some(end), thread: Some(thread.ok()?) })
    }
}

/// What is waited for, and since when.
fn waiting((what, since): (&str, Instant)) -> String {
    format!("; waiting for {what}: {} s", since.elapsed().as_secs())
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
