//! The backend of `nft`: one table of our own for both families, changed by one atomic `nft -f -`.

use super::rule::{Chain, Ports, Protocol, Rule, State, Verdict};
use super::{Change, Firewall, Found};
use crate::family::Family;
use crate::name::InterfaceName;
use crate::plan::{Cmd, Fact, Step, Tool, Undo};
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;

/// The table, as it is named in commands.
pub const TABLE: &str = "inet netns-tool";

/// Its chains. What is sent on, or hidden, is so before anybody else's chain of the same hook sees it: for a connection
/// only the first change of an address counts.
const FRAME: &str = "\
add table inet netns-tool
add chain inet netns-tool forward { type filter hook forward priority -1; }
add chain inet netns-tool input { type filter hook input priority -1; }
add chain inet netns-tool publish
add chain inet netns-tool prerouting { type nat hook prerouting priority -101; }
add chain inet netns-tool output { type nat hook output priority -101; }
add chain inet netns-tool postrouting { type nat hook postrouting priority 99; }
";

/// What is for the host itself can be for a published port; nobody outside may reach one that is published on the
/// loopback, and the kernel sends nothing on that is for ::1.
const JUMPS: &str = "\
add rule inet netns-tool prerouting ip daddr 127.0.0.0/8 return
add rule inet netns-tool prerouting ip6 daddr ::1 return
add rule inet netns-tool prerouting fib daddr type local jump publish
add rule inet netns-tool output ip6 daddr ::1 return
add rule inet netns-tool output fib daddr type local jump publish
";

/// The step that adds the rules.
pub fn add(firewall: &Firewall, change: &Change) -> Option<Step> {
    let first = change.rules.first()?;
    let mut text = String::new();
    if !firewall.has_table {
        text.push_str(FRAME);
        text.push_str(JUMPS);
    }
    // What is put first comes in reverse, so that it ends up in order.
    for rule in change.rules.iter().rev().filter(|rule| !rule.comes_last()) {
        text.push_str(&format!("insert rule {TABLE} {}\n", spell(rule)));
    }
    for rule in change.rules.iter().filter(|rule| rule.comes_last()) {
        text.push_str(&format!("add rule {TABLE} {}\n", spell(rule)));
    }
    let mut gives: Vec<Fact> = (!firewall.has_table).then_some(Fact::Table).into_iter().collect();
    gives.extend(change.rules.iter().map(|rule| firewall.rule_fact(rule)));
    let undo = if firewall.has_table {
        Undo::new(firewall.rule_fact(first), apply(whole(&firewall.rules)))
    } else {
        Undo::new(Fact::Table, delete_table())
    };
    Some(Step { why: change.whole_why(), run: apply(text), gives, undo: vec![undo] })
}

/// The step that removes the rules, which are known by their handles; the table goes with the last.
pub fn remove(firewall: &Firewall, change: &Change) -> Option<Step> {
    let doomed: Vec<&Found> =
        firewall.rules.iter().filter(|found| change.rules.contains(&found.rule)).collect();
    if doomed.is_empty() {
        return None;
    }
    let is_all = doomed.len() == firewall.rules.len();
    let line = |found: &&Found| {
        let chain = chain_name(found.rule.chain);
        let handle = found.handle.unwrap_or_default();
        format!("delete rule {TABLE} {chain} handle {handle} # {}\n", spell(&found.rule))
    };
    let run = if is_all { delete_table() } else { apply(doomed.iter().map(line).collect()) };
    let mut gives: Vec<Fact> =
        doomed.iter().map(|found| Fact::not(firewall.rule_fact(&found.rule))).collect();
    gives.extend(is_all.then(|| Fact::not(Fact::Table)));
    Some(Step { why: change.whole_why(), run, gives, undo: vec![] })
}

/// The table with these rules and no others, in one transaction.
fn whole(rules: &[Found]) -> String {
    let lines = rules.iter().map(|found| format!("add rule {TABLE} {}\n", spell(&found.rule)));
    format!("{FRAME}flush table {TABLE}\n{JUMPS}{}", lines.collect::<String>())
}

fn apply(text: String) -> Cmd {
    nft(&["-f", "-"], Some(text))
}

fn delete_table() -> Cmd {
    nft(&["delete", "table", "inet", "netns-tool"], None)
}

/// Prints our table as JSON.
pub fn list_table() -> Cmd {
    nft(&["-j", "list", "table", "inet", "netns-tool"], None)
}

/// Prints all tables as JSON.
pub fn list_ruleset() -> Cmd {
    nft(&["-j", "list", "ruleset"], None)
}

fn nft(args: &[&str], stdin: Option<String>) -> Cmd {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    Cmd::Run { netns: None, tool: Tool::Nft, args, stdin }
}

fn chain_name(chain: Chain) -> &'static str {
    match chain {
        Chain::Forward | Chain::Everybody | Chain::Hook(_) => "forward",
        Chain::Input => "input",
        Chain::Publish => "publish",
        Chain::Postrouting => "postrouting",
    }
}

