//! What the words of `nat` name: the bridge with its subnets, the uplink, others that are allowed.

use super::owner::owner;
use crate::cli::NatArgs;
use crate::failure::{Failure, failed};
use crate::family::Family;
use crate::firewall::Firewall;
use crate::firewall::rule::Rule;
use crate::kernel::state::{Link, State};
use crate::name::InterfaceName;
use crate::sandbox;
use ipnet::IpNet;
use std::collections::BTreeSet;

impl NatArgs {
    pub(super) fn find_bridge<'a>(&self, host: &'a State) -> Result<&'a Link, Failure> {
        let Some(link) = host.link(&self.bridge) else {
            return Err(failed(format!("there is no bridge `{}`", self.bridge))
                .hint(format!("netns-tool bridge {} --addr 10.0.0.1/24", self.bridge)));
        };
        if !link.is_kind("bridge") {
            return Err(failed(format!("`{}` is not a bridge", self.bridge)));
        }
        Ok(link)
    }

    /// The subnets of the bridge, each once; those of IPv4 first.
    pub(super) fn subnets(&self, host: &State, bridge: &Link) -> Result<Vec<IpNet>, Failure> {
        let mut subnets: Vec<IpNet> = Vec::new();
        for net in host.addresses_of(bridge) {
            if net.prefix_len() == 0 {
                return Err(failed(format!(
                    "the address {net} of bridge `{}` makes the whole internet its subnet",
                    self.bridge
                ))
                .hint(format!(
                    "ip addr del {net} dev {0}, and one such as 10.0.0.1/24 in its place",
                    self.bridge
                )));
            }
            if !is_link_local(&net) && !subnets.contains(&net.trunc()) {
                subnets.push(net.trunc());
            }
        }
        subnets.sort_by_key(Family::of_net);
        let has_ipv6 = subnets.iter().any(|net| Family::of_net(net) == Family::V6);
        if subnets.is_empty() {
            return Err(failed(format!(
                "bridge `{}` has no address, and so no subnet to give a way out",
                self.bridge
            ))
            .hint(format!("ip addr add 10.0.0.1/24 dev {}", self.bridge)));
        }
        if self.no_masquerade && !has_ipv6 {
            return Err(failed(format!(
                "--no-masquerade is for IPv6, and bridge `{}` has no IPv6 subnet",
                self.bridge
            ))
            .hint("the command without it: IPv4 subnets are always masqueraded"));
        }
        Ok(subnets)
    }

    pub(super) fn find_uplink<'a>(
        &self,
        host: &'a State,
        subnets: &[IpNet],
    ) -> Result<&'a Link, Failure> {
        let name = &format!("name the uplink: netns-tool nat {} OUTBOUND", self.bridge);
        let link = match &self.outbound {
            Some(name) => host.link(name).ok_or_else(|| {
                let failure = failed(format!("there is no outbound interface `{name}`"))
                    .hint("`ip -br link` shows those that are there");
                in_private_host(failure)
            })?,
            None => {
                let is_ipv4 = subnets.first().is_none_or(|net| net.addr().is_ipv4());
                let routes = host.default_routes(is_ipv4);
                let Some(route) = routes.first() else {
                    let what = "the host has no default route, and so no uplink by itself";
                    return Err(in_private_host(failed(what).hint(name)));
                };
                let link = route.device.and_then(|index| host.by_index(index));
                link.ok_or_else(|| {
                    failed("the default route leads over several interfaces").hint(name)
                })?
            }
        };
        if link.name == self.bridge {
            return Err(
                failed(format!("bridge `{}` cannot be its own uplink", self.bridge)).hint(name)
            );
        }
        if !link.name.is_plain() {
            return Err(failed(format!(
                "the firewall has no exact way to name the uplink `{}`",
                link.name
            ))
            .hint(name));
        }
        Ok(link)
    }

    /// Packets can leave the host over the uplink, which `--allow` need not name.
    pub(super) fn check_uplink(&self, host: &State, uplink: &Link) -> Result<(), Failure> {
        let name = &uplink.name;
        let hint = format!("name the uplink: netns-tool nat {} OUTBOUND", self.bridge);
        if name.as_str() == "lo" {
            return Err(failed("`lo` is no uplink: what goes out over it does not leave the host")
                .hint(hint));
        }
        if let Some((master, kind)) = routed_by(host, uplink) {
            let hint = if master.name == self.bridge {
                hint
            } else {
                format!("netns-tool nat {} {}", self.bridge, master.name)
            };
            return Err(failed(format!(
                "`{name}` is no uplink: it is a port of the {kind} `{}`, over which its packets are routed",
                master.name
            ))
            .hint(hint));
        }
        if self.allowed.contains(name) {
            return Err(says_nothing(name));
        }
        Ok(())
    }

    /// What `--allow` names can be allowed, whichever the uplink is.
    /// The uplinks of the NATs that the bridge has.
    pub(super) fn uplinks(&self, firewall: &Firewall) -> BTreeSet<InterfaceName> {
        let uplink = |rule: &Rule| {
            let owner = owner(rule).filter(|owner| owner.bridge() == self.bridge.as_str())?;
            InterfaceName::existing(owner.uplink()?).ok()
        };
        firewall.ours().filter_map(uplink).collect()
    }

    /// The uplink of the NAT that is meant, if there is one.
    pub(super) fn meant_uplink(
        &self,
        firewall: &Firewall,
    ) -> Result<Option<InterfaceName>, Failure> {
        let mut uplinks = self.uplinks(firewall);
        match &self.outbound {
            Some(name) => Ok(uplinks.take(name)),
            None if uplinks.len() > 1 => {
                let names: Vec<&str> = uplinks.iter().map(InterfaceName::as_str).collect();
                let what = format!(
                    "bridge `{}` has NATs to several uplinks: {}",
                    self.bridge,
                    names.join(", ")
                );
                let is_whole = self.removal.delete && self.publications.is_empty();
                let rest = if is_whole && self.allowed.is_empty() { "--delete" } else { "…" };
                let hint = format!("name one: netns-tool nat {} {} {rest}", self.bridge, names[0]);
                Err(failed(what).hint(hint))
            }
            None => Ok(uplinks.pop_first()),
        }
    }

    pub(super) fn check_allowed(&self, host: &State) -> Result<(), Failure> {
        for name in &self.allowed {
            let Some(link) = host.link(name) else {
                return Err(failed(format!("there is no bridge `{name}` to allow"))
                    .hint(format!("netns-tool bridge {name} --addr 10.0.1.1/24")));
            };
            if !link.is_kind("bridge") {
                return Err(failed(format!("`{name}` is not a bridge, which --allow takes"))
                    .hint("ip -br link show type bridge"));
            }
            if *name == self.bridge {
                return Err(says_nothing(name));
            }
            if !name.is_plain() {
                return Err(failed(format!("the firewall has no exact way to name `{name}`")));
            }
        }
        Ok(())
    }
}

