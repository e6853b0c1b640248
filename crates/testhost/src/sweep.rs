//! Every fault at every call of a command, and whether the promise held.

use std::fmt::{self, Display};
use std::path::Path;
use std::time::Duration;

use crate::fault::{Faults, Mode};
use crate::run::{Run, run};
use crate::scenario::{Kind, Scenario};
use crate::snapshot::Snapshot;
use crate::world::try_sh;

/// For a host to become what it was: links go away a little after the command that removes them.
const SOON: Duration = Duration::from_millis(1500);
/// For a host to become what it is to be: carriers and IPv6 addresses take longer.
const SETTLED: Duration = Duration::from_secs(5);
/// The exit codes that the reference documents, but for 0, 4 and those of signals.
const FAILED: [i32; 2] = [1, 3];
const LEFTOVERS: i32 = 4;

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

/// Runs the scenario's command with each mode at each of its calls, and judges every run:
///
/// * `Build`, exit code not 0: the host is byte for byte as before. Exit code 0 in spite of the fault: it
///   is as after a run without (but for random hardware addresses). Killed: `recover` restores it.
/// * `Remove`: the host is as after a run without, or the exit code is 4 and standard error names what
///   is left, or the exit code says that nothing was done and nothing was. In any case, and after
///   SIGKILL, the same command again finishes the job.
/// * `Refused`: it fails, and the host is as before.
///
/// Always: a documented exit code, something on standard error if it is not 0, no process left.
///
/// # Panics
///
/// If the scenario does not work without faults: that is a mistake in the test.
pub fn sweep(tool: &Path, scenario: &Scenario, modes: &[Mode]) -> Report {
    let mut sweep = Sweep::prepare(tool, scenario);
    for k in 1..=sweep.calls.len() {
        for &mode in modes {
            let fault = format!("{mode:?} at call {k} ({})", sweep.calls[k - 1]);
            sweep.faults.arm(k, mode);
            if !sweep.injected(&fault, k, mode) {
                return sweep.report;
            }
        }
    }
    sweep.report.points = sweep.calls.len();
    sweep.report
}

/// Makes the undo itself fail: for each call k (fails after its effect), each later call of the
/// run, once and from there on. The tool must restore the host all the same, or exit with 4 and name
/// what is left.
///
/// # Panics
///
/// As [`sweep`].
pub fn sweep_undo(tool: &Path, scenario: &Scenario) -> Report {
    let mut sweep = Sweep::prepare(tool, scenario);
    for k in 1..=sweep.calls.len() {
        sweep.faults.arm(k, Mode::FailAfter);
        let fault = format!("FailAfter at call {k} ({})", sweep.calls[k - 1]);
        if !sweep.injected(&fault, k, Mode::FailAfter) {
            return sweep.report;
        }
        let calls = sweep.last_calls.clone();
        for (j, call) in calls.iter().enumerate().skip(k) {
            sweep.report.points += 1;
            for (from, mode) in
                [(false, Mode::FailBefore), (true, Mode::FailBefore), (true, Mode::FailAfter)]
            {
                let on = if from { " and on" } else { "" };
                let fault = format!("{fault}, then {mode:?} at call {}{on} ({call})", j + 1);
                sweep.faults.arm(k, Mode::FailAfter);
                if from {
                    sweep.faults.arm_from(j + 1, mode);
                } else {
                    sweep.faults.arm(j + 1, mode);
                }
                sweep.may_leave = true;
                let go_on = sweep.injected(&fault, k, mode);
                sweep.may_leave = false;
                if !go_on {
                    return sweep.report;
                }
            }
        }
    }
    sweep.report
}

struct Sweep<'a> {
    tool: &'a Path,
    scenario: &'a Scenario,
    faults: Faults,
    /// The host as the set-up, or the last reset, left it.
    before: Snapshot,
    after: Snapshot,
    /// The calls of the run without faults.
    calls: Vec<String>,
    last_calls: Vec<String>,
    /// Whether a Build may end with exit code 4: its undo is made to fail as well.
    may_leave: bool,
    report: Report,
}

/// A broken promise and the difference that shows it.
type Verdict = Result<(), (String, String)>;

