//! The IPv4 firewall: its rules as data, the commands that add and remove them, and the listing read back.

use crate::mark;
use crate::plan::{Cmd, Fact, Rule, Step, Tool, Undo};

/// How long a command waits for the firewall's own lock, in seconds.
const LOCK_SECONDS: &str = "5";

impl Rule {
    /// A rule from its words separated by single spaces, marked with the comment.
    pub fn new(table: &str, chain: &str, matches: &str, comment: &str, target: &str) -> Self {
        let mut words: Vec<String> = matches.split(' ').map(str::to_owned).collect();
        words.extend(["-m", "comment", "--comment", comment, "-j", target].map(str::to_owned));
        Self { table: table.to_owned(), chain: chain.to_owned(), words }
    }

    /// The comment of the rule, if it has one.
    pub fn comment(&self) -> Option<&str> {
        let at = self.words.iter().position(|word| word == "--comment")?;
        self.words.get(at + 1).map(String::as_str)
    }

    /// Whether netns-tool made it.
    pub fn is_ours(&self) -> bool {
        mark::is_ours(self.comment())
    }

    /// What the rule does, whoever made it.
    pub fn without_comment(&self) -> (&str, &str, Vec<&str>) {
        let mut words: Vec<_> = self.words.iter().map(String::as_str).collect();
        if let Some(at) = words.windows(3).position(|three| three[..2] == ["comment", "--comment"])
        {
            words.drain(at.saturating_sub(1)..at + 3);
        }
        (&self.table, &self.chain, words)
    }
}

/// Where in its chain a rule is put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Before all others, so that nobody's DROP comes first; of several, the last one given ends up first.
    First,
    Last,
}

/// Adds the rules, all of one table, in one atomic call.
pub fn add(why: &str, rules: &[Rule], position: Position) -> Step {
    let verb = if position == Position::First { "-I" } else { "-A" };
    Step {
        why: why.to_owned(),
        run: change(verb, rules),
        gives: rules.iter().cloned().map(Fact::Rule).collect(),
        // Each by itself: one that somebody has removed meanwhile must not keep the others.
        undo: rules
            .iter()
            .rev()
            .map(|rule| Undo::new(Fact::Rule(rule.clone()), change_one("-D", rule)))
            .collect(),
    }
}

/// Removes the rules, all of one table, in one atomic call.
pub fn remove(why: &str, rules: &[Rule]) -> Step {
    Step {
        why: why.to_owned(),
        run: change("-D", rules),
        gives: rules.iter().cloned().map(|rule| Fact::not(Fact::Rule(rule))).collect(),
        undo: vec![],
    }
}

/// Asks for one rule: exit status 0 if it is there, 1 if not.
pub fn check(rule: &Rule) -> Cmd {
    change_one("-C", rule)
}

fn change(verb: &str, rules: &[Rule]) -> Cmd {
    if let [rule] = rules {
        return change_one(verb, rule);
    }
    let mut text = format!("*{}\n", rules.first().map_or("filter", |rule| &rule.table));
    for rule in rules {
        let words: Vec<_> = rule.words.iter().map(|word| quote(word)).collect();
        text.push_str(&format!("{verb} {} {}\n", rule.chain, words.join(" ")));
    }
    text.push_str("COMMIT\n");
    let args = ["--noflush", "-w", LOCK_SECONDS].map(str::to_owned).to_vec();
    Cmd::Run { netns: None, tool: Tool::IptablesRestore, args, stdin: Some(text) }
}

fn change_one(verb: &str, rule: &Rule) -> Cmd {
    let lead = ["-w", LOCK_SECONDS, "-t", &rule.table, verb, &rule.chain];
    let args = lead.into_iter().map(str::to_owned).chain(rule.words.iter().cloned()).collect();
    Cmd::Run { netns: None, tool: Tool::Iptables, args, stdin: None }
}

/// A word as iptables-restore reads it back.
fn quote(word: &str) -> String {
    let is_plain = !word.is_empty() && !word.contains([' ', '"', '\'', '\\', '\t', '\n']);
    if is_plain {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// Reads what `iptables-save` printed. Lines that are not rules, and rules that cannot be split, are passed over.
pub fn parse_save(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut table = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some(rule) = line.strip_prefix("-A ") {
            let Some(mut words) = shlex::split(rule) else { continue };
            if !words.is_empty() {
                let chain = words.remove(0);
                rules.push(Rule { table: table.to_owned(), chain, words });
            }
        }
    }
    rules
}

/// The tables that a listing of `iptables-save` has, whole: begun and committed.
pub fn saved_tables(text: &str) -> Vec<&str> {
    let mut tables = Vec::new();
    let mut begun = None;
    for line in text.lines() {
        match line.strip_prefix('*') {
            Some(table) => begun = Some(table),
            None if line == "COMMIT" => tables.extend(begun.take()),
            None => {}
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "# Generated by iptables-save\n*filter\n:FORWARD DROP [3:4]\n\
        -A FORWARD -i br0 -o eth0 -m comment --comment \"netns-tool nat br0 eth0\" -j ACCEPT\nCOMMIT\n*nat\n:POSTROUTING";

    #[test]
    fn a_listing_reads_back_as_the_rules_that_were_added() {
        let rule =
            Rule::new("filter", "FORWARD", "-i br0 -o eth0", "netns-tool nat br0 eth0", "ACCEPT");
        assert_eq!(parse_save(SAVED), std::slice::from_ref(&rule));
        assert!(rule.is_ours());
        assert_eq!(
            rule.without_comment(),
            ("filter", "FORWARD", vec!["-i", "br0", "-o", "eth0", "-j", "ACCEPT"])
        );
        assert_eq!(saved_tables(SAVED), ["filter"], "a table that was cut off does not count");
    }

    #[test]
    fn one_rule_is_a_plain_command_and_several_are_one_call() {
        let rule =
            Rule::new("nat", "POSTROUTING", "-s 10.0.0.0/24 -o eth0", "netns-tool x", "MASQUERADE");
        let one = add("why", std::slice::from_ref(&rule), Position::Last);
        assert_eq!(
            one.run.to_string(),
            "iptables -w 5 -t nat -A POSTROUTING -s 10.0.0.0/24 -o eth0 -m comment --comment 'netns-tool x' -j MASQUERADE"
        );
        let two = remove("why", &[rule.clone(), rule]);
        assert_eq!(
            two.run.to_string(),
            "iptables-restore --noflush -w 5 <<'END'\n*nat\n\
             -D POSTROUTING -s 10.0.0.0/24 -o eth0 -m comment --comment \"netns-tool x\" -j MASQUERADE\n\
             -D POSTROUTING -s 10.0.0.0/24 -o eth0 -m comment --comment \"netns-tool x\" -j MASQUERADE\nCOMMIT\nEND"
        );
    }
}
