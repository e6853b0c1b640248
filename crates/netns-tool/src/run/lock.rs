//! One netns-tool at a time: a lock, in a folder that is there only while a command runs.

use crate::failure::{Failure, Kind, missing};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, FdFlag, Flock, FlockArg, OFlag, fcntl, open, openat};
use nix::sys::stat::{Mode, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, geteuid, unlinkat};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// The folder of netns-tool's run-time files, within `/run`.
const FOLDER: &str = "netns-tool";
const LOCK: &str = "lock";

/// The folder, held by this process alone until it is dropped.
pub struct Lock {
    run: OwnedFd,
    folder: OwnedFd,
    file: Flock<File>,
}

impl Lock {
    /// Waits for other netns-tools at most so long.
    ///
    /// # Errors
    /// Exit code 5 when the time is over, 3 where the folder cannot be used.
    pub fn take(wait: Duration) -> Result<Self> {
        let deadline = Instant::now() + wait;
        let patience = Instant::now() + Duration::from_secs(1);
        let mut is_told = false;
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(lock) = Self::try_take()? {
                return Ok(lock);
            }
            if let Some(interruption) = crate::system::signals::interruption() {
                return Err(interruption.into());
            }
            if Instant::now() >= deadline {
                let failure = Failure::new(Kind::Locked, "another netns-tool is at work");
                return Err(failure
                    .hint("the same command when it has ended; --wait SECONDS waits longer")
                    .into());
            }
            if !is_told && Instant::now() >= patience {
                super::tell("waiting for another netns-tool to end (--wait)");
                is_told = true;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    /// `None`: somebody else has it, or has just removed it.
    fn try_take() -> Result<Option<Self>> {
        let Some((run, folder)) = open_folder()? else { return Ok(None) };
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = match openat(&folder, LOCK, flags, Mode::from_bits_truncate(0o600)) {
            Ok(file) => File::from(file),
            // The last holder has removed the folder in between.
            Err(Errno::ENOENT) => return Ok(None),
            Err(error) => {
                // The folder may be our own: where there is an inode for it, there need not be one for the file. One
                // that is not empty stays.
                let _ = unlinkat(&run, FOLDER, UnlinkatFlags::RemoveDir);
                return Err(unusable(error).into());
            }
        };
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
            Err((_, error)) => return Err(unusable(error).into()),
        };
        // Held, but is it still the file of that name, or has its last holder removed it?
        let (ours, named) = (fstat(&*file)?, fstatat(&folder, LOCK, AtFlags::AT_SYMLINK_NOFOLLOW));
        if named.map(|named| (named.st_dev, named.st_ino)) != Ok((ours.st_dev, ours.st_ino)) {
            return Ok(None);
        }
        // Children inherit it: if we are killed, it stays held until the command that was under way has ended,
        // so that whoever clears up after us does not look too early.
        fcntl(&*file, FcntlArg::F_SETFD(FdFlag::empty())).map_err(unusable)?;
        Ok(Some(Self { run, folder, file }))
    }

    /// Whether children inherit it: a program that stays would hold it for as long as it runs.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn is_inherited(&self, is_inherited: bool) -> Result<()> {
        let flags = if is_inherited { FdFlag::empty() } else { FdFlag::FD_CLOEXEC };
        fcntl(&*self.file, FcntlArg::F_SETFD(flags)).map_err(unusable)?;
        Ok(())
    }

    /// The folder, for the journal.
    pub fn folder(&self) -> &OwnedFd {
        &self.folder
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The folder goes too, unless a journal has to stay. Who waits on the lock notices that its file is gone.
        let is_kept =
            fstatat(&self.folder, super::journal::FILE, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok();
        if !is_kept {
            let _ = unlinkat(&self.folder, LOCK, UnlinkatFlags::NoRemoveDir);
            let _ = unlinkat(&self.run, FOLDER, UnlinkatFlags::RemoveDir);
        }
    }
}

/// Opens `/run` and the folder in it, which it makes where it is missing. `None`: it went away meanwhile.
fn open_folder() -> Result<Option<(OwnedFd, OwnedFd)>> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let run = open("/run", flags, Mode::empty()).map_err(unusable)?;
    match mkdirat(&run, FOLDER, Mode::from_bits_truncate(0o700)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(unusable(error).into()),
    }
    let folder = match openat(&run, FOLDER, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(unusable(error).into()),
    };
    let state = fstat(&folder).context("cannot look at /run/netns-tool")?;
    if state.st_uid != geteuid().as_raw() || state.st_mode & 0o077 != 0 {
        bail!(
            missing("/run/netns-tool is not used: it is not root's alone")
                .hint("look who made it, then: rm -r /run/netns-tool")
        );
    }
    Ok(Some((run, folder)))
}

fn unusable(error: Errno) -> Failure {
    missing(format!(
        "cannot use /run/netns-tool, where the journal of a command is kept: {}",
        error.desc()
    ))
}

/// Whether a netns-tool that changes something is at work.
pub fn is_held() -> bool {
    let Ok(file) = File::open(std::path::Path::new("/run").join(FOLDER).join(LOCK)) else {
        return false;
    };
    // Let go of at once; who wants it just then tries again.
    matches!(Flock::lock(file, FlockArg::LockSharedNonblock), Err((_, Errno::EWOULDBLOCK)))
}

/// Whether a journal of a command that did not end lies there; for a command that changes nothing.
pub fn journal_lies_there() -> bool {
    std::path::Path::new("/run").join(FOLDER).join(super::journal::FILE).exists()
}
