//! What a sweep found, with all that is needed to understand it.

use std::fmt::{self, Display};

/// One fault that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    pub scenario: String,
    /// What was injected: `fail-after at call 3 (ip link …)`.
    pub fault: String,
    /// Which promise was broken.
    pub what: String,
    pub stderr: String,
    /// What differs from the state that was promised.
    pub diff: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {}: {}", self.scenario, self.fault, self.what)?;
        let indent = |text: &str| text.lines().map(|l| format!("    {l}\n")).collect::<String>();
        if !self.stderr.is_empty() {
            write!(f, "  stderr:\n{}", indent(&self.stderr))?;
        }
        if !self.diff.is_empty() {
            write!(f, "  difference:\n{}", indent(&self.diff))?;
        }
        Ok(())
    }
}

/// What a sweep tried and found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub scenario: String,
    /// Places at which a fault was injected.
    pub points: usize,
    /// Runs with a fault.
    pub runs: usize,
    /// The faults in spite of which the command succeeded.
    pub survived: Vec<String>,
    pub failures: Vec<Failure>,
}

impl Report {
    /// Prints what was tried, and panics if a promise was broken.
    ///
    /// # Panics
    ///
    /// With all failures in full, or if no fault was injected at all.
    #[expect(clippy::print_stdout, reason = "the number of points is a result of the test")]
    pub fn assert_clean(&self) {
        println!("{self}");
        let all: String = self.failures.iter().map(|failure| format!("{failure}\n")).collect();
        assert!(self.failures.is_empty(), "{self}\n{all}");
        assert!(self.runs > 0, "{self}: the command made no call to inject a fault into");
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, points, runs, survived, failures } = self;
        write!(f, "{scenario}: {points} fault points, {runs} runs, {} survived, ", survived.len())?;
        write!(f, "{} broke a promise", failures.len())
    }
}
