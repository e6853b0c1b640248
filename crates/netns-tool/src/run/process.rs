//! The programs of labs: started, waited for, and ended.

use super::{Refusal, Writer, interruption};
use crate::failure::{Failure, Kind, in_words};
use crate::firewall::rule::Protocol;
use crate::kernel::inside::inside;
use crate::kernel::namespaces::{Processes, UNSEEN, bearing};
use crate::kernel::sockets;
use crate::name::NamespaceName;
use crate::plan::{Cmd, GRACE_SECONDS, PROGRAMS, Ready, Step};
use crate::system::child;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

/// How often it is looked whether a program is ready.
const PAUSE: Duration = Duration::from_millis(10);

/// A program that ends so soon has failed.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How many of the last lines of a program's output are shown.
const LINES: usize = 5;

impl Writer {
    /// Starts a program of a lab; sees that it does not end at once, unless that is seen when it is waited for. Where that
    /// fails, what was printed is in the error, and the file is as it was: it may be that of another program.
    pub(super) fn start(&self, cmd: &Cmd) -> Result<(), Refusal> {
        let Cmd::Start { output, .. } = cmd else { return Ok(()) };
        let before = fs::metadata(output).map_or(0, |found| found.len());
        self.start_after(before, cmd).inspect_err(|_| cut(output, before))
    }

    /// The same, with so many bytes in the file already.
    fn start_after(&self, before: u64, cmd: &Cmd) -> Result<(), Refusal> {
        let Cmd::Start { netns, mark, command, output: file, is_awaited } = cmd else {
            return Ok(());
        };
        if let Some(program) = command.first().filter(|program| !is_program(program)) {
            return Err(Refusal::new(format!("there is no program `{program}` in {PROGRAMS}")));
        }
        // It would go on to hold the lock when we are gone.
        self.lock.is_inherited(false).map_err(refuse)?;
        let started = child::start(cmd, self.settings.limit);
        self.lock.is_inherited(true).map_err(refuse)?;
        let output = started.map_err(refuse)?;
        if !output.is_success() {
            let said = output.reason(self.settings.limit);
            return Err(Refusal::new(format!("{said}{}", tail(file, before))));
        }
        let (begin, mut seen) = (Instant::now(), None::<Instant>);
        while begin.elapsed() < UNSEEN || seen.is_some_and(|since| since.elapsed() < AT_ONCE) {
            match (is_running(netns, mark)?, seen) {
                (true, None) if *is_awaited => return Ok(()),
                (true, None) => seen = Some(Instant::now()),
                (true, Some(since)) if since.elapsed() >= AT_ONCE => return Ok(()),
                _ => {}
            }
            std::thread::sleep(PAUSE);
        }
        if *is_awaited || is_running(netns, mark)? {
            return Ok(());
        }
        Err(Refusal::new(format!("it has ended{}", tail(file, before))))
    }

    /// Waits for a program of a lab.
    pub(super) fn wait_until_ready(&self, cmd: &Cmd) -> Result<(), Refusal> {
        let Cmd::Await { netns, mark, ready, output, seconds } = cmd else { return Ok(()) };
        let deadline = Instant::now() + Duration::from_secs((*seconds).into());
        let mut last_seen = Instant::now();
        loop {
            if self.is_ready(netns, ready)? {
                return Ok(());
            }
            if is_running(netns, mark)? {
                last_seen = Instant::now();
            } else if last_seen.elapsed() > UNSEEN {
                return Err(Refusal::new(format!("it has ended{}", tail(output, 0))));
            }
            if interruption().is_err() {
                return Err(Refusal::new("a signal arrived".to_owned()));
            }
            if Instant::now() >= deadline {
                let what = match ready {
                    Ready::Tcp(port) => format!("nothing listens at TCP port {port}"),
                    Ready::Udp(port) => format!("nothing waits at UDP port {port}"),
                    Ready::Command(command) => format!("`{}` does not succeed", command.join(" ")),
                };
                return Err(Refusal::new(format!(
                    "{what} after {seconds} s (--timeout){}",
                    tail(output, 0)
                )));
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn is_ready(&self, netns: &NamespaceName, ready: &Ready) -> Result<bool, Refusal> {
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
        let pids = match mark {
            Some(mark) => bearing(netns, mark),
            None => {
                Processes::read().map(|all| all.inside(netns).iter().map(|one| one.pid).collect())
            }
        };
        let pids = pids.map_err(refuse)?;
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

/// Ends what a killed command was starting: unlike all else that such a command leaves, it does not hold the lock.
///
/// # Errors
/// It does not end within the limit.
pub(super) fn end_starting(steps: &[Step], limit: Duration) -> anyhow::Result<()> {
    let commands = steps.iter().map(|step| &step.run);
    let marks: Vec<&str> = commands
        .filter_map(|cmd| match cmd {
            Cmd::Start { mark, .. } => Some(mark.as_str()),
            _ => None,
        })
        .collect();
    let begin = Instant::now();
    while !marks.is_empty() {
        let starting = Processes::read()?.starting(&marks);
        let Some(first) = starting.first() else { break };
        if begin.elapsed() >= limit {
            let what =
                format!("process {first}, which an interrupted command was starting, does not end");
            let failure = Failure::new(Kind::Left, what);
            return Err(failure.hint("netns-tool recover, when it has ended").into());
        }
        for number in starting {
            // One that has ended meanwhile needs no signal.
            let _ = kill(Pid::from_raw(number), Signal::SIGKILL);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn is_running(netns: &NamespaceName, mark: &str) -> Result<bool, Refusal> {
    bearing(netns, mark).map(|pids| !pids.is_empty()).map_err(refuse)
}

fn refuse(error: anyhow::Error) -> Refusal {
    Refusal::new(format!("{error:#}"))
}

/// Whether there is such a program where those of labs are looked for.
fn is_program(name: &str) -> bool {
    if name.contains('/') {
        return fs::metadata(name).is_ok_and(|found| found.is_file());
    }
    let mut folders = PROGRAMS.split(':');
    folders
        .any(|folder| fs::metadata(format!("{folder}/{name}")).is_ok_and(|found| found.is_file()))
}

/// Takes off what is in the file after so many bytes. A file that is not there any more needs nothing.
fn cut(output: &str, after: u64) {
    let open = File::options().write(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(output);
    let _ = open.and_then(|file| file.set_len(after));
}

/// The last lines of what a program has printed after so many bytes, to be put behind what happened.
fn tail(output: &str, after: u64) -> String {
    let text = match fs::read(output) {
        Ok(bytes) => {
            let after = usize::try_from(after).unwrap_or(0).min(bytes.len());
            String::from_utf8_lossy(&bytes[after..]).into_owned()
        }
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
