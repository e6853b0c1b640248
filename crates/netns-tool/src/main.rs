//! netns-tool: virtual networks on one machine out of network namespaces, veth pairs, bridges and NAT.
//!
//! A subcommand turns its arguments and what stands in the kernel into a plan, which is printed or applied.

mod address;
mod advice;
mod bridge;
mod cli;
mod dns;
mod failure;
mod family;
mod firewall;
mod ip;
mod item;
mod kernel;
mod lab;
mod mark;
mod name;
mod namespace;
mod nat;
mod noun;
mod plan;
#[cfg(test)]
mod plan_tests;
mod run;
mod sysctl;
mod system;
mod veth;

use anyhow::Result;
use clap::{ColorChoice, CommandFactory, FromArgMatches};
use cli::{Cli, Command};
use failure::{Failure, Kind, count};
use kernel::Snapshot;
use noun::{Noun, Work};
use run::{Settings, Writer};
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let color = color_choice();
    let matches = match Cli::command().color(color).try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let error = printable_error(error, color);
            // That nobody reads the help (a broken pipe) is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome =
        Cli::from_arg_matches(&matches).map_err(anyhow::Error::from).and_then(|cli| act(&cli));
    let error = match outcome {
        Ok(code) => return code,
        Err(error) => error,
    };
    let failure = error
        .downcast::<Failure>()
        .unwrap_or_else(|error| Failure::new(Kind::Failed, format!("{error:#}")));
    report_failure(&failure, color);
    ExitCode::from(failure.kind.exit_code())
}

/// The same error as it can be shown. It repeats what was typed, so it is that of the same words made printable:
/// no word is right only then.
fn printable_error(error: clap::Error, color: ColorChoice) -> clap::Error {
    let words = std::env::args_os().map(|word| failure::printable_word(&word));
    Cli::command().color(color).try_get_matches_from(words).err().unwrap_or(error)
}

/// Does what the command line says.
fn act(cli: &Cli) -> Result<ExitCode> {
    system::signals::prepare()?;
    // No child gets what the caller has open: a program of a lab would hold it for as long as it runs.
    close_fds::set_fds_cloexec(3, &[]);
    let global = &cli.global;
    let settings = Settings {
        limit: Duration::from_secs(global.timeout.into()),
        wait: Duration::from_secs(global.wait.into()),
        verbose: global.verbose,
        progress: !global.verbose && !global.quiet && std::io::stderr().is_terminal(),
    };
    let Some(noun) = noun::of(&cli.command)? else {
        return show(&cli.command, settings, global);
    };
    noun.check()?;
    if global.dry_run {
        if run::journal_lies_there() && !global.quiet {
            run::tell(
                "note: a killed command has left something, which the next command takes back first",
            );
        }
        let work = noun.plan(&Snapshot::read(&noun.wanted(), settings.limit)?)?;
        tell_notes(&work, global.quiet);
        say(&work.plan.script(&command_line()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let writer = Writer::new(settings)?;
    let work = noun.plan(&Snapshot::read(&noun.wanted(), settings.limit)?)?;
    writer.apply(&work.plan, &command_line())?;
    tell_notes(&work, global.quiet);
    if !global.quiet {
        // That the report cannot be written does not make what was done a failure.
        if let Err(error) = say(&(failure::printable(&work.report.join("\n")) + "\n")) {
            run::tell(&format!("note: it is done, but {error:#}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands that plan nothing to be done.
fn show(command: &Command, settings: Settings, global: &cli::Global) -> Result<ExitCode> {
    match command {
        Command::Plan(args) => {
            let up = lab::Up::read(&args.lab)?;
            let work = up.plan(&Snapshot::read(&up.wanted(), settings.limit)?)?;
            tell_notes(&work, global.quiet);
            say(&if args.json {
                lab::steps(&work.plan)
            } else {
                work.plan.script(&command_line())
            })?;
        }
        Command::Diff(args) => {
            let up = lab::Up::read(&args.lab)?;
            let course = up.course(&Snapshot::read(&up.wanted(), settings.limit)?)?;
            let name = up.lab.name.as_str();
            if !(global.quiet && course.differences.is_empty()) {
                say(&lab::differences(name, &course.differences, args.json))?;
            }
            return Ok(ExitCode::from(u8::from(!course.differences.is_empty())));
        }
        Command::Labs(args) => {
            let facts = Snapshot::read(&lab::wanted(), settings.limit)?;
            if facts.hidden > 0 && !global.quiet {
                run::tell(&format!(
                    "note: {} could not be looked into; root can (sudo netns-tool labs)",
                    count(facts.hidden, "network namespace")
                ));
            }
            say(&lab::table(&lab::list(&facts, settings.limit), args.json))?;
        }
        _ => recover(settings, global)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what the plan can do nothing about; if quiet, only what will not work because of it.
fn tell_notes(work: &Work, is_quiet: bool) {
    for note in work.notes.iter().filter(|note| !(is_quiet && note.starts_with("note: "))) {
        run::tell(note);
    }
}

fn recover(settings: Settings, global: &cli::Global) -> Result<()> {
    if global.dry_run {
        return say(if run::journal_lies_there() {
            "# a killed command has left something; netns-tool recover takes it back\n"
        } else {
            "# nothing to take back\n"
        });
    }
    let (_writer, had_left) = Writer::open(settings)?;
    if had_left || global.quiet { Ok(()) } else { say("Nothing to take back\n") }
}

/// Writes to stdout. That its reader has gone away (a broken pipe) is no error.
fn say(text: &str) -> Result<()> {
    let written =
        std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(failure::failed(format!("cannot write to stdout: {}", failure::in_words(&error)))
                .into())
        }
        _ => Ok(()),
    }
}

fn report_failure(failure: &Failure, color: ColorChoice) {
    let mut stderr = std::io::stderr();
    let is_colored = match color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let lead = if is_colored { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    let _ = writeln!(stderr, "{lead} {failure}");
}

/// What was typed, for the head of a script and for the journal.
fn command_line() -> String {
    let words =
        std::env::args_os().skip(1).map(|word| plan::quote(&word.to_string_lossy()).into_owned());
    std::iter::once("netns-tool".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// `--color` has to be known before the command line is parsed: its own errors are coloured too.
fn color_choice() -> ColorChoice {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    // After `--` there are only names.
    let words: Vec<String> = words.take_while(|word| word != "--").collect();
    let mut choice = ColorChoice::Auto;
    for (index, word) in words.iter().enumerate() {
        let value = word.strip_prefix("--color=").or_else(|| {
            (word == "--color").then(|| words.get(index + 1)).flatten().map(String::as_str)
        });
        choice = match value {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            _ => choice,
        };
    }
    choice
}
