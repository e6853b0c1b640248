//! A part of a network, and the order in which a reader follows it.

use super::{Interface, Owner, Spot, Topology};
use crate::mark::LabName;
use crate::plan::Place;
use std::collections::BTreeSet;

impl Topology {
    /// What belongs to the lab, and what that is wired to. The host stays.
    pub fn of_lab(&self, name: &LabName) -> Self {
        let is_its = |owner: &Owner| matches!(owner, Owner::Lab(lab) if lab == name);
        let nats: Vec<_> = self.nats.iter().filter(|nat| is_its(&nat.owner)).cloned().collect();
        let is_uplink = |at: &Place, one: &Interface| {
            at.is_none() && nats.iter().any(|nat| nat.uplink.as_ref() == Some(&one.name))
        };
        let mut kept: BTreeSet<(&Place, &str)> = BTreeSet::new();
        for spot in self.named_once() {
            let is_its = |one: &&Interface| {
                is_its(&one.owner) || is_its(&spot.owner) || is_uplink(&spot.at, one)
            };
            for interface in spot.interfaces.iter().filter(is_its) {
                kept.insert((&spot.at, interface.name.as_str()));
                let peer = self.peer(interface);
                kept.extend(peer.map(|(at, far)| (at, far.name.as_str())));
            }
        }
        let masters =
            self.interfaces().filter(|(at, one)| kept.contains(&(*at, one.name.as_str())));
        let masters: Vec<_> =
            masters.filter_map(|(at, one)| Some((at, one.master.as_ref()?))).collect();
        kept.extend(masters.into_iter().map(|(at, master)| (at, master.as_str())));
        let is_kept = |spot: &Spot, one: &Interface| kept.contains(&(&spot.at, one.name.as_str()));
        let part = |spot: &Spot| {
            let all = spot.interfaces.iter().filter(|one| is_kept(spot, one));
            Spot { interfaces: all.cloned().collect(), ..spot.clone() }
        };
        let spots = self.named_once().map(part);
        let is_part =
            |spot: &Spot| spot.at.is_none() || is_its(&spot.owner) || !spot.interfaces.is_empty();
        Self { spots: spots.filter(is_part).collect(), nats, hidden: self.hidden }
    }

    /// The same, each place once, in the order in which one would walk through it, from an end along the wires; what stands
    /// knows no order but that of the alphabet.
    pub fn walked(mut self) -> Self {
        self.spots.retain(|spot| spot.same_as.is_none());
        let count = self.spots.len();
        let wired = |from: usize| -> Vec<usize> {
            let wires = self.spots[from].interfaces.iter().filter(|one| one.master.is_none());
            let far = wires.filter_map(|one| self.peer(one));
            let far = far.filter(|(_, one)| one.master.is_none());
            far.filter_map(|(at, _)| self.spots.iter().position(|spot| spot.at == *at)).collect()
        };
        let mut starts: Vec<usize> = (0..count).collect();
        // Like `r2` before `r10`; the host, and ends of lines, come first.
        let name = |number: usize| self.spots[number].at.as_ref().map(|name| name.as_str());
        starts.sort_by_cached_key(|number| natural(name(*number).unwrap_or_default()));
        starts.sort_by_key(|number| match (name(*number), wired(*number).len()) {
            (None, _) => 0,
            (_, 1) => 1,
            _ => 2,
        });
        let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
        for start in starts {
            let mut stack = vec![start];
            while let Some(number) = stack.pop() {
                if seen.insert(number) {
                    order.push(number);
                    let is_host = self.spots[number].at.is_none();
                    let mut next = if is_host { Vec::new() } else { wired(number) };
                    next.sort_by_cached_key(|far| natural(name(*far).unwrap_or_default()));
                    stack.extend(next.into_iter().rev());
                }
            }
        }
        let spots = std::mem::take(&mut self.spots);
        self.spots = order.into_iter().map(|number| spots[number].clone()).collect();
        self
    }
}

/// A key by which numbers within names are compared as numbers.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        key.push((text.to_owned(), tail[..end].parse().unwrap_or(0)));
        rest = &tail[end..];
    }
    key
}
