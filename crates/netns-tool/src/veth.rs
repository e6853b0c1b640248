//! `veth`: a pair of interfaces that is a wire between two network namespaces.

use crate::address::Gateway;
use crate::cli::VethArgs;
use crate::failure::{Failure, failed, usage};
use crate::ip::{self, End, Hardware};
use crate::kernel::state::Link;
use crate::kernel::{Snapshot, Wanted};
use crate::mark::ALIAS;
use crate::name::InterfaceName;
use crate::noun::{
    Noun, Work, check_distinct, check_free, check_new, find_bridge, require_sound, where_is,
};
use crate::plan::{Fact, Place, Plan, Step};
use ipnet::IpNet;
use std::net::IpAddr;

/// The smallest packet size with which IPv6 works, in bytes (RFC 8200, section 5).
const IPV6_MTU: u32 = 1280;

impl Noun for VethArgs {
    fn wanted(&self) -> Wanted {
        let namespaces = self.namespace.iter().chain(&self.host_ns).cloned().collect();
        Wanted { namespaces, numbers: self.host_ns.is_some(), ..Wanted::default() }
    }

    fn check(&self) -> Result<(), Failure> {
        let (one, other) = (self.one(), self.other());
        if !self.removal.delete {
            [one.name, other.name].into_iter().try_for_each(check_new)?;
        }
        if one.at == other.at && one.name == other.name {
            return Err(usage(format!("both ends are called `{}`{}", one.name, where_is(one.at))));
        }
        self.check_addresses()?;
        self.check_gateways()
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        if self.removal.delete { self.delete(facts) } else { self.create(facts) }
    }
}

