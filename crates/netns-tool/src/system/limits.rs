//! What the caller lets us have: limits of resources.

use crate::failure::missing;
use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The least limits to work with, for netns-tool and its children: in bytes, open files, and seconds. One that is hit
/// halfway would end a command as SIGKILL does.
const LIMITS: [(Resource, u64, &str); 6] = [
    (Resource::RLIMIT_FSIZE, 1 << 24, "file size (ulimit -f)"),
    (Resource::RLIMIT_NOFILE, 64, "open files (ulimit -n)"),
    (Resource::RLIMIT_AS, 1 << 26, "virtual memory (ulimit -v)"),
    (Resource::RLIMIT_DATA, 1 << 25, "data size (ulimit -d)"),
    (Resource::RLIMIT_STACK, 1 << 20, "stack size (ulimit -s)"),
    (Resource::RLIMIT_CPU, 60, "processor time (ulimit -t)"),
];

/// Those without which not even the words of the caller can be understood.
const FOR_WORDS: [Resource; 2] = [Resource::RLIMIT_AS, Resource::RLIMIT_DATA];

/// Limits of the caller's that were raised for a while, each with its soft and hard value.
#[must_use]
pub struct Borrowed(Vec<(Resource, u64, u64)>);

/// Makes room for what is done before it is known whether a command of the caller's is to have his limits.
///
/// # Errors
/// A limit is too low and cannot be raised.
pub fn borrow() -> Result<Borrowed> {
    let mut borrowed = Vec::new();
    for (resource, least, name) in LIMITS.into_iter().filter(|(one, ..)| FOR_WORDS.contains(one)) {
        let (soft, hard) = getrlimit(resource)?;
        raise(resource, least, name)?;
        if soft < least {
            borrowed.push((resource, soft, hard));
        }
    }
    Ok(Borrowed(borrowed))
}

impl Borrowed {
    /// From here on all is as the caller had it.
    pub fn give_back(&self) {
        for (resource, soft, hard) in &self.0 {
            // Lower than they are they may always be.
            let _ = setrlimit(*resource, *soft, *hard);
        }
    }
}

/// Raises what is too low.
///
/// # Errors
/// It cannot be raised.
pub fn raise_all() -> Result<()> {
    LIMITS.into_iter().try_for_each(|(resource, least, name)| raise(resource, least, name))
}

fn raise(resource: Resource, least: u64, name: &str) -> Result<()> {
    let (soft, hard) = getrlimit(resource)?;
    if soft >= least {
        return Ok(());
    }
    // Root may raise the hard limit too.
    if setrlimit(resource, hard.max(least), hard.max(least)).is_ok()
        || (hard >= least && setrlimit(resource, hard, hard).is_ok())
    {
        return Ok(());
    }
    Err(missing(format!("the limit on {name} is {soft}, and cannot be raised to {least}"))
        .hint("raise it in the shell that starts netns-tool")
        .into())
}

/// How many files may be open at the same time, after it was tried to have so many.
///
/// # Errors
/// The kernel does not tell.
pub fn room_for_files(wanted: u64) -> Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= wanted {
        return Ok(soft);
    }
    // Root may raise the hard limit too.
    for limit in [hard.max(wanted), hard] {
        if setrlimit(Resource::RLIMIT_NOFILE, limit, limit.max(hard)).is_ok() {
            return Ok(limit);
        }
    }
    Ok(soft)
}
