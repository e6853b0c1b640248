//! A rule in the words of nft, and back from its JSON.

use crate::family::Family;
use crate::firewall::Found;
use crate::firewall::rule::{Chain, Origin, Ports, Protocol, Rule, State, Verdict};
use crate::name::InterfaceName;
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;

pub fn chain_name(chain: Chain) -> &'static str {
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
        words.push(format!("{} dport {}", protocol.name(), range_words(first, last)));
    }
    words.extend(rule.state.map(|state| {
        match state {
            State::Known => "ct state established,related",
            State::NotKnown => "ct state != { established, related }",
            State::Answer => "ct state established,related ct direction reply",
            State::Related => "ct state related",
            State::Published => "ct status dnat",
            State::Unasked => "ct state != { established, related } ct status ! dnat",
        }
        .to_owned()
    }));
    if let Some(Origin { address, first, last }) = rule.origin {
        words.push(format!("ct original proto-dst {}", range_words(first, last)));
        words.extend(address.map(|address| format!("ct original {ip} daddr {address}")));
    }
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

fn range_words(first: u16, last: u16) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// A single address is printed without its prefix.
fn short(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// Reads a rule of our table; `None` where it is not one that netns-tool could have written.
pub fn parse(item: &Value) -> Option<Found> {
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
    if left["ct"]["dir"] == "original" {
        let any = Origin { address: None, first: 0, last: u16::MAX };
        let origin = rule.origin.get_or_insert(any);
        match left["ct"]["key"].as_str()? {
            "proto-dst" => (origin.first, origin.last) = range(right)?,
            "ip daddr" | "ip6 daddr" => origin.address = Some(right.as_str()?.parse().ok()?),
            _ => return None,
        }
    } else if let Some(key) = left["meta"]["key"].as_str() {
        match key {
            "nfproto" => rule.family = if right == "ipv6" { Family::V6 } else { Family::V4 },
            "iifname" => rule.input = Some(name()?),
            "oifname" => rule.output = Some(name()?),
            // nft adds it to a match of a port by itself.
            "l4proto" => {}
            _ => return None,
        }
    } else if let Some(key) = left["ct"]["key"].as_str() {
        rule.state = Some(match (rule.state, key, op) {
            (None, "state", "!=") => State::NotKnown,
            (None, "state", _) if right == "related" => State::Related,
            (None, "state", _) => State::Known,
            (Some(State::Known), "direction", _) => State::Answer,
            (None, "status", "in" | "==") => State::Published,
            (Some(State::NotKnown), "status", _) => State::Unasked,
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
