//! All that may drop a packet, each with its counter: which of them does is found out by sending the packet once more.

use super::packet::Seen;
use super::saved::{counted, packets, rule_of};
use super::verdict::{Rule, Truth, Verdict};
use super::{Load, cure, nft, render};
use crate::firewall::iptables::{CHAIN, split};
use crate::firewall::nft::TABLE;
use crate::mark;
use crate::plan::quote_all;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Something that may drop the packet.
///
/// The texts are printable and have one line each, whatever the names in the firewall are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Such as "the rule `-A FORWARD -j DROP` of iptables".
    pub what: String,
    /// What it answers in the place of the far side, such as `tcp-reset`; `None`: it drops without a word.
    pub answer: Option<String>,
    /// How many packets it has dropped; `None`: it does not count them.
    pub packets: Option<u64>,
    /// The hooks from which packets come to it, such as `forward`.
    pub hooks: BTreeSet<String>,
    /// It judges frames, those that only cross a bridge among them.
    pub is_of_frames: bool,
    /// What to type so that it drops no more, where that is known.
    pub cure: Option<String>,
}

fn one_line(text: &str) -> String {
    crate::failure::printable_word(text.as_ref())
}

/// For each chain the hooks of the base chains from which jumps lead to it.
fn reached<'a>(
    bases: impl Iterator<Item = (&'a str, String)>,
    jumps: &BTreeMap<&'a str, Vec<String>>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut hooks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (base, hook) in bases {
        let mut ahead = vec![base.to_owned()];
        while let Some(chain) = ahead.pop() {
            let is_new = hooks.entry(chain.clone()).or_default().insert(hook.clone());
            ahead.extend(
                jumps.get(chain.as_str()).filter(|_| is_new).into_iter().flatten().cloned(),
            );
        }
    }
    hooks
}

/// Where rules that may be for the packet lead to.
fn targets<'r, T: 'r>(rules: impl Iterator<Item = &'r Rule<T>>) -> Vec<String> {
    let is_meant = |rule: &&Rule<T>| rule.applies != Truth::No;
    let target = |rule: &Rule<T>| match &rule.verdict {
        Verdict::Jump(to) | Verdict::Goto(to) => Some(to.clone()),
        _ => None,
    };
    rules.filter(is_meant).filter_map(target).collect()
}

/// Those in what `iptables-save -c` printed: `[3:252] -A FORWARD …` and `:FORWARD DROP [3:252]`.
pub fn in_saved(saved: &str, command: &str, packet: &Seen) -> Vec<Suspect> {
    if packet.load == Load::Arp {
        return Vec::new();
    }
    let lines: Vec<&str> = saved.lines().collect();
    let tables = lines.split(|line| *line == "COMMIT");
    let tables = tables.filter_map(|lines| {
        let name = lines.iter().find_map(|line| line.strip_prefix('*'))?;
        Some(Saved { name, command, lines })
    });
    tables.flat_map(|table| table.suspects(packet)).collect()
}

/// A rule as it was printed, with the packets that it has counted.
type Counted<'a> = (Option<u64>, Rule<&'a str>);

/// A table of iptables, as it was printed.
struct Saved<'a> {
    name: &'a str,
    command: &'a str,
    lines: &'a [&'a str],
}

impl<'a> Saved<'a> {
    fn suspects(&self, packet: &Seen) -> Vec<Suspect> {
        let chains = self.lines.iter().filter_map(|line| line.strip_prefix(':'));
        let chains: Vec<Vec<&str>> = chains.map(|chain| chain.split(' ').collect()).collect();
        let mut rules: BTreeMap<&str, Vec<Counted>> = BTreeMap::new();
        for line in self.lines {
            let (packets, line) = counted(line);
            if let Some(chain) = line.strip_prefix("-A ").and_then(|rest| rest.split(' ').next()) {
                rules.entry(chain).or_default().push((packets, rule_of(line, packet)));
            }
        }
        let to = |rules: &Vec<Counted>| targets(rules.iter().map(|(_, rule)| rule));
        let jumps = rules.iter().map(|(chain, rules)| (*chain, to(rules))).collect();
        let bases = chains.iter().filter(|words| words.get(1).is_some_and(|policy| *policy != "-"));
        let hooks = reached(bases.map(|words| (words[0], words[0].to_lowercase())), &jumps);
        let mut found = Vec::new();
        for words in &chains {
            let hooks = || hooks.get(words[0]).cloned().unwrap_or_default();
            let of_chain = rules.get(words[0]).map_or(&[][..], Vec::as_slice);
            if let [chain, "DROP", counters] = words[..] {
                found.push(self.policy(chain, packets(counters), hooks()));
            }
            let is_one =
                |rule: &Rule<&str>| rule.verdict == Verdict::Drop && rule.applies != Truth::No;
            let its = of_chain.iter().filter(|(_, rule)| is_one(rule));
            found.extend(its.map(|(packets, rule)| self.rule(rule.text, *packets, hooks())));
        }
        found
    }

