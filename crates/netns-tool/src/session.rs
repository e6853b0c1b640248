//! `run`: a lab is up for as long as a command runs.

use crate::act::{self, command_line, prepare, say, tell_notes};
use crate::cli::{Global, RunArgs, StandByArgs, TIMEOUT, WAIT};
use crate::exec;
use crate::failure::{Failure, Kind, failed, in_words, printable_word, usage};
use crate::kernel::{Snapshot, Wanted};
use crate::lab::{self, Down, Up};
use crate::mark::LabName;
use crate::name::NamespaceName;
use crate::noun::{Noun, Work};
use crate::plan::quote;
use crate::run::{Settings, tell};
use crate::sandbox;
use crate::system::foreground::{Foreground, code};
use crate::system::pipe::{Pipe, adopt};
use crate::system::{child, signals};
use anyhow::{Context, Result};
use clap::ColorChoice;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::{OsStr, OsString};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ExitCode};

/// The exit codes of shells for what cannot be run, and for what is not there.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Builds the lab, runs the command, and takes the lab down.
///
/// # Errors
/// The lab is up already, or cannot be built or taken down. That the command fails is none: its exit code is ours.
pub fn run(args: &RunArgs, settings: Settings, global: &Global) -> Result<ExitCode> {
    let up = Up::read(&args.lab, global.timeout)?;
    let inside = args.inside.as_ref().map(|name| namespace(&up, name)).transpose()?;
    if args.sandbox {
        check_seen(&args.lab.file)?;
        return sandbox::enter_with_ourselves(words(args, global), settings, global);
    }
    if global.dry_run {
        return dry_run(args, &up, inside.as_ref(), settings, global);
    }
    let mut command = StandBy::start(&args.command, inside.as_ref())?;
    prepare()?;
    apply(&NewLab(&up), settings, global)?;
    let outcome = command.run();
    let name = &up.lab.name;
    if args.keep_on_failure && matches!(outcome, Ok(1..)) {
        tell(&left_standing(&up, inside.as_ref()));
        return outcome.map(ExitCode::from);
    }
    take_down_in_any_case(name, settings, global).map_err(|error| left(name, error))?;
    outcome.map(ExitCode::from)
}

/// The words for the same without a private host, to be run in one.
fn words(args: &RunArgs, global: &Global) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["run".into()];
    words.extend(global.quiet.then(|| "--quiet".into()));
    words.extend(global.verbose.then(|| "--verbose".into()));
    let color = Some(global.color).filter(|color| *color != ColorChoice::Auto);
    for (option, value) in [
        ("--color", color.map(|color| color.to_string())),
        (
            "--timeout",
            Some(global.timeout).filter(|limit| *limit != TIMEOUT).map(|limit| limit.to_string()),
        ),
        ("--wait", Some(global.wait).filter(|wait| *wait != WAIT).map(|wait| wait.to_string())),
        ("--name", args.lab.name.as_ref().map(ToString::to_string)),
        ("--in", args.inside.clone()),
    ] {
        words.extend(value.into_iter().flat_map(|value| [option.into(), value.into()]));
    }
    // A file may be called like an option.
    let file = args.lab.file.as_os_str();
    let is_option = file.as_bytes().first() == Some(&b'-');
    words.push(if is_option { Path::new(".").join(file).into() } else { file.to_owned() });
    words.push("--".into());
    words.extend(args.command.iter().cloned());
    words
}

/// A private host has a /run of its own; in the working directory a file is found all the same.
fn check_seen(file: &Path) -> Result<(), Failure> {
    let is_hidden = file.canonicalize().is_ok_and(|real| real.starts_with("/run"));
    if !(file.is_absolute() && is_hidden) {
        return Ok(());
    }
    let shown = printable_word(file.as_os_str());
    Err(usage(format!("{shown} is not there in a private host, which has a /run of its own"))
        .hint("a lab file elsewhere, or in the working directory: cd, and its name alone"))
}

/// The namespace of the lab that is called so, by its whole name or by that in the file.
fn namespace(up: &Up, name: &str) -> Result<NamespaceName, Failure> {
    let lab = &up.lab;
    let full = format!("{}-{name}", lab.name);
    let names = || lab.namespaces.iter().map(|netns| &netns.name);
    let is_it = |known: &&NamespaceName| [name, &full].contains(&known.as_str());
    if let Some(found) = names().find(is_it) {
        return Ok(found.clone());
    }
    let shown = printable_word(name.as_ref());
    let failure = usage(format!("the lab `{}` has no namespace `{shown}`", lab.name));
    let distance = |known: &&NamespaceName| strsim::damerau_levenshtein(name, known.as_str());
    Err(match names().min_by_key(distance) {
        None => failure.hint("without --in the command runs on the host"),
        Some(near) if distance(&near) <= 1 + name.chars().count() / 4 => {
            failure.hint(format!("did you mean `{near}`?"))
        }
        Some(_) => {
            let all: Vec<_> = names().take(12).map(|name| format!("`{name}`")).collect();
            failure.hint(format!("one of {}", all.join(", ")))
        }
    })
}

/// A lab that is not up yet: it would have to be taken down at the end.
struct NewLab<'a>(&'a Up);

impl Noun for NewLab<'_> {
    fn wanted(&self) -> Wanted {
        self.0.wanted()
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let name = &self.0.lab.name;
        if lab::stands(name, facts) {
            return Err(failed(format!("the lab `{name}` is up already"))
                .hint(format!("netns-tool down {name}, or another beside it: --name NAME")));
        }
        self.0.plan(facts)
    }
}

