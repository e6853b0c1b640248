//! What drops packets in the firewall of a place, with its counters: which of them has moved is known by reading twice.

use crate::family::Family;
use crate::firewall::obstacle::in_words;
use crate::kernel::read_in;
use crate::plan::{Cmd, Place, Tool};
use crate::system::{child, tools};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// Something that drops packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropper {
    /// Such as "the rule `-A FORWARD -j DROP` of iptables".
    pub what: String,
    /// How many packets it has dropped; `None`: it does not count.
    pub packets: Option<u64>,
    /// The hook of its base chain, such as `forward`; `None` where it is not known.
    pub hook: Option<String>,
}

/// All that drops packets of the family in the place; what cannot be listed is left out.
pub fn droppers(at: &Place, family: Family, limit: Duration) -> Vec<Dropper> {
    let run = |tool: Tool, args: &[&str]| -> Option<String> {
        let cmd = Cmd::run(tool, args.iter().copied()).at(at);
        let output = tools::is_there(tool).then(|| child::run(&cmd, limit, false))?.ok()?;
        output.is_success().then_some(output.stdout)
    };
    let (save, legacy, names, command) = match family {
        Family::V4 => (
            Tool::IptablesSave,
            Tool::IptablesLegacySave,
            "/proc/thread-self/net/ip_tables_names",
            "iptables",
        ),
        Family::V6 => (
            Tool::Ip6tablesSave,
            Tool::Ip6tablesLegacySave,
            "/proc/thread-self/net/ip6_tables_names",
            "ip6tables",
        ),
    };
    let saved = run(save, &["-c"]).unwrap_or_default();
    let mut found = in_saved(&saved, command);
    // To list the tables of the older iptables would make them.
    let has_legacy = || {
        let read = || Ok(std::fs::read_to_string(names).unwrap_or_default());
        read_in(at, read).is_ok_and(|names| !names.is_empty())
    };
    if !super::is_legacy() && has_legacy() {
        let saved = run(legacy, &["-c"]).unwrap_or_default();
        found.extend(in_saved(&saved, &format!("{command}-legacy")));
    }
    let listed = run(Tool::Nft, &["-j", "list", "ruleset"]);
    let ruleset = listed.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    found.extend(ruleset.iter().flat_map(|ruleset| in_ruleset(ruleset, family, &saved)));
    found
}

/// What `iptables-save -c` printed: `[3:252] -A FORWARD …` and `:FORWARD DROP [3:252]`.
fn in_saved(saved: &str, command: &str) -> Vec<Dropper> {
    let (mut found, mut table) = (Vec::new(), "");
    let hook = |chain: &str| Some(chain.to_lowercase());
    for line in saved.lines() {
        let of = || if table == "filter" { String::new() } else { format!(" of table `{table}`") };
        let packets = |text: &str| text.trim_start_matches('[').split(':').next()?.parse().ok();
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some(rest) = line.strip_prefix(':') {
            let words: Vec<&str> = rest.split(' ').collect();
            if let [chain, "DROP", counters] = words[..] {
                let what = format!("the policy `DROP` of chain `{chain}`{} of {command}", of());
                found.push(Dropper { what, packets: packets(counters), hook: hook(chain) });
            }
        } else if let Some((counters, rule)) = line.split_once("] ")
            && [" -j DROP", " -j REJECT"].iter().any(|target| rule.contains(target))
        {
            let what = format!("the rule `{rule}`{} of {command}", of());
            // The hook of a chain of somebody's own is that of whatever leads there.
            found.push(Dropper { what, packets: packets(counters), hook: None });
        }
    }
    found
}

