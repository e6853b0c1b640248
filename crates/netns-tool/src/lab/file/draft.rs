//! The lab as the file means it: names looked up, counts written out. Its addresses are still to be drawn and checked.

mod finish;
mod segments;
mod wires;

use super::names::Names;
use super::problem::{At, Problem, Problems, Span, meant, shown};
use super::raw;
use crate::address::Mac;
use ipnet::IpNet;
pub use segments::Card;
use std::collections::HashMap;
use std::net::IpAddr;

/// A namespace, by its number; `None`: the host.
pub type Spot = Option<usize>;

/// How much a lab can have, of everything together: a count makes much out of little.
const SIZE_MAX: usize = 100_000;

#[derive(Debug)]
pub struct Draft<'a> {
    pub file: &'a raw::File,
    pub names: Names,
    pub namespaces: Vec<Namespace<'a>>,
    pub bridges: Vec<Bridge<'a>>,
    pub wires: Vec<Wire<'a>>,
    /// By the names of the file.
    by_name: HashMap<String, usize>,
    by_key: HashMap<&'a str, usize>,
    /// For each bridge, and then for each wire, the number of what it is connected to.
    segments: Vec<usize>,
}

#[derive(Debug)]
pub struct Namespace<'a> {
    pub raw: &'a raw::Namespace,
    pub name: String,
    /// What the file calls it.
    pub given: String,
    pub loopback: Vec<At<IpNet>>,
    /// Some of its interfaces could not be made out: nothing is to be said about what it can reach.
    pub faulty: bool,
}

#[derive(Debug)]
pub struct Bridge<'a> {
    pub raw: &'a raw::Bridge,
    pub at: Spot,
    pub name: String,
}

/// A veth pair.
#[derive(Debug)]
pub struct Wire<'a> {
    pub ends: [End<'a>; 2],
    pub mtu: Option<&'a At<u32>>,
    /// If it is not a `[[link]]`: then the first end is the bridge's.
    pub interface: Option<&'a raw::Interface>,
}

#[derive(Debug)]
pub struct End<'a> {
    pub at: Spot,
    /// Empty until all given ones are known, if it is generated.
    pub name: String,
    /// What the file calls it.
    pub given: Option<&'a str>,
    pub span: &'a Span,
    pub addresses: Vec<At<IpNet>>,
    /// Some of its addresses could not be made out.
    pub faulty: bool,
    pub mac: Option<&'a At<Mac>>,
    pub bridge: Option<usize>,
}

impl<'a> Draft<'a> {
    /// `None` if it is far too big.
    pub fn new(file: &'a raw::File, names: Names, problems: &mut Problems) -> Option<Self> {
        check_size(file, problems)?;
        let (namespaces, bridges, wires) = (Vec::new(), Vec::new(), Vec::new());
        let (by_name, by_key, segments) = (HashMap::new(), HashMap::new(), Vec::new());
        let mut draft = Self { file, names, namespaces, bridges, wires, by_name, by_key, segments };
        draft.add_namespaces(problems);
        draft.add_bridges(problems);
        draft.add_wires(problems);
        draft.find_segments();
        draft.name_ends();
        Some(draft)
    }

    fn add_namespaces(&mut self, problems: &mut Problems) {
        for raw in &self.file.namespaces {
            let numbers = raw.count.as_ref().map_or(0..=0, |count| 1..=count.value);
            for (copy, number) in numbers.enumerate() {
                let number = Some(number).filter(|_| raw.count.is_some());
                let given = format!(
                    "{}{}",
                    raw.key.value,
                    number.map(|n| n.to_string()).unwrap_or_default()
                );
                let name = self.names.namespace(&given, &raw.key.span, problems);
                if let Some(other) = self.by_name.insert(given.clone(), self.namespaces.len()) {
                    let message = format!("there are two namespaces `{}`", shown(&given));
                    let other = &self.namespaces[other].raw.key.span;
                    problems.add(Problem::new(&raw.key.span, message).beside(other, "one here"));
                }
                let loopback = loopback(&raw.loopback.list, copy, problems);
                let faulty = raw.faulty || self.file.has_faulty_links;
                self.namespaces.push(Namespace { raw, name, given, loopback, faulty });
            }
        }
    }

    fn add_bridges(&mut self, problems: &mut Problems) {
        for (index, raw) in self.file.bridges.iter().enumerate() {
            let at = raw.namespace.as_ref().map(|name| self.find_namespace(name, problems));
            let name = raw.interface();
            let is_on_host = at.is_none();
            let name = self.names.interface(&name.value, is_on_host, &name.span, problems);
            self.by_key.insert(&raw.key.value, index);
            self.bridges.push(Bridge { raw, at: at.flatten(), name });
        }
    }

