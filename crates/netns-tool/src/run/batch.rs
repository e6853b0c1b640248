//! Doing the batches of a level: the commands of `ip` in one process, the others one by one, all of them where they
//! belong.

use super::schedule::{Batch, Lane, Level};
use super::{Refusal, Writer, tell};
use crate::kernel::inside::each_inside;
use crate::plan::{Cmd, Tool};
use crate::system::{child, signals};
use anyhow::anyhow;
use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;
use std::thread::{self, Builder};
use std::time::Duration;

/// The most commands of one process: a signal has to wait for its end.
const LINES: usize = 250;

/// What one of many commands adds to the time limit.
const MORE_TIME: Duration = Duration::from_millis(20);

/// Words of a command of `ip`, at most, that it takes in a batch (`MAX_ARGS` of iproute2's lib/utils.c, less some).
const WORDS: usize = 90;

/// What `ip` says after a command of a batch that failed.
const FAILED: &str = "Command failed -:";

/// How a batch ended before its end.
pub(super) struct Stop {
    /// How many of its commands may have been begun.
    pub begun: usize,
    /// The one that failed, where it is known.
    pub culprit: Option<usize>,
    pub refusal: Refusal,
}

impl Stop {
    /// The same, of a batch in which so many commands came before.
    fn after(self, done: usize) -> Self {
        let culprit = self.culprit.map(|index| done + index);
        Self { begun: done + self.begun, culprit, ..self }
    }
}

/// Whether a batch stops at what fails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It does, and at a signal.
    Strict,
    /// Nothing stops it, and nobody asks how it went: that is seen by looking.
    Forced,
}

impl Writer {
    /// Does the batches of the level side by side. `cmd` gives the command with an index; each batch has its answer.
    pub(super) fn do_level<'c>(
        &self,
        level: &Level,
        cmd: impl Fn(usize) -> &'c Cmd,
        manner: Manner,
    ) -> Vec<Result<(), Stop>> {
        let commands =
            |batch: &Batch| -> Vec<&Cmd> { batch.steps.iter().map(|index| cmd(*index)).collect() };
        let jobs = level.iter().filter_map(|batch| match &batch.lane {
            Lane::Netns(name) => Some((name, commands(batch))),
            _ => None,
        });
        let jobs: Vec<_> = jobs.collect();
        let here = level.iter().filter(|batch| !matches!(batch.lane, Lane::Netns(_)));
        let here: Vec<_> = here.map(commands).collect();
        let (inside, here) = each_inside(
            &jobs,
            |commands| Ok(self.do_batch(commands, manner)),
            || self.do_here(&here, manner),
        );
        let inside = inside.into_iter().zip(&jobs).map(|(result, (_, commands))| {
            result.unwrap_or_else(|error| Err(lost(commands, &error)))
        });
        let (mut inside, mut here) = (inside.collect::<Vec<_>>().into_iter(), here.into_iter());
        let answer = |batch: &Batch| match batch.lane {
            Lane::Netns(_) => inside.next(),
            _ => here.next(),
        };
        level.iter().filter_map(answer).collect()
    }

    /// Does batches of the host side by side, the first on this thread.
    fn do_here(&self, batches: &[Vec<&Cmd>], manner: Manner) -> Vec<Result<(), Stop>> {
        let Some((first, others)) = batches.split_first() else { return Vec::new() };
        let work = |commands: &Vec<&Cmd>| self.do_batch(commands, manner);
        thread::scope(|scope| {
            let start = |commands| Builder::new().spawn_scoped(scope, move || work(commands));
            let started: Vec<_> = others.iter().map(start).collect();
            let mut answers = vec![work(first)];
            for (commands, started) in others.iter().zip(started) {
                answers.push(match started {
                    Ok(thread) => thread.join().unwrap_or_else(|_| {
                        Err(lost(commands, &anyhow!("a thread of netns-tool panicked")))
                    }),
                    // There can be no more threads: then it is done here.
                    Err(_) => work(commands),
                });
            }
            answers
        })
    }

    /// Does the commands in their order, on a thread that is where they belong.
    fn do_batch(&self, commands: &[&Cmd], manner: Manner) -> Result<(), Stop> {
        let mut done = 0;
        while done < commands.len() {
            if manner == Manner::Strict && signals::pending().is_some() {
                let refusal = Refusal::new("a signal arrived".to_owned());
                return Err(Stop { begun: done, culprit: None, refusal });
            }
            let lines: Vec<String> =
                commands[done..].iter().take(LINES).map_while(|cmd| line(cmd)).collect();
            let count = lines.len().max(1);
            let part = &commands[done..done + count];
            self.show(part);
            let outcome = match part {
                [cmd] => self.do_one(cmd, manner),
                _ => self.do_lines(&lines, manner),
            };
            match outcome {
                Err(stop) if manner == Manner::Strict => return Err(stop.after(done)),
                Err(stop) if self.settings.verbose => tell(&stop.refusal.said),
                _ => {}
            }
            done += count;
            self.done.add(count);
        }
        Ok(())
    }

    fn show(&self, commands: &[&Cmd]) {
        if self.settings.verbose {
            commands.iter().for_each(|cmd| tell(&format!("+ {cmd}")));
        }
    }

    fn do_one(&self, cmd: &Cmd, manner: Manner) -> Result<(), Stop> {
        let done = self.execute_quietly(&from_inside(cmd), manner == Manner::Forced);
        done.map_err(|refusal| Stop { begun: 1, culprit: Some(0), refusal })
    }

    fn do_lines(&self, lines: &[String], manner: Manner) -> Result<(), Stop> {
        let limit =
            self.settings.limit + MORE_TIME * u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let is_forced = manner == Manner::Forced;
        let output = child::run_batch(&(lines.join("\n") + "\n"), is_forced, limit, is_forced)
            .map_err(|error| Stop {
                begun: 0,
                culprit: None,
                refusal: Refusal::new(format!("{error:#}")),
            })?;
        if output.is_success() {
            return Ok(());
        }
        let said = output.reason(limit);
        let culprit = culprit(&output.stderr).filter(|index| *index < lines.len());
        let words = said.lines().filter(|line| !line.starts_with(FAILED)).collect::<Vec<_>>();
        Err(Stop {
            begun: culprit.map_or(lines.len(), |index| index + 1),
            culprit,
            refusal: Refusal::new(words.join("\n")),
        })
    }
}

