//! Reading one network namespace, and the files of the host, as raw text.
//!
//! Deliberately not with the tool's netlink code: what the tool cannot see, the snapshot must. So it is
//! `ip -json`, two processes for each namespace (its `-batch` asks six questions at once; IPv6 rules
//! need a call of their own), and /proc/sys ([`settings`]), which shows the namespace of the thread that opens it.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use crate::memo::{Asked, answer, ask};
use crate::settings::settings;
use crate::state::rules::of_rules;
use crate::{fault, state};

/// The answers of `ip`, in the order of the questions.
const QUESTIONS: &str = "addr show\nroute show table all\nrule show\nneigh show nud permanent\n\
                         neigh show proxy\nnetns list-id\n";
/// What the harness itself keeps below /run, and what every `mount` and `umount` of util-linux makes.
const OWN_FOLDERS: [&str; 3] = [fault::DIR, "/run/tmp", "/run/mount"];
const SMALL_FILE: u64 = 16 * 1024;

/// One network namespace, raw.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub ip: String,
    pub ip6_rules: String,
    pub nft: Option<String>,
    /// The name of the section and what `iptables-save` or one of its kin printed.
    pub saves: Vec<(&'static str, String)>,
    pub sysctls: Vec<String>,
    /// Why nothing could be read (a file without its mount, for instance).
    pub broken: Option<String>,
}

/// Reads the namespace this thread is in. The firewall's `iptables-save` forms only on the host.
pub(crate) fn namespace(is_host: bool, names: &[String], with_settings: bool) -> Raw {
    let mut raw = Raw::default();
    let (links, rules) = (state::of_links(names), of_rules(is_host));
    // All processes first, then /proc while they run.
    let args = ["-force", "-json", "-details", "-batch", "-"];
    let ip = ask("ip", &args, QUESTIONS, links.as_ref());
    let ip6_rules = state::of_ip6_rules();
    let ip6 = ask("ip", &["-6", "-json", "rule", "show"], "", ip6_rules.as_ref());
    let nft = ask("nft", &["--json", "list", "ruleset"], "", rules.as_ref());
    let running = if is_host { ask_saves(rules.as_ref()) } else { Vec::new() };
    if with_settings {
        raw.sysctls = settings();
    }
    let links = || state::of_links(names);
    raw.ip = answer(ip, links).unwrap_or_else(|| "ip is not installed".to_owned());
    raw.ip6_rules = answer(ip6, state::of_ip6_rules).unwrap_or_default();
    let rules = || of_rules(is_host);
    raw.nft = answer(nft, rules);
    raw.saves = running
        .into_iter()
        .filter_map(|(name, asked)| answer(asked, rules).map(|text| (name, text)))
        .collect();
    raw
}

/// Asks for the rules of iptables in each of its forms.
fn ask_saves(rules: Option<&Vec<u8>>) -> Vec<(&'static str, Option<Asked>)> {
    let mut running = Vec::new();
    for name in SAVES {
        let path = fault::real_tool(name);
        let is_asked = name.ends_with("-nft-save")
            && path.as_ref().is_some_and(|path| same_as_default(name, path));
        // Those of old have tables that nftables knows nothing of.
        let is_nft = path.is_some_and(|path| is_nft(&path));
        if !is_asked {
            running.push((name, ask(name, &[], "", rules.filter(|_| is_nft))));
        }
    }
    for (name, names_file, tables) in LEGACY_SAVES {
        match fs::read_to_string(format!("/proc/thread-self/net/{names_file}")) {
            Ok(names) if names.is_empty() => {}
            Ok(_) => running.push((name, ask(name, &[], "", None))),
            // Nobody may read that file in a user namespace. Asking for a table makes it, so it is
            // asked for only where a legacy command has been run, which always makes the lock.
            Err(_) if Path::new(LEGACY_LOCK).exists() => running
                .extend(tables.map(|(title, table)| (title, ask(name, &["-t", table], "", None)))),
            Err(_) => {}
        }
    }
    running
}

/// Reads the namespace at `path`, on a thread of its own that enters it.
pub(crate) fn namespace_at(path: &Path, names: &[String], with_settings: bool) -> Raw {
    let entered = File::open(path)
        .map_err(|error| error.to_string())
        .and_then(|file| setns(file, CloneFlags::CLONE_NEWNET).map_err(|e| e.to_string()));
    match entered {
        Ok(()) => namespace(false, names, with_settings),
        Err(error) => Raw { broken: Some(error), ..Raw::default() },
    }
}

