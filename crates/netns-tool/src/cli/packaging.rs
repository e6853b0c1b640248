//! The command line of what packages are made from.

use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Of `completions`.
pub(super) const COMPLETIONS_HELP: &str = "\
    The script lets the shell complete subcommands, options, and the names of the namespaces, bridges, \
    interfaces and labs that are there. Where netns-tool was installed as a package it is in place already.";

/// Of `man`.
pub(super) const MAN_HELP: &str = "\
    To read one that is not installed: netns-tool man create | man -l -";

/// Print the script that completes netns-tool's words in a shell
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// A shell that can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Print a page of the manual, or write all of them
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The subcommand whose page it is; that of netns-tool itself if there is none
    #[arg(value_name = "SUBCOMMAND")]
    pub page: Option<String>,
    /// Write all pages into this folder, which is made if it is missing
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub into: Option<PathBuf>,
}

/// What may stand at the cursor; not for people.
#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// Which of the words the cursor is at the end of; the first is 0.
    pub index: usize,
    #[arg(last = true, required = true)]
    pub words: Vec<OsString>,
}
