//! Whether ports can be published as they are asked for.

use super::foreign::{self, Forward};
use super::owner::{Owner, owner};
use super::publication::Publication;
use crate::cli::NatArgs;
use crate::failure::{Failure, failed, usage};
use crate::family::Family;
use crate::firewall::rule::{Chain, Ports, Verdict};
use crate::kernel::Snapshot;
use crate::kernel::sockets::Listener;
use crate::kernel::state::State;
use crate::plan::quote;
use ipnet::IpNet;
use std::net::IpAddr;

impl NatArgs {
    /// No two of the publications want the same port.
    pub(super) fn check_publications(&self) -> Result<(), Failure> {
        for (index, one) in self.publications.iter().enumerate() {
            for other in &self.publications[..index] {
                if let Some(ports) = other.shared(one.family(), one.host, one.ports) {
                    return Err(usage(format!("`{other}` and `{one}` both want port {ports}")));
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_target(
        &self,
        publication: &Publication,
        host: &State,
        subnets: &[IpNet],
    ) -> Result<(), Failure> {
        let has = |ip: &IpAddr| host.addresses.iter().any(|address| address.net.addr() == *ip);
        let to = publication.to;
        if !subnets.iter().any(|subnet| subnet.contains(&to)) {
            let subnets = subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(failed(format!(
                "{to} is in no subnet of bridge `{}` ({subnets})",
                self.bridge
            ))
            .hint("the address of a namespace on the bridge"));
        }
        if let Some(why) = subnets.iter().find_map(|net| end_of(net, to)) {
            return Err(failed(format!(
                "no namespace has `{to}`: it is an end of the subnet, {why}"
            ))
            .hint("the address of a namespace on the bridge"));
        }
        if has(&to) {
            return Err(failed(format!(
                "{to} is an address of the host itself, not of a namespace"
            ))
            .hint("the address of a namespace on the bridge"));
        }
        match publication.host {
            Some(ip) if !has(&ip) && !ip.is_loopback() => Err(failed(format!(
                "the host has no address {ip} to publish a port on"
            ))
            .hint("`ip -br addr` shows those that it has; without HOST_IP it is each of them")),
            _ => Ok(()),
        }
    }
}

/// What the address is for, if it is one of those at the ends of the subnet that no host has.
fn end_of(net: &IpNet, ip: IpAddr) -> Option<&'static str> {
    // A link between two has no such ends (RFC 3021, RFC 6164).
    let has_ends = net.max_prefix_len() - net.prefix_len() > 1;
    match has_ends.then_some(net)? {
        IpNet::V4(net) if net.network() == ip => Some("the address of the subnet itself"),
        IpNet::V4(net) if net.broadcast() == ip => Some("its broadcast address"),
        // RFC 4291, section 2.6.1: the host answers to it itself while it forwards.
        IpNet::V6(net) if net.network() == ip => Some("the anycast address of its routers"),
        _ => None,
    }
}

/// Nobody has the port: no other publication, no rule of somebody else, and no process of the host.
pub(super) fn check_is_free(
    publication: &Publication,
    forwards: &[Forward],
    facts: &Snapshot,
) -> Result<(), Failure> {
    check_is_not_published(publication, facts)?;
    foreign::check(publication, forwards, &facts.host)?;
    check_nobody_listens(publication, facts)
}

fn check_is_not_published(publication: &Publication, facts: &Snapshot) -> Result<(), Failure> {
    for rule in facts.firewall.ours().filter(|rule| rule.chain == Chain::Publish) {
        let (Some(ports), Verdict::Send { to, port: inner }) = (rule.ports, rule.verdict) else {
            continue;
        };
        let host = rule.destination.map(|net| net.addr());
        let Some(shared) = publication.shared(rule.family, host, ports) else { continue };
        let (bridge, uplink) = match owner(rule) {
            Some(Owner::Publication { bridge, uplink }) => (bridge, uplink),
            _ => ("?", "?"),
        };
        let there = Publication { host, ports, to, first: inner.unwrap_or(ports.first) };
        return Err(failed(format!(
            "port {shared} is already published: `{there}`, through the NAT of `{bridge}` to `{uplink}`"
        ))
        .hint(format!(
            "another port, or first: netns-tool nat {bridge} {uplink} --publish {} --delete",
            quote(&there.to_string())
        )));
    }
    Ok(())
}

fn check_nobody_listens(publication: &Publication, facts: &Snapshot) -> Result<(), Failure> {
    let taken = |listener: &Listener| {
        let (protocol, port) = (listener.protocol, listener.port);
        let family = publication.family();
        let address = Some(listener.address).filter(|ip| !ip.is_unspecified());
        // A socket of [::] takes connections of IPv4 too, unless it was told not to, which cannot be seen.
        let is_of_family = listener.address.is_ipv4() == (family == Family::V4)
            || (family == Family::V4 && address.is_none());
        let ports = Ports { protocol, first: port, last: port };
        is_of_family.then(|| publication.shared(family, address, ports)).flatten()
    };
    let clashes = facts.listeners.iter().filter_map(|listener| Some((taken(listener)?, listener)));
    match clashes.min_by_key(|(port, _)| port.first) {
        None => Ok(()),
        Some((port, listener)) => Err(failed(format!(
            "port {port} of the host is in use: {} listens on it",
            listener.who()
        ))
        .hint(match publication.host {
            None if !listener.address.is_unspecified() => {
                "another port, or one address of the host with it: HOST_IP:PORT:…"
            }
            _ => "another port, or end that process first",
        })),
    }
}
