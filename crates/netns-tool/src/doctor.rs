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
use crate::plan::quote_all;
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
    let typed = args.lab.as_ref().map(|file| {
        let name = args.name.as_ref().map(|name| format!("--name {name} ")).unwrap_or_default();
        format!("netns-tool doctor {name}{}", quote_all([file]))
    });
    let facts = Facts::read(settings.limit)?;
    let sections = examine(&facts, up.as_ref().zip(typed.as_deref()), settings.limit);
    let is_success = sections.iter().all(|section| section.count(Severity::Broken) == 0);
    let text = if args.json {
        report::json(&sections)
    } else {
        report::text(&sections, global.quiet, color::is_wanted(global.color, &std::io::stdout()))
    };
    Ok(Printed { text, is_success })
}

/// `asked`: the lab, and how one asks for it.
fn examine(facts: &Facts, asked: Option<(&Up, &str)>, limit: Duration) -> Vec<Section> {
    let of_lab = asked.map(|(up, typed)| {
        let for_up = Snapshot::read(&up.wanted(), limit);
        (Topic::Lab, lab::examine(up, typed, for_up, facts))
    });
    let lab = asked.map(|(up, _)| &up.lab);
    let sections = [
        (Topic::Rights, rights::examine(facts.lacking, facts.is_root)),
        (Topic::Tools, tools::examine(&facts.tools)),
        (Topic::Kernel, kernel::examine(facts)),
        (Topic::Forwarding, forwarding::examine(facts)),
        (Topic::Firewall, firewall::examine(facts, lab)),
        (Topic::Managers, managers::examine(&facts.managers)),
        (Topic::Namespaces, namespaces::examine(facts)),
        (Topic::Leftovers, leftovers::examine(facts)),
    ];
    let sections = sections.into_iter().chain(of_lab);
    sections.map(|(topic, findings)| Section { topic, findings }).collect()
}
