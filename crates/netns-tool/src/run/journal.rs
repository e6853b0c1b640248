//! The journal of a command in progress: what it is about to do, so that the next command can take it back if this
//! one is killed. It is gone when the command ends.

use super::lock::Lock;
use crate::failure::{Failure, Kind, failed, in_words};
use crate::kernel::whose::{self, Identity};
use crate::plan::Step;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

/// Its name in the folder of the lock.
pub const FILE: &str = "journal";

/// A line of the journal, as JSON.
#[derive(Debug, Serialize, Deserialize)]
enum Line<'a> {
    /// The first: what was typed.
    Command(String),
    /// The second: the network namespace that it changes.
    Netns(Identity),
    /// A step that is about to be done.
    Step(Cow<'a, Step>),
}

/// What a killed command has left.
#[derive(Debug, Default)]
pub struct Left {
    pub command: String,
    /// The network namespace it was in; `None` only if it had not begun anything.
    pub netns: Option<Identity>,
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

    /// Notes steps before any of them is done. Each line is there or not, however we are killed: one that is cut off does
    /// not count, and then none of them has been begun.
    ///
    /// # Errors
    /// It cannot be written; the steps must not be done then.
    pub fn note(&mut self, steps: &[&Step]) -> Result<()> {
        let unwritten =
            |error: &str| failed(format!("cannot write the journal of this command: {error}"));
        let mut lines = String::new();
        if self.file.is_none() {
            let netns = whose::own()?;
            let flags = OFlag::O_WRONLY
                | OFlag::O_CREAT
                | OFlag::O_EXCL
                | OFlag::O_NOFOLLOW
                | OFlag::O_CLOEXEC;
            let file = openat(self.lock.folder(), FILE, flags, Mode::from_bits_truncate(0o600))
                .map_err(|error| unwritten(error.desc()))?;
            self.file = Some(File::from(file));
            lines = encode(&Line::Command(self.command.clone()))? + &encode(&Line::Netns(netns))?;
        }
        for step in steps {
            lines.push_str(&encode(&Line::Step(Cow::Borrowed(step)))?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(lines.as_bytes()).map_err(|error| unwritten(&in_words(&error)))?;
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
///
/// # Errors
/// It cannot be read, or not be understood: then nobody knows what the command has done.
pub fn left(lock: &Lock) -> Result<Option<Left>> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let mut file = match openat(lock.folder().as_fd(), FILE, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(unreadable(error.desc()).into()),
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(unreadable("it is no plain file").into());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| unreadable(&in_words(&error)))?;
    let mut left = Left::default();
    // A last line that was cut off is one whose step was not done: it is written before.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Command(command)) => left.command = command,
            Ok(Line::Netns(netns)) => left.netns = Some(netns),
            Ok(Line::Step(step)) => left.steps.push(step.into_owned()),
            Err(_) => return Err(unreadable("a line of it means nothing to this version").into()),
        }
    }
    if left.netns.is_none() && !left.steps.is_empty() {
        return Err(unreadable("it does not say in which network namespace it was written").into());
    }
    Ok(Some(left))
}

fn unreadable(why: &str) -> Failure {
    Failure::new(Kind::Left, format!("the journal of a killed command cannot be read: {why}"))
        .note("left", "/run/netns-tool/journal, and perhaps what it tells of")
        .hint("remove what that command has made, and then: rm -r /run/netns-tool")
}

/// Removes the journal.
pub fn remove(lock: &Lock) -> Result<()> {
    unlinkat(lock.folder(), FILE, UnlinkatFlags::NoRemoveDir).context("cannot remove the journal")
}
