//! netns-tool: virtual networks on one machine out of network namespaces, veth pairs, bridges and NAT.
//!
//! A subcommand turns its arguments and what stands in the kernel into a plan, which is printed or applied.

mod act;
mod address;
mod advice;
mod bridge;
mod capture;
mod check;
mod cli;
mod color;
mod complete;
mod dns;
mod doctor;
mod exec;
mod failure;
mod family;
mod firewall;
mod graph;
mod ip;
mod item;
mod kernel;
mod lab;
mod list;
mod man;
mod mark;
mod name;
mod named;
mod namespace;
mod nat;
mod noun;
mod path;
mod plan;
#[cfg(test)]
mod plan_tests;
mod probe;
mod run;
mod sandbox;
mod session;
mod show;
mod suggest;
mod sysctl;
mod system;
mod table;
mod topology;
mod trace;
mod veth;

use clap::{ColorChoice, CommandFactory, FromArgMatches};
use cli::Cli;
use failure::{Failure, Kind};
use std::io::Write;
use std::process::ExitCode;
use system::limits;
use system::stack::with_room;

fn main() -> ExitCode {
    let color = color_choice();
    // A limit that is hit ends the process at once, without a word.
    let borrowed = match limits::borrow() {
        Ok(borrowed) => borrowed,
        Err(error) => return report(error, color),
    };
    let cli = match parse(color) {
        Ok(cli) => cli,
        Err(error) => {
            // That nobody reads the help (a broken pipe) is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    act::act(&cli, &borrowed).unwrap_or_else(|error| report(error, color))
}

/// Says what went wrong; the exit code.
fn report(error: anyhow::Error, color: ColorChoice) -> ExitCode {
    let failure = error
        .downcast::<Failure>()
        .unwrap_or_else(|error| Failure::new(Kind::Failed, format!("{error:#}")));
    report_failure(&failure, color);
    ExitCode::from(failure.kind.exit_code())
}

/// Takes the command line apart.
fn parse(color: ColorChoice) -> Result<Cli, clap::Error> {
    with_room(|| {
        let matches = Cli::command().color(color).try_get_matches();
        matches
            .and_then(|matches| Cli::from_arg_matches(&matches))
            .map_err(|error| printable_error(error, color))
    })
}

/// The same error as it can be shown. It repeats what was typed, so it is that of the same words made printable:
/// no word is right only then.
fn printable_error(error: clap::Error, color: ColorChoice) -> clap::Error {
    let words = std::env::args_os().map(|word| failure::printable_word(&word));
    Cli::command().color(color).try_get_matches_from(words).err().unwrap_or(error)
}

fn report_failure(failure: &Failure, color: ColorChoice) {
    let mut stderr = std::io::stderr();
    let lead =
        if color::is_wanted(color, &stderr) { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
    let _ = writeln!(stderr, "{lead} {failure}");
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
