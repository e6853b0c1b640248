//! `run`: a lab is up for as long as a command runs.

mod stand_by;

pub use stand_by::{cannot_run, stand_by};

use crate::act::{self, command_line, prepare, say, tell_notes};
use crate::cli::{Global, RunArgs, TIMEOUT, WAIT};
use crate::failure::{Failure, Kind, failed, printable_word, usage};
use crate::kernel::{Snapshot, Wanted};
use crate::lab::{self, Down, Up};
use crate::mark::LabName;
use crate::name::NamespaceName;
use crate::noun::{Noun, Work};
use crate::plan::quote_all;
use crate::run::{Settings, tell};
use crate::sandbox;
use crate::suggest::{meant, shown};
use crate::system::signals;
use anyhow::Result;
use clap::ColorChoice;
use stand_by::StandBy;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Builds the lab, runs the command, and takes the lab down.
///
/// # Errors
/// The lab is up already, or cannot be built or taken down. That the command fails is none: its exit code is ours.
pub fn run(args: &RunArgs, settings: Settings, global: &Global) -> Result<ExitCode> {
    let up = Up::read(&args.lab, global.timeout)?;
    let inside = args.inside.as_ref().map(|name| namespace(&up, name)).transpose()?;
    if args.sandbox {
        let file = file_inside(&args.lab.file)?;
        return sandbox::enter_with_ourselves(words(args, &file, global), settings, global);
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
    // A second Ctrl-C of somebody who is in a hurry does not keep the lab.
    let (down, arrived) = signals::put_off(|| apply(&Down::named(name.clone()), settings, global));
    down.map_err(|error| left(name, error))?;
    let code = outcome?;
    match arrived.map(|number| (number, Kind::Signal(number))) {
        // Whoever is in a hurry sends it twice.
        Some((number, kind)) if kind.exit_code() != code => Err(late(name, number, code).into()),
        _ => Ok(ExitCode::from(code)),
    }
}

/// The words for the same without a private host, to be run in one.
fn words(args: &RunArgs, file: &Path, global: &Global) -> Vec<OsString> {
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
    let file = file.as_os_str();
    let is_option = file.as_bytes().first() == Some(&b'-');
    words.push(if is_option { Path::new(".").join(file).into() } else { file.to_owned() });
    words.push("--".into());
    words.extend(args.command.iter().cloned());
    words
}

/// What is not there in a private host, which has its own.
const HIDDEN: [&str; 2] = ["/run", "/etc/netns"];

/// The file as it is found in a private host: what is below the working directory is found there from that, wherever it is.
///
/// # Errors
/// It is hidden there.
fn file_inside(file: &Path) -> Result<PathBuf, Failure> {
    let (Ok(real), Ok(folder)) = (file.canonicalize(), std::env::current_dir()) else {
        return Ok(file.to_owned());
    };
    // Its own name stays, also of a link: the lab may be called like it.
    let absolute = folder.join(file);
    let parent = absolute.parent().and_then(|parent| parent.canonicalize().ok());
    let named = parent.unwrap_or_default().join(absolute.file_name().unwrap_or_default());
    if ![&named, &real].iter().any(|path| HIDDEN.iter().any(|hidden| path.starts_with(hidden))) {
        return Ok(if absolute == named { file.to_owned() } else { named });
    }
    match real.strip_prefix(&folder) {
        Ok(below) if named == real => Ok(below.to_owned()),
        _ => {
            let shown = printable_word(file.as_os_str());
            let what = format!(
                "{shown} is not there in a private host, which has a /run and an /etc/netns of its own"
            );
            Err(usage(what)
                .hint("a lab file elsewhere, or in the working directory: cd, and its name alone"))
        }
    }
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
    let failure = usage(format!("the lab `{}` has no namespace `{}`", lab.name, shown(name)));
    Err(match meant(name, names().map(NamespaceName::as_str)) {
        None => failure.hint("without --in the command runs on the host"),
        Some(meant) => failure.note("hint", meant),
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
            return Err(failed(format!("the lab `{name}` is up already")).hint(format!(
                "netns-tool down {name}, or another beside it that has a host of its own: --sandbox"
            )));
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

/// A signal came when the command had ended already.
fn late(name: &LabName, number: i32, code: u8) -> Failure {
    let signal = signals::name(number);
    let what =
        format!("interrupted by {signal} while the lab `{name}` was taken down, which is done");
    Failure::new(Kind::Signal(number), what)
        .note("command", format!("it had ended before, with exit code {code}"))
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
    say(&format!(
        "{}\n# run the command\nstatus=0\n{exec}{} || status=$?\n\n# take the lab down\nnetns-tool down {}\nexit $status\n",
        work.plan.script(&command_line()),
        quote_all(&args.command),
        up.lab.name
    ))?;
    Ok(ExitCode::SUCCESS)
}
