//! The firewall of the host: its rules as data, and the backends that spell them.

pub mod iptables;
pub mod nft;
pub mod obstacle;
pub mod rule;

use crate::failure::{Failure, missing};
use crate::family::Family;
use crate::plan::{Fact, Step};
use clap::ValueEnum;
use iptables::Saved;
use rule::{Rule, Table};
use serde::{Deserialize, Serialize};

/// Which firewall is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// The one that netns-tool has rules in already; else iptables, if it is installed; else nft
    #[default]
    Auto,
    /// iptables and ip6tables, of either variant
    Iptables,
    /// nft, with a table of its own
    Nft,
}

/// Whose commands change the firewall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Backend {
    #[default]
    Iptables,
    Nft,
}

/// A rule that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub rule: Rule,
    /// By which nft knows it.
    pub handle: Option<u64>,
}

/// The firewall as it was found.
#[derive(Clone, Debug, Default)]
pub struct Firewall {
    pub backend: Backend,
    /// What netns-tool could have written, in order.
    pub rules: Vec<Found>,
    /// Of iptables.
    pub saved: Vec<(Family, Saved)>,
    /// Of nft: whether our table is there.
    pub has_table: bool,
    /// The whole ruleset of nft, where it was asked for and can be read.
    pub ruleset: Option<serde_json::Value>,
    /// Of the other variant of iptables, where it has any tables: its command, and what its `-save` printed.
    pub other_variant: Vec<(Family, &'static str, String)>,
}

/// Rules that come or go together, and the reasons.
pub struct Change {
    pub rules: Vec<Rule>,
    /// Those that stand already, and need what the backend puts around them.
    pub standing: Vec<Rule>,
    /// For those of the table filter.
    pub filter: String,
    /// For those of the table nat.
    pub nat: String,
}

impl Change {
    fn rules_of(&self, family: Family, table: Table) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.family == family && rule.table() == table)
    }

    /// Whether one of the rules, new or not, is in our own chain of the table.
    fn needs_chain(&self, family: Family, table: Table) -> bool {
        let mut rules = self.rules.iter().chain(&self.standing);
        rules.any(|rule| rule.family == family && rule.table() == table && rule.is_inside())
    }

    fn why(&self, family: Family, table: Table) -> String {
        let why = match table {
            Table::Filter => &self.filter,
            Table::Nat => &self.nat,
        };
        let is_both = Family::BOTH
            .into_iter()
            .all(|family| self.rules.iter().any(|rule| rule.family == family));
        if is_both { format!("{why} ({family})") } else { why.clone() }
    }

    /// Of all of it.
    fn whole_why(&self) -> String {
        let has = |table| self.rules.iter().any(|rule| rule.table() == table);
        let mut whys = Vec::new();
        whys.extend(has(Table::Filter).then_some(self.filter.as_str()));
        whys.extend(has(Table::Nat).then_some(self.nat.as_str()));
        whys.join("; ")
    }
}

impl Firewall {
    /// The rules of netns-tool that stand.
    pub fn ours(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|found| &found.rule).filter(|rule| rule.is_ours())
    }

    /// The backend has rules of the family.
    ///
    /// # Errors
    /// There is no `ip6tables` beside `iptables`.
    pub fn require(&self, family: Family) -> Result<(), Failure> {
        let is_there = self.saved.iter().any(|(of, _)| *of == family);
        if self.backend == Backend::Nft || is_there {
            return Ok(());
        }
        Err(missing(format!(
            "there is no `ip6tables-save`, and so no way to make rules for {family}"
        ))
        .hint("apt-get install iptables, or --firewall nft"))
    }

    pub fn rule_fact(&self, rule: &Rule) -> Fact {
        Fact::Rule { backend: self.backend, rule: rule.clone() }
    }

    /// The steps that add the rules.
    pub fn add(&self, change: &Change) -> Vec<Step> {
        match self.backend {
            Backend::Iptables => iptables::add(&self.saved, change),
            Backend::Nft => nft::add(self, change).into_iter().collect(),
        }
    }

    /// The steps that remove the rules, which stand.
    pub fn remove(&self, change: &Change) -> Vec<Step> {
        match self.backend {
            Backend::Iptables => iptables::remove(&self.saved, change),
            Backend::Nft => nft::remove(self, change).into_iter().collect(),
        }
    }
}
