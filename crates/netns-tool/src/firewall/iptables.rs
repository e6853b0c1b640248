//! The backend of `iptables` and `ip6tables`, whichever variant they are: rules spelled as words, read back from
//! `iptables-save`, and changed by one atomic `iptables-restore --noflush` for each table.
//!
//! In each table netns-tool has a chain of its own, into which a chain of everybody leads first of all.

mod words;

use super::rule::{Chain, Hook, Rule, Table, Verdict};
use super::{Change, Found};
use crate::family::Family;
use crate::mark;
use crate::plan::{Cmd, Fact, Step, Tool, Undo};
use std::collections::HashSet;
use std::sync::Arc;
use words::{Line, parse, quote};

pub use words::{spell, split, table_name};

/// The name of our own chain, in either table.
pub const CHAIN: &str = "NETNS-TOOL";

const TABLES: [Table; 2] = [Table::Filter, Table::Nat];

/// How long a command waits for the firewall's own lock, in seconds.
const LOCK_SECONDS: &str = "5";

/// What `iptables-save` printed: the tables of one family.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// The tables that were printed whole: begun and committed.
    pub tables: Vec<String>,
    /// The chains, with their tables.
    pub chains: HashSet<(String, String)>,
    /// The rules as they were printed, with their tables.
    lines: Vec<(Arc<str>, String)>,
    pub text: String,
}

impl Saved {
    /// Reads what `iptables-save` printed. Lines that are not rules, and rules that cannot be split, are passed over.
    pub fn parse(text: &str) -> Self {
        let mut saved = Self { text: text.to_owned(), ..Self::default() };
        let mut table: Arc<str> = "".into();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = name.into();
            } else if let Some(chain) = line.strip_prefix(':') {
                let name = chain.split(' ').next().unwrap_or_default();
                saved.chains.insert((table.to_string(), name.to_owned()));
            } else if let Some(rule) = line.strip_prefix("-A ") {
                saved.lines.push((Arc::clone(&table), rule.to_owned()));
            } else if line == "COMMIT" {
                saved.tables.push(table.to_string());
                table = "".into();
            }
        }
        saved
    }

    /// The rules in it that netns-tool could have written.
    pub fn rules(&self, family: Family) -> impl Iterator<Item = Rule> {
        let split = |(table, rule): &(Arc<str>, String)| {
            let mut words = split(rule)?;
            let chain = (!words.is_empty()).then(|| words.remove(0))?;
            Some(Line { table: table.to_string(), chain, words })
        };
        self.lines.iter().filter_map(split).filter_map(move |line| parse(family, &line))
    }

    /// The lines of its rules, each as [`printed`] has it.
    pub fn printed(&self) -> impl Iterator<Item = String> {
        self.lines.iter().map(|(table, rule)| format!("{table} {rule}"))
    }

    /// Takes the rule for one that is there.
    pub fn note(&mut self, rule: &Rule) {
        self.lines.push((table_name(rule.table()).into(), written(rule)));
    }

    /// Takes the rule for one that is gone.
    pub fn note_gone(&mut self, rule: &Rule) {
        let (table, text) = (table_name(rule.table()), written(rule));
        self.lines.retain(|(of, line)| &**of != table || *line != text);
    }

    pub fn note_chain_gone(&mut self, table: Table) {
        self.chains.remove(&(table_name(table).to_owned(), CHAIN.to_owned()));
    }

    /// The same for our own chain.
    pub fn note_chain(&mut self, table: Table) {
        self.chains.insert((table_name(table).to_owned(), CHAIN.to_owned()));
    }

    pub fn has_chain(&self, table: Table) -> bool {
        self.chains.contains(&(table_name(table).to_owned(), CHAIN.to_owned()))
    }

    /// Where our chain for forwarded packets is to be called: first of all, which is in Docker's chain for the rules of
    /// others, where that is asked first.
    fn forward_hook(&self) -> Hook {
        let mut forward = self.of_chain(Table::Filter, "FORWARD");
        let is_docker = forward.next().is_some_and(|rule| rule == "-j DOCKER-USER");
        if is_docker { Hook::DockerUser } else { Hook::Forward }
    }

    /// How many rules, whoever made them, are in our own chain.
    fn inside(&self, table: Table) -> usize {
        self.of_chain(table, CHAIN).count()
    }

    /// The rules of a chain, as they were printed.
    fn of_chain(&self, table: Table, chain: &str) -> impl Iterator<Item = &str> {
        let of_table = self.lines.iter().filter(move |(of, _)| &**of == table_name(table));
        of_table.filter_map(move |(_, rule)| rule.strip_prefix(chain)?.strip_prefix(' '))
    }
}

