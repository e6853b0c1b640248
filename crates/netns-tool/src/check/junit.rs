//! The report as XML of JUnit, as CI services read it.

use super::{Report, Verdict, words};
use crate::failure::{printable, printable_word};
use anyhow::{Context, Result};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use std::io;

/// # Errors
/// It cannot be written, which memory alone can be a reason for.
pub fn print(report: &Report) -> Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let counts = [report.verdicts.len(), report.failed()].map(|count| count.to_string());
    let lab = report.lab.name.as_str();
    let totals = [("tests", counts[0].as_str()), ("failures", counts[1].as_str())];
    let suites = writer.create_element("testsuites").with_attributes(totals);
    suites.write_inner_content(|writer| {
        let suite = writer.create_element("testsuite").with_attribute(("name", lab));
        suite.with_attributes(totals).write_inner_content(|writer| {
            report.verdicts.iter().try_for_each(|verdict| case(writer, report, verdict))?;
            if let Some(matrix) = &report.matrix {
                let out = writer.create_element("system-out");
                out.write_text_content(BytesText::new(&matrix.table(false)))?;
            }
            Ok(())
        })?;
        Ok(())
    })?;
    let xml = String::from_utf8(writer.into_inner()).context("the report is no text")?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n"))
}

fn case(writer: &mut Writer<Vec<u8>>, report: &Report, verdict: &Verdict) -> io::Result<()> {
    let expectation = verdict.expectation;
    let name = format!("{} {}", words::way(expectation), words::question(expectation));
    let (file, line) = (printable_word(report.lab.file.as_os_str()), expectation.line.to_string());
    let time = verdict.rtt.map(|rtt| format!("{:.6}", rtt.as_secs_f64())).unwrap_or("0".to_owned());
    let case = writer.create_element("testcase").with_attributes([
        ("name", name.as_str()),
        ("classname", report.lab.name.as_str()),
        ("file", &file),
        ("line", &line),
        ("time", &time),
    ]);
    let Some(fault) = &verdict.fault else {
        case.write_empty()?;
        return Ok(());
    };
    case.write_inner_content(|writer| {
        let why = fault.why.as_ref();
        let text = [
            why.map(|why| format!("why: {}", why.what)),
            why.and_then(|why| Some(format!("try: {}", why.hint.as_ref()?))),
        ];
        let text: Vec<String> = text.into_iter().flatten().collect();
        let failure = writer.create_element("failure");
        let failure = failure.with_attribute(("message", printable(&fault.what).as_str()));
        failure.write_text_content(BytesText::new(&printable(&text.join("\n"))))?;
        Ok(())
    })?;
    Ok(())
}
