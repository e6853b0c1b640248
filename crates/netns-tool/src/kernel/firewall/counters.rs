//! What the firewall of a place may drop packets with, with its counters: which of them has moved is known by reading twice.

use crate::family::Family;
use crate::firewall::obstacle::Seen;
use crate::firewall::obstacle::suspects::{Suspect, in_ruleset, in_saved};
use crate::kernel::read_in;
use crate::plan::{Cmd, Place, Tool};
use crate::system::{child, tools};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the tools have listed, with counters; what cannot be listed is left out.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    family: &'static str,
    /// What each variant of iptables has saved, with the command that changes it.
    saved: Vec<(String, String)>,
    ruleset: Option<Value>,
}

/// Words for what changes the addresses of packets, of iptables and in the JSON of nft.
const TRANSLATIONS: [&str; 9] = [
    " -j DNAT",
    " -j SNAT",
    " -j REDIRECT",
    " -j MASQUERADE",
    " -j NETMAP",
    "\"dnat\":",
    "\"snat\":",
    "\"redirect\":",
    "\"masquerade\":",
];

impl Listing {
    /// That of the place, for packets of the family.
    pub fn read(at: &Place, family: Family, limit: Duration) -> Self {
        let run = |tool: Tool, args: &[&str]| -> Option<String> {
            let cmd = Cmd::run(tool, args.iter().copied()).at(at);
            let output = tools::is_there(tool).then(|| child::run(&cmd, limit, false))?.ok()?;
            output.is_success().then_some(output.stdout)
        };
        let (family, save, legacy, names, command) = match family {
            Family::V4 => (
                "ip",
                Tool::IptablesSave,
                Tool::IptablesLegacySave,
                "/proc/thread-self/net/ip_tables_names",
                "iptables",
            ),
            Family::V6 => (
                "ip6",
                Tool::Ip6tablesSave,
                Tool::Ip6tablesLegacySave,
                "/proc/thread-self/net/ip6_tables_names",
                "ip6tables",
            ),
        };
        let mut saved = vec![(run(save, &["-c"]).unwrap_or_default(), command.to_owned())];
        // To list the tables of the older iptables would make them.
        let has_legacy = || {
            let read = || Ok(std::fs::read_to_string(names).unwrap_or_default());
            read_in(at, read).is_ok_and(|names| !names.is_empty())
        };
        if !super::is_legacy() && has_legacy() {
            let text = run(legacy, &["-c"]).unwrap_or_default();
            saved.push((text, format!("{command}-legacy")));
        }
        let listed = run(Tool::Nft, &["-j", "list", "ruleset"]);
        let ruleset = listed.and_then(|text| serde_json::from_str(&text).ok());
        Self { family, saved, ruleset }
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        let has_rules =
            |ruleset: &Value| ruleset["nftables"].as_array().is_some_and(|all| all.len() > 1);
        self.saved.iter().all(|(text, _)| text.is_empty()) && !self.ruleset.iter().any(has_rules)
    }

    /// All that may drop the packet.
    pub fn suspects(&self, packet: &Seen) -> Vec<Suspect> {
        let all = self.saved.iter().flat_map(|(text, command)| in_saved(text, command, packet));
        let mut found: Vec<Suspect> = all.collect();
        // Those that iptables has printed itself.
        let lines = self.saved.iter().take(1).flat_map(|(text, _)| text.lines());
        let printed: BTreeSet<&str> = lines.filter_map(|line| line.strip_prefix('*')).collect();
        let is_printed =
            |family: &str, table: &str| family == self.family && printed.contains(table);
        let ruleset = self.ruleset.iter();
        found.extend(ruleset.flat_map(|ruleset| in_ruleset(ruleset, is_printed, packet)));
        found
    }

    /// Whether packets may change their addresses here, so that a rule sees others than those that come in or go out.
    pub fn translates(&self) -> bool {
        let ruleset = self.ruleset.as_ref().map(Value::to_string);
        let mut texts = self.saved.iter().map(|(text, _)| text).chain(&ruleset);
        texts.any(|text| TRANSLATIONS.iter().any(|word| text.contains(word)))
    }
}
