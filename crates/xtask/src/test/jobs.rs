//! Running test programs side by side.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Instant;

use anyhow::{Context, Result};

use super::counts::Counts;
use super::programs::Program;
use super::{Options, Pass};
use crate::private::TEST_AS;
use crate::process;

/// One program in one pass.
pub struct Job<'a> {
    pub program: &'a Program,
    pub pass: Pass<'a>,
}

/// How it went.
pub struct End {
    pub who: &'static str,
    pub counts: Counts,
    /// What one types to run it alone, if it failed.
    pub failed: Option<String>,
}

/// Most tests wait for the kernel rather than compute: so many test programs at once for each processor.
const PROGRAMS_PER_CPU: usize = 2;

/// Does the jobs, several at once, and prints a line for each when it is over; of one that failed, what its failed tests
/// have printed. When one has failed no other is begun, unless they are to `go_on`.
pub fn run(jobs: Vec<Job>, go_on: bool, to: &mut (dyn Write + Send)) -> Result<Vec<End>> {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = Mutex::new(VecDeque::from(jobs));
    let next = || jobs.lock().expect("the jobs").pop_front();
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for sender in vec![sender; cpus * PROGRAMS_PER_CPU] {
            scope.spawn(move || {
                while let Some(job) = next() {
                    // Nobody listens any more after an error.
                    let _ = sender.send(job.run());
                }
            });
        }
        let mut ends = Vec::new();
        for answer in receiver {
            let (output, end) = answer?;
            // A reader that went away is no failure of the tests.
            let _ = to.write_all(output.as_bytes());
            if end.failed.is_some() && !go_on {
                jobs.lock().expect("the jobs").clear();
            }
            ends.push(end);
        }
        Ok(ends)
    })
}

impl Job<'_> {
    /// Runs it; gives what there is to say of it.
    fn run(&self) -> Result<(String, End)> {
        let who = self.pass.who;
        let Program { package, name, .. } = self.program;
        let started = Instant::now();
        let mut output = Vec::new();
        let status = {
            let (mut reader, writer) = std::io::pipe()?;
            let mut child = self
                .command()
                .stdin(Stdio::null())
                .stdout(writer.try_clone()?)
                .stderr(writer)
                .spawn()
                .with_context(|| format!("cannot start the tests `{name}`"))?;
            reader.read_to_end(&mut output)?;
            child.wait()?
        };
        let output = String::from_utf8_lossy(&output);
        let ended = process::ended(status);
        let failed = (!status.success()).then(|| format!("{} ({who}: {ended})", self.alone()));
        let counts = Counts::of(&output);
        let title = format!("{name} of {package}, {who}");
        let seconds = started.elapsed().as_secs_f64();
        let said = match &failed {
            _ if !self.pass.options.args.is_empty() => format!("\n{title}\n{output}"),
            Some(_) => format!("\nFAILED: {title}\n{}\n", failures(&output)),
            None => format!("{title}: passed {counts} in {seconds:.1} s\n"),
        };
        Ok((said, End { who, counts, failed }))
    }

    fn command(&self) -> Command {
        let Options { filter, args, .. } = self.pass.options;
        let mut command = Command::new(&self.program.file);
        command.current_dir(&self.program.folder).env_remove(TEST_AS);
        command.env("CARGO_MANIFEST_DIR", &self.program.folder);
        command.envs(self.pass.environment()).args(filter);
        // What passing tests have counted (the fault sweeps, above all) is a result too.
        let words = if args.is_empty() { &["--show-output".to_owned()][..] } else { args };
        command.args(words);
        command
    }

    /// How one would type it.
    fn alone(&self) -> String {
        let Program { package, name, is_integration, .. } = self.program;
        let mut words: Vec<String> = self
            .pass
            .environment()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        words.push(format!("cargo test -p {package}"));
        words.extend(is_integration.then(|| format!("--test {name}")));
        words.join(" ")
    }
}

/// What the failed tests have printed: libtest puts it last. All of it where the program itself came to a bad end.
fn failures(output: &str) -> &str {
    output.find("\nfailures:\n").map_or(output, |start| &output[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program of the system so many times in place of tests.
    fn ended(file: &str, times: usize, options: &Options) -> (Vec<End>, String) {
        let (package, name) = ("p".to_owned(), "x_test".to_owned());
        let (file, folder) = (file.into(), "/".into());
        let program = Program { package, name, is_integration: true, file, folder };
        let job = || Job {
            program: &program,
            pass: Pass { who: "as root", test_as: Some("user"), options },
        };
        let mut printed = Vec::new();
        let jobs = (0..times).map(|_| job()).collect();
        let ends = run(jobs, options.no_fail_fast, &mut printed).unwrap();
        (ends, String::from_utf8(printed).unwrap())
    }

    #[test]
    fn what_fails_is_named_with_the_line_that_runs_it_alone() {
        let script =
            "echo test a ... ok; echo; echo failures:; echo b as $NETNS_TOOL_TEST_AS; exit 3";
        let args = ["-c", script].map(str::to_owned).to_vec();
        let (ends, printed) = ended("/bin/sh", 1, &Options { args, ..Options::default() });
        assert_eq!(printed, "\nx_test of p, as root\ntest a ... ok\n\nfailures:\nb as user\n");
        let failed = ends[0].failed.as_deref().unwrap();
        assert!(failed.contains("NETNS_TOOL_TEST_AS=user "), "{failed}");
        assert!(
            failed.ends_with("cargo test -p p --test x_test (as root: exit code 3)"),
            "{failed}"
        );
    }

    #[test]
    fn what_passes_is_a_line_and_what_fails_says_why() {
        let (_, printed) = ended("/bin/true", 1, &Options::default());
        assert!(printed.starts_with("x_test of p, as root: passed 0 in 0."), "{printed}");
        let (_, printed) = ended("/bin/false", 1, &Options::default());
        assert_eq!(printed, "\nFAILED: x_test of p, as root\n\n");
        let output = "test a ... ok\n\nsuccesses:\nhello\n\nfailures:\n\nwhy\n";
        assert_eq!(failures(output), "\nfailures:\n\nwhy\n");
        assert_eq!(failures("killed"), "killed");
    }

    #[test]
    fn no_other_is_begun_after_a_failure_unless_asked() {
        let go_on = Options { no_fail_fast: true, ..Options::default() };
        assert_eq!(ended("/bin/false", 200, &go_on).0.len(), 200);
        let (ends, _) = ended("/bin/false", 200, &Options::default());
        assert!(!ends.is_empty() && ends.len() < 200);
    }

    #[test]
    fn a_filter_and_arguments_are_handed_on() {
        let args = ["=", "nat"].map(str::to_owned).to_vec();
        let options = Options { filter: Some("nat".to_owned()), args, ..Options::default() };
        assert_eq!(ended("/usr/bin/test", 1, &options).0[0].failed, None);
    }
}