fn says_nothing(name: &InterfaceName) -> Failure {
    failed(format!(
        "--allow `{name}` says nothing: a bridge may talk with itself and its uplink anyway"
    ))
    .hint("the name of another bridge")
}

/// The interface, with its kind, that the packets of one of its ports are routed over; `None` where they are routed over
/// the port itself, as in a VRF.
fn routed_by<'a>(host: &'a State, port: &Link) -> Option<(&'a Link, &'a str)> {
    let master = host.by_index(port.master?)?;
    let kind = master.kind.as_deref()?;
    ["bridge", "bond", "team"].contains(&kind).then_some((master, kind))
}

/// What helps where nothing of the machine's own links is there.
fn in_private_host(failure: Failure) -> Failure {
    if !sandbox::is_around() {
        return failure;
    }
    failure.hint(
        "a private host has a way out only with --uplink: netns-tool sandbox --uplink -- netns-tool run FILE -- CMD; \
         or the lab makes its own: a [[link]] of the host as the uplink",
    )
}

fn is_link_local(net: &IpNet) -> bool {
    matches!(net, IpNet::V6(net) if net.addr().is_unicast_link_local())
}

/// Refuses a subnet that is somebody else's: another interface's own, or one that other routes lead into.
pub(super) fn check_overlap(host: &State, bridge: &Link, subnets: &[IpNet]) -> Result<(), Failure> {
    for route in &host.routes {
        let to = route.to;
        if to.prefix_len() == 0 || route.device == Some(bridge.index) || is_link_local(&to) {
            continue;
        }
        let is_link = route.via.is_none();
        let clash =
            subnets.iter().find(|subnet| subnet.contains(&to) || (is_link && to.contains(*subnet)));
        if let Some(subnet) = clash {
            let device = route
                .device
                .and_then(|index| host.by_index(index))
                .map_or("another", |link| link.name.as_str());
            return Err(failed(format!(
                "the subnet {subnet} of bridge `{}` overlaps {to}, which is on `{device}`",
                bridge.name
            ))
            .hint("another subnet for the bridge"));
        }
    }
    Ok(())
}
