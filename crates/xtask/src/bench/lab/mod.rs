//! Whole labs: the tool beside a program that speaks netlink itself, and beside scripts, in rounds in which each form
//! has its turn once.

mod batches;
mod floor;
mod form;
mod message;
mod peers;
mod proof;
mod shape;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use super::timed;
use crate::{private, process, say};
use form::{Form, Forms, Work};
use proof::Before;
pub use shape::Kind;
use shape::Shape;
use table::{Goal, Rows, Times};

/// What a lab has to reach.
type Goals = &'static [(Work, Goal)];

const LABS: &[(Kind, u32, Goals)] = &[
    (Kind::Star, 1, &[]),
    (Kind::Star, 10, &[]),
    (
        Kind::Star,
        100,
        &[
            (Work::Up, Goal::Times(1.8, Form::Floor)),
            (Work::Up, Goal::Times(1.0 / 12.0, Form::Mininet)),
            (Work::Down, Goal::Times(1.3, Form::Script)),
        ],
    ),
    (
        Kind::Star,
        1000,
        &[
            (Work::Up, Goal::Times(1.15, Form::Floor)),
            (Work::Up, Goal::Times(0.1, Form::Mininet)),
            (Work::Up, Goal::Times(0.1, Form::Pyroute2)),
            (Work::Again, Goal::Within(1000.0)),
            (Work::Down, Goal::Times(1.3, Form::Script)),
        ],
    ),
    (Kind::Chain, 10, &[]),
    (Kind::Chain, 100, &[(Work::Up, Goal::Times(1.6, Form::Floor))]),
    (Kind::Line, 100, &[]),
    (Kind::Line, 1000, &[]),
];

/// How much more one namespace may cost among a thousand than among a hundred.
const GROWTH: f64 = 1.2;

/// Of the tool with a thousand namespaces, in MB.
const MEMORY: f64 = 50.0;

/// Where the files are: only this private host has it.
const FOLDER: &str = "/run/tmp";

/// Measures all of the labs; whether a goal was missed.
pub fn measure(tool: &Path, pairs: u32, with_peers: bool) -> Result<bool> {
    let peers = if with_peers { peers::installed() } else { Vec::new() };
    let mut rows = Rows::new(&peers);
    let mut lines = Vec::new();
    for (kind, count, goals) in LABS {
        let shape = Shape { kind: *kind, count: *count };
        let times = measure_lab(shape, tool, rounds(*count, pairs), &peers)
            .with_context(|| format!("measuring {}", shape.name()))?;
        rows.add(&shape.name(), &times, goals);
        if *kind == Kind::Line {
            lines.push((f64::from(*count), times));
        }
    }
    growth(&mut rows, &lines);
    let peak = memory(Shape { kind: Kind::Star, count: 1000 }, tool)?;
    rows.tell("memory of the tool at most, star 1000, up", peak, " MB", MEMORY);
    say::plain(&format!("{HEAD}{}{FOOT}", rows.text));
    Ok(rows.is_missed)
}

const HEAD: &str = "\nLabs: medians in ms of wall time, and the medians of the ratios within the rounds. `netlink` is a program of our\n\
     own that does the least that can be done, without processes; `ip -batch` one that does it by as few processes of\n\
     `ip` as can be; `sh` types one `ip` a step, and takes all away with `ip link del group` and one `ip -batch`. Each\n\
     lab was proved by pings, and each end by an unchanged host.\n\n";

const FOOT: &str = "Left out: the scripts above 100 namespaces (a minute at 1,000) and for the chain (half a minute at 100); a chain of\n\
     1,000, which is 1,000,000 routes. The line is the chain without them: each namespace is as much work as any other.\n";

/// Fewer where each takes long.
fn rounds(count: u32, pairs: u32) -> u32 {
    let share = match count {
        0..=10 => 2,
        11..=100 => 6,
        _ => 13,
    };
    (pairs / share).max(1)
}

