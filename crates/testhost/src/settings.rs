//! The settings of the kernel: every file of /proc/sys/net in the namespace of the thread that reads.
//!
//! There are some 500, and 130 more for each interface. Those of an interface are read again only where the
//! [state](crate::state) of its folder is none that was read before. That this shows every change of every one of them is
//! tested with all that the running kernel has (`settings_test`), and each sweep ends with a reading of the files alone.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, LazyLock, Mutex};

use nix::NixPath;
use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;

use crate::state::settings::of_settings;

const ROOT: &str = "/proc/sys/net";
const FLAGS: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC);
const FOLDERS: [&str; 5] = ["ipv4", "ipv6", "bridge", "netfilter", "core"];
/// Write-only, random, or moving by themselves.
const MOVING: [&[u8]; 6] = [
    b"flush",
    b"stable_secret",
    b"tcp_fastopen_key",
    b"nf_conntrack_count",
    b"netdev_rss_key",
    b"flow_limit_cpu_bitmap",
];

/// What the kernel has for each interface but does not tell: always read. (6.18 has these.)
const UNTOLD: [&str; 3] = ["ra_honor_pio_life", "ra_honor_pio_pflag", "regen_min_advance"];

/// The kind of a folder (`ipv4/conf`) and its state.
type Key = (String, Vec<u8>);
/// `NAME = VALUE`, of each file of a folder.
type Values = Arc<Vec<String>>;

static KNOWN: LazyLock<Mutex<HashMap<Key, Values>>> = LazyLock::new(Mutex::default);

/// Forgets all that was read.
pub(crate) fn forget() {
    KNOWN.lock().expect("the settings").clear();
}

/// A line for each.
pub(crate) fn settings() -> Vec<String> {
    let states = of_settings().unwrap_or_default();
    let mut reader = Reader { states, lines: Vec::with_capacity(2048), new: Vec::new() };
    for folder in FOLDERS {
        if let Ok(opened) = Dir::open(format!("{ROOT}/{folder}").as_str(), FLAGS, Mode::empty()) {
            reader.below(folder, opened);
        }
    }
    reader.keep_new();
    reader.lines.sort_unstable();
    reader.lines
}

struct Reader {
    states: HashMap<String, Vec<u8>>,
    lines: Vec<String>,
    /// Folders with a state that were read from their files.
    new: Vec<(String, Values)>,
}

impl Reader {
    /// Each file is opened from its folder: the way from the root is most of the time.
    fn below(&mut self, path: &str, mut folder: Dir) {
        let entries: Vec<_> = folder.iter().flatten().collect();
        for entry in entries {
            let file = entry.file_name();
            if file == c"." || file == c".." || MOVING.contains(&file.to_bytes()) {
                continue;
            }
            let path = format!("{path}/{}", file.to_string_lossy());
            if entry.file_type() != Some(Type::Directory) {
                self.one(&folder, file, &path);
            } else if let Some(known) = self.known(&path) {
                self.put(&folder, file, &path, &known);
            } else if let Ok(below) = Dir::openat(&folder, file, FLAGS, Mode::empty()) {
                let before = self.lines.len();
                self.below(&path, below);
                self.note(path, before);
            }
        }
    }

    /// Reads the file at the path, whose name below the folder this is.
    fn one<P: ?Sized + NixPath>(&mut self, folder: &Dir, name: &P, path: &str) {
        // One read gives all of a setting.
        let mut buffer = [0; 8192];
        let opened = openat(folder, name, FLAGS, Mode::empty());
        let value = match opened.and_then(|file| read(file, &mut buffer)) {
            Ok(n) => setting(&buffer[..n]),
            // An interface that goes away while we read is no difference of its own.
            Err(Errno::ENOENT) => return,
            Err(error) => format!("({})", std::io::Error::from(error).kind()),
        };
        self.lines.push(format!("net/{path} = {value}"));
    }

    fn known(&self, path: &str) -> Option<Values> {
        let key = key(path, self.states.get(path)?);
        KNOWN.lock().expect("the settings").get(&key).cloned()
    }

    /// The values of a folder that is known, and that has this name below the parent; it need not be text.
    fn put(&mut self, parent: &Dir, name: &CStr, path: &str, values: &[String]) {
        self.lines.extend(values.iter().map(|value| format!("net/{path}/{value}")));
        for untold in UNTOLD.iter().filter(|_| path.starts_with("ipv6/conf/")) {
            let file = [name.to_bytes(), b"/", untold.as_bytes()].concat();
            self.one(parent, OsStr::from_bytes(&file), &format!("{path}/{untold}"));
        }
    }

    /// The folder at the path has just been read, and its lines are the last ones.
    fn note(&mut self, path: String, before: usize) {
        if self.states.contains_key(&path) {
            let start = format!("net/{path}/");
            let values = self.lines[before..].iter().filter_map(|line| line.strip_prefix(&start));
            let is_told = |value: &&str| !UNTOLD.iter().any(|untold| value.starts_with(untold));
            let told = values.filter(is_told).map(str::to_owned).collect();
            self.new.push((path, Arc::new(told)));
        }
    }

    /// What was read is kept if the state is still the one from before.
    fn keep_new(&mut self) {
        if self.new.is_empty() {
            return;
        }
        let now = of_settings().unwrap_or_default();
        let mut all = KNOWN.lock().expect("the settings");
        for (path, values) in self.new.drain(..) {
            if let Some(state) =
                self.states.get(&path).filter(|state| now.get(&path) == Some(*state))
            {
                all.insert(key(&path, state), values);
            }
        }
    }
}

fn key(path: &str, state: &[u8]) -> Key {
    let kind = path.rsplit_once('/').map_or(path, |(kind, _)| kind);
    (kind.to_owned(), state.to_vec())
}

fn setting(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" .-".contains(&byte);
    if text.bytes().all(is_plain) { text.to_owned() } else { text.escape_debug().to_string() }
}
