//! Completions: what may stand at the cursor. The scripts of the shells ask `netns-tool __complete` at each Tab, so that
//! they complete what is really there.
//!
//! The first line of the answer says what the shell is to add: `names` (nothing), `files` (lab files), `folders`, or
//! `command` (what it knows of the command after `--`). The others are candidates, each with a tab and a description, if
//! it has one.

mod source;

use crate::act::say;
use crate::cli::{Cli, CompleteArgs, CompletionsArgs, Shell};
use crate::system::stack::with_room;
use anyhow::Result;
use clap::{ArgMatches, Command, CommandFactory};
use clap_complete::engine::{self, ArgValueCompleter, CompletionCandidate};
use source::{FILES, FOLDERS, Source, named_already};
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

/// Stands for the word at the cursor as long as there is none.
const PLACEHOLDER: &str = "x";

/// Prints the script for a shell.
///
/// # Errors
/// Stdout cannot be written to.
pub fn script(args: &CompletionsArgs) -> Result<ExitCode> {
    say(match args.shell {
        Shell::Bash => include_str!("../completions/netns-tool.bash"),
        Shell::Zsh => include_str!("../completions/_netns-tool"),
        Shell::Fish => include_str!("../completions/netns-tool.fish"),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Answers the script. Nothing is ever said of what goes wrong: it would show up amid the line that somebody types.
pub fn answer(args: &CompleteArgs) -> ExitCode {
    let Some(answer) = with_room(|| complete(args.index, &args.words)) else {
        return ExitCode::FAILURE;
    };
    say(&answer).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// None where nothing can be known.
fn complete(index: usize, words: &[OsString]) -> Option<String> {
    let current = words.get(index)?.to_str()?;
    let context = context(index, words);
    if is_command(index, words, context.as_ref()) {
        return Some("command\n".to_owned());
    }
    let word = words[index].to_str().filter(|word| !word.is_empty()).unwrap_or(PLACEHOLDER);
    let mut command = with_sources(context, word);
    let mut candidates = engine::complete(&mut command, words.to_vec(), index, None).ok()?;
    let mut kind = "names";
    candidates.retain(|candidate| match candidate.get_id().map(String::as_str) {
        Some(FILES) => {
            kind = "files";
            false
        }
        Some(FOLDERS) => {
            kind = "folders";
            false
        }
        _ => !candidate.is_hide_set(),
    });
    let lines = candidates.iter().filter_map(|candidate| line(candidate, current));
    Some(std::iter::once(kind.to_owned()).chain(lines).map(|line| line + "\n").collect())
}

/// A candidate as it is printed. Options show up where one has been begun, and by their long names.
fn line(candidate: &CompletionCandidate, current: &str) -> Option<String> {
    let value = candidate.get_value().to_str()?;
    let is_shown =
        if current.starts_with('-') { value.starts_with("--") } else { !value.starts_with('-') };
    let is_plain = !value.is_empty() && !value.contains(|c: char| c.is_control());
    let help = candidate.get_help().map(ToString::to_string);
    let help = help.as_deref().and_then(|help| help.lines().next()).unwrap_or_default();
    let tab = if help.is_empty() { "" } else { "\t" };
    (is_shown && is_plain).then(|| format!("{value}{tab}{help}"))
}

/// What the line says otherwise, before the cursor and after it, as far as it can be taken apart.
fn context(index: usize, words: &[OsString]) -> Option<ArgMatches> {
    let mut words = words.to_vec();
    match words[index].as_encoded_bytes() {
        // It is no name yet, but it has its place.
        b"" => words[index] = PLACEHOLDER.into(),
        [b'-', ..] => drop(words.remove(index)),
        _ => {}
    }
    Cli::command().ignore_errors(true).try_get_matches_from(words).ok()
}

/// Whether the cursor is in a command of the caller's, after `--`.
fn is_command(index: usize, words: &[OsString], context: Option<&ArgMatches>) -> bool {
    let takes_one = |name: &str| {
        let command = Cli::command();
        let command = command.find_subcommand(name);
        command.is_some_and(|command| command.get_positionals().any(|arg| arg.is_last_set()))
    };
    let name = context.and_then(ArgMatches::subcommand_name);
    words[..index].iter().any(|word| word == "--") && name.is_some_and(takes_one)
}

/// The command line with what its arguments may be.
fn with_sources(context: Option<ArgMatches>, word: &str) -> Command {
    let (name, matches) = context
        .and_then(|mut context| context.remove_subcommand())
        .unwrap_or_else(|| (String::new(), ArgMatches::default()));
    Cli::command().mut_subcommands(|command| {
        if command.get_name() != name {
            return command;
        }
        command.mut_args(|arg| {
            let id = arg.get_id().as_str();
            let Some(source) = Source::of(&name, id, &matches) else { return arg };
            let named = named_already(&name, id, &matches, word);
            arg.add(ArgValueCompleter::new(move |current: &OsStr| {
                let mut candidates = source.candidates(current);
                candidates.retain(|one| !named.iter().any(|name| name == one.get_value()));
                candidates
            }))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> Vec<String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let answer = complete(words.len() - 1, &words).unwrap_or_default();
        answer.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn subcommands_and_options_are_completed_but_not_the_hidden_ones() {
        let all = answer("netns-tool ");
        assert_eq!(all[0], "names");
        assert!(all.contains(&"create".to_owned()) && all.contains(&"completions".to_owned()));
        assert!(!all.iter().any(|word| word.starts_with(['-', '_'])), "{all:?}");
        assert_eq!(answer("netns-tool __"), ["names"]);
        assert_eq!(answer("netns-tool cre"), ["names", "create"]);
        assert_eq!(answer("netns-tool -q nat --mas"), ["names"]);
        assert_eq!(answer("netns-tool -q nat --no"), ["names", "--no-masquerade"]);
        assert_eq!(answer("netns-tool nat br0 --firewall n"), ["names", "nft"]);
        assert_eq!(answer("netns-tool nat br0 --firewall=n"), ["names", "--firewall=nft"]);
        assert_eq!(answer("netns-tool completions "), ["names", "bash", "zsh", "fish"]);
        assert_eq!(answer("netns-tool man cre"), ["names", "create"]);
    }

    #[test]
    fn what_is_created_has_a_name_of_its_own() {
        for line in ["create ", "bridge ", "veth ", "veth a n1 ", "up lab.toml --name "] {
            assert_eq!(answer(&format!("netns-tool {line}")), ["names"], "{line}");
        }
    }

    #[test]
    fn files_folders_and_commands_are_left_to_the_shell() {
        for line in ["up ", "plan --json ", "diff l", "check ", "run --in x ", "up --name x "] {
            assert_eq!(answer(&format!("netns-tool {line}")), ["files"], "{line}");
        }
        assert_eq!(answer("netns-tool man --into "), ["folders"]);
        for line in
            ["exec n1 -- ", "exec --all -- p", "run x -- ls -", "sandbox -- ", "-n sandbox -- "]
        {
            assert_eq!(answer(&format!("netns-tool {line}")), ["command"], "{line}");
        }
        assert_eq!(answer("netns-tool delete -- --"), ["names"]);
    }

    #[test]
    fn no_line_makes_it_panic() {
        for line in [
            "",
            "netns-tool",
            "netns-tool -",
            "netns-tool --",
            "netns-tool -- ",
            "netns-tool veth --help ",
            "netns-tool veth --mtu x --delete ",
            "netns-tool nat --publish a:b: ",
            "x y z",
            "netns-tool --color ",
        ] {
            answer(line);
        }
        assert_eq!(complete(7, &["netns-tool".into()]), None);
    }
}