impl<'a> Sweep<'a> {
    fn prepare(tool: &'a Path, scenario: &'a Scenario) -> Self {
        let faults = Faults::install();
        let name = &scenario.name;
        if let Err(said) = shell(&scenario.setup, tool) {
            panic!("{name}: the set-up failed: {said}");
        }
        let before = Snapshot::settled();
        faults.reset();
        let clean = run(tool, &[&scenario.command]);
        let calls = faults.calls();
        assert_eq!(
            clean.code == Some(0),
            scenario.kind != Kind::Refused,
            "{name}: without a fault, exit code {:?}: {}",
            clean.code,
            clean.stderr
        );
        let after = Snapshot::settled();
        let report = Report { scenario: name.clone(), ..Report::default() };
        let mut sweep = Self {
            tool,
            scenario,
            faults,
            before,
            after,
            calls,
            last_calls: Vec::new(),
            may_leave: false,
            report,
        };
        if scenario.kind == Kind::Refused {
            if let Some(diff) = sweep.before.diff(&sweep.after) {
                let what = "refused, but changed the host".to_owned();
                sweep.fail("no fault", &clean, (what, diff));
            }
        } else if let Err(diff) = sweep.reset() {
            panic!("{name}: the reset does not lead back to the host as it was:\n{diff}");
        }
        sweep.faults.reset();
        sweep
    }

    /// One run with what is armed; `false` if the host cannot be brought back for the next one.
    fn injected(&mut self, fault: &str, k: usize, mode: Mode) -> bool {
        let short: &[String] = if mode.hangs() { &self.scenario.short_timeout } else { &[] };
        let run = run(self.tool, &[short, &self.scenario.command]);
        self.last_calls = self.faults.calls();
        let fired = self.faults.fired();
        self.faults.reset();
        self.report.runs += 1;
        let mut untouched = false;
        let verdict = if fired == 0 || self.last_calls.len() < k {
            Err((format!("call {k} was not made this time"), String::new()))
        } else {
            let verdict = self.judge(&run, mode);
            // Then the host was just seen to be as before.
            let failed = run.code.is_none_or(|code| code != 0 && code != LEFTOVERS);
            untouched = verdict.is_ok() && failed && self.scenario.kind != Kind::Remove;
            verdict
        };
        if run.code == Some(0) {
            self.report.survived.push(fault.to_owned());
        }
        if let Err(broken) = verdict {
            self.fail(fault, &run, broken);
        }
        if untouched {
            self.faults.reset();
            return true;
        }
        match self.restore() {
            Ok(()) => true,
            Err(diff) => {
                let what = "the host could not be brought back; the rest of the sweep is not run";
                self.fail(fault, &run, (what.to_owned(), diff));
                false
            }
        }
    }

    fn judge(&self, run: &Run, mode: Mode) -> Verdict {
        let broken = |what: String| Err((what, String::new()));
        if run.hung {
            return broken("did not end".to_owned());
        }
        if !run.left.is_empty() {
            return broken(format!("left processes: {}", run.left.join(", ")));
        }
        let Some(code) = run.code else {
            if mode.kills_tool() {
                return self.judge_killed();
            }
            return broken("was ended by a signal instead of ending itself".to_owned());
        };
        if code != 0 && run.stderr.trim().is_empty() {
            return broken(format!("exit code {code} without a word"));
        }
        let signal = match mode {
            Mode::SignalBefore(signal) | Mode::SignalAfter(signal) => Some(signal.exit_code()),
            _ => None,
        };
        match (code, self.scenario.kind) {
            (0, Kind::Refused) => broken("exit code 0, but it is to refuse".to_owned()),
            (0, _) => self.is_after("exit code 0"),
            (LEFTOVERS, Kind::Build) if self.may_leave => self.judge_leftovers(run, &self.before),
            (LEFTOVERS, Kind::Remove) => {
                self.judge_leftovers(run, &self.after)?;
                self.again()
            }
            (LEFTOVERS, _) => self
                .is_before("exit code 4")
                .and_then(|()| broken("exit code 4, but the host is as it was".to_owned())),
            _ if FAILED.contains(&code)
                && (signal.is_none() || self.scenario.kind == Kind::Refused) =>
            {
                self.failed(code)
            }
            _ if Some(code) == signal => self.failed(code),
            _ => broken(format!("exit code {code} is not the documented one")),
        }
    }

