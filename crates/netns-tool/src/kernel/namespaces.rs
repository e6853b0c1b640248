//! Network namespaces as `ip netns` keeps them: files in /run/netns, each with a namespace mounted on it.

use crate::failure::{failed, in_words};
use crate::name::NamespaceName;
use crate::plan::{PROCESS, Place};
use anyhow::{Context, Result};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Where the files are.
const FOLDER: &str = "/run/netns";

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

/// What a path in /run/netns leads to, as far as it can be seen without the mount table, which is long where there are
/// many namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Absent,
    Broken,
    Sound,
    Strange(&'static str),
}

/// Looks the name up.
pub fn seen(name: &NamespaceName) -> Result<Seen> {
    let path = name.path();
    let cannot = |error: std::io::Error| {
        failed(format!("cannot look at {}: {}", path.display(), in_words(&error)))
    };
    // It is not opened before it is known to be a file: that could lead elsewhere, or wait for a writer.
    let kind = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Seen::Absent),
        Err(error) => return Err(cannot(error).into()),
    };
    if !kind.is_file() {
        return Ok(Seen::Strange(kind_in_words(kind)));
    }
    Ok(match statfs(&path)?.filesystem_type() {
        NSFS_MAGIC => Seen::Sound,
        _ => Seen::Broken,
    })
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

/// The numbers of the files themselves, below what is mounted on them; a folder's listing has them, a look at a path
/// has not.
pub fn file_numbers() -> HashMap<OsString, u64> {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    entries.map(|entry| (entry.file_name(), entry.ino())).collect()
}

/// The mounts on the files of namespaces, by the paths of the files.
#[derive(Debug, Default)]
pub struct Mounts(HashMap<String, Vec<Mount>>);

/// A line of the mount table.
#[derive(Debug)]
struct Mount {
    id: String,
    /// The id of the mount it lies on.
    below: String,
    /// The namespace.
    root: String,
}

impl Mounts {
    /// Reads the mount table.
    pub fn read() -> Result<Self> {
        let table = mount_table("self").context("cannot read the mount table")?;
        // The fields are: mount id, id of the mount it lies on, device, root (here the namespace), mount point, …
        // (proc_pid_mountinfo(5)).
        let mut mounts = Self::default();
        for line in table.lines() {
            let mut fields = line.split(' ').map(str::to_owned);
            if let (Some(id), Some(below), Some(_), Some(root), Some(point)) =
                (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
                && point.starts_with(FOLDER)
            {
                mounts.0.entry(unescaped(&point)).or_default().push(Mount { id, below, root });
            }
        }
        Ok(mounts)
    }

    /// What stands under the name.
    pub fn entry(&self, name: &NamespaceName) -> Result<Entry> {
        Ok(match seen(name)? {
            Seen::Absent => Entry::Absent,
            Seen::Broken => Entry::Broken,
            Seen::Strange(what) => Entry::Strange(what),
            Seen::Sound => self.on(name),
        })
    }

    /// The mounts that lie one above the other on the namespace's file.
    fn on(&self, name: &NamespaceName) -> Entry {
        let mounts = self.0.get(&*name.path().to_string_lossy()).map_or(&[][..], Vec::as_slice);
        // Where /run is shared, the same mount shows up again below the mount of /run/netns on itself: that copy is
        // the bottom of a stack of its own, so the height of the highest stack is what counts.
        let below = |id: &&str| {
            mounts.iter().find(|mount| mount.id == *id).map(|mount| mount.below.as_str())
        };
        let height = |top| std::iter::successors(Some(top), below).count() - 1;
        Entry::Sound {
            mounts: mounts.iter().map(|mount| height(mount.id.as_str())).max().unwrap_or(1),
            mixed: mounts.iter().any(|mount| mount.root != mounts[0].root),
        }
    }
}

/// A path as the mount table writes it: blanks and the like are there as `\040`.
fn unescaped(path: &str) -> String {
    let mut parts = path.split('\\');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => path + &String::from(char::from(code)) + &part[3..],
            None => path + "\\" + part,
        }
    })
}

/// The names that are there, whatever is behind them.
pub fn all() -> Vec<NamespaceName> {
    let names = file_names().filter_map(|name| name.into_string().ok());
    names.map(NamespaceName::reported).collect()
}

/// Those of them that are no text: nobody but `ip` can name them.
pub fn nameless() -> Vec<OsString> {
    file_names().filter(|name| name.to_str().is_none()).collect()
}

fn file_names() -> impl Iterator<Item = OsString> {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name())
}

/// Those of the names that are not the first of their namespace, as bind mounts and `ip netns attach` make them, with what
/// has the first: the host, if it is the namespace that this process is in, else the name whose file is the oldest.
pub fn second_names<'a>(
    names: impl Iterator<Item = &'a NamespaceName>,
) -> BTreeMap<NamespaceName, Place> {
    let mut by_identity: HashMap<(u64, u64), Vec<&NamespaceName>> = HashMap::new();
    for name in names {
        if let Some(netns) = identity(&name.path()) {
            by_identity.entry(netns).or_default().push(name);
        }
    }
    let own = identity(Path::new("/proc/self/ns/net"));
    let of_host = own.and_then(|own| by_identity.remove(&own)).unwrap_or_default();
    let mut second: BTreeMap<NamespaceName, Place> =
        of_host.into_iter().map(|name| (name.clone(), None)).collect();
    by_identity.retain(|_, names| names.len() > 1);
    // A tmpfs numbers its files in the order in which they are made.
    let files = if by_identity.is_empty() { HashMap::new() } else { file_numbers() };
    for mut names in by_identity.into_values() {
        names.sort_by_key(|name| (files.get(OsStr::new(name.as_str())), *name));
        let first = names.remove(0);
        second.extend(names.into_iter().map(|name| (name.clone(), Some(first.clone()))));
    }
    second
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
    let table = mount_table(process).ok()?;
    let mount = mount_of_folder(&table)?;
    let mut optional = mount.split(' ').skip(6).take_while(|field| *field != "-");
    optional.find(|field| field.starts_with("shared:")).map(str::to_owned)
}

