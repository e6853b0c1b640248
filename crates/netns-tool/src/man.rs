//! The manual: a page for netns-tool and one for each subcommand. Names, usage and options come from the command line,
//! the rest from [`pages`].

mod pages;
mod text;

use crate::act::say;
use crate::cli::{Cli, ManArgs};
use crate::failure::{Failure, failed, in_words, printable_word, usage};
use crate::plan::quote;
use crate::suggest::{meant, shown};
use anyhow::Result;
use clap::{Arg, ArgAction, Command, CommandFactory};
use clap_mangen::Man;
use pages::Page;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use text::Text;

const TOOL: &str = "netns-tool";
/// Of the manual.
const SECTION: &str = "1";
/// The day of the release, as the changelog has it: a page is the same whenever and wherever it is written.
const DATE: &str = "2026-11-21";

/// Prints a page, or writes all of them.
///
/// # Errors
/// There is no such page, or it cannot be written.
pub fn man(args: &ManArgs, is_dry_run: bool) -> Result<()> {
    let commands = documented();
    if let Some(folder) = &args.into {
        return if is_dry_run {
            say(&script(&commands, folder))
        } else {
            Ok(write_all(&commands, folder)?)
        };
    }
    let name = args.page.as_deref();
    let command = commands.iter().find(|command| subcommand(command) == name);
    let command = command.ok_or_else(|| unknown(name.unwrap_or_default(), &commands))?;
    say(&page(command)?)
}

/// netns-tool itself, and all subcommands that are for people.
fn documented() -> Vec<Command> {
    let mut all = Cli::command();
    all.build();
    let subcommands = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let subcommands: Vec<Command> = subcommands.collect();
    std::iter::once(all).chain(subcommands).collect()
}

/// None for netns-tool itself.
fn subcommand(command: &Command) -> Option<&str> {
    Some(command.get_name()).filter(|name| *name != TOOL)
}

/// The name of a page.
fn title(name: Option<&str>) -> String {
    name.map_or(TOOL.to_owned(), |name| format!("{TOOL}-{name}"))
}

fn unknown(name: &str, commands: &[Command]) -> Failure {
    let failure = usage(format!("there is no subcommand `{}`", shown(name)));
    let names = commands.iter().filter_map(subcommand);
    match meant(name, names) {
        Some(meant) => failure.note("hint", meant),
        None => failure.hint("netns-tool --help"),
    }
}

/// Does the same in a shell.
fn script(commands: &[Command], folder: &Path) -> String {
    let quoted = |path: &Path| quote(&path.to_string_lossy()).into_owned();
    let mut lines = vec![format!("mkdir -p {}", quoted(folder))];
    for command in commands {
        let words = subcommand(command).map(|name| format!(" {name}")).unwrap_or_default();
        let path = folder.join(file_name(command));
        lines.push(format!("{TOOL} man{words} > {}", quoted(&path)));
    }
    lines.join("\n") + "\n"
}

fn file_name(command: &Command) -> String {
    format!("{}.{SECTION}", title(subcommand(command)))
}

/// Each is a new file, whatever was there.
fn write_all(commands: &[Command], folder: &Path) -> Result<(), Failure> {
    let cannot = |path: &Path, error: io::Error| {
        failed(format!("cannot write {}: {}", printable_word(path.as_os_str()), in_words(&error)))
    };
    fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    for command in commands {
        let path = folder.join(file_name(command));
        // What a symbolic link leads to stays as it is.
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        let write = || {
            let text = page(command)?;
            fs::File::create_new(&path)?.write_all(text.as_bytes())
        };
        removed.and_then(|()| write()).map_err(|error| cannot(&path, error))?;
    }
    Ok(())
}

