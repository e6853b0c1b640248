//! Network namespaces as `ip netns` keeps them: files in /run/netns, each with a namespace mounted on it.

use crate::failure::{failed, in_words, missing};
use crate::name::NamespaceName;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::Path;
use std::thread::{self, Builder};

/// What /run/netns has under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// No file.
    Absent,
    /// A file on which no namespace is mounted, as an interrupted `ip netns add` leaves it.
    Broken,
    /// A network namespace. Of several mounts, one above the other, each needs its own unmounting; `mixed`: they are
    /// of different namespaces.
    Sound { mounts: usize, mixed: bool },
    /// Something that `ip netns` does not make there, such as a symbolic link; in words.
    Strange(&'static str),
}

/// Looks the name up.
pub fn entry(name: &NamespaceName) -> Result<Entry> {
    let path = name.path();
    let cannot = |error: std::io::Error| {
        failed(format!("cannot look at {}: {}", path.display(), in_words(&error)))
    };
    // It is not opened before it is known to be a file: that could lead elsewhere, or wait for a writer.
    let kind = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Entry::Absent),
        Err(error) => return Err(cannot(error).into()),
    };
    if !kind.is_file() {
        return Ok(Entry::Strange(kind_in_words(kind)));
    }
    if statfs(&path)?.filesystem_type() != NSFS_MAGIC {
        return Ok(Entry::Broken);
    }
    mounts(name)
}

/// What a path leads to where something else is expected.
pub fn kind_in_words(kind: fs::FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        "a special file"
    }
}

/// The number of the file itself, below what is mounted on it; a folder's listing has it, a look at the path has not.
pub fn file_number(name: &NamespaceName) -> Option<u64> {
    let mut entries = fs::read_dir(name.path().parent()?).ok()?.flatten();
    entries.find(|entry| entry.file_name() == name.as_str()).map(|entry| entry.ino())
}

/// The mounts that lie one above the other on the namespace's file.
fn mounts(name: &NamespaceName) -> Result<Entry> {
    let table =
        fs::read_to_string("/proc/self/mountinfo").context("cannot read the mount table")?;
    // The fields are: mount id, id of the mount it lies on, device, root (here the namespace), mount point, …
    // (proc_pid_mountinfo(5)).
    let mounts: Vec<(&str, &str, &str)> = table
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split(' ').collect();
            let [id, below, _, root, point, ..] = fields[..] else { return None };
            (Path::new(point) == name.path()).then_some((id, below, root))
        })
        .collect();
    // Where /run is shared, the same mount shows up again below the mount of /run/netns on itself: that copy is
    // the bottom of a stack of its own, so the height of the highest stack is what counts.
    let below = |id: &&str| mounts.iter().find(|mount| mount.0 == *id).map(|mount| mount.1);
    let height = |top| std::iter::successors(Some(top), below).count() - 1;
    Ok(Entry::Sound {
        mounts: mounts.iter().map(|mount| height(mount.0)).max().unwrap_or(1),
        mixed: mounts.iter().any(|mount| mount.2 != mounts[0].2),
    })
}

/// The names that are there, whatever is behind them.
pub fn all() -> Vec<NamespaceName> {
    let entries = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| NamespaceName::existing(entry.file_name().to_str()?).ok();
    entries.filter_map(name).collect()
}

/// Whether a namespace that is made here would be seen by this process and its children alone: the first process has the
/// same folder, in a mount namespace that mounts made here do not reach. `ip netns exec` starts its programs like that;
/// a container has a folder of its own, or a first process of its own.
pub fn are_unseen_outside() -> bool {
    let file = |path: &str| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    let are_same = |path: &str, other: &str| Some(file(path)? == file(other)?);
    // Where the first process may not be looked at, in a user namespace, /run is not its either.
    let is_elsewhere = are_same("/proc/self/ns/mnt", "/proc/1/ns/mnt") == Some(false);
    let is_same_folder = || {
        are_same("/run/netns", "/proc/1/root/run/netns")
            .or_else(|| are_same("/run", "/proc/1/root/run"))
    };
    let is_reached = || peer_group("self").is_some_and(|own| peer_group("1") == Some(own));
    is_elsewhere && is_same_folder() == Some(true) && !is_reached()
}

/// The group of mounts that get what the process mounts in /run/netns: `shared:` and a number, in the words of
/// proc_pid_mountinfo(5). `None`: nobody else gets it.
fn peer_group(process: &str) -> Option<String> {
    let table = fs::read_to_string(format!("/proc/{process}/mountinfo")).ok()?;
    let folder = |line: &&str| {
        let point = Path::new(line.split(' ').nth(4)?);
        Path::new("/run/netns").starts_with(point).then(|| point.components().count())
    };
    let mount = table.lines().filter(|line| folder(line).is_some()).max_by_key(folder)?;
    let mut optional = mount.split(' ').skip(6).take_while(|field| *field != "-");
    optional.find(|field| field.starts_with("shared:")).map(str::to_owned)
}

/// Runs `read` on a thread of its own inside the namespace, so that the rest of the process stays where it is.
///
/// # Errors
/// The namespace is not there, is broken, may not be entered, or `read` fails.
pub fn inside<T: Send>(name: &NamespaceName, read: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let path = name.path();
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    thread::scope(|scope| {
        let reader = Builder::new().spawn_scoped(scope, move || {
            setns(&file, CloneFlags::CLONE_NEWNET).map_err(|error| {
                let what = format!("cannot enter network namespace `{name}`: {}", error.desc());
                match error {
                    // It was one a moment ago: another tool is making or deleting it.
                    Errno::EINVAL => failed(what).hint("the same command again"),
                    _ => missing(what).hint("run it as root (sudo); it needs CAP_SYS_ADMIN"),
                }
            })?;
            read()
        });
        let reader = reader.context("cannot start a thread to look into a namespace")?;
        reader.join().unwrap_or_else(|_| Err(failed("a reader of the kernel panicked").into()))
    })
}

/// A process with a thread inside a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// Its command line, as far as it shows one.
    pub command: String,
}

/// The processes inside the namespace, besides this one: its readers go in and out.
pub fn processes(name: &NamespaceName) -> Result<Vec<Process>> {
    let path = name.path();
    let Ok(here) = fs::metadata(&path) else { return Ok(Vec::new()) };
    let is_inside = |netns: &Path| {
        fs::metadata(netns)
            .is_ok_and(|there| (there.dev(), there.ino()) == (here.dev(), here.ino()))
    };
    let mut inside = Vec::new();
    for process in fs::read_dir("/proc").context("cannot read /proc")?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if pid == std::process::id().cast_signed() {
            continue;
        }
        // A process that ends while it is looked at has no tasks any more.
        let tasks = fs::read_dir(process.path().join("task")).into_iter().flatten().flatten();
        if tasks.into_iter().any(|task| is_inside(&task.path().join("ns/net"))) {
            inside.push(Process { pid, command: command(&process.path()) });
        }
    }
    inside.sort_by_key(|process| process.pid);
    Ok(inside)
}

/// What the process was started as; its folder in /proc is given.
pub(super) fn command(process: &Path) -> String {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let line = words.join(" ").trim_end().to_owned();
    if !line.is_empty() {
        return line;
    }
    fs::read_to_string(process.join("comm"))
        .map(|comm| comm.trim_end().to_owned())
        .unwrap_or_default()
}
