//! `nat`: a way out for a bridge's subnets, behind the address of an uplink.

mod rules;

use crate::cli::NatArgs;
use crate::failure::{Failure, failed};
use crate::iptables::{self, Position};
use crate::kernel::state::{Link, State};
use crate::kernel::{Snapshot, Wanted};
use crate::noun::{Noun, Work};
use crate::plan::{Plan, Rule, Step};
use crate::sysctl::Forwarding;
use ipnet::{IpNet, Ipv4Net};
use rules::{Nat, is_same, nat_of, record_of};

impl Noun for NatArgs {
    fn wanted(&self) -> Wanted {
        Wanted { firewall: true, ..Wanted::default() }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        if self.removal.delete { self.delete(facts) } else { self.create(facts) }
    }
}

impl NatArgs {
    fn create(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let bridge = self.find_bridge(&facts.host)?;
        let subnets = self.subnets(&facts.host, bridge)?;
        let uplink = self.find_uplink(&facts.host)?;
        check_overlap(&facts.host, bridge, &subnets)?;
        let nat = Nat { bridge: &self.bridge, uplink: &uplink.name, subnets: &subnets };
        let before = before(facts);
        let record = before.record()?;
        let is_there = |rule: &Rule| facts.firewall.rules.iter().any(|found| is_same(found, rule));
        let (filter, masquerade) = (nat.filter(&record), nat.masquerade(&record));
        let missing: Vec<Rule> =
            masquerade.iter().filter(|rule| !is_there(rule)).cloned().collect();
        let present = filter.iter().filter(|rule| is_there(rule)).count();
        let mut steps = Vec::new();
        match present {
            0 => steps.push(iptables::add(
                &format!(
                    "let {0} out to {1} and among itself; from {1} let only answers in",
                    nat.bridge, nat.uplink
                ),
                &filter,
                Position::First,
            )),
            all if all == filter.len() => {}
            // Which of them are gone is unknown to the others' order; a NAT that lets too much in is worse than none.
            _ => {
                return Err(failed(format!(
                    "the NAT of `{}` to `{}` is damaged: {} of its {} FORWARD rules are gone",
                    nat.bridge,
                    nat.uplink,
                    filter.len() - present,
                    filter.len()
                ))
                .hint(format!(
                    "netns-tool nat {} {} --delete, and the same command again",
                    nat.bridge, nat.uplink
                )));
            }
        }
        if !missing.is_empty() {
            let why = format!("hide the addresses of {} behind that of {}", nat.bridge, nat.uplink);
            steps.push(iptables::add(&why, &missing, Position::Last));
        }
        if !facts.forwarding.on {
            steps.push(facts.forwarding.turn_on(&facts.host));
        }
        let report = self.report(&nat, &before, facts.forwarding.on, steps.is_empty());
        Ok(Work { plan: Plan::build(steps), report })
    }

    fn report(
        &self,
        nat: &Nat,
        before: &Forwarding,
        is_on: bool,
        nothing_new: bool,
    ) -> Vec<String> {
        let subnets = nat.subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let forwarding = match (before.on, is_on) {
            (true, _) => "was on",
            (false, false) => "was off",
            (false, true) => "was off before the first NAT",
        };
        let by = if self.outbound.is_some() { "" } else { " (the default route's)" };
        vec![
            format!(
                "NAT configured: {} -> {}{}",
                nat.bridge,
                nat.uplink,
                if nothing_new { " (as it was; nothing was changed)" } else { "" }
            ),
            format!("  subnets     {subnets}"),
            format!("  uplink      {}{by}", nat.uplink),
            format!("  forwarding  on ({forwarding})"),
        ]
    }

