//! Reading namespaces: what is seen of each from outside, and what from inside, several at a time.

use super::namespaces::{Entry, Mounts, Processes};
use super::netlink::Reader;
use super::state::State;
use super::{Netns, Wanted, inside, read_value, same_file};
use crate::name::NamespaceName;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

impl Netns {
    /// Reads those of the names, each once.
    pub(super) fn read_all(
        names: &BTreeSet<NamespaceName>,
        read_state: fn() -> Result<State>,
        wanted: &Wanted,
    ) -> Result<BTreeMap<NamespaceName, Self>> {
        let mut all = BTreeMap::new();
        if names.is_empty() {
            return Ok(all);
        }
        let mounts = Mounts::read()?;
        let (reader, current) = (Reader::open()?, fs::metadata("/proc/self/ns/net")?);
        for name in names {
            all.insert(name.clone(), Self::read(name, mounts.entry(name)?, &reader, &current)?);
        }
        let is_sound = |name: &&NamespaceName| all.get(*name).is_some_and(Self::is_sound);
        let mut others: HashMap<&NamespaceName, Vec<&NamespaceName>> = HashMap::new();
        for [one, other] in &wanted.numbers {
            others.entry(one).or_default().push(other);
        }
        let others = |name| others.get(name).map_or(&[][..], Vec::as_slice);
        let question = |name| (name, Question::about(name, others(name), wanted));
        let sound: Vec<_> = names.iter().filter(is_sound).map(question).collect();
        let host = fs::File::open(format!("/proc/{}/ns/net", std::process::id()))?;
        let read = |question: &Question| {
            let state = read_state()?;
            let numbers = question.numbers(&state, &host);
            Ok((state, numbers, question.values()))
        };
        let (found, ()) = inside::each_inside(&sound, read, || ());
        for ((name, _), found) in sound.into_iter().zip(found) {
            // One that was not asked for by its name is nobody's concern if it cannot be looked into.
            if found.is_err() && !wanted.namespaces.contains(name) {
                all.remove(name);
            } else if let Some(netns) = all.get_mut(name) {
                (netns.state, netns.numbers, netns.values) = found?;
            }
        }
        Ok(all)
    }

    pub(super) fn add_processes(all: &mut BTreeMap<NamespaceName, Self>) -> Result<()> {
        if all.is_empty() {
            return Ok(());
        }
        let processes = Processes::read()?;
        for (name, netns) in all.iter_mut().filter(|(_, netns)| netns.is_sound()) {
            (netns.processes, netns.running) = (processes.inside(name), processes.running(name));
        }
        Ok(())
    }

    /// What of it is seen from outside.
    fn read(
        name: &NamespaceName,
        entry: Entry,
        reader: &Reader,
        current: &fs::Metadata,
    ) -> Result<Self> {
        let mut netns = Self {
            entry,
            state: State::default(),
            processes: Vec::new(),
            running: Vec::new(),
            is_current: false,
            host_id: None,
            numbers: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        if netns.is_sound() {
            let file = fs::File::open(name.path())?;
            netns.is_current = same_file(&file.metadata()?, current);
            netns.host_id = reader.netns_id(&file)?;
        }
        Ok(netns)
    }
}

/// What is asked for inside a namespace besides its state.
struct Question<'a> {
    others: &'a [&'a NamespaceName],
    paths: &'a [String],
}

impl<'a> Question<'a> {
    fn about(name: &NamespaceName, others: &'a [&'a NamespaceName], wanted: &'a Wanted) -> Self {
        Self { others, paths: wanted.values.get(name).map_or(&[], Vec::as_slice) }
    }

    /// Those to which a link leads; one that is not sound has no number. Of many namespaces, each knows but a few.
    fn numbers(&self, state: &State, host: &fs::File) -> BTreeMap<NamespaceName, i32> {
        let mut numbers = BTreeMap::new();
        let mut unknown: BTreeSet<i32> =
            state.links.iter().filter_map(|link| link.peer_netns).collect();
        if self.others.is_empty() || unknown.is_empty() {
            return numbers;
        }
        let Ok(reader) = Reader::open() else { return numbers };
        let number = |file: &fs::File| reader.netns_id(file).ok().flatten();
        if let Some(number) = number(host) {
            unknown.remove(&number);
        }
        for other in self.others {
            if unknown.is_empty() {
                break;
            }
            let number = fs::File::open(other.path()).ok().and_then(|file| number(&file));
            if let Some(number) = number {
                unknown.remove(&number);
                numbers.insert((*other).clone(), number);
            }
        }
        numbers
    }

    fn values(&self) -> BTreeMap<String, String> {
        let value = |path: &String| Some((path.clone(), read_value(path).ok()?));
        self.paths.iter().filter_map(value).collect()
    }
}
