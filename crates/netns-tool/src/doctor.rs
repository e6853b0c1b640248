//! `doctor`: what on this host will break a network, why, and what cures it.
//!
//! All that is asked for is read first; each examination is a function of what was read. Nothing is changed, and nothing
//! is made: where the kernel's files do not say what it can do, that is tried in a network namespace that goes with
//! the program that tries it.

mod facts;
mod finding;
mod firewall;
mod forwarding;
mod kernel;
mod lab;
mod leftovers;
mod managers;
mod namespaces;
mod pattern;
mod report;
mod rights;
mod tools;

use crate::cli::{DoctorArgs, Global, LabArgs};
use crate::color;
use crate::kernel::Snapshot;
use crate::lab::Up;
use crate::noun::Noun;
use crate::run::Settings;
use anyhow::Result;
use facts::Facts;
use finding::{Finding, Section, Severity, Topic};
use std::time::Duration;

/// What was printed of it, and whether nothing will break.
pub struct Printed {
    pub text: String,
    pub is_success: bool,
}

/// Examines the host, and whether the lab can be built on it.
///
/// # Errors
/// The lab's file is wrong, or the host cannot be looked at at all.
pub fn run(args: &DoctorArgs, settings: Settings, global: &Global) -> Result<Printed> {
    let up = args.lab.as_ref().map(|file| {
        let args = LabArgs { file: file.clone(), name: args.name.clone() };
        Up::read(&args, global.timeout)
    });
    let up = up.transpose()?;
    let facts = Facts::read(settings.limit)?;
    let sections = examine(&facts, up.as_ref(), settings.limit);
    let is_success = sections.iter().all(|section| section.count(Severity::Broken) == 0);
    let text = if args.json {
        report::json(&sections)
    } else {
        report::text(&sections, global.quiet, color::is_wanted(global.color, &std::io::stdout()))
    };
    Ok(Printed { text, is_success })
}

fn examine(facts: &Facts, up: Option<&Up>, limit: Duration) -> Vec<Section> {
    let of_lab = up.map(|up| {
        let for_up = Snapshot::read(&up.wanted(), limit);
        (Topic::Lab, lab::examine(up, for_up, facts))
    });
    let sections = [
        (Topic::Rights, rights::examine(facts.lacking, facts.is_root)),
        (Topic::Tools, tools::examine(&facts.tools)),
        (Topic::Kernel, kernel::examine(facts)),
        (Topic::Forwarding, forwarding::examine(facts)),
        (Topic::Firewall, firewall::examine(facts, up.map(|up| &up.lab))),
        (Topic::Managers, managers::examine(&facts.managers)),
        (Topic::Namespaces, namespaces::examine(facts)),
        (Topic::Leftovers, leftovers::examine(facts)),
    ];
    let sections = sections.into_iter().chain(of_lab);
    sections.map(|(topic, findings)| Section { topic, findings }).collect()
}
