//! Whether a lab is up.

use super::model::Lab;
use super::obsolete::{links_of, namespaces_of};
use super::record;
use crate::failure::{Failure, failed};
use crate::kernel::Snapshot;
use crate::mark::LabName;
use std::collections::BTreeSet;

/// The lab is up, under its own name.
///
/// # Errors
/// It is not, or under another name only.
pub fn require_up(lab: &Lab, facts: &Snapshot) -> Result<(), Failure> {
    if !namespaces_of(&lab.name, facts).is_empty() || !links_of(&lab.name, facts).is_empty() {
        return Ok(());
    }
    let is_its = |marked: &record::Marked| marked.file.as_ref() == Some(&lab.file);
    let names: BTreeSet<LabName> =
        record::marked(facts).filter(is_its).map(|marked| marked.lab).collect();
    let not_up = failed(format!("lab `{}` is not up", lab.name));
    let file = crate::plan::quote_all([&lab.file]);
    Err(match names.first() {
        Some(other) => not_up
            .note("reason", format!("its file is up under another name: `{other}`"))
            .hint(format!("the same command with --name {other}")),
        None => not_up.hint(format!("netns-tool up {file}")),
    })
}
