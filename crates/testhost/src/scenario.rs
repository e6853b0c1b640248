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
    /// At each point one kind of fault is tried, another at the next; else all of them.
    pub takes_turns: bool,
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

    /// At each point one kind of fault, in turn.
    #[must_use]
    pub fn in_turn(self) -> Self {
        Self { takes_turns: true, ..self }
    }

    /// The kinds of fault for the point that is tried as the i-th. Scenarios do not all begin with the same.
    pub(crate) fn modes_at<'m>(&self, i: usize, modes: &'m [Mode]) -> &'m [Mode] {
        let turn = (i + self.name.len()) % modes.len();
        if self.takes_turns { &modes[turn..=turn] } else { modes }
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
            short_timeout: owned(&["--timeout", "2"]),
            long_timeout: owned(&["--timeout", "60"]),
            stride: 1,
            takes_turns: false,
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
        let at = |scenario: &Scenario| [0, 1, 2].map(|i| scenario.modes_at(i, &modes).to_vec());
        assert_eq!(at(&scenario), [modes; 3]);
        assert_eq!(at(&scenario.in_turn()), [[Mode::Hang], [Mode::Empty], [Mode::FailAfter]]);
    }
}
