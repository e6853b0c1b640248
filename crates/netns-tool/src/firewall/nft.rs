//! The backend of `nft`: one table of our own for both families, changed by one atomic `nft -f -`.

mod words;

use super::{Change, Firewall, Found};
use crate::plan::{Cmd, Fact, Step, Tool, Undo};
use serde_json::Value;

pub use words::spell;

/// The table, as it is named in commands.
pub const TABLE: &str = "inet netns-tool";

/// The line of the frame that makes the table.
pub const TABLE_LINE: &str = FRAME[0];

/// What the rules stand in, line by line: the table, its chains, and what leads into the chain of published ports.
///
/// What is sent on, or hidden, is so before anybody else's chain of the same hook sees it: for a connection only the
/// first change of an address counts. What is for the host itself can be for a published port; nobody outside may reach
/// one that is published on the loopback, and the kernel sends nothing on that is for ::1.
const FRAME: [&str; 12] = [
    "add table inet netns-tool",
    "add chain inet netns-tool forward { type filter hook forward priority -1; }",
    "add chain inet netns-tool input { type filter hook input priority -1; }",
    "add chain inet netns-tool publish",
    "add chain inet netns-tool prerouting { type nat hook prerouting priority -101; }",
    "add chain inet netns-tool output { type nat hook output priority -101; }",
    "add chain inet netns-tool postrouting { type nat hook postrouting priority 99; }",
    "add rule inet netns-tool prerouting ip daddr 127.0.0.0/8 return",
    "add rule inet netns-tool prerouting ip6 daddr ::1 return",
    "add rule inet netns-tool prerouting fib daddr type local jump publish",
    "add rule inet netns-tool output ip6 daddr ::1 return",
    "add rule inet netns-tool output fib daddr type local jump publish",
];

/// Our table as it was listed.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The lines of the frame that are there; none where there is no table.
    pub frame: Vec<&'static str>,
    /// What netns-tool could have written, in order.
    pub rules: Vec<Found>,
}

/// The line of the frame that this is.
pub fn frame_line(line: &str) -> Option<&'static str> {
    FRAME.into_iter().find(|of| *of == line)
}

/// Whether every line of the frame is there.
pub fn is_whole(frame: &[&str]) -> bool {
    FRAME.iter().all(|line| frame.contains(line))
}

/// The step that adds the rules, and what of the frame is missing.
pub fn add(firewall: &Firewall, change: &Change) -> Option<Step> {
    let missing: Vec<&str> =
        FRAME.into_iter().filter(|line| !firewall.frame.contains(line)).collect();
    // A table without a rule is not there at all.
    let has_rules = !(change.rules.is_empty() && firewall.rules.is_empty());
    if !has_rules || (change.rules.is_empty() && missing.is_empty()) {
        return None;
    }
    let mut text: String = missing.iter().map(|line| mended(line, &firewall.frame)).collect();
    // What is put first comes in reverse, so that it ends up in order.
    for rule in change.rules.iter().rev().filter(|rule| !rule.comes_last()) {
        text.push_str(&format!("insert rule {TABLE} {}\n", spell(rule)));
    }
    for rule in change.rules.iter().filter(|rule| rule.comes_last()) {
        text.push_str(&format!("add rule {TABLE} {}\n", spell(rule)));
    }
    let line_fact = |line: &&str| Fact::Frame((*line).to_owned());
    let mut gives: Vec<Fact> = missing.iter().map(line_fact).collect();
    gives.extend(change.rules.iter().map(|rule| firewall.rule_fact(rule)));
    let run = if firewall.frame.is_empty() { delete_table() } else { apply(before(firewall)) };
    let undo = Undo::new(gives.first()?.clone(), run);
    Some(Step::new(change.whole_why(), apply(text)).gives(gives).undo([undo]))
}

