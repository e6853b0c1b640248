//! Packets of several places as lines.

use super::order::{Seen, in_order};
use crate::cli::Global;
use crate::failure::{count, failed, in_words};
use crate::run::tell;
use crate::system::crowd;
use crate::system::foreground::Foreground;
use crate::system::tether::Group;
use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write, stdout};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// Prints what all see, each line with the seconds since the first packet and with where it was seen. The exit code.
///
/// # Errors
/// As [`run`].
pub fn merge(mut commands: Vec<(String, Command)>, global: &Global) -> Result<u8> {
    let labels: Vec<String> = commands.iter().map(|(label, _)| label.clone()).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    run(&mut commands, global, read_lines, |seen: Seen<String>, first| {
        let since = seen.time.saturating_sub(first).as_secs_f64();
        let line = format!("{since:10.6}  {:width$} | {}\n", labels[seen.place], seen.what);
        stdout().write_all(line.as_bytes()).and_then(|()| stdout().flush())?;
        Ok(())
    })
}

/// What reads the output of one of them, which has a number.
pub type Reader<T> = fn(Box<dyn Read + Send>, usize, Sender<Seen<T>>);

/// Runs all of them to their end, and gives what they have seen in the order of time, with the time of the first. They end
/// with us, however we end. The exit code: that of the first that failed.
///
/// # Errors
/// tcpdump cannot be started, or what was seen cannot be given to anybody, which ends them.
pub fn run<T: Send>(
    commands: &mut [(String, Command)],
    global: &Global,
    read: Reader<T>,
    mut give: impl FnMut(Seen<T>, Duration) -> Result<()> + Send,
) -> Result<u8> {
    let (sender, receiver) = channel();
    let ear = Ear { told: Mutex::default(), to_come: AtomicUsize::new(commands.len()) };
    let all = count(commands.len(), "place");
    let ready = || {
        if !global.quiet {
            tell(&format!("note: capturing in {all}; Ctrl-C ends it"));
        }
    };
    let (group, foreground) = (Group::new()?, Foreground::of_others()?);
    let (given, codes) = thread::scope(|scope| {
        let printer = scope.spawn(move || {
            let mut first = None;
            let given = in_order(&receiver, |seen| {
                let first = *first.get_or_insert(seen.time);
                give(seen, first)
            });
            // Nobody gets what they see: all of them are ended as by a signal of the caller's.
            given.inspect_err(|_| {
                let _ = kill(getpid(), Signal::SIGTERM);
            })
        });
        let number = commands.len();
        let codes = crowd::see_to_the_end(foreground, number, number, |index| {
            let (label, command) = &mut commands[index];
            let command = command.process_group(group.number());
            let mut child = command.spawn().context("cannot start tcpdump")?;
            if let Some(pipe) = child.stderr.take() {
                let label = label.clone();
                scope.spawn(|| ear.listen(pipe, label, ready));
            }
            if let Some(pipe) = child.stdout.take() {
                let sender = sender.clone();
                scope.spawn(move || read(Box::new(pipe), index, sender));
            }
            Ok(child)
        });
        drop(sender);
        (printer.join().unwrap_or_else(|_| Err(failed("a thread panicked").into())), codes)
    });
    group.end();
    match given {
        Err(error) if is_enough(&error) => return Ok(0),
        Err(error) => {
            return Err(failed(format!("cannot write what was seen: {}", words(&error))).into());
        }
        Ok(()) => {}
    }
    Ok(codes?.into_iter().find(|code| *code != 0).unwrap_or(0))
}

fn words(error: &anyhow::Error) -> String {
    error.downcast_ref::<io::Error>().map_or_else(|| format!("{error:#}"), in_words)
}

/// A reader who has gone away ends it, and is no error.
fn is_enough(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// What hears what they complain of.
struct Ear {
    /// What was said already: the same of several is told only once.
    told: Mutex<BTreeSet<String>>,
    /// How many are not at work yet.
    to_come: AtomicUsize,
}

impl Ear {
    /// Tells it; `ready` is for the moment when all are at work.
    fn listen(&self, pipe: impl Read, label: String, ready: impl Fn()) {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if line.contains("listening on ") && self.to_come.fetch_sub(1, Ordering::Relaxed) == 1 {
                ready();
            }
            let is_new = self.told.lock().is_ok_and(|mut told| told.insert(line.clone()));
            if is_new && !is_routine(&line) {
                tell(&format!("{label} | {line}"));
            }
        }
    }
}

/// What tcpdump says when nothing is wrong.
fn is_routine(line: &str) -> bool {
    let routine = ["listening on ", "verbose output suppressed", "data link type "];
    let counts = ["packets captured", "packet captured", "received by filter"];
    routine.iter().any(|part| line.contains(part))
        || counts.iter().any(|part| line.contains(part))
        || line == "0 packets dropped by kernel"
        || line.trim().is_empty()
}

/// The lines of one of them, which begin with the time.
fn read_lines(pipe: Box<dyn Read + Send>, place: usize, sender: Sender<Seen<String>>) {
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line).into_owned();
        let seen = text.trim_end().split_once(' ').and_then(|(time, what)| {
            Some(Seen { time: seconds(time)?, place, what: what.to_owned() })
        });
        if seen.is_some_and(|seen| sender.send(seen).is_err()) {
            return;
        }
        line.clear();
    }
}

/// `1763735214.123456`.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.split_once('.')?;
    let micros = part.get(..6)?.parse().ok()?;
    Some(Duration::from_secs(whole.parse().ok()?) + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_line_is_understood() {
        assert_eq!(seconds("1763735214.000042"), Some(Duration::new(1_763_735_214, 42_000)));
        for wrong in ["", "12", "12.", "a.123456", "\t0x0000:"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
