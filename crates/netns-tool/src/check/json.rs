//! The report as JSON.

use super::matrix::{self, Matrix};
use super::{Report, Verdict, name};
use crate::lab;
use crate::lab::model::Question;
use crate::probe::Outcome;
use serde::Serialize;
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

#[derive(Serialize)]
struct Told<'a> {
    lab: &'a str,
    /// What of it is no text is shown as such.
    file: Cow<'a, str>,
    failed: usize,
    expectations: Vec<Expectation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matrix: Option<Vec<Pair<'a>>>,
}

#[derive(Serialize)]
struct Expectation<'a> {
    line: usize,
    from: &'a str,
    /// `null`: it is no place of the lab.
    to: Option<&'a str>,
    address: IpAddr,
    probe: &'static str,
    port: Option<u16>,
    path: Option<&'a str>,
    /// Whether it is to be.
    reachable: bool,
    ok: bool,
    /// In microseconds.
    rtt_us: Option<u128>,
    source: Option<IpAddr>,
    problem: Option<&'a str>,
    why: Option<&'a str>,
    #[serde(rename = "try")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Pair<'a> {
    from: &'a str,
    to: &'a str,
    address: IpAddr,
    /// `null`: it could not be asked.
    reachable: Option<bool>,
    /// In microseconds.
    rtt_us: Option<u128>,
    /// Why it could not be asked.
    problem: Option<&'a str>,
}

pub fn print(report: &Report) -> String {
    let matrix = report.matrix.as_ref().map(|matrix| {
        matrix.pairs.iter().map(|(pair, outcome)| way(matrix, pair, outcome)).collect()
    });
    lab::json(&Told {
        lab: report.lab.name.as_str(),
        file: report.lab.file.to_string_lossy(),
        failed: report.failed(),
        expectations: report.verdicts.iter().map(expectation).collect(),
        matrix,
    })
}

fn way<'a>(matrix: &'a Matrix, pair: &matrix::Pair, outcome: &'a Outcome) -> Pair<'a> {
    let problem = match outcome {
        Outcome::NotAsked(why) => Some(why.as_str()),
        _ => None,
    };
    Pair {
        from: &matrix.names[pair.from],
        to: &matrix.names[pair.to],
        address: pair.ip,
        reachable: problem.is_none().then(|| outcome.is_answer()),
        rtt_us: outcome.rtt().as_ref().map(Duration::as_micros),
        problem,
    }
}

fn expectation<'a>(verdict: &'a Verdict) -> Expectation<'a> {
    let expectation = verdict.expectation;
    let (probe, port, path) = match &expectation.question {
        Question::Ping => ("ping", None, None),
        Question::Tcp(port) => ("tcp", Some(*port), None),
        Question::Udp(port) => ("udp", Some(*port), None),
        Question::Http { port, path } => ("http", Some(*port), Some(path.as_str())),
    };
    let why = verdict.fault.as_ref().and_then(|fault| fault.why.as_ref());
    Expectation {
        line: expectation.line,
        from: name(&expectation.from),
        to: expectation.to.at.as_ref().map(name),
        address: expectation.to.ip,
        probe,
        port,
        path,
        reachable: expectation.is_reachable,
        ok: verdict.fault.is_none(),
        rtt_us: verdict.rtt.as_ref().map(Duration::as_micros),
        source: verdict.seen_as,
        problem: verdict.fault.as_ref().map(|fault| fault.what.as_str()),
        why: why.map(|why| why.what.as_str()),
        hint: why.and_then(|why| why.hint.as_deref()),
    }
}
