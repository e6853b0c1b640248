//! `sandbox`: a command in a private host, which is gone with it.
//!
//! netns-tool starts `unshare`, which starts the first process of the private host (`init`), which starts the command. A
//! pipe leads from netns-tool to the first process: with its end, however it comes, the first process ends, and then
//! the kernel kills all that is left. Whoever outlives his parent becomes netns-tool's own child, so that it knows when
//! all are gone.

mod init;
mod script;
mod uplink;
mod why_not;

pub use init::init;
pub use why_not::{Block, Whose, blocks};

use crate::act::{command_line, say};
use crate::cli::{Global, SandboxArgs};
use crate::failure::{Failure, Kind};
use crate::plan::Tool;
use crate::run::{Settings, tell};
use crate::system::foreground::{Foreground, code};
use crate::system::pipe::Pipe;
use crate::system::{child, rights, signals, tools};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGQUIT};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitCode};
use uplink::Uplink;

/// The file by which the shells of a private host show where they are, and what is in it.
const SIGN: (&str, &str) = ("/etc/debian_chroot", "sandbox");

/// Whether we are in a private host.
pub fn is_around() -> bool {
    let (path, text) = SIGN;
    std::fs::read_to_string(path).is_ok_and(|sign| sign.trim_end() == text)
}

/// How the first process is told that all is ready; other bytes are signals.
const GO: u8 = 0;

/// Runs the command, or a shell.
///
/// # Errors
/// There can be no private host here, or it was killed. That the command fails is none: its exit code is ours.
pub fn enter(args: &SandboxArgs, settings: Settings, global: &Global) -> Result<ExitCode> {
    let mut command = args.command.clone();
    if command.is_empty() {
        command.push(std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into()));
    }
    Request { command, is_ourselves: false, uplink: args.uplink }.run(settings, global)
}

/// Runs netns-tool with these words.
///
/// # Errors
/// As [`enter`].
pub fn enter_with_ourselves(
    words: Vec<OsString>,
    settings: Settings,
    global: &Global,
) -> Result<ExitCode> {
    let command = std::iter::once("netns-tool".into()).chain(words).collect();
    Request { command, is_ourselves: true, uplink: false }.run(settings, global)
}

/// What is to be run.
struct Request {
    command: Vec<OsString>,
    /// It is netns-tool, wherever that is.
    is_ourselves: bool,
    uplink: bool,
}

impl Request {
    fn run(&self, settings: Settings, global: &Global) -> Result<ExitCode> {
        why_not::check_files()?;
        let as_user = rights::lacking()?.is_some();
        let name_server = self.uplink.then_some(uplink::NAME_SERVER);
        let script = script::whole(as_user, name_server, &self.command);
        if global.dry_run {
            say(&format!("#!/bin/sh\n# {}\n{script}", crate::plan::one_line(&command_line())))?;
            return Ok(ExitCode::SUCCESS);
        }
        // What is not there is missed by the script only when the private host is half set up.
        script::TOOLS.into_iter().try_for_each(|tool| tools::find(tool).map(drop))?;
        let means = self.uplink.then(|| uplink::Means::find(as_user)).transpose()?;
        why_not::check(as_user)?;
        if global.verbose {
            tell(&format!("+ {}", script.trim_end()));
        }
        signals::see_children()?;
        set_child_subreaper(true).context("cannot become the parent of orphans")?;
        let strangers = children(getpid());
        let mut host = self.start(as_user, name_server, strangers, settings)?;
        // What comes from here on is not the command's.
        close_fds::set_fds_cloexec(3, &[]);
        if !host.has_begun() {
            let status = host.unshare.wait()?;
            host.end();
            return Err(why_not::explain(as_user, status).into());
        }
        if let Some(means) = means {
            match means.connect(host.unshare.id(), settings) {
                Ok(uplink) => host.uplink = Some(uplink),
                Err(error) => {
                    host.end();
                    return Err(error);
                }
            }
        }
        host.see_through()
    }