const SAVES: [&str; 4] =
    ["iptables-save", "ip6tables-save", "iptables-nft-save", "ip6tables-nft-save"];
/// A legacy save, the file that lists the tables there are, and a section for each table.
type LegacySave = (&'static str, &'static str, [(&'static str, &'static str); 2]);
const LEGACY_SAVES: [LegacySave; 2] = [
    (
        "iptables-legacy-save",
        "ip_tables_names",
        [("iptables-legacy-save filter", "filter"), ("iptables-legacy-save nat", "nat")],
    ),
    (
        "ip6tables-legacy-save",
        "ip6_tables_names",
        [("ip6tables-legacy-save filter", "filter"), ("ip6tables-legacy-save nat", "nat")],
    ),
];
const LEGACY_LOCK: &str = "/run/xtables.lock";

/// Whether `iptables-save` is this very tool, by the system's choice between nft and legacy.
fn same_as_default(tool: &str, path: &Path) -> bool {
    let default = tool.replace("-nft-save", "-save");
    let file = |path: &Path| fs::canonicalize(path).ok();
    fault::real_tool(&default).is_some_and(|other| file(&other) == file(path))
}

fn is_nft(path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|file| file.ends_with("xtables-nft-multi"))
}

/// The names in /run/netns, sorted.
pub(crate) fn namespace_names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir("/run/netns")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

/// Every file below /run: path, type, mode, owner; size and content of small files; what is mounted
/// in /run/netns.
pub(crate) fn run_tree() -> Vec<String> {
    let mut lines = Vec::new();
    tree_below(Path::new("/run"), &mut lines);
    lines.sort_unstable();
    lines
}

/// The same of /etc/netns, the folder itself among them.
pub(crate) fn etc_netns_tree() -> Vec<String> {
    let mut lines = Vec::new();
    tree_at(Path::new("/etc/netns"), &mut lines);
    lines.sort_unstable();
    lines
}

fn tree_below(folder: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        tree_at(&entry.path(), lines);
    }
}

fn tree_at(path: &Path, lines: &mut Vec<String>) {
    if OWN_FOLDERS.iter().any(|own| path == Path::new(own)) {
        return;
    }
    let Ok(meta) = path.symlink_metadata() else { return };
    let kind = meta.file_type();
    let more = if kind.is_dir() {
        tree_below(path, lines);
        "folder".to_owned()
    } else if kind.is_symlink() {
        let to = fs::read_link(path).unwrap_or_default();
        format!("link to {}", to.display())
    } else if kind.is_file() {
        file_line(path, meta.size())
    } else if kind.is_fifo() {
        "fifo".to_owned()
    } else if kind.is_socket() {
        "socket".to_owned()
    } else {
        "device".to_owned()
    };
    let (mode, uid, gid) = (meta.mode() & 0o7777, meta.uid(), meta.gid());
    lines.push(format!("{} {mode:04o} {uid}:{gid} {more}", path.display()));
}

fn file_line(path: &Path, size: u64) -> String {
    let kind = nix::sys::statfs::statfs(path).map(|fs| fs.filesystem_type());
    if kind == Ok(nix::sys::statfs::NSFS_MAGIC) {
        return "namespace".to_owned();
    }
    match fs::read(path) {
        Ok(bytes) if size <= SMALL_FILE => {
            format!("file {size} \"{}\"", String::from_utf8_lossy(&bytes).escape_debug())
        }
        Ok(_) => format!("file {size}"),
        Err(error) => format!("file {size} ({})", error.kind()),
    }
}

/// Every mount: mount point, type, propagation, options; equal ones counted.
pub(crate) fn mounts() -> Vec<String> {
    let text = fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
    let mut all: Vec<String> = text.lines().filter_map(mount_line).collect();
    all.sort_unstable();
    all.chunk_by(|a, b| a == b).map(|same| format!("{} x{}", same[0], same.len())).collect()
}

/// `36 35 98:0 / /mnt rw,noatime shared:1 - ext3 /dev/root rw`, see proc_pid_mountinfo(5).
fn mount_line(line: &str) -> Option<String> {
    let (left, right) = line.split_once(" - ")?;
    let fields: Vec<&str> = left.split(' ').collect();
    let (point, options) = (fields.get(4)?, fields.get(5)?);
    if Path::new(point).starts_with(fault::DIR) {
        return None;
    }
    let propagation: Vec<&str> =
        fields[6..].iter().filter_map(|field| field.split(':').next()).collect();
    let kind = right.split(' ').next()?;
    Some(format!("{point} {kind} {options} {}", propagation.join(",")))
}
