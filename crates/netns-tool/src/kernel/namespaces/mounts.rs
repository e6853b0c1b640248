//! The mount table, as far as it tells of the files of namespaces and of their folder.

use super::{Entry, FOLDER, Seen, seen};
use crate::name::NamespaceName;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

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