/// The line that adds one of the frame: in a table that stands, what says `return` has to come before what it is for.
fn mended(line: &str, frame: &[&str]) -> String {
    let is_first = !frame.is_empty() && line.ends_with(" return");
    let line = if is_first { line.replacen("add", "insert", 1) } else { line.to_owned() };
    format!("{line}\n")
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
        let chain = words::chain_name(found.rule.chain);
        let handle = found.handle.unwrap_or_default();
        format!("delete rule {TABLE} {chain} handle {handle} # {}\n", spell(&found.rule))
    };
    let run = if is_all { delete_table() } else { apply(doomed.iter().map(line).collect()) };
    let mut gives: Vec<Fact> =
        doomed.iter().map(|found| Fact::not(firewall.rule_fact(&found.rule))).collect();
    gives.extend(is_all.then(|| Fact::not(Fact::Frame(TABLE_LINE.to_owned()))));
    Some(Step::new(change.whole_why(), run).gives(gives))
}

/// The table as it was found, in one transaction.
fn before(firewall: &Firewall) -> String {
    let (rules, chains): (Vec<&str>, Vec<&str>) =
        FRAME.into_iter().partition(|line| line.starts_with("add rule"));
    let is_there = |line: &&str| firewall.frame.contains(line);
    let mut text: String = chains.iter().map(|line| format!("{line}\n")).collect();
    text.push_str(&format!("flush table {TABLE}\n"));
    for line in rules.iter().copied().filter(is_there) {
        text.push_str(&format!("{line}\n"));
    }
    for found in &firewall.rules {
        text.push_str(&format!("add rule {TABLE} {}\n", spell(&found.rule)));
    }
    for line in chains.iter().copied().filter(|line| !is_there(line)) {
        let chain = line.split(' ').nth(4).unwrap_or_default();
        text.push_str(&format!("delete chain {TABLE} {chain}\n"));
    }
    text
}

fn apply(text: String) -> Cmd {
    Cmd::run(Tool::Nft, ["-f", "-"]).reading(text)
}

fn delete_table() -> Cmd {
    Cmd::run(Tool::Nft, ["delete", "table", "inet", "netns-tool"])
}

/// Prints our table as JSON.
pub fn list_table() -> Cmd {
    Cmd::run(Tool::Nft, ["-j", "list", "table", "inet", "netns-tool"])
}

/// Prints all tables as JSON.
pub fn list_ruleset() -> Cmd {
    Cmd::run(Tool::Nft, ["-j", "list", "ruleset"])
}

/// Our table in a listing of nft's.
pub fn parse(listing: &Value) -> Listed {
    let mut listed = Listed::default();
    for item in listing["nftables"].as_array().into_iter().flatten() {
        let is_ours =
            |object: &Value, name: &str| object["family"] == "inet" && object[name] == "netns-tool";
        if is_ours(&item["table"], "name") {
            listed.frame.push(TABLE_LINE);
        } else if is_ours(&item["chain"], "table") {
            listed.frame.extend(item["chain"]["name"].as_str().and_then(chain_line));
        } else if is_ours(&item["rule"], "table") {
            listed.frame.extend(jump_line(&item["rule"]));
            listed.rules.extend(words::parse(&item["rule"]));
        }
    }
    listed
}

fn chain_line(name: &str) -> Option<&'static str> {
    let is_it = |line: &&str| line.starts_with("add chain") && line.split(' ').nth(4) == Some(name);
    FRAME.into_iter().find(is_it)
}

/// The line of the frame that this rule is.
fn jump_line(rule: &Value) -> Option<&'static str> {
    let expressions = rule["expr"].as_array()?;
    let (first, last) = (expressions.first()?, expressions.last()?);
    let end =
        match (&last["jump"]["target"], first["match"]["left"]["payload"]["protocol"].as_str()) {
            (target, _) if target == "publish" => " type local jump publish",
            (_, Some("ip")) => " ip daddr 127.0.0.0/8 return",
            (_, Some("ip6")) => " ip6 daddr ::1 return",
            _ => return None,
        };
    let start = format!("add rule {TABLE} {} ", rule["chain"].as_str()?);
    FRAME.into_iter().find(|line| line.starts_with(&start) && line.ends_with(end))
}

/// Whether this is a listing at all: nft begins each with what it is.
pub fn is_listing(listing: &Value) -> bool {
    !listing["nftables"][0]["metainfo"].is_null()
}
