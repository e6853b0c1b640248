//! The tables of iptables, from `iptables-save` or `iptables-legacy-save`.

use super::nft::GOING_ON;
use super::packet::lies_in;
use super::verdict::{Chains, Fate, Rule, Truth, Verdict, Walk};
use super::{Obstacle, Packet};
use std::collections::HashMap;

/// The tables that have the chain, in the order in which a packet meets them.
const TABLES: [&str; 3] = ["mangle", "filter", "security"];
const FORWARD: &str = "FORWARD";

/// What in the listing drops the packet for certain, first of all. Tables that were not printed whole do not count.
///
/// `command` is what the cure is typed with, such as `iptables-legacy`.
pub fn in_saved(saved: &str, command: &str, packet: &Packet) -> Option<Obstacle> {
    let tables = tables_of(saved, packet);
    TABLES.iter().find_map(|name| {
        let table = tables.get(name)?;
        let of = if *name == "filter" { String::new() } else { format!(" of table `{name}`") };
        let what = match Walk::new(&table.chains).fate(FORWARD) {
            Fate::IsDropped { rule, .. } => format!("the rule `{rule}`{of} of {command}"),
            Fate::ComesOut if table.policy == Some("DROP") => {
                format!("the policy DROP of chain `{FORWARD}`{of} of {command}")
            }
            _ => return None,
        };
        Some(Obstacle::new(&what, &cures(command, name, packet)))
    })
}

/// What to type so that the table lets the packet through.
pub fn cures(command: &str, table: &str, packet: &Packet) -> Vec<String> {
    if !packet.has_plain_names() {
        return vec![];
    }
    let table = if table == "filter" { String::new() } else { format!("-t {table} ") };
    let state = match (packet.is_answer, packet.is_published) {
        (true, _) => "-m conntrack --ctstate RELATED,ESTABLISHED ",
        (false, true) => "-m conntrack --ctstate DNAT ",
        (false, false) => "",
    };
    let (input, output) = (packet.input, packet.output);
    vec![format!("{command} {table}-I {FORWARD} -i {input} -o {output} {state}-j ACCEPT")]
}

#[derive(Default)]
struct Table<'a> {
    chains: Chains<&'a str>,
    /// That of FORWARD.
    policy: Option<&'a str>,
}

fn tables_of<'a>(saved: &'a str, packet: &Packet) -> HashMap<&'a str, Table<'a>> {
    let mut tables = HashMap::new();
    let mut begun: Option<(&str, Table)> = None;
    for line in saved.lines() {
        if let Some(name) = line.strip_prefix('*') {
            begun = Some((name, Table::default()));
            continue;
        }
        if line == "COMMIT" {
            tables.extend(begun.take());
            continue;
        }
        let Some((_, table)) = &mut begun else { continue };
        if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split(' ');
            let name = words.next().unwrap_or_default();
            table.chains.entry(name.to_owned()).or_default();
            if name == FORWARD {
                table.policy = words.next();
            }
        } else if let Some((chain, rule)) = rule_of(line, packet) {
            table.chains.entry(chain).or_default().push(rule);
        }
    }
    tables
}

/// A line as a rule of a chain, if it is one.
fn rule_of<'a>(line: &'a str, packet: &Packet) -> Option<(String, Rule<&'a str>)> {
    // With -c, the counters stand before it.
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?.1,
        None => line,
    };
    let rest = line.strip_prefix("-A ")?;
    let Some(words) = shlex::split(rest) else {
        let chain = rest.split(' ').next()?.to_owned();
        let rule = Rule { applies: Truth::Unknown, verdict: Verdict::Accept, text: line };
        return Some((chain, rule));
    };
    let mut words = words.into_iter();
    let chain = words.next()?;
    let (applies, verdict) = read(words, packet);
    Some((chain, Rule { applies, verdict, text: line }))
}

/// Whether the rule is for the packet, and what it does. The target comes last.
fn read(mut words: impl Iterator<Item = String>, packet: &Packet) -> (Truth, Verdict) {
    let mut applies = Truth::Yes;
    while let Some(mut option) = words.next() {
        let is_negated = option == "!";
        if is_negated {
            option = words.next().unwrap_or_default();
        }
        let mut value = || words.next().unwrap_or_default();
        let holds = match option.as_str() {
            "-j" => return (applies, target(value())),
            "-g" => return (applies, Verdict::Goto(value())),
            "-i" => is_name(packet.input, &value()),
            "-o" => is_name(packet.output, &value()),
            "-s" => lies_in(packet.source, &value()),
            "-d" => lies_in(packet.destination, &value()),
            "-p" => Packet::is_protocol(&value()),
            "--ctstate" | "--state" => {
                Truth::any(value().split(',').map(|state| packet.is_in_state(state)))
            }
            "--comment" => {
                value();
                Truth::Yes
            }
            // These ask for nothing by themselves.
            "-m" => match value().as_str() {
                "comment" | "conntrack" | "state" | "tcp" => Truth::Yes,
                _ => Truth::Unknown,
            },
            _ => Truth::Unknown,
        };
        applies = applies.and(if is_negated { !holds } else { holds });
    }
    (applies, Verdict::Continue)
}

fn target(name: String) -> Verdict {
    match name.as_str() {
        "ACCEPT" => Verdict::Accept,
        "DROP" | "REJECT" => Verdict::Drop,
        "RETURN" => Verdict::Return,
        going_on if GOING_ON.contains(&going_on) => Verdict::Continue,
        // A chain; or something like NFQUEUE, which is no chain of the table and may let the packet through.
        _ => Verdict::Jump(name),
    }
}

/// A name of iptables: `docker+` is any that begins so.
fn is_name(name: &str, pattern: &str) -> Truth {
    match pattern.strip_suffix('+') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
    .into()
}
