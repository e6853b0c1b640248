//! The files with what the programs of labs have printed.

use crate::lab;
use crate::mark::LabName;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The paths that are there, folders and files.
#[derive(Clone, Debug, Default)]
pub struct Logs(BTreeSet<String>);

impl Logs {
    pub fn read() -> Self {
        let mut logs = Self::default();
        if is_directory(lab::FOLDER) {
            logs.0.insert(lab::FOLDER.to_owned());
            for folder in inside(lab::FOLDER) {
                if is_directory(&folder) {
                    logs.0.extend(inside(&folder));
                }
                logs.0.insert(folder);
            }
        }
        logs
    }

    pub fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    /// The files of a lab.
    pub fn of(&self, lab: &LabName) -> impl Iterator<Item = &str> {
        let folder = lab::folder(lab) + "/";
        self.0.iter().filter(move |path| path.starts_with(&folder)).map(String::as_str)
    }

    /// How many labs have a folder.
    pub fn labs(&self) -> usize {
        self.folders().count()
    }

    /// The folders of labs.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let is_folder = |path: &&String| Path::new(path).parent() == Some(Path::new(lab::FOLDER));
        self.0.iter().filter(is_folder).map(String::as_str)
    }

    /// A path is there, or no more.
    pub(super) fn note(&mut self, path: &str, is_there: bool) {
        if !path.starts_with(lab::FOLDER) {
            return;
        }
        if is_there {
            self.0.insert(path.to_owned());
        } else {
            self.0.remove(path);
        }
    }
}

fn is_directory(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn inside(path: &str) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.path().to_str().map(str::to_owned)).collect()
}
