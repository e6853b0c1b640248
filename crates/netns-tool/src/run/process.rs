//! The programs of labs: started, waited for, and ended.

use super::{Refusal, Writer, interruption};
use crate::failure::in_words;
use crate::firewall::rule::Protocol;
use crate::kernel::inside::inside;
use crate::kernel::namespaces::Processes;
use crate::kernel::sockets;
use crate::name::NamespaceName;
use crate::plan::{Cmd, GRACE_SECONDS, Ready};
use crate::system::child;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

/// How often it is looked whether a program is ready.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// How long a program that runs may not be seen: while it becomes another, nobody can read what it bears.
pub(super) const UNSEEN: Duration = Duration::from_secs(1);

/// How many of the last lines of a program's output are shown.
const LINES: usize = 5;

impl Writer {
    /// Starts a program of a lab.
    pub(super) fn start(&self, cmd: &Cmd) -> Result<(), Refusal> {
        let Cmd::Start { output: file, .. } = cmd else { return Ok(()) };
        let output = child::start(cmd, self.settings.limit)
            .map_err(|error| Refusal::new(format!("{error:#}")))?;
        if output.is_success() {
            return Ok(());
        }
        Err(Refusal::new(format!("{}{}", output.reason(self.settings.limit), tail(file))))
    }

    /// Waits for a program of a lab.
    pub(super) fn wait_until_ready(&self, cmd: &Cmd) -> Result<(), Refusal> {
        let Cmd::Await { netns, mark, ready, output } = cmd else { return Ok(()) };
        let deadline = Instant::now() + self.settings.limit;
        let mut last_seen = Instant::now();
        loop {
            if self.is_ready(netns, ready)? {
                return Ok(());
            }
            let processes =
                Processes::read().map_err(|error| Refusal::new(format!("{error:#}")))?;
            if processes.bearing(netns, mark).next().is_some() {
                last_seen = Instant::now();
            } else if last_seen.elapsed() > UNSEEN {
                return Err(Refusal::new(format!("it has ended{}", tail(output))));
            }
            if interruption().is_err() {
                return Err(Refusal::new("a signal arrived".to_owned()));
            }
            if Instant::now() >= deadline {
                let seconds = self.settings.limit.as_secs_f32();
                let what = match ready {
                    Ready::Tcp(port) => format!("nothing listens at TCP port {port}"),
                    Ready::Udp(port) => format!("nothing waits at UDP port {port}"),
                    Ready::Command(command) => format!("`{}` does not succeed", command.join(" ")),
                };
                return Err(Refusal::new(format!(
                    "{what} after {seconds} s (--timeout){}",
                    tail(output)
                )));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn is_ready(&self, netns: &NamespaceName, ready: &Ready) -> Result<bool, Refusal> {
        let refuse = |error: anyhow::Error| Refusal::new(format!("{error:#}"));
        let (protocol, port) = match ready {
            Ready::Tcp(port) => (Protocol::Tcp, *port),
            Ready::Udp(port) => (Protocol::Udp, *port),
            Ready::Command(command) => {
                let tried = child::run_inside(netns, command, self.settings.limit);
                return tried.map(|output| output.is_success()).map_err(refuse);
            }
        };
        let listeners = inside(netns, sockets::listeners).map_err(refuse)?;
        Ok(listeners.iter().any(|found| found.protocol == protocol && found.port == port))
    }
}

/// Ends all processes in the namespace, or those that bear the mark: SIGTERM, some time, SIGKILL; also those that appear
/// meanwhile.
pub(super) fn end(netns: &NamespaceName, mark: Option<&str>) -> Result<(), Refusal> {
    let begin = Instant::now();
    let grace = Duration::from_secs(GRACE_SECONDS);
    let mut asked = HashSet::new();
    while begin.elapsed() < grace * 2 {
        let processes = Processes::read().map_err(|error| Refusal::new(format!("{error:#}")))?;
        let pids: Vec<i32> = match mark {
            Some(mark) => processes.bearing(netns, mark).collect(),
            None => processes.inside(netns).iter().map(|process| process.pid).collect(),
        };
        if pids.is_empty() {
            return Ok(());
        }
        for number in pids {
            let pid = Pid::from_raw(number);
            // One that has ended meanwhile needs no signal.
            if begin.elapsed() >= grace {
                let _ = kill(pid, Signal::SIGKILL);
            } else if asked.insert(number) {
                let _ = kill(pid, Signal::SIGTERM);
            }
        }
        std::thread::sleep(PAUSE);
    }
    Err(Refusal::new("processes are still there after SIGKILL".to_owned()))
}

/// The last lines of what a program has printed, to be put behind what happened.
fn tail(output: &str) -> String {
    let text = match fs::read(output) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return format!("; {output} cannot be read: {}", in_words(&error)),
    };
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES)..];
    if last.is_empty() {
        "; it printed nothing".to_owned()
    } else {
        format!("; it printed:\n{}", last.join("\n"))
    }
}
