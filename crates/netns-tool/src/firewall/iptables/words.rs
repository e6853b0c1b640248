//! A rule in the words of iptables, and back.

use super::CHAIN;
use crate::family::Family;
use crate::firewall::rule::{Chain, Hook, Origin, Ports, Protocol, Rule, State, Table, Verdict};
use crate::name::InterfaceName;
use ipnet::IpNet;
use std::borrow::Cow;
use std::fmt;

/// A rule as it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    pub table: String,
    pub chain: String,
    pub words: Vec<String>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words.iter().map(|word| quote(word)).collect();
        write!(f, "{} {} {}", self.table, self.chain, words.join(" "))
    }
}

/// A word as iptables-restore reads it back.
pub fn quote(word: &str) -> Cow<'_, str> {
    let is_plain = !word.is_empty() && !word.contains([' ', '"', '\'', '\\', '\t', '\n']);
    if is_plain {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
    }
}

/// The words of a line that `iptables-save` printed: like those of a shell, but that in quotes `\'` is an apostrophe.
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut of_shell = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(one) = rest.next() {
        let escaped = if one == '\\' { rest.next() } else { None };
        of_shell.extend(Some(one).filter(|_| escaped != Some('\'')));
        of_shell.extend(escaped);
    }
    shlex::split(&of_shell)
}

pub fn table_name(table: Table) -> &'static str {
    match table {
        Table::Filter => "filter",
        Table::Nat => "nat",
    }
}

fn chain_name(chain: Chain) -> &'static str {
    match chain {
        Chain::Forward | Chain::Publish => CHAIN,
        Chain::Everybody | Chain::Hook(Hook::Forward) => "FORWARD",
        Chain::Input => "INPUT",
        Chain::Postrouting => "POSTROUTING",
        Chain::Hook(Hook::DockerUser) => "DOCKER-USER",
        Chain::Hook(Hook::Prerouting) => "PREROUTING",
        Chain::Hook(Hook::Output) => "OUTPUT",
    }
}

/// The matches of a hook: only what is for the host itself can be for a published port, and nobody outside may
/// reach one that is published on the loopback.
fn hook_matches(family: Family, chain: Chain) -> &'static str {
    match (chain, family) {
        (Chain::Hook(Hook::Prerouting), Family::V4) => {
            "! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL"
        }
        (Chain::Hook(Hook::Prerouting), Family::V6) => "! -d ::1/128 -m addrtype --dst-type LOCAL",
        (Chain::Hook(Hook::Output), Family::V4) => "-m addrtype --dst-type LOCAL",
        // The kernel sends nothing on that is for ::1: it would be lost.
        (Chain::Hook(Hook::Output), Family::V6) => "! -d ::1/128 -m addrtype --dst-type LOCAL",
        _ => "",
    }
}

/// The rule in the words, and in the order, in which `iptables-save` prints it.
pub fn spell(rule: &Rule) -> Line {
    let mut words: Vec<String> = Vec::new();
    let mut say = |text: &str| words.extend(text.split_whitespace().map(str::to_owned));
    say(hook_matches(rule.family, rule.chain));
    let options = [("-s", &rule.source), ("-d", &rule.destination)];
    for (option, net) in options {
        net.iter().for_each(|net| say(&format!("{option} {net}")));
    }
    for (option, name) in [("-i", &rule.input), ("-o", &rule.output)] {
        name.iter().for_each(|name| say(&format!("{option} {name}")));
    }
    if let Some(Ports { protocol, first, last }) = rule.ports {
        let name = protocol.name();
        say(&format!("-p {name} -m {name} --dport {}", range_words(first, last)));
    }
    rule.state.iter().for_each(|state| say(&format!("-m conntrack {}", state_words(*state))));
    if let Some(Origin { address, first, last }) = rule.origin {
        address.iter().for_each(|address| say(&format!("--ctorigdst {address}")));
        say(&format!("--ctorigdstport {}", range_words(first, last)));
    }
    if !rule.comment.is_empty() {
        words.extend(["-m", "comment", "--comment", &rule.comment].map(str::to_owned));
    }
    words.push("-j".to_owned());
    words.extend(target(&rule.verdict));
    Line {
        table: table_name(rule.table()).to_owned(),
        chain: chain_name(rule.chain).to_owned(),
        words,
    }
}

fn range_words(first: u16, last: u16) -> String {
    if first == last { first.to_string() } else { format!("{first}:{last}") }
}

fn range(words: &str) -> Option<(u16, u16)> {
    let (first, last) = words.split_once(':').unwrap_or((words, words));
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn state_words(state: State) -> &'static str {
    match state {
        State::Known => "--ctstate RELATED,ESTABLISHED",
        State::NotKnown => "! --ctstate RELATED,ESTABLISHED",
        State::Answer => "--ctstate RELATED,ESTABLISHED --ctdir REPLY",
        State::Related => "--ctstate RELATED",
        State::Published => "--ctstate DNAT",
        State::Unasked => "! --ctstate RELATED,ESTABLISHED,DNAT",
    }
}

