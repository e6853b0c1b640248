//! The tables of iptables, from `iptables-save` or `iptables-legacy-save`.

use super::load::is_port;
use super::nft::GOING_ON;
use super::packet::{Packet, Seen, lies_in};
use super::place::IPTABLES;
use super::verdict::{self, Chains, Fate, Rule, Truth, Verdict, Walk};
use super::{Obstacle, Reason, cure};
use crate::firewall::iptables::{CHAIN, split};
use std::collections::HashMap;

const FILTER: &str = "filter";

/// What the `-save` of one variant of iptables printed.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    pub text: &'a str,
    /// What a cure is typed with, such as `iptables-legacy`.
    pub command: &'a str,
    /// Whether the rules of netns-tool are here, or will be.
    pub has_ours: bool,
}

/// What in the listing drops the packet for certain, first of all. Tables that were not printed whole do not count.
pub fn in_saved(listing: &Listing, packet: &Packet) -> Option<Obstacle> {
    let mut tables = tables_of(listing.text);
    let ours = tables.get_mut(FILTER).filter(|_| listing.has_ours);
    // Where nothing leads into it yet, what will comes first of all.
    let is_ours_asked = ours.is_none_or(Table::let_ours_pass);
    IPTABLES.iter().find_map(|(name, chain, place)| {
        let table = tables.get(name).filter(|_| *name != FILTER || is_ours_asked)?;
        let chains = table.seen_from(chain, &packet.at(*place));
        let of = if *name == FILTER { String::new() } else { format!(" of table `{name}`") };
        let command = listing.command;
        let what = match Walk::new(&chains).fate(chain) {
            Fate::IsDropped { rule, .. } => format!("the rule `{rule}`{of} of {command}"),
            Fate::ComesOut if table.policies.get(chain) == Some(&"DROP") => {
                format!("the policy `DROP` of chain `{chain}`{of} of {command}")
            }
            _ => return None,
        };
        Some(if listing.has_ours && *name == FILTER {
            Obstacle::new(&what, Reason::ComesFirst, &[cure::lead_first(command, packet)])
        } else {
            let cures = cure::of_iptables(command, name, chain, *place, packet);
            Obstacle::new(&what, Reason::IsElsewhere, &cures)
        })
    })
}

/// The base chains, with their tables, of which the listing says all. (What others have hooked into such a table besides
/// is not printed.)
pub fn listed_chains(text: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let tables = tables_of(text);
    let chains = IPTABLES.iter().map(|(table, chain, _)| (*table, *chain));
    chains.filter(move |(table, _)| tables.contains_key(table))
}

/// A table as it was printed: its chains with their rules.
#[derive(Default)]
struct Table<'a> {
    chains: HashMap<&'a str, Vec<&'a str>>,
    policies: HashMap<&'a str, &'a str>,
}

impl<'a> Table<'a> {
    /// Has our own chain accept the packet, as it does; whether anything leads into it.
    fn let_ours_pass(&mut self) -> bool {
        self.chains.insert(CHAIN, vec!["-A NETNS-TOOL -j ACCEPT"]);
        let jump = format!(" -j {CHAIN}");
        self.chains.values().flatten().any(|line| line.ends_with(&jump))
    }

    /// The rules that a packet may come to from the chain, as far as it is concerned when it is seen so.
    fn seen_from(&self, chain: &str, packet: &Seen) -> Chains<&'a str> {
        verdict::reachable(chain, |name| {
            let lines = self.chains.get(name)?;
            Some(lines.iter().map(|line| rule_of(line, packet)).collect())
        })
    }
}

fn tables_of(saved: &str) -> HashMap<&str, Table<'_>> {
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
        let (_, rule) = counted(line);
        if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split(' ');
            let name = words.next().unwrap_or_default();
            table.chains.entry(name).or_default();
            table.policies.extend(words.next().map(|policy| (name, policy)));
        } else if let Some(name) = rule.strip_prefix("-A ").and_then(|rest| rest.split(' ').next())
        {
            table.chains.entry(name).or_default().push(rule);
        }
    }
    tables
}

/// A line without the counters that stand before it with `-c`, of which the first, that of packets, is given too.
pub(super) fn counted(line: &str) -> (Option<u64>, &str) {
    let split = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    split.map_or((None, line), |(counters, rule)| (packets(counters), rule))
}

/// The packets out of `[3:252]`, or `3:252`.
pub(super) fn packets(counters: &str) -> Option<u64> {
    counters.trim_start_matches('[').split(':').next()?.parse().ok()
}

/// A line that adds a rule to a chain.
pub(super) fn rule_of<'a>(line: &'a str, packet: &Seen) -> Rule<&'a str> {
    let words = split(line).map(|words| words.into_iter().skip(2));
    let (applies, verdict) =
        words.map_or((Truth::Unknown, Verdict::Accept), |words| read(words, packet));
    Rule { applies, verdict, text: line }
}

/// Whether the rule is for the packet, and what it does. The target comes last.
fn read(mut words: impl Iterator<Item = String>, packet: &Seen) -> (Truth, Verdict) {
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
            "-p" => packet.load.is_protocol(&value(), packet.is_ipv6),
            "--sport" | "--sports" => is_port(packet.load.ports().from, &value()),
            "--dport" | "--dports" => is_port(packet.load.ports().to, &value()),
            "--icmp-type" | "--icmpv6-type" => packet.load.is_of_type(&value(), packet.is_ipv6),
            "--ctstate" | "--state" => {
                Truth::any(value().split(',').map(|state| packet.is_in_state(state)))
            }
            "--comment" => {
                value();
                Truth::Yes
            }
            // These ask for nothing by themselves.
            "-m" => match value().as_str() {
                "comment" | "conntrack" | "state" | "tcp" | "udp" | "icmp" | "icmp6"
                | "multiport" => Truth::Yes,
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
fn is_name(name: Option<&str>, pattern: &str) -> Truth {
    Truth::of(name.map(|name| match pattern.strip_suffix('+') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }))
}