    fn policy(&self, chain: &str, packets: Option<u64>, hooks: BTreeSet<String>) -> Suspect {
        let what = format!("the policy `DROP` of chain `{chain}`{} of {}", self.of(), self.command);
        let cure = Some(self.typed(&["-P", chain, "ACCEPT"]));
        Suspect { what, answer: None, packets, hooks, is_of_frames: false, cure }
    }

    fn rule(&self, line: &str, packets: Option<u64>, hooks: BTreeSet<String>) -> Suspect {
        let what = one_line(&format!("the rule `{line}`{} of {}", self.of(), self.command));
        let words = split(line).unwrap_or_default();
        let after = |option: &str| {
            let at = words.iter().position(|word| word == option)?;
            words.get(at + 1).cloned()
        };
        let is_reject = after("-j").is_some_and(|target| target == "REJECT");
        let answer = is_reject.then(|| after("--reject-with").unwrap_or_default());
        // Those of netns-tool are taken back by its own commands.
        let is_ours = after("-A").is_some_and(|chain| chain == CHAIN)
            || mark::is_ours(after("--comment").as_deref());
        let delete = words.iter().skip(1).map(String::as_str);
        let delete: Vec<&str> = ["-D"].into_iter().chain(delete).collect();
        let cure = (!is_ours && delete.len() > 1).then(|| self.typed(&delete));
        Suspect { what, answer, packets, hooks, is_of_frames: false, cure }
    }

    fn of(&self) -> String {
        if self.name == "filter" { String::new() } else { format!(" of table `{}`", self.name) }
    }

    fn typed(&self, words: &[&str]) -> String {
        let table = if self.name == "filter" { vec![] } else { vec!["-t", self.name] };
        one_line(&format!("{} {}", self.command, quote_all(table.iter().chain(words))))
    }
}

/// Those in what nft lists. `skip(family, table)` names the tables that are judged elsewhere.
pub fn in_ruleset(
    ruleset: &Value,
    skip: impl Fn(&str, &str) -> bool,
    packet: &Seen,
) -> Vec<Suspect> {
    let families: &[&str] = match packet.load {
        Load::Arp => &["arp", "bridge", "netdev"],
        _ if packet.is_ipv6 => &["ip6", "inet", "bridge", "netdev"],
        _ => &["ip", "inet", "bridge", "netdev"],
    };
    let mut tables = nft::tables_of(ruleset);
    tables.retain(|&(family, name), table| {
        families.contains(&family) && !skip(family, name) && table.is_awake(name)
    });
    let listed = tables.iter().map(|((family, name), table)| Listed { family, name, table });
    listed.flat_map(|listed| listed.suspects(packet)).collect()
}

/// A table of nft.
struct Listed<'a> {
    family: &'a str,
    name: &'a str,
    table: &'a nft::Table<'a>,
}

