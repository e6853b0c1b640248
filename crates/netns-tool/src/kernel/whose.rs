//! Which network namespace this is. Of several, `/run` may be the same, as within `ip netns exec`; so what lies there
//! has to say in which it was made.

use super::namespaces::command;
use crate::failure::missing;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells a network namespace from all others that are there at the same time (namespaces(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    dev: u64,
    ino: u64,
}

/// Where a namespace can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The first process is in it: it is the host's.
    Host,
    /// A file of /run/netns leads to it.
    Name(String),
    /// This process is in it.
    Process { pid: i32, command: String },
    /// Nothing that can be seen from here leads to it; it is gone, as a rule.
    Nowhere,
}

/// The one that this process is in.
///
/// # Errors
/// /proc does not tell.
pub fn own() -> Result<Identity> {
    let unknown = || missing("cannot read /proc/self/ns/net").hint("mount -t proc proc /proc");
    Ok(of(Path::new("/proc/self/ns/net")).ok_or_else(unknown)?)
}

impl Identity {
    /// How it can be reached from here.
    pub fn whereabouts(self) -> Whereabouts {
        if of(Path::new("/proc/1/ns/net")) == Some(self) {
            return Whereabouts::Host;
        }
        let is_it = |path: &Path| of(path) == Some(self);
        let files = fs::read_dir("/run/netns").into_iter().flatten().flatten();
        let mut names = files.filter(|file| is_it(&file.path())).map(|file| file.file_name());
        if let Some(name) = names.next() {
            return Whereabouts::Name(name.to_string_lossy().into_owned());
        }
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut inside = processes.filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            is_it(&process.path().join("ns/net"))
                .then(|| Whereabouts::Process { pid, command: command(&process.path()) })
        });
        inside.next().unwrap_or(Whereabouts::Nowhere)
    }
}

fn of(path: &Path) -> Option<Identity> {
    let found = fs::metadata(path).ok()?;
    Some(Identity { dev: found.dev(), ino: found.ino() })
}
