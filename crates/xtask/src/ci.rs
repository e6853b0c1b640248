//! `cargo xtask ci`: what has to pass before a change is merged. CI runs exactly this.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{cargo, demo, install, process, say, test, vm};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: &[Step] = &[
    ("install-tools", install::tests),
    ("fmt", || process::check(cargo::cargo().args(["fmt", "--all", "--check"]))),
    ("clippy", || {
        let lint = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        process::check(cargo::cargo().args(lint))
    }),
    ("doc", || {
        let mut doc = cargo::cargo();
        doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        process::check(&mut doc)
    }),
    ("test", test::whole),
    ("demo", || {
        // The demo has said what failed; the step's name is enough here.
        let passed = demo::run(false)? == ExitCode::SUCCESS;
        anyhow::ensure!(passed, "the demo failed; see above");
        Ok(())
    }),
    ("vm", vm::step),
];

pub fn run() -> Result<ExitCode> {
    let mut times = Vec::new();
    for (name, step) in STEPS {
        say::heading(&format!("ci: {name}"));
        let started = Instant::now();
        step().with_context(|| format!("ci stopped at the step `{name}`"))?;
        times.push((*name, started.elapsed()));
    }
    say::success(&format!("ci passed: {}", summary(&times)));
    Ok(ExitCode::SUCCESS)
}

fn summary(times: &[(&str, Duration)]) -> String {
    let part = |(name, time): &(&str, Duration)| format!("{name} {:.1} s", time.as_secs_f64());
    times.iter().map(part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_named_once_and_timed() {
        let mut names: Vec<_> = STEPS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.first(), Some(&"install-tools"), "the rest needs what it installs");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
        let times = [("fmt", Duration::from_millis(1250)), ("doc", Duration::from_secs(3))];
        assert_eq!(summary(&times), "fmt 1.2 s, doc 3.0 s");
    }
}
