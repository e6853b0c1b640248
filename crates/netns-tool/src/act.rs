//! What each subcommand does with its plan: print it, or apply it; and those that only show something.

use crate::cli::{Cli, Command, Global, GraphArgs};
use crate::failure::{self, count};
use crate::kernel::Snapshot;
use crate::noun::{self, Noun, Work};
use crate::run::{self, Settings, Writer};
use crate::system::limits::Borrowed;
use crate::{
    capture, check, complete, doctor, exec, graph, lab, list, man, plan, sandbox, session, show,
    system, topology, trace,
};
use anyhow::Result;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Does what the command line says.
pub fn act(cli: &Cli, borrowed: &Borrowed) -> Result<ExitCode> {
    let global = &cli.global;
    let settings = Settings {
        limit: Duration::from_secs(global.timeout.into()),
        wait: Duration::from_secs(global.wait.into()),
        verbose: global.verbose,
        progress: !global.verbose && !global.quiet && std::io::stderr().is_terminal(),
    };
    // A command of the caller's gets what he has left us, as from a shell: it is started before anything is changed.
    if is_for_caller(&cli.command) {
        borrowed.give_back();
    }
    match &cli.command {
        Command::Run(args) => return session::run(args, settings, global),
        Command::Exec(args) => return exec::exec(args, settings, global),
        Command::Shell(args) => return exec::shell(args, global),
        Command::Capture(args) => return capture::capture(args, settings, global),
        Command::Sandbox(args) => return sandbox::enter(args, settings, global),
        Command::Init(args) => return sandbox::init(args, settings),
        Command::StandBy(args) => return session::stand_by(args),
        Command::Tether(args) => return system::tether::wait(args.control, &args.command),
        Command::Complete(args) => return Ok(complete::answer(args)),
        Command::Completions(args) => return complete::script(args),
        _ => {}
    }
    prepare()?;
    let Some(noun) = noun::of(cli)? else {
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
    let work = apply(&*noun, settings, global)?;
    if !global.quiet {
        // That the report cannot be written does not make what was done a failure.
        if let Err(error) = say(&(failure::printable(&work.report.join("\n")) + "\n")) {
            run::tell(&format!("note: it is done, but {error:#}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a command of the caller's is started.
fn is_for_caller(command: &Command) -> bool {
    matches!(
        command,
        Command::Run(_)
            | Command::Exec(_)
            | Command::Shell(_)
            | Command::Capture(_)
            | Command::Sandbox(_)
            | Command::Init(_)
            | Command::StandBy(_)
            | Command::Tether(_)
    )
}

/// Does what the noun plans; its report is for the caller to give.
///
/// # Errors
/// It cannot be done: the host is as it was.
pub fn apply<N: Noun + ?Sized>(noun: &N, settings: Settings, global: &Global) -> Result<Work> {
    let writer = Writer::new(settings)?;
    let work = noun.plan(&Snapshot::read(&noun.wanted(), settings.limit)?)?;
    writer.apply(&work.plan, &command_line())?;
    tell_notes(&work, global.quiet);
    Ok(work)
}

/// Makes us independent of what the caller has left us.
pub fn prepare() -> Result<()> {
    system::signals::prepare()?;
    // No child gets what the caller has open: a program of a lab would hold it for as long as it runs.
    close_fds::set_fds_cloexec(3, &[]);
    Ok(())
}

/// The commands that plan nothing to be done.
fn show(command: &Command, settings: Settings, global: &Global) -> Result<ExitCode> {
    match command {
        Command::Plan(args) => {
            let up = lab::Up::read(&args.lab, global.timeout)?;
            let work = up.plan(&Snapshot::read(&up.wanted(), settings.limit)?)?;
            tell_notes(&work, global.quiet);
            say(&if args.json {
                lab::steps(&work.plan)
            } else {
                work.plan.script(&command_line())
            })?;
        }
        Command::Diff(args) => {
            let up = lab::Up::read(&args.lab, global.timeout)?;
            let course = up.course(&Snapshot::read(&up.wanted(), settings.limit)?)?;
            if !(global.quiet && course.is_done()) {
                say(&lab::differences(&course, args.json))?;
            }
            return Ok(ExitCode::from(u8::from(!course.is_done())));
        }
        Command::Check(args) => {
            let report = check::run(args, global)?;
            say(&report.text)?;
            return Ok(ExitCode::from(u8::from(!report.is_success)));
        }
        Command::Doctor(args) => {
            let report = doctor::run(args, settings, global)?;
            say(&report.text)?;
            return Ok(ExitCode::from(u8::from(!report.is_success)));
        }
        Command::Trace(args) => {
            let traced = trace::trace(args, settings.limit, global)?;
            say(&traced.text)?;
            return Ok(ExitCode::from(u8::from(!traced.is_answered)));
        }
        Command::Labs(args) => {
            let facts = Snapshot::read(&lab::wanted(), settings.limit)?;
            tell_hidden(&facts, "labs", global.quiet);
            say(&lab::table(&lab::list(&facts, settings.limit), args.json))?;
        }
        Command::List(args) => {
            let facts = Snapshot::read(&topology::wanted(), settings.limit)?;
            tell_hidden(&facts, "list", global.quiet);
            say(&failure::printable(&list::text(args, &facts)?))?;
        }
        Command::Man(args) => man::man(args, global.dry_run)?,
        Command::Show(args) => {
            let facts = Snapshot::read(&show::wanted(), settings.limit)?;
            tell_hidden(&facts, "show", global.quiet);
            say(&show::show(args, &facts, settings.limit)?)?;
        }
        Command::Graph(args) => say(&draw(args, settings, global)?)?,
        _ => recover(settings, global)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The picture; where it is that of a file, nothing but the file is looked at.
fn draw(args: &GraphArgs, settings: Settings, global: &Global) -> Result<String> {
    let drawing = graph::Drawing::wanted(args)?;
    let facts = if drawing.is_live() {
        Snapshot::read(&topology::wanted(), settings.limit)?
    } else {
        Snapshot::default()
    };
    tell_hidden(&facts, "graph", global.quiet);
    Ok(drawing.draw(&facts)?)
}

/// Says how many namespaces have not been seen.
fn tell_hidden(facts: &Snapshot, command: &str, is_quiet: bool) {
    if facts.hidden > 0 && !is_quiet {
        run::tell(&format!(
            "note: {} could not be looked into; root can (sudo netns-tool {command})",
            count(facts.hidden, "network namespace")
        ));
    }
}

/// Says what the plan can do nothing about; if quiet, only what will not work because of it.
pub fn tell_notes(work: &Work, is_quiet: bool) {
    for note in work.notes.iter().filter(|note| !(is_quiet && note.starts_with("note: "))) {
        run::tell(note);
    }
}

fn recover(settings: Settings, global: &Global) -> Result<()> {
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
pub fn say(text: &str) -> Result<()> {
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

/// What was typed, for the head of a script and for the journal.
pub fn command_line() -> String {
    let words = std::env::args_os().skip(1);
    plan::quote_all(std::iter::once("netns-tool".into()).chain(words))
}