impl Listed<'_> {
    fn suspects(&self, packet: &Seen) -> Vec<Suspect> {
        let rules = |chain: &str| self.table.rules.get(chain).map_or(&[][..], Vec::as_slice);
        let chains =
            || self.table.chains.iter().filter_map(|one| Some((one["name"].as_str()?, *one)));
        let to = |chain: &str| {
            let of_each = rules(chain).iter().map(|rule| self.table.branches(rule, packet));
            targets(of_each.flatten().collect::<Vec<_>>().iter())
        };
        let jumps = chains().map(|(name, _)| (name, to(name))).collect();
        let base = |(name, chain): (_, &Value)| Some((name, chain["hook"].as_str()?.to_owned()));
        let hooks = reached(chains().filter_map(base), &jumps);
        let mut found = Vec::new();
        for (name, chain) in chains() {
            let hooks = || hooks.get(name).cloned().unwrap_or_default();
            found.extend((chain["policy"] == "drop").then(|| self.policy(name, hooks())));
            found
                .extend(rules(name).iter().filter_map(|rule| self.rule(name, rule, packet, hooks)));
        }
        found
    }

    fn policy(&self, chain: &str, hooks: BTreeSet<String>) -> Suspect {
        let what = format!("the policy `drop` of chain `{chain}` of nft table `{}`", self.names());
        let accept = format!("add chain {} {chain} {{ policy accept; }}", self.names());
        let cure = Some(accept).filter(|_| self.is_ours_to_change(chain));
        self.suspect(&what, hooks, cure)
    }

    fn rule(
        &self,
        chain: &str,
        rule: &Value,
        packet: &Seen,
        hooks: impl Fn() -> BTreeSet<String>,
    ) -> Option<Suspect> {
        let branches = self.table.branches(rule, packet);
        let drops = branches.iter().filter(|branch| branch.verdict == Verdict::Drop);
        let applies = Truth::any(drops.map(|branch| branch.applies));
        if applies == Truth::No {
            return None;
        }
        let text = render::rule(rule);
        let what = format!("the rule `{text}` of chain `{chain}` of nft table `{}`", self.names());
        let has =
            |kind: &str| rule["expr"].as_array()?.iter().find_map(|statement| statement.get(kind));
        // A map also decides about others.
        let is_single = has("vmap").is_none() && self.is_ours_to_change(chain);
        let handle = rule["handle"].as_u64().filter(|_| is_single);
        let delete = |handle| format!("delete rule {} {chain} handle {handle}", self.names());
        let suspect = self.suspect(&what, hooks(), handle.map(delete));
        let packets = self.packets(rule, applies == Truth::Yes);
        Some(Suspect { packets, answer: has("reject").map(answer), ..suspect })
    }

    fn suspect(&self, what: &str, hooks: BTreeSet<String>, cure: Option<String>) -> Suspect {
        let cure = cure.map(|cure| one_line(&format!("nft {}", quote_all([cure]))));
        let is_of_frames = ["bridge", "netdev", "arp"].contains(&self.family);
        Suspect { what: one_line(what), answer: None, packets: None, hooks, is_of_frames, cure }
    }

    /// How many packets the rule has dropped. What stands before a match counts those as well that it does not mean.
    fn packets(&self, rule: &Value, is_meant: bool) -> Option<u64> {
        let statements = rule["expr"].as_array()?;
        let at = statements.iter().position(|statement| statement.get("counter").is_some())?;
        let goes_on = |statement: &Value| {
            ["drop", "reject", "log"].iter().any(|kind| statement.get(kind).is_some())
        };
        let is_exact = is_meant || statements[at + 1..].iter().all(goes_on);
        let counter = &statements[at]["counter"];
        let named = counter.as_str().and_then(|name| self.table.counters.get(name).copied());
        named.unwrap_or(counter)["packets"].as_u64().filter(|_| is_exact)
    }

    fn names(&self) -> String {
        format!("{} {}", self.family, self.name)
    }

    /// Whether a command of nft helps: not with names that nft does not read, nor with what is made anew or taken back by
    /// commands of its own.
    fn is_ours_to_change(&self, chain: &str) -> bool {
        let is_of_a_tool = self.name == cure::FIREWALLD || self.names() == TABLE;
        cure::is_plain(self.name)
            && cure::is_plain(chain)
            && !is_of_a_tool
            && !self.table.has_owner()
    }
}

/// What a `reject` of nft answers; if it does not say, that nobody is at the port.
fn answer(reject: &Value) -> String {
    match (reject["type"].as_str(), reject["expr"].as_str()) {
        (Some("tcp reset"), _) => "tcp reset".to_owned(),
        (Some(kind), Some(why)) => format!("{kind} {why}"),
        _ => "port-unreachable".to_owned(),
    }
}
