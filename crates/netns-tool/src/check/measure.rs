//! What takes a second look: times, whom the far side sees, and who it is that answers.

use super::judge::{probe, way_of};
use super::{Fault, Verdict, words};
use crate::firewall::rule::Protocol;
use crate::kernel::ground::listener;
use crate::lab::model::{Expectation, Question};
use crate::path::words::{in_place, run};
use crate::path::{Observed, Reason, longest};
use crate::plan::quote;
use crate::probe::{Outcome, Probe, Sighting, Sort, ask};
use anyhow::Result;
use std::collections::BTreeSet;
use std::mem::swap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How many times more it is asked where the time matters: the best of all counts.
const TIMES: usize = 2;

/// Where a time is expected that was not kept at first, it is asked again when nothing else is: no two questions to one
/// server at the same time, until one has taken about as long as it did among all the others. Then those like it are not
/// slowed down by each other, and are asked together.
pub fn times(verdicts: &mut [Verdict]) -> Result<()> {
    let mut steady: Vec<(IpAddr, Question)> = Vec::new();
    for _ in 0..TIMES {
        let mut slow: Vec<&mut Verdict> = verdicts.iter_mut().filter(|one| is_slow(one)).collect();
        while !slow.is_empty() {
            let mut busy = BTreeSet::new();
            let is_alone = |one: &&mut Verdict| {
                !steady.contains(&asked(one)) && busy.insert(server(one.expectation))
            };
            let (mut now, mut later): (Vec<_>, Vec<_>) = slow.into_iter().partition(is_alone);
            if now.is_empty() {
                swap(&mut now, &mut later);
            }
            let probes: Vec<Probe> = now.iter().map(|one| probe(one.expectation)).collect();
            for (verdict, again) in now.into_iter().zip(ask(&probes, None)?) {
                if is_hardly_quicker(again.rtt(), verdict.rtt) {
                    steady.push(asked(verdict));
                }
                verdict.rtt = [verdict.rtt, again.rtt()].into_iter().flatten().min();
            }
            slow = later;
        }
    }
    Ok(())
}

fn is_slow(verdict: &Verdict) -> bool {
    let times = verdict.rtt.zip(verdict.expectation.max_rtt);
    times.is_some_and(|(rtt, max)| rtt > max)
}

/// Whether a time is about that of before, or there is none any more.
fn is_hardly_quicker(now: Option<Duration>, before: Option<Duration>) -> bool {
    now.zip(before).is_none_or(|(now, before)| now * 10 >= before * 9)
}

fn asked(verdict: &Verdict) -> (IpAddr, Question) {
    (verdict.expectation.to.ip, verdict.expectation.question.clone())
}

/// Whom a question is for: an address, and the port of it.
fn server(expectation: &Expectation) -> (IpAddr, Option<u16>) {
    (expectation.to.ip, expectation.question.port())
}

/// Notes what the taps have seen of a question that was answered: as whom, and which way.
pub fn note_source(verdict: &mut Verdict, seen: &Observed) {
    let expectation = verdict.expectation;
    if !expectation.is_reachable {
        if let Some(fault) = verdict.fault.as_mut().filter(|_| verdict.outcome.is_answer()) {
            fault.why = way_of(seen);
        }
        return;
    }
    let Some(wanted) = expectation.source else { return };
    let mut questions = seen.sightings.iter().filter(|one| one.sort == Sort::Question);
    // Who is not of the lab sees what has left it.
    let is_foreign = expectation.to.at.is_none();
    let is_far = |one: &&Sighting| {
        let is_there = expectation.to.at.as_ref().is_none_or(|at| one.at == *at);
        is_there && one.is_out == is_foreign && !one.is_for_another
    };
    verdict.seen_as = questions.rfind(is_far).map(|last| last.source);
    if let Some(fault) = verdict.fault.as_mut().filter(|_| !verdict.outcome.is_answer()) {
        fault.what += &match verdict.seen_as {
            Some(seen_as) => format!("; the far side sees {seen_as}"),
            None => "; so the far side has not seen from whom it comes".to_owned(),
        };
        return;
    }
    let what = match verdict.seen_as {
        Some(seen_as) if seen_as == wanted => return,
        Some(seen_as) => format!("the far side sees {seen_as}, not {wanted}"),
        None if seen.outcome.is_answer() => {
            "it could not be seen as whom the far side sees it".to_owned()
        }
        None => {
            "it was answered, but not again when it was to be seen as whom the far side sees it"
                .to_owned()
        }
    };
    verdict.fault.get_or_insert(Fault { what, why: way_of(seen) });
}

