//! Making and removing files and directories.

use super::Refusal;
use crate::failure::in_words;
use crate::item::Item;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};

/// Makes what is not there. The umask is ours, and takes nothing of these modes away.
pub(super) fn make(item: &Item) -> Result<(), Refusal> {
    let made = match item {
        Item::Directory { path } => DirBuilder::new().mode(0o755).create(path),
        // O_CREAT with O_EXCL: nothing that has the name is opened, and no link is followed.
        Item::File { path, text } => OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes())),
        Item::Log { path } => {
            OpenOptions::new().write(true).create_new(true).mode(0o644).open(path).map(drop)
        }
    };
    refused(made, "make", item)
}

/// Removes it. Whether it is what was made is looked up before.
pub(super) fn remove(item: &Item) -> Result<(), Refusal> {
    let removed = match item {
        Item::Directory { path } => fs::remove_dir(path),
        Item::File { path, .. } | Item::Log { path } => fs::remove_file(path),
    };
    refused(removed, "remove", item)
}

fn refused(outcome: std::io::Result<()>, verb: &str, item: &Item) -> Result<(), Refusal> {
    outcome.map_err(|error| {
        Refusal::new(format!("cannot {verb} {}: {}", item.path(), in_words(&error)))
    })
}
