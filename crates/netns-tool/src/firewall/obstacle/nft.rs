//! The tables of nft, from `nft -j list ruleset`.

use super::matching::Matcher;
use super::packet::{Packet, Seen};
use super::place::Place;
use super::verdict::{self, Chains, Fate, Rule, Truth, Verdict, Walk};
use super::{Obstacle, Reason, cure, render};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Targets of iptables that let the packet go on to the next rule.
pub const GOING_ON: &[&str] = &[
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "LED",
    "LOG",
    "MARK",
    "NFLOG",
    "NOTRACK",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
];

/// What in the ruleset drops the packet for certain, first of all; nothing is said of what is no ruleset.
///
/// `skip(family, table, chain)` names the base chains that are judged elsewhere: our own, and those of iptables, which
/// nft shows without their extensions (`-m conntrack` among them), so that [`super::in_saved`] knows more.
pub fn in_ruleset(
    ruleset: &Value,
    skip: impl Fn(&str, &str, &str) -> bool,
    packet: &Packet,
) -> Option<Obstacle> {
    let family = if packet.is_ipv6() { "ip6" } else { "ip" };
    let mut tables = tables_of(ruleset);
    tables.retain(|&(of, name), table| {
        [family, "inet", "bridge"].contains(&of) && table.is_awake(name)
    });
    let (bridged, tables): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tables.into_iter().partition(|((of, _), _)| *of == "bridge");
    let is_skipped = |&(of, table): &(&str, &str), chain: &Value| {
        chain["name"].as_str().is_some_and(|chain| skip(of, table, chain))
    };
    let mut bases: Vec<(Place, &Table, &Value)> = tables
        .iter()
        .flat_map(|(key, table)| table.chains.iter().map(move |chain| (key, table, *chain)))
        .filter(|(key, _, chain)| !is_skipped(key, chain))
        .filter_map(|(_, table, chain)| Some((Place::of_chain(chain)?, table, chain)))
        .collect();
    bases.sort_by_key(|base| base.0);
    bases
        .into_iter()
        .find_map(|(place, table, chain)| table.obstacle(chain, place, packet))
        .or_else(|| bridged.values().find_map(|table| table.on_bridge(packet)))
}

#[derive(Default)]
pub(super) struct Table<'a> {
    table: Option<&'a Value>,
    pub chains: Vec<&'a Value>,
    /// By the chains that they stand in.
    pub rules: HashMap<&'a str, Vec<&'a Value>>,
    /// The elements of the sets and maps by name.
    sets: HashMap<&'a str, &'a [Value]>,
    /// The named counters.
    pub counters: HashMap<&'a str, &'a Value>,
}

/// The tables of a ruleset by family and name.
pub(super) fn tables_of(ruleset: &Value) -> BTreeMap<(&str, &str), Table<'_>> {
    let mut tables: BTreeMap<_, Table> = BTreeMap::new();
    for object in ruleset["nftables"].as_array().into_iter().flatten() {
        let Some((kind, object)) = object.as_object().and_then(|object| object.iter().next())
        else {
            continue;
        };
        let table = if kind == "table" { &object["name"] } else { &object["table"] };
        let (Some(family), Some(table)) = (object["family"].as_str(), table.as_str()) else {
            continue;
        };
        let table = tables.entry((family, table)).or_default();
        match (kind.as_str(), object["name"].as_str()) {
            ("table", _) => table.table = Some(object),
            ("chain", _) => table.chains.push(object),
            ("rule", _) => {
                let chain = object["chain"].as_str().unwrap_or_default();
                table.rules.entry(chain).or_default().push(object);
            }
            ("set" | "map", Some(name)) => {
                let elements = object["elem"].as_array().map_or(&[][..], Vec::as_slice);
                table.sets.insert(name, elements);
            }
            ("counter", Some(name)) => {
                table.counters.insert(name, object);
            }
            _ => {}
        }
    }
    tables
}