/// Stdout is the command's: what was done is told on stderr.
fn apply(noun: &impl Noun, settings: Settings, global: &Global) -> Result<()> {
    let work = act::apply(noun, settings, global)?;
    if !global.quiet {
        tell(&work.report.join("\n"));
    }
    Ok(())
}

/// A second Ctrl-C of somebody who is in a hurry does not keep the lab.
fn take_down_in_any_case(name: &LabName, settings: Settings, global: &Global) -> Result<()> {
    const TIMES: usize = 9;
    let down = Down::named(name.clone());
    for _ in 0..TIMES {
        signals::forget();
        let outcome = apply(&down, settings, global);
        if outcome.is_ok() || signals::pending().is_none() {
            return outcome;
        }
    }
    apply(&down, settings, global)
}

/// Why the lab is still there, whatever the reason.
fn left(name: &LabName, error: anyhow::Error) -> Failure {
    let mut failure = error
        .downcast::<Failure>()
        .unwrap_or_else(|error| Failure::new(Kind::Left, format!("{error:#}")));
    failure.kind = Kind::Left;
    failure.what = format!("the lab `{name}` could not be taken down: {}", failure.what);
    failure.hint(format!("netns-tool down {name}"))
}

fn left_standing(up: &Up, inside: Option<&NamespaceName>) -> String {
    let name = &up.lab.name;
    let netns = inside.or_else(|| up.lab.namespaces.first().map(|netns| &netns.name));
    let enter = netns.map(|netns| format!("netns-tool shell {netns}; ")).unwrap_or_default();
    format!("note: the lab `{name}` is left standing: {enter}netns-tool down {name}")
}

/// What would be run, as a script.
fn dry_run(
    args: &RunArgs,
    up: &Up,
    inside: Option<&NamespaceName>,
    settings: Settings,
    global: &Global,
) -> Result<ExitCode> {
    let new = NewLab(up);
    let work = new.plan(&Snapshot::read(&new.wanted(), settings.limit)?)?;
    tell_notes(&work, global.quiet);
    let exec = inside.map(|netns| format!("ip netns exec {netns} ")).unwrap_or_default();
    let words: Vec<String> =
        args.command.iter().map(|word| quote(&word.to_string_lossy()).into_owned()).collect();
    say(&format!(
        "{}\n# run the command\nstatus=0\n{exec}{} || status=$?\n\n# take the lab down\nnetns-tool down {}\nexit $status\n",
        work.plan.script(&command_line()),
        words.join(" "),
        up.lab.name
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// A process with all that the caller has left us (files, signals, limits), which becomes his command when it is told to.
struct StandBy {
    child: Child,
    go: Option<std::fs::File>,
}

impl StandBy {
    fn start(command: &[OsString], inside: Option<&NamespaceName>) -> Result<Self> {
        signals::see_children()?;
        let control = Pipe::to_child()?;
        let mut process = child::of_caller(std::env::current_exe().context("cannot find myself")?);
        process.arg("__stand-by");
        control.tell(&mut process, "--control");
        if let Some(netns) = inside {
            process.args(["--inside", netns.as_str()]);
        }
        process.arg("--").args(command);
        let child = process.spawn().context("cannot start a process")?;
        Ok(Self { child, go: Some(control.ours) })
    }

    /// Runs the command to its end; its exit code.
    fn run(&mut self) -> Result<u8> {
        let mut foreground = Foreground::new()?;
        if let Some(interruption) = signals::interruption() {
            return Err(interruption.into());
        }
        if let Some(mut go) = self.go.take() {
            // A signal may have ended it; then it has an exit code all the same.
            let _ = go.write_all(b"!");
        }
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let look = || self.child.try_wait().context("cannot wait for the command");
        let status = foreground.wait(look, |signal| {
            if let Ok(signal) = Signal::try_from(signal) {
                // It may have ended just now.
                let _ = kill(pid, signal);
            }
        })?;
        Ok(code(status))
    }
}

impl Drop for StandBy {
    fn drop(&mut self) {
        if self.go.take().is_some() {
            // It ends with the pipe.
            let _ = self.child.wait();
        }
    }
}

/// Waits for the word, and becomes the command.
///
/// # Errors
/// Never where it was netns-tool that started it: what is wrong with the command is said at once, with an exit code of its
/// own.
pub fn stand_by(args: &StandByArgs) -> Result<ExitCode> {
    if let Some(control) = args.control {
        let [mut control] = adopt([control])?;
        if control.read(&mut [0])? == 0 {
            return Ok(ExitCode::FAILURE);
        }
    }
    match &args.inside {
        None => exec::become_command(args),
        Some(netns) => exec::become_inside(netns, &args.command),
    }
}

/// Says that the caller's command cannot be run, and how shells call that. A folder of PATH that may not be looked into makes
/// the system say of a program that is nowhere that it may not be run.
pub fn cannot_run(program: &OsStr, error: &Error) -> u8 {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&folders);
    let is_path = program.as_bytes().contains(&b'/');
    let is_nowhere = error.kind() == ErrorKind::NotFound
        || !(is_path || folders.any(|folder| folder.join(program).exists()));
    let (words, code) = if is_nowhere {
        (in_words(&Errno::ENOENT.into()), NOT_FOUND)
    } else {
        (in_words(error), CANNOT_RUN)
    };
    tell(&format!("error: cannot run `{}`: {words}", printable_word(program)));
    code
}
