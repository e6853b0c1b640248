//! Faults: a script mounted over the system's tools that misbehaves at call k.
//!
//! The production binary is tested, with its absolute paths and without any test hook in it: what it
//! believes to be `/usr/sbin/ip` is `shim.sh`. The real tools stay reachable in `/run/shim/real` under
//! all their names (`xtables-nft-multi` looks at the name it is called by). `/run/shim` is no part of
//! a [`Snapshot`](crate::Snapshot), and snapshots read with the real tools, uncounted.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use crate::host::is_private;

/// In a tool's environment: act as the real one and do not count. (netns-tool clears the environment
/// of its children, so that this cannot leak into what is tested.)
pub(crate) const PASS: &str = "TESTHOST_REAL";
pub(crate) const DIR: &str = "/run/shim";
const REAL: &str = "/run/shim/real";
const SHIM: &str = include_str!("shim.sh");
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
/// What netns-tool may call. Names of one file (iptables and iptables-restore) are covered at once.
const TOOLS: [&str; 9] = [
    "ip",
    "iptables",
    "ip6tables",
    "iptables-nft",
    "iptables-legacy",
    "nft",
    "ping",
    "umount",
    "tc",
];

/// A signal that ends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sig {
    Int,
    Term,
    Hup,
}

impl Sig {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "INT",
            Self::Term => "TERM",
            Self::Hup => "HUP",
        }
    }

    /// The exit code of a program that ended because of this signal: 128 + n.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Int => 130,
            Self::Term => 143,
            Self::Hup => 129,
        }
    }
}

/// How a call misbehaves. "Before" is without its effect, "after" with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    FailBefore,
    FailAfter,
    KilledBefore,
    KilledAfter,
    /// Never ends; does nothing.
    Hang,
    /// Takes effect, but never ends.
    HangAfter,
    /// Prints rubbish and reports success; does nothing.
    Garbage,
    GarbageAfter,
    /// Prints nothing and reports success; does nothing.
    Empty,
    /// The tool gets a signal, then the call does its work.
    SignalBefore(Sig),
    SignalAfter(Sig),
    /// SIGKILL to the tool.
    KillToolBefore,
    /// SIGKILL to the tool, and the orphaned call does its work so many milliseconds later. In no sweep: these look at the
    /// host when all orphans have ended.
    KillToolEarly(u16),
    /// SIGKILL to the tool, and the orphaned call still does its work.
    KillToolDuring,
    KillToolAfter,
}

impl Mode {
    /// Faults of a step: whatever happens, the tool lives and restores the host itself.
    pub const STEP: [Self; 13] = [
        Self::FailBefore,
        Self::FailAfter,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Hang,
        Self::HangAfter,
        Self::Garbage,
        Self::GarbageAfter,
        Self::Empty,
        Self::SignalBefore(Sig::Int),
        Self::SignalAfter(Sig::Int),
        Self::SignalBefore(Sig::Term),
        Self::SignalAfter(Sig::Hup),
    ];
    /// SIGKILL of the tool: the next command restores the host.
    pub const KILL: [Self; 3] = [Self::KillToolBefore, Self::KillToolDuring, Self::KillToolAfter];
    /// All of them.
    pub const ALL: [Self; 16] = {
        let mut all = [Self::FailBefore; 16];
        let mut i = 0;
        while i < all.len() {
            all[i] = if i < 13 { Self::STEP[i] } else { Self::KILL[i - 13] };
            i += 1;
        }
        all
    };

    /// Whether the tool itself is killed, and cannot restore anything.
    pub fn kills_tool(self) -> bool {
        Self::KILL.contains(&self) || matches!(self, Self::KillToolEarly(_))
    }

    /// Whether only the tool's time limit ends the call.
    pub fn hangs(self) -> bool {
        matches!(self, Self::Hang | Self::HangAfter)
    }

    /// The words that `shim.sh` understands.
    fn words(self) -> String {
        let word = match self {
            Self::FailBefore => "fail-before",
            Self::FailAfter => "fail-after",
            Self::KilledBefore => "killed-before",
            Self::KilledAfter => "killed-after",
            Self::Hang => "hang",
            Self::HangAfter => "hang-after",
            Self::Garbage => "garbage",
            Self::GarbageAfter => "garbage-after",
            Self::Empty => "empty",
            Self::SignalBefore(signal) => return format!("signal-before {}", signal.name()),
            Self::SignalAfter(signal) => return format!("signal-after {}", signal.name()),
            Self::KillToolBefore => "kill-tool-before",
            Self::KillToolEarly(after) => {
                return format!("kill-tool-early {}", f32::from(after) / 1000.0);
            }
            Self::KillToolDuring => "kill-tool-during",
            Self::KillToolAfter => "kill-tool-after",
        };
        word.to_owned()
    }
}

