//! What an examination finds.

use crate::failure::Failure;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know; no harm in itself.
    Note,
    /// Something may fail because of it.
    Warning,
    /// Something will fail because of it.
    Broken,
}

/// What was examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    Rights,
    Tools,
    Kernel,
    Forwarding,
    Firewall,
    Managers,
    Namespaces,
    Leftovers,
    Lab,
}

impl Topic {
    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rights => "Rights",
            Self::Tools => "Tools",
            Self::Kernel => "Kernel",
            Self::Forwarding => "Forwarding",
            Self::Firewall => "Firewall",
            Self::Managers => "Programs that manage interfaces",
            Self::Namespaces => "Namespaces",
            Self::Leftovers => "Leftovers",
            Self::Lab => "Lab",
        }
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was examined; the same in every version.
    pub check: &'static str,
    pub severity: Severity,
    pub what: String,
    /// Why it matters.
    pub why: Option<String>,
    /// What to type, one command each; what cannot be typed stands in `why`.
    #[serde(rename = "try")]
    pub cures: Vec<String>,
}

impl Finding {
    fn new(check: &'static str, severity: Severity, what: String, why: Option<&str>) -> Self {
        Self { check, severity, what, why: why.map(str::to_owned), cures: Vec::new() }
    }

    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, what.into(), None)
    }

    pub fn note(check: &'static str, what: impl Into<String>, why: &str) -> Self {
        Self::new(check, Severity::Note, what.into(), Some(why))
    }

    pub fn warning(check: &'static str, what: impl Into<String>, why: &str) -> Self {
        Self::new(check, Severity::Warning, what.into(), Some(why))
    }

    pub fn broken(check: &'static str, what: impl Into<String>, why: &str) -> Self {
        Self::new(check, Severity::Broken, what.into(), Some(why))
    }

    /// Adds a command that cures it.
    pub fn cure(mut self, command: impl Into<String>) -> Self {
        self.cures.push(command.into());
        self
    }

    pub fn cures(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        self.cures.extend(commands);
        self
    }

    /// Adds what a failure says is to be done.
    pub fn advised(mut self, failure: &Failure) -> Self {
        let (commands, sentences): (Vec<&str>, Vec<&str>) =
            failure.tries().partition(|text| is_command(text));
        for sentence in sentences {
            let why = self.why.take().map(|why| why + "; ").unwrap_or_default();
            self.why = Some(format!("{why}what helps: {sentence}"));
        }
        self.cures(commands.into_iter().map(str::to_owned))
    }
}

/// Whether the hint of a failure can be typed as it is: many are sentences, or begin with a command and go on with another.
fn is_command(hint: &str) -> bool {
    const PROGRAMS: [&str; 14] = [
        "apt-get",
        "chmod",
        "chown",
        "echo",
        "ip",
        "iptables",
        "kill",
        "modprobe",
        "netns-tool",
        "nft",
        "rm",
        "sudo",
        "sysctl",
        "umount",
    ];
    let first = hint.split(' ').next().unwrap_or_default();
    PROGRAMS.contains(&first) && ![", ", "; or", " ("].iter().any(|part| hint.contains(part))
}

/// What was found under one heading.
pub struct Section {
    pub topic: Topic,
    pub findings: Vec<Finding>,
}

impl Section {
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::failed;

    #[test]
    fn what_cannot_be_typed_is_a_reason() {
        let failure = failed("no")
            .hint("another subnet in the lab's file")
            .hint("netns-tool delete a, and netns-tool create a")
            .hint("ip route del 10.0.0.0/8");
        let found = Finding::broken("x", "it is so", "it matters").advised(&failure);
        assert_eq!(found.cures, ["ip route del 10.0.0.0/8"]);
        assert_eq!(
            found.why.as_deref(),
            Some(
                "it matters; what helps: another subnet in the lab's file; \
                 what helps: netns-tool delete a, and netns-tool create a"
            )
        );
    }
}
