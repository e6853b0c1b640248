//! `cargo xtask bench`: the tool against the bare commands, pair by pair, in one private host.

pub mod lab;
mod scenario;
mod stats;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{cargo, install, private, process, say};
use scenario::{SCENARIOS, Scenario};
use stats::{Pair, Row, table};

/// Pairs that warm the caches and are not counted.
const WARM_UP: u32 = 3;

/// The kernel tears namespaces and links down for a while after the command has returned.
const SETTLE: Duration = Duration::from_millis(30);

#[derive(Clone, Copy, clap::Args)]
pub struct Options {
    /// Measured pairs for each command; of whole labs half as many rounds, and fewer of large ones
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Exit with 1 when a goal is missed
    #[arg(long)]
    strict: bool,
    /// Only whole labs: up, up again, diff and down of a star and of a chain of up to 1,000 namespaces
    #[arg(long)]
    labs: bool,
    /// Measure labs also beside Mininet and pyroute2, where they are installed
    #[arg(long)]
    peers: bool,
}

impl Options {
    fn words(self) -> Vec<String> {
        let mut words = vec!["--pairs".to_owned(), self.pairs.to_string()];
        let flags = [("--strict", self.strict), ("--labs", self.labs), ("--peers", self.peers)];
        words.extend(flags.iter().filter(|(_, on)| *on).map(|(flag, _)| (*flag).to_owned()));
        words
    }
}

pub fn run(options: Options) -> Result<ExitCode> {
    install::run()?;
    say::note("Building netns-tool (release build) ...");
    let tool = cargo::build_tool(true)?;
    let words = options.words();
    let mut args = vec!["bench-inside".as_ref(), tool.as_os_str()];
    args.extend(words.iter().map(AsRef::<OsStr>::as_ref));
    private::rerun(&args)
}

pub fn inside(tool: &Path, options: Options) -> Result<ExitCode> {
    private::begin()?;
    let mut missed = false;
    if !options.labs {
        missed |= commands(tool, options.pairs)?;
    }
    missed |= lab::measure(tool, options.pairs, options.peers)?;
    Ok(if missed && options.strict { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The single commands; whether a goal was missed.
fn commands(tool: &Path, pairs: u32) -> Result<bool> {
    let mut rows = Vec::new();
    for scenario in SCENARIOS {
        say::note(&format!("measuring {} ({pairs} pairs) ...", scenario.name));
        let row = measure(scenario, tool, pairs);
        rows.push(row.with_context(|| format!("measuring `{}`", scenario.name))?);
    }
    say::plain(&format!(
        "Medians of {pairs} interleaved pairs, wall time. `ratio` is that of the medians, `pairwise` the median of the\n\
         ratios within the pairs: the goal is judged by that. Each piece of work was proved to be done.\n"
    ));
    say::plain(table(&rows).trim_end());
    Ok(rows.iter().any(|row| !row.reached()))
}

fn measure(scenario: &Scenario, tool: &Path, pairs: u32) -> Result<Row> {
    sh(scenario.setup, scenario, tool)?;
    let mut measured = Vec::new();
    for round in 0..WARM_UP + pairs {
        let pair = pair(scenario, tool, round % 2 == 0)?;
        if round >= WARM_UP {
            measured.push(pair);
        }
    }
    sh(scenario.teardown, scenario, tool)?;
    Ok(Row { name: scenario.name, goal: scenario.goal, pairs: measured })
}

/// Both sides once; who goes first alternates, so that neither always finds the warmer machine.
fn pair(scenario: &Scenario, tool: &Path, tool_first: bool) -> Result<Pair> {
    let ours = || {
        let mut command = Command::new(tool);
        command.args(scenario.tool).args((scenario.more)());
        once(scenario, tool, command)
    };
    if scenario.bare.is_empty() {
        return Ok(Pair { tool: ours()?, bare: None });
    }
    let bare = || once(scenario, tool, shell(scenario.bare, scenario, tool));
    if tool_first {
        let tool = ours()?;
        Ok(Pair { tool, bare: Some(bare()?) })
    } else {
        let bare = Some(bare()?);
        Ok(Pair { tool: ours()?, bare })
    }
}

/// Prepares, measures, proves and cleans one side; only the command itself is timed.
fn once(scenario: &Scenario, tool: &Path, command: Command) -> Result<f64> {
    sh(scenario.prepare, scenario, tool).context("while preparing")?;
    std::thread::sleep(SETTLE);
    let shown = process::show(&command);
    let (took, _) = timed(command)?;
    sh(scenario.prove, scenario, tool).with_context(|| format!("`{shown}` did not do its work"))?;
    sh(scenario.clean, scenario, tool).context("while cleaning up")?;
    Ok(took)
}

/// Runs a command, which must succeed, and says how many milliseconds it took. All are started from here in the same
/// way, with nothing on stdin and their output kept.
fn timed(mut command: Command) -> Result<(f64, Output)> {
    command.env("PATH", process::SYSTEM_PATH).stdin(Stdio::null());
    let started = Instant::now();
    let output = command.output();
    let took = started.elapsed();
    let output = output.with_context(|| format!("cannot start `{}`", process::show(&command)))?;
    ensure!(
        output.status.success(),
        "`{}` failed ({}): {}",
        process::show(&command),
        process::ended(output.status),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok((took.as_secs_f64() * 1000.0, output))
}

fn shell(script: &str, scenario: &Scenario, tool: &Path) -> Command {
    let mut command = process::system("sh");
    command.args(["-eu", "-c", script]).env("PATH", process::SYSTEM_PATH).env("TOOL", tool);
    command.env("MORE", (scenario.more)().join(" "));
    command
}

/// A script outside of the timing: silent unless it fails.
fn sh(script: &str, scenario: &Scenario, tool: &Path) -> Result<()> {
    if script.is_empty() {
        return Ok(());
    }
    let output =
        shell(script, scenario, tool).stdin(Stdio::null()).output().context("cannot start `sh`")?;
    ensure!(
        output.status.success(),
        "`{script}` failed ({}): {}",
        process::ended(output.status),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
