//! An expectation, and what came of it, in words.

use super::{Verdict, name};
use crate::lab::model::{Expectation, Question, Target};
use crate::probe::{Outcome, Unreachable};
use nix::errno::Errno;
use std::time::Duration;

/// Who asks whom.
pub fn way(expectation: &Expectation) -> String {
    format!("{} -> {}", name(&expectation.from), target(&expectation.to))
}

fn target(to: &Target) -> String {
    match &to.at {
        Some(at) => format!("{} ({})", name(at), to.ip),
        None => to.ip.to_string(),
    }
}

/// What is asked, and what is to come of it.
pub fn question(expectation: &Expectation) -> String {
    let question = match &expectation.question {
        Question::Ping => "ping".to_owned(),
        Question::Tcp(port) => format!("tcp {port}"),
        Question::Udp(port) => format!("udp {port}"),
        Question::Http { port: 80, path } => format!("http {path}"),
        Question::Http { port, path } => format!("http :{port}{path}"),
    };
    let lead = if expectation.is_reachable { "" } else { "no " };
    let rtt = expectation.max_rtt.map(|max| format!(" within {}", time(max)));
    let source = expectation.source.map(|source| format!(" as {source}"));
    format!("{lead}{question}{}{}", rtt.unwrap_or_default(), source.unwrap_or_default())
}

/// What came of it.
pub fn outcome(verdict: &Verdict) -> String {
    let mut words = match (&verdict.fault, &verdict.outcome, verdict.rtt) {
        (Some(fault), ..) => return fault.what.clone(),
        (None, Outcome::Taken, _) => "it was taken".to_owned(),
        (None, _, Some(rtt)) => time(rtt),
        (None, outcome, None) => failure(outcome, Duration::ZERO),
    };
    if let Some(seen_as) = verdict.seen_as {
        words += &format!(", seen as {seen_as}");
    }
    words
}

/// Why there was no answer, in a few words.
pub fn failure(outcome: &Outcome, patience: Duration) -> String {
    match outcome {
        Outcome::Answered { rtt } => format!("it answered after {}", time(*rtt)),
        Outcome::Taken => "it was taken".to_owned(),
        Outcome::Failed(Errno::EPERM) => "the firewall does not let it out".to_owned(),
        Outcome::Failed(error) => error.desc().to_lowercase(),
        Outcome::Unreachable { by, why } => {
            let what = match why {
                Unreachable::Network => "network unreachable",
                Unreachable::Host => "host unreachable",
                Unreachable::Port => "port unreachable",
                Unreachable::Prohibited => "prohibited",
                Unreachable::TimeExceeded => "time to live exceeded",
                Unreachable::TooBig => "packet too big",
                Unreachable::Other => "unreachable",
            };
            format!("{what}, says {by}")
        }
        Outcome::WrongAnswer(why) | Outcome::NotAsked(why) => why.clone(),
        Outcome::Silence if patience.is_zero() => "no answer".to_owned(),
        Outcome::Silence => format!("no answer within {}", time(patience)),
    }
}

/// A time in the unit that suits it.
pub fn time(time: Duration) -> String {
    let digits = |value: f64| {
        let text = if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") };
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    };
    let seconds = time.as_secs_f64();
    if seconds >= 1.0 {
        format!("{} s", digits(seconds))
    } else if seconds >= 1e-3 {
        format!("{} ms", digits(seconds * 1e3))
    } else {
        format!("{} µs", digits(seconds * 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let told = [1u64, 250, 1_000, 1_234, 15_678, 999_000, 1_000_000, 2_500_000]
            .map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(told, ["1 µs", "250 µs", "1 ms", "1.23 ms", "16 ms", "999 ms", "1 s", "2.5 s"]);
    }
}