/// The shim, mounted over the system's tools of a private host until that host ends.
#[derive(Debug)]
pub struct Faults(());

impl Faults {
    /// Mounts the shim over every tool that is installed. Calls pass through until armed. Installing
    /// again only resets.
    ///
    /// # Panics
    ///
    /// Outside of a private host, or if a mount fails.
    pub fn install() -> Self {
        assert!(is_private(), "the shim covers system tools: only in a private host");
        let faults = Self(());
        if Path::new(REAL).exists() {
            faults.reset();
            return faults;
        }
        let script = Path::new(DIR).join("shim.sh");
        for folder in ["real", "calls", "arm"] {
            fs::create_dir_all(Path::new(DIR).join(folder)).expect("make the shim's folders");
        }
        fs::write(&script, SHIM).expect("write the shim");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("chmod the shim");
        for file in TOOLS.iter().filter_map(|tool| file_of(tool)).collect::<BTreeSet<_>>() {
            keep_reachable(&file);
            bind(&script, &file);
        }
        faults
    }

    /// Makes call `k` (from 1) misbehave, besides what is armed already.
    ///
    /// # Panics
    ///
    /// If the file that says so cannot be written.
    pub fn arm(&self, k: usize, mode: Mode) -> &Self {
        self.write(&k.to_string(), &mode.words())
    }

    /// Makes call `k` and all later ones misbehave, except those armed one by one.
    ///
    /// # Panics
    ///
    /// If the file that says so cannot be written.
    pub fn arm_from(&self, k: usize, mode: Mode) -> &Self {
        self.write("from", &format!("{k} {}", mode.words()))
    }

    /// All calls pass through again; the count goes on.
    pub fn disarm(&self) {
        empty(&Path::new(DIR).join("arm"));
    }

    /// Disarms and counts from 1 again.
    pub fn reset(&self) {
        self.disarm();
        empty(&Path::new(DIR).join("calls"));
        let _none = fs::remove_file(Path::new(DIR).join("fired"));
    }

    /// The calls since the last reset: the tool's name and its arguments, a line for each.
    pub fn calls(&self) -> Vec<String> {
        (1..)
            .map_while(|k| fs::read_to_string(format!("{DIR}/calls/{k}")).ok())
            .map(|call| call.trim_end().to_owned())
            .collect()
    }

    /// How many calls misbehaved since the last reset.
    pub fn fired(&self) -> usize {
        fs::read_to_string(Path::new(DIR).join("fired")).map_or(0, |text| text.lines().count())
    }

    fn write(&self, name: &str, words: &str) -> &Self {
        fs::write(Path::new(DIR).join("arm").join(name), format!("{words}\n"))
            .expect("arm the shim");
        self
    }
}

/// The path of a tool's real program for the harness's own use; `None` where it is not installed.
pub(crate) fn real_tool(name: &str) -> Option<PathBuf> {
    std::iter::once(REAL)
        .chain(FOLDERS)
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
}

/// A PATH by which a shell finds the real tools.
pub(crate) fn real_path() -> OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let mut path = OsString::from(format!("{REAL}:{}:", FOLDERS.join(":")));
    path.push(own);
    path
}

/// The file behind a tool's name, through all symlinks.
fn file_of(tool: &str) -> Option<PathBuf> {
    FOLDERS.iter().find_map(|folder| fs::canonicalize(Path::new(folder).join(tool)).ok())
}

/// Binds a tool's file into `/run/shim/real`, with all names that lead to it.
fn keep_reachable(file: &Path) {
    let own_name = file.file_name().expect("a file has a name");
    let kept = Path::new(REAL).join(own_name);
    fs::write(&kept, "").expect("make the place for a real tool");
    bind(file, &kept);
    let folders: BTreeSet<PathBuf> =
        FOLDERS.iter().filter_map(|folder| fs::canonicalize(folder).ok()).collect();
    for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
        let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let place = Path::new(REAL).join(entry.file_name());
        if link && !place.exists() && fs::canonicalize(entry.path()).is_ok_and(|to| to == file) {
            symlink(own_name, place).expect("link a real tool");
        }
    }
}

fn bind(from: &Path, to: &Path) {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .unwrap_or_else(|error| panic!("cannot mount {from:?} over {to:?}: {error}"));
}

fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let _gone = fs::remove_file(entry.path());
    }
}
