//! The one idea: whatever the tool changes is a [`Plan`], computed before anything is touched, printed as a shell
//! script or applied by one loop.

mod cmd;
mod fact;
mod typed;

use crate::name::NamespaceName;
use serde::{Deserialize, Serialize};

pub use cmd::{Cmd, GRACE_SECONDS, PROCESS, PROGRAMS, Ready, Tool};
pub use fact::{ANY_V4, ANY_V6, Fact, Route, Setting, usual_metric};
pub use typed::{few_lines, forgetting, quote, quote_all, quote_on_one_line};

/// Where something is: in a namespace of /run/netns, or (`None`) on the host, which is the network namespace
/// that netns-tool runs in.
pub type Place = Option<NamespaceName>;

/// One change of the kernel that happens whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The reason, for a reader of the script.
    pub why: String,
    pub run: Cmd,
    /// What holds after it, and did not before.
    pub gives: Vec<Fact>,
    /// Takes it back, in this order; empty where it goes with what an earlier step made.
    pub undo: Vec<Undo>,
    /// The places where all that was planned before it has to be done first, besides those that it touches itself.
    #[serde(default)]
    pub after: Vec<Place>,
}

impl Step {
    /// A step that promises nothing, and that nothing has to take back.
    pub fn new(why: impl Into<String>, run: Cmd) -> Self {
        Self { why: why.into(), run, gives: Vec::new(), undo: Vec::new(), after: Vec::new() }
    }

    /// With these facts holding after it, and not before.
    pub fn gives(self, gives: impl Into<Vec<Fact>>) -> Self {
        Self { gives: gives.into(), ..self }
    }

    /// Taken back like this.
    pub fn undo(self, undo: impl Into<Vec<Undo>>) -> Self {
        Self { undo: undo.into(), ..self }
    }

    /// Not before what is planned for these places.
    pub fn after(self, after: impl Into<Vec<Place>>) -> Self {
        Self { after: after.into(), ..self }
    }
}

/// A command that takes something back, tied to what it takes back: it is run only if that is there now, and was
/// proven not to be there before the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    pub made: Fact,
    pub run: Cmd,
}

impl Undo {
    pub fn new(made: Fact, run: Cmd) -> Self {
        Self { made, run }
    }

    /// Puts a value back.
    pub fn write(at: &Place, path: String, value: String) -> Self {
        let before = Fact::Value { at: at.clone(), path: path.clone(), value: value.clone() };
        Self { made: Fact::not(before), run: Cmd::Write { netns: at.clone(), path, value } }
    }
}

/// What is done, in the order in which it needs each other: first all that builds, then what removes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// All of it is done, or what was done is taken back.
    pub build: Vec<Step>,
    /// Once that is done: it goes on past errors, and what is left is named.
    pub remove: Vec<Step>,
}

impl Plan {
    pub fn build(build: Vec<Step>) -> Self {
        Self { build, remove: Vec::new() }
    }

    pub fn remove(remove: Vec<Step>) -> Self {
        Self { build: Vec::new(), remove }
    }

    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// All steps in their order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.build.iter().chain(&self.remove)
    }

    /// The plan as a commented POSIX shell script that leaves the same state.
    pub fn script(&self, command_line: &str) -> String {
        let mut script = format!("#!/bin/sh\n# {}\n", one_line(command_line));
        if self.is_empty() {
            script.push_str("# nothing to do\n");
        }
        if !self.build.is_empty() {
            script.push_str("set -e\n");
            push_steps(&mut script, &self.build);
            // What is removed is removed as far as it goes.
            script.push_str(if self.remove.is_empty() { "" } else { "\nset +e\n" });
        }
        push_steps(&mut script, &self.remove);
        script
    }
}

fn push_steps(script: &mut String, steps: &[Step]) {
    for step in steps {
        script.push_str(&format!("\n# {}\n{}\n", one_line(&step.why), step.run));
    }
}

/// Text for a comment of the script, where a line break would end the comment.
pub fn one_line(text: &str) -> String {
    crate::failure::printable(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_out_of_the_comment_of_a_script() {
        let script = Plan::build(vec![]).script("netns-tool create x\nrm -rf /\u{1b}");
        assert_eq!(script, "#!/bin/sh\n# netns-tool create x\\nrm -rf /\\u{1b}\n# nothing to do\n");
    }

    #[test]
    fn a_script_that_builds_and_removes_goes_on_past_errors_only_then() {
        let step = |words: &str| vec![Step::new(words, Cmd::ip(&None, words))];
        let plan = Plan { build: step("link add"), remove: step("link del") };
        assert_eq!(
            plan.script("x"),
            "#!/bin/sh\n# x\nset -e\n\n# link add\nip link add\n\nset +e\n\n# link del\nip link del\n"
        );
        assert_eq!(plan.steps().count(), 2);
    }

    #[test]
    fn a_step_in_an_older_journal_is_understood() {
        let write = r#"{"why":"w","run":{"Write":{"path":"/p","value":"1"}},"gives":[{"Value":{"path":"/p","value":"1"}}],"undo":[]}"#;
        let step: Step = serde_json::from_str(write).unwrap();
        assert_eq!(step.run.to_string(), "echo 1 > /p");
    }
}
