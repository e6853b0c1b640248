//! `cargo xtask test`: the whole suite as the one who calls; for root, once more as an ordinary user. Several test
//! programs run at once: most of them wait for the kernel, and each of them for its longest test.

mod counts;
mod jobs;
mod programs;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use clap::Args;

use crate::private::{self, TEST_AS};
use crate::{cargo, install, process, say};
use counts::Counts;
use jobs::Job;
use programs::Program;

#[derive(Args, Default)]
pub struct Options {
    /// Try every kind of fault at every point, every firewall in every test, and a longer soak, as CI does. Without it
    /// they take turns
    #[arg(long)]
    soak: bool,
    /// Go on with the other test programs when one fails
    #[arg(long)]
    no_fail_fast: bool,
    /// Only the integration test of this name, such as `nat_test` (repeatable)
    #[arg(long, value_name = "NAME")]
    test: Vec<String>,
    /// Only the tests whose names have this in them
    filter: Option<String>,
    /// Handed to each test program as they are
    #[arg(last = true)]
    args: Vec<String>,
}

/// Asks for the longer soak; to the tests it says so by this variable.
const SOAK: (&str, &str) = ("NETNS_TOOL_SOAK", "300");
const THREADS: &str = "RUST_TEST_THREADS";
/// As an ordinary user fewer random cases: they compute the same, and what they compute is mostly no matter of who asks.
const CASES: (&str, &str) = ("PROPTEST_CASES", "32");
const AS_USER: &str = "as an ordinary user";

/// In each program so many tests at once, unless the caller says so.
const THREADS_PER_PROGRAM: usize = 3;

pub fn run(options: &Options) -> Result<ExitCode> {
    install::tests()?;
    suite(options).map(|()| ExitCode::SUCCESS)
}

/// All of it, as in CI.
pub fn whole() -> Result<()> {
    suite(&Options { soak: true, ..Options::default() })
}

/// Both passes, and a closing line that counts what was run.
fn suite(options: &Options) -> Result<()> {
    let started = Instant::now();
    let is_root = process::is_root()?;
    // Asked before the build: a machine that cannot run the tests should say so at once. Never a silent skip.
    private::require(None)?;
    if is_root {
        private::require(Some("user"))?;
    }
    let programs = programs::build()?;
    let chosen = chosen(&programs, &options.test)?;
    let own = Pass { who: if is_root { "as root" } else { AS_USER }, test_as: None, options };
    let as_user = Pass { who: AS_USER, test_as: Some("user"), options };
    let mut jobs: Vec<Job> = chosen.iter().map(|program| Job { program, pass: own }).collect();
    if is_root {
        let of_tool = chosen.iter().filter(|program| program.package == "netns-tool");
        jobs.extend(of_tool.map(|program| Job { program, pass: as_user }));
    }
    if options.test.is_empty() && options.filter.is_none() {
        process::check(cargo::cargo().args(["test", "--workspace", "--doc", "--quiet"]))?;
    }
    let ended = jobs::run(jobs, options.no_fail_fast, &mut std::io::stdout())?;
    let failed: Vec<&str> = ended.iter().filter_map(|end| end.failed.as_deref()).collect();
    ensure!(
        failed.is_empty(),
        "tests failed; alone they run like this:\n  {}",
        failed.join("\n  ")
    );
    let passes = if is_root { vec![own.who, AS_USER] } else { vec![own.who] };
    let parts = passes.iter().map(|who| {
        let mut counts = Counts::default();
        ended.iter().filter(|end| end.who == *who).for_each(|end| counts.add(end.counts));
        format!("{counts} {who}")
    });
    let parts: Vec<String> = parts.collect();
    let seconds = started.elapsed().as_secs_f64();
    say::success(&format!("tests passed: {} in {seconds:.0} s", parts.join(", ")));
    Ok(())
}

/// The programs that the caller names, or all.
fn chosen<'p>(programs: &'p [Program], names: &[String]) -> Result<Vec<&'p Program>> {
    let is = |program: &&Program, name: &String| program.is_integration && program.name == *name;
    let unknown = names.iter().find(|name| !programs.iter().any(|program| is(&program, name)));
    if let Some(name) = unknown {
        bail!("there is no integration test `{name}`");
    }
    let is_chosen =
        |program: &&Program| names.is_empty() || names.iter().any(|name| is(program, name));
    Ok(programs.iter().filter(is_chosen).collect())
}

/// As whom, and how much of it.
#[derive(Clone, Copy)]
struct Pass<'a> {
    who: &'static str,
    test_as: Option<&'static str>,
    options: &'a Options,
}

impl Pass<'_> {
    /// What tells the tests so.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let is_unset = |name: &str| std::env::var_os(name).is_none();
        let threads = is_unset(THREADS).then(|| (THREADS, THREADS_PER_PROGRAM.to_string()));
        let soak = self.options.soak.then(|| (SOAK.0, SOAK.1.to_owned()));
        let test_as = self.test_as.map(|user| (TEST_AS, user.to_owned()));
        let cases =
            self.test_as.filter(|_| is_unset(CASES.0)).map(|_| (CASES.0, CASES.1.to_owned()));
        [threads, soak, test_as, cases].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_chosen_by_their_names() {
        let programs = ["nat_test", "veth_test"].map(|name| Program {
            package: "netns-tool".to_owned(),
            name: name.to_owned(),
            is_integration: true,
            file: name.into(),
            folder: "/".into(),
        });
        let names = |names: &[&str]| -> Result<Vec<String>> {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Ok(chosen(&programs, &names)?.iter().map(|program| program.name.clone()).collect())
        };
        assert_eq!(names(&[]).unwrap(), ["nat_test", "veth_test"]);
        assert_eq!(names(&["veth_test"]).unwrap(), ["veth_test"]);
        assert_eq!(names(&["x"]).unwrap_err().to_string(), "there is no integration test `x`");
    }
}