impl<'a> Table<'a> {
    /// Whether its chains are certain to be in force. A table with the flag `dormant` is asleep; and nft 1.0.6 prints
    /// for any flags a piece of its memory. Of firewalld it is known that it sets `owner` and `persist`.
    pub fn is_awake(&self, name: &str) -> bool {
        let Some(table) = self.table else { return false };
        let is_harmless = |flag: &Value| flag == "owner" || flag == "persist";
        match &table["flags"] {
            Value::Null => true,
            _ if name == cure::FIREWALLD => true,
            Value::Array(flags) => flags.iter().all(is_harmless),
            flag => is_harmless(flag),
        }
    }

    fn obstacle(&self, base: &Value, place: Place, packet: &Packet) -> Option<Obstacle> {
        let (names, what) = self.drops(base, &packet.at(place))?;
        let cures = cure::of_nft(names, self.has_owner(), place, packet);
        Some(Obstacle::new(&what, Reason::IsElsewhere, &cures))
    }

    /// The same for a table of frames, of which the packet that only crosses the bridge is not judged.
    fn on_bridge(&self, packet: &Packet) -> Option<Obstacle> {
        let hooks = packet.bridge_hooks();
        let is_asked = |chain: &&&Value| {
            let hook = chain["hook"].as_str();
            chain["type"] == "filter" && hook.is_some_and(|hook| hooks.contains(&hook))
        };
        let mut asked =
            self.chains.iter().filter(is_asked).filter(|_| packet.input != packet.output);
        asked.find_map(|base| {
            let (_, what) = self.drops(base, &packet.on_bridge())?;
            // Not every kernel has a way to name the bridge there (`meta ibrname`).
            Some(Obstacle::new(&what, Reason::IsElsewhere, &[]))
        })
    }

    /// The family, the table and the name of the base chain, and what from there drops a packet that is seen so.
    fn drops<'b>(
        &self,
        base: &'b Value,
        seen: &Seen,
    ) -> Option<((&'b str, &'b str, &'b str), String)> {
        let (family, table) = (base["family"].as_str()?, base["table"].as_str()?);
        let name = base["name"].as_str()?;
        let chains = self.seen_from(name, seen);
        let what = match Walk::new(&chains).fate(name) {
            Fate::IsDropped { chain, rule } => {
                let rule = render::rule(rule);
                format!("the rule `{rule}` of chain `{chain}` of nft table `{family} {table}`")
            }
            Fate::ComesOut if base["policy"] == "drop" => {
                format!("the policy `drop` of chain `{name}` of nft table `{family} {table}`")
            }
            _ => return None,
        };
        Some(((family, table, name), what))
    }

    pub fn has_owner(&self) -> bool {
        self.table.is_some_and(|table| !table["flags"].is_null())
    }

    /// The rules that a packet may come to from the chain, as far as it is concerned when it is seen so.
    fn seen_from(&self, chain: &str, packet: &Seen) -> Chains<&'a Value> {
        verdict::reachable(chain, |name| {
            let is_there = self.chains.iter().any(|chain| chain["name"] == name);
            let rules = self.rules.get(name).map_or(&[][..], Vec::as_slice);
            is_there.then(|| rules.iter().flat_map(|rule| self.branches(rule, packet)).collect())
        })
    }

    /// What one of its rules does to a packet that is seen so: one thing, or several with a map.
    pub fn branches(&self, rule: &'a Value, packet: &Seen) -> Vec<Rule<&'a Value>> {
        let sets = |name: &str| self.sets.get(name).copied();
        branches(rule, &Matcher { packet, sets: &sets })
    }
}

/// What a rule does to the packet: one thing, or several with a map.
fn branches<'a>(rule: &'a Value, matcher: &Matcher) -> Vec<Rule<&'a Value>> {
    let mut branches = Vec::new();
    let mut applies = Truth::Yes;
    let Some(statements) = rule["expr"].as_array() else {
        return vec![Rule { applies: Truth::Unknown, verdict: Verdict::Accept, text: rule }];
    };
    for statement in statements {
        match read(statement, rule, matcher) {
            Statement::Match(holds) => applies = applies.and(holds),
            Statement::Verdicts(verdicts) => {
                branches.extend(verdicts.into_iter().map(|(is_met, verdict)| Rule {
                    applies: applies.and(is_met),
                    verdict,
                    text: rule,
                }));
            }
        }
    }
    branches
}

