//! What to type so that a chain lets the packet through.

use super::packet::{Marks, Packet};
use super::place::{Hook, IPTABLES, Place};
use crate::family::Family;
use crate::firewall::iptables::spell;
use crate::firewall::rule;
use crate::mark;
use crate::plan::quote;
use ipnet::IpNet;

/// The table of firewalld, which makes its rules anew whenever it likes.
pub const FIREWALLD: &str = "firewalld";

/// What to type so that our own chain is asked before all others. Like any other way into it, this one goes with it.
pub fn lead_first(command: &str, packet: &Packet) -> String {
    let family = if packet.is_ipv6() { Family::V6 } else { Family::V4 };
    let chain = rule::Chain::Hook(rule::Hook::Forward);
    let jump = spell(&rule::Rule::new(family, chain, rule::Verdict::Jump, mark::ALIAS));
    format!("{command} -I {} {}", jump.chain, jump.words.join(" "))
}

/// For a chain of iptables.
pub fn of_iptables(
    command: &str,
    table: &str,
    chain: &str,
    place: Place,
    packet: &Packet,
) -> Vec<String> {
    let Some(marks) = packet.marks_at(place).filter(|_| packet.has_plain_names()) else {
        return vec![];
    };
    let mut words = vec![command.to_owned()];
    words.extend((table != "filter").then(|| format!("-t {table}")));
    words.push(format!("-I {chain}"));
    words.extend(marks.source.map(|net| format!("-s {net}")));
    words.extend(marks.input.map(|name| format!("-i {name}")));
    words.extend(marks.output.map(|name| format!("-o {name}")));
    words.extend(marks.is_answer.then(|| "-m conntrack --ctstate RELATED,ESTABLISHED".to_owned()));
    words.extend(marks.is_published.then(|| "-m conntrack --ctstate DNAT".to_owned()));
    words.push("-j ACCEPT".to_owned());
    vec![words.join(" ")]
}

/// For a base chain of nft: this family, table and name.
pub fn of_nft(
    (family, table, chain): (&str, &str, &str),
    has_owner: bool,
    place: Place,
    packet: &Packet,
) -> Vec<String> {
    let marks = packet.marks_at(place).filter(|_| packet.has_plain_names());
    let Some(marks) = marks else { return vec![] };
    if table == FIREWALLD {
        // Not --reload, which flushes the tables of iptables as well, whoever's rules they hold.
        let cure = |option| {
            format!("firewall-cmd {option}--zone=trusted --change-interface={}", packet.inside())
        };
        let is_by_zone = place.hook == Hook::Forward;
        return if is_by_zone { vec![cure(""), cure("--permanent ")] } else { vec![] };
    }
    let is_of_iptables = |(of, name, _): &(&str, &str, Place)| (*of, *name) == (table, chain);
    if family != "inet" && IPTABLES.iter().any(is_of_iptables) {
        let command = if family == "ip6" { "ip6tables-nft" } else { "iptables-nft" };
        return of_iptables(command, table, chain, place, packet);
    }
    // Nobody but its owner can change a table that has one.
    if has_owner || !is_plain(table) || !is_plain(chain) {
        return vec![];
    }
    let rule = format!("insert rule {family} {table} {chain} {}", accept(&marks));
    // In quotes for the shell, since nft needs its own: an interface may be called `accept`.
    vec![format!("nft {}", quote(&rule))]
}

/// Whether nft understands the name of a table or a chain when it is typed.
pub fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte))
}

/// The rule that lets through what has these marks.
fn accept(marks: &Marks) -> String {
    let mut words = Vec::new();
    words.extend(marks.source.map(|net| match net {
        IpNet::V4(net) => format!("ip saddr {net}"),
        IpNet::V6(net) => format!("ip6 saddr {net}"),
    }));
    words.extend(marks.input.map(|name| format!("iifname \"{name}\"")));
    words.extend(marks.output.map(|name| format!("oifname \"{name}\"")));
    words.extend(marks.is_answer.then(|| "ct state established,related".to_owned()));
    words.extend(marks.is_published.then(|| "ct status dnat".to_owned()));
    words.push("accept".to_owned());
    words.join(" ")
}
