//! The command line of what runs a command of the caller's.

use super::LabArgs;
use clap::Args;
use std::ffi::OsString;

/// Of `sandbox`.
pub(super) const SANDBOX_HELP: &str = "\
    A private host has network, mount and process namespaces of its own, a fresh /run and an /etc \
    that can be written to; all else of the file system is the host's. Without root's rights it is \
    made in a user namespace, with nobody but root in it. When the command ends, the kernel kills \
    what it has left running, and everything is gone.";

/// Of `run`.
pub(super) const RUN_HELP: &str = "\
    The exit code is the command's (128 + n if signal n ended it), 126 if it cannot be run, 127 if \
    it is not there, and one of netns-tool's own if the lab could not be built or taken down.";

/// Run a command in a private host
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Give the private host a way out, through slirp4netns or pasta
    #[arg(long)]
    pub uplink: bool,
    /// The command; an interactive shell ($SHELL) if there is none
    #[arg(value_name = "CMD", last = true)]
    pub command: Vec<OsString>,
}

/// Run a command in a lab, which is up for only as long
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub lab: LabArgs,
    /// Run the command inside this namespace of the lab, and not on the host
    #[arg(long = "in", value_name = "NS")]
    pub inside: Option<String>,
    /// Do all of it in a private host of its own, as `netns-tool sandbox` does
    #[arg(long)]
    pub sandbox: bool,
    /// Leave the lab standing if the command fails
    #[arg(long, conflicts_with = "sandbox")]
    pub keep_on_failure: bool,
    /// The command
    #[arg(value_name = "CMD", last = true, required = true)]
    pub command: Vec<OsString>,
}

/// The first process of a private host; not for people.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The descriptor of a pipe: signals to pass on, and when it ends, all ends.
    #[arg(long)]
    pub control: i32,
    /// The descriptor of a pipe for word that it runs.
    #[arg(long)]
    pub report: i32,
    /// The name server of the uplink.
    #[arg(long)]
    pub name_server: Option<String>,
    /// The command is netns-tool itself.
    #[arg(long)]
    pub ourselves: bool,
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// A process that becomes the command when it is told to; not for people.
#[derive(Debug, Args)]
pub struct StandByArgs {
    /// The descriptor of a pipe: a byte says go, its end says that the command is not wanted any more.
    #[arg(long)]
    pub control: Option<i32>,
    /// The descriptor by which the process was found.
    #[arg(long)]
    pub program: Option<i32>,
    /// The namespace to run it in.
    #[arg(long)]
    pub inside: Option<String>,
    /// The user to run it as.
    #[arg(long)]
    pub user: Option<String>,
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// A process that ends others with the one that started it; not for people.
#[derive(Debug, Args)]
pub struct TetherArgs {
    /// The descriptor of a pipe: when it ends, the process group is killed.
    #[arg(long)]
    pub control: i32,
    /// Is run until then; with none, others join the group.
    #[arg(last = true)]
    pub command: Vec<OsString>,
}