/// The rule as one types it after the name of the table.
pub fn spell(rule: &Rule) -> String {
    let mut words = vec![chain_name(rule.chain).to_owned()];
    let (ip, nfproto) = match rule.family {
        Family::V4 => ("ip", "ipv4"),
        Family::V6 => ("ip6", "ipv6"),
    };
    if rule.source.is_none() && rule.destination.is_none() {
        words.push(format!("meta nfproto {nfproto}"));
    }
    let nets = [("saddr", &rule.source), ("daddr", &rule.destination)];
    words.extend(
        nets.iter()
            .filter_map(|(field, net)| net.map(|net| format!("{ip} {field} {}", short(&net)))),
    );
    let names = [("iifname", &rule.input), ("oifname", &rule.output)];
    words.extend(
        names
            .iter()
            .filter_map(|(key, name)| name.as_ref().map(|name| format!("{key} \"{name}\""))),
    );
    if let Some(Ports { protocol, first, last }) = rule.ports {
        let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
        words.push(format!("{} dport {range}", protocol.name()));
    }
    words.extend(rule.state.map(|state| {
        match state {
            State::Answer => "ct state established,related",
            State::NoAnswer => "ct state != { established, related }",
            State::Published => "ct status dnat",
        }
        .to_owned()
    }));
    words.push(match rule.verdict {
        Verdict::Accept | Verdict::Jump => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Masquerade => "masquerade".to_owned(),
        Verdict::Send { to, port: None } => format!("dnat {ip} to {to}"),
        Verdict::Send { to, port: Some(port) } => {
            format!("dnat {ip} to {}", std::net::SocketAddr::new(to, port))
        }
    });
    if !rule.comment.is_empty() {
        words.push(format!("comment \"{}\"", rule.comment));
    }
    words.join(" ")
}

/// A single address is printed without its prefix.
fn short(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// Our table in a listing of nft's: whether it is there, and the rules in it that netns-tool could have written.
pub fn parse(listing: &Value) -> (bool, Vec<Found>) {
    let mut has_table = false;
    let mut rules = Vec::new();
    for item in listing["nftables"].as_array().into_iter().flatten() {
        let is_ours =
            |object: &Value, name: &str| object["family"] == "inet" && object[name] == "netns-tool";
        has_table |= is_ours(&item["table"], "name");
        if is_ours(&item["rule"], "table") {
            rules.extend(parse_rule(&item["rule"]));
        }
    }
    (has_table, rules)
}

fn parse_rule(item: &Value) -> Option<Found> {
    let chain = match item["chain"].as_str()? {
        "forward" => Chain::Forward,
        "input" => Chain::Input,
        "publish" => Chain::Publish,
        "postrouting" => Chain::Postrouting,
        _ => return None,
    };
    let comment = item["comment"].as_str().unwrap_or_default();
    let mut rule = Rule::new(Family::V4, chain, Verdict::Jump, comment);
    for expression in item["expr"].as_array()? {
        take(&mut rule, expression)?;
    }
    let is_complete = rule.verdict != Verdict::Jump;
    is_complete.then_some(Found { rule, handle: item["handle"].as_u64() })
}

/// Takes in one match, or the verdict.
fn take(rule: &mut Rule, expression: &Value) -> Option<()> {
    let (name, body) = expression.as_object()?.iter().next()?;
    match name.as_str() {
        "match" => take_match(rule, body)?,
        "accept" => rule.verdict = Verdict::Accept,
        "drop" => rule.verdict = Verdict::Drop,
        "masquerade" => rule.verdict = Verdict::Masquerade,
        "dnat" => {
            let to: IpAddr = body["addr"].as_str()?.parse().ok()?;
            let port = body["port"].as_u64().and_then(|port| u16::try_from(port).ok());
            rule.family = Family::of(to);
            rule.verdict = Verdict::Send { to, port };
        }
        _ => return None,
    }
    Some(())
}

fn take_match(rule: &mut Rule, body: &Value) -> Option<()> {
    let (left, right, op) = (&body["left"], &body["right"], body["op"].as_str()?);
    let name = || InterfaceName::existing(right.as_str()?).ok();
    if let Some(key) = left["meta"]["key"].as_str() {
        match key {
            "nfproto" => rule.family = if right == "ipv6" { Family::V6 } else { Family::V4 },
            "iifname" => rule.input = Some(name()?),
            "oifname" => rule.output = Some(name()?),
            // nft adds it to a match of a port by itself.
            "l4proto" => {}
            _ => return None,
        }
    } else if let Some(key) = left["ct"]["key"].as_str() {
        rule.state = Some(match (key, op) {
            ("state", "!=") => State::NoAnswer,
            ("state", _) => State::Answer,
            ("status", _) => State::Published,
            _ => return None,
        });
    } else {
        let protocol = left["payload"]["protocol"].as_str()?;
        match left["payload"]["field"].as_str()? {
            "saddr" => rule.source = Some(net(right)?),
            "daddr" => rule.destination = Some(net(right)?),
            "dport" => {
                let protocol = Protocol::from_name(protocol)?;
                let (first, last) = range(right)?;
                rule.ports = Some(Ports { protocol, first, last });
                return Some(());
            }
            _ => return None,
        }
        rule.family = if protocol == "ip6" { Family::V6 } else { Family::V4 };
    }
    Some(())
}

fn net(value: &Value) -> Option<IpNet> {
    if let Some(ip) = value.as_str() {
        return Some(IpNet::from(ip.parse::<IpAddr>().ok()?));
    }
    let length = u8::try_from(value["prefix"]["len"].as_u64()?).ok()?;
    IpNet::new(value["prefix"]["addr"].as_str()?.parse().ok()?, length).ok()
}

fn range(value: &Value) -> Option<(u16, u16)> {
    let port = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    if let Some(single) = port(value) {
        return Some((single, single));
    }
    Some((port(&value["range"][0])?, port(&value["range"][1])?))
}

/// Whether this is a listing at all: nft begins each with what it is.
pub fn is_listing(listing: &Value) -> bool {
    !listing["nftables"][0]["metainfo"].is_null()
}
