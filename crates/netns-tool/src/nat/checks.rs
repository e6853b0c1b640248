//! Whether ports can be published as they are asked for.

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
            let clash = self.publications[..index]
                .iter()
                .find(|other| other.overlaps(one.family(), one.host, one.ports));
            if let Some(other) = clash {
                return Err(usage(format!("`{other}` and `{one}` want the same port")));
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
        let is_end = |net: &IpNet| {
            net.addr().is_ipv4()
                && net.max_prefix_len() - net.prefix_len() > 1
                && (net.network() == to || net.broadcast() == to)
        };
        if subnets.iter().any(is_end) {
            return Err(failed(format!("no host has {to}: it is an end of the subnet"))
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

pub(super) fn port_words(publication: &Publication) -> String {
    let ports = publication.ports;
    let protocol = ports.protocol.name();
    if ports.first == ports.last {
        format!("{}/{protocol}", ports.first)
    } else {
        format!("{}-{}/{protocol}", ports.first, ports.last)
    }
}

/// Nobody has the port: no other publication, and no process of the host.
pub(super) fn check_is_free(publication: &Publication, facts: &Snapshot) -> Result<(), Failure> {
    let port = port_words(publication);
    for rule in facts.firewall.ours().filter(|rule| rule.chain == Chain::Publish) {
        let (Some(ports), Verdict::Send { to, port: inner }) = (rule.ports, rule.verdict) else {
            continue;
        };
        let host = rule.destination.map(|net| net.addr());
        if !publication.overlaps(rule.family, host, ports) {
            continue;
        }
        let (bridge, uplink) = match owner(rule) {
            Some(Owner::Publication { bridge, uplink }) => (bridge, uplink),
            _ => ("?", "?"),
        };
        let there = Publication { host, ports, to, first: inner.unwrap_or(ports.first) };
        return Err(failed(format!(
            "port {port} is already published: `{there}`, through the NAT of `{bridge}` to `{uplink}`"
        ))
        .hint(format!(
            "another port, or first: netns-tool nat {bridge} {uplink} --publish {} --delete",
            quote(&there.to_string())
        )));
    }
    let is_taken = |listener: &&Listener| {
        let ports =
            Ports { protocol: listener.protocol, first: listener.port, last: listener.port };
        let family = publication.family();
        let address = Some(listener.address).filter(|ip| !ip.is_unspecified());
        // A socket of [::] takes connections of IPv4 too, unless it was told not to, which cannot be seen.
        let is_of_family = listener.address.is_ipv4() == (family == Family::V4)
            || (family == Family::V4 && address.is_none());
        is_of_family && publication.overlaps(family, address, ports)
    };
    match facts.listeners.iter().find(is_taken) {
        None => Ok(()),
        Some(listener) => Err(failed(format!(
            "port {}/{} of the host is in use: {} listens on it",
            listener.port,
            listener.protocol.name(),
            listener.who()
        ))
        .hint("another port, or end that process first")),
    }
}
