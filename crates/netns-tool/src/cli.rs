//! The command line. The doc comments here are the help.

mod check;
mod doctor;
mod enter;
mod graph;
mod lab;
mod look;
mod nouns;
mod packaging;
mod sandbox;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, ColorChoice, Parser, Subcommand};

pub use check::{CheckArgs, Format};
pub use doctor::DoctorArgs;
pub use enter::{CaptureArgs, ExecArgs, ShellArgs, TraceArgs};
pub use graph::{GraphArgs, Picture};
pub use lab::{DownArgs, LabArgs, LabsArgs, ShownArgs};
pub use look::{Kind, ListArgs, ShowArgs};
pub use nouns::{BridgeArgs, CreateArgs, DeleteArgs, NatArgs, Removal, VethArgs};
pub use packaging::{CompleteArgs, CompletionsArgs, ManArgs, Shell};
pub use sandbox::{InitArgs, RunArgs, SandboxArgs, StandByArgs, TetherArgs};

/// Builds virtual networks on one Linux machine out of network namespaces, veth pairs, bridges and NAT
#[derive(Debug, Parser)]
#[command(name = "netns-tool", version, styles = STYLES, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "\
    It runs the commands of `ip` and of `iptables` or `nft` that you would have typed, and shows \
    them (--dry-run, --verbose). A command does all of its work or none; the words that made \
    something take it back with --delete added.\n\nExit codes: 0 done; 1 failed, and the host \
    is as it was; 2 wrong usage; 3 something is missing (root, a tool, a kernel feature); 4 \
    something is left that should be gone; 5 another netns-tool is at work; 128 + n ended by \
    signal n, and the host is as it was.")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// In seconds, if nothing else is said.
pub const TIMEOUT: u16 = 10;
pub const WAIT: u16 = 30;

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print the commands as a shell script; change nothing
    #[arg(short = 'n', long, global = true)]
    pub dry_run: bool,
    /// Show each command on stderr as it is run
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Print nothing when all goes well
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// When to colour
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub color: ColorChoice,
    /// The time limit of each system command
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub timeout: u16,
    /// How long to wait while another netns-tool is at work
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = WAIT, value_parser = clap::value_parser!(u16).range(0..=3600))]
    pub wait: u16,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make network namespaces, with their loopback up
    Create(CreateArgs),
    /// Delete network namespaces and everything wired to them
    Delete(DeleteArgs),
    /// Make a veth pair between the host and a namespace (or two namespaces)
    Veth(VethArgs),
    /// Make a bridge, and attach interfaces to it
    Bridge(BridgeArgs),
    /// Give a bridge a way out behind an uplink's address, and publish ports
    Nat(NatArgs),
    /// Build the network that a lab file describes, or bring it up to date
    #[command(after_help = lab::UP_HELP)]
    Up(LabArgs),
    /// Take down a lab: everything that bears its mark
    Down(DownArgs),
    /// Print the commands that `up` would run (the same as `up --dry-run`)
    Plan(ShownArgs),
    /// Print what differs between a lab file and what stands; exit code 1 if anything does
    Diff(ShownArgs),
    /// Test whether a lab does what its file expects, and say why where it does not
    #[command(after_help = check::HELP)]
    Check(CheckArgs),
    /// List the labs that are up
    Labs(LabsArgs),
    /// List namespaces, bridges and NATs, and whose they are
    List(ListArgs),
    /// Show a namespace, a bridge, a link or a lab
    Show(ShowArgs),
    /// Examine the host: what will break a network on it, why, and what cures it
    #[command(after_help = doctor::HELP)]
    Doctor(DoctorArgs),
    /// Run a command inside a namespace
    #[command(after_help = enter::EXEC_HELP)]
    Exec(ExecArgs),
    /// Work inside a namespace, in a shell whose prompt shows it
    Shell(ShellArgs),
    /// Watch packets with tcpdump, in the right place
    #[command(after_help = enter::CAPTURE_HELP)]
    Capture(CaptureArgs),
    /// Draw a network: that of a lab file, or what stands
    #[command(after_help = graph::HELP)]
    Graph(GraphArgs),
    /// Explain the way of a packet, step by step, up to where it stops
    #[command(after_help = enter::TRACE_HELP)]
    Trace(TraceArgs),
    /// Run a command in a lab, which is up for only as long
    #[command(after_help = sandbox::RUN_HELP)]
    Run(RunArgs),
    /// Run a command, or a shell, in a private host
    #[command(after_help = sandbox::SANDBOX_HELP)]
    Sandbox(SandboxArgs),
    #[command(name = "__init", hide = true)]
    Init(InitArgs),
    #[command(name = "__stand-by", hide = true)]
    StandBy(StandByArgs),
    #[command(name = "__tether", hide = true)]
    Tether(TetherArgs),
    /// Take back what a killed command has left
    #[command(
        after_help = "Every command that changes something does this first; this one does nothing else."
    )]
    Recover,
    /// Print the script that completes netns-tool's words in a shell
    #[command(after_help = packaging::COMPLETIONS_HELP)]
    Completions(CompletionsArgs),
    /// Print a page of the manual, or write all of them
    #[command(after_help = packaging::MAN_HELP)]
    Man(ManArgs),
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
}
