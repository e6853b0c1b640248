//! What is taken away before something else takes its place, with the way back.

use super::links::MTU;
use crate::address::hardware;
use crate::ip;
use crate::kernel::Snapshot;
use crate::kernel::state::{Link, PROTOCOL_KERNEL, Route, State};
use crate::mark::GROUP;
use crate::plan::{self, Cmd, Fact, Place, Step, Undo, usual_metric};
use ipnet::IpNet;

/// Takes addresses off a link: this one, and before it, of IPv4, the later ones of its subnet. These would go with it, or
/// would not (`promote_secondaries`).
pub fn delete_address(at: &Place, link: &Link, net: IpNet, state: &State) -> Vec<Step> {
    let mut state = state.clone();
    let all = later(link, net, &state).into_iter().rev().chain([net]);
    let step = |net| {
        let step = delete_one_address(at, link, net, &state);
        state.addresses.retain(|address| (address.index, address.net) != (link.index, net));
        step
    };
    all.map(step).collect()
}

/// The addresses of the subnet of another that the kernel knows as secondary to it.
fn later(link: &Link, net: IpNet, state: &State) -> Vec<IpNet> {
    let is_beside = |other: &IpNet| net.addr().is_ipv4() && other.trunc() == net.trunc();
    let mut subnet = state.addresses_of(link).filter(is_beside);
    if subnet.next() == Some(net) { subnet.collect() } else { Vec::new() }
}

/// With the last address of IPv4 go the routes over the link.
fn delete_one_address(at: &Place, link: &Link, net: IpNet, state: &State) -> Step {
    let name = &link.name;
    let mut step = ip::delete_address(at, name, net, format!("take {net} off {name}"));
    let mut undo = vec![address(at, link, net)];
    let stays = |other: &IpNet| other.addr().is_ipv4() && *other != net;
    if net.addr().is_ipv4() && !state.addresses_of(link).any(|other| stays(&other)) {
        for route in routes_over(link, state).filter(|route| route.to.addr().is_ipv4()) {
            step.gives
                .push(Fact::not(Fact::Route { at: at.clone(), route: planned(route, state) }));
        }
    }
    undo.extend(routes_over(link, state).map(|route| lead(at, route, state)));
    step.undo(undo)
}

/// Deletes a link of the lab; of a veth pair the other end goes with it.
pub fn delete_link(
    at: &Place,
    link: &Link,
    other: Option<(&Place, &Link)>,
    facts: &Snapshot,
) -> Step {
    let name = &link.name;
    let why = match other {
        Some((_, other)) => {
            format!("delete {name} and its other end {}: another takes its place", other.name)
        }
        None => format!("delete {name}: another takes its place"),
    };
    let mut step = ip::delete_link(at, name, why);
    let there = Fact::not(Fact::Link { at: at.clone(), name: name.clone() });
    let mut undo = vec![Undo::new(there, remake(at, link, other))];
    undo.extend(settle(at, link, facts.state(at)));
    if let Some((other_at, other)) = other {
        let name = other.name.clone();
        step.gives.push(Fact::not(Fact::Link { at: other_at.clone(), name }));
        undo.extend(settle(other_at, other, facts.state(other_at)));
    }
    step.undo(undo)
}

/// The command that makes it as it was.
fn remake(at: &Place, link: &Link, other: Option<(&Place, &Link)>) -> Cmd {
    let hardware = |link: &Link| format!("address {} group {GROUP}", mac(link));
    // As the pairs of labs are made, with one queue each way.
    let traits =
        |link: &Link| format!("mtu {} {} numtxqueues 1 numrxqueues 1", link.mtu, hardware(link));
    let name = &link.name;
    let line = match other {
        Some((other_at, other)) => {
            let netns = match other_at {
                Some(netns) if other_at != at => format!(" netns {netns}"),
                _ => String::new(),
            };
            let peer = &other.name;
            format!(
                "link add name {name} {} type veth peer name {peer}{netns} {}",
                traits(link),
                traits(other)
            )
        }
        None => {
            // Not every kernel knows of VLANs.
            let traits = hardware(link);
            let stp = if link.stp { " stp_state 1" } else { "" };
            let vlans = if link.vlan_filtering { " vlan_filtering 1" } else { "" };
            format!("link add name {name} {traits} type bridge{stp}{vlans}")
        }
    };
    Cmd::ip(at, &line)
}

/// What makes of a new link what the old one was.
fn settle(at: &Place, link: &Link, state: &State) -> Vec<Undo> {
    let name = &link.name;
    let mut undo = Vec::new();
    if let Some(alias) = &link.alias {
        let mut mark = ip::mark(at, name, alias, link.up, String::new());
        if link.is_kind("bridge") && link.mtu != MTU {
            mark = ip::with_mtu(mark, at, name, link.mtu);
        }
        undo.push(Undo::new(Fact::not(mark.gives[0].clone()), mark.run));
    }
    if let Some(bridge) = link.master.and_then(|index| state.by_index(index)) {
        let join = ip::join(at, name, &bridge.name);
        undo.push(Undo::new(Fact::not(join.gives[0].clone()), join.run));
    }
    let is_made = |net: &IpNet| !crate::address::is_link_local(net);
    undo.extend(state.addresses_of(link).filter(is_made).map(|net| address(at, link, net)));
    undo.extend(routes_over(link, state).map(|route| lead(at, route, state)));
    undo
}

fn address(at: &Place, link: &Link, net: IpNet) -> Undo {
    let step = ip::add_address(at, &link.name, net);
    Undo::new(Fact::not(step.gives[0].clone()), step.run)
}

/// The routes over the link that somebody has made: not those of the kernel.
fn routes_over<'a>(link: &'a Link, state: &'a State) -> impl Iterator<Item = &'a Route> {
    let is_its =
        |route: &&Route| route.device == Some(link.index) && route.protocol != PROTOCOL_KERNEL;
    state.routes.iter().filter(is_its)
}

/// The route in the words of a plan.
pub fn planned(route: &Route, state: &State) -> plan::Route {
    let device = route.device.and_then(|index| state.by_index(index)).map(|link| link.name.clone());
    let metric = Some(route.metric).filter(|metric| *metric != usual_metric(&route.to));
    plan::Route { to: route.to, via: route.via, device, metric }
}

fn lead(at: &Place, route: &Route, state: &State) -> Undo {
    ip::put_back_route(at, (planned(route, state), route.protocol))
}

fn mac(link: &Link) -> String {
    hardware(&link.mac)
}