    /// The exit code says: the host is as it was.
    fn failed(&self, code: i32) -> Verdict {
        let what = format!("exit code {code}");
        if self.scenario.kind != Kind::Remove {
            return self.is_before(&what);
        }
        // A removal that was past its checks when a signal came may as well have finished.
        let finished = code >= 128
            && self.before.diff(&Snapshot::take()).is_some()
            && self.is_after(&what).is_ok();
        if !finished {
            self.is_before(&what)?;
        }
        self.again()
    }

    fn judge_killed(&self) -> Verdict {
        match self.scenario.kind {
            Kind::Remove => self.again(),
            Kind::Build | Kind::Refused => {
                let recover = run(self.tool, &[&self.scenario.recover]);
                if recover.code != Some(0) {
                    let what = format!("recover: exit code {:?}", recover.code);
                    return Err((what, recover.stderr));
                }
                self.is_before("after recover")
            }
        }
    }

    /// The same removal again finishes the job. Where the first run finished it, refusing is right.
    fn again(&self) -> Verdict {
        let done = Snapshot::take().objects_not_in(&self.after).is_empty();
        let again = run(self.tool, &[&self.scenario.command]);
        if again.code != Some(0) && !done {
            let what = format!("the same command again: exit code {:?}", again.code);
            return Err((what, again.stderr));
        }
        self.is_after("after the same command again")
    }

    fn judge_leftovers(&self, run: &Run, promised: &Snapshot) -> Verdict {
        let now = Snapshot::take();
        let unnamed: Vec<String> = now
            .objects_not_in(promised)
            .into_iter()
            .filter(|name| !names(&run.stderr, name))
            // A pair is one thing: naming one end will do.
            .filter(|name| !now.peer_of(name).is_some_and(|peer| names(&run.stderr, peer)))
            .collect();
        match promised.diff_but_random_macs(&now) {
            None => Err(("exit code 4, but nothing is left".to_owned(), String::new())),
            Some(diff) if !unnamed.is_empty() => {
                Err((format!("exit code 4 without naming {}", unnamed.join(", ")), diff))
            }
            Some(_) => Ok(()),
        }
    }

    fn is_before(&self, what: &str) -> Verdict {
        let differs = |diff| (format!("{what}: the host is not as it was"), diff);
        self.before.wait_equal(SOON).map_err(differs)
    }

    fn is_after(&self, what: &str) -> Verdict {
        let differs =
            |diff| (format!("{what}: the host is not as after a run without fault"), diff);
        self.after.wait_equal_but_random_macs(SETTLED).map_err(differs)
    }

    /// Back to the prepared host, whatever the last run did; and counting starts again.
    fn restore(&mut self) -> Result<(), String> {
        let same = |sweep: &Self| sweep.before.diff(&Snapshot::take()).is_none();
        if !same(self) {
            let _best_effort = run(self.tool, &[&self.scenario.recover]);
            if !same(self) {
                return self.reset();
            }
        }
        self.faults.reset();
        Ok(())
    }

    fn reset(&mut self) -> Result<(), String> {
        let result = shell(&self.scenario.reset, self.tool);
        self.faults.reset();
        let same = self.before.wait_equal_but_random_macs(SETTLED);
        same.map_err(|diff| format!("{}{diff}", result.err().unwrap_or_default()))?;
        // New links have new hardware addresses; from here on these are what is to stay.
        self.before = Snapshot::take();
        Ok(())
    }

    fn fail(&mut self, fault: &str, run: &Run, (what, diff): (String, String)) {
        self.report.failures.push(Failure {
            scenario: self.scenario.name.clone(),
            fault: fault.to_owned(),
            what,
            stderr: run.stderr.clone(),
            diff,
        });
    }
}

/// Whether a text has this name in it as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name)
        .any(|(i, _)| !text[..i].ends_with(part) && !text[i + name.len()..].starts_with(part))
}

fn shell(lines: &[String], tool: &Path) -> Result<(), String> {
    for line in lines {
        let output = try_sh(line, Some(tool));
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`{line}` failed ({}): {said}\n", output.status));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_named_as_a_word() {
        assert!(names("left: v0.", "v0"));
        assert!(names("ip link del dev v0\n", "v0"));
        assert!(names("/run/netns/n1: busy", "n1"));
        assert!(!names("left: p-v0, v01", "v0"));
    }
}