/// The page as roff.
fn page(command: &Command) -> io::Result<String> {
    let name = subcommand(command);
    let mut command = command.clone().mut_args(as_in_a_page);
    let form = command.render_usage().to_string();
    let form = form.trim_start_matches("Usage: ").to_owned();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let about = about(&command);
    let man = Man::new(command.override_usage(form));

    let mut begin = Text::default();
    begin.section("NAME");
    begin.line(&format!("{} - {}", title(name), uncapitalized(&about)));
    let (mut form, mut options) = (Vec::new(), Vec::new());
    man.render_synopsis_section(&mut form)?;
    man.render_options_section(&mut options)?;
    let mut description = Text::default();
    description.section("DESCRIPTION");
    description.prose(&format!("{about}.\n\n{after}"));
    if name.is_none() {
        subcommands(&mut description);
    }
    let mut end = Text::default();
    let all = documented();
    let all: Vec<&str> = all.iter().filter_map(subcommand).collect();
    Page::of(name).write(&mut end, &all);
    let [form, options] = [form, options].map(|part| String::from_utf8_lossy(&part).into_owned());
    let parts = [begin.roff(), form, description.roff(), arguments_first(&options), end.roff()];
    let body: String = parts.iter().map(|part| text::body(part)).collect();
    Ok(head(&title(name)) + &text::mended(&body))
}

/// The first lines. Text is not justified, and words are not taken apart: most of them are to be typed.
fn head(title: &str) -> String {
    format!(
        ".TH {} {SECTION} {DATE} \"{TOOL} {}\" \"{TOOL} Manual\"\n.ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.nh\n.ad l\n",
        title.to_uppercase(),
        env!("CARGO_PKG_VERSION")
    )
}

/// Its help is a sentence, and names the possible values.
fn as_in_a_page(arg: Arg) -> Arg {
    let values = arg.get_possible_values();
    let values = values.iter().filter(|value| !value.is_hide_set());
    let values: Vec<String> = values.map(|value| format!("`{}`", value.get_name())).collect();
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let takes_one =
        !matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Help | ArgAction::Version);
    if let ([most @ .., last], true, false) =
        (&values[..], takes_one, arg.is_hide_possible_values_set())
    {
        help += &format!(": {} or {last}", most.join(", "));
    }
    let is_positional = arg.is_positional();
    let arg = arg.help(help + ".").hide_possible_values(true);
    if is_positional { arg.help_heading("Arguments") } else { arg }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn uncapitalized(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

fn subcommands(text: &mut Text) {
    text.section("COMMANDS");
    for command in documented().iter().skip(1) {
        let title = title(subcommand(command));
        text.item(&format!("`{title}`({SECTION})"), &(about(command) + "."));
    }
}

/// clap_mangen puts the sections with headings of their own last.
fn arguments_first(options: &str) -> String {
    let (mut first, mut rest) = (String::new(), String::new());
    let mut is_first = false;
    for line in options.split_inclusive('\n') {
        if line.starts_with(".SH ") {
            is_first = line.starts_with(".SH ARGUMENTS");
        }
        if is_first { first.push_str(line) } else { rest.push_str(line) }
    }
    first + &rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn every_page_has_its_own_part_and_examples_that_can_be_typed() {
        for command in documented() {
            let page = Page::of(subcommand(&command));
            assert_eq!(
                page.name,
                subcommand(&command).unwrap_or_default(),
                "it has no page of its own"
            );
            assert!(!page.examples.is_empty(), "{}", command.get_name());
            for (line, _) in page.examples {
                let line = line.strip_prefix("sudo ").unwrap_or(line);
                let line = line.split(['|', '>']).next().unwrap_or(line);
                let words = shlex::split(line).expect("words of a shell");
                assert_eq!(words[0], "netns-tool", "{line}");
                if let Err(error) = Cli::try_parse_from(&words) {
                    assert!(!error.use_stderr(), "{line}: {error}");
                }
                let named = subcommand(&command).unwrap_or("create");
                assert!(words.iter().any(|word| word == named) || subcommand(&command).is_none());
            }
            for other in page.see_also {
                let names = documented();
                assert!(names.iter().any(|known| subcommand(known) == Some(*other)), "{other}");
            }
        }
    }

    #[test]
    fn the_date_is_that_of_the_release() {
        let changes = include_str!("../../../CHANGELOG.md");
        let heading = format!("## [{}] - {DATE}\n", env!("CARGO_PKG_VERSION"));
        assert!(changes.contains(&heading), "the changelog has no `{}`", heading.trim_end());
    }

    #[test]
    fn pages_have_no_marks_of_the_help_left_in_them() {
        for command in documented() {
            let page = page(&command).expect("a page");
            assert!(!page.contains('`'), "{page}");
            assert!(page.starts_with(".TH NETNS-TOOL"), "{page}");
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES"] {
                assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{section}");
            }
            assert!(!page.contains("__"), "{page}");
        }
    }
}