enum Statement {
    Match(Truth),
    Verdicts(Vec<(Truth, Verdict)>),
}

fn read(statement: &Value, rule: &Value, matcher: &Matcher) -> Statement {
    let verdict = |verdict| Statement::Verdicts(vec![(Truth::Yes, verdict)]);
    // Nft prints as text what it has no JSON for, such as a jump to a chain without a name.
    let object = statement.as_object().and_then(|object| object.iter().next());
    let Some((kind, value)) = object else { return verdict(Verdict::Accept) };
    match kind.as_str() {
        "match" => Statement::Match(matcher.holds(value)),
        "counter" | "log" | "mangle" | "notrack" | "dup" | "ct helper" | "ct timeout"
        | "ct expectation" => Statement::Match(Truth::Yes),
        // Those that may let the rule end here.
        "limit" | "quota" | "ct count" | "set" | "map" | "meter" | "flow" | "last" => {
            Statement::Match(Truth::Unknown)
        }
        "reject" => Statement::Verdicts(vec![(is_rejected(value, rule, matcher), Verdict::Drop)]),
        "vmap" => Statement::Verdicts(map(value, matcher)),
        "xt" => extension(value),
        _ => verdict(verdict_of(kind, value)),
    }
}

/// Whether a `reject` is for a packet of this family. Nft leaves out a match of the family before one that implies it;
/// and 1.0.6 does so also before `tcp reset`, which does not.
fn is_rejected(reject: &Value, rule: &Value, matcher: &Matcher) -> Truth {
    match reject["type"].as_str() {
        Some("icmp") => (!matcher.packet.is_ipv6).into(),
        Some("icmpv6") => matcher.packet.is_ipv6.into(),
        Some("tcp reset") if rule["family"] == "inet" => Truth::Unknown,
        _ => Truth::Yes,
    }
}

fn verdict_of(kind: &str, value: &Value) -> Verdict {
    match (kind, value["target"].as_str()) {
        ("drop", _) => Verdict::Drop,
        ("return", _) => Verdict::Return,
        ("continue", _) => Verdict::Continue,
        ("jump", Some(chain)) => Verdict::Jump(chain.to_owned()),
        ("goto", Some(chain)) => Verdict::Goto(chain.to_owned()),
        _ => Verdict::Accept,
    }
}

/// A map to verdicts. Its keys exclude one another, so that the order does not matter, but for `*`, the last.
fn map(vmap: &Value, matcher: &Matcher) -> Vec<(Truth, Verdict)> {
    let (key, data) = (&vmap["key"], &vmap["data"]);
    let elements = match data.as_str().and_then(|name| name.strip_prefix('@')) {
        Some(name) => (matcher.sets)(name),
        None => data["set"].as_array().map(Vec::as_slice),
    };
    let Some(elements) = elements else { return vec![(Truth::Unknown, Verdict::Accept)] };
    let mut is_left = matcher.has_field(key);
    let mut verdicts = Vec::new();
    for element in elements {
        let is_met = is_left.and(matcher.is_element(key, &element[0]));
        let verdict = element[1].as_object().and_then(|object| object.iter().next());
        let verdict = verdict.map_or(Verdict::Accept, |(kind, value)| verdict_of(kind, value));
        verdicts.push((is_met, verdict));
        is_left = is_left.and(!is_met);
    }
    verdicts
}

/// An extension of iptables, of which nft tells no more than the name.
fn extension(xt: &Value) -> Statement {
    match (xt["type"].as_str(), xt["name"].as_str()) {
        (Some("match"), Some("comment")) => Statement::Match(Truth::Yes),
        (Some("match"), _) => Statement::Match(Truth::Unknown),
        (Some("target"), Some("REJECT" | "DROP")) => {
            Statement::Verdicts(vec![(Truth::Yes, Verdict::Drop)])
        }
        (Some("target"), Some(name)) if GOING_ON.contains(&name) => Statement::Match(Truth::Yes),
        _ => Statement::Verdicts(vec![(Truth::Yes, Verdict::Accept)]),
    }
}
