//! What takes a second look: times, whom the far side sees, and who it is that answers.

use super::judge::{probe, way_of};
use super::{Fault, Verdict, words};
use crate::firewall::rule::Protocol;
use crate::kernel::ground::listener;
use crate::lab::model::Question;
use crate::path::words::{place, run};
use crate::path::{Observed, Reason, longest};
use crate::plan::quote;
use crate::probe::{Outcome, Sighting, Sort, ask};
use anyhow::Result;
use std::net::SocketAddr;

/// How many times more it is asked where the time matters: the best of all counts.
const TIMES: usize = 2;

/// Where a time is expected that was not kept at first, it is asked again when nothing else is.
pub fn times(verdicts: &mut [Verdict]) -> Result<()> {
    for verdict in verdicts {
        for _ in 0..TIMES {
            let is_slow = match (verdict.rtt, verdict.expectation.max_rtt) {
                (Some(rtt), Some(max)) => rtt > max,
                _ => false,
            };
            if is_slow {
                let again = ask(&[probe(verdict.expectation)], None)?;
                verdict.rtt = [verdict.rtt, again[0].rtt()].into_iter().flatten().min();
            }
        }
    }
    Ok(())
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
    let is_wanted = verdict.outcome.is_answer() && verdict.expectation.max_rtt.is_some();
    if let Some(fault) = verdict.fault.as_mut().filter(|fault| is_wanted && fault.why.is_none()) {
        fault.why = longest(seen).map(|(leg, time)| Reason {
            what: format!(
                "when it was asked again, most of the time, {}, passed {leg}",
                words::time(time)
            ),
            hint: None,
        });
    }
}

/// Notes of an answer that is not as it should be who gave it: the network has done its part.
pub fn note_server(verdict: &mut Verdict) {
    let Question::Http { port, path } = &verdict.expectation.question else { return };
    let (from, to) = (&verdict.expectation.from, &verdict.expectation.to);
    if !matches!(verdict.outcome, Outcome::WrongAnswer(_)) {
        return;
    }
    let Some(fault) = verdict.fault.as_mut().filter(|fault| fault.why.is_none()) else { return };
    let who = to.at.as_ref().and_then(|at| {
        let who = listener(at, Protocol::Tcp, to.ip, *port)?.who();
        Some(format!("it is {who} in {} that answers so", place(at)))
    });
    let who = who.unwrap_or_else(|| format!("it is a server of {} that answers so", to.ip));
    let url = format!("http://{}{path}", SocketAddr::new(to.ip, *port));
    fault.why = Some(Reason {
        what: format!("the network lets it through: {who}"),
        hint: Some(run(from, &format!("curl -v {}", quote(&url)))),
    });
}
