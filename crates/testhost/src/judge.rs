//! Whether a run with a fault kept its promise: the rules that [`sweep`](crate::sweep) lists.

use crate::fault::Mode;
use crate::run::Run;
use crate::scenario::Kind;
use crate::snapshot::Snapshot;
use crate::sweep::Sweep;

/// The exit codes that the reference documents, but for 0, 4 and those of signals.
const FAILED: [i32; 2] = [1, 3];
pub(crate) const LEFTOVERS: i32 = 4;

/// A broken promise and the difference that shows it.
pub(crate) type Verdict = Result<(), (String, String)>;

impl Sweep<'_> {
    /// Whether a run kept the promise of its kind of command.
    pub(crate) fn judge(&self, run: &Run, mode: Mode) -> Verdict {
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
                let recover = self.run(&self.scenario.recover);
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
        let again = self.run(&self.scenario.command);
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
        self.before.wait_equal().map_err(differs)
    }

    fn is_after(&self, what: &str) -> Verdict {
        let differs =
            |diff| (format!("{what}: the host is not as after a run without fault"), diff);
        self.after.wait_equal_but_random_macs().map_err(differs)
    }
}

/// Whether a text has this name in it as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name)
        .any(|(i, _)| !text[..i].ends_with(part) && !text[i + name.len()..].starts_with(part))
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
