//! The namespaces, with the addresses of the names that they know.

use super::draft::{Draft, Spot};
use super::problem::{At, Problem, Problems, shown};
use super::raw::Hosts;
use crate::lab::model;
use crate::lab::whereabouts::Whereabouts;
use crate::name::NamespaceName;
use std::net::IpAddr;

/// How many lines all `hosts` files of a lab can have together.
const LINES_MAX: usize = 1_000_000;

/// The addresses that the file gives to each place.
pub fn whereabouts(draft: &Draft) -> Whereabouts<Spot> {
    let mut all = Whereabouts::default();
    for card in draft.cards() {
        for address in card.addresses {
            all.add(card.at, Some(card.segment), address.value.addr());
        }
    }
    for (index, netns) in draft.namespaces.iter().enumerate() {
        for address in &netns.loopback {
            all.add(Some(index), None, address.value.addr());
        }
    }
    all
}

pub fn namespaces(
    draft: &Draft,
    all: &Whereabouts<Spot>,
    problems: &mut Problems,
) -> Vec<model::Namespace> {
    let count = draft.namespaces.len();
    let mut lines = 0;
    let namespaces = draft.namespaces.iter().enumerate().filter_map(|(index, netns)| {
        let hosts = match &netns.raw.hosts {
            Hosts::Names(names) => named(draft, all, index, names, problems),
            Hosts::All(_) if lines > LINES_MAX => Vec::new(),
            Hosts::All(at) => {
                lines += count;
                if lines > LINES_MAX {
                    let message = format!("{count} namespaces are too many for `hosts = true`");
                    let label = "name those that are needed: hosts = { \"db.local\" = \"db\" }";
                    problems.add(Problem::new(&at.span, message).label(label));
                }
                let lines_of = |other: usize| {
                    let name = &draft.namespaces[other].given;
                    all.meant(&Some(index), &Some(other)).map(|ip| (ip, name.clone()))
                };
                (0..count).flat_map(lines_of).collect()
            }
        };
        Some(model::Namespace {
            name: NamespaceName::new(&netns.name).ok()?,
            addresses: netns.loopback.iter().map(|address| address.value).collect(),
            name_servers: netns.raw.name_servers.clone(),
            hosts,
            sysctls: netns.raw.sysctls.clone(),
        })
    });
    namespaces.collect()
}

/// The lines of the names that the file gives to a namespace.
fn named(
    draft: &Draft,
    all: &Whereabouts<Spot>,
    index: usize,
    names: &[(String, At<String>)],
    problems: &mut Problems,
) -> Vec<(IpAddr, String)> {
    let mut hosts = Vec::new();
    for (name, meant) in names {
        if let Ok(ip) = meant.value.parse() {
            hosts.push((ip, name.clone()));
            continue;
        }
        let Some(other) = draft.find_namespace(meant, problems) else { continue };
        let before = hosts.len();
        hosts.extend(all.meant(&Some(index), &Some(other)).map(|ip| (ip, name.clone())));
        if hosts.len() == before && !draft.is_faulty(other) {
            let message = format!("`{}` has no address", shown(&meant.value));
            let label = format!("nothing that `{name}` could stand for");
            problems.add(Problem::new(&meant.span, message).label(label));
        }
    }
    hosts
}
