//! Programs of the system that take care of interfaces, and their settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: PathBuf,
    pub text: String,
}

/// Which of them run, and the files that they read, in the order in which they count.
#[derive(Clone, Debug, Default)]
pub struct Managers {
    /// As the kernel names their processes, which cuts names to 15 bytes.
    pub running: BTreeSet<String>,
    pub network_manager: Vec<File>,
    /// `.network` of systemd-networkd.
    pub networks: Vec<File>,
    /// `.link` of systemd-udevd.
    pub links: Vec<File>,
    /// `.rules` of systemd-udevd.
    pub rules: Vec<File>,
}

pub const NETWORK_MANAGER: &str = "NetworkManager";
pub const NETWORKD: &str = "systemd-network";
pub const UDEVD: &str = "systemd-udevd";

impl Managers {
    pub fn read() -> Self {
        let systemd = ["/usr/lib/systemd/network", "/run/systemd/network", "/etc/systemd/network"];
        let of_network_manager = ["/usr/lib", "/run", "/etc"];
        let conf = of_network_manager.map(|at| format!("{at}/NetworkManager/conf.d"));
        let mut network_manager = files(&conf.each_ref().map(String::as_str), "conf");
        network_manager.extend(file(Path::new("/etc/NetworkManager/NetworkManager.conf")));
        Self {
            running: running(),
            network_manager,
            networks: files(&systemd, "network"),
            links: files(&systemd, "link"),
            rules: files(
                &["/usr/lib/udev/rules.d", "/run/udev/rules.d", "/etc/udev/rules.d"],
                "rules",
            ),
        }
    }
}

/// The files of several folders, sorted by their names alone; of two with the same name, the one of the later folder.
fn files(folders: &[&str], extension: &str) -> Vec<File> {
    let mut found = BTreeMap::new();
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if let Some(name) = path.file_name().filter(|_| is_of(&path, extension)) {
                found.insert(name.to_owned(), path);
            }
        }
    }
    found.values().filter_map(|path| file(path)).collect()
}

fn is_of(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// A link to /dev/null, which turns a file off, is an empty one.
fn file(path: &Path) -> Option<File> {
    let is_plain = fs::metadata(path).is_ok_and(|found| found.is_file());
    let text = if is_plain { fs::read_to_string(path).ok()? } else { String::new() };
    path.exists().then(|| File { path: path.to_owned(), text })
}

fn running() -> BTreeSet<String> {
    let known = [NETWORK_MANAGER, NETWORKD, UDEVD];
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|process| {
        process.file_name().to_str()?.parse::<i32>().ok()?;
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        Some(name.trim_end().to_owned())
    });
    names.filter(|name| known.contains(&name.as_str())).collect()
}
