//! A shell whose prompt shows where it is.

use super::base;
use super::user::User;
use crate::name::NamespaceName;
use anyhow::{Context, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, IntoRawFd};

/// What is to be run, and what of the environment tells it where it is.
type Prompted = (Vec<OsString>, Vec<(&'static str, String)>);

pub struct Shell {
    program: OsString,
    /// It is root's.
    is_root: bool,
}

impl Shell {
    /// That of the user, or the caller's own.
    pub fn of(user: Option<&User>) -> Self {
        let own = || std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        let program = user.map_or_else(own, User::shell);
        Self {
            program: program.unwrap_or_else(|| "/bin/sh".into()),
            is_root: user.map_or(geteuid(), User::uid).is_root(),
        }
    }

    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Each kind of shell has its own way to a prompt that its start-up files do not undo.
    ///
    /// # Errors
    /// There is no room for a file.
    pub fn in_namespace(self, netns: &NamespaceName) -> Result<Prompted> {
        let label = label(netns);
        let sign = if self.is_root { '#' } else { '$' };
        let program = self.program;
        Ok(match base(&program).as_str() {
            "bash" => {
                let file = start_up(&label)?;
                (vec![program, "--rcfile".into(), file.into()], Vec::new())
            }
            "fish" => {
                let prompt = format!(
                    "functions -c fish_prompt netns_tool_prompt; \
                     function fish_prompt; printf '{label}'; netns_tool_prompt; end"
                );
                (vec![program, "-C".into(), prompt.into()], Vec::new())
            }
            // Its start-up files set the prompt on the left, and mostly leave that on the right alone.
            "zsh" => (vec![program], vec![("RPS1", label.trim_end().to_owned())]),
            _ => (vec![program], vec![("PS1", format!("{label}{sign} "))]),
        })
    }
}

/// What stands before the prompt. A name of others may have what a shell takes for more than a name.
fn label(netns: &NamespaceName) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let plain = netns.as_str().chars().map(|c| if is_plain(c) { c } else { '?' });
    format!("({}) ", plain.collect::<String>())
}

/// A start-up file for bash that reads the user's own first; it is nowhere in the file system, and bash closes it.
fn start_up(label: &str) -> Result<String> {
    let file = memfd_create(c"netns-tool", MFdFlags::empty()).context("cannot make a file")?;
    let mut file = File::from(file);
    let number = file.as_raw_fd();
    let text = format!(
        "if [ -r ~/.bashrc ]; then . ~/.bashrc; fi\nPS1=\"{label}$PS1\"\nexec {number}<&-\n"
    );
    file.write_all(text.as_bytes()).context("cannot write a file")?;
    // It stays open beyond us.
    let number = file.into_raw_fd();
    Ok(format!("/dev/fd/{number}"))
}
