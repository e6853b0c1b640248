//! What an examination finds.

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
    /// What to type, one command each.
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
