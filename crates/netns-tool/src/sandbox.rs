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
pub use uplink::tether;

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
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::getpid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitCode, ExitStatus};
use uplink::Uplink;

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

/// Runs the very command line that was typed, but for `--sandbox`.
///
/// # Errors
/// As [`enter`].
pub fn enter_with_ourselves(settings: Settings, global: &Global) -> Result<ExitCode> {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut is_ours = true;
    words.retain(|word| {
        is_ours &= word != "--";
        // What a script is printed for is meant to be done by it.
        !(is_ours && ["--sandbox", "--dry-run", "-n"].iter().any(|option| word == option))
    });
    words.insert(0, "netns-tool".into());
    Request { command: words, is_ourselves: true, uplink: false }.run(settings, global)
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
        let as_user = rights::lacking()?.is_some();
        let name_server = self.uplink.then_some(uplink::NAME_SERVER);
        let script = script::whole(as_user, name_server, &self.command);
        if global.dry_run {
            say(&format!("#!/bin/sh\n# {}\n{script}", crate::plan::one_line(&command_line())))?;
            return Ok(ExitCode::SUCCESS);
        }
        let means = self.uplink.then(|| uplink::Means::find(as_user)).transpose()?;
        why_not::check(as_user)?;
        if global.verbose {
            tell(&format!("+ {}", script.trim_end()));
        }
        signals::see_children()?;
        set_child_subreaper(true).context("cannot become the parent of orphans")?;
        let others = children();
        let mut host = self.start(as_user, name_server, settings)?;
        host.others = others;
        // What comes from here on is not the command's.
        close_fds::set_fds_cloexec(3, &[]);
        if !host.has_begun() {
            return Err(why_not::explain(as_user, host.unshare.wait()?).into());
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
        Ok(PrivateHost { unshare, control, report, uplink: None, others: Vec::new() })
    }
}

/// A private host that has been started.
struct PrivateHost {
    unshare: Child,
    /// All ends with this.
    control: File,
    report: File,
    uplink: Option<Uplink>,
    /// Children that are none of it: our process may have been another program before.
    others: Vec<i32>,
}

impl PrivateHost {
    /// Whether there is a first process.
    fn has_begun(&mut self) -> bool {
        matches!(self.report.read(&mut [0]), Ok(1))
    }

    /// Ends it before its command has begun.
    fn end(self) {
        drop((self.control, self.uplink));
        wait_for_all(&self.others);
    }

    /// Has the command run, to its end.
    fn see_through(self) -> Result<ExitCode> {
        let Self { mut unshare, control, uplink, others, .. } = self;
        let mut foreground = Foreground::new()?;
        // The other end may have gone just now.
        let send = |byte: u8| drop((&control).write_all(&[byte]));
        let pass_on = |signal: i32| send(u8::try_from(signal).unwrap_or(GO));
        send(GO);
        let look = || unshare.try_wait().context("cannot wait for `unshare`");
        let mut status = foreground.wait(look, pass_on)?;
        // What a terminal sends is meant for the command. That goes on, and its first process is our own child now.
        if let Some(SIGHUP | SIGINT | SIGQUIT) = status.signal() {
            let helper = uplink.as_ref().map(|uplink| uplink.id().cast_signed());
            let known: Vec<i32> = others.iter().copied().chain(helper).collect();
            status = foreground.wait(|| Ok(orphan(&known)), pass_on)?.unwrap_or(status);
        }
        drop((control, uplink));
        wait_for_all(&others);
        match status.signal() {
            None => Ok(ExitCode::from(code(status))),
            Some(number) => Err(killed(number).into()),
        }
    }
}

/// All that is left ends with the pipes, and is waited for.
fn wait_for_all(others: &[i32]) {
    while children().iter().any(|pid| !others.contains(pid)) {
        if waitpid(None, None) == Err(Errno::ECHILD) {
            return;
        }
    }
}

/// Our children.
fn children() -> Vec<i32> {
    let own = getpid();
    let list = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
    list.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// How the first process has ended, whose parent is gone; `Some(None)` if that is not known.
fn orphan(known: &[i32]) -> Option<Option<ExitStatus>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return None,
            Ok(status) if status.pid().is_some_and(|pid| known.contains(&pid.as_raw())) => {}
            Ok(WaitStatus::Exited(_, code)) => return Some(Some(ExitStatus::from_raw(code << 8))),
            Ok(WaitStatus::Signaled(_, signal, _)) => {
                return Some(Some(ExitStatus::from_raw(signal as i32)));
            }
            _ => return Some(None),
        }
    }
}

fn killed(number: i32) -> Failure {
    let name = Signal::try_from(number).map_or("a signal", Signal::as_str);
    Failure::new(Kind::Signal(number), format!("the private host was ended by {name}"))
}
