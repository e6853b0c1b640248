//! `labs`: the labs that are up, as their marks tell.

use super::course::Course;
use super::file;
use super::up::Up;
use super::{record, tell};
use crate::kernel::{Snapshot, Wanted};
use crate::mark::LabName;
use crate::noun::Noun;
use crate::table::{columns, row};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A lab that is up.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    pub name: String,
    pub namespaces: usize,
    /// On the host and in its namespaces; of a veth pair, both ends.
    pub interfaces: usize,
    /// In seconds since 1970.
    pub since: Option<u64>,
    pub file: Option<PathBuf>,
    /// Whether it is not as its file says; `None` where the file cannot be read.
    pub drift: Option<bool>,
}

/// What is to be read for it.
pub fn wanted() -> Wanted {
    Wanted { all_namespaces: true, ..Wanted::default() }
}

/// All of them, by name.
pub fn list(facts: &Snapshot, limit: Duration) -> Vec<Listed> {
    let mut labs: BTreeMap<LabName, Listed> = BTreeMap::new();
    for marked in record::marked(facts) {
        let listed = labs.entry(marked.lab).or_insert_with_key(Listed::new);
        if marked.link.name.as_str() == "lo" {
            listed.namespaces += 1;
        } else {
            listed.interfaces += 1;
        }
        listed.since = [listed.since, marked.since].into_iter().flatten().min();
        listed.file = listed.file.take().or(marked.file);
    }
    note_drift(&mut labs, limit);
    labs.into_values().collect()
}

impl Listed {
    fn new(name: &LabName) -> Self {
        let (since, file, drift) = (None, None, None);
        Self { name: name.to_string(), namespaces: 0, interfaces: 0, since, file, drift }
    }
}

/// Notes which labs are not as their files say.
fn note_drift(labs: &mut BTreeMap<LabName, Listed>, limit: Duration) {
    let read = |(name, listed): (&LabName, &Listed)| {
        let lab = file::read(listed.file.as_deref()?, Some(name.clone())).ok()?;
        Some((name.clone(), Up::new(lab, 0)))
    };
    let known: Vec<(LabName, Up)> = labs.iter().filter_map(read).collect();
    let wanted = known.iter().map(|(_, up)| up.wanted()).fold(Wanted::default(), Wanted::and);
    let Ok(facts) = Snapshot::read(&wanted, limit) else { return };
    for (name, up) in &known {
        let Some(listed) = labs.get_mut(name) else { continue };
        // What does not fit any more is a difference too.
        let has_drifted = |course: Course| !course.is_done();
        listed.drift = Some(up.course(&facts).map_or(true, has_drifted));
    }
}

/// As a table, or as JSON.
pub fn table(labs: &[Listed], as_json: bool) -> String {
    if as_json {
        return tell::json(labs);
    }
    let now = now();
    if labs.is_empty() {
        return "No lab is up\n".to_owned();
    }
    let of_lab = |lab: &Listed| {
        let since = lab.since.map_or("?".to_owned(), |since| ago(now.saturating_sub(since)));
        let drift = match lab.drift {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        let file = lab.file.as_ref().map_or("?".to_owned(), |file| file.display().to_string());
        vec![
            lab.name.clone(),
            lab.namespaces.to_string(),
            lab.interfaces.to_string(),
            since,
            drift.to_owned(),
            file,
        ]
    };
    let head = row(["LAB", "NAMESPACES", "INTERFACES", "UP FOR", "DRIFT", "FILE"]);
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(labs.iter().map(of_lab)).collect();
    columns(&rows)
}

/// For how long it has been up, as a part of a sentence.
pub fn up_for(since: u64) -> String {
    format!(", up for {}", ago(now().saturating_sub(since)))
}

/// In seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A time in its two largest units.
fn ago(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
