//! Which link is the other end of which, across namespaces. A link tells only the index of its other end, and a number
//! by which its own namespace knows the other one.

use super::Snapshot;
use super::inside::each_inside;
use super::netlink::Reader;
use super::state::Link;
use crate::name::NamespaceName;
use crate::plan::Place;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;

/// A link by its place and its index.
type End = (Place, u32);

/// For each end of a pair the other, as far as that is in a place with a name.
pub type Ends = BTreeMap<End, End>;

/// Finds all of them, of the namespaces that were read; each has its first name here.
pub fn find(facts: &Snapshot) -> Ends {
    let mut ends = Ends::new();
    pair_in_one_place(facts, &mut ends);
    pair_with_host(facts, &mut ends);
    pair_namespaces(facts, &mut ends);
    ends
}

fn pair(ends: &mut Ends, one: End, other: End) {
    ends.insert(one.clone(), other.clone());
    ends.insert(other, one);
}

fn pair_in_one_place(facts: &Snapshot, ends: &mut Ends) {
    for (at, link) in links(facts) {
        if let (None, Some(peer)) = (link.peer_netns, link.peer) {
            pair(ends, (at.clone(), link.index), (at, peer));
        }
    }
}

fn pair_with_host(facts: &Snapshot, ends: &mut Ends) {
    let numbers = facts.named_once().filter_map(|(name, netns)| Some((netns.host_id?, name)));
    let named: HashMap<i32, &NamespaceName> = numbers.collect();
    for link in facts.host.links.iter().filter(|link| link.is_kind("veth")) {
        let far = link.peer_netns.and_then(|number| named.get(&number));
        if let (Some(name), Some(peer)) = (far, link.peer) {
            pair(ends, (None, link.index), (Some((*name).clone()), peer));
        }
    }
}

/// A namespace can be asked by which number it knows another. That is done only for those where the indices fit, the
/// likeliest first: names that follow each other are mostly wired to each other.
fn pair_namespaces(facts: &Snapshot, ends: &mut Ends) {
    let mut names: Vec<&NamespaceName> = facts.named_once().map(|(name, _)| name).collect();
    names.sort_by_cached_key(|name| natural(name.as_str()));
    let mut waiting: HashMap<(u32, u32), Vec<usize>> = HashMap::new();
    let mut asking: Vec<(usize, u32, u32, i32)> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        for link in &facts.namespaces[*name].state.links {
            let is_known = ends.contains_key(&(Some((*name).clone()), link.index));
            let far = link.peer.zip(link.peer_netns).filter(|_| link.is_kind("veth") && !is_known);
            if let Some((peer, number)) = far {
                waiting.entry((link.index, peer)).or_default().push(place);
                asking.push((place, link.index, peer, number));
            }
        }
    }
    let mut jobs: BTreeMap<usize, Vec<Question>> = BTreeMap::new();
    for (place, index, peer, number) in asking {
        let fits = waiting.get(&(peer, index)).into_iter().flatten().copied();
        let mut candidates: Vec<usize> = fits.filter(|other| *other != place).collect();
        candidates.sort_by_key(|other| other.abs_diff(place));
        jobs.entry(place).or_default().push(Question { index, peer, number, candidates });
    }
    let jobs: Vec<(&NamespaceName, Vec<Question>)> =
        jobs.into_iter().map(|(place, questions)| (names[place], questions)).collect();
    let (found, ()) = each_inside(&jobs, |questions| Ok(ask(questions, &names)), || ());
    for ((name, _), found) in jobs.iter().zip(found) {
        for (index, other, peer) in found.unwrap_or_default() {
            pair(ends, (Some((*name).clone()), index), (Some(names[other].clone()), peer));
        }
    }
}

/// Of a link: which of the namespaces has the number.
struct Question {
    index: u32,
    peer: u32,
    number: i32,
    candidates: Vec<usize>,
}

/// Asks the namespace that the calling thread is in. The answers: a link, and where its other end is.
fn ask(questions: &[Question], names: &[&NamespaceName]) -> Vec<(u32, usize, u32)> {
    let Ok(reader) = Reader::open() else { return Vec::new() };
    let mut numbers: HashMap<i32, usize> = HashMap::new();
    let mut asked: HashMap<usize, Option<i32>> = HashMap::new();
    let mut found = Vec::new();
    for Question { index, peer, number, candidates } in questions {
        for candidate in candidates {
            if numbers.contains_key(number) {
                break;
            }
            let number_of = || {
                let file = File::open(names[*candidate].path()).ok()?;
                reader.netns_id(&file).ok().flatten()
            };
            if let Some(number) = *asked.entry(*candidate).or_insert_with(number_of) {
                numbers.insert(number, *candidate);
            }
        }
        found.extend(numbers.get(number).map(|other| (*index, *other, *peer)));
    }
    found
}

fn links(facts: &Snapshot) -> impl Iterator<Item = (Place, &Link)> {
    let host = std::iter::once((None, &facts.host));
    let inside = facts.named_once().map(|(name, netns)| (Some(name.clone()), &netns.state));
    let all = host
        .chain(inside)
        .flat_map(|(at, state)| state.links.iter().map(move |link| (at.clone(), link)));
    all.filter(|(_, link)| link.is_kind("veth"))
}

/// A key that sorts `h9` before `h10`.
fn natural(name: &str) -> (String, u64, String) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem.to_owned(), name[stem.len()..].parse().unwrap_or(0), name.to_owned())
}
