//! The firewall of the host: its rules as data, and the backends that spell them.

pub mod iptables;
pub mod nft;
pub mod obstacle;
pub mod rule;

use crate::failure::{Failure, missing};
use crate::family::Family;
use crate::plan::{self, Fact, Step};
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
    /// Of nft: what of our table is there, besides the rules.
    pub frame: Vec<&'static str>,
    /// The whole ruleset of nft, where it was asked for and can be read.
    pub ruleset: Option<serde_json::Value>,
    /// Of the other variant of iptables, where it has any tables: its command, and what its `-save` printed.
    pub other_variant: Vec<(Family, &'static str, String)>,
}

/// Why a step adds no rule, but what is around those that stand.
const MENDED: &str = "put right what is around the rules of netns-tool";

/// Rules that come or go together.
pub struct Change<'a> {
    pub rules: Vec<Rule>,
    /// The reason, for those of one family and table.
    pub why: &'a dyn Fn(Family, Table) -> String,
}

impl Change<'_> {
    fn rules_of(&self, family: Family, table: Table) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.family == family && rule.table() == table)
    }

    /// The reason for a step of one family and table.
    fn step_why(&self, family: Family, table: Table) -> String {
        let has = |family| self.rules_of(family, table).next().is_some();
        if !has(family) {
            return MENDED.to_owned();
        }
        let whys = Family::BOTH.map(|family| (self.why)(family, table));
        let is_both = whys[0] == whys[1] && Family::BOTH.into_iter().all(has);
        let why = (self.why)(family, table);
        if is_both { format!("{why} ({family})") } else { why }
    }

    /// The reason for a step of all of it.
    fn whole_why(&self) -> String {
        let mut whys: Vec<String> = Vec::new();
        for table in [Table::Filter, Table::Nat] {
            for family in Family::BOTH {
                let why = (self.why)(family, table);
                if self.rules_of(family, table).next().is_some() && !whys.contains(&why) {
                    whys.push(why);
                }
            }
        }
        if whys.is_empty() { MENDED.to_owned() } else { whys.join("; ") }
    }
}

impl Firewall {
    /// The rules of netns-tool that stand.
    pub fn ours(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|found| &found.rule).filter(|rule| rule.is_ours())
    }

    /// Whether the backend can have rules of the family.
    pub fn can(&self, family: Family) -> bool {
        self.backend == Backend::Nft || self.saved.iter().any(|(of, _)| *of == family)
    }

    /// Whether packets of the family are shown to the chains of our own that have rules.
    pub fn is_asked(&self, family: Family) -> bool {
        match self.backend {
            Backend::Iptables => iptables::is_asked(&self.saved, family),
            Backend::Nft => nft::is_whole(&self.frame),
        }
    }

    /// The backend has rules of the family.
    ///
    /// # Errors
    /// There is no `ip6tables` beside `iptables`.
    pub fn require(&self, family: Family) -> Result<(), Failure> {
        if self.can(family) {
            return Ok(());
        }
        Err(missing(format!(
            "there is no `ip6tables-save`, and so no way to make rules for {family}"
        ))
        .hint("apt-get install iptables, or --firewall nft"))
    }

    /// Takes for done what a step gives.
    pub fn note(&mut self, given: &Fact) {
        if let Fact::Rule { rule, .. } = given {
            self.rules.push(Found { rule: rule.clone(), handle: None });
        }
        match given {
            Fact::Frame(line) => self.frame.extend(nft::frame_line(line)),
            Fact::Rule { backend: Backend::Iptables, rule } => {
                let saved = self.saved.iter_mut().filter(|(of, _)| *of == rule.family);
                saved.for_each(|(_, saved)| saved.note(rule));
            }
            Fact::Chain { family, table } => {
                let saved = self.saved.iter_mut().filter(|(of, _)| of == family);
                saved.for_each(|(_, saved)| saved.note_chain(*table));
            }
            _ => {}
        }
    }

    /// Takes for done that a step takes something away.
    pub fn note_gone(&mut self, gone: &Fact) {
        match gone {
            Fact::Frame(_) => self.frame.clear(),
            Fact::Rule { rule, .. } => {
                self.rules.retain(|found| found.rule != *rule);
                let saved = self.saved.iter_mut().filter(|(of, _)| *of == rule.family);
                saved.for_each(|(_, saved)| saved.note_gone(rule));
            }
            Fact::Chain { family, table } => {
                let saved = self.saved.iter_mut().filter(|(of, _)| of == family);
                saved.for_each(|(_, saved)| saved.note_chain_gone(*table));
            }
            _ => {}
        }
    }

    /// The steps with a way back, where all that they do is to take away rules and what is around them: `after` is the
    /// firewall when they are done.
    pub fn with_way_back(steps: Vec<Step>, after: &Self) -> Vec<Step> {
        let gone = |step: &Step| {
            let rule = |fact: &Fact| match fact {
                Fact::Not(fact) => match &**fact {
                    Fact::Rule { rule, .. } if rule.verdict != rule::Verdict::Jump => {
                        Some(rule.clone())
                    }
                    _ => None,
                },
                _ => None,
            };
            step.gives.iter().filter_map(rule).collect::<Vec<Rule>>()
        };
        let back = |step: Step| {
            let change = Change { rules: gone(&step), why: &|_, _| String::new() };
            let again = after.add(&change).into_iter();
            let undo = again.filter_map(|again| {
                let made = Fact::not(after.rule_fact(change.rules.first()?));
                Some(plan::Undo::new(made, again.run))
            });
            let undo: Vec<plan::Undo> = undo.collect();
            if undo.is_empty() { step } else { step.undo(undo) }
        };
        steps.into_iter().map(back).collect()
    }

    pub fn rule_fact(&self, rule: &Rule) -> Fact {
        Fact::Rule { backend: self.backend, rule: rule.clone() }
    }

    /// The steps that add the rules, and what has to be around those that stand.
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
