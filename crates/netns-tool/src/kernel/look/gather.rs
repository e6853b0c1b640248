//! Reading in advance what many facts are about: each place once, several at a time.

use super::super::inside::each_inside;
use super::super::namespaces::{Seen, seen};
use super::super::{read_all, read_state};
use super::{Known, Look, read_value};
use crate::plan::{Fact, Place};
use anyhow::Result;
use std::collections::BTreeMap;

/// How many facts are looked up one by one.
const FEW: usize = 12;

/// What is wanted of a place.
#[derive(Default)]
struct Need<'a> {
    /// Its links and addresses.
    state: bool,
    routes: bool,
    /// Files of /proc/sys.
    values: Vec<&'a str>,
}

/// What was read at a place.
#[derive(Default)]
struct Found<'a> {
    known: Option<Known>,
    values: Vec<(&'a str, Option<String>)>,
}

impl<'a> Need<'a> {
    fn add(&mut self, fact: &'a Fact) {
        match fact {
            Fact::Not(fact) => self.add(fact),
            Fact::Value { path, .. } => self.values.push(path),
            Fact::DefaultRoute { .. } | Fact::Route { .. } => self.routes = true,
            Fact::Link { .. }
            | Fact::Bridge { .. }
            | Fact::Set { .. }
            | Fact::Up { .. }
            | Fact::Alias { .. }
            | Fact::Port { .. }
            | Fact::Address { .. } => self.state = true,
            // Its file tells.
            Fact::Namespace(_)
            | Fact::Rule { .. }
            | Fact::Chain { .. }
            | Fact::Frame(_)
            | Fact::Item(_)
            | Fact::Process { .. }
            | Fact::Empty(_) => {}
        }
    }

    /// Reads it in the namespace that the calling thread is in. What cannot be read is read again when it is asked
    /// for, and then it is known for which fact.
    fn read(&self) -> Found<'a> {
        let state = match self {
            Self { routes: true, .. } => read_all().ok(),
            Self { state: true, .. } => read_state().ok(),
            _ => None,
        };
        let value = |path: &&'a str| Some((*path, read_value(path).ok()?));
        Found {
            known: state.map(|state| Known::new(state, self.routes)),
            values: self.values.iter().filter_map(value).collect(),
        }
    }
}

impl Look {
    /// Reads what these facts are about. It changes no answer, but where there are many facts they come sooner.
    pub fn gather<'a>(&mut self, facts: impl IntoIterator<Item = &'a Fact>) {
        let facts: Vec<&Fact> = facts.into_iter().collect();
        if facts.len() < FEW {
            return;
        }
        let mut needs: BTreeMap<Place, Need> = BTreeMap::new();
        for fact in facts {
            if let Some(at) = fact.place() {
                needs.entry(at).or_default().add(fact);
            }
        }
        let host = needs.remove(&None).unwrap_or_default();
        let is_sound = |at: &Place| {
            at.as_ref().is_some_and(|name| seen(name).is_ok_and(|seen| seen == Seen::Sound))
        };
        needs.retain(|at, _| is_sound(at));
        let jobs: Vec<_> =
            needs.iter().filter_map(|(at, need)| Some((at.as_ref()?, need))).collect();
        let read = |need: &&Need<'a>| -> Result<Found<'a>> { Ok(need.read()) };
        let (found, host) = each_inside(&jobs, read, || host.read());
        self.keep(&None, host);
        for ((name, _), found) in jobs.into_iter().zip(found) {
            self.keep(&Some(name.clone()), found.unwrap_or_default());
        }
    }

    fn keep(&mut self, at: &Place, found: Found) {
        if let Some(known) = found.known {
            self.places.insert(at.clone(), known);
        }
        for (path, value) in found.values {
            self.values.insert((at.clone(), path.to_owned()), value);
        }
    }
}
