//! What people do to this repository: `cargo xtask demo | test | ci | bench | vm | install-tools`.

// xtask is no part of the tool: it starts cargo, package managers and `netns-tool` itself, and it talks to
// a person at a terminal. The rules that keep the tool's own processes and output in one place do not apply.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod cargo;
mod ci;
mod demo;
mod install;
mod private;
mod process;
mod say;
mod test;
mod vm;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "What people do to this repository")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show the main job for real, in a private host: two namespaces, a bridge, NAT, and back to nothing
    Demo {
        /// Show the optimized build, not the debug build
        #[arg(long)]
        release: bool,
    },
    /// Run the whole test suite; as root, run it as an ordinary user too
    Test {
        #[command(flatten)]
        options: test::Options,
    },
    /// Everything that must pass before a change is merged: format, lints, docs, tests, demo, vm
    Ci,
    /// Compare the tool with the bare commands, and whole labs with a netlink baseline, in a private host
    Bench {
        #[command(flatten)]
        options: bench::Options,
    },
    /// Check the tool on a stock Debian kernel, in a virtual machine without a network (needs Debian on x86_64)
    Vm,
    /// Install what the tool, the tests and the demo need and this machine lacks
    InstallTools,

    /// Say whether private hosts work here
    #[command(hide = true)]
    Probe,
    /// The part of `demo` that runs inside the private host
    #[command(hide = true)]
    DemoInside { tool: PathBuf },
    /// The part of `bench` that runs inside the private host
    #[command(hide = true)]
    BenchInside {
        tool: PathBuf,
        #[command(flatten)]
        options: bench::Options,
    },
    /// The baseline of `bench`: builds a lab, or takes it away, by netlink messages of its own
    #[command(hide = true)]
    LabFloor { way: bench::lab::Way, kind: bench::lab::Kind, count: u32 },
    /// The most memory that the tool takes for the `up` of a lab
    #[command(hide = true)]
    LabMemory { tool: PathBuf, file: PathBuf },
    /// Tell one visitor the address it is seen from (the server of the demo)
    #[command(hide = true)]
    TellAddress { listen: SocketAddr },
    /// Ask such a server (the client of the demo)
    #[command(hide = true)]
    AskAddress { server: SocketAddr },
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Demo { release } => demo::run(release),
        Task::Test { options } => test::run(&options),
        Task::Ci => ci::run(),
        Task::Bench { options } => bench::run(options),
        Task::Vm => vm::run(),
        Task::InstallTools => install::tests().map(|()| ExitCode::SUCCESS),
        Task::Probe => testhost::probe().map(|()| ExitCode::SUCCESS),
        Task::DemoInside { tool } => demo::inside(&tool),
        Task::BenchInside { tool, options } => bench::inside(&tool, options),
        Task::LabFloor { way, kind, count } => bench::lab::run_floor(way, kind, count),
        Task::LabMemory { tool, file } => bench::lab::run_memory(&tool, &file),
        Task::TellAddress { listen } => demo::address::tell(listen).map(|()| ExitCode::SUCCESS),
        Task::AskAddress { server } => demo::address::ask(server).map(|()| ExitCode::SUCCESS),
    }
}

fn main() -> ExitCode {
    run(Cli::parse().task).unwrap_or_else(|error| {
        say::error(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
