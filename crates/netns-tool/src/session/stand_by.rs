//! The caller's command, in a process that is there before anything is changed: it has all that he has left us (files,
//! signals, limits), and becomes his command when it is told to.

use crate::cli::StandByArgs;
use crate::exec;
use crate::failure::{in_words, printable_word};
use crate::name::NamespaceName;
use crate::run::tell;
use crate::system::foreground::{Foreground, code, send};
use crate::system::pipe::{Pipe, adopt};
use crate::system::{ourselves, signals};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::unistd::Pid;
use std::ffi::{OsStr, OsString};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, ExitCode};

/// The exit codes of shells for what cannot be run, and for what is not there.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The process.
pub struct StandBy {
    child: Child,
    go: Option<std::fs::File>,
}

impl StandBy {
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &[OsString], inside: Option<&NamespaceName>) -> Result<Self> {
        signals::see_children()?;
        let control = Pipe::to_child()?;
        let mut process = ourselves::command();
        process.arg("__stand-by");
        control.tell(&mut process, "--control");
        if let Some(netns) = inside {
            process.args(["--inside", netns.as_str()]);
        }
        process.arg("--").args(command);
        let child = process.spawn().context("cannot start a process")?;
        Ok(Self { child, go: Some(control.ours) })
    }

    /// Runs the command to its end; its exit code.
    ///
    /// # Errors
    /// A signal arrived before.
    pub fn run(&mut self) -> Result<u8> {
        let mut foreground = Foreground::new()?;
        if let Some(interruption) = signals::interruption() {
            return Err(interruption.into());
        }
        if let Some(mut go) = self.go.take() {
            // A signal may have ended it; then it has an exit code all the same.
            let _ = go.write_all(b"!");
        }
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let look = || self.child.try_wait().context("cannot wait for the command");
        let status = foreground.wait(look, |signal| send(pid, signal))?;
        Ok(code(status))
    }
}

impl Drop for StandBy {
    fn drop(&mut self) {
        if self.go.take().is_some() {
            // It ends with the pipe.
            let _ = self.child.wait();
        }
    }
}

/// Waits for the word, and becomes the command.
///
/// # Errors
/// Never where it was netns-tool that started it: what is wrong with the command is said at once, with an exit code of its
/// own.
pub fn stand_by(args: &StandByArgs) -> Result<ExitCode> {
    if let Some(control) = args.control {
        let [mut control] = adopt([control])?;
        if control.read(&mut [0])? == 0 {
            return Ok(ExitCode::FAILURE);
        }
    }
    if let Some(program) = args.program {
        // For the command it is closed.
        adopt([program])?;
    }
    match &args.inside {
        None => exec::become_command(args),
        Some(netns) => exec::become_inside(netns, &args.command),
    }
}

/// Says that the caller's command cannot be run, and how shells call that. A folder of PATH that may not be looked into makes
/// the system say of a program that is nowhere that it may not be run.
pub fn cannot_run(program: &OsStr, error: &Error) -> u8 {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&folders);
    let is_path = program.as_bytes().contains(&b'/');
    let is_nowhere = error.kind() == ErrorKind::NotFound
        || !(is_path || folders.any(|folder| folder.join(program).exists()));
    let (words, code) = if is_nowhere {
        (in_words(&Errno::ENOENT.into()), NOT_FOUND)
    } else {
        (in_words(error), CANNOT_RUN)
    };
    tell(&format!("error: cannot run `{}`: {words}", printable_word(program)));
    code
}