    fn find_bridge<'a>(&self, host: &'a State) -> Result<&'a Link, Failure> {
        let Some(link) = host.link(&self.bridge) else {
            return Err(failed(format!("there is no bridge `{}`", self.bridge))
                .hint(format!("netns-tool bridge {} --addr 10.0.0.1/24", self.bridge)));
        };
        if !link.is_kind("bridge") {
            return Err(failed(format!("`{}` is not a bridge", self.bridge)));
        }
        Ok(link)
    }

    /// The IPv4 subnets of the bridge, each once.
    fn subnets(&self, host: &State, bridge: &Link) -> Result<Vec<Ipv4Net>, Failure> {
        let mut subnets: Vec<Ipv4Net> = Vec::new();
        for net in host.addresses_of(bridge) {
            let IpNet::V4(net) = net else { continue };
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
            if !subnets.contains(&net.trunc()) {
                subnets.push(net.trunc());
            }
        }
        if subnets.is_empty() {
            return Err(failed(format!(
                "bridge `{}` has no IPv4 address, and so no subnet to give a way out",
                self.bridge
            ))
            .hint(format!("ip addr add 10.0.0.1/24 dev {}", self.bridge)));
        }
        Ok(subnets)
    }

    fn find_uplink<'a>(&self, host: &'a State) -> Result<&'a Link, Failure> {
        let name = &format!("name the uplink: netns-tool nat {} OUTBOUND", self.bridge);
        let link = match &self.outbound {
            Some(name) => host.link(name).ok_or_else(|| {
                failed(format!("there is no outbound interface `{name}`"))
                    .hint("`ip -br link` shows those that are there")
            })?,
            None => {
                let routes = host.default_routes(true);
                let Some(route) = routes.first() else {
                    return Err(failed(
                        "the host has no default route, and so no uplink by itself",
                    )
                    .hint(name));
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
                "iptables has no exact way to name the uplink `{}`",
                link.name
            ))
            .hint(name));
        }
        Ok(link)
    }

    fn delete(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let mut doomed = self.own_rules(facts)?;
        if self.removal.force {
            doomed.extend(self.unmarked_rules(facts));
        }
        if doomed.is_empty() {
            let message = match &self.outbound {
                Some(uplink) => format!(
                    "there is no NAT of `{}` to `{uplink}` that netns-tool made",
                    self.bridge
                ),
                None => format!("there is no NAT of `{}` that netns-tool made", self.bridge),
            };
            if self.removal.if_exists {
                return Ok(Work::nothing(&message));
            }
            return Err(failed(message)
                .hint("--if-exists takes it for a success; --force removes also rules that say the same without its mark"));
        }
        let (filter, masquerade): (Vec<Rule>, Vec<Rule>) =
            doomed.iter().cloned().partition(|rule| rule.table == "filter");
        let restored = restored_forwarding(facts, &doomed);
        let mut steps: Vec<Step> = Vec::new();
        // The rule that bears the record goes last: a removal that is cut short can be finished.
        if !masquerade.is_empty() {
            steps.push(iptables::remove(
                &format!("stop hiding the addresses of {}", self.bridge),
                &masquerade,
            ));
        }
        if let Some(before) = &restored {
            steps.extend(before.restore(&facts.forwarding, &facts.host));
        }
        if !filter.is_empty() {
            steps.push(iptables::remove(
                &format!("forget what {} may forward", self.bridge),
                &filter,
            ));
        }
        let uplink = doomed.iter().find_map(nat_of).map_or("?", |(_, uplink)| uplink);
        let forwarding = match restored {
            Some(Forwarding { on: false, .. }) => "off again, as before",
            _ if facts.forwarding.on => "stays on",
            _ => "off",
        };
        Ok(Work {
            plan: Plan::remove(steps),
            report: vec![
                format!("NAT removed: {} -> {uplink}", self.bridge),
                format!("  forwarding  {forwarding}"),
            ],
        })
    }

    /// The rules that bear the mark of this NAT; of one uplink only.
    fn own_rules(&self, facts: &Snapshot) -> Result<Vec<Rule>, Failure> {
        let is_this = |rule: &&Rule| {
            let nat = nat_of(rule);
            nat.is_some_and(|(bridge, uplink)| {
                bridge == self.bridge.as_str()
                    && self.outbound.as_ref().is_none_or(|name| name.as_str() == uplink)
            })
        };
        let rules: Vec<Rule> = facts.firewall.rules.iter().filter(is_this).cloned().collect();
        let mut uplinks: Vec<&str> =
            rules.iter().filter_map(nat_of).map(|(_, uplink)| uplink).collect();
        uplinks.sort_unstable();
        uplinks.dedup();
        if uplinks.len() > 1 {
            return Err(failed(format!(
                "bridge `{}` has NATs to several uplinks: {}",
                self.bridge,
                uplinks.join(", ")
            ))
            .hint(format!("netns-tool nat {} {} --delete", self.bridge, uplinks[0])));
        }
        Ok(rules)
    }

    /// Rules that say what ours say, without a mark.
    fn unmarked_rules(&self, facts: &Snapshot) -> Vec<Rule> {
        let Ok(bridge) = self.find_bridge(&facts.host) else { return Vec::new() };
        let subnets = self.subnets(&facts.host, bridge).unwrap_or_default();
        let Ok(uplink) = self.find_uplink(&facts.host) else { return Vec::new() };
        let nat = Nat { bridge: &self.bridge, uplink: &uplink.name, subnets: &subnets };
        let wanted: Vec<_> = nat.filter("").into_iter().chain(nat.masquerade("")).collect();
        let is_wanted = |rule: &&Rule| {
            !rule.is_ours()
                && wanted.iter().any(|wanted| wanted.without_comment() == rule.without_comment())
        };
        facts.firewall.rules.iter().filter(is_wanted).cloned().collect()
    }
}

/// What forwarding was before the first NAT of netns-tool.
fn before(facts: &Snapshot) -> Forwarding {
    facts.firewall.rules.iter().find_map(record_of).unwrap_or_else(|| facts.forwarding.clone())
}

/// What to put forwarding back to when these rules are gone: nothing as long as another NAT of ours remains.
fn restored_forwarding(facts: &Snapshot, doomed: &[Rule]) -> Option<Forwarding> {
    let another =
        facts.firewall.rules.iter().any(|rule| nat_of(rule).is_some() && !doomed.contains(rule));
    if another {
        return None;
    }
    doomed.iter().find_map(record_of).filter(|before| !before.on)
}

/// Refuses a subnet that is somebody else's: another interface's own, or one that other routes lead into.
fn check_overlap(host: &State, bridge: &Link, subnets: &[Ipv4Net]) -> Result<(), Failure> {
    for route in &host.routes {
        let IpNet::V4(to) = route.to else { continue };
        if to.prefix_len() == 0 || route.device == Some(bridge.index) {
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
