//! The programs of labs: processes inside named namespaces that bear a mark in their environment.
//!
//! They are meant to outlive the command that started them, so they are part of a [`Snapshot`](crate::Snapshot), and no
//! leftover of a run.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The variable that bears the mark.
const MARK: &[u8] = b"NETNS_TOOL_PROCESS=";

#[derive(Debug)]
pub(crate) struct Program {
    pub pid: i32,
    namespace: String,
    mark: String,
    command: String,
}

impl Program {
    /// Without its number, which is another each time it is started.
    pub fn line(&self) -> String {
        format!("{} {}: {}", self.namespace, self.mark, self.command)
    }
}

/// Those inside the namespaces of these names. One that bears a mark elsewhere is none: it is on its way into one, or
/// its namespace has gone without it.
pub(crate) fn programs(namespaces: &[String]) -> Vec<Program> {
    let mut names = HashMap::new();
    for name in namespaces {
        if let Some(identity) = identity(&Path::new("/run/netns").join(name)) {
            names.entry(identity).or_insert(name);
        }
    }
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let program = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let process = entry.path();
        let namespace = names.get(&identity(&process.join("ns/net"))?)?;
        let environ = fs::read(process.join("environ")).ok()?;
        let mark = environ.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(MARK))?;
        let command = fs::read(process.join("cmdline")).ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned();
        Some(Program {
            pid,
            namespace: (*namespace).clone(),
            mark: text(mark),
            command: text(&command).replace('\0', " ").escape_debug().to_string(),
        })
    };
    processes.filter_map(program).collect()
}

/// As lines, sorted: of two with the same mark there are two.
pub(crate) fn lines(namespaces: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = programs(namespaces).iter().map(Program::line).collect();
    lines.sort_unstable();
    lines
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
