//! The report as JSON.

use super::{Report, Verdict, name};
use crate::lab;
use crate::lab::model::Question;
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
    reachable: bool,
    /// In microseconds.
    rtt_us: Option<u128>,
}

pub fn print(report: &Report) -> String {
    let matrix = report.matrix.as_ref().map(|matrix| {
        let pair = |(pair, outcome): &(super::matrix::Pair, crate::probe::Outcome)| Pair {
            from: &matrix.names[pair.from],
            to: &matrix.names[pair.to],
            address: pair.ip,
            reachable: outcome.is_answer(),
            rtt_us: outcome.rtt().as_ref().map(Duration::as_micros),
        };
        matrix.pairs.iter().map(pair).collect()
    });
    lab::json(&Told {
        lab: report.lab.name.as_str(),
        file: report.lab.file.to_string_lossy(),
        failed: report.failed(),
        expectations: report.verdicts.iter().map(expectation).collect(),
        matrix,
    })
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
