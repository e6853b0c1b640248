//! Drawing the addresses that the file does not give: for each subnet of the bridge the lowest that is free.

use super::draft::{Draft, Spot};
use super::problem::{At, Problem, Problems, Span};
use super::raw::{Gateway, Route};
use crate::address::is_link_local;
use ipnet::IpNet;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// A subnet of a segment, and what is left of it.
struct Pool {
    left: RangeInclusive<u128>,
    drawn: usize,
}

pub fn draw(draft: &mut Draft, problems: &mut Problems) {
    let mut taken = given(draft);
    let mut pools: HashMap<(usize, IpNet), Pool> = HashMap::new();
    for index in 0..draft.wires.len() {
        let wire = &draft.wires[index];
        let (Some(interface), Some(bridge)) = (wire.interface, wire.ends[0].bridge) else {
            continue;
        };
        if interface.addresses.given {
            continue;
        }
        let mut drawn = Vec::new();
        let segment = draft.segment_of_bridge(bridge);
        let raw = draft.bridges[bridge].raw;
        for subnet in subnets(&raw.addresses.list) {
            let pool = pools.entry((segment, subnet.trunc())).or_insert_with(|| Pool::new(subnet));
            match pool.next(subnet, &mut taken, segment) {
                Some(address) => drawn.push(At::new(address, &interface.bridge.span)),
                None => {
                    let at = wire.ends[1].at;
                    let problem = exhausted(draft, at, pool, subnet, &interface.bridge.span);
                    problems.add(problem.beside(&raw.key.span, "the bridge"));
                }
            }
        }
        let end = &mut draft.wires[index].ends[1];
        // What is missing has been complained about.
        end.faulty = raw.addresses.faulty || drawn.len() < subnets(&raw.addresses.list).len();
        end.addresses = drawn;
    }
}

/// The subnets that others than the bridge can have addresses in, each once.
fn subnets(addresses: &[At<IpNet>]) -> Vec<IpNet> {
    let mut subnets: Vec<IpNet> = Vec::new();
    for net in addresses.iter().map(|address| address.value) {
        let is_alone = net.prefix_len() == net.max_prefix_len();
        let is_new = subnets.iter().all(|other| other.trunc() != net.trunc());
        if !is_alone && !is_link_local(&net) && is_new {
            subnets.push(net);
        }
    }
    subnets
}

/// What cannot be drawn any more: on any segment (`None`), or on that one.
struct Taken {
    anywhere: HashSet<IpAddr>,
    on: HashSet<(usize, IpAddr)>,
}

/// The addresses that the file gives to something or sends something to.
fn given(draft: &Draft) -> Taken {
    let mut anywhere = HashSet::new();
    for card in draft.cards() {
        anywhere.extend(card.addresses.iter().map(|address| address.value.addr()));
    }
    let via = |route: &Route| route.via.as_ref().map(|via| via.value);
    for netns in &draft.namespaces {
        anywhere.extend(netns.loopback.iter().map(|address| address.value.addr()));
    }
    for raw in &draft.file.namespaces {
        anywhere.extend(raw.routes.iter().filter_map(via));
        for interface in &raw.interfaces {
            if let Gateway::Given(gateways) = &interface.gateway {
                anywhere.extend(gateways.iter().map(|gateway| gateway.value));
            }
        }
    }
    anywhere.extend(draft.file.host_routes.iter().filter_map(via));
    Taken { anywhere, on: HashSet::new() }
}

impl Pool {
    fn new(subnet: IpNet) -> Self {
        let (first, last) = (number(subnet.network()), number(subnet.broadcast()));
        let is_pair = subnet.max_prefix_len() - subnet.prefix_len() <= 1;
        // The first address of an IPv6 subnet is that of any of its routers (RFC 4291, section 2.6.1).
        let left = match (is_pair, subnet.addr().is_ipv4()) {
            (true, _) => first..=last,
            (false, true) => first + 1..=last - 1,
            (false, false) => first + 1..=last,
        };
        Self { left, drawn: 0 }
    }

    fn next(&mut self, subnet: IpNet, taken: &mut Taken, segment: usize) -> Option<IpNet> {
        let is_ipv4 = subnet.addr().is_ipv4();
        let ips = self.left.by_ref().map(|number| ip(number, is_ipv4));
        let mut free =
            ips.filter(|ip| !taken.anywhere.contains(ip) && !taken.on.contains(&(segment, *ip)));
        let ip = free.next()?;
        taken.on.insert((segment, ip));
        self.drawn += 1;
        IpNet::new(ip, subnet.prefix_len()).ok()
    }
}

fn exhausted(draft: &Draft, at: Spot, pool: &Pool, subnet: IpNet, span: &Span) -> Problem {
    let name = at.map_or("", |index| draft.namespaces[index].given.as_str());
    let message = format!("no address of {} is left for `{name}`", subnet.trunc());
    let verb = if pool.drawn == 1 { "fits" } else { "fit" };
    Problem::new(span, message)
        .label(format!("{} {verb}; the bridge needs a larger subnet", pool.drawn))
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

fn ip(number: u128, is_ipv4: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if is_ipv4 => IpAddr::V4(number.into()),
        _ => IpAddr::V6(number.into()),
    }
}
