//! The matches of nft's JSON: whether a packet has them.
//!
//! The form of each is what nft 1.0.6 prints; the manual page libnftables-json(5) leaves much out.

use super::load::{Load, is_port};
use super::packet::{Seen, lies_between, lies_in};
use super::verdict::Truth;
use serde_json::Value;

/// Finds the elements of a named set or map of the table; `None` if there is no such.
pub type Elements<'a> = dyn Fn(&str) -> Option<&'a [Value]> + 'a;

pub struct Matcher<'p, 'a> {
    pub packet: &'p Seen<'p>,
    pub sets: &'p Elements<'a>,
}

impl Matcher<'_, '_> {
    /// Whether the packet has what a `match` asks for.
    pub fn holds(&self, match_: &Value) -> Truth {
        let (left, right) = (&match_["left"], &match_["right"]);
        let asked = match match_["op"].as_str() {
            Some("==") => self.is_in(left, right),
            Some("!=") => !self.is_in(left, right),
            // One of the bits, or none of them.
            Some("in") => self.has_bit(left, right),
            Some("!") => !self.has_bit(left, right),
            _ => Truth::Unknown,
        };
        // A field that the packet has not got fails the match, also `!=`.
        self.has_field(left).and(asked)
    }

    /// Whether the packet is met by the key of an element of a set or a map.
    pub fn is_element(&self, left: &Value, element: &Value) -> Truth {
        match element {
            // That of all which are not there.
            Value::String(all) if all == "*" => Truth::Yes,
            Value::Object(object) if object.contains_key("elem") => {
                self.is_element(left, &element["elem"]["val"])
            }
            _ => self.is(left, element),
        }
    }

    /// Whether the packet can have the field at all.
    pub fn has_field(&self, left: &Value) -> Truth {
        if let Some(parts) = left["concat"].as_array() {
            return Truth::all(parts.iter().map(|part| self.has_field(part)));
        }
        if let Some(masked) = left["&"].as_array() {
            return masked.first().map_or(Truth::Unknown, |field| self.has_field(field));
        }
        match left["payload"]["protocol"].as_str() {
            Some(protocol @ ("ip" | "ip6" | "arp")) => self.is_ethertype(protocol),
            Some(protocol @ ("tcp" | "udp" | "icmp" | "icmpv6")) => self.is_protocol(protocol),
            Some("th") => matches!(self.packet.load, Load::Tcp(_) | Load::Udp(_)).into(),
            Some("udplite" | "sctp" | "dccp" | "igmp") => Truth::No,
            _ => Truth::Yes,
        }
    }

    fn is_protocol(&self, protocol: &str) -> Truth {
        self.packet.load.is_protocol(protocol, self.packet.is_ipv6)
    }

    /// Whether a frame carries this, in nft's words; nothing is known of others.
    fn is_ethertype(&self, name: &str) -> Truth {
        let is_arp = self.packet.load == Load::Arp;
        match name {
            "arp" => is_arp.into(),
            "ip" => (!is_arp && !self.packet.is_ipv6).into(),
            "ip6" => (!is_arp && self.packet.is_ipv6).into(),
            _ => Truth::Unknown,
        }
    }

    fn has_bit(&self, left: &Value, right: &Value) -> Truth {
        match right {
            Value::Array(bits) => Truth::any(bits.iter().map(|bit| self.is(left, bit))),
            _ => self.is_in(left, right),
        }
    }

    fn is_in(&self, left: &Value, right: &Value) -> Truth {
        let named = right.as_str().and_then(|name| name.strip_prefix('@')).map(self.sets);
        match (named, right["set"].as_array()) {
            (Some(None), _) => Truth::Unknown,
            (Some(Some(elements)), _) => self.is_any(left, elements),
            (None, Some(elements)) => self.is_any(left, elements),
            (None, None) => self.is(left, right),
        }
    }

    fn is_any(&self, left: &Value, elements: &[Value]) -> Truth {
        Truth::any(elements.iter().map(|element| self.is_element(left, element)))
    }

