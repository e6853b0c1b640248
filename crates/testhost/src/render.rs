//! From the tools' JSON and dumps to lines that are equal exactly while the host is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::read::Raw;

pub(crate) type Sections = BTreeMap<String, Vec<String>>;

/// Keys whose values move by themselves, or number things in the order of their making.
const MOVING: [&str; 23] = [
    "ifindex",
    "stats",
    "stats64",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "message_age_timer",
    "forward_delay_timer",
    "hold_timer",
    "topology_change",
    "topology_change_detected",
    "topology_change_ack",
    "config_pending",
    "fdb_n_learned",
    "carrier_changes",
    "carrier_up_count",
    "carrier_down_count",
    // Duplicate address detection takes a second or two; nothing can stay in it.
    "tentative",
    "handle",
    "packets",
    "bytes",
    "expires",
];
const LIFETIMES: [&str; 2] = ["valid_life_time", "preferred_life_time"];
const FOREVER: u64 = 0xffff_ffff;

/// The sections of all namespaces; the first one, named "", is the host itself.
pub(crate) fn namespaces(all: &[(&str, &Raw)], sections: &mut Sections) {
    let parsed: Vec<(&str, Result<Vec<Value>, String>)> =
        all.iter().map(|(name, raw)| (*name, answers(&raw.ip))).collect();
    let indexes: BTreeMap<&str, BTreeMap<u64, String>> = parsed
        .iter()
        .map(|(name, answers)| (*name, answers.as_ref().map(|a| names(a)).unwrap_or_default()))
        .collect();
    for ((name, raw), (_, answers)) in all.iter().zip(&parsed) {
        let mut put = |section: &str, lines: Vec<String>| {
            let title =
                if name.is_empty() { section.to_owned() } else { format!("{name}: {section}") };
            sections.insert(title, lines);
        };
        if let Some(why) = &raw.broken {
            put("broken", vec![why.clone()]);
            continue;
        }
        match answers {
            Ok(answers) => {
                put("link", links(answers, &indexes));
                put("addr", addresses(answers));
                put("route", objects(answers.get(1), |route| !follows_from_address(route)));
                put("rule", objects(answers.get(2), |_| true));
                put("neigh", objects(answers.get(3), |_| true));
                put("neigh proxy", objects(answers.get(4), |_| true));
            }
            // Whatever else `ip` may print: then the text itself must do.
            Err(why) => put("ip", vec![why.clone(), raw.ip.clone()]),
        }
        put("rule -6", json_lines(&raw.ip6_rules, |value| objects(Some(value), |_| true)));
        if let Some(nft) = &raw.nft {
            put("nft", json_lines(nft, ruleset));
        }
        for (tool, text) in &raw.saves {
            put(tool, save(text));
        }
        put("sysctl", raw.sysctls.clone());
    }
}

/// `ip -json -batch` prints a document for each question.
fn answers(text: &str) -> Result<Vec<Value>, String> {
    serde_json::Deserializer::from_str(&cured(text))
        .into_iter::<Value>()
        .collect::<Result<Vec<Value>, _>>()
        .map_err(|error| format!("not JSON: {error}"))
}

/// As `ip -json` should have written it: it leaves control characters in names as they are, and writes `\'`.
fn cured(text: &str) -> String {
    let mut cured = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some('\'') | None => cured.push('\''),
                Some(escaped) => cured.extend(['\\', escaped]),
            },
            '\n' => cured.push('\n'),
            c if c.is_control() => cured.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => cured.push(c),
        }
    }
    cured
}

fn json_lines(text: &str, lines: impl Fn(&Value) -> Vec<String>) -> Vec<String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => lines(&value),
        Err(_) => text.lines().map(str::to_owned).collect(),
    }
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn names(answers: &[Value]) -> BTreeMap<u64, String> {
    array(answers.first())
        .iter()
        .filter_map(|link| Some((link.get("ifindex")?.as_u64()?, text(link, "ifname").to_owned())))
        .collect()
}

/// A line for each property of each link: `eth0 mtu = 1500`.
fn links(answers: &[Value], indexes: &BTreeMap<&str, BTreeMap<u64, String>>) -> Vec<String> {
    let ids: BTreeMap<u64, &str> = array(answers.get(5))
        .iter()
        .filter_map(|id| Some((id.get("nsid")?.as_u64()?, text(id, "name"))))
        .collect();
    let mut lines = Vec::new();
    for link in array(answers.first()).iter().filter(|link| link.get("ifname").is_some()) {
        let Some(properties) = link.as_object() else { continue };
        let name = text(link, "ifname");
        for (key, value) in properties {
            match key.as_str() {
                "ifname" | "addr_info" | "link_netnsid" | "link_index" => {}
                _ => flatten(&format!("{name} {key}"), key, value, &mut lines),
            }
        }
        if let Some(peer) = link.get("link_index").and_then(Value::as_u64) {
            lines.push(format!("{name} peer = {}", peer_of(link, peer, &ids, indexes)));
        }
    }
    lines.sort_unstable();
    lines
}

