//! What can only be seen to be wrong when one thing of the lab is held against another.

mod links;

use super::draft::{Card, Draft, Spot};
use super::problem::{Problem, Problems};
use crate::address::is_link_local;
use ipnet::IpNet;
use std::collections::HashMap;
use std::hash::Hash;

pub fn check(draft: &Draft, problems: &mut Problems) {
    let cards = draft.cards();
    check_names(draft, &cards, problems);
    check_distinct(&cards, problems);
    check_subnets(draft, &cards, problems);
    links::check(draft, problems);
}

/// The first that had the key, if it is not the first.
fn earlier<'c, K: Eq + Hash>(
    seen: &mut HashMap<K, &'c Card<'c>>,
    key: K,
    card: &'c Card,
) -> Option<&'c Card<'c>> {
    match seen.entry(key) {
        std::collections::hash_map::Entry::Occupied(entry) => Some(entry.get()),
        std::collections::hash_map::Entry::Vacant(entry) => {
            entry.insert(card);
            None
        }
    }
}

fn check_names(draft: &Draft, cards: &[Card], problems: &mut Problems) {
    let mut seen = HashMap::new();
    for card in cards.iter().filter(|card| card.given.is_some()) {
        if let Some(other) = earlier(&mut seen, (card.at, card.name), card) {
            let name = card.given.unwrap_or(card.name);
            let message = format!("there are two interfaces `{name}`{}", draft.where_is(card.at));
            let (first, second) = in_order(other, card);
            problems.add(Problem::new(second.span, message).beside(first.span, "one here"));
        }
    }
}

fn in_order<'c>(one: &'c Card<'c>, other: &'c Card<'c>) -> (&'c Card<'c>, &'c Card<'c>) {
    if one.span.start <= other.span.start { (one, other) } else { (other, one) }
}

/// Nobody on a segment has the address of another, whether IP or MAC.
fn check_distinct(cards: &[Card], problems: &mut Problems) {
    let (mut ips, mut macs) = (HashMap::new(), HashMap::new());
    for card in cards {
        for address in card.addresses {
            let ip = address.value.addr();
            if let Some(first) = ips.insert((card.segment, ip), &address.span) {
                let (first, second) = if first.start <= address.span.start {
                    (first, &address.span)
                } else {
                    (&address.span, first)
                };
                let message = format!("the address `{ip}` is given twice");
                problems.add(Problem::new(second, message).beside(first, "first given here"));
            }
        }
        let Some(mac) = card.mac else { continue };
        if let Some(first) = macs.insert((card.segment, mac.value.octets()), &mac.span) {
            let message =
                format!("two interfaces on one wire have the MAC address `{}`", mac.value);
            problems.add(
                Problem::new(&mac.span, message)
                    .label("neither can reach the other")
                    .beside(first, "first given here"),
            );
        }
    }
}

/// A subnet with the interface that it is of.
struct Subnet<'c> {
    net: IpNet,
    address: IpNet,
    span: &'c std::ops::Range<usize>,
    card: &'c Card<'c>,
}

/// In one place each subnet is on one interface: what is sent there would go out by one of two, mostly the wrong.
fn check_subnets(draft: &Draft, cards: &[Card], problems: &mut Problems) {
    let mut places: HashMap<Spot, Vec<Subnet>> = HashMap::new();
    for card in cards {
        for address in card.addresses {
            let net = address.value;
            if net.prefix_len() < net.max_prefix_len() && !is_link_local(&net) {
                let subnet = Subnet { net: net.trunc(), address: net, span: &address.span, card };
                places.entry(card.at).or_default().push(subnet);
            }
        }
    }
    for (at, mut subnets) in places {
        // Subnets overlap only where one is in the other: it comes after it, and before all that are outside.
        subnets.sort_by_key(|subnet| (subnet.net.network(), subnet.net.prefix_len()));
        let mut around: Vec<&Subnet> = Vec::new();
        for subnet in &subnets {
            while around.last().is_some_and(|outer| !outer.net.contains(&subnet.net)) {
                around.pop();
            }
            let is_other = |outer: &&&Subnet| {
                let is_same_wire = outer.card.wire.is_some() && outer.card.wire == subnet.card.wire;
                !is_same_wire && !std::ptr::eq(outer.card, subnet.card)
            };
            if let Some(outer) = around.iter().rev().find(is_other) {
                problems.add(overlapping(draft, at, outer, subnet));
            }
            around.push(subnet);
        }
    }
}

fn overlapping(draft: &Draft, at: Spot, one: &Subnet, other: &Subnet) -> Problem {
    let (first, second) =
        if one.span.start <= other.span.start { (one, other) } else { (other, one) };
    let what =
        if one.net == other.net { "are of one subnet" } else { "are of subnets that overlap" };
    let message =
        format!("`{}` and `{}`{} {what}", first.address, second.address, draft.where_is(at));
    let label = "two interfaces of one place need subnets of their own";
    let mut problem = Problem::new(second.span, message).label(label);
    if first.span != second.span {
        problem = problem.beside(first.span, "the other");
    }
    problem
}
