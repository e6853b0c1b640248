//! Network namespaces as `ip netns` keeps them: files in /run/netns, each with a namespace mounted on it.

mod mounts;

use super::netlink::Reader;
use crate::failure::{failed, in_words};
use crate::name::NamespaceName;
use crate::plan::PROCESS;
use anyhow::{Context, Result};
pub use mounts::{Mounts, are_unseen_outside, is_shared};
use nix::sys::statfs::{NSFS_MAGIC, statfs};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Where the files are.
const FOLDER: &str = "/run/netns";

/// How long a program that runs may not be seen: while it becomes another, nobody can read what it bears.
pub const UNSEEN: Duration = Duration::from_secs(1);

/// What is strange about a name on which a namespace of processes, of users, … is mounted.
pub const OF_ANOTHER_KIND: &str = "a namespace of another kind";

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
    if statfs(&path)?.filesystem_type() != NSFS_MAGIC {
        return Ok(Seen::Broken);
    }
    let file = File::open(&path).map_err(cannot)?;
    Ok(match Reader::open()?.is_netns(&file)? {
        true => Seen::Sound,
        false => Seen::Strange(OF_ANOTHER_KIND),
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

/// A process with a thread inside a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// Its command line, as far as it shows one.
    pub command: String,
}

/// All processes but this one, whose readers go in and out, by the network namespaces that they have threads in.
#[derive(Debug, Default)]
pub struct Processes(HashMap<(u64, u64), BTreeMap<i32, PathBuf>>);

impl Processes {
    /// Reads them.
    ///
    /// # Errors
    /// There is no /proc.
    pub fn read() -> Result<Self> {
        let own = std::process::id().cast_signed();
        let (mut processes, mut known) = (Self::default(), HashSet::from([own]));
        // One that was listed and has ended since may have started another that was not.
        while !processes.add_new(&mut known)? {}
        Ok(processes)
    }

    /// Adds those that are not known yet; whether each of them was still there when it was looked at.
    fn add_new(&mut self, known: &mut HashSet<i32>) -> Result<bool> {
        let mut are_all = true;
        for process in fs::read_dir("/proc").context("cannot read /proc")?.flatten() {
            let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if !known.insert(pid) {
                continue;
            }
            let mut is_somewhere = false;
            for (_, netns) in tasks(&process.path()) {
                self.0.entry(netns).or_default().insert(pid, process.path());
                is_somewhere = true;
            }
            are_all &= is_somewhere;
        }
        Ok(are_all)
    }

    /// Those inside the namespace that bear the mark. `None`: there is none, but one that was inside has ended
    /// meanwhile, and may have started another: [`bearing`] reads them again.
    pub fn bearing(&self, name: &NamespaceName, mark: &str) -> Option<Vec<i32>> {
        let inside = identity(&name.path()).and_then(|netns| self.0.get(&netns));
        let (mut bearing, mut is_sure) = (Vec::new(), true);
        for (pid, folder) in inside.into_iter().flatten() {
            match mark_of(folder) {
                Mark::Is(found) if found == mark => bearing.push(*pid),
                Mark::Is(_) | Mark::None => {}
                Mark::Gone => is_sure = false,
            }
        }
        (is_sure || !bearing.is_empty()).then_some(bearing)
    }

    /// Those that are where we are and bear one of the marks: programs on their way into their namespaces.
    pub fn starting(&self, marks: &[&str]) -> Vec<i32> {
        let here = identity(Path::new("/proc/self/ns/net")).and_then(|netns| self.0.get(&netns));
        let is_marked = |folder: &Path| match mark_of(folder) {
            Mark::Is(mark) => marks.contains(&mark.as_str()),
            Mark::None | Mark::Gone => false,
        };
        let here = here.into_iter().flatten();
        here.filter(|(_, folder)| is_marked(folder)).map(|(pid, _)| *pid).collect()
    }

    /// The programs inside the namespace that bear a mark; of several with the same, the first.
    pub fn running(&self, name: &NamespaceName) -> Vec<Running> {
        let inside = identity(&name.path()).and_then(|netns| self.0.get(&netns));
        let mut running: Vec<Running> = Vec::new();
        for folder in inside.into_iter().flatten().map(|(_, folder)| folder) {
            let Mark::Is(mark) = mark_of(folder) else { continue };
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

/// The processes inside the namespace that bear the mark, at this moment.
///
/// # Errors
/// There is no /proc.
pub fn bearing(name: &NamespaceName, mark: &str) -> Result<Vec<i32>> {
    let begin = Instant::now();
    loop {
        match Processes::read()?.bearing(name, mark) {
            Some(bearing) => return Ok(bearing),
            // Inside there are others that come and go all the time.
            None if begin.elapsed() > UNSEEN => return Ok(Vec::new()),
            None => {}
        }
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

/// The mark in the environment of a process.
enum Mark {
    Is(String),
    None,
    /// It has ended.
    Gone,
}

/// That of the process whose folder in /proc is given.
fn mark_of(process: &Path) -> Mark {
    let begin = Instant::now();
    while let Some((task, _)) = tasks(process).next() {
        let read = |file: &str| fs::read(task.join(file)).unwrap_or_default();
        let mut environ = read("environ");
        // One that shows its words shows its environment as well, and may have none. In the midst of an exec, or of its
        // end, it shows neither.
        let is_shown = !environ.is_empty() || !read("cmdline").is_empty();
        if is_shown && environ.is_empty() {
            environ = read("environ");
        }
        if is_shown || is_kernel_thread(&task) || begin.elapsed() > UNSEEN {
            let variable = |entry: &[u8]| {
                let mark = entry.strip_prefix(PROCESS.as_bytes())?.strip_prefix(b"=")?;
                String::from_utf8(mark.to_vec()).ok()
            };
            let mark = environ.split(|byte| *byte == 0).find_map(variable);
            return mark.map_or(Mark::None, Mark::Is);
        }
        sleep(Duration::from_millis(1));
    }
    Mark::Gone
}

/// Whether the thread is one of the kernel's own, which never shows anything: `PF_KTHREAD` (include/linux/sched.h) among
/// its flags, the seventh field after its name (proc_pid_stat(5)).
fn is_kernel_thread(task: &Path) -> bool {
    const PF_KTHREAD: u64 = 0x0020_0000;
    let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_ascii_whitespace());
    let flags = fields.and_then(|mut fields| fields.nth(6)?.parse::<u64>().ok());
    flags.is_some_and(|flags| flags & PF_KTHREAD != 0)
}

/// The threads of a process that have not ended, each with the network namespace that it is in. The first thread may end
/// before the others.
fn tasks(process: &Path) -> impl Iterator<Item = (PathBuf, (u64, u64))> {
    let tasks = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| Some((task.path(), identity(&task.path().join("ns/net"))?)))
}

pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
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
