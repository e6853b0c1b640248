//! netns-tool itself as a program, wherever its file is: a private host may hide that, and an upgrade may have replaced it.

use super::child;
use anyhow::{Context, Result};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::env::current_exe;
use std::fs::metadata;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program that a process is.
const RUNNING: &str = "/proc/self/exe";

/// To be started by us, and nobody between.
pub fn command() -> Command {
    let mut command = child::of_caller(RUNNING);
    command.arg0("netns-tool");
    command
}

/// To be started by another program, which has a [`RUNNING`] of its own.
pub struct Program {
    pub path: PathBuf,
    /// What the path leads through, where its file cannot be found: open also for what is started.
    descriptor: Option<OwnedFd>,
}

impl Program {
    /// One for all that are started, and for as long as we are there.
    ///
    /// # Errors
    /// It cannot be found out which program this is.
    pub fn find() -> Result<&'static Self> {
        static FOUND: OnceLock<Program> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found);
        }
        let found = Self::new()?;
        Ok(FOUND.get_or_init(|| found))
    }

    fn new() -> Result<Self> {
        if let Ok(path) = current_exe()
            && is_running(&path)
        {
            return Ok(Self { path, descriptor: None });
        }
        let descriptor =
            open(RUNNING, OFlag::O_PATH, Mode::empty()).context("cannot find myself")?;
        let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd()).into();
        Ok(Self { path, descriptor: Some(descriptor) })
    }

    /// The number of what is to be closed by it.
    pub fn descriptor(&self) -> Option<i32> {
        self.descriptor.as_ref().map(AsRawFd::as_raw_fd)
    }
}

/// Whether this is our file, and not another in its place.
fn is_running(path: &Path) -> bool {
    let identity = |path: &Path| metadata(path).ok().map(|file| (file.dev(), file.ino()));
    identity(path).is_some_and(|file| identity(Path::new(RUNNING)) == Some(file))
}
