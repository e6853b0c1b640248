//! The verdict: what the console says, against the checks that there are.

use super::machine::Console;

pub struct Report {
    pub passed: usize,
    failed: Vec<String>,
    missing: Vec<String>,
    /// The script came to its last line.
    ended: bool,
}

impl Report {
    /// `script` is the text of the checks.
    pub fn of(lines: &[String], script: &str) -> Self {
        let names: Vec<&str> = names(script).collect();
        let passed = |name: &str| lines.iter().any(|line| line.strip_prefix("ok ") == Some(name));
        let failed: Vec<String> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("not ok ")?.split(':').next())
            .map(str::to_owned)
            .collect();
        let told = |name: &str| failed.iter().any(|failed| failed == name);
        let missing = names.iter().filter(|name| !passed(name) && !told(name));
        Self {
            passed: names.iter().filter(|name| passed(name) && !told(name)).count(),
            missing: missing.map(|name| (*name).to_owned()).collect(),
            failed,
            ended: lines.iter().any(|line| line == END),
        }
    }

    /// Whether the console may tell what the script could not.
    pub fn is_cut_short(&self) -> bool {
        !self.ended || !self.missing.is_empty()
    }

    /// What is wrong, if something is.
    pub fn failure(&self, console: &Console) -> Option<String> {
        let mut wrong = vec![];
        if let Some(limit) = console.hung {
            wrong.push(format!("it did not end within {} s", limit.as_secs()));
        }
        if !self.failed.is_empty() {
            wrong.push(format!("failed: {}", self.failed.join(", ")));
        }
        if !self.missing.is_empty() {
            wrong.push(format!("never reported: {}", self.missing.join(", ")));
        }
        if !self.ended && wrong.is_empty() {
            wrong.push("the checks did not come to their end".to_owned());
        }
        if self.passed == 0 && wrong.is_empty() {
            wrong.push("there was no check".to_owned());
        }
        (!wrong.is_empty()).then(|| {
            format!("in the virtual machine, {} checks passed; {}", self.passed, wrong.join("; "))
        })
    }
}

/// The last line of the script says it.
const END: &str = "end of the checks";

/// The checks, in order: the lines `check NAME` of the script.
fn names(script: &str) -> impl Iterator<Item = &str> {
    script.lines().filter_map(|line| line.strip_prefix("check ")).map(str::trim)
}

/// A line for the one who watches: a verdict, or the script's own remarks on it.
pub fn is_result(line: &str) -> bool {
    ["ok ", "not ok ", "# "].iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::guest::CHECKS;

    const SCRIPT: &str = "check() {\n}\ncheck one\ncheck two\n";

    fn verdict(lines: &[&str], hung: Option<u64>) -> (usize, Option<String>) {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let report = Report::of(&lines, SCRIPT);
        let hung = hung.map(std::time::Duration::from_secs);
        (report.passed, report.failure(&Console { lines, hung }))
    }

    #[test]
    fn all_checks_and_the_end_are_a_success() {
        assert_eq!(verdict(&["boot", "ok one", "ok two", END], None), (2, None));
    }

    #[test]
    fn everything_else_is_a_failure_that_says_what() {
        for (lines, hung, part) in [
            (&["ok one", "not ok two: no bridge", END][..], None, "failed: two"),
            (&["ok one", "ok two", "not ok one: twice", END], None, "failed: one"),
            (&["ok one", END], None, "never reported: two"),
            (&["ok one", "ok two"], None, "did not come to their end"),
            (&["ok one", "ok two", END], Some(180), "did not end within 180 s"),
            (&[], None, "never reported: one, two"),
        ] {
            let reason = verdict(lines, hung).1.unwrap();
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn every_check_of_the_script_is_a_function_of_its_own() {
        let mut all: Vec<&str> = names(CHECKS).collect();
        assert!(all.len() > 10 && CHECKS.ends_with(&format!("\necho {END}\n")));
        for name in &all {
            assert!(CHECKS.contains(&format!("\n{name}() {{\n")), "{name}");
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