/// Nobody knows how far a worker came that is gone.
fn lost(commands: &[&Cmd], error: &anyhow::Error) -> Stop {
    let refusal = Refusal::new(format!("{error:#}"));
    Stop { begun: commands.len(), culprit: None, refusal }
}

/// The index of the command that `ip` says has failed; of some it does not say it.
fn culprit(stderr: &str) -> Option<usize> {
    let number = stderr.lines().find_map(|line| line.strip_prefix(FAILED))?;
    number.trim().parse::<usize>().ok()?.checked_sub(1)
}

/// The command as a thread runs that is in its namespace already.
fn from_inside(cmd: &Cmd) -> Cmd {
    match cmd.clone() {
        Cmd::Run { netns: Some(_), tool: tool @ (Tool::Ip | Tool::Ping), args, stdin } => {
            Cmd::Run { netns: None, tool, args, stdin }
        }
        Cmd::Write { netns: Some(_), path, value } => Cmd::Write { netns: None, path, value },
        other => other,
    }
}

/// The command as a line of a batch of `ip`, which is run where the command belongs; `None`: it cannot be one.
fn line(cmd: &Cmd) -> Option<String> {
    let Cmd::Run { tool: Tool::Ip, args, stdin: None, .. } = cmd else { return None };
    let args = match &args[..] {
        // A batch takes no options. The family is plain where a word is an address of it.
        [family, rest @ ..] if family == "-6" && rest.iter().any(|word| is_ipv6(word)) => rest,
        [option, ..] if option.starts_with('-') => return None,
        args => args,
    };
    if args.len() > WORDS {
        return None;
    }
    let mut line = String::new();
    for word in args {
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(&quoted(word)?);
    }
    Some(line)
}

fn is_ipv6(word: &str) -> bool {
    let address = word.split_once('/').map_or(word, |(address, _)| address);
    IpAddr::from_str(address).is_ok_and(|address| address.is_ipv6())
}

/// A word as `ip` reads it in a batch (`makeargs` and `getcmdline` of iproute2's lib/utils.c): a quote counts where a
/// word begins, a `#` anywhere, and nothing takes the meaning of either.
fn quoted(word: &str) -> Option<Cow<'_, str>> {
    if word.contains(['#', '\n', '\r', '\0']) || word.ends_with('\\') {
        return None;
    }
    let is_plain =
        !word.is_empty() && !word.contains([' ', '\t']) && !word.starts_with(['"', '\'']);
    if is_plain {
        return Some(Cow::Borrowed(word));
    }
    let quote = ['"', '\''].into_iter().find(|quote| !word.contains(*quote))?;
    Some(Cow::Owned(format!("{quote}{word}{quote}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NamespaceName;

    fn ip(args: &[&str]) -> Cmd {
        Cmd::run(Tool::Ip, args.iter().copied()).at(&NamespaceName::new("ns1").ok())
    }

    #[test]
    fn a_line_of_a_batch_has_no_namespace_and_no_option() {
        let alias = ["link", "set", "dev", "lo", "alias", "netns-tool ports 3d", "up"];
        assert_eq!(
            line(&ip(&alias)).as_deref(),
            Some("link set dev lo alias \"netns-tool ports 3d\" up")
        );
        let route = ["-6", "route", "add", "default", "via", "fd00::1", "dev", "e"];
        assert_eq!(line(&ip(&route)).as_deref(), Some("route add default via fd00::1 dev e"));
        assert_eq!(line(&ip(&["-6", "route", "add", "default", "dev", "e"])), None);
        assert_eq!(line(&ip(&["-4", "route"])), None);
    }

    #[test]
    fn a_word_is_quoted_as_ip_reads_it() {
        assert_eq!(quoted("a\"b'c").as_deref(), Some("a\"b'c"));
        assert_eq!(quoted("").as_deref(), Some("\"\""));
        assert_eq!(quoted("\"a").as_deref(), Some("'\"a'"));
        assert_eq!(quoted("a \"b").as_deref(), Some("'a \"b'"));
        for impossible in ["a#b", "a\nb", "a \"'", "a\\"] {
            assert_eq!(quoted(impossible), None, "{impossible}");
        }
    }

    #[test]
    fn the_command_that_failed_is_known_by_its_line() {
        assert_eq!(culprit("File exists\nCommand failed -:2\n"), Some(1));
        assert_eq!(culprit("Invalid netns name\n"), None);
        assert_eq!(culprit("Command failed -:0\n"), None);
    }
}