/// The other end of a veth pair in another namespace, by name: numbers are given in order of making.
fn peer_of(
    link: &Value,
    index: u64,
    ids: &BTreeMap<u64, &str>,
    indexes: &BTreeMap<&str, BTreeMap<u64, String>>,
) -> String {
    let id = link.get("link_netnsid").and_then(Value::as_u64);
    // A namespace that has no name in /run/netns is, in these tests, the host.
    let namespace = id.and_then(|id| ids.get(&id)).copied().unwrap_or_default();
    let peer = indexes.get(namespace).and_then(|names| names.get(&index));
    let peer = peer.map_or("?", String::as_str);
    if namespace.is_empty() { peer.to_owned() } else { format!("{peer} in {namespace}") }
}

fn flatten(path: &str, key: &str, value: &Value, lines: &mut Vec<String>) {
    if MOVING.contains(&key) {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&format!("{path}.{key}"), key, value, lines);
            }
        }
        _ => lines.push(format!("{path} = {}", compact(&steady(key, value)))),
    }
}

fn addresses(answers: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    for link in array(answers.first()) {
        for address in array(link.get("addr_info")) {
            let (family, local) = (text(address, "family"), text(address, "local"));
            lines.push(format!("{} {family} {local} {}", text(link, "ifname"), line(address)));
        }
    }
    lines.sort_unstable();
    lines
}

fn objects(answer: Option<&Value>, keep: impl Fn(&Value) -> bool) -> Vec<String> {
    let mut lines: Vec<String> = array(answer)
        .iter()
        .filter(|object| object.as_object().is_some_and(|map| !map.is_empty()) && keep(object))
        .map(line)
        .collect();
    lines.sort_unstable();
    lines
}

/// The kernel adds these to the local table when an IPv6 address has passed its detection, a second
/// or two after the address itself, which is in the snapshot anyway.
fn follows_from_address(route: &Value) -> bool {
    text(route, "dst").contains(':')
        && text(route, "table") == "local"
        && text(route, "protocol") == "kernel"
        && ["local", "anycast"].contains(&text(route, "type"))
}

/// An object on one line: what it is first, then the rest sorted.
fn line(object: &Value) -> String {
    let Some(map) = object.as_object() else { return compact(object) };
    let first = ["dst", "priority", "family"].into_iter().filter(|key| map.contains_key(*key));
    let rest: BTreeSet<&str> = map.keys().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    first
        .chain(rest)
        .filter(|key| !MOVING.contains(key) && seen.insert(*key))
        .map(|key| format!("{key}={}", compact(&steady(key, &map[key]))))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A value without what moves in it.
fn steady(key: &str, value: &Value) -> Value {
    let state = value.as_str().unwrap_or_default();
    match value {
        Value::Number(n) if LIFETIMES.contains(&key) => {
            let forever = n.as_u64() == Some(FOREVER);
            Value::from(if forever { "forever" } else { "limited" })
        }
        // Since when a lab is up.
        Value::String(alias) if key == "ifalias" => Value::from(without_time(alias)),
        // With STP a port goes through these in 30 seconds.
        Value::String(_) if key == "state" && ["listening", "learning"].contains(&state) => {
            Value::from("forwarding")
        }
        Value::Array(items) => items.iter().map(|item| steady("", item)).collect(),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !MOVING.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), steady(key, value)))
            .collect(),
        _ => value.clone(),
    }
}

/// A namespace's mark (`netns-tool:lab since 1700000000 file …`) without the second of its making.
fn without_time(alias: &str) -> String {
    let Some((mark, rest)) = alias.split_once(" since ") else { return alias.to_owned() };
    format!("{mark} since …{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// JSON with sorted keys, whatever map serde_json was built with; plain text without quotes.
fn compact(value: &Value) -> String {
    match value {
        Value::String(text) => text.escape_debug().to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => {
            let sorted: BTreeMap<&String, String> =
                map.iter().map(|(key, value)| (key, compact(value))).collect();
            let fields: Vec<String> = sorted.iter().map(|(k, v)| format!("{k}:{v}")).collect();
            format!("{{{}}}", fields.join(" "))
        }
        _ => value.to_string(),
    }
}

fn ruleset(value: &Value) -> Vec<String> {
    array(value.get("nftables"))
        .iter()
        .filter(|object| object.get("metainfo").is_none())
        .map(|object| compact(&steady("", object)))
        .collect()
}

/// Tables sorted by name, without comments and counters (`:INPUT ACCEPT [7:420]`, `[7:420] -A`).
fn save(text: &str) -> Vec<String> {
    let mut tables: Vec<Vec<String>> = vec![Vec::new()];
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('*') {
            tables.push(Vec::new());
        }
        let line = match line.split_once(" [") {
            Some((chain, _counters)) if line.starts_with(':') => chain,
            _ => line,
        };
        tables.last_mut().expect("there is one").push(line.to_owned());
    }
    tables.sort();
    tables.concat()
}

#[cfg(test)]
mod tests {
    use super::save;

    #[test]
    fn a_save_without_comments_counters_and_order_of_tables() {
        let text =
            "# now\n*nat\n:INPUT ACCEPT [1:2]\nCOMMIT\n*filter\n:X - [0:0]\n-A X -j Y\nCOMMIT\n";
        let expected =
            ["*filter", ":X -", "-A X -j Y", "COMMIT", "*nat", ":INPUT ACCEPT", "COMMIT"];
        assert_eq!(save(text), expected);
    }
}
