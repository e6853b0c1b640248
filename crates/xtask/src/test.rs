//! `cargo xtask test`: the whole suite as the one who calls; for root, once more as an ordinary user.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::private::{self, TEST_AS};
use crate::{cargo, install, process, say};

pub fn run(args: &[OsString]) -> Result<ExitCode> {
    if matches!(args, [only] if only == "--help" || only == "-h") {
        say::plain(
            "cargo xtask test [ARGS]: installs what is missing and runs `cargo test --workspace ARGS`;\n\
             as root, the tests of netns-tool run a second time as an ordinary user, in user namespaces.",
        );
        return Ok(ExitCode::SUCCESS);
    }
    install::run()?;
    suite(args).map(|()| ExitCode::SUCCESS)
}

/// Both passes, and a closing line that counts what was run.
pub fn suite(args: &[OsString]) -> Result<()> {
    let started = Instant::now();
    let root = process::is_root()?;
    // Asked before the build: a machine that cannot run the tests should say so at once. Never a silent skip.
    private::require(None)?;
    if root {
        private::require(Some("user"))?;
    }

    let mut done = Vec::new();
    if root {
        done.push(("as root", pass("as root", "--workspace", args, None)?));
        done.push((
            "as an ordinary user",
            pass("as an ordinary user", "--package=netns-tool", args, Some("user"))?,
        ));
    } else {
        done.push(("as an ordinary user", pass("as an ordinary user", "--workspace", args, None)?));
    }
    let parts: Vec<String> = done.iter().map(|(who, counts)| format!("{counts} {who}")).collect();
    say::success(&format!(
        "tests passed: {} in {:.0} s",
        parts.join(", "),
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Most tests wait for the kernel rather than compute: so many at once for each processor.
const THREADS_PER_CPU: usize = 3;
const THREADS: &str = "RUST_TEST_THREADS";

/// How many tests to run at once, unless the caller says so.
fn threads(args: &[OsString]) -> Option<usize> {
    let says = |arg: &OsString| arg.to_string_lossy().starts_with("--test-threads");
    if std::env::var_os(THREADS).is_some() || args.iter().any(says) {
        return None;
    }
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Some(cpus * THREADS_PER_CPU)
}

fn pass(who: &str, packages: &str, args: &[OsString], test_as: Option<&str>) -> Result<Counts> {
    let mut command = cargo::cargo();
    command.arg("test");
    // A caller who names packages wants those alone.
    if !selects_packages(args) {
        command.arg(packages);
    }
    command.args(args);
    // What passing tests have counted (the fault sweeps, above all) is a result too.
    if !args.iter().any(|arg| arg == "--") {
        command.args(["--", "--show-output"]);
    }
    let mut shown = process::show(&command);
    if let Some(threads) = threads(args) {
        command.env(THREADS, threads.to_string());
        shown = format!("{THREADS}={threads} {shown}");
    }
    match test_as {
        Some(user) => {
            command.env(TEST_AS, user);
            shown = format!("{TEST_AS}={user} {shown}");
        }
        None => {
            command.env_remove(TEST_AS);
        }
    }
    say::heading(&format!("The tests {who}"));
    say::command(&shown);

    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `cargo test`; is cargo installed?")?;
    let stdout = child.stdout.take().context("no output of `cargo test`")?;
    let counts = tee(BufReader::new(stdout), std::io::stdout())?;
    let status = child.wait()?;
    if !status.success() {
        bail!("the tests {who} failed: `{shown}` ({})", process::ended(status));
    }
    Ok(counts)
}

fn selects_packages(args: &[OsString]) -> bool {
    args.iter().map(|arg| arg.to_string_lossy()).take_while(|arg| arg != "--").any(|arg| {
        arg.starts_with("-p")
            || arg == "--package"
            || arg.starts_with("--package=")
            || arg == "--workspace"
    })
}

/// Hands the output on as it comes and counts the tests in it.
fn tee(mut from: impl BufRead, mut to: impl Write) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        // A reader that went away is no failure of the tests.
        let _ = to.write_all(&line);
        counts.add(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(counts)
}

#[derive(Default, Debug, PartialEq)]
struct Counts {
    passed: u64,
    ignored: u64,
    /// Faults injected by the sweeps, at so many points.
    faults: u64,
    points: u64,
}

impl Counts {
    /// Takes in a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; ...`, or such as
    /// `nat: 4 fault points, 64 runs, 8 survived, ...`.
    fn add(&mut self, line: &str) {
        if let Some((points, rest)) = line.split_once(" fault points, ") {
            let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
            self.points += number(points.rsplit(' ').next());
            self.faults += number(rest.split(' ').next());
        }
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let of = |word: &str| {
            let part = result.split([';', '.']).map(str::trim).find(|part| part.ends_with(word));
            part.and_then(|part| part.split(' ').next()).and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        self.passed += of(" passed");
        self.ignored += of(" ignored");
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.passed)?;
        if self.ignored > 0 {
            write!(f, " ({} ignored)", self.ignored)?;
        }
        if self.faults > 0 {
            write!(f, " ({} faults injected at {} points)", self.faults, self.points)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_add_up() {
        let output = "running 2 tests\n\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
            nat, twice: 4 fault points, 64 runs, 8 survived, 0 broke a promise\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.1s";
        let mut seen = Vec::new();
        let counts = tee(output.as_bytes(), &mut seen).unwrap();
        assert_eq!(seen, output.as_bytes());
        assert_eq!(counts, Counts { passed: 15, ignored: 1, faults: 64, points: 4 });
        assert_eq!(counts.to_string(), "15 (1 ignored) (64 faults injected at 4 points)");
    }

    #[test]
    fn a_caller_s_own_number_of_threads_stays() {
        let threads =
            |args: &[&str]| super::threads(&args.iter().map(Into::into).collect::<Vec<_>>());
        assert_eq!(threads(&["--", "--test-threads", "1"]), None);
        assert_eq!(threads(&["--", "--test-threads=1"]), None);
        if std::env::var_os(THREADS).is_none() {
            assert!(threads(&[]) >= Some(THREADS_PER_CPU));
        }
    }

    #[test]
    fn a_package_named_by_the_caller_is_seen() {
        let selects =
            |args: &[&str]| selects_packages(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(selects(&["-p", "xtask"]));
        assert!(selects(&["--package=xtask"]));
        assert!(!selects(&["--test", "nat_test"]));
        assert!(!selects(&["--", "-p"]));
    }
}
