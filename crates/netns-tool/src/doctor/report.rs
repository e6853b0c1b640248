//! The report, for people and for programs.

use super::finding::{Finding, Section, Severity, Topic};
use crate::color::{Color, paint};
use crate::failure::{count, printable};
use crate::lab;
use crate::suggest::one_line;
use serde::Serialize;

#[derive(Serialize)]
struct Told<'a> {
    broken: usize,
    warnings: usize,
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    topic: Topic,
    #[serde(flatten)]
    finding: &'a Finding,
}

pub fn json(sections: &[Section]) -> String {
    let of = |section: &'_ Section| section.topic;
    let findings = sections.iter().flat_map(|section| {
        section.findings.iter().map(move |finding| Entry { topic: of(section), finding })
    });
    lab::json(&Told {
        broken: total(sections, Severity::Broken),
        warnings: total(sections, Severity::Warning),
        findings: findings.collect(),
    })
}

/// A heading for each topic, a line for each finding, and below it why it matters and what to type. With `is_brief` only
/// what is broken, and warnings.
pub fn text(sections: &[Section], is_brief: bool, is_colored: bool) -> String {
    let mut text = String::new();
    for section in sections {
        let is_shown = |finding: &&Finding| !is_brief || finding.severity >= Severity::Warning;
        let shown: Vec<&Finding> = section.findings.iter().filter(is_shown).collect();
        if shown.is_empty() {
            continue;
        }
        text += &format!("{}\n", section.topic.title());
        text.extend(shown.into_iter().map(|finding| lines(finding, is_colored)));
    }
    if !(is_brief && text.is_empty()) {
        let counts = [Severity::Broken, Severity::Warning].map(|of| total(sections, of));
        let of_rights = sections.iter().filter(|section| section.topic == Topic::Rights);
        let is_partial = of_rights.map(|section| section.count(Severity::Ok)).sum::<usize>() == 0;
        text += &summary(counts, is_partial);
    }
    text
}

fn lines(finding: &Finding, is_colored: bool) -> String {
    let (word, color) = match finding.severity {
        Severity::Ok => ("ok", Some(Color::Green)),
        Severity::Note => ("note", None),
        Severity::Warning => ("warning", Some(Color::Yellow)),
        Severity::Broken => ("broken", Some(Color::Red)),
    };
    let word = format!("{word:7}");
    let word = paint(&word, color, is_colored);
    let mut lines = format!("  {word}  {}\n", one_line(&finding.what));
    let why = finding.why.iter().map(|why| format!("           why: {}\n", one_line(why)));
    lines.extend(why);
    let cures = finding.cures.iter();
    lines.extend(cures.map(|cure| format!("           try: {}\n", printable(cure))));
    lines
}

fn total(sections: &[Section], severity: Severity) -> usize {
    sections.iter().map(|section| section.count(severity)).sum()
}

/// `is_partial`: not all could be examined.
fn summary([broken, warnings]: [usize; 2], is_partial: bool) -> String {
    let broken = match broken {
        0 if is_partial => {
            "Nothing will break, as far as can be seen without root's rights".to_owned()
        }
        0 => "Nothing will break".to_owned(),
        _ => format!("{} will break", count(broken, "thing")),
    };
    match warnings {
        0 => format!("{broken}\n"),
        _ => format!("{broken}; {}\n", count(warnings, "warning")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections() -> Vec<Section> {
        let broken = Finding::broken("ip", "`ip` is not there", "it does it all");
        let findings = vec![
            Finding::ok("nft", "nft 1"),
            broken.cure("apt-get install iproute2"),
            Finding::note("ping", "\u{1b}[31m", "one\ntwo"),
        ];
        vec![Section { topic: Topic::Tools, findings }]
    }

    #[test]
    fn a_report_says_what_why_and_how_it_is_cured() {
        let expected = "Tools\n  ok       nft 1\n  broken   `ip` is not there\n           \
            why: it does it all\n           try: apt-get install iproute2\n  \
            note     \\u{1b}[31m\n           why: one\\ntwo\n1 thing will break\n";
        assert_eq!(text(&sections(), false, false), expected);
        assert!(!text(&sections(), true, false).contains("nft"));
        assert!(text(&sections(), true, true).contains("\u{1b}[1;31mbroken \u{1b}[0m"));
        assert_eq!(text(&[], true, false), "");
        assert_eq!(summary([0, 2], false), "Nothing will break; 2 warnings\n");
        assert!(summary([0, 0], true).contains("as far as can be seen"));
    }

    #[test]
    fn json_has_a_flat_list() {
        let all: serde_json::Value = serde_json::from_str(&json(&sections())).unwrap();
        assert_eq!((&all["broken"], &all["warnings"]), (&1.into(), &0.into()));
        assert_eq!(all["findings"][1]["topic"], "tools");
        assert_eq!(all["findings"][1]["severity"], "broken");
        assert_eq!(all["findings"][1]["try"][0], "apt-get install iproute2");
    }
}
