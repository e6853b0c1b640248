//! `cargo xtask test`: the whole suite as the one who calls; for root, once more as an ordinary user.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::private::{self, TEST_AS};
use crate::{cargo, install, process, say};

/// Asks for the longer soak and for every kind of fault in the sweeps; to the tests it says so by [`SOAK_ENV`].
pub const SOAK: &str = "--soak";
const SOAK_ENV: (&str, &str) = ("NETNS_TOOL_SOAK", "300");

pub fn run(args: &[OsString]) -> Result<ExitCode> {
    if matches!(args, [only] if only == "--help" || only == "-h") {
        say::plain(
            "cargo xtask test [--soak] [ARGS]: installs what is missing and runs `cargo test --workspace ARGS`;\n\
             as root, the tests of netns-tool run a second time as an ordinary user, in user namespaces.\n\
             With --soak every kind of fault is tried at every point, and the soak is longer, as in CI. Without, the kinds\n\
             take turns, but for the most telling; as an ordinary user they do so at one point of five, with --soak or without:\n\
             what a command does when a step fails is no matter of who asks, only the steps themselves are.",
        );
        return Ok(ExitCode::SUCCESS);
    }
    install::tests()?;
    match args {
        [first, rest @ ..] if first == SOAK => suite(rest, true),
        args => suite(args, false),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// All passes, and a closing line that counts what was run.
pub fn suite(args: &[OsString], soak: bool) -> Result<()> {
    let started = Instant::now();
    let root = process::is_root()?;
    // Asked before the build: a machine that cannot run the tests should say so at once. Never a silent skip.
    private::require(None)?;
    if root {
        private::require(Some("user"))?;
    }
    let own = Pass {
        who: if root { "as root" } else { AS_USER },
        packages: "--workspace",
        args,
        test_as: None,
        soak,
    };
    let as_user = Pass {
        who: AS_USER,
        packages: "--package=netns-tool",
        test_as: root.then_some("user"),
        ..own
    };
    let parts = std::thread::scope(|scope| -> Result<Vec<String>> {
        // The second pass at the same time, since most tests wait for the kernel; its output is shown afterwards.
        let second = root.then(|| scope.spawn(|| as_user.buffered()));
        let mut parts = vec![own.shown()?];
        if let Some(second) = second {
            let (output, counts) = second.join().expect("the thread of the second pass");
            let _ = std::io::stdout().write_all(&output);
            parts.push(counts?);
        }
        Ok(parts)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    say::success(&format!("tests passed: {} in {seconds:.0} s", parts.join(", ")));
    Ok(())
}

/// Most tests wait for the kernel rather than compute: so many at once for each processor.
const THREADS_PER_CPU: usize = 3;
const THREADS: &str = "RUST_TEST_THREADS";
const NO_CARGO: &str = "cannot start `cargo test`; is cargo installed?";

/// How many tests to run at once, unless the caller says so.
fn threads(args: &[OsString]) -> Option<usize> {
    let says = |arg: &OsString| arg.to_string_lossy().starts_with("--test-threads");
    if std::env::var_os(THREADS).is_some() || args.iter().any(says) {
        return None;
    }
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Some(cpus * THREADS_PER_CPU)
}

const AS_USER: &str = "as an ordinary user";

/// As an ordinary user fewer random cases: they compute the same, and what they compute is mostly no matter of who asks.
const CASES: (&str, &str) = ("PROPTEST_CASES", "32");

/// The tests of some packages, as somebody.
#[derive(Clone, Copy)]
struct Pass<'a> {
    who: &'static str,
    packages: &'static str,
    args: &'a [OsString],
    test_as: Option<&'static str>,
    soak: bool,
}

impl Pass<'_> {
    /// Runs it; gives what it counted.
    fn shown(&self) -> Result<String> {
        let (mut command, line) = self.command();
        say::heading(&format!("The tests {}", self.who));
        say::command(&line);
        let mut child = command.stdout(Stdio::piped()).spawn().context(NO_CARGO)?;
        let from = child.stdout.take().context("no output of `cargo test`")?;
        self.collect(child, from, &line, &mut std::io::stdout())
    }

    /// The same with all that it says in a buffer.
    fn buffered(&self) -> (Vec<u8>, Result<String>) {
        let (mut command, line) = self.command();
        let mut output = format!("\nThe tests {}: {line}\n", self.who).into_bytes();
        let counts = std::io::pipe().map_err(anyhow::Error::from).and_then(|(reader, writer)| {
            let child =
                command.stdout(writer.try_clone()?).stderr(writer).spawn().context(NO_CARGO)?;
            // It holds the ends to write to.
            drop(command);
            self.collect(child, reader, &line, &mut output)
        });
        (output, counts)
    }

    fn collect(
        &self,
        mut child: Child,
        from: impl Read,
        line: &str,
        to: &mut dyn Write,
    ) -> Result<String> {
        let counts = tee(BufReader::new(from), to)?;
        let status = child.wait()?;
        if !status.success() {
            bail!("the tests {} failed: `{line}` ({})", self.who, process::ended(status));
        }
        Ok(format!("{counts} {}", self.who))
    }

    /// The command, and how one would type it.
    fn command(&self) -> (Command, String) {
        let mut command = cargo::cargo();
        command.arg("test").stdin(Stdio::null());
        // A caller who names packages wants those alone.
        if !selects_packages(self.args) {
            command.arg(self.packages);
        }
        command.args(self.args);
        // What passing tests have counted (the fault sweeps, above all) is a result too.
        if !self.args.iter().any(|arg| arg == "--") {
            command.args(["--", "--show-output"]);
        }
        let mut line = process::show(&command);
        let threads = threads(self.args).map(|threads| (THREADS, threads.to_string()));
        let soak = self.soak.then(|| (SOAK_ENV.0, SOAK_ENV.1.to_owned()));
        let test_as = self.test_as.map(|user| (TEST_AS, user.to_owned()));
        let cases = self.test_as.filter(|_| std::env::var_os(CASES.0).is_none());
        let cases = cases.map(|_| (CASES.0, CASES.1.to_owned()));
        command.env_remove(TEST_AS);
        for (name, value) in [threads, soak, test_as, cases].into_iter().flatten() {
            line = format!("{name}={value} {line}");
            command.env(name, value);
        }
        (command, line)
    }
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
fn tee(mut from: impl BufRead, to: &mut dyn Write) -> Result<Counts> {
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