/// The cost of one namespace among many against that among few.
fn growth(rows: &mut Rows, lines: &[(f64, Times)]) {
    let [(few, one), (many, other)] = lines else { return };
    let growth = |form: Form| -> Option<f64> {
        let cost = |times: &Times, count: &f64| Some(times.median(form, Work::Up)? / count);
        Some(cost(other, many)? / cost(one, few)?)
    };
    let (ours, floor) = (growth(Form::Tool), growth(Form::Floor));
    let what = format!(
        "cost of one namespace, line {many} against line {few} (netlink: {:.2})",
        floor.unwrap_or(f64::NAN)
    );
    rows.tell(&what, ours.unwrap_or(f64::NAN), "", GROWTH);
}

fn measure_lab(shape: Shape, tool: &Path, rounds: u32, peers: &[Form]) -> Result<Times> {
    say::note(&format!("measuring {} ({rounds} rounds) ...", shape.name()));
    let forms = Forms::write(shape, tool, Path::new(FOLDER))?;
    let mut order = Form::of(shape, peers);
    let mut times = Times::default();
    for round in 0..=rounds {
        for form in &order {
            let mut unmeasured = Times::default();
            // The first round warms the machine.
            let times = if round == 0 { &mut unmeasured } else { &mut times };
            measure_form(*form, &forms, shape, times)
                .with_context(|| format!("in the form `{}`", form.name()))?;
            if round == 0 && shape.count > form::SCRIPTS {
                break;
            }
        }
        order.reverse();
    }
    Ok(times)
}

/// Builds the lab and takes it away once, in one form.
fn measure_form(form: Form, forms: &Forms, shape: Shape, times: &mut Times) -> Result<()> {
    let before = Before::look(shape)?;
    if form == Form::Mininet {
        let [up, down] = peers::mininet(shape.count)?;
        times.add(form, Work::Up, up);
        times.add(form, Work::Down, down);
    } else {
        let (command, counts) = forms.up(form)?;
        let (time, _) = timed(command)?;
        if counts {
            times.add(form, Work::Up, time);
        }
        proof::pings(shape)?;
        if form == Form::Tool {
            look_again(forms, shape, times)?;
        }
        settle(shape);
        let (command, counts) = forms.down(form)?;
        let (time, _) = timed(command)?;
        before.check_names()?;
        if counts {
            times.add(form, Work::Down, time);
        }
    }
    before.check_all()?;
    settle(shape);
    Ok(())
}

/// What finds nothing to be done.
fn look_again(forms: &Forms, shape: Shape, times: &mut Times) -> Result<()> {
    settle(shape);
    let (time, output) = timed(forms.tool("up"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(said.contains("nothing was changed"), "a second `up` has changed something: {said}");
    times.add(Form::Tool, Work::Again, time);
    let (time, _) = timed(forms.tool("diff"))?;
    times.add(Form::Tool, Work::Diff, time);
    Ok(())
}

/// The kernel goes on for a while: what has come up makes itself known, what is gone is torn down.
fn settle(shape: Shape) {
    std::thread::sleep(Duration::from_millis(30 + 3 * u64::from(shape.count)));
}

/// The most memory that the tool takes for its `up`, in MB.
fn memory(shape: Shape, tool: &Path) -> Result<f64> {
    say::note("measuring memory ...");
    let forms = Forms::write(shape, tool, Path::new(FOLDER))?;
    let before = Before::look(shape)?;
    let (_, output) = timed(forms.memory()?)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    timed(forms.down(Form::Tool)?.0)?;
    before.check_names()?;
    let kilobytes: f64 = text.trim().parse().with_context(|| format!("no number: {text}"))?;
    Ok(kilobytes / 1024.0)
}

/// Which way the baseline goes.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Way {
    Up,
    /// By processes of `ip`, as few as can be.
    Batches,
    Down,
}

/// The baseline, in a process of its own.
pub fn run_floor(way: Way, kind: Kind, count: u32) -> Result<ExitCode> {
    private::require_inside()?;
    let shape = Shape { kind, count };
    match way {
        Way::Up => floor::up(shape)?,
        Way::Batches => batches::up(shape)?,
        Way::Down => floor::down(shape)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `up` as the only child of this process, and prints how much memory it took at most, in KiB.
pub fn run_memory(tool: &PathBuf, file: &PathBuf) -> Result<ExitCode> {
    private::require_inside()?;
    process::check(std::process::Command::new(tool).arg("up").arg(file).arg("--quiet"))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot ask for the memory")?;
    say::plain(&usage.max_rss().to_string());
    Ok(ExitCode::SUCCESS)
}
