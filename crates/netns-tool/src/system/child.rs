//! One child process: fixed program, cleared environment, a process group of its own, a time limit.

use super::{signals, tools};
use crate::failure::{Failure, in_words, missing};
use crate::name::NamespaceName;
use crate::plan::{Cmd, PROCESS, PROGRAMS, Tool};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a child may go on after a signal has arrived. It is not interrupted itself: a `ip netns add` that is
/// hit halfway leaves a file without its mount.
const AFTER_SIGNAL: Duration = Duration::from_secs(2);

/// The longest wait between two looks at a child that is silent.
const LOOK: Duration = Duration::from_millis(20);

/// How a child ended.
pub struct Output {
    /// `None`: it was killed at the time limit.
    pub status: Option<ExitStatus>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// In words: what it said, or how it ended.
    pub fn reason(&self, limit: Duration) -> String {
        let said = [&self.stderr, &self.stdout].map(|text| text.trim());
        let said = said
            .into_iter()
            .find(|text| !text.is_empty())
            .map(|text| format!("{text}\n"))
            .unwrap_or_default();
        let end = match self.status {
            None => format!(
                "it did not end within {} s (--timeout), and was killed",
                limit.as_secs_f32()
            ),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) if !said.is_empty() && code != 0 => {
                    return said.trim_end().to_owned();
                }
                (Some(code), _) => format!("exit status {code}, without a word"),
                (None, Some(signal)) => format!("it was killed by signal {signal}"),
                (None, None) => "it ended in an unknown way".to_owned(),
            },
        };
        said + &end
    }
}

/// Runs the command of a system tool to its end. With `patient`, a signal does not shorten its time.
///
/// # Errors
/// It could not be started: then nothing has happened.
pub fn run(cmd: &Cmd, limit: Duration, patient: bool) -> Result<Output> {
    let Cmd::Run { stdin, .. } = cmd else { anyhow::bail!("`{cmd}` is not a program") };
    // What `ip netns exec` starts is searched in the PATH below, and must be as trustworthy as `ip`.
    let programs = cmd.tools().into_iter().map(tools::find).collect::<Result<Vec<_>, Failure>>()?;
    let program = programs.first().context("a command has a program")?;
    feed(program, &cmd.words()[1..], stdin.as_deref(), limit, patient)
}

/// Has `ip` run many lines, in the network namespace of the calling thread: up to the first that fails, or with `force`
/// all of them.
///
/// # Errors
/// As [`run`].
pub fn run_batch(lines: &str, force: bool, limit: Duration, patient: bool) -> Result<Output> {
    let words = ["-force", "-batch", "-"].map(str::to_owned);
    let words = if force { &words[..] } else { &words[1..] };
    feed(&tools::find(Tool::Ip)?, words, Some(lines), limit, patient)
}

/// Runs a script of our own, in which no word of anybody else is.
///
/// # Errors
/// As [`run`].
pub fn run_script(script: &str, limit: Duration) -> Result<Output> {
    let words = ["-c", script].map(str::to_owned);
    feed(&tools::find(Tool::Sh)?, &words, None, limit, true)
}

/// Starts the program with its input and sees it to its end.
fn feed(
    program: &Path,
    words: &[String],
    stdin: Option<&str>,
    limit: Duration,
    patient: bool,
) -> Result<Output> {
    let mut command = prepared(program);
    command.args(words).env("LC_ALL", "C").env("PATH", tools::path());
    command.stdin(input(stdin)?).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, limit, patient)
}

/// A program that the caller wants to run: with all that he has left us, and nothing of ours.
pub fn of_caller(program: impl AsRef<OsStr>) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
    Command::new(program)
}

/// The program with a cleared environment, `/` as its directory, and a process group of its own.
pub fn prepared(program: &Path) -> Command {
    apart(of_caller(program))
}

/// The same for one that is known already.
pub fn apart(mut command: Command) -> Command {
    command.env_clear().current_dir("/").process_group(0);
    command
}

/// Starts it, and sees it to its end.
fn finish(mut command: Command, limit: Duration, patient: bool) -> Result<Output> {
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| {
        let program = Path::new(command.get_program()).display();
        missing(format!("cannot start {program}: {}", in_words(&error)))
    })?;
    let mut pipes = [
        Pipe::new(child.stdout.take().map(OwnedFd::from))?,
        Pipe::new(child.stderr.take().map(OwnedFd::from))?,
    ];
    let status = watch(&mut child, &mut pipes, start + limit, patient)?;
    let [stdout, stderr] = pipes.map(|pipe| String::from_utf8_lossy(&pipe.bytes).into_owned());
    Ok(Output { status, stdout, stderr })
}

