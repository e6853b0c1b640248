//! The command line of what works inside a namespace.

use clap::Args;
use std::ffi::OsString;

/// Of `exec`.
pub(super) const EXEC_HELP: &str = "\
    netns-tool becomes the command: signals, the terminal and the exit code are its own (126 if it \
    cannot be run, 127 if it is not there). It sees the namespace's own /etc/netns files and /sys, \
    as with `ip netns exec`.\n\n\
    With --all it runs in every namespace of a lab at once; each line is labelled with the \
    namespace that it comes from, and the exit code is that of the first in which it failed.";

/// Run a command inside a namespace
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The namespace; with --all the lab, which need not be named if it is the only one
    #[arg(value_name = "NS|LAB", required_unless_present = "all")]
    pub name: Option<String>,
    /// Run it in every namespace of a lab
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub who: Who,
    /// The command
    #[arg(value_name = "CMD", last = true, required = true)]
    pub command: Vec<OsString>,
}

/// Work inside a namespace
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// The namespace
    #[arg(value_name = "NS")]
    pub name: String,
    #[command(flatten)]
    pub who: Who,
}

#[derive(Debug, Args)]
pub struct Who {
    /// Run it as this user, with his groups
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
}
