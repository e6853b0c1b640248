//! What a sweep runs: one command of the tool on a prepared host.

use crate::fault::Mode;

/// What a command promises about the host when something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It makes something: all of it, or the host is as it was.
    Build,
    /// It removes something: it goes on past faults, says what is left (exit code 4), and the same
    /// command again finishes the job.
    Remove,
    /// It must fail, fault or no fault, and leave the host as it was (a name is somebody else's).
    Refused,
}

/// A command, the host it runs on, and how to get that host back.
///
/// Shell lines run with `sh -e` and the real tools; `$TOOL` is the tool under test, with a long time limit.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub kind: Kind,
    /// Run once, before everything.
    pub setup: Vec<String>,
    /// The tool's arguments.
    pub command: Vec<String>,
    /// After the command succeeded (and, to clean up, after it failed badly): back to the host as the
    /// set-up left it. Lines that may find nothing to do should say so (`--if-exists`).
    pub reset: Vec<String>,
    /// Arguments of the tool that repair the host after a SIGKILL.
    pub recover: Vec<String>,
    /// Put before the command's arguments when a call is made to hang.
    pub short_timeout: Vec<String>,
    /// Put before all others, and after `$TOOL` in shell lines: on a busy machine the kernel may take its time.
    pub long_timeout: Vec<String>,
    /// Of so many calls one after the other, one goes wrong: 1 for every call.
    pub stride: usize,
    /// How many of the kinds of fault are tried at each point; of the rest one, in turn. `None` for all of them.
    pub at_each: Option<usize>,
}

impl Scenario {
    /// A command that makes something.
    pub fn build(name: &str, command: &[&str]) -> Self {
        Self::new(name, Kind::Build, command)
    }

    /// Only one of so many calls goes wrong, the first of them first.
    pub fn one_of(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// At each point only so many kinds of fault, the first ones, and one of the others in turn.
    #[must_use]
    pub fn in_turn(self, at_each: usize) -> Self {
        Self { at_each: Some(at_each), ..self }
    }

    /// The kinds of fault for the point that is tried as the i-th. Scenarios do not all begin with the same.
    pub(crate) fn modes_at(&self, i: usize, modes: &[Mode]) -> Vec<Mode> {
        let (first, rest) = modes.split_at(self.at_each.unwrap_or(modes.len()).min(modes.len()));
        let turn = (!rest.is_empty()).then(|| rest[(i + self.name.len()) % rest.len()]);
        first.iter().copied().chain(turn).collect()
    }

    /// A command that removes something.
    pub fn remove(name: &str, command: &[&str]) -> Self {
        Self::new(name, Kind::Remove, command)
    }

    /// A command that must fail and change nothing.
    pub fn refused(name: &str, command: &[&str]) -> Self {
        Self::new(name, Kind::Refused, command)
    }

    /// Sets the shell lines that prepare the host.
    #[must_use]
    pub fn setup(self, lines: &[&str]) -> Self {
        Self { setup: owned(lines), ..self }
    }

    /// Sets the shell lines that restore the prepared host.
    #[must_use]
    pub fn reset(self, lines: &[&str]) -> Self {
        Self { reset: owned(lines), ..self }
    }

    fn new(name: &str, kind: Kind, command: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            setup: Vec::new(),
            command: owned(command),
            reset: Vec::new(),
            recover: owned(&["recover"]),
            short_timeout: owned(&["--timeout", "1"]),
            long_timeout: owned(&["--timeout", "60"]),
            stride: 1,
            at_each: None,
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Mode, Scenario};

    #[test]
    fn kinds_of_fault_take_turns() {
        let modes = [Mode::FailAfter, Mode::Hang, Mode::Empty];
        let scenario = Scenario::build("four", &[]);
        let at = |scenario: &Scenario| [0, 1, 2].map(|i| scenario.modes_at(i, &modes));
        assert_eq!(at(&scenario), [modes; 3]);
        let [first, hang, empty] = modes;
        let alternating = [[first, hang], [first, empty], [first, hang]];
        assert_eq!(at(&scenario.clone().in_turn(1)), alternating);
        assert_eq!(at(&scenario.clone().in_turn(0)), [[hang], [empty], [first]]);
        assert_eq!(at(&scenario.in_turn(7)), [modes; 3]);
    }
}
