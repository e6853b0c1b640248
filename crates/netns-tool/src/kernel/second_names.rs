//! Namespaces with several names, as bind mounts and `ip netns attach` make them.

use super::namespaces::{file_numbers, identity};
use super::{Netns, Snapshot};
use crate::name::NamespaceName;
use crate::plan::Place;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::Path;

/// Those of the names that are not the first of their namespace, with what has the first: the host, if it is the namespace
/// that this process is in, else the name whose file is the oldest.
pub fn among<'a>(names: impl Iterator<Item = &'a NamespaceName>) -> BTreeMap<NamespaceName, Place> {
    let mut by_identity: HashMap<(u64, u64), Vec<&NamespaceName>> = HashMap::new();
    for name in names {
        if let Some(netns) = identity(&name.path()) {
            by_identity.entry(netns).or_default().push(name);
        }
    }
    let own = identity(Path::new("/proc/self/ns/net"));
    let of_host = own.and_then(|own| by_identity.remove(&own)).unwrap_or_default();
    let mut second: BTreeMap<NamespaceName, Place> =
        of_host.into_iter().map(|name| (name.clone(), None)).collect();
    by_identity.retain(|_, names| names.len() > 1);
    // A tmpfs numbers its files in the order in which they are made.
    let files = if by_identity.is_empty() { HashMap::new() } else { file_numbers() };
    for mut names in by_identity.into_values() {
        names.sort_by_key(|name| (files.get(OsStr::new(name.as_str())), *name));
        let first = names.remove(0);
        second.extend(names.into_iter().map(|name| (name.clone(), Some(first.clone()))));
    }
    second
}

/// Whether this process is in the network namespace of the first one, which stays without any name.
pub fn is_on_host() -> bool {
    let own = identity(Path::new("/proc/self/ns/net"));
    own.is_some() && own == identity(Path::new("/proc/1/ns/net"))
}

impl Snapshot {
    /// The namespaces, each by its first name alone.
    pub fn named_once(&self) -> impl Iterator<Item = (&NamespaceName, &Netns)> {
        self.namespaces.iter().filter(|(name, _)| !self.second_names.contains_key(*name))
    }

    /// Where the namespace is still known when these names have gone, up to the one at `place`: by another name, or as the
    /// host's own. `None`: it goes with it.
    pub fn stays_as(&self, names: &[&NamespaceName], place: usize) -> Option<Place> {
        let name = names[place];
        let first = self.second_names.get(name).cloned().unwrap_or_else(|| Some(name.clone()));
        let second = self.second_names.iter().filter(|(_, of)| **of == first);
        let all = first.iter().chain(second.map(|(name, _)| name));
        let mut others = all.filter(|other| !names[place..].contains(other));
        match others.next() {
            Some(other) => Some(Some(other.clone())),
            None => (first.is_none() && self.is_on_host).then_some(None),
        }
    }
}
