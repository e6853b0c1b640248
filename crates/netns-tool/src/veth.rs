//! `veth`: a pair of interfaces that is a wire between two network namespaces.

mod delete;
mod gateway;
mod pair;

pub use pair::is_pair;

use crate::address::Mac;
use crate::cli::VethArgs;
use crate::dns::{self, ResolvConf};
use crate::failure::{Failure, usage};
use crate::ip::{self, End, Hardware};
use crate::kernel::{Snapshot, Wanted};
use crate::mark::ALIAS;
use crate::noun::{
    Noun, Work, check_distinct, check_free, check_new, find_bridge, require_sound, where_is,
};
use crate::plan::{Fact, Place, Step};
use ipnet::IpNet;
use std::net::IpAddr;

/// The smallest packet size with which IPv6 works, in bytes (RFC 8200, section 5).
const IPV6_MTU: u32 = 1280;

impl Noun for VethArgs {
    fn wanted(&self) -> Wanted {
        let namespaces = self.namespace.iter().chain(&self.host_ns).cloned().collect();
        Wanted {
            namespaces,
            numbers: self
                .host_ns
                .iter()
                .cloned()
                .zip(self.namespace.clone())
                .map(Into::into)
                .collect(),
            routes: !self.gateways.is_empty(),
            ..Wanted::default()
        }
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
        dns::check(&self.name_servers)?;
        self.check_gateways()
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        if self.removal.delete { self.delete(facts) } else { self.create(facts) }
    }
}

impl VethArgs {
    fn one(&self) -> End<'_> {
        End { at: &self.host_ns, name: &self.host_if, hardware: self.hardware(self.host_mac) }
    }

    fn other(&self) -> End<'_> {
        // The command line has one of the two.
        let name = self.ns_if.as_ref().or(self.peer_if.as_ref()).unwrap_or(&self.host_if);
        End { at: &self.namespace, name, hardware: self.hardware(self.ns_mac) }
    }

    fn hardware(&self, mac: Option<Mac>) -> Hardware {
        Hardware { mtu: self.mtu, mac, single_queue: self.single_queue }
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
        let mut steps = Vec::new();
        if let (Some(netns), false) = (other.at, self.name_servers.is_empty()) {
            let (pair, servers) = (Some(other.name.clone()), self.name_servers.clone());
            // The end is not there yet: what was written for one of its name is of no use any more.
            let is_left = dns::is_ours(netns, pair.as_ref(), &facts.etc);
            dns::give(&mut steps, netns, &ResolvConf { pair, servers }, is_left, &facts.etc)?;
        }
        steps.push(ip::add_veth(&self.made_from(facts), &one, &other));
        let joins_late = bridge.is_some_and(|bridge| bridge.up);
        if !joins_late {
            steps.push(self.mark_first(is_up));
        }
        steps.extend(
            self.host_addresses.iter().map(|address| ip::add_address(one.at, one.name, *address)),
        );
        steps.push(ip::mark(
            other.at,
            other.name,
            &self.mark.link_alias(),
            is_up,
            ip::why_marked(other.name, is_up),
        ));
        steps.extend(
            self.ns_addresses.iter().map(|address| ip::add_address(other.at, other.name, *address)),
        );
        steps.extend(
            gateways.iter().map(|gateway| ip::add_default_route(other.at, *gateway, other.name)),
        );
        if joins_late {
            // Last of all: what the other end says while it comes up would be sent to every port of the bridge. One that
            // is down sends nothing on.
            steps.push(self.mark_first(is_up).after([other.at.clone()]));
        }
        let mut report = self.report(is_up, &gateways);
        report.extend(other.at.iter().flat_map(|name| dns::given_lines(name, &self.name_servers)));
        Ok(Work::build(steps, report))
    }

    /// Where the command is run that makes the pair. The pairs of a lab are all made from the host, so that one process
    /// does it, and none has to wait for another. But kernels before 6.15 also want the name to be free there.
    fn made_from(&self, facts: &Snapshot) -> Place {
        let is_free = facts.host.link(&self.host_if).is_none();
        if self.mark.lab.is_some() && is_free { None } else { self.host_ns.clone() }
    }

    fn is_up(&self) -> bool {
        let has_address = !self.host_addresses.is_empty() || !self.ns_addresses.is_empty();
        self.up || has_address || self.bridge.is_some() || !self.gateways.is_empty()
    }

    /// Marks the first end, and in the same call makes it a port and brings it up.
    fn mark_first(&self, is_up: bool) -> Step {
        let one = self.one();
        let Some(bridge) = &self.bridge else {
            return ip::mark(
                one.at,
                one.name,
                &self.mark.link_alias(),
                is_up,
                ip::why_marked(one.name, is_up),
            );
        };
        let (at, name) = (one.at.clone(), one.name.clone());
        let why =
            format!("mark {name} as made by {ALIAS}, bring it up, and make it a port of {bridge}");
        let mut step = ip::mark(one.at, one.name, &self.mark.link_alias(), is_up, why);
        ip::with_words(&mut step.run, &["master", bridge.as_str()]);
        step.gives.push(Fact::Port { at, name, bridge: bridge.clone() });
        step
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

fn side(at: &Place) -> String {
    at.as_ref().map_or(" (host)".to_owned(), |netns| format!(" (namespace {netns})"))
}

fn list(addresses: &[IpNet]) -> String {
    addresses.iter().map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ")
}
