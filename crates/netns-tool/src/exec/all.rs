//! `exec --all`: a command in every namespace of a lab at once.

use super::user::User;
use super::{Job, enterable};
use crate::act::say;
use crate::cli::{ExecArgs, Global};
use crate::failure::{count, failed, in_words, usage};
use crate::kernel::Snapshot;
use crate::lab;
use crate::name::NamespaceName;
use crate::run::{Settings, tell};
use crate::suggest::{meant, shown};
use crate::system::foreground::{Foreground, code};
use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write, stderr, stdout};
use std::process::{Child, ExitCode, Stdio};
use std::thread::{Builder, JoinHandle};

/// So many run at the same time.
const AT_ONCE: usize = 64;

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
    let codes = Runs::new(&jobs)?.see_to_the_end()?;
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

/// Those of the lab that is called so, or of the only one that is up.
fn namespaces_of(name: Option<&str>, settings: Settings) -> Result<Vec<NamespaceName>> {
    let facts = Snapshot::read(&lab::wanted(), settings.limit)?;
    let of_lab = facts.namespaces.iter().filter_map(|(name, netns)| Some((netns.lab()?, name)));
    let of_lab: Vec<_> = of_lab.collect();
    let labs: BTreeSet<&str> = of_lab.iter().map(|(lab, _)| lab.as_str()).collect();
    let lab = match (name, labs.len()) {
        (Some(name), _) if labs.contains(name) => name,
        (Some(name), _) => {
            let failure = failed(format!("no lab called `{}` is up", shown(name)));
            return Err(match meant(name, labs.iter().copied()) {
                Some(meant) => failure.hint(meant),
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

/// The commands, of which so many run at the same time.
struct Runs<'a> {
    waiting: Vec<(usize, &'a Job)>,
    running: Vec<Run>,
    codes: Vec<u8>,
    /// How wide the labels are.
    width: usize,
}

struct Run {
    index: usize,
    child: Child,
    /// What passes its output on.
    readers: Vec<JoinHandle<()>>,
}

impl<'a> Runs<'a> {
    fn new(jobs: &'a [Job]) -> Result<Self> {
        let width = jobs.iter().map(|job| job.netns.as_str().chars().count()).max();
        Ok(Self {
            waiting: jobs.iter().enumerate().rev().collect(),
            running: Vec::new(),
            codes: vec![0; jobs.len()],
            width: width.unwrap_or(0),
        })
    }

    /// The exit code of each.
    fn see_to_the_end(mut self) -> Result<Vec<u8>> {
        let mut foreground = Foreground::new()?;
        let pids = std::cell::RefCell::new(Vec::new());
        foreground.wait(
            || {
                self.bury()?;
                while self.running.len() < AT_ONCE
                    && let Some((index, job)) = self.waiting.pop()
                {
                    self.start(index, job)?;
                }
                pids.replace(self.running.iter().map(|run| run.child.id()).collect());
                Ok(self.running.is_empty().then_some(()))
            },
            |signal| {
                for pid in pids.borrow().iter() {
                    if let Ok(signal) = Signal::try_from(signal) {
                        // It may have ended just now.
                        let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
                    }
                }
            },
        )?;
        Ok(self.codes)
    }

    fn start(&mut self, index: usize, job: &Job) -> Result<()> {
        let mut process = job.process()?;
        process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().context("cannot start `ip netns exec`")?;
        let label = format!("{:width$} | ", job.netns.as_str(), width = self.width);
        let out = child.stdout.take().map(|pipe| pass_on(pipe, label.clone(), stdout));
        let err = child.stderr.take().map(|pipe| pass_on(pipe, label, stderr));
        let readers = [out, err].into_iter().flatten().collect::<Result<_>>()?;
        self.running.push(Run { index, child, readers });
        Ok(())
    }

    /// Notes how those that have ended did.
    fn bury(&mut self) -> Result<()> {
        let mut running = Vec::new();
        for mut run in self.running.drain(..) {
            match run.child.try_wait().context("cannot wait for a command")? {
                None => running.push(run),
                Some(status) => {
                    self.codes[run.index] = code(status);
                    // A panic of theirs would have been seen.
                    run.readers.into_iter().for_each(|reader| drop(reader.join()));
                }
            }
        }
        self.running = running;
        Ok(())
    }
}

/// Labels each line. That nobody reads it (a broken pipe) does not stop the command's own work.
fn pass_on<W: Write + 'static>(
    pipe: impl Read + Send + 'static,
    label: String,
    to: fn() -> W,
) -> Result<JoinHandle<()>> {
    let read = move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::from(label.as_bytes());
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            let _ = to().write_all(&line).and_then(|()| to().flush());
            line.truncate(label.len());
        }
    };
    Builder::new()
        .spawn(read)
        .map_err(|error| failed(format!("cannot start a thread: {}", in_words(&error))).into())
}