fn target(verdict: &Verdict) -> Vec<String> {
    let words = match verdict {
        Verdict::Accept => vec!["ACCEPT"],
        Verdict::Drop => vec!["DROP"],
        Verdict::Masquerade => vec!["MASQUERADE"],
        Verdict::Jump => vec![CHAIN],
        Verdict::Send { to, port } => {
            let to = match port {
                Some(port) => std::net::SocketAddr::new(*to, *port).to_string(),
                None => to.to_string(),
            };
            return ["DNAT".to_owned(), "--to-destination".to_owned(), to].to_vec();
        }
    };
    words.into_iter().map(str::to_owned).collect()
}

/// Reads a rule back; `None` where it is not one that netns-tool could have written.
pub fn parse(family: Family, line: &Line) -> Option<Rule> {
    let has_jump = line.words.ends_with(&["-j".to_owned(), CHAIN.to_owned()]);
    let chain = match (&*line.table, &*line.chain) {
        ("filter", CHAIN) => Chain::Forward,
        ("nat", CHAIN) => Chain::Publish,
        ("filter", "FORWARD") if has_jump => Chain::Hook(Hook::Forward),
        ("filter", "DOCKER-USER") if has_jump => Chain::Hook(Hook::DockerUser),
        ("nat", "PREROUTING") if has_jump => Chain::Hook(Hook::Prerouting),
        ("nat", "OUTPUT") if has_jump => Chain::Hook(Hook::Output),
        ("filter", "FORWARD") => Chain::Everybody,
        ("filter", "INPUT") => Chain::Input,
        ("nat", "POSTROUTING") => Chain::Postrouting,
        _ => return None,
    };
    let mut rule = Rule::new(family, chain, Verdict::Accept, "");
    let mut words = line.words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        take_word(&mut rule, word, &mut words)?;
    }
    // What was not understood, or stands in another order, would be lost.
    (spell(&rule) == *line).then_some(rule)
}

/// Takes in one match, or the target. Whatever is passed over here is found by comparing with the spelling.
fn take_word<'a>(
    rule: &mut Rule,
    word: &str,
    words: &mut impl Iterator<Item = &'a str>,
) -> Option<()> {
    let name = |text: &str| InterfaceName::existing(text).ok();
    match word {
        "-s" => rule.source = Some(net(words.next()?)?),
        "-d" if !matches!(rule.chain, Chain::Hook(_)) => {
            rule.destination = Some(net(words.next()?)?);
        }
        "-i" => rule.input = Some(name(words.next()?)?),
        "-o" => rule.output = Some(name(words.next()?)?),
        "--dport" => {
            let (first, last) = range(words.next()?)?;
            let protocol = rule.ports?.protocol;
            rule.ports = Some(Ports { protocol, first, last });
        }
        "-p" => {
            let protocol = Protocol::from_name(words.next()?)?;
            rule.ports = Some(Ports { protocol, first: 0, last: u16::MAX });
        }
        "--ctstate" => {
            rule.state = Some(match (words.next()?, rule.state) {
                ("RELATED,ESTABLISHED", None) => State::Known,
                ("RELATED,ESTABLISHED", Some(_)) => State::NotKnown,
                ("RELATED,ESTABLISHED,DNAT", Some(_)) => State::Unasked,
                ("RELATED", None) => State::Related,
                ("DNAT", None) => State::Published,
                _ => return None,
            });
        }
        "--ctorigdst" => {
            let address = Some(words.next()?.parse().ok()?);
            rule.origin = Some(Origin { address, first: 0, last: u16::MAX });
        }
        "--ctorigdstport" => {
            let (first, last) = range(words.next()?)?;
            let address = rule.origin.and_then(|origin| origin.address);
            rule.origin = Some(Origin { address, first, last });
        }
        "--ctdir" => rule.state = Some(State::Answer),
        // Before `--ctstate`; elsewhere it is found by comparing.
        "!" if !matches!(rule.chain, Chain::Hook(_)) => rule.state = Some(State::NotKnown),
        "--comment" => words.next()?.clone_into(&mut rule.comment),
        "-j" => rule.verdict = take_verdict(words.next()?, words)?,
        _ => {}
    }
    Some(())
}

fn take_verdict<'a>(word: &str, words: &mut impl Iterator<Item = &'a str>) -> Option<Verdict> {
    Some(match word {
        "ACCEPT" => Verdict::Accept,
        "DROP" => Verdict::Drop,
        "MASQUERADE" => Verdict::Masquerade,
        CHAIN => Verdict::Jump,
        "DNAT" => {
            let to = words.nth(1)?;
            match to.parse::<std::net::SocketAddr>() {
                Ok(to) => Verdict::Send { to: to.ip(), port: Some(to.port()) },
                Err(_) => Verdict::Send { to: to.parse().ok()?, port: None },
            }
        }
        _ => return None,
    })
}

/// A single address is printed with its prefix too.
fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| IpNet::from(ip)))
}
