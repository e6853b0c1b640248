//! The only writer: applies plans under the lock, with a journal, and takes back what it has to.

mod batch;
mod build;
mod elsewhere;
mod item;
mod journal;
mod lock;
mod process;
mod progress;
mod ready;
mod remove;
mod schedule;
#[cfg(test)]
mod tests;
mod undo;

pub use lock::{is_held, journal_lies_there};

use crate::advice::advise;
use crate::failure::{Failure, Kind, failed, in_words, missing, printable, shortened};
use crate::kernel::{Look, inside};
use crate::plan::{Cmd, Place, Plan, Step, Tool};
use crate::system::{child, rights, signals, tools};
use anyhow::Result;
use journal::Journal;
use lock::Lock;
use progress::Done;
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;
use undo::Begun;

/// How commands are run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The time limit of each system command.
    pub limit: Duration,
    /// How long to wait for another netns-tool.
    pub wait: Duration,
    /// Show each change on stderr as it is made.
    pub verbose: bool,
    /// Show on stderr how far a long plan has come.
    pub progress: bool,
}

/// The right to change the host: it holds the lock, and nothing of a killed command is left.
pub struct Writer {
    settings: Settings,
    lock: Lock,
    done: Done,
}

/// Why a command did not do what it should.
struct Refusal {
    /// In the words of the system.
    said: String,
    code: Option<i32>,
}

impl Writer {
    /// Takes the lock, and first takes back what a killed command has left.
    ///
    /// # Errors
    /// Missing privileges, another netns-tool at work, or something that cannot be taken back.
    pub fn new(settings: Settings) -> Result<Self> {
        Ok(Self::open(settings)?.0)
    }

    /// The same, and says whether there was anything to take back.
    pub fn open(settings: Settings) -> Result<(Self, bool)> {
        require_privileges()?;
        let writer = Self { settings, lock: Lock::take(settings.wait)?, done: Done::default() };
        let had_left = writer.recover()?;
        Ok((writer, had_left))
    }

    /// Applies a plan: it builds all or nothing, and then removes, going on past errors.
    pub fn apply(&self, plan: &Plan, command_line: &str) -> Result<()> {
        let undo = plan.steps().flat_map(|step| &step.undo).map(|undo| &undo.run);
        let commands = plan.steps().map(|step| &step.run).chain(undo);
        let needed: HashSet<Tool> = commands.flat_map(Cmd::tools).collect();
        needed.into_iter().try_for_each(|tool| tools::find(tool).map(|_| ()))?;
        let _shown = self.settings.progress.then(|| self.done.show(plan.steps().count()));
        if plan.build.is_empty() {
            interruption()?;
        } else {
            // A signal that arrives when it is complete takes nothing of it back.
            self.build(&plan.build, Journal::new(&self.lock, command_line.to_owned()))?;
        }
        self.remove(&plan.remove)
    }

    /// Takes back what a killed command has left, and says so; `false` if there was nothing.
    fn recover(&self) -> Result<bool> {
        let Some(left) = journal::left(&self.lock)? else { return Ok(false) };
        let command = shortened(&printable(&left.command));
        elsewhere::check(&left, &command)?;
        tell(&format!("taking back what an interrupted command had begun: {command}"));
        process::end_starting(&left.steps, self.settings.limit)?;
        let begun: Vec<_> = left.steps.iter().map(|step| Begun { step, number: None }).collect();
        let leftovers = self.undo(&begun);
        if !leftovers.is_empty() {
            return Err(undo::name_leftovers(
                Failure::new(Kind::Left, "not all of it could be taken back"),
                &leftovers,
            )
            .into());
        }
        journal::remove(&self.lock)?;
        tell("the host is as it was before it");
        Ok(true)
    }

    /// Runs one command. With `patient` a signal does not shorten its time.
    fn execute(&self, cmd: &Cmd, patient: bool) -> Result<(), Refusal> {
        if self.settings.verbose {
            tell(&format!("+ {cmd}"));
        }
        let outcome = self.execute_quietly(cmd, patient);
        self.done.add(1);
        outcome
    }

    /// The same, and it has been shown already.
    fn execute_quietly(&self, cmd: &Cmd, patient: bool) -> Result<(), Refusal> {
        match cmd {
            Cmd::Write { netns, path, value } => write_value(netns, path, value),
            Cmd::End { netns, .. } => process::end(netns, None),
            Cmd::Stop { netns, mark } => process::end(netns, Some(mark)),
            Cmd::Start { .. } => self.start(cmd),
            Cmd::Await { .. } => {
                self.done.wait_for("a program to be ready", || self.wait_until_ready(cmd))
            }
            Cmd::Settle { .. } => {
                let settle = || ready::settle(cmd, self.settings.limit);
                self.done.wait_for(ready::awaited(cmd), settle)
            }
            Cmd::Make(item) => item::make(item),
            Cmd::Remove(item) => item::remove(item),
            Cmd::Run { .. } => {
                let output = child::run(cmd, self.settings.limit, patient)
                    .map_err(|error| Refusal::new(format!("{error:#}")))?;
                let code = output.status.and_then(|status| status.code());
                let said = output.reason(self.settings.limit);
                if output.is_success() { Ok(()) } else { Err(Refusal { said, code }) }
            }
        }
    }

    fn look(&self) -> Look {
        Look::new(self.settings.limit)
    }

    /// The failure of one step, in words.
    fn refused(&self, step: &Step, refusal: &Refusal) -> Failure {
        let failure = failed(format!("could not {}", step.why)).note("ran", step.run.shortened());
        advise(failure.note("system", refusal.said.clone()), &step.run, &refusal.said)
    }
}

impl Refusal {
    fn new(said: String) -> Self {
        Self { said, code: None }
    }
}

/// A line on stderr. That nobody reads it (a broken pipe) must not disturb an undo.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable(line));
}

/// Root, or its two capabilities that count.
fn require_privileges() -> Result<()> {
    if let Some(name) = rights::lacking()? {
        return Err(missing(format!(
            "changing the network takes root's rights, and {name} is missing"
        ))
        .hint("the same command with sudo, or in a private host: netns-tool sandbox")
        .into());
    }
    Ok(())
}

/// Writes to a file of /proc/sys. What is below /proc/sys/net belongs to the network namespace of the thread that opens it.
fn write_value(netns: &Place, path: &str, value: &str) -> Result<(), Refusal> {
    let write = || -> Result<()> {
        let refuse =
            |error: std::io::Error| failed(format!("cannot write {path}: {}", in_words(&error)));
        let mut file = OpenOptions::new().write(true).open(path).map_err(refuse)?;
        Ok(file.write_all(value.as_bytes()).map_err(refuse)?)
    };
    let written = match netns {
        None => write(),
        Some(netns) => inside::inside(netns, write),
    };
    written.map_err(|error| Refusal::new(format!("{error:#}")))
}

/// Whether a signal has asked the command to end.
fn interruption() -> Result<()> {
    signals::interruption().map_or(Ok(()), |failure| Err(failure.into()))
}