/// Whether namespaces that are made here are seen in other mount namespaces that the mount of /run/netns is shared with, and
/// the other way round; `None`: `ip netns add` has not mounted it yet, and will share it.
pub fn is_shared() -> Option<bool> {
    let table = mount_table("self").ok()?;
    mount_of_folder(&table).filter(|mount| mount.split(' ').nth(4) == Some(FOLDER))?;
    Some(peer_group("self").is_some())
}

/// The mounts that the process sees. The paths of others need not be text.
fn mount_table(process: &str) -> std::io::Result<String> {
    let table = fs::read(format!("/proc/{process}/mountinfo"))?;
    Ok(String::from_utf8_lossy(&table).into_owned())
}

/// The line of the mount table that /run/netns is on.
fn mount_of_folder(table: &str) -> Option<&str> {
    let folder = |line: &&str| {
        let point = Path::new(line.split(' ').nth(4)?);
        Path::new(FOLDER).starts_with(point).then(|| point.components().count())
    };
    table.lines().filter(|line| folder(line).is_some()).max_by_key(folder)
}

/// A process with a thread inside a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// Its command line, as far as it shows one.
    pub command: String,
}

/// All processes but this one, whose readers go in and out, by the network namespaces that they have threads in.
#[derive(Debug)]
pub struct Processes(HashMap<(u64, u64), BTreeMap<i32, PathBuf>>);

impl Processes {
    pub fn read() -> Result<Self> {
        let mut processes = Self(HashMap::new());
        for process in fs::read_dir("/proc").context("cannot read /proc")?.flatten() {
            let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if pid == std::process::id().cast_signed() {
                continue;
            }
            // A process that ends while it is looked at has no tasks any more.
            let tasks = fs::read_dir(process.path().join("task")).into_iter().flatten().flatten();
            for netns in tasks.filter_map(|task| identity(&task.path().join("ns/net"))) {
                processes.0.entry(netns).or_default().insert(pid, process.path());
            }
        }
        Ok(processes)
    }

    /// Those inside the namespace that bear the mark.
    pub fn bearing<'a>(
        &'a self,
        name: &NamespaceName,
        mark: &'a str,
    ) -> impl Iterator<Item = i32> + 'a {
        let inside = identity(&name.path()).and_then(|netns| self.0.get(&netns));
        let bearing = move |(pid, folder): (&'a i32, &'a PathBuf)| {
            (mark_of(folder).as_deref() == Some(mark)).then_some(*pid)
        };
        inside.into_iter().flatten().filter_map(bearing)
    }

    /// The programs inside the namespace that bear a mark; of several with the same, the first.
    pub fn running(&self, name: &NamespaceName) -> Vec<Running> {
        let inside = identity(&name.path()).and_then(|netns| self.0.get(&netns));
        let mut running: Vec<Running> = Vec::new();
        for folder in inside.into_iter().flatten().map(|(_, folder)| folder) {
            let Some(mark) = mark_of(folder) else { continue };
            if !running.iter().any(|known| known.mark == mark) {
                let line = fs::read(folder.join("cmdline")).unwrap_or_default();
                let words = line.strip_suffix(&[0]).unwrap_or(&line).split(|byte| *byte == 0);
                let command = words.map(|word| String::from_utf8_lossy(word).into_owned());
                running.push(Running { netns: name.clone(), mark, command: command.collect() });
            }
        }
        running
    }

    /// Those inside the namespace.
    pub fn inside(&self, name: &NamespaceName) -> Vec<Process> {
        let inside = identity(&name.path()).and_then(|netns| self.0.get(&netns));
        let inside = inside.into_iter().flatten();
        inside.map(|(pid, folder)| Process { pid: *pid, command: command(folder) }).collect()
    }
}

/// A program of a lab that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub netns: NamespaceName,
    pub mark: String,
    /// As it shows itself.
    pub command: Vec<String>,
}

/// The mark in the environment of the process, whose folder in /proc is given.
fn mark_of(process: &Path) -> Option<String> {
    // In the midst of an exec it has none for a moment; what was just started would not be found again.
    const MOMENT: Duration = Duration::from_millis(10);
    let read = || fs::read(process.join("environ")).ok();
    let (started, mut environ) = (Instant::now(), read()?);
    while environ.is_empty() && started.elapsed() < MOMENT {
        sleep(Duration::from_millis(1));
        environ = read()?;
    }
    let variable = |entry: &[u8]| {
        let mark = entry.strip_prefix(PROCESS.as_bytes())?.strip_prefix(b"=")?;
        String::from_utf8(mark.to_vec()).ok()
    };
    environ.split(|byte| *byte == 0).find_map(variable)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_mount_table_are_read_back() {
        for (written, path) in [
            ("/run/netns/web", "/run/netns/web"),
            ("/run/netns/a\\040b\\134040c", "/run/netns/a b\\040c"),
            ("/x\\011\\012", "/x\t\n"),
            ("/x\\", "/x\\"),
            ("/x\\9é", "/x\\9é"),
        ] {
            assert_eq!(unescaped(written), path);
        }
    }
}
