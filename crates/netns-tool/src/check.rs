//! `check`: whether a lab that is up does what its file expects, and why not.

mod datagrams;
mod json;
mod judge;
mod junit;
mod matrix;
mod measure;
mod missing;
mod table;
mod tap;
mod turn;
mod words;

use crate::cli::{CheckArgs, Format, Global};
use crate::color;
use crate::failure::{Failure, failed, usage};
use crate::kernel::{Snapshot, Wanted};
use crate::lab::model::{Expectation, Lab, Question};
use crate::lab::{self, Up};
use crate::path::Reason;
use crate::plan::Place;
use crate::probe::Outcome;
use anyhow::Result;
use matrix::Matrix;
use missing::{Missing, ask_possible};
use std::io::stdout;
use std::net::IpAddr;
use std::time::Duration;
use turn::Turn;

/// What was printed of it, and whether all expectations hold.
pub struct Printed {
    pub text: String,
    pub is_success: bool,
}

/// What has come of all that was to be found out.
struct Report<'a> {
    lab: &'a Lab,
    verdicts: Vec<Verdict<'a>>,
    matrix: Option<Matrix>,
}

/// What has come of an expectation.
struct Verdict<'a> {
    expectation: &'a Expectation,
    outcome: Outcome,
    /// The best of several, where it matters.
    rtt: Option<Duration>,
    /// Whom the far side sees, where it matters.
    seen_as: Option<IpAddr>,
    /// Why it does not hold.
    fault: Option<Fault>,
}

struct Fault {
    what: String,
    why: Option<Reason>,
}

impl Report<'_> {
    fn failed(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.fault.is_some()).count()
    }
}

/// Tests the lab.
///
/// # Errors
/// There is nothing to be tested, the lab is not up, or it cannot be looked into.
pub fn run(args: &CheckArgs, global: &Global) -> Result<Printed> {
    let limit = Duration::from_secs(global.timeout.into());
    let lab = Up::read(&args.lab, global.timeout)?.lab;
    if lab.expectations.is_empty() && !args.matrix {
        return Err(nothing(args).into());
    }
    let wanted = Wanted {
        namespaces: lab.namespaces.iter().map(|netns| netns.name.clone()).collect(),
        all_namespaces: true,
        ..Wanted::default()
    };
    let facts = Snapshot::read(&wanted, limit)?;
    lab::require_up(&lab, &facts)?;
    check_outside(&facts)?;
    let missing = Missing::new(&lab, &facts);
    let judge = judge::Judge::new(&lab, &facts, &missing, limit);
    let pairs = if args.matrix { matrix::pairs(&lab) } else { Vec::new() };
    let mut questions: Vec<_> = lab.expectations.iter().map(|one| judge.question(one)).collect();
    questions.extend(pairs.iter().map(|pair| pair.question(&missing)));
    let sends = |one: &Expectation| matches!(one.question, Question::Udp(_));
    let is_counted = lab.expectations.iter().any(sends);
    let wait = Duration::from_secs(global.wait.into());
    let _turn = is_counted.then(|| Turn::take(wait)).transpose()?;
    let mut outcomes = ask_possible(questions)?;
    let of_pairs = outcomes.split_off(lab.expectations.len());
    let verdicts = judge.verdicts(outcomes)?;
    let matrix = args.matrix.then(|| Matrix::new(&lab, pairs, of_pairs, &missing));
    let report = Report { lab: &lab, verdicts, matrix };
    let is_success = report.failed() == 0;
    let is_quiet = global.quiet && is_success;
    let text = match args.format {
        _ if is_quiet => String::new(),
        Format::Table => {
            table::print(&report, global.quiet, color::is_wanted(global.color, &stdout()))
        }
        Format::Tap => tap::print(&report),
        Format::Junit => junit::print(&report)?,
        Format::Json => json::print(&report),
    };
    Ok(Printed { text, is_success })
}

/// Questions of the host are asked from where netns-tool is, and that is the host.
fn check_outside(facts: &Snapshot) -> Result<(), Failure> {
    let Some((name, _)) = facts.namespaces.iter().find(|(_, netns)| netns.is_current) else {
        return Ok(());
    };
    let what =
        format!("`check` asks from the host as well, and this is inside of namespace `{name}`");
    Err(failed(what).hint("the same on the host: without --in, exec or shell"))
}

fn nothing(args: &CheckArgs) -> Failure {
    let file = args.lab.file.display();
    usage(format!("{file} expects nothing: it has no [[expect]]"))
        .hint("--matrix shows who reaches whom; or [[expect]] with from = \"web\" and to = \"db\"")
}

/// A place as the reports name it.
fn name(at: &Place) -> &str {
    at.as_ref().map_or("host", crate::name::NamespaceName::as_str)
}