/// What nft lists, but for the tables that were printed by iptables.
fn in_ruleset(ruleset: &Value, family: Family, saved: &str) -> Vec<Dropper> {
    let name = match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    };
    let printed: BTreeSet<&str> = saved.lines().filter_map(|line| line.strip_prefix('*')).collect();
    let objects = || ruleset["nftables"].as_array().into_iter().flatten();
    let is_meant = |object: &Value| {
        let (of, table) = (object["family"].as_str(), object["table"].as_str());
        let is_printed = of == Some(name) && table.is_some_and(|table| printed.contains(table));
        of.is_some_and(|of| [name, "inet", "bridge", "netdev"].contains(&of)) && !is_printed
    };
    let table = |object: &Value| {
        let word = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}", word("family"), word("table"))
    };
    let chain = |object: &Value| -> Option<Dropper> {
        let chain = object.get("chain").filter(|chain| is_meant(chain))?;
        let hook = chain["hook"].as_str().map(str::to_owned);
        let name = chain["name"].as_str()?;
        let what = format!("the policy `drop` of chain `{name}` of nft table `{}`", table(chain));
        (chain["policy"] == "drop").then_some(Dropper { what, packets: None, hook })
    };
    let rule = |object: &Value| -> Option<Dropper> {
        let rule = object.get("rule").filter(|rule| is_meant(rule))?;
        let statements = rule["expr"].as_array()?;
        let has = |kind: &str| statements.iter().find_map(|statement| statement.get(kind));
        has("drop").or(has("reject"))?;
        let packets = has("counter").and_then(|counter| counter["packets"].as_u64());
        let chain = rule["chain"].as_str()?;
        let is_its = |object: &&Value| {
            let its = &object["chain"];
            its["name"] == chain && its["table"] == rule["table"] && its["family"] == rule["family"]
        };
        let hook = objects().find(is_its).and_then(|object| object["chain"]["hook"].as_str());
        let (text, table) = (in_words(rule), table(rule));
        let what = format!("the rule `{text}` of chain `{chain}` of nft table `{table}`");
        Some(Dropper { what, packets, hook: hook.map(str::to_owned) })
    };
    objects().filter_map(|object| chain(object).or_else(|| rule(object))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_and_policies_of_iptables_are_found_with_their_counters() {
        let saved = "# Generated\n*mangle\n:PREROUTING ACCEPT [9:1]\n[4:8] -A PREROUTING -s 10.0.0.1/32 -j DROP\nCOMMIT\n\
            *filter\n:FORWARD DROP [3:252]\n[5:1] -A FORWARD -i a -j ACCEPT\n\
            [2:1] -A FORWARD -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n";
        let found = in_saved(saved, "iptables");
        let told: Vec<_> = found.iter().map(|found| (found.what.as_str(), found.packets)).collect();
        assert_eq!(
            told,
            [
                (
                    "the rule `-A PREROUTING -s 10.0.0.1/32 -j DROP` of table `mangle` of iptables",
                    Some(4)
                ),
                ("the policy `DROP` of chain `FORWARD` of iptables", Some(3)),
                (
                    "the rule `-A FORWARD -p tcp -j REJECT --reject-with tcp-reset` of iptables",
                    Some(2)
                ),
            ]
        );
    }

    #[test]
    fn rules_and_policies_of_nft_are_found_where_iptables_has_not_told_of_them() {
        let chain = |table: &str, policy: &str| json!({ "chain": { "family": "ip", "table": table, "name": "in", "hook": "input", "policy": policy } });
        let rule = |table: &str, expr: Value| json!({ "rule": { "family": "ip", "table": table, "chain": "in", "expr": expr } });
        let ruleset = json!({ "nftables": [
            chain("filter", "drop"),
            chain("mine", "drop"),
            rule("mine", json!([{ "counter": { "packets": 7, "bytes": 1 } }, { "drop": null }])),
            rule("mine", json!([{ "accept": null }])),
            rule("filter", json!([{ "drop": null }])),
        ] });
        let found = in_ruleset(&ruleset, Family::V4, "*filter\nCOMMIT\n");
        let told: Vec<_> = found.iter().map(|found| (found.what.as_str(), found.packets)).collect();
        assert_eq!(
            told,
            [
                ("the policy `drop` of chain `in` of nft table `ip mine`", None),
                ("the rule `drop` of chain `in` of nft table `ip mine`", Some(7)),
            ]
        );
        assert!(found.iter().all(|found| found.hook.as_deref() == Some("input")));
        assert!(in_ruleset(&ruleset, Family::V6, "").is_empty());
    }
}
