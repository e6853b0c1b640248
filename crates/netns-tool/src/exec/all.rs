//! `exec --all`: a command in every namespace of a lab at once.

use super::user::User;
use super::{Job, enterable};
use crate::act::say;
use crate::cli::{ExecArgs, Global};
use crate::failure::{count, failed, in_words, missing, usage};
use crate::kernel::Snapshot;
use crate::lab;
use crate::name::NamespaceName;
use crate::run::{Settings, tell};
use crate::suggest::{meant, shown};
use crate::system::crowd;
use crate::system::foreground::Foreground;
use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::iterator::Signals;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write, stderr, stdout};
use std::process::{Child, ExitCode, Stdio, exit};
use std::thread::{Builder, JoinHandle};

/// So many run at the same time.
const AT_ONCE: usize = 64;

/// The exit code of what was ended by the kernel because nobody reads what it prints.
const BY_SIGPIPE: i32 = 128 + SIGPIPE;

/// Runs it everywhere, and waits for all.
///
/// # Errors
/// There is no such lab, or one of its namespaces cannot be entered.
pub fn exec(
    args: &ExecArgs,
    user: Option<&User>,
    settings: Settings,
    global: &Global,
) -> Result<ExitCode> {
    let names = namespaces_of(args.name.as_deref(), settings)?;
    let job = |netns: NamespaceName| -> Result<Job> {
        let netns = enterable(netns.as_str())?;
        let user = user.map(|user| User::find(&user.name)).transpose()?;
        Ok(Job { netns, user, command: args.command.clone() })
    };
    let jobs = names.into_iter().map(job).collect::<Result<Vec<Job>>>()?;
    if global.dry_run {
        let lines: String = jobs.iter().map(|job| job.typed() + "\n").collect();
        say(&lines)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = jobs.iter().map(|job| job.netns.to_string().chars().count()).max().unwrap_or(0);
    let mut readers = Vec::new();
    let mut codes = crowd::see_to_the_end(Foreground::new()?, jobs.len(), AT_ONCE, |index| {
        let (child, its) = start(&jobs[index], width)?;
        readers.extend(its);
        Ok(child)
    })?;
    end_with_a_signal()?;
    // A panic of theirs would have been seen.
    let had_enough: Vec<bool> = readers.into_iter().map(|it| it.join().unwrap_or(false)).collect();
    if had_enough.contains(&true) {
        // As for any command of ours, a reader who has gone away is no failure.
        codes.iter_mut().filter(|code| i32::from(**code) == BY_SIGPIPE).for_each(|code| *code = 0);
    }
    let failed: Vec<String> = jobs
        .iter()
        .zip(&codes)
        .filter(|(_, code)| **code != 0)
        .map(|(job, code)| format!("{} ({code})", job.netns))
        .collect();
    if !failed.is_empty() && !global.quiet {
        let all = count(jobs.len(), "namespace");
        tell(&format!("note: it failed in {} of {all}: {}", failed.len(), failed.join(", ")));
    }
    Ok(ExitCode::from(codes.into_iter().find(|code| *code != 0).unwrap_or(0)))
}

/// What a command has left in the background may print, and so is waited for; but not by somebody who has enough. There is
/// nobody left to pass a signal on to.
fn end_with_a_signal() -> Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot handle signals")?;
    let wait = move || {
        if let Some(signal) = signals.forever().next() {
            exit(128 + signal);
        }
    };
    Builder::new().spawn(wait).context("cannot start a thread")?;
    Ok(())
}

/// Those of the lab that is called so, or of the only one that is up.
fn namespaces_of(name: Option<&str>, settings: Settings) -> Result<Vec<NamespaceName>> {
    let facts = Snapshot::read(&lab::wanted(), settings.limit)?;
    let of_lab = facts.named_once().filter_map(|(name, netns)| Some((netns.lab()?, name)));
    let of_lab: Vec<_> = of_lab.collect();
    let labs: BTreeSet<&str> = of_lab.iter().map(|(lab, _)| lab.as_str()).collect();
    let lab = match (name, labs.len()) {
        (_, 0) if facts.hidden > 0 => {
            let hidden = count(facts.hidden, "network namespace");
            return Err(missing(format!("{hidden} cannot be looked into without root's rights"))
                .hint("the same as root (sudo)")
                .into());
        }
        (Some(name), _) if labs.contains(name) => name,
        (Some(name), _) => {
            let failure = failed(format!("no lab called `{}` is up", shown(name)));
            return Err(match meant(name, labs.iter().copied()) {
                Some(meant) => failure.note("hint", meant),
                None => failure.hint("netns-tool up FILE"),
            }
            .into());
        }
        (None, 0) => return Err(failed("no lab is up").hint("netns-tool up FILE").into()),
        (None, 1) => labs.first().copied().unwrap_or_default(),
        (None, _) => {
            let names: Vec<&str> = labs.iter().copied().collect();
            return Err(usage(format!("several labs are up: {}", names.join(", ")))
                .hint(format!("netns-tool exec --all {} -- CMD", names[0]))
                .into());
        }
    };
    let its = of_lab.iter().filter(|(of, _)| of.as_str() == lab);
    Ok(its.map(|(_, name)| (*name).clone()).collect())
}

/// Starts the command, with what labels its output.
fn start(job: &Job, width: usize) -> Result<(Child, Vec<JoinHandle<bool>>)> {
    let mut process = job.process()?;
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().context("cannot start `ip netns exec`")?;
    let label = format!("{:width$} | ", job.netns);
    let out = child.stdout.take().map(|pipe| pass_on(pipe, label.clone(), stdout));
    let err = child.stderr.take().map(|pipe| pass_on(pipe, label, stderr));
    Ok((child, [out, err].into_iter().flatten().collect::<Result<_>>()?))
}

/// Labels each line. When it cannot be passed on, the pipe is closed, so that the command learns of it as if it wrote
/// there itself: one that prints without end would do so unread for ever. Whether the reader has gone away.
fn pass_on<W: Write + 'static>(
    pipe: impl Read + Send + 'static,
    label: String,
    to: fn() -> W,
) -> Result<JoinHandle<bool>> {
    let read = move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::from(label.as_bytes());
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            if let Err(error) = to().write_all(&line).and_then(|()| to().flush()) {
                return error.kind() == ErrorKind::BrokenPipe;
            }
            line.truncate(label.len());
        }
        false
    };
    Builder::new()
        .spawn(read)
        .map_err(|error| failed(format!("cannot start a thread: {}", in_words(&error))).into())
}