/// Notes of an answer that came too late where the time went.
pub fn note_slowness(verdict: &mut Verdict, seen: &Observed) {
    let expectation = verdict.expectation;
    let Some(max) = expectation.max_rtt.filter(|_| verdict.outcome.is_answer()) else { return };
    let Some(fault) = verdict.fault.as_mut().filter(|fault| fault.why.is_none()) else { return };
    let leg = || {
        let (leg, time) = longest(seen)?;
        let time = words::time(time);
        let what = format!("when it was asked again, most of the time, {time}, passed {leg}");
        Some(Reason { what, hint: None })
    };
    fault.why = match seen.outcome.rtt() {
        Some(rtt) if rtt <= max => {
            let what = format!("when it was asked again it took {}: it varies", words::time(rtt));
            Some(Reason { what, hint: None })
        }
        rtt => rtt.and_then(|rtt| slow_page(expectation, seen, rtt)).or_else(leg),
    };
}

/// Of a page: that it was the server who took the time. The taps tell how long the network did, by the begin of the
/// connection: once for that, and once for the page.
fn slow_page(expectation: &Expectation, seen: &Observed, rtt: Duration) -> Option<Reason> {
    let url = url(expectation)?;
    let mut own = seen.sightings.iter().filter(|one| one.at == expectation.from);
    let begin = own.find(|one| one.is_out && one.sort == Sort::Question)?;
    let answer = own.find(|one| !one.is_out && one.sort == Sort::Answer)?;
    let connected = answer.time.duration_since(begin.time).ok()?;
    let page = rtt.saturating_sub(connected);
    if connected * 4 > rtt {
        return None;
    }
    let (who, connected, page) = (who(expectation), words::time(connected), words::time(page));
    let what = format!(
        "when it was asked again, the connection was there after {connected}, and {who} took {page} for the page"
    );
    let times = "%{time_connect} %{time_starttransfer}\\n";
    let hint = format!("curl -so /dev/null -w '{times}' {}", quote(&url));
    Some(Reason { what, hint: Some(run(&expectation.from, &hint)) })
}

/// Notes of an answer that is not as it should be who gave it: the network has done its part.
pub fn note_server(verdict: &mut Verdict) {
    let expectation = verdict.expectation;
    let Some(url) = url(expectation) else { return };
    if !matches!(verdict.outcome, Outcome::WrongAnswer(_)) {
        return;
    }
    let Some(fault) = verdict.fault.as_mut().filter(|fault| fault.why.is_none()) else { return };
    fault.why = Some(Reason {
        what: format!("the network lets it through, and the rest is up to {}", who(expectation)),
        hint: Some(run(&expectation.from, &format!("curl -v {}", quote(&url)))),
    });
}

/// The server of a page, in words.
fn who(expectation: &Expectation) -> String {
    let to = &expectation.to;
    let known = to.at.as_ref().zip(server(expectation).1).and_then(|(at, port)| {
        let who = listener(at, Protocol::Tcp, to.ip, port)?.who();
        Some(format!("{who} {}", in_place(at)))
    });
    known.unwrap_or_else(|| format!("a server of {}", to.ip))
}

/// That of the page that is asked for.
fn url(expectation: &Expectation) -> Option<String> {
    let Question::Http { port, path } = &expectation.question else { return None };
    Some(format!("http://{}{path}", SocketAddr::new(expectation.to.ip, *port)))
}