/// Starts a program that stays, in a session of its own: `setsid` comes back at once.
///
/// # Errors
/// It could not be started: then nothing has happened.
pub fn start(cmd: &Cmd, limit: Duration) -> Result<Output> {
    let Cmd::Start { netns, mark, command, output, .. } = cmd else {
        anyhow::bail!("`{cmd}` is not the start of a program")
    };
    let setsid = tools::find(Tool::Setsid)?;
    let log = File::options()
        .append(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(output)
        .with_context(|| format!("cannot write to {output}"))?;
    let mut program = in_namespace(netns)?;
    program.arg(setsid).arg("-f").args(command);
    program.env(PROCESS, mark).stdout(log.try_clone()?).stderr(log);
    finish(program, limit, false)
}

/// Runs a command inside the namespace to its end, and takes what it says.
///
/// # Errors
/// It could not be started.
pub fn run_inside(netns: &NamespaceName, command: &[String], limit: Duration) -> Result<Output> {
    let mut program = in_namespace(netns)?;
    program.args(command).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(program, limit, false)
}

/// `ip netns exec`, which also shows the namespace its own /sys and files of /etc/netns.
fn in_namespace(netns: &NamespaceName) -> Result<Command> {
    let mut command = prepared(&tools::find(Tool::Ip)?);
    command.args(["netns", "exec", netns.as_str()]).env("PATH", PROGRAMS).stdin(Stdio::null());
    Ok(command)
}

/// The text as a file in memory, so that a child that does not read it cannot block us.
fn input(text: Option<&str>) -> Result<Stdio> {
    let Some(text) = text else { return Ok(Stdio::null()) };
    let mut file = File::from(
        memfd_create(c"stdin", MFdFlags::MFD_CLOEXEC).context("cannot make a file in memory")?,
    );
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}

/// Collects what the child prints until it has ended; kills its process group at the deadline.
fn watch(
    child: &mut Child,
    pipes: &mut [Pipe],
    deadline: Instant,
    patient: bool,
) -> Result<Option<ExitStatus>> {
    let mut deadline = deadline;
    let mut hurried = patient;
    loop {
        for pipe in pipes.iter_mut() {
            pipe.drain();
        }
        if let Some(status) = child.try_wait().context("cannot wait for a child")? {
            pipes.iter_mut().for_each(Pipe::drain);
            return Ok(Some(status));
        }
        let now = Instant::now();
        if !hurried && signals::pending().is_some() {
            hurried = true;
            deadline = deadline.min(now + AFTER_SIGNAL);
        }
        if now >= deadline {
            // Its group may be gone already; then there is nothing to kill.
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            child.wait().context("cannot wait for a child")?;
            return Ok(None);
        }
        wait_for_output(pipes, LOOK.min(deadline - now));
    }
}

/// Returns when a pipe has something, or ends, or the time is over, or a signal arrives.
fn wait_for_output(pipes: &[Pipe], time: Duration) {
    let mut open: Vec<_> = pipes
        .iter()
        .filter_map(|pipe| pipe.file.as_ref())
        .map(|file| PollFd::new(file.as_fd(), PollFlags::POLLIN))
        .collect();
    if open.is_empty() {
        // Both ends are closed: it is about to exit.
        std::thread::sleep(Duration::from_micros(100).min(time));
    } else {
        let _: Result<_, Errno> =
            poll(&mut open, PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO));
    }
}

/// The reading end of a pipe, read without blocking.
struct Pipe {
    file: Option<File>,
    bytes: Vec<u8>,
}

impl Pipe {
    fn new(end: Option<OwnedFd>) -> Result<Self> {
        if let Some(end) = &end {
            fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).context("cannot set up a pipe")?;
        }
        Ok(Self { file: end.map(File::from), bytes: Vec::new() })
    }

    /// Takes what is there; forgets the pipe at its end.
    fn drain(&mut self) {
        let Some(file) = &mut self.file else { return };
        match file.read_to_end(&mut self.bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // Its end, or an error after which nothing more comes.
            _ => self.file = None,
        }
    }
}
