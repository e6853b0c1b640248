//! `up`: what stands becomes what the file says, and nothing else changes.

use super::course::Course;
use super::model::Lab;
use super::namespaces::paths;
use super::{clash, file, fit, links};
use crate::cli::LabArgs;
use crate::failure::Failure;
use crate::kernel::{Snapshot, Wanted, WantedFirewall};
use crate::mark::Mark;
use crate::name::NamespaceName;
use crate::noun::{Noun, Work};
use crate::plan::Plan;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// A lab that is to stand.
pub struct Up {
    pub lab: Lab,
    mark: Mark,
    /// How long its programs may take to become ready, in seconds.
    patience: u16,
}

impl Up {
    /// The lab that a file describes, under its own name or another; its programs may take so many seconds to become
    /// ready.
    ///
    /// # Errors
    /// All that is wrong in the file.
    pub fn read(args: &LabArgs, patience: u16) -> Result<Self, Failure> {
        Ok(Self::new(file::read(&args.file, args.name.clone())?, patience))
    }

    pub fn new(lab: Lab, patience: u16) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let record = super::record::write(since, &lab.file);
        let link_record = if lab.namespaces.is_empty() { record.clone() } else { String::new() };
        let mark = Mark { lab: Some(lab.name.clone()), record, link_record };
        Self { lab, mark, patience }
    }

    /// All that is to be done, why, and what is in the way.
    ///
    /// # Errors
    /// The lab does not fit.
    pub fn course(&self, facts: &Snapshot) -> Result<Course<'_>, Failure> {
        let lab = &self.lab;
        fit::check(lab, facts)?;
        let mut course = Course::new(lab, &self.mark, self.patience, facts);
        course.marks();
        clash::check(lab, &course.facts.host)?;
        course.clear_bridges();
        for netns in &lab.namespaces {
            let outcome = course.namespace(netns);
            course.went(outcome);
        }
        lab.bridges.iter().for_each(|bridge| course.give_up_addresses(bridge));
        for bridge in &lab.bridges {
            let outcome = course.bridge(bridge);
            course.went(outcome);
        }
        course.clear_routes();
        for link in &lab.links {
            let outcome = course.link(link);
            course.went(outcome);
        }
        course.open_bridges();
        for route in &lab.routes {
            let outcome = course.route(route);
            course.went(outcome);
        }
        lab.namespaces.iter().for_each(|netns| course.values_of(netns));
        course.catch_up();
        // With something missing a NAT may find no bridge, which says nothing more.
        if course.obstacles.is_empty() {
            let outcome = self.nats(&mut course);
            course.went(outcome);
        }
        course.settle();
        course.processes();
        let outcome = course.clear_nats().and_then(|()| course.clear_rest());
        course.went(outcome);
        lab.bridges.iter().for_each(|bridge| course.keep_size(bridge, facts));
        course.clear_logs();
        Ok(course)
    }

    fn nats(&self, course: &mut Course) -> Result<(), Failure> {
        course.make_room_for_nats()?;
        self.lab.nats.iter().try_for_each(|nat| course.nat(nat))
    }

    fn report(&self, course: &Course, facts: &Snapshot) -> Vec<String> {
        let lab = &self.lab;
        let is_new = !super::obsolete::stands(&lab.name, facts);
        if course.differences.is_empty() {
            return vec![format!(
                "Lab `{}` is up, as its file says (nothing was changed)",
                lab.name
            )];
        }
        if is_new {
            let mut report = vec![format!("Lab `{}` is up: {}", lab.name, size(lab))];
            report.extend(self.listing());
            return report;
        }
        let count = course.differences.len();
        let mut report = vec![format!(
            "Lab `{}` is up again as its file says: {count} {}",
            lab.name,
            if count == 1 { "difference mended" } else { "differences mended" }
        )];
        report.extend(
            course
                .differences
                .iter()
                .map(|found| format!("  {} {}", found.object, found.difference)),
        );
        report
    }

    /// Where each interface is, with the names that were made up.
    fn listing(&self) -> Vec<String> {
        const LINES: usize = 40;
        let line = |link: &super::model::Link| {
            let (one, other) = links::ordered(link);
            let end = |end: &super::model::End| {
                let place = end.at.as_ref().map_or("host", NamespaceName::as_str);
                let addresses: Vec<String> =
                    end.addresses.iter().map(ToString::to_string).collect();
                let bridge = end.bridge.iter().map(|bridge| format!("port of {bridge}"));
                let traits: Vec<String> = addresses.into_iter().chain(bridge).collect();
                let traits = if traits.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", traits.join(", "))
                };
                format!("{place}:{}{traits}", end.name)
            };
            format!("  {} <-> {}", end(other), end(one))
        };
        let mut lines: Vec<String> = self.lab.links.iter().take(LINES).map(line).collect();
        if self.lab.links.len() > LINES {
            lines.push(format!("  … and {} more", self.lab.links.len() - LINES));
        }
        lines
    }
}

/// How big a lab is, in words.
pub fn size(lab: &Lab) -> String {
    let parts = [
        (lab.namespaces.len(), "namespace"),
        (lab.bridges.len(), "bridge"),
        (lab.links.len(), "link"),
        (lab.nats.len(), "NAT"),
        (lab.processes.len(), "process"),
    ];
    let word = |(count, name): &(usize, &str)| {
        let ending = match (*count, *name) {
            (1, _) => "",
            (_, "process") => "es",
            _ => "s",
        };
        format!("{count} {name}{ending}")
    };
    parts.iter().filter(|(count, _)| *count > 0).map(word).collect::<Vec<_>>().join(", ")
}

impl Noun for Up {
    fn wanted(&self) -> Wanted {
        let lab = &self.lab;
        let name_pairs = lab.links.iter().filter_map(|link| {
            let (one, other) = links::ordered(link);
            one.at.clone().zip(other.at.clone()).map(Into::into)
        });
        let values: BTreeMap<NamespaceName, Vec<String>> =
            lab.namespaces.iter().map(|netns| (netns.name.clone(), paths(netns))).collect();
        let firewall =
            (!lab.nats.is_empty()).then(|| WantedFirewall { whole: true, ..Default::default() });
        Wanted {
            namespaces: lab.namespaces.iter().map(|netns| netns.name.clone()).collect(),
            second_names: false,
            all_namespaces: true,
            numbers: name_pairs.collect(),
            values,
            routes: true,
            rules: true,
            firewall,
            processes: true,
            listeners: lab.nats.iter().any(|nat| !nat.publications.is_empty()),
        }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let mut course = self.course(facts)?;
        let mut obstacles = std::mem::take(&mut course.obstacles).into_iter();
        if let Some(first) = obstacles.next() {
            let others: Vec<String> = obstacles.map(|other| other.what).collect();
            let all = others.join("\n");
            return Err(if all.is_empty() { first } else { first.note("also", all) });
        }
        let report = self.report(&course, facts);
        let plan = Plan { build: course.build, remove: course.remove };
        Ok(Work { plan, report, notes: course.notes })
    }
}
