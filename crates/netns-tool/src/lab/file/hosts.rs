//! The namespaces, with the addresses of the names that they know.

use super::draft::{Draft, Spot};
use super::problem::{At, Problem, Problems, shown};
use super::raw::Hosts;
use crate::lab::model;
use crate::name::NamespaceName;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// How many lines all `hosts` files of a lab can have together.
const LINES_MAX: usize = 1_000_000;

/// For each place the addresses that it has, in the order of the file, with the segment that they are on.
struct Addresses<'d> {
    draft: &'d Draft<'d>,
    of: HashMap<Spot, Vec<(Option<usize>, IpAddr)>>,
}

pub fn namespaces(draft: &Draft, problems: &mut Problems) -> Vec<model::Namespace> {
    let all = Addresses::of(draft);
    let count = draft.namespaces.len();
    let mut lines = 0;
    let namespaces = draft.namespaces.iter().enumerate().filter_map(|(index, netns)| {
        let hosts = match &netns.raw.hosts {
            Hosts::Names(names) => all.named(index, names, problems),
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
                    all.meant(index, other).map(|ip| (ip, name.clone()))
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

impl<'d> Addresses<'d> {
    fn of(draft: &'d Draft<'d>) -> Self {
        let mut all: HashMap<Spot, Vec<(Option<usize>, IpAddr)>> = HashMap::new();
        for card in draft.cards() {
            let own =
                card.addresses.iter().map(|address| (Some(card.segment), address.value.addr()));
            all.entry(card.at).or_default().extend(own);
        }
        for (index, netns) in draft.namespaces.iter().enumerate() {
            let own = netns.loopback.iter().map(|address| (None, address.value.addr()));
            all.entry(Some(index)).or_default().extend(own);
        }
        Self { draft, of: all }
    }

    /// The lines of the names that the file gives to a namespace.
    fn named(
        &self,
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
            let Some(other) = self.draft.find_namespace(meant, problems) else { continue };
            let before = hosts.len();
            hosts.extend(self.meant(index, other).map(|ip| (ip, name.clone())));
            if hosts.len() == before && !self.draft.is_faulty(other) {
                let message = format!("`{}` has no address", shown(&meant.value));
                let label = format!("nothing that `{name}` could stand for");
                problems.add(Problem::new(&meant.span, message).label(label));
            }
        }
        hosts
    }

    fn at(&self, index: usize) -> &[(Option<usize>, IpAddr)] {
        self.of.get(&Some(index)).map_or(&[], Vec::as_slice)
    }

    /// The addresses, one of each family, by which a namespace reaches another: one without a router between them, if
    /// there is such, else the first.
    fn meant(&self, from: usize, to: usize) -> impl Iterator<Item = IpAddr> {
        let near: HashSet<usize> =
            self.at(from).iter().filter_map(|(segment, _)| *segment).collect();
        [true, false].into_iter().filter_map(move |is_ipv4| {
            let is_of = |(_, ip): &&(Option<usize>, IpAddr)| ip.is_ipv4() == is_ipv4;
            let is_near = |(segment, _): &&(Option<usize>, IpAddr)| {
                segment.is_some_and(|segment| near.contains(&segment))
            };
            let mut own = self.at(to).iter().filter(is_of);
            own.clone().find(is_near).or_else(|| own.next()).map(|(_, ip)| *ip)
        })
    }
}
