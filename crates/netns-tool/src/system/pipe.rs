//! Pipes to processes of our own, by whose end one knows that the other is gone, however it went.

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::unistd::pipe2;
use std::fs::{File, OpenOptions, read_dir};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

/// A pipe of which a child gets one end, and nobody else the other.
pub struct Pipe {
    pub ours: File,
    /// To be dropped when the child has been started.
    pub childs: OwnedFd,
}

impl Pipe {
    /// A pipe that the child reads.
    pub fn to_child() -> Result<Self> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("cannot make a pipe")?;
        Self::new(writer, reader)
    }

    /// A pipe that the child writes.
    pub fn from_child() -> Result<Self> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).context("cannot make a pipe")?;
        Self::new(reader, writer)
    }

    fn new(ours: OwnedFd, childs: OwnedFd) -> Result<Self> {
        fcntl(&childs, FcntlArg::F_SETFD(FdFlag::empty())).context("cannot set up a pipe")?;
        Ok(Self { ours: File::from(ours), childs })
    }

    /// Tells the child the number of its end.
    pub fn tell(&self, command: &mut Command, option: &str) {
        command.arg(option).arg(self.childs.as_raw_fd().to_string());
    }
}

/// Opens the ends of pipes that our parent has left us under these numbers: the first to read, the others to write. What we
/// start gets neither; all else that the caller has open it gets, as from any shell.
///
/// # Errors
/// It was not netns-tool that started us.
pub fn adopt<const N: usize>(numbers: [i32; N]) -> Result<[File; N]> {
    let mut files = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        let path = format!("/proc/self/fd/{number}");
        let file = OpenOptions::new().read(index == 0).write(index > 0).open(path);
        files.push(file.context("this is for netns-tool itself to run")?);
    }
    let mut callers = open_numbers()?;
    callers.retain(|number| !numbers.contains(number));
    close_fds::set_fds_cloexec(3, &callers);
    files.try_into().ok().context("as many files as numbers")
}

/// The descriptors that are open.
fn open_numbers() -> Result<Vec<i32>> {
    let entries = read_dir("/proc/self/fd").context("cannot list the open files")?;
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.ok()?.file_name().to_str()?.parse::<i32>().ok()
    };
    Ok(entries.filter_map(number).collect())
}
