//! Namespaces that the lab should have and has not: nobody there can ask, and nobody there can be asked.

use crate::kernel::Snapshot;
use crate::lab::model::Lab;
use crate::name::NamespaceName;
use crate::path::Reason;
use crate::plan::{Place, quote_all};
use crate::probe::{Outcome, Probe, ask};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

pub struct Missing<'a> {
    file: &'a Path,
    names: BTreeSet<&'a NamespaceName>,
}

impl<'a> Missing<'a> {
    pub fn new(lab: &'a Lab, facts: &Snapshot) -> Self {
        let is_there =
            |name| facts.namespaces.get(name).is_some_and(crate::kernel::Netns::is_sound);
        let names = lab.namespaces.iter().map(|netns| &netns.name);
        Self { file: &lab.file, names: names.filter(|name| !is_there(*name)).collect() }
    }

    /// Why there can be no question between the two; the other may be nobody of the lab.
    pub fn between(&self, from: &Place, to: Option<&Place>) -> Option<Reason> {
        let ends = [from.as_ref(), to.and_then(Option::as_ref)].into_iter().flatten();
        let name = ends.into_iter().find(|end| self.names.contains(end))?;
        Some(Reason {
            what: format!("network namespace `{name}` is missing"),
            hint: Some(self.cure()),
        })
    }

    pub fn names(&self) -> Vec<String> {
        self.names.iter().map(ToString::to_string).collect()
    }

    /// What to type to have them again.
    pub fn cure(&self) -> String {
        format!("netns-tool up {}", quote_all([self.file]))
    }
}

/// Asks all that can be asked, and gives what came of each, in their order.
///
/// # Errors
/// Those of [`ask`].
pub fn ask_possible(questions: Vec<Result<Probe, Reason>>) -> Result<Vec<Outcome>> {
    let possible: Vec<Probe> = questions.iter().flatten().cloned().collect();
    let mut outcomes = ask(&possible, None)?.into_iter();
    let outcome = |question: Result<Probe, Reason>| match question {
        Ok(_) => outcomes.next().unwrap_or(Outcome::Silence),
        Err(reason) => Outcome::NotAsked(reason.what),
    };
    Ok(questions.into_iter().map(outcome).collect())
}
