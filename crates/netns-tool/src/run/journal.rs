//! The journal of a command in progress: what it is about to do, so that the next command can take it back if this
//! one is killed. It is gone when the command ends.

use super::lock::Lock;
use crate::failure::failed;
use crate::plan::Step;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

/// Its name in the folder of the lock.
pub const FILE: &str = "journal";

/// A line of the journal, as JSON.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    /// The first: what was typed.
    Command(String),
    /// A step that is about to be done.
    Step(Step),
}

/// What a killed command has left.
#[derive(Debug, Default)]
pub struct Left {
    pub command: String,
    /// The steps that it began, in their order.
    pub steps: Vec<Step>,
}

/// The journal of this command.
pub struct Journal<'a> {
    lock: &'a Lock,
    command: String,
    file: Option<File>,
}

impl<'a> Journal<'a> {
    pub fn new(lock: &'a Lock, command: String) -> Self {
        Self { lock, command, file: None }
    }

    /// Notes a step before it is done. Each line is one write: it is there or not, however we are killed.
    ///
    /// # Errors
    /// It cannot be written; the step must not be done then.
    pub fn note(&mut self, step: &Step) -> Result<()> {
        let unwritten = |error: &dyn std::fmt::Display| {
            failed(format!("cannot write the journal of this command: {error}"))
        };
        let mut line = String::new();
        if self.file.is_none() {
            let flags = OFlag::O_WRONLY
                | OFlag::O_CREAT
                | OFlag::O_EXCL
                | OFlag::O_NOFOLLOW
                | OFlag::O_CLOEXEC;
            let file = openat(self.lock.folder(), FILE, flags, Mode::from_bits_truncate(0o600))
                .map_err(|error| unwritten(&error.desc()))?;
            self.file = Some(File::from(file));
            line = encode(&Line::Command(self.command.clone()))?;
        }
        line.push_str(&encode(&Line::Step(step.clone()))?);
        if let Some(file) = &mut self.file {
            file.write_all(line.as_bytes()).map_err(|error| unwritten(&error))?;
        }
        Ok(())
    }

    /// The host is as it should be: the journal has served.
    pub fn close(&mut self) -> Result<()> {
        if self.file.is_some() {
            remove(self.lock)?;
            self.file = None;
        }
        Ok(())
    }
}

fn encode(line: &Line) -> Result<String> {
    Ok(serde_json::to_string(line).context("cannot encode the journal")? + "\n")
}

/// Reads the journal of a command that was killed, if there is one.
pub fn left(lock: &Lock) -> Result<Option<Left>> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut text = String::new();
    match openat(lock.folder().as_fd(), FILE, flags, Mode::empty()) {
        Ok(file) => {
            File::from(file).read_to_string(&mut text).context("cannot read the journal")?
        }
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(error).context("cannot open the journal"),
    };
    let mut left = Left::default();
    for line in text.lines() {
        // A line that was cut off is one whose step was not done: it is written before.
        match serde_json::from_str(line) {
            Ok(Line::Command(command)) => left.command = command,
            Ok(Line::Step(step)) => left.steps.push(step),
            Err(_) => break,
        }
    }
    Ok(Some(left))
}

/// Removes the journal.
pub fn remove(lock: &Lock) -> Result<()> {
    unlinkat(lock.folder(), FILE, UnlinkatFlags::NoRemoveDir).context("cannot remove the journal")
}