/// The steps that add the rules which are not there yet: one for each family and table.
pub fn add(saved: &[(Family, Saved)], change: &Change) -> Vec<Step> {
    let mut steps = Vec::new();
    for (family, saved) in saved {
        for table in TABLES {
            steps.extend(add_to_table(*family, table, saved, change));
        }
    }
    steps
}

fn add_to_table(family: Family, table: Table, saved: &Saved, change: &Change) -> Option<Step> {
    let rules: Vec<Rule> = change.rules_of(family, table).cloned().collect();
    let needs_chain = saved.inside(table) > 0 || rules.iter().any(Rule::is_inside);
    let makes_chain = needs_chain && !saved.has_chain(table);
    let mut all = if needs_chain { missing_jumps(family, table, saved) } else { Vec::new() };
    // What is put first comes in reverse, so that it ends up in order.
    let (last, first): (Vec<Rule>, Vec<Rule>) = rules.into_iter().partition(Rule::comes_last);
    all.extend(first.into_iter().rev());
    all.extend(last);
    if all.is_empty() {
        return None;
    }
    let spelled: Vec<String> = all.iter().map(written).collect();
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    add.extend(makes_chain.then(|| format!("-N {CHAIN}")));
    for (rule, words) in all.iter().zip(&spelled) {
        let verb = if rule.comes_last() { "-A" } else { "-I" };
        add.push(format!("{verb} {words}"));
        remove.push(format!("-D {words}"));
    }
    remove.extend(makes_chain.then(|| format!("-X {CHAIN}")));
    let mut gives: Vec<Fact> = all.into_iter().map(rule_fact).collect();
    let undo = Undo::new(gives.last()?.clone(), command(family, table, remove));
    gives.extend(makes_chain.then_some(Fact::Chain { family, table }));
    let run = command(family, table, add);
    Some(Step::new(change.step_why(family, table), run).gives(gives).undo([undo]))
}

/// What removes these rules and, where it is among them, our own chain: all of one family and table.
pub fn take_back(facts: &[Fact]) -> Option<Cmd> {
    let mut place = None;
    let mut lines = Vec::new();
    let mut chain = None;
    for fact in facts {
        match fact {
            Fact::Rule { backend: super::Backend::Iptables, rule } => {
                place = Some((rule.family, rule.table()));
                lines.push(format!("-D {}", written(rule)));
            }
            Fact::Chain { family, table } => {
                place = Some((*family, *table));
                chain = Some(format!("-X {CHAIN}"));
            }
            _ => {}
        }
    }
    let (family, table) = place?;
    Some(command(family, table, lines.into_iter().chain(chain).collect()))
}

/// The steps that remove the rules, one for each family and table; our own chain goes with the last rule in it.
pub fn remove(saved: &[(Family, Saved)], change: &Change) -> Vec<Step> {
    let mut steps = Vec::new();
    let is_own = |rule: &Rule| rule.is_ours() && rule.verdict != Verdict::Jump;
    let mut own = saved.iter().flat_map(|(family, saved)| saved.rules(*family)).filter(is_own);
    // Where somebody has flushed a table, our chain may stand there without a rule.
    let doomed: HashSet<&Rule> = change.rules.iter().collect();
    let is_last = own.all(|rule| doomed.contains(&rule));
    for (family, saved) in saved {
        // Those by which a published port is known go last: a removal that is cut short can be finished.
        for table in TABLES {
            let mut rules: Vec<Rule> = change.rules_of(*family, table).cloned().collect();
            let inside = rules.iter().filter(|rule| rule.is_inside()).count();
            let removes_chain =
                saved.has_chain(table) && inside == saved.inside(table) && (inside > 0 || is_last);
            if rules.is_empty() && !removes_chain {
                continue;
            }
            if removes_chain {
                let jumps = saved.rules(*family).filter(|rule| rule.verdict == Verdict::Jump);
                rules.extend(jumps.filter(|rule| rule.table() == table));
            }
            let mut lines: Vec<String> =
                rules.iter().map(|rule| format!("-D {}", written(rule))).collect();
            lines.extend(removes_chain.then(|| format!("-X {CHAIN}")));
            let mut gives: Vec<Fact> =
                rules.iter().map(|rule| Fact::not(rule_fact(rule.clone()))).collect();
            let chain = Fact::Chain { family: *family, table };
            gives.extend(removes_chain.then(|| Fact::not(chain)));
            let run = command(*family, table, lines);
            steps.push(Step::new(change.step_why(*family, table), run).gives(gives));
        }
    }
    steps
}