    /// Whether the field has this one value, prefix or range.
    fn is(&self, left: &Value, value: &Value) -> Truth {
        let packet = self.packet;
        if let Some(parts) = left["concat"].as_array() {
            return self.are(parts, value);
        }
        if let Some(key) = left["meta"]["key"].as_str() {
            return of_text(value, |text| match key {
                "iifname" | "iif" => Truth::of(packet.input.map(|name| is_name(name, text))),
                "oifname" | "oif" => Truth::of(packet.output.map(|name| is_name(name, text))),
                "nfproto" => is_one_of(text, ["ipv4", "ipv6"], packet.is_ipv6),
                "protocol" => self.is_ethertype(text),
                "l4proto" => self.is_protocol(text),
                _ => Truth::Unknown,
            });
        }
        if let Some("state" | "status") = left["ct"]["key"].as_str() {
            return of_text(value, |text| packet.is_in_state(text));
        }
        let payload = &left["payload"];
        match (payload["protocol"].as_str(), payload["field"].as_str()) {
            (Some("ip" | "ip6"), Some("saddr")) => is_address(packet.source, value),
            (Some("ip" | "ip6"), Some("daddr")) => is_address(packet.destination, value),
            (Some("ip"), Some("protocol")) | (Some("ip6"), Some("nexthdr")) => {
                of_text(value, |text| self.is_protocol(text))
            }
            (Some("ether"), Some("type")) => of_text(value, |text| self.is_ethertype(text)),
            (Some("tcp" | "udp" | "th"), Some("sport")) => of_port(packet.load.ports().from, value),
            (Some("tcp" | "udp" | "th"), Some("dport")) => of_port(packet.load.ports().to, value),
            (Some("icmp" | "icmpv6"), Some("type")) => {
                of_text(value, |text| packet.load.is_of_type(text, packet.is_ipv6))
            }
            _ => Truth::Unknown,
        }
    }

    fn are(&self, fields: &[Value], value: &Value) -> Truth {
        match value["concat"].as_array() {
            Some(values) if values.len() == fields.len() => {
                Truth::all(fields.iter().zip(values).map(|(field, value)| self.is(field, value)))
            }
            _ => Truth::Unknown,
        }
    }
}

fn of_text(value: &Value, is: impl Fn(&str) -> Truth) -> Truth {
    match value {
        Value::String(text) => is(text),
        Value::Number(number) => is(&number.to_string()),
        _ => Truth::Unknown,
    }
}

/// Whether the port is this one, or in this range.
fn of_port(port: Option<u16>, value: &Value) -> Truth {
    let end = |at: usize| value["range"][at].as_u64();
    match (end(0), end(1)) {
        (Some(first), Some(last)) => is_port(port, &format!("{first}:{last}")),
        _ => of_text(value, |text| is_port(port, text)),
    }
}

/// Nothing is known of words that are not one of the two.
fn is_one_of(text: &str, words: [&str; 2], second: bool) -> Truth {
    match words.iter().position(|word| *word == text) {
        Some(at) => ((at == 1) == second).into(),
        None => Truth::Unknown,
    }
}

/// A name of nft: `docker*` is any that begins so, `docker\*` the one with the asterisk. (In a set the latter is
/// printed as `docker*` as well; nobody has such an interface.)
fn is_name(name: &str, pattern: &str) -> bool {
    match (pattern.strip_suffix("\\*"), pattern.strip_suffix('*')) {
        (Some(start), _) => name.strip_prefix(start) == Some("*"),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => name == pattern,
    }
}

fn is_address(net: Option<ipnet::IpNet>, value: &Value) -> Truth {
    if let Some(text) = value.as_str() {
        return lies_in(net, text);
    }
    let prefix = &value["prefix"];
    if let (Some(address), Some(length)) = (prefix["addr"].as_str(), prefix["len"].as_u64()) {
        return lies_in(net, &format!("{address}/{length}"));
    }
    let end = |at: usize| value["range"][at].as_str()?.parse().ok();
    match (end(0), end(1)) {
        (Some(first), Some(last)) => lies_between(net, first, last),
        _ => Truth::Unknown,
    }
}