impl VethArgs {
    fn one(&self) -> End<'_> {
        End {
            at: &self.host_ns,
            name: &self.host_if,
            hardware: Hardware { mtu: self.mtu, mac: self.host_mac },
        }
    }

    fn other(&self) -> End<'_> {
        // The command line has one of the two.
        let name = self.ns_if.as_ref().or(self.peer_if.as_ref()).unwrap_or(&self.host_if);
        End { at: &self.namespace, name, hardware: Hardware { mtu: self.mtu, mac: self.ns_mac } }
    }

    fn check_addresses(&self) -> Result<(), Failure> {
        if self.host_mac.is_some() && self.host_mac == self.ns_mac {
            return Err(usage(
                "both ends have the same MAC address, so that neither can reach the other",
            ));
        }
        if let (Some(bridge), Some(address)) = (&self.bridge, self.host_addresses.first()) {
            return Err(usage(format!(
                "an address on a port of a bridge is of no use: `{address}` belongs to the bridge"
            ))
            .hint(format!(
                "ip addr add {address} dev {bridge}, and the command without --host-addr"
            )));
        }
        let addresses = || self.host_addresses.iter().chain(&self.ns_addresses);
        check_distinct(addresses())?;
        if self.mtu.is_some_and(|mtu| mtu < IPV6_MTU) && addresses().any(|net| net.addr().is_ipv6())
        {
            return Err(usage(format!("IPv6 needs an MTU of at least {IPV6_MTU}")));
        }
        Ok(())
    }

    fn check_gateways(&self) -> Result<(), Failure> {
        if !self.gateways.is_empty() && self.ns_addresses.is_empty() {
            return Err(usage("a gateway can only be reached from an address of the same subnet")
                .hint("--ns-addr CIDR as well"));
        }
        let fixed: Vec<IpAddr> = self
            .gateways
            .iter()
            .filter_map(|gateway| match gateway {
                Gateway::Address(ip) => Some(*ip),
                Gateway::Auto => None,
            })
            .collect();
        for ip in &fixed {
            if !self.ns_addresses.iter().any(|net| net.contains(ip)) {
                return Err(usage(format!(
                    "the gateway `{ip}` is in no subnet of {}",
                    list(&self.ns_addresses)
                )));
            }
            if self.ns_addresses.iter().any(|net| net.addr() == *ip) {
                return Err(usage(format!("the gateway `{ip}` is the namespace's own address")));
            }
        }
        for ipv4 in [true, false] {
            if fixed.iter().filter(|ip| ip.is_ipv4() == ipv4).count() > 1 {
                return Err(usage("there can be one gateway for IPv4 and one for IPv6"));
            }
        }
        Ok(())
    }

    fn create(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let (one, other) = (self.one(), self.other());
        for at in [one.at, other.at] {
            require_sound(at, facts)?;
        }
        for end in [&one, &other] {
            check_free(end.at, end.name, facts)?;
        }
        let bridge =
            self.bridge.as_ref().map(|name| find_bridge(one.at, name, facts)).transpose()?;
        let gateways = self.find_gateways(facts, bridge)?;
        let is_up = self.is_up();
        let mut steps = vec![ip::add_veth(&one, &other), self.mark_first(is_up)];
        steps.extend(
            self.host_addresses.iter().map(|address| ip::add_address(one.at, one.name, *address)),
        );
        steps.push(ip::mark(other.at, other.name, ALIAS, is_up));
        steps.extend(
            self.ns_addresses.iter().map(|address| ip::add_address(other.at, other.name, *address)),
        );
        steps.extend(
            gateways.iter().map(|gateway| ip::add_default_route(other.at, *gateway, other.name)),
        );
        Ok(Work { plan: Plan::build(steps), report: self.report(is_up, &gateways) })
    }

    fn is_up(&self) -> bool {
        let has_address = !self.host_addresses.is_empty() || !self.ns_addresses.is_empty();
        self.up || has_address || self.bridge.is_some() || !self.gateways.is_empty()
    }

    /// Marks the first end, and in the same call makes it a port and brings it up.
    fn mark_first(&self, is_up: bool) -> Step {
        let one = self.one();
        let mut step = ip::mark(one.at, one.name, ALIAS, is_up);
        if let Some(bridge) = &self.bridge {
            ip::with_words(&mut step.run, &["master", bridge.as_str()]);
            step.why = format!(
                "mark {} as made by {ALIAS}, bring it up, and make it a port of {bridge}",
                one.name
            );
            step.gives.push(Fact::Port {
                at: one.at.clone(),
                name: one.name.clone(),
                bridge: bridge.clone(),
            });
        }
        step
    }

    /// The gateways, with `auto` resolved for each address family that has no fixed one.
    fn find_gateways(
        &self,
        facts: &Snapshot,
        bridge: Option<&Link>,
    ) -> Result<Vec<IpAddr>, Failure> {
        let mut gateways: Vec<IpAddr> = Vec::new();
        for gateway in &self.gateways {
            match gateway {
                Gateway::Address(ip) => gateways.push(*ip),
                Gateway::Auto => gateways.extend(self.automatic_gateways(facts, bridge)?),
            }
        }
        let mut seen = [false; 2];
        gateways.retain(|ip| !std::mem::replace(&mut seen[usize::from(ip.is_ipv6())], true));
        for gateway in &gateways {
            if let Some(route) =
                facts.state(&self.namespace).default_routes(gateway.is_ipv4()).first()
            {
                let via = route.via.map(|via| format!(" via {via}")).unwrap_or_default();
                return Err(failed(format!(
                    "network namespace{} has a default route{via} already",
                    short(&self.namespace)
                ))
                .hint("the command without --gateway"));
            }
        }
        Ok(gateways)
    }

    /// Addresses of the bridge, or else of the host end, in a subnet of the namespace's end: one a family.
    fn automatic_gateways(
        &self,
        facts: &Snapshot,
        bridge: Option<&Link>,
    ) -> Result<Vec<IpAddr>, Failure> {
        let (whose, candidates): (&InterfaceName, Vec<IpNet>) = match bridge {
            Some(bridge) => {
                (&bridge.name, facts.state(&self.host_ns).addresses_of(bridge).collect())
            }
            None => (&self.host_if, self.host_addresses.clone()),
        };
        let is_reachable = |net: &&IpNet| {
            self.ns_addresses
                .iter()
                .any(|own| own.contains(&net.addr()) && own.addr() != net.addr())
        };
        let found: Vec<IpAddr> = candidates.iter().filter(is_reachable).map(IpNet::addr).collect();
        if found.is_empty() {
            return Err(failed(format!(
                "no gateway can be found: `{whose}` has no address in the subnet of {}",
                list(&self.ns_addresses)
            ))
            .hint("--gateway IP, or give it an address first"));
        }
        Ok(found)
    }

    fn delete(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let (one, other) = (self.one(), self.other());
        let pair = format!("{}{} <-> {}{}", one.name, side(one.at), other.name, side(other.at));
        let Some(link) = facts.state(one.at).link(one.name) else {
            let message = format!("there is no interface `{}`{}", one.name, where_is(one.at));
            if self.removal.if_exists {
                return Ok(Work::nothing(&message));
            }
            return Err(failed(message).hint("--if-exists takes it for a success"));
        };
        if !link.is_kind("veth") {
            return Err(failed(format!("`{}` is not an end of a veth pair", one.name)));
        }
        if !is_pair(&one, link, &other, facts) {
            return Err(failed(format!(
                "the other end of `{}` is not `{}`{}",
                one.name,
                other.name,
                where_is(other.at)
            ))
            .hint(format!("`ip -d link show dev {}` shows where it is", one.name)));
        }
        if !link.is_ours() && !self.removal.force {
            return Err(failed(format!(
                "`{}` was not made by netns-tool: it does not bear the mark",
                one.name
            ))
            .hint("--force deletes it all the same"));
        }
        let step =
            ip::delete_link(one.at, one.name, format!("delete {} and its other end", one.name));
        Ok(Work {
            plan: Plan::remove(vec![step]),
            report: vec![format!("veth pair deleted: {pair}")],
        })
    }

    fn report(&self, is_up: bool, gateways: &[IpAddr]) -> Vec<String> {
        let (one, other) = (self.one(), self.other());
        let pair = format!("{}{} <-> {}{}", one.name, side(one.at), other.name, side(other.at));
        let mut report = vec![format!("veth pair created: {pair}")];
        if !is_up {
            report.push("Both ends are down and have no address. Next steps:".to_owned());
            for end in [&one, &other] {
                let ip = end.at.as_ref().map_or("ip".to_owned(), |netns| format!("ip -n {netns}"));
                report.push(format!("  sudo {ip} addr add ADDRESS/PREFIX dev {}", end.name));
                report.push(format!("  sudo {ip} link set dev {} up", end.name));
            }
            return report;
        }
        let width = one.name.as_str().len().max(other.name.as_str().len());
        let port =
            self.bridge.as_ref().map(|bridge| format!(", port of {bridge}")).unwrap_or_default();
        let routes = gateways
            .iter()
            .map(|gateway| format!(", default route via {gateway}"))
            .collect::<String>();
        for (end, addresses, more) in
            [(one, &self.host_addresses, port), (other, &self.ns_addresses, routes)]
        {
            let addresses =
                addresses.iter().map(|address| format!(", {address}")).collect::<String>();
            report.push(format!("  {:width$}  up{addresses}{more}", end.name.as_str()));
        }
        report
    }
}

/// Whether the link is one end, and `other` names the other.
fn is_pair(one: &End, link: &Link, other: &End, facts: &Snapshot) -> bool {
    let Some(there) = facts.state(other.at).link(other.name) else { return false };
    let in_same_place = one.at == other.at;
    // A place numbers the namespaces that its links lead to. Indices alone would not do: each namespace begins at 1.
    let number = other.at.as_ref().filter(|_| !in_same_place).and_then(|netns| match one.at {
        None => facts.namespaces.get(netns)?.host_id,
        Some(one) => facts.namespaces.get(one)?.numbers.get(netns).copied(),
    });
    let leads_there = link.peer_netns == number && link.peer_netns.is_none() == in_same_place;
    leads_there && link.peer == Some(there.index) && there.peer == Some(link.index)
}

fn side(at: &Place) -> String {
    at.as_ref().map_or(" (host)".to_owned(), |netns| format!(" (namespace {netns})"))
}

fn short(at: &Place) -> String {
    at.as_ref().map(|netns| format!(" `{netns}`")).unwrap_or_default()
}

fn list(addresses: &[IpNet]) -> String {
    addresses.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ")
}
