//! The report for people.

use super::{Report, Verdict, words};
use crate::color::{Color, paint};
use crate::failure::printable;
use crate::probe::Outcome;
use std::collections::BTreeSet;

/// A line for each expectation, and below one that does not hold why. With `is_brief`, those that hold are left out.
pub fn print(report: &Report, is_brief: bool, is_colored: bool) -> String {
    let is_shown = |verdict: &&Verdict| !is_brief || verdict.fault.is_some();
    let shown: Vec<&Verdict> = report.verdicts.iter().filter(is_shown).collect();
    let columns: Vec<[String; 2]> = shown
        .iter()
        .map(|verdict| [words::way(verdict.expectation), words::question(verdict.expectation)])
        .collect();
    let width = |column: usize| {
        columns.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let (way_width, question_width) = (width(0), width(1));
    let mut text = String::new();
    let mut told = BTreeSet::new();
    for (verdict, [way, question]) in shown.iter().zip(&columns) {
        let (word, color) = match verdict.fault {
            Some(_) => ("FAILED", Color::Red),
            None => ("ok    ", Color::Green),
        };
        let word = paint(word, color, is_colored);
        let outcome = words::outcome(verdict);
        let rest = format!("{way:way_width$}  {question:question_width$}  {outcome}");
        text += &format!("{word}  {}\n", printable(&rest));
        let why = verdict.fault.as_ref().and_then(|fault| fault.why.as_ref());
        // What is missing is missing for all.
        let is_for_all = matches!(verdict.outcome, Outcome::NotAsked(_));
        if let Some(why) = why.filter(|why| !is_for_all || told.insert(*why)) {
            text += &format!("        why: {}\n", printable(&why.what));
            let hints = why.hint.iter();
            text.extend(hints.map(|hint| format!("        try: {}\n", printable(hint))));
        }
    }
    if !report.verdicts.is_empty() {
        text += &summary(report);
    }
    if let Some(matrix) = report.matrix.as_ref().filter(|_| !is_brief) {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &matrix.table(is_colored);
    }
    text
}

fn summary(report: &Report) -> String {
    let (all, failed) = (report.verdicts.len(), report.failed());
    match (all, failed) {
        (1, 0) => "The expectation holds\n".to_owned(),
        (_, 0) => format!("All {all} expectations hold\n"),
        (1, _) => "The expectation does not hold\n".to_owned(),
        _ => format!(
            "{failed} of {all} expectations {} not hold\n",
            if failed == 1 { "does" } else { "do" }
        ),
    }
}