fn rule_fact(rule: Rule) -> Fact {
    Fact::Rule { backend: super::Backend::Iptables, rule }
}

/// The rules that lead into our own chain of the table, as far as they are missing.
fn missing_jumps(family: Family, table: Table, saved: &Saved) -> Vec<Rule> {
    let there: Vec<Rule> = saved.rules(family).collect();
    let is_there = |hooks: &[Hook]| {
        there.iter().any(|rule| matches!(rule.chain, Chain::Hook(hook) if hooks.contains(&hook)))
    };
    let hooks = match table {
        Table::Filter if is_there(&[Hook::Forward, Hook::DockerUser]) => vec![],
        Table::Filter => vec![saved.forward_hook()],
        Table::Nat => vec![Hook::Prerouting, Hook::Output],
    };
    let missing = hooks.into_iter().filter(|hook| table == Table::Filter || !is_there(&[*hook]));
    missing.map(|hook| Rule::new(family, Chain::Hook(hook), Verdict::Jump, mark::ALIAS)).collect()
}

/// Whether our own chains of the family that have rules are led into.
pub fn is_asked(saved: &[(Family, Saved)], family: Family) -> bool {
    let of_family = saved.iter().filter(|(of, _)| *of == family);
    let mut tables = of_family.flat_map(|(_, saved)| TABLES.map(|table| (saved, table)));
    tables.all(|(saved, table)| {
        saved.inside(table) == 0 || missing_jumps(family, table, saved).is_empty()
    })
}

/// Asks for one rule: exit status 0 if it is there, 1 if not.
pub fn check(rule: &Rule) -> Cmd {
    change_one("-C", rule)
}

/// Asks for our own chain: exit status 0 if it is there, 1 if not.
pub fn check_chain(family: Family, table: Table) -> Cmd {
    single(family, table, &format!("-S {CHAIN}"))
}

/// The lines in one call; a single one as it is typed.
fn command(family: Family, table: Table, lines: Vec<String>) -> Cmd {
    if let [line] = &lines[..] {
        return single(family, table, line);
    }
    let tool = match family {
        Family::V4 => Tool::IptablesRestore,
        Family::V6 => Tool::Ip6tablesRestore,
    };
    let text = format!("*{}\n{}\nCOMMIT\n", table_name(table), lines.join("\n"));
    Cmd::run(tool, ["--noflush", "-w", LOCK_SECONDS]).reading(text)
}

fn single(family: Family, table: Table, line: &str) -> Cmd {
    run_one(family, table, shlex::split(line).unwrap_or_default())
}

/// The same for one rule, whose words need not be put together first.
fn change_one(verb: &str, rule: &Rule) -> Cmd {
    let Line { chain, words, .. } = spell(rule);
    let words = [verb.to_owned(), chain].into_iter().chain(words).collect();
    run_one(rule.family, rule.table(), words)
}

fn run_one(family: Family, table: Table, words: Vec<String>) -> Cmd {
    let tool = match family {
        Family::V4 => Tool::Iptables,
        Family::V6 => Tool::Ip6tables,
    };
    let lead = ["-w", LOCK_SECONDS, "-t", table_name(table)].map(str::to_owned);
    Cmd::run(tool, lead.into_iter().chain(words))
}

/// The chain and the words of a rule, as `iptables-restore` reads and `iptables-save` prints them.
fn written(rule: &Rule) -> String {
    let Line { chain: mut text, words, .. } = spell(rule);
    for word in &words {
        text.push(' ');
        text.push_str(&quote(word));
    }
    text
}

/// The same with the table before it.
pub fn printed(rule: &Rule) -> String {
    format!("{} {}", table_name(rule.table()), written(rule))
}

/// What the backend has to say of a listing, for all.
pub fn found(saved: &[(Family, Saved)]) -> Vec<Found> {
    let of_family = |(family, saved): &(Family, Saved)| saved.rules(*family).collect::<Vec<_>>();
    saved.iter().flat_map(of_family).map(|rule| Found { rule, handle: None }).collect()
}
