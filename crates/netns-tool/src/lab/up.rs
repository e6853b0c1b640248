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

    /// All that is to be done, and why.
    ///
    /// # Errors
    /// Something is in the way, or the lab does not fit.
    pub fn course(&self, facts: &Snapshot) -> Result<Course<'_>, Failure> {
        let lab = &self.lab;
        fit::check(lab, facts)?;
        clash::check(lab, &facts.host)?;
        let mut course = Course::new(lab, &self.mark, self.patience, facts);
        course.clear_bridges();
        lab.namespaces.iter().try_for_each(|netns| course.namespace(netns))?;
        lab.bridges.iter().for_each(|bridge| course.give_up_addresses(bridge));
        lab.bridges.iter().try_for_each(|bridge| course.bridge(bridge))?;
        course.clear_routes();
        lab.links.iter().try_for_each(|link| course.link(link))?;
        lab.routes.iter().try_for_each(|route| course.route(route))?;
        lab.namespaces.iter().for_each(|netns| course.values_of(netns));
        course.catch_up();
        course.make_room_for_nats()?;
        lab.nats.iter().try_for_each(|nat| course.nat(nat))?;
        course.settle();
        course.processes();
        course.clear_nats()?;
        course.clear_rest()?;
        lab.bridges.iter().for_each(|bridge| course.keep_size(bridge, facts));
        course.clear_logs();
        Ok(course)
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
        let course = self.course(facts)?;
        let report = self.report(&course, facts);
        let plan = Plan { build: course.build, remove: course.remove };
        Ok(Work { plan, report, notes: course.notes })
    }
}
