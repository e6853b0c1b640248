//! `nat --publish`: ports of the host behind which those of a namespace are reached.

use super::checks::check_is_free;
use super::delete::is_shared;
use super::foreign;
use super::owner::{Owner, Standing, owner, standing};
use super::publication::Publication;
use super::rules;
use super::warning;
use crate::cli::NatArgs;
use crate::failure::{Failure, failed};
use crate::family::Family;
use crate::firewall::Change;
use crate::firewall::rule::{Chain, Rule, Table, Verdict};
use crate::kernel::Snapshot;
use crate::name::InterfaceName;
use crate::noun::Work;
use crate::plan::Step;
use ipnet::IpNet;
use std::collections::HashSet;

impl NatArgs {
    /// Whether nothing is missing of what these words publish.
    pub fn is_published(&self, facts: &Snapshot) -> Result<bool, Failure> {
        let Some(nat) = self.nat_of_ports(facts)? else { return Ok(false) };
        let bridge = self.find_bridge(&facts.host)?;
        let there: HashSet<&Rule> = facts.firewall.ours().collect();
        let families: HashSet<Family> = self.publications.iter().map(Publication::family).collect();
        let on_loopback = self.publications.iter().any(Publication::is_on_loopback);
        Ok(self.all_rules(facts, &nat)?.iter().all(|rule| there.contains(rule))
            && families.into_iter().all(|family| facts.firewall.is_asked(family))
            && !(on_loopback && facts.switches.localnet.turn_on(bridge).is_some()))
    }

    pub(super) fn publish(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let bridge = self.find_bridge(&facts.host)?;
        let subnets = self.subnets(&facts.host, bridge)?;
        let nat = self.nat_of_ports(facts)?.ok_or_else(|| self.no_nat())?;
        for publication in &self.publications {
            self.check_target(publication, &facts.host, &subnets)?;
        }
        let families: HashSet<Family> = self.publications.iter().map(Publication::family).collect();
        if let Some(family) = families.iter().find(|family| !nat.families.contains(family)) {
            return Err(failed(format!(
                "the NAT of `{}` to `{}` is not for {family}",
                nat.bridge, nat.uplink
            ))
            .hint(format!("netns-tool nat {} {}", nat.bridge, nat.uplink)));
        }
        let wanted = self.all_rules(facts, &nat)?;
        let on_loopback = self.publications.iter().any(Publication::is_on_loopback);
        let there: HashSet<&Rule> = facts.firewall.ours().collect();
        let local_route = if on_loopback { facts.switches.localnet.turn_on(bridge) } else { None };
        // The very same publication is an error, unless something of it is gone that is to be mended.
        let is_damaged = |publication: &Publication, sends: &[Rule]| {
            let let_in = sends.iter().filter_map(|send| rules::let_in(send, &self.bridge));
            let shared = wanted.iter().filter(|rule| is_shared(rule, self.bridge.as_str()));
            !let_in.chain(shared.cloned()).all(|rule| there.contains(&rule))
                || !facts.firewall.is_asked(publication.family())
                || (publication.is_on_loopback() && local_route.is_some())
        };
        let forwards = foreign::forwards(&facts.firewall);
        for publication in &self.publications {
            let sends = sends(publication, &nat);
            let stands = sends.iter().all(|send| there.contains(send));
            if !(stands && is_damaged(publication, &sends)) {
                check_is_free(publication, &forwards, facts)?;
            }
        }
        let wanted = wanted.iter().filter(|rule| !there.contains(rule)).cloned().collect();
        let why = |_, table| match table {
            Table::Filter => format!("let in to {} what comes to the published ports", self.bridge),
            Table::Nat => format!("send on what comes to {}", self.name_publications()),
        };
        let mut steps = facts.firewall.add(&Change { rules: wanted, why: &why });
        steps.extend(local_route);
        let report = self.publications.iter().map(|publication| {
            format!("Published: {publication} (NAT {} -> {})", nat.bridge, nat.uplink)
        });
        let mut notes = Vec::new();
        for family in families {
            let first = self.publications.iter().find(|publication| publication.family() == family);
            let to = first.map(|publication| IpNet::from(publication.to));
            notes.extend(
                to.into_iter()
                    .flat_map(|to| warning::of_publication(&nat.bridge, &nat.uplink, to, facts)),
            );
        }
        Ok(Work::build(steps, report.collect()).with_notes(notes))
    }