    /// The namespace that the file calls so.
    pub fn find_namespace(&self, name: &At<String>, problems: &mut Problems) -> Option<usize> {
        let found = self.by_name.get(&name.value);
        if found.is_none() && !problems.is_told(&name.span) {
            let raw = self.file.namespaces.iter().find(|raw| raw.key.value == name.value);
            let count = raw.and_then(|raw| raw.count.as_ref());
            let shown = shown(&name.value);
            problems.add(match count {
                Some(count) => {
                    Problem::new(&name.span, format!("`{shown}` is {} namespaces", count.value))
                        .label(format!("which one of `{shown}1` to `{shown}{}`?", count.value))
                }
                None => {
                    let known = self.namespaces.iter().map(|netns| netns.given.as_str());
                    let if_none = "[namespace.NAME] makes one";
                    Problem::new(&name.span, format!("there is no namespace `{shown}`"))
                        .label(meant(&name.value, known, if_none, problems))
                }
            });
        }
        found.copied()
    }

    /// Whether the file calls nothing so, be it one namespace or several.
    pub fn names_nobody(&self, name: &str) -> bool {
        !self.by_name.contains_key(name)
            && !self.file.namespaces.iter().any(|raw| raw.key.value == name)
    }

    /// The namespaces that the file calls so: all of them where a count makes several.
    pub fn find_namespaces(&self, name: &At<String>, problems: &mut Problems) -> Vec<usize> {
        let is_it =
            |netns: &Namespace| netns.raw.count.is_some() && netns.raw.key.value == name.value;
        let copies = self.namespaces.iter().enumerate().filter(|(_, netns)| is_it(netns));
        let copies: Vec<usize> = copies.map(|(index, _)| index).collect();
        if copies.is_empty() || self.by_name.contains_key(&name.value) {
            return self.find_namespace(name, problems).into_iter().collect();
        }
        copies
    }

    /// The bridge that the file calls so.
    pub fn find_bridge(&self, key: &At<String>, problems: &mut Problems) -> Option<usize> {
        let found = self.by_key.get(key.value.as_str());
        if found.is_none() && !problems.is_told(&key.span) {
            let known = self.bridges.iter().map(|bridge| bridge.raw.key.value.as_str());
            let label = meant(&key.value, known, "[bridge.NAME] makes one", problems);
            problems.add(
                Problem::new(&key.span, format!("there is no bridge `{}`", shown(&key.value)))
                    .label(label),
            );
        }
        found.copied()
    }

    /// Whether it is not known what the namespace can reach, because something of it is wrong.
    pub fn is_faulty(&self, index: usize) -> bool {
        self.namespaces[index].faulty
    }

    /// The place, as words after a name; in words of the file.
    pub fn where_is(&self, at: Spot) -> String {
        match at {
            None => " on the host".to_owned(),
            Some(index) => format!(" in `{}`", self.namespaces[index].given),
        }
    }
}

impl Bridge<'_> {
    pub fn key(&self) -> &str {
        &self.raw.key.value
    }

    /// Whether the namespace that it is to be in is not known: it is not on the host then either.
    pub fn is_lost(&self) -> bool {
        self.raw.namespace.is_some() && self.at.is_none()
    }
}

fn check_size(file: &raw::File, problems: &mut Problems) -> Option<()> {
    let mut size = 0;
    for netns in &file.namespaces {
        let names = match &netns.hosts {
            raw::Hosts::Names(names) => names.len(),
            raw::Hosts::All(_) => 0,
        };
        let one = 1
            + netns.interfaces.len()
            + netns.loopback.list.len()
            + netns.sysctls.len()
            + netns.routes.len()
            + netns.processes.len()
            + names;
        size += one * netns.count.as_ref().map_or(1, |count| count.value as usize);
        if size > SIZE_MAX {
            let span = netns.count.as_ref().map_or(&netns.key.span, |count| &count.span);
            let label = format!("a lab has at most {SIZE_MAX} namespaces, interfaces, routes, …");
            problems.add(Problem::new(span, "the lab is too big").label(label));
            return None;
        }
    }
    Some(())
}

/// The addresses of the loopback of one of several namespaces: they are consecutive.
fn loopback(first: &[At<IpNet>], copy: usize, problems: &mut Problems) -> Vec<At<IpNet>> {
    let mut addresses: Vec<At<IpNet>> = Vec::new();
    for first in first {
        let Some(address) = nth(first.value, copy) else {
            let message = format!("there are not so many addresses after `{}`", first.value);
            problems.add(Problem::new(&first.span, message).label(format!("{copy} are")));
            continue;
        };
        if let Some(other) = addresses.iter().find(|other| other.value.addr() == address.addr()) {
            let message = format!("the address `{}` is given twice", address.addr());
            problems
                .add(Problem::new(&first.span, message).beside(&other.span, "first given here"));
        }
        addresses.push(At::new(address, &first.span));
    }
    addresses
}

/// The address that comes so many after this one, with the same prefix length, if a host can have it.
pub fn nth(address: IpNet, further: usize) -> Option<IpNet> {
    let ip = match address.addr() {
        IpAddr::V4(ip) => {
            IpAddr::V4(u32::from(ip).checked_add(u32::try_from(further).ok()?)?.into())
        }
        IpAddr::V6(ip) => IpAddr::V6(u128::from(ip).checked_add(further as u128)?.into()),
    };
    let is_host = !ip.is_multicast() && ip != IpAddr::from([255; 4]);
    IpNet::new(ip, address.prefix_len()).ok().filter(|_| is_host)
}
