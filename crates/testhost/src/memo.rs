//! The answers of the tools, each kept with the [state](crate::state) of which it tells.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use crate::fault;

/// Which program, how it was asked, and the state it was asked of.
type Key = (PathBuf, String, Vec<u8>);

static ANSWERS: LazyLock<Mutex<Answers>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Answers {
    all: HashMap<Key, String>,
    bytes: usize,
}

/// Past this size all is forgotten; a host is rarely found in so many states.
const MOST_BYTES: usize = 64 << 20;

/// What packets, timers or the end of an interface may change without a new state of the rules.
const MOVING_RULES: [&str; 3] = ["\"netdev\"", "flowtable", "\"elem\""];

/// A question to a tool, answered already or being answered.
pub(crate) enum Asked {
    Known(String),
    Running { tool: &'static str, child: Child, key: Option<Key> },
}

/// Asks a tool about the state; `None` where the tool is not installed. Without a state it is always run.
pub(crate) fn ask(
    tool: &'static str,
    args: &[&str],
    input: &str,
    state: Option<&Vec<u8>>,
) -> Option<Asked> {
    let path = fault::real_tool(tool)?;
    let key = state.and_then(|state| {
        let program = fs::canonicalize(&path).ok()?;
        Some((program, format!("{tool} {} {input}", args.join(" ")), state.clone()))
    });
    if let Some(known) = key.as_ref().and_then(known) {
        return Some(Asked::Known(known));
    }
    Some(Asked::Running { tool, child: start(tool, &path, args, input), key })
}

/// The answer. It is kept if the state is still the one that was asked about.
pub(crate) fn answer(asked: Option<Asked>, now: impl Fn() -> Option<Vec<u8>>) -> Option<String> {
    let (tool, child, key) = match asked? {
        Asked::Known(text) => return Some(text),
        Asked::Running { tool, child, key } => (tool, child, key),
    };
    let output = child.wait_with_output().expect("wait for a reader");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        text.push_str(&format!("\n{tool} failed ({}): {said}", output.status));
        return Some(text);
    }
    let is_still = key.filter(|(_, _, state)| now().as_ref() == Some(state));
    if let Some(key) = is_still.filter(|_| !MOVING_RULES.iter().any(|word| text.contains(word))) {
        keep(key, &text);
    }
    Some(text)
}

/// Forgets all answers, so that the tools are run again.
pub(crate) fn forget() {
    *ANSWERS.lock().expect("the answers") = Answers::default();
}

fn known(key: &Key) -> Option<String> {
    ANSWERS.lock().expect("the answers").all.get(key).cloned()
}

fn keep(key: Key, text: &str) {
    let mut answers = ANSWERS.lock().expect("the answers");
    if answers.bytes > MOST_BYTES {
        *answers = Answers::default();
    }
    answers.bytes += key.2.len() + text.len();
    answers.all.insert(key, text.to_owned());
}

fn start(tool: &str, path: &Path, args: &[&str], input: &str) -> Child {
    let mut child = Command::new(path)
        .args(args)
        .env("LC_ALL", "C")
        .env(fault::PASS, "1")
        .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start `{tool}`: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        let _read_less = stdin.write_all(input.as_bytes());
    }
    child
}
