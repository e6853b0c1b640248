//! /etc/netns: `ip netns exec NAME` shows its program the files of /etc/netns/NAME in place of those of /etc.
//!
//! It outlives a reboot, unlike all else that is read here.

use super::namespaces::kind_in_words;
use crate::dns::{self, ResolvConf};
use crate::failure::{failed, in_words};
use crate::item::Item;
use crate::name::NamespaceName;
use anyhow::Result;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, FileType, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

pub const FOLDER: &str = "/etc/netns";

/// The folder of a namespace.
pub fn folder(name: &NamespaceName) -> String {
    format!("{FOLDER}/{}", name.as_str())
}

/// The name servers of a namespace.
pub fn resolv_conf(name: &NamespaceName) -> String {
    format!("{FOLDER}/{}/resolv.conf", name.as_str())
}

/// The names that a namespace knows without asking.
pub fn hosts(name: &NamespaceName) -> String {
    format!("{FOLDER}/{}/hosts", name.as_str())
}

/// What stands in /etc/netns for some namespaces.
#[derive(Clone, Debug, Default)]
pub struct Etc {
    pub folder: Folder,
    pub namespaces: BTreeMap<NamespaceName, Netns>,
}

/// What stands there for one.
#[derive(Clone, Debug, Default)]
pub struct Netns {
    pub folder: Folder,
    pub resolv_conf: File,
    pub hosts: Hosts,
}

/// What a path leads to where there is to be our file of names.
#[derive(Clone, Debug, Default)]
pub enum Hosts {
    #[default]
    Absent,
    /// One with our mark, with its whole text.
    Ours(String),
    /// Anything else; it is left alone.
    Foreign,
}

/// What a path leads to where there is to be a directory.
#[derive(Clone, Debug, Default)]
pub enum Folder {
    #[default]
    Absent,
    /// A directory, with the names in it.
    Sound(BTreeSet<OsString>),
    /// The same where a file system is mounted on it, so that it has to stay.
    Mounted,
    /// Something else; in words.
    Strange(&'static str),
}

/// What a path leads to where there is to be our file.
#[derive(Clone, Debug, Default)]
pub enum File {
    #[default]
    Absent,
    /// One of exactly the form that netns-tool writes.
    Ours(ResolvConf),
    /// Anything else; it is left alone.
    Foreign,
}

impl Etc {
    /// Looks at what is there for these namespaces.
    pub fn read(names: &BTreeSet<NamespaceName>) -> Self {
        let mut etc = Self { folder: Folder::look(FOLDER), ..Self::default() };
        if etc.folder.is_sound() {
            for name in names {
                let folder = Folder::look(&folder(name));
                let resolv_conf = match folder.is_sound() {
                    true => File::look(&resolv_conf(name)),
                    false => File::Absent,
                };
                let hosts = match folder.is_sound() {
                    true => Hosts::look(&hosts(name)),
                    false => Hosts::Absent,
                };
                etc.namespaces.insert(name.clone(), Netns { folder, resolv_conf, hosts });
            }
        }
        etc
    }

    /// Looks at what is there for whatever namespaces, be they there or not.
    pub fn read_all() -> Self {
        let Folder::Sound(names) = Folder::look(FOLDER) else { return Self::default() };
        let name = |name: &OsString| Some(NamespaceName::reported(name.to_str()?.to_owned()));
        Self::read(&names.iter().filter_map(name).collect())
    }

    /// What stands there for the namespace.
    pub fn of(&self, name: &NamespaceName) -> Netns {
        self.namespaces.get(name).cloned().unwrap_or_default()
    }
}

impl Folder {
    /// One that cannot be read is in nobody's way who does not want to use it: a dry run needs no root's rights.
    fn look(path: &str) -> Self {
        Self::read(path).unwrap_or(Self::Strange("a folder that cannot be read"))
    }

    fn read(path: &str) -> Result<Self> {
        let Some(kind) = kind(path)? else { return Ok(Self::Absent) };
        if !kind.is_dir() {
            return Ok(Self::Strange(kind_in_words(kind)));
        }
        let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
        let device = |path: &Path| fs::metadata(path).ok().map(|found| found.dev());
        let path = Path::new(path);
        if path.parent().is_some_and(|parent| device(parent) != device(path)) {
            return Ok(Self::Mounted);
        }
        Ok(Self::Sound(entries.flatten().map(|entry| entry.file_name()).collect()))
    }

    fn is_sound(&self) -> bool {
        matches!(self, Self::Sound(_) | Self::Mounted)
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl Hosts {
    fn look(path: &str) -> Self {
        if kind(path).is_ok_and(|kind| kind.is_none()) {
            return Self::Absent;
        }
        let bytes = read_plain(path, dns::HOSTS_MAX).ok().flatten();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let is_ours =
            |text: &String| text.starts_with(dns::HOSTS_HEAD) && text.len() <= dns::HOSTS_MAX;
        text.filter(is_ours).map_or(Self::Foreign, Self::Ours)
    }
}

impl File {
    fn look(path: &str) -> Self {
        if kind(path).is_ok_and(|kind| kind.is_none()) {
            return Self::Absent;
        }
        let bytes = read_plain(path, ResolvConf::TEXT_MAX).ok().flatten();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.and_then(|text| ResolvConf::parse(&text)).map_or(Self::Foreign, Self::Ours)
    }
}

/// Whether it is there: the directory, or the file with exactly its text.
pub(super) fn stands(item: &Item) -> Result<bool> {
    match item {
        Item::Directory { path } => Ok(kind(path)?.is_some_and(|kind| kind.is_dir())),
        Item::Log { path } => Ok(kind(path)?.is_some_and(|kind| kind.is_file())),
        Item::File { path, text } => {
            let found = read_plain(path, text.len())?;
            Ok(found.is_some_and(|found| found == text.as_bytes()))
        }
    }
}

/// Whether something of it is there to be taken back: the directory with nothing in it, or the file with a beginning
/// of its text, as an interrupted write leaves it.
pub(super) fn remains(item: &Item) -> Result<bool> {
    match item {
        Item::Directory { path } => Ok(is_empty_directory(path)?),
        Item::Log { .. } => stands(item),
        Item::File { path, text } => {
            let found = read_plain(path, text.len())?;
            Ok(found.is_some_and(|found| text.as_bytes().starts_with(&found)))
        }
    }
}

/// Whether a removal has nothing more to do: a directory with something in it, and a file with another text, stay.
pub(super) fn is_gone(item: &Item) -> Result<bool> {
    match item {
        Item::Directory { path } => Ok(!is_empty_directory(path)?),
        Item::File { .. } | Item::Log { .. } => Ok(!stands(item)?),
    }
}

fn is_empty_directory(path: &str) -> Result<bool> {
    Ok(matches!(Folder::read(path)?, Folder::Sound(names) if names.is_empty()))
}

/// What stands at the path itself, be it a link; `None`: nothing.
fn kind(path: &str) -> Result<Option<FileType>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// The bytes of a plain file, and one more than `max` of one that is longer. `None`: there is no plain file.
fn read_plain(path: &str, max: usize) -> Result<Option<Vec<u8>>> {
    if !kind(path)?.is_some_and(|kind| kind.is_file()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(max)? + 1;
    // It may have been replaced since: a link is not followed then, and nobody is waited for.
    let file = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path);
    file.and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    Ok(Some(bytes))
}

fn unreadable(path: &str, error: &std::io::Error) -> anyhow::Error {
    failed(format!("cannot look at {path}: {}", in_words(error))).into()
}
