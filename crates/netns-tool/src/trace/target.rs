//! From where to where: places and addresses, as they are typed.

use crate::address::is_link_local;
use crate::exec::enterable;
use crate::failure::{Failure, failed, usage};
use crate::lab::model::Lab;
use crate::path::words;
use crate::plan::Place;
use crate::suggest::shown;
use crate::topology::Topology;
use anyhow::Result;
use ipnet::IpNet;
use std::net::IpAddr;

/// How the host is called. A namespace of that name is called by its file, see [`words::NAMESPACE_HOST`].
const HOST: &str = "host";

/// The host, or a namespace that can be entered.
pub fn place(name: &str) -> Result<Place> {
    match name {
        HOST => Ok(None),
        words::NAMESPACE_HOST => enterable(HOST).map(Some),
        _ => enterable(name).map(Some),
    }
}

/// An address, or the one by which the place of that name is reached.
pub fn target(to: &str, from: &Place, lab: &Lab, topology: &Topology) -> Result<IpAddr> {
    if let Ok(ip) = to.parse() {
        check_one(ip, from, topology)?;
        return Ok(ip);
    }
    if to != words::NAMESPACE_HOST && to.contains(['.', ':', '/']) {
        let what = format!("`{}` is neither an address nor a namespace", shown(to));
        return Err(usage(what).hint("an address such as 10.0.0.2, a namespace, or host").into());
    }
    let at = place(to)?;
    let all: Vec<IpAddr> = lab.whereabouts.meant(from, &at).collect();
    // One without a router between them, of whatever family, is meant before all others.
    let own = topology.spot(from).into_iter().flat_map(|spot| &spot.interfaces);
    let own: Vec<&IpNet> = own.flat_map(|one| &one.addresses).collect();
    let near = all.iter().find(|ip| own.iter().any(|net| net.contains(*ip)));
    let first = near.or(all.first()).copied();
    let none: Failure = failed(format!("{} has no address", words::place(&at)));
    Ok(first.ok_or_else(|| none.hint("an address in its place: netns-tool trace FROM ADDRESS"))?)
}

/// Whether it is the address of one: what goes to all of a link, or of a group, has no one way, and mostly no answer.
fn check_one(ip: IpAddr, from: &Place, topology: &Topology) -> Result<(), Failure> {
    let what = if ip.is_unspecified() {
        format!("{ip} is nobody's address: it stands for all addresses of whoever says it")
    } else if let Some(what) = words::for_all(ip) {
        what
    } else if let Some((at, name, net)) = broadcast_of(ip, from, topology) {
        format!(
            "{ip} is the broadcast address of {net}, the subnet of `{name}` {}: what goes there is for all on that link, and no router passes it on",
            words::in_place(at)
        )
    } else if matches!(ip, IpAddr::V6(_)) && is_link_local(&ip.into()) {
        format!("{ip} is a link-local address: without its link it is nobody's")
    } else {
        return Ok(());
    };
    Err(failed(what).hint("the address of one of them, or a namespace: netns-tool trace FROM TO"))
}

/// An interface, of the asker above all, for whose subnet the address means everybody.
fn broadcast_of<'t>(
    ip: IpAddr,
    from: &Place,
    topology: &'t Topology,
) -> Option<(&'t Place, &'t str, IpNet)> {
    let nets = topology
        .interfaces()
        .flat_map(|(at, one)| one.addresses.iter().map(move |net| (at, one.name.as_str(), *net)));
    // One of two addresses has none for all.
    let is_its =
        |net: &IpNet| net.addr().is_ipv4() && net.prefix_len() < 31 && net.broadcast() == ip;
    let mut all: Vec<_> = nets.filter(|(.., net)| is_its(net)).collect();
    all.sort_by_key(|(at, ..)| *at != from);
    all.first().map(|(at, name, net)| (*at, *name, net.trunc()))
}