    pub(super) fn withdraw(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let Some(nat) = self.nat_of_ports(facts)? else {
            let failure = self.no_nat();
            if self.removal.if_exists {
                return Ok(Work::nothing(&failure.what));
            }
            return Err(failed(failure.what).hint("--if-exists takes it for a success"));
        };
        let there: HashSet<&Rule> = facts.firewall.ours().collect();
        let mut doomed = Vec::new();
        for publication in &self.publications {
            let sends = sends(publication, &nat);
            let (found, missing): (Vec<Rule>, Vec<Rule>) =
                sends.into_iter().partition(|rule| there.contains(rule));
            if !missing.is_empty() && !self.removal.if_exists {
                return Err(failed(format!(
                    "`{publication}` is not published through the NAT of `{}` to `{}`",
                    nat.bridge, nat.uplink
                ))
                .hint("--if-exists takes it for a success"));
            }
            doomed.extend(found);
        }
        if doomed.is_empty() {
            return Ok(Work::nothing("none of the ports is published"));
        }
        let let_in = doomed.iter().filter_map(|send| rules::let_in(send, &nat.bridge));
        let let_in: Vec<Rule> = let_in.filter(|rule| there.contains(rule)).collect();
        doomed.extend(let_in);
        doomed.extend(no_longer_shared(facts, nat.bridge.as_str(), &doomed));
        let mut steps = local_routes_back(facts, &doomed);
        let why = |_, table| match table {
            Table::Filter => format!("let in to {} no more what came to the ports", self.bridge),
            Table::Nat => format!("stop sending on what comes to {}", self.name_publications()),
        };
        steps.extend(facts.firewall.remove(&Change { rules: doomed, why: &why }));
        let report = self
            .publications
            .iter()
            .map(|publication| format!("No longer published: {publication}"));
        Ok(Work::remove(steps, report.collect()))
    }

    /// The rules for these ports, with those that all ports of the bridge share.
    fn all_rules(&self, facts: &Snapshot, nat: &Standing) -> Result<Vec<Rule>, Failure> {
        let families: HashSet<Family> = self.publications.iter().map(Publication::family).collect();
        let subnets = self.subnets(&facts.host, self.find_bridge(&facts.host)?)?;
        let own: Vec<IpNet> =
            subnets.into_iter().filter(|net| families.contains(&Family::of_net(net))).collect();
        let mut shared: Vec<Rule> = rules::hairpin(&self.bridge, &own).into_iter().collect();
        shared.extend(rules::answers(&self.bridge, &families));
        if self.publications.iter().any(Publication::is_on_loopback) {
            shared.extend(rules::loopback(&self.bridge, &local_routes_before(facts, &self.bridge)));
        }
        let own = self.wanted_rules(nat);
        Ok(own.into_iter().chain(rules::marked(shared, &nat.mark)).collect())
    }

    /// Each connection is sent on, and let in.
    fn wanted_rules(&self, nat: &Standing) -> Vec<Rule> {
        let sends = self.publications.iter().flat_map(|port| sends(port, nat));
        sends.flat_map(|send| rules::let_in(&send, &nat.bridge).into_iter().chain([send])).collect()
    }

    /// For the reason of a step, which is a line.
    fn name_publications(&self) -> String {
        match &self.publications[..] {
            [only] => format!("port {}", only.ports),
            many => format!("{} published ports", many.len()),
        }
    }

    /// The NAT through which the ports are published.
    fn nat_of_ports(&self, facts: &Snapshot) -> Result<Option<Standing>, Failure> {
        let Some(uplink) = self.meant_uplink(&facts.firewall)? else { return Ok(None) };
        let mut nats = standing(facts.firewall.ours()).into_iter();
        Ok(nats.find(|nat| nat.is_of(&self.bridge, &uplink)))
    }

