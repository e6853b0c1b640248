//! Network namespaces that have no name in /run/netns.

use super::namespaces::command;
use super::netlink::Reader;
use crate::mark;
use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::{self, Builder};

/// One that processes keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Those inside, in their order.
    pub pids: Vec<i32>,
    /// What the first was started as.
    pub command: String,
    /// The alias of its loopback, if it is one of netns-tool's.
    pub mark: Option<String>,
}

type Identity = (u64, u64);

/// All that can be seen.
pub fn read() -> Vec<Orphan> {
    let named = fs::read_dir("/run/netns").into_iter().flatten().flatten();
    let mut known: HashSet<Identity> = named.filter_map(|entry| identity(entry.path())).collect();
    known.extend(["/proc/self/ns/net", "/proc/1/ns/net"].iter().filter_map(identity));
    let mut found: BTreeMap<Identity, Vec<i32>> = BTreeMap::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
        let netns = identity(process.path().join("ns/net"));
        if let (Some(pid), Some(netns)) = (pid, netns.filter(|netns| !known.contains(netns))) {
            found.entry(netns).or_default().push(pid);
        }
    }
    let orphan = |mut pids: Vec<i32>| {
        pids.sort_unstable();
        let process = Path::new("/proc").join(pids[0].to_string());
        Orphan { command: command(&process), mark: mark_in(&process.join("ns/net")), pids }
    };
    found.into_values().map(orphan).collect()
}

/// The mark of the namespace, if it can be looked into.
fn mark_in(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let read = move || -> Result<Option<String>> {
        setns(&file, CloneFlags::CLONE_NEWNET).context("cannot enter a namespace")?;
        let links = Reader::open()?.links()?;
        let loopback = links.into_iter().find(|link| link.name.as_str() == "lo");
        Ok(loopback.and_then(|link| link.alias).filter(|alias| mark::is_ours(Some(alias))))
    };
    thread::scope(|scope| {
        let reader = Builder::new().spawn_scoped(scope, read).ok()?;
        reader.join().ok()?.ok().flatten()
    })
}

fn identity(path: impl AsRef<Path>) -> Option<Identity> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
