//! `[[expect]]`.

use super::lacks;
use crate::lab::file::problem::{At, Problem, Problems, Span, shown};
use crate::lab::file::value::{Table, Value};
use crate::lab::model::Question;
use std::net::IpAddr;
use std::time::Duration;

/// The word for what is no namespace; none can be called so.
pub const HOST: &str = "host";

/// The port of HTTP where a path alone is given.
const HTTP: u16 = 80;

#[derive(Debug)]
pub struct Expect {
    pub span: Span,
    /// Names of namespaces, or [`HOST`].
    pub from: Vec<At<String>>,
    /// The same, or addresses.
    pub to: Vec<At<String>>,
    pub question: Question,
    pub is_reachable: bool,
    pub is_ipv4: Option<At<bool>>,
    pub max_rtt: Option<Duration>,
    pub source: Option<At<IpAddr>>,
}

impl Expect {
    pub fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        let mut table = value.table("an expectation", problems)?;
        let before = problems.len();
        let (from, to) = (names(&mut table, "from", problems), names(&mut table, "to", problems));
        let (question, keys) = question(&mut table, problems);
        let is_ipv4 = table.take("family").and_then(|value| family(&value, problems));
        let reachable = table.take("reachable");
        let is_reachable = reachable.as_ref().and_then(|value| value.flag(problems));
        let (max_rtt, source) = (table.take("max_rtt"), table.take("source"));
        let is_reachable = is_reachable.unwrap_or(true);
        for value in [&max_rtt, &source].into_iter().flatten().filter(|_| !is_reachable) {
            let what = "what must not be reached";
            cannot_have(value, what, reachable.as_ref().map(|value| &value.span), problems);
        }
        if let (Some(value), Some(At { value: Question::Udp(_), span })) = (&max_rtt, &question) {
            cannot_have(value, "a datagram, which need not be answered,", Some(span), problems);
        }
        let max_rtt = max_rtt.and_then(|value| value.parsed(time, problems));
        let source = source.and_then(|value| value.parsed(address, problems));
        table.finish(problems);
        if keys > 1 || problems.len() > before {
            return None;
        }
        for (key, names) in [("from", &from), ("to", &to)] {
            if names.is_empty() {
                let message = format!("an expectation needs `{key}`");
                lacks(&value.span, &message, &format!("such as {key} = \"web\""), problems);
            }
        }
        (problems.len() == before).then(|| Self {
            span: value.span.clone(),
            from,
            to,
            question: question.map_or(Question::Ping, |question| question.value),
            is_reachable,
            is_ipv4,
            max_rtt: max_rtt.map(|time| time.value),
            source,
        })
    }
}

fn names(table: &mut Table, key: &'static str, problems: &mut Problems) -> Vec<At<String>> {
    let values = table.take(key).map(|value| value.one_or_more()).unwrap_or_default();
    values.iter().filter_map(|value| value.owned(problems)).collect()
}

/// What is asked, and how many keys say so.
fn question(table: &mut Table, problems: &mut Problems) -> (Option<At<Question>>, usize) {
    let values = ["ping", "tcp", "udp", "http"].map(|key| table.take(key));
    let [ping, tcp, udp, http] = &values;
    let keys: Vec<&Value> = values.iter().flatten().collect();
    if let [first, second, ..] = keys[..] {
        let message = format!(
            "an expectation asks one thing, not `{}` and `{}`",
            first.key.value, second.key.value
        );
        problems.add(
            Problem::new(&second.key.span, message)
                .label("another [[expect]] for it")
                .beside(&first.key.span, "one here"),
        );
    }
    let mut port = |value: &Value| {
        let port = value.number(1..=u32::from(u16::MAX), "", problems)?;
        u16::try_from(port.value).ok()
    };
    let found = match (ping, tcp, udp, http) {
        (Some(value), ..) => {
            if value.flag(problems) == Some(false) {
                let why = "leave it out; `reachable = false` says that no answer may come";
                value.is_wrong("false", why, problems);
            }
            Some(At::new(Question::Ping, &value.key.span))
        }
        (_, Some(value), ..) => {
            port(value).map(|port| At::new(Question::Tcp(port), &value.key.span))
        }
        (_, _, Some(value), _) => {
            port(value).map(|port| At::new(Question::Udp(port), &value.key.span))
        }
        (.., Some(value)) => http_of(value, problems).map(|http| At::new(http, &value.key.span)),
        _ => None,
    };
    (found, keys.len())
}

/// A port, a path, or `:PORT/PATH`.
fn http_of(value: &Value, problems: &mut Problems) -> Option<Question> {
    let Some(text) = value.as_text() else {
        let port = value.number(1..=u32::from(u16::MAX), "", problems)?;
        return Some(Question::Http {
            port: u16::try_from(port.value).ok()?,
            path: "/".to_owned(),
        });
    };
    match http_text(text) {
        Ok(question) => Some(question),
        Err(why) => {
            value.is_wrong(text, why, problems);
            None
        }
    }
}

fn http_text(text: &str) -> Result<Question, &'static str> {
    const FORM: &str = "it is a port, a path such as \"/health\", or both: \":8080/health\"";
    let (port, path) = match text.strip_prefix(':') {
        None => (HTTP, text),
        Some(rest) => {
            let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let number: u16 = port.parse().ok().filter(|number| *number > 0).ok_or(FORM)?;
            (number, if path.is_empty() { "/" } else { path })
        }
    };
    if !path.starts_with('/') {
        return Err(FORM);
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a path has no blanks and nothing but ASCII; write others as %20");
    }
    Ok(Question::Http { port, path: path.to_owned() })
}

/// Whether it is IPv4.
fn family(value: &Value, problems: &mut Problems) -> Option<At<bool>> {
    let is_ipv4 = match (value.as_integer(), value.as_text()) {
        (Some(4), _) | (_, Some("ipv4")) => true,
        (Some(6), _) | (_, Some("ipv6")) => false,
        (number, text) => {
            let given = number.map(|number| number.to_string());
            let given = given.or(text.map(str::to_owned)).unwrap_or_default();
            if number.is_none() && text.is_none() {
                value.is_not("4 or 6", problems);
            } else {
                value.is_wrong(&given, "it is 4 or 6", problems);
            }
            return None;
        }
    };
    Some(At::new(is_ipv4, &value.span))
}

fn cannot_have(value: &Value, what: &str, beside: Option<&Span>, problems: &mut Problems) {
    let message = format!("{what} cannot have `{}`", shown(value.key.value));
    let problem = Problem::new(&value.key.span, message);
    problems.add(match beside {
        Some(span) => problem.beside(span, ""),
        None => problem,
    });
}

/// A time such as `5ms`.
fn time(text: &str) -> Result<Duration, String> {
    const FORM: &str = "it is a time such as \"5ms\", \"250us\" or \"1.5s\"";
    let begin = text.find(|c: char| c.is_ascii_alphabetic()).ok_or(FORM)?;
    let (number, unit) = text.split_at(begin);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err(FORM.to_owned()),
    };
    let number: f64 = number.trim_end().parse().map_err(|_| FORM)?;
    let time = Duration::try_from_secs_f64(number * seconds).map_err(|_| FORM)?;
    if time.is_zero() || time > Duration::from_secs(1) {
        return Err("it is from 1us to 1s: what takes longer is taken for lost".to_owned());
    }
    Ok(time)
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "it is an address such as 203.0.113.2, without a prefix".to_owned())
}