    fn no_nat(&self) -> Failure {
        let to = |of: &str| self.outbound.as_ref().map(|uplink| format!("{of}{uplink}"));
        failed(format!(
            "there is no NAT of `{}`{} through which ports could be published",
            self.bridge,
            to(" to `").map(|to| to + "`").unwrap_or_default()
        ))
        .hint(format!("netns-tool nat {}{}", self.bridge, to(" ").unwrap_or_default()))
    }
}

/// The rules that send on what comes to the ports.
fn sends(publication: &Publication, nat: &Standing) -> Vec<Rule> {
    let sends = rules::send(publication, nat.bridge.as_str(), nat.uplink.as_str());
    rules::marked(sends, &nat.mark)
}

/// What the published ports of the bridge share, where no more of them remain that need it.
pub(super) fn no_longer_shared(facts: &Snapshot, bridge: &str, doomed: &[Rule]) -> Vec<Rule> {
    let is_doomed: HashSet<&Rule> = doomed.iter().collect();
    let remaining: Vec<&Rule> = facts
        .firewall
        .ours()
        .filter(|rule| rule.chain == Chain::Publish && !is_doomed.contains(rule))
        .filter(|rule| owner(rule).is_some_and(|owner| owner.bridge() == bridge))
        .collect();
    let is_needed = |rule: &Rule| match owner(rule) {
        Some(Owner::Loopback { .. }) => remaining.iter().any(|send| {
            send.family == Family::V4 && send.destination.is_none_or(|net| net.addr().is_loopback())
        }),
        _ => remaining.iter().any(|send| send.family == rule.family),
    };
    let shared = facts.firewall.ours().filter(|rule| is_shared(rule, bridge));
    shared.filter(|rule| !is_needed(rule) && !is_doomed.contains(rule)).cloned().collect()
}

/// What `route_localnet` of the bridge was before the first port was published on 127.0.0.1, as a record.
fn local_routes_before(facts: &Snapshot, bridge: &InterfaceName) -> String {
    let recorded = facts.firewall.ours().find_map(|rule| match owner(rule) {
        Some(Owner::Loopback { bridge: of, before }) if of == bridge.as_str() => Some(before),
        _ => None,
    });
    let is_on = facts
        .host
        .link(bridge)
        .is_some_and(|link| facts.switches.localnet.interfaces.contains(&link.index));
    let now = if is_on { "route_localnet=1" } else { "route_localnet=0" };
    recorded.unwrap_or(now).to_owned()
}

/// Puts `route_localnet` back, where the rules that need it go.
pub(super) fn local_routes_back(facts: &Snapshot, doomed: &[Rule]) -> Vec<Step> {
    let was_off = doomed.iter().find_map(|rule| match owner(rule) {
        Some(Owner::Loopback { bridge, before: "route_localnet=0" }) => {
            InterfaceName::existing(bridge).ok()
        }
        _ => None,
    });
    let bridge = was_off.and_then(|name| facts.host.link(&name));
    bridge.and_then(|bridge| facts.switches.localnet.turn_off(bridge)).into_iter().collect()
}

/// What is published of a bridge, as its rules tell; of a range that moves, each port by itself.
pub fn published(facts: &Snapshot, bridge: &InterfaceName) -> Vec<(Publication, Rule)> {
    let of_rule = |rule: &Rule| {
        let Some(Owner::Publication { bridge: of, .. }) = owner(rule) else { return None };
        let (Verdict::Send { to, port }, Some(ports)) = (rule.verdict, rule.ports) else {
            return None;
        };
        let (host, first) = (rule.destination.map(|net| net.addr()), port.unwrap_or(ports.first));
        (of == bridge.as_str()).then(|| (Publication { host, ports, to, first }, rule.clone()))
    };
    facts.firewall.ours().filter_map(of_rule).collect()
}
