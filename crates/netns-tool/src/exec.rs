//! `exec` and `shell`: a command of the caller's inside a namespace. Nothing of netns-tool stays between him and it.

mod all;
mod shell;
mod user;

use crate::act::say;
use crate::cli::{ExecArgs, Global, ShellArgs, StandByArgs};
use crate::failure::{Failure, failed, usage};
use crate::kernel::inside::inside;
use crate::kernel::namespaces::{self, Seen, seen};
use crate::name::NamespaceName;
use crate::plan::{Tool, quote, quote_all};
use crate::run::Settings;
use crate::session::cannot_run;
use crate::suggest::{meant, shown};
use crate::system::ourselves::Program;
use crate::system::{child, tools};
use anyhow::{Context, Result};
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use user::User;

/// Runs the command inside the namespace, or inside all of a lab.
///
/// # Errors
/// There is no such namespace, it cannot be entered, or there is no such user. That the command fails is none.
pub fn exec(args: &ExecArgs, settings: Settings, global: &Global) -> Result<ExitCode> {
    let user = args.who.user.as_deref().map(User::find).transpose()?;
    if args.all {
        return all::exec(args, user.as_ref(), settings, global);
    }
    let netns = enterable(args.name.as_deref().unwrap_or_default())?;
    let job = Job { netns, user, command: args.command.clone() };
    if global.dry_run {
        say(&(job.typed() + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    job.become_it().map(|never| match never {})
}

/// Becomes a shell inside the namespace.
///
/// # Errors
/// As [`exec`].
pub fn shell(args: &ShellArgs, global: &Global) -> Result<ExitCode> {
    let user = args.who.user.as_deref().map(User::find).transpose()?;
    let netns = enterable(&args.name)?;
    let shell = shell::Shell::of(user.as_ref());
    if global.dry_run {
        let job = Job { command: vec![shell.program().to_owned()], netns, user };
        say(&(job.typed() + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (command, environment) = shell.in_namespace(&netns)?;
    let mut process = Job { netns, user, command }.process()?;
    process.envs(environment);
    Err(process.exec()).context("cannot start `ip netns exec`")
}

/// A command with the place that it is for.
struct Job {
    netns: NamespaceName,
    user: Option<User>,
    command: Vec<OsString>,
}

impl Job {
    /// `ip netns exec`, which becomes netns-tool inside the namespace, which becomes the command: so the exit code of one
    /// that cannot be run is that of shells.
    fn process(&self) -> Result<Command> {
        let mut process = child::of_caller(tools::find(Tool::Ip)?);
        process.args(["netns", "exec", self.netns.as_str()]);
        let ourselves = Program::find()?;
        process.arg(&ourselves.path).arg("__stand-by");
        if let Some(number) = ourselves.descriptor() {
            process.args(["--program", &number.to_string()]);
        }
        if let Some(user) = &self.user {
            process.args(["--user", &user.name]);
        }
        process.arg("--").args(&self.command);
        Ok(process)
    }

    fn become_it(&self) -> Result<Infallible> {
        Err(self.process()?.exec()).context("cannot start `ip netns exec`")
    }

    /// As one types it.
    fn typed(&self) -> String {
        let user = self.user.as_ref().map(|user| {
            let variable =
                |(name, value): (&str, OsString)| format!(" {name}={}", quote_all([value]));
            let environment: String = user.environment().into_iter().map(variable).collect();
            format!("runuser -u {} -- env{environment} ", quote(&user.name))
        });
        let netns = quote(self.netns.as_str());
        format!("ip netns exec {netns} {}{}", user.unwrap_or_default(), quote_all(&self.command))
    }
}

/// Becomes the command inside the namespace, which is known to be there.
///
/// # Errors
/// `ip` is not there. What is wrong with the command is said at once.
pub fn become_inside(netns: &str, command: &[OsString]) -> Result<ExitCode> {
    let netns = NamespaceName::standing(netns).map_err(failed)?;
    Job { netns, user: None, command: command.to_owned() }.become_it().map(|never| match never {})
}

/// The last step: the process is inside, and becomes the command.
///
/// # Errors
/// The user cannot be become. What is wrong with the command is said at once, with an exit code of its own.
pub fn become_command(args: &StandByArgs) -> Result<ExitCode> {
    let Some((program, words)) = args.command.split_first() else { return Ok(ExitCode::FAILURE) };
    let mut command = child::of_caller(program);
    if let Some(name) = &args.user {
        command.envs(User::find(name)?.become_it()?);
    }
    let error = command.args(words).exec();
    Ok(ExitCode::from(cannot_run(program, &error)))
}

/// The namespace of that name, which can be entered.
///
/// # Errors
/// It is not there, is none, or may not be entered.
pub fn enterable(name: &str) -> Result<NamespaceName> {
    let netns = NamespaceName::standing(name).map_err(|why| {
        usage(format!("`{}` is no name of a network namespace: {why}", shown(name)))
    })?;
    match seen(&netns)? {
        Seen::Sound => {}
        Seen::Absent => return Err(absent(name).into()),
        Seen::Broken => {
            return Err(failed(format!("`{netns}` is broken: a file without its namespace"))
                .hint(format!("netns-tool delete {netns}"))
                .into());
        }
        Seen::Strange(what) => {
            return Err(failed(format!("{} is {what}", netns.path().display())).into());
        }
    }
    // Whether it can be entered is said here, with what to do about it.
    inside(&netns, || Ok(()))?;
    Ok(netns)
}

fn absent(name: &str) -> Failure {
    let all = namespaces::all();
    let failure = failed(format!("network namespace `{}` not found", shown(name)));
    match meant(name, all.iter().map(NamespaceName::as_str)) {
        Some(meant) => failure.note("hint", meant),
        None => failure.hint(format!("netns-tool create {}", quote(name))),
    }
}

/// The name of a program without its folders.
fn base(program: &OsStr) -> String {
    let path = std::path::Path::new(program);
    path.file_name().unwrap_or(program).to_string_lossy().into_owned()
}
