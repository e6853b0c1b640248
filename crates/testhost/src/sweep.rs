//! Every fault at every call of a command, and whether the promise held.

use std::path::Path;

use crate::fault::{Faults, Mode};
use crate::judge::LEFTOVERS;
use crate::report::{Failure, Report};
use crate::run::{Run, run};
use crate::scenario::{Kind, Scenario};
use crate::snapshot::Snapshot;
use crate::world::try_sh;

/// Runs the scenario's command with each mode at each of its calls (or as many as the scenario says), and judges every run:
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
    for (i, k) in (1..=sweep.calls.len()).step_by(scenario.stride).enumerate() {
        for &mode in scenario.modes_at(i, modes) {
            let fault = format!("{mode:?} at call {k} ({})", sweep.calls[k - 1]);
            sweep.faults.arm(k, mode);
            if !sweep.injected(&fault, k, mode) {
                return sweep.report;
            }
        }
    }
    sweep.report.points = sweep.calls.len().div_ceil(scenario.stride);
    sweep.done()
}

/// A call that is to hang, and was not made because an earlier one took too long on a busy machine, is tried again so often.
const RETRIES: u32 = 5;

/// How a call of the undo fails: whether all later ones do so as well.
pub const UNDO_FAULTS: [(bool, Mode); 3] =
    [(false, Mode::FailBefore), (true, Mode::FailBefore), (true, Mode::FailAfter)];

/// Makes the undo itself fail: for each call k (fails after its effect), each later call of the
/// run in these ways, out of [`UNDO_FAULTS`]. The tool must restore the host all the same, or exit with 4 and name
/// what is left.
///
/// # Panics
///
/// As [`sweep`].
pub fn sweep_undo(tool: &Path, scenario: &Scenario, ways: &[(bool, Mode)]) -> Report {
    let mut sweep = Sweep::prepare(tool, scenario);
    for k in (1..=sweep.calls.len()).step_by(scenario.stride) {
        sweep.faults.arm(k, Mode::FailAfter);
        let fault = format!("FailAfter at call {k} ({})", sweep.calls[k - 1]);
        if !sweep.injected(&fault, k, Mode::FailAfter) {
            return sweep.report;
        }
        let calls = sweep.last_calls.clone();
        for (j, call) in calls.iter().enumerate().skip(k) {
            sweep.report.points += 1;
            for &(from, mode) in ways {
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
    sweep.done()
}

pub(crate) struct Sweep<'a> {
    pub(crate) tool: &'a Path,
    pub(crate) scenario: &'a Scenario,
    faults: Faults,
    /// The host as the set-up, or the last reset, left it.
    pub(crate) before: Snapshot,
    pub(crate) after: Snapshot,
    /// The calls of the run without faults.
    calls: Vec<String>,
    last_calls: Vec<String>,
    /// Whether a Build may end with exit code 4: its undo is made to fail as well.
    pub(crate) may_leave: bool,
    report: Report,
}

impl<'a> Sweep<'a> {
    fn prepare(tool: &'a Path, scenario: &'a Scenario) -> Self {
        let faults = Faults::install();
        let name = &scenario.name;
        if let Err(said) = shell(&scenario.setup, tool, &scenario.long_timeout) {
            panic!("{name}: the set-up failed: {said}");
        }
        let before = Snapshot::settled();
        faults.reset();
        let clean = run(tool, &[&scenario.long_timeout, &scenario.command]);
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

    /// A run that nothing is to disturb.
    pub(crate) fn run(&self, command: &[String]) -> Run {
        run(self.tool, &[&self.scenario.long_timeout, command])
    }

    /// One run with what is armed; `false` if the host cannot be brought back for the next one.
    fn injected(&mut self, fault: &str, k: usize, mode: Mode) -> bool {
        let Scenario { command, short_timeout, long_timeout, .. } = self.scenario;
        let timeout = if mode.hangs() { short_timeout } else { long_timeout };
        let tool = self.tool;
        let once = || run(tool, &[timeout, command]);
        let mut run = once();
        // The time that is enough for what hangs is not always enough for the calls before it.
        for _ in 0..RETRIES {
            if !mode.hangs() || self.faults.fired() > 0 || self.restore().is_err() {
                break;
            }
            self.faults.arm(k, mode);
            run = once();
        }
        self.last_calls = self.faults.calls();
        let fired = self.faults.fired();
        self.faults.reset();
        self.report.runs += 1;
        let (mut untouched, mut done) = (false, false);
        let verdict = if fired == 0 || self.last_calls.len() < k {
            Err((format!("call {k} was not made this time"), String::new()))
        } else {
            let verdict = self.judge(&run, mode);
            // Then the host was just seen to be as before.
            let failed = run.code.is_none_or(|code| code != 0 && code != LEFTOVERS);
            untouched = verdict.is_ok() && failed && self.scenario.kind != Kind::Remove;
            done = verdict.is_ok() && !untouched && !self.may_leave;
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
        // Seen to be as after a run without fault, it needs no second look to be known to have changed.
        match if done { self.reset() } else { self.restore() } {
            Ok(()) => true,
            Err(diff) => {
                let what = "the host could not be brought back; the rest of the sweep is not run";
                self.fail(fault, &run, (what.to_owned(), diff));
                false
            }
        }
    }

    /// Back to the prepared host, whatever the last run did; and counting starts again.
    fn restore(&mut self) -> Result<(), String> {
        let same = |sweep: &Self| sweep.before.diff(&Snapshot::take()).is_none();
        if !same(self) {
            let _best_effort = self.run(&self.scenario.recover);
            if !same(self) {
                return self.reset();
            }
        }
        self.faults.reset();
        Ok(())
    }

    fn reset(&mut self) -> Result<(), String> {
        let result = shell(&self.scenario.reset, self.tool, &self.scenario.long_timeout);
        self.faults.reset();
        let same = self.before.wait_same_but_random_macs();
        // New links have new hardware addresses; from here on these are what is to stay.
        self.before = same.map_err(|diff| format!("{}{diff}", result.err().unwrap_or_default()))?;
        Ok(())
    }

    /// The snapshots of a sweep take much of what they say from earlier ones of the same state: in the end, one that does not.
    fn done(mut self) -> Report {
        Snapshot::forget();
        if let Err(diff) = self.before.wait_equal() {
            let nothing = Run { code: None, stderr: String::new(), left: Vec::new(), hung: false };
            let what = "read anew, the host is not what the snapshots said";
            self.fail("after all faults", &nothing, (what.to_owned(), diff));
        }
        self.report
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

fn shell(lines: &[String], tool: &Path, timeout: &[String]) -> Result<(), String> {
    let tool = format!("{} {}", tool.display(), timeout.join(" "));
    for line in lines {
        let output = try_sh(line, Some(&tool));
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`{line}` failed ({}): {said}\n", output.status));
        }
    }
    Ok(())
}
