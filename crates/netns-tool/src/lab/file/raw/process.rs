//! `[namespace.NAME.process.NAME]`.

use super::{lacks, words};
use crate::lab::file::problem::{Problem, Problems};
use crate::lab::file::value::Value;
use crate::lab::model::Ready;

/// The longest name of a process, in bytes.
const NAME_MAX: usize = 32;

#[derive(Debug)]
pub struct Process {
    pub name: String,
    pub command: Vec<String>,
    pub ready: Option<Ready>,
}

impl Process {
    pub fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        let mut table = value.table("a process", problems)?;
        let name = value.key.value;
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_word) {
            let message =
                format!("a process cannot be called `{}`", super::super::problem::shown(name));
            problems.add(Problem::new(&value.key.span, message).label(format!(
                "a name has the letters a-z and A-Z, digits, `-` and `_`, at most {NAME_MAX}"
            )));
        }
        let command = table.take("command");
        if command.is_none() {
            let message = format!("process `{name}` has no `command`");
            lacks(&value.key.span, &message, "such as command = [\"sleep\", \"60\"]", problems);
        }
        let command = command.and_then(|value| words(&value, problems));
        let ready = table.take("ready").and_then(|value| ready(&value, problems));
        table.finish(problems);
        Some(Self { name: name.to_owned(), command: command?, ready })
    }
}

fn ready(value: &Value, problems: &mut Problems) -> Option<Ready> {
    let mut table = value.table("what tells that a process is ready", problems)?;
    let (tcp, udp, command) = (table.take("tcp"), table.take("udp"), table.take("command"));
    let is_unknown = !table.is_empty();
    table.finish(problems);
    let mut port = |value: Value| {
        let port = value.number(1..=u32::from(u16::MAX), "", problems)?;
        u16::try_from(port.value).ok()
    };
    match (tcp, udp, command) {
        (Some(tcp), None, None) => port(tcp).map(Ready::Tcp),
        (None, Some(udp), None) => port(udp).map(Ready::Udp),
        (None, None, Some(command)) => words(&command, problems).map(Ready::Command),
        _ if is_unknown => None,
        _ => {
            let example = "such as { tcp = 80 }, { udp = 53 } or { command = [\"true\"] }";
            lacks(&value.span, "`ready` has to say one thing", example, problems);
            None
        }
    }
}
