//! Starting programs: where they are looked for, and errors that name the command.

use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// Where the tool itself looks for `ip` and its kind. An ordinary user's PATH often lacks the sbin folders.
pub const SYSTEM_PATH: &str = "/usr/sbin:/sbin:/usr/bin:/bin";

/// The real program of that name in the system's folders. What BusyBox offers under the same names
/// (no `ip netns`, no `ping -n`) does not count, unless it is BusyBox itself that is wanted.
pub fn find(name: &str) -> Option<PathBuf> {
    SYSTEM_PATH.split(':').map(|dir| Path::new(dir).join(name)).find(|path| {
        path.canonicalize().is_ok_and(|real| {
            real.is_file() && (name == "busybox" || real.file_name() != Some(OsStr::new("busybox")))
        })
    })
}

/// A program of the system by its full path; the bare name, and so a clear error later, where it is missing.
pub fn system(name: &str) -> Command {
    Command::new(find(name).unwrap_or_else(|| PathBuf::from(name)))
}

pub fn is_root() -> Result<bool> {
    // The effective uid from /proc: there is no safe call for it in std, and no reason for a crate more.
    let status =
        std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    Ok(uids.split_whitespace().nth(1).context("no effective uid in /proc/self/status")? == "0")
}

/// Runs to the end, with the output going where ours goes, and without stdin.
pub fn check(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({})", ended(status));
    }
    Ok(())
}

/// How a process ended, in words.
pub fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// A command as one would type it: program and arguments, quoted only where a shell needs it.
pub fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program).chain(command.get_args()).map(quote).collect::<Vec<_>>().join(" ")
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("/usr/sbin/ip");
        command.args(["route", "a b", "", "it's", "10.0.0.1/24"]);
        assert_eq!(show(&command), r"ip route 'a b' '' 'it'\''s' 10.0.0.1/24");
    }

    #[test]
    fn a_failure_names_the_command_and_the_code() {
        let error = check(Command::new("sh").args(["-c", "exit 7"])).unwrap_err().to_string();
        assert_eq!(error, "`sh -c 'exit 7'` failed (exit code 7)");
        let error = check(Command::new("sh").args(["-c", "kill -9 $$"])).unwrap_err().to_string();
        assert!(error.ends_with("(signal 9)"), "{error}");
    }

    #[test]
    fn sh_is_found_and_nonsense_is_not() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
    }
}
