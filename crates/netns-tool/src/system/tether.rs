//! Processes that end with us, however we end: beside them a process waits for the end of a pipe, and then kills them.

use super::child;
use super::foreground::code;
use super::ourselves;
use super::pipe::{Pipe, adopt};
use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgrp};
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitCode};

/// How often it is seen whether a program that is watched has ended, in milliseconds: nobody waits for that.
const LOOK: u16 = 200;

/// netns-tool as the process that waits; its program, if it has one, comes after `--`. It leads a process group of its own.
pub fn command(tie: &Pipe) -> Command {
    let mut command = child::apart(ourselves::command());
    command.arg("__tether");
    tie.tell(&mut command, "--control");
    command
}

/// A process group of which all end with us.
pub struct Group {
    leader: Child,
    _tie: File,
}

impl Group {
    /// One with nobody in it but the process that waits.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn new() -> Result<Self> {
        let tie = Pipe::to_child()?;
        let leader = command(&tie).spawn().context("cannot start myself")?;
        Ok(Self { leader, _tie: tie.ours })
    }

    /// For [`std::os::unix::process::CommandExt::process_group`].
    pub fn number(&self) -> i32 {
        self.leader.id().cast_signed()
    }

    /// Ends those that are left.
    pub fn end(self) {
        let Self { mut leader, _tie: tie } = self;
        drop(tie);
        // It kills itself, too.
        let _ = leader.wait();
    }
}

/// Waits for the end of the pipe, or for that of the program, and then kills its process group, itself included.
///
/// # Errors
/// It was not netns-tool that started us, or the program cannot be started.
pub fn wait(control: i32, command: &[OsString]) -> Result<ExitCode> {
    let [control] = adopt([control])?;
    let Some((program, words)) = command.split_first() else {
        while !has_ended(&control, PollTimeout::NONE) {}
        return end_group();
    };
    let mut program = child::of_caller(program).args(words).spawn()?;
    while !has_ended(&control, PollTimeout::from(LOOK)) {
        if let Some(status) = program.try_wait()? {
            return Ok(ExitCode::from(code(status)));
        }
    }
    // It may have a process group of its own by now.
    program.kill()?;
    program.wait()?;
    end_group()
}

fn has_ended(control: &File, time: PollTimeout) -> bool {
    poll(&mut [PollFd::new(control.as_fd(), PollFlags::POLLIN)], time) == Ok(1)
}

fn end_group() -> Result<ExitCode> {
    let own = getpgrp();
    // Whoever runs it by hand has others in his group.
    if own == Pid::this() {
        killpg(own, Signal::SIGKILL).context("cannot end the process group")?;
    }
    Ok(ExitCode::SUCCESS)
}
