//! The default routes of a veth pair's namespace.

use super::list;
use crate::address::Gateway;
use crate::cli::VethArgs;
use crate::failure::{Failure, failed, usage};
use crate::kernel::Snapshot;
use crate::kernel::state::Link;
use crate::name::InterfaceName;
use crate::noun::where_is;
use ipnet::IpNet;
use std::net::IpAddr;

impl VethArgs {
    pub(super) fn check_gateways(&self) -> Result<(), Failure> {
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

    /// The gateways, with `auto` resolved for each address family that has no fixed one.
    pub(super) fn find_gateways(
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
                    "there is a default route{via}{} already",
                    where_is(&self.namespace)
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
}
