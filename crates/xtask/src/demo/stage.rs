//! Runs a command in front of the reader: the line first, then what it really prints.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{process, say};

pub struct Stage {
    tool: PathBuf,
}

impl Stage {
    pub fn new(tool: &Path) -> Result<Self> {
        Ok(Stage { tool: tool.canonicalize().with_context(|| format!("no `{}`", tool.display()))? })
    }

    /// A headline with what it is about.
    pub fn scene(&self, title: &str, about: &str) {
        say::plain("");
        say::heading(title);
        say::plain(about);
    }

    /// What has just been seen, in words.
    pub fn proved(&self, text: &str) {
        say::success(&format!("=> {text}"));
    }

    /// Runs a command that has to succeed; returns what it printed.
    pub fn run(&self, line: &str) -> Result<String> {
        let (status, printed) = self.perform(line)?;
        ensure!(
            status.success(),
            "`{line}` should have worked and failed ({})",
            process::ended(status)
        );
        Ok(printed)
    }

    /// Runs a command that has to fail with exit code 1, as `ping` does when nothing comes back. Another
    /// code would mean that it could not even try, and would prove nothing.
    pub fn run_in_vain(&self, line: &str) -> Result<()> {
        let (status, _) = self.perform(line)?;
        match status.code() {
            Some(1) => Ok(()),
            Some(0) => bail!("`{line}` worked, and must not"),
            _ => bail!("`{line}` could not be tried ({})", process::ended(status)),
        }
    }

    /// Starts a command and waits for its first line.
    pub fn start(&self, line: &str) -> Result<Background> {
        say::command(&format!("{line} &"));
        let mut child = self.command(line)?.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no pipe to the command's output")?;
        let mut background =
            Background { line: line.to_owned(), child, stdout: BufReader::new(stdout) };
        let mut first = String::new();
        background.stdout.read_line(&mut first)?;
        ensure!(!first.is_empty(), "`{line}` did not start");
        say::plain(first.trim_end());
        Ok(background)
    }

    fn perform(&self, line: &str) -> Result<(ExitStatus, String)> {
        say::command(line);
        // One pipe for both streams, so that the lines come in the order in which they were printed.
        let (mut reader, writer) = std::io::pipe()?;
        let mut child = {
            let mut command = self.command(line)?;
            command.stdout(writer.try_clone()?).stderr(writer);
            command.spawn().with_context(|| format!("cannot start `{line}`"))?
            // `command` goes here, and with it our own end of the pipe: or the reader would never see its end.
        };
        let mut printed = String::new();
        reader.read_to_string(&mut printed)?;
        if !printed.is_empty() {
            say::plain(printed.trim_end());
        }
        Ok((child.wait()?, printed))
    }

    /// The words of the line as a command. `ip netns exec NS PROGRAM` names a second program.
    fn command(&self, line: &str) -> Result<Command> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (first, rest) = words.split_first().context("an empty command")?;
        let mut command = Command::new(super::program(first, &self.tool)?);
        for (at, word) in rest.iter().enumerate() {
            if at == 3 && line.starts_with("ip netns exec ") {
                command.arg(super::program(word, &self.tool)?);
            } else {
                command.arg(word);
            }
        }
        // As netns-tool calls the system: a fixed PATH and language, so that the output is the same everywhere.
        command.env("PATH", process::SYSTEM_PATH).env("LC_ALL", "C").stdin(Stdio::null());
        Ok(command)
    }
}

/// A command that runs beside the others; ended with its owner.
pub struct Background {
    line: String,
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Background {
    /// Waits until it is done, shows and returns what it printed since its first line.
    pub fn finish(mut self) -> Result<String> {
        let mut printed = String::new();
        self.stdout.read_to_string(&mut printed)?;
        say::plain(printed.trim_end());
        let status = self.child.wait()?;
        ensure!(status.success(), "`{}` failed ({})", self.line, process::ended(status));
        Ok(printed)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Already gone when all went well; otherwise it must not keep its namespace alive.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> Stage {
        Stage::new(Path::new("/bin/sh")).unwrap()
    }

    #[test]
    fn a_command_that_fails_ends_the_demo() {
        assert!(stage().run("true").is_ok());
        let error = stage().run("false").unwrap_err().to_string();
        assert_eq!(error, "`false` should have worked and failed (exit code 1)");
    }

    #[test]
    fn a_check_that_must_fail_knows_failure_from_not_trying() {
        assert!(stage().run_in_vain("false").is_ok());
        assert!(stage().run_in_vain("true").unwrap_err().to_string().contains("must not"));
        assert!(
            stage().run_in_vain("sh -c nosuchprogram").unwrap_err().to_string().contains("127")
        );
    }

    #[test]
    fn both_streams_are_returned() {
        assert!(stage().run("env --version").unwrap().contains("env"));
        assert!(stage().perform("env --nonsense").unwrap().1.contains("nonsense"));
    }
}