    fn start(
        &self,
        as_user: bool,
        name_server: Option<&str>,
        strangers: Vec<Pid>,
        settings: Settings,
    ) -> Result<PrivateHost> {
        let (control, report) = (Pipe::to_child()?, Pipe::from_child()?);
        let mut unshare = child::of_caller(tools::find(Tool::Unshare)?);
        unshare.args(script::options(as_user));
        unshare.arg(std::env::current_exe().context("cannot find myself")?).arg("__init");
        unshare.args(["--timeout", &settings.limit.as_secs().to_string()]);
        control.tell(&mut unshare, "--control");
        report.tell(&mut unshare, "--report");
        if let Some(address) = name_server {
            unshare.args(["--name-server", address]);
        }
        if self.is_ourselves {
            unshare.arg("--ourselves");
        }
        let unshare = unshare.arg("--").args(&self.command).spawn();
        let unshare = unshare.context("cannot start `unshare`")?;
        let (control, report) = (control.ours, report.ours);
        Ok(PrivateHost { unshare, control, report, uplink: None, first: None, strangers })
    }
}

/// A private host that has been started.
struct PrivateHost {
    unshare: Child,
    /// The first process, when it has begun: a child of `unshare`, and ours when that is gone.
    first: Option<Pid>,
    /// All ends with this.
    control: File,
    /// What the first process tells: that it has begun, and how it went.
    report: File,
    uplink: Option<Uplink>,
    /// Children that are none of it: our process may have been another program before.
    strangers: Vec<Pid>,
}

impl PrivateHost {
    /// Whether there is a first process.
    fn has_begun(&mut self) -> bool {
        let is_there = matches!(self.report.read(&mut [0]), Ok(1));
        if is_there {
            let unshare = Pid::from_raw(self.unshare.id().cast_signed());
            let orphans = || orphans(&self.strangers).into_iter().find(|pid| *pid != unshare);
            self.first = children(unshare).first().copied().or_else(orphans);
        }
        is_there
    }

    /// Ends it before its command has begun.
    fn end(self) {
        let Self { mut unshare, control, uplink, strangers, .. } = self;
        drop(control);
        bury(&mut unshare, uplink, &strangers);
    }

    /// Has the command run, to its end.
    fn see_through(self) -> Result<ExitCode> {
        let Self { mut unshare, first, control, mut report, uplink, strangers } = self;
        let mut foreground = Foreground::new()?;
        // The other end may have gone just now.
        let send = |byte: u8| drop((&control).write_all(&[byte]));
        let pass_on = |signal: i32| send(u8::try_from(signal).unwrap_or(GO));
        send(GO);
        let look = || unshare.try_wait().context("cannot wait for `unshare`");
        let status = foreground.wait(look, pass_on)?;
        // What a terminal sends is meant for the command. That goes on, and its first process is our own child now.
        if let (Some(SIGHUP | SIGINT | SIGQUIT), Some(first)) = (status.signal(), first) {
            foreground.wait(|| Ok(has_ended(first).then_some(())), pass_on)?;
        }
        drop(control);
        bury(&mut unshare, uplink, &strangers);
        let mut told = Vec::new();
        report.read_to_end(&mut told).context("cannot read how the command has ended")?;
        match told[..] {
            [code] => Ok(ExitCode::from(code)),
            // Its first process has said what was wrong.
            [] if status.code().is_some_and(|code| code > 1) => Ok(ExitCode::from(code(status))),
            _ => Err(killed(status.signal().unwrap_or(SIGKILL)).into()),
        }
    }
}

/// Waits for what ends with the pipes. With the first process the kernel has ended all others.
fn bury(unshare: &mut Child, uplink: Option<Uplink>, strangers: &[Pid]) {
    // It has been waited for already, or is waited for now.
    let _ = unshare.wait();
    if let Some(uplink) = uplink {
        uplink.end();
    }
    for pid in orphans(strangers) {
        while waitpid(pid, None) == Err(Errno::EINTR) {}
    }
}

/// Our children that `unshare` has left: the first process, whether it has become netns-tool already or not. Whoever else is
/// our child now came from a process of before.
fn orphans(strangers: &[Pid]) -> Vec<Pid> {
    let name = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let own = name("self");
    let mut orphans = children(getpid());
    orphans.retain(|pid| {
        let name = name(&pid.to_string());
        !strangers.contains(pid) && (name == own || name == "unshare\n")
    });
    orphans
}

/// Whether a process that was our child is gone, or somebody else's.
fn has_ended(pid: Pid) -> bool {
    !matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive))
}

/// The children of a process.
fn children(pid: Pid) -> Vec<Pid> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
}

fn killed(number: i32) -> Failure {
    let what = format!("the private host was ended by {}", signals::name(number));
    Failure::new(Kind::Signal(number), what)
}
