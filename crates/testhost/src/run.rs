//! Running the tool once under observation.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{programs, read};

/// No command takes so long, even if one of its children takes all of its time.
const LIMIT: Duration = Duration::from_secs(120);
/// Orphans of a killed tool finish what they do within this, also on a machine that is busy with others.
const ORPHANS: Duration = Duration::from_secs(20);
const OUTPUT: &str = "/run/tmp/sweep";

/// What a run of the tool left to see.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stderr: String,
    /// Processes that are still there, but for the programs of labs: `PID COMMAND`.
    pub left: Vec<String>,
    pub hung: bool,
}

/// Runs the tool to its end. Its output goes to files, because a process that it leaves behind would
/// keep a pipe open and us waiting.
pub(crate) fn run(tool: &Path, args: &[&[String]]) -> Run {
    let before = processes();
    let [out, err] = ["out", "err"].map(|name| format!("{OUTPUT}.{name}"));
    let mut child = Command::new(tool)
        .args(args.concat())
        .stdin(Stdio::null())
        .stdout(File::create(&out).expect("make a file for the output"))
        .stderr(File::create(&err).expect("make a file for the output"))
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {tool:?}: {error}"));
    let start = Instant::now();
    let mut hung = false;
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait for the tool") {
            break status;
        }
        if start.elapsed() > LIMIT && !hung {
            hung = true;
            child.kill().expect("kill a tool that hangs");
        }
        // Looking out for it should cost a few per cent of what it takes.
        thread::sleep(
            (start.elapsed() / 32).clamp(Duration::from_millis(1), Duration::from_millis(20)),
        );
    };
    let left = leftover(&before);
    let stderr = String::from_utf8_lossy(&fs::read(&err).unwrap_or_default()).into_owned();
    Run { code: status.code(), stderr, left, hung }
}

fn leftover(before: &BTreeMap<i32, String>) -> Vec<String> {
    let limit = Instant::now() + ORPHANS;
    loop {
        let now = processes();
        // Programs of labs are to stay: whether they are those that should be there, the snapshots tell.
        let programs = programs::programs(&read::namespace_names());
        let is_program = |pid: i32| programs.iter().any(|program| program.pid == pid);
        let new: Vec<String> = now
            .iter()
            .filter(|(pid, _)| !before.contains_key(pid) && !is_program(**pid))
            .map(|(pid, command)| format!("{pid} {command}"))
            .collect();
        if new.is_empty() || Instant::now() > limit {
            return new;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The processes of this private host (it has a pid namespace of its own), without dead ones.
fn processes() -> BTreeMap<i32, String> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
            (!rest.starts_with(['Z', 'X'])).then(|| (pid, name.to_owned()))
        })
        .collect()
}
