//! The report in the Test Anything Protocol, version 14 (testanything.org).

use super::{Report, words};

pub fn print(report: &Report) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", report.verdicts.len());
    for (index, verdict) in report.verdicts.iter().enumerate() {
        let name =
            format!("{} {}", words::way(verdict.expectation), words::question(verdict.expectation));
        // In a name these would begin a directive.
        let name = name.replace('\\', "\\\\").replace('#', "\\#");
        let word = if verdict.fault.is_some() { "not ok" } else { "ok" };
        text += &format!("{word} {} - {name}\n", index + 1);
        let Some(fault) = &verdict.fault else { continue };
        let why = fault.why.as_ref();
        let rows = [
            ("message", Some(&fault.what)),
            ("why", why.map(|why| &why.what)),
            ("try", why.and_then(|why| why.hint.as_ref())),
        ];
        text += "  ---\n";
        for (key, value) in rows {
            // A string of JSON is one of YAML.
            let value = value.and_then(|value| serde_json::to_string(value).ok());
            text.extend(value.map(|value| format!("  {key}: {value}\n")));
        }
        let file = serde_json::to_string(&report.lab.file.to_string_lossy()).unwrap_or_default();
        text += &format!("  file: {file}\n  line: {}\n  ...\n", verdict.expectation.line);
    }
    if let Some(matrix) = &report.matrix {
        text.extend(matrix.table(false).lines().map(|line| format!("# {line}\n")));
    }
    text
}
