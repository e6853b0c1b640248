//! An /etc of the private host's own: what a test writes there, the real machine never sees.
//!
//! `ip netns exec` reads `/etc/netns/NAME`, so netns-tool writes there. A tmpfs lies over /etc; in it, the real one
//! is mounted once more, read-only and out of the way, and each of its entries is a link to there. That
//! works as an ordinary user too, copies nothing, and takes about a millisecond. There is no /etc/netns in
//! it until the test makes one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};

const ETC: &str = "/etc";
/// Where the real one is seen while the tmpfs is not there yet: the private host's own /run.
const ASIDE: &str = "/run/etc";
/// Where it stays. Nothing that is in /run, which a test may cover, is needed then.
const REAL: &str = "/etc/.real";
/// What a private host has of its own.
const OWN: [&str; 3] = ["netns", ".real", "resolv.conf"];

/// Covers /etc of the mount namespace that this process is in, which must be a private host's.
///
/// # Errors
///
/// When a mount fails.
pub(crate) fn cover() -> Result<()> {
    let to = |from: Option<&str>, point: &str, kind: Option<&str>, flags: MsFlags| {
        mount(from, point, kind, flags, kind.map(|_| "mode=755"))
            .with_context(|| format!("cannot mount {point}"))
    };
    fs::create_dir(ASIDE).context("cannot make a folder in /run")?;
    // Files of a container's /etc are mounts themselves, and belong to it.
    to(Some(ETC), ASIDE, None, MsFlags::MS_BIND | MsFlags::MS_REC)?;
    let read_only = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | locked(ASIDE)?;
    to(None, ASIDE, None, read_only)?;
    to(Some("testhost"), ETC, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV)?;
    fs::create_dir(REAL).context("cannot make a folder in /etc")?;
    to(Some(ASIDE), REAL, None, MsFlags::MS_MOVE)?;
    fs::remove_dir(ASIDE).context("cannot remove the folder in /run")?;
    // Whether the machine's own resolver is on its loopback makes a difference to what is said.
    fs::write("/etc/resolv.conf", "nameserver 192.0.2.53\n")
        .context("cannot write a file in /etc")?;
    for entry in fs::read_dir(REAL).context("cannot list /etc")? {
        let entry = entry.context("cannot list /etc")?;
        let name = entry.file_name();
        if OWN.iter().any(|own| name == *own) {
            continue;
        }
        // A link of the real one leads to the same place, also where it is relative (`../run/…`).
        let target = fs::read_link(entry.path()).unwrap_or_else(|_| Path::new(".real").join(&name));
        symlink(target, Path::new(ETC).join(name)).context("cannot link an entry of /etc")?;
    }
    Ok(())
}

/// The flags of a mount that a user namespace may not take off, and has to repeat.
fn locked(point: &str) -> Result<MsFlags> {
    let flags = statvfs(point).with_context(|| format!("cannot look at {point}"))?.flags();
    let pairs = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ];
    Ok(pairs.into_iter().filter(|(has, _)| flags.contains(*has)).map(|(_, flag)| flag).collect())
}
