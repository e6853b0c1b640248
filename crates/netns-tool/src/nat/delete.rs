//! `nat --delete`: a NAT goes with all that was published through it, and forwarding is what it was before.

use super::owner::{Owner, owner, standing};
use super::{of_family, publish};
use crate::cli::NatArgs;
use crate::failure::{Failure, failed};
use crate::family::Family;
use crate::firewall::Change;
use crate::firewall::rule::{Chain, Rule, State, Table, Verdict};
use crate::kernel::Snapshot;
use crate::name::InterfaceName;
use crate::noun::Work;
use crate::plan::Step;
use crate::sysctl::Forwarding;
use ipnet::IpNet;

impl NatArgs {
    pub(super) fn delete(&self, facts: &Snapshot) -> Result<Work, Failure> {
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
        let back = self.switch_back(facts, &doomed)?;
        let report = self.report_deletion(facts, &doomed, &back);
        let why = |_, table| match table {
            Table::Filter => format!("forget what {} may forward", self.bridge),
            Table::Nat => format!("stop hiding the addresses of {}", self.bridge),
        };
        Ok(Work::remove(self.removal_steps(facts, doomed, back, &why), report))
    }

    /// The same words undo what they did: those that made the NAT take all of it back, those that allowed more to it, or
    /// name a part, only that.
    pub(super) fn disallow(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let is_about = |rule: &Rule, name: &InterfaceName| {
            [&rule.input, &rule.output].into_iter().flatten().any(|of| of == name)
        };
        let is_added = |rule: &Rule| matches!(owner(rule), Some(Owner::Nat { is_added: true, .. }));
        let rules = self.own_rules(facts)?;
        let with_the_nat: Vec<Rule> =
            rules.iter().filter(|rule| !is_added(rule)).cloned().collect();
        let (first, all) = (allowed(&with_the_nat), allowed(&rules));
        let is_allowed = |name: &&InterfaceName| all.contains(name);
        let (named, missing): (Vec<_>, Vec<_>) = self.allowed.iter().partition(is_allowed);
        if let Some(name) = missing.first()
            && (named.is_empty() || !self.removal.if_exists)
        {
            let what = format!("`{}` is not allowed to talk with `{name}`", self.bridge);
            if self.removal.if_exists {
                return Ok(Work::nothing(&what));
            }
            return Err(failed(what).hint("--if-exists takes it for a success"));
        }
        let is_added_later = named.iter().any(|name| !first.contains(name));
        if !is_added_later && named.len() == first.len() {
            return self.delete(facts);
        }
        let is_doomed = |rule: &&Rule| {
            (!is_added_later || is_added(rule)) && named.iter().any(|name| is_about(rule, name))
        };
        let doomed: Vec<Rule> = rules.iter().filter(is_doomed).cloned().collect();
        let names = allowed(&doomed).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let back = self.switch_back(facts, &doomed)?;
        let report = vec![format!("No longer allowed: {} <-> {names}", self.bridge)];
        let why = |_, _| format!("let {} and {names} no longer talk with each other", self.bridge);
        Ok(Work::remove(self.removal_steps(facts, doomed, back, &why), report))
    }

    /// Forwarding first: rules that let in too much must not be the ones that are left.
    fn removal_steps(
        &self,
        facts: &Snapshot,
        doomed: Vec<Rule>,
        back: Vec<(Family, Step)>,
        why: &dyn Fn(Family, Table) -> String,
    ) -> Vec<Step> {
        let mut steps: Vec<Step> = back.into_iter().map(|(_, step)| step).collect();
        steps.extend(publish::local_routes_back(facts, &doomed));
        steps.extend(facts.firewall.remove(&Change { rules: doomed, why }));
        steps
    }

    /// Forwarding, for the NATs that remain.
    fn switch_back(
        &self,
        facts: &Snapshot,
        doomed: &[Rule],
    ) -> Result<Vec<(Family, Step)>, Failure> {
        let is_doomed = |rule: &&Rule| doomed.contains(rule);
        let going = standing(facts.firewall.ours().filter(is_doomed));
        let remaining = standing(facts.firewall.ours().filter(|rule| !is_doomed(rule)));
        let mut steps = Vec::new();
        for family in Family::BOTH {
            let going = of_family(&going, family);
            if !going.is_empty() {
                let now = facts.switches.of(family)?;
                let off = now.turn_off(&going, &of_family(&remaining, family), &facts.host);
                steps.extend(off.into_iter().map(|step| (family, step)));
            }
        }
        Ok(steps)
    }

    fn report_deletion(
        &self,
        facts: &Snapshot,
        doomed: &[Rule],
        back: &[(Family, Step)],
    ) -> Vec<String> {
        let uplink = doomed.iter().find_map(|rule| owner(rule)?.uplink().map(str::to_owned));
        let uplink = uplink.unwrap_or_else(|| "?".to_owned());
        let going = standing(doomed.iter());
        let state = |now: &Forwarding| {
            let goes = back.iter().any(|(family, _)| *family == now.family);
            let is_on = going.iter().any(|nat| now.is_on(&nat.need(), &facts.host));
            match (is_on, goes) {
                (_, true) => "off again, as before",
                (true, false) => "stays on",
                (false, false) => "off",
            }
        };
        let concerned: Vec<(Family, &str)> = [Some(&facts.switches.v4), facts.switches.v6.as_ref()]
            .into_iter()
            .flatten()
            .filter(|now| going.iter().any(|nat| nat.families.contains(&now.family)))
            .map(|now| (now.family, state(now)))
            .collect();
        let forwarding = match concerned[..] {
            [(_, only)] => only.to_owned(),
            [(_, one), (_, other)] if one == other => one.to_owned(),
            _ => {
                let each = concerned.iter().map(|(family, state)| format!("{state} for {family}"));
                each.collect::<Vec<_>>().join(", ")
            }
        };
        let ports: u32 = doomed
            .iter()
            .filter(|rule| rule.chain == Chain::Publish)
            .filter_map(|rule| rule.ports)
            .map(|ports| u32::from(ports.last - ports.first) + 1)
            .sum();
        let mut report = vec![
            format!("NAT removed: {} -> {uplink}", self.bridge),
            format!("  forwarding  {forwarding}"),
        ];
        match ports {
            0 => {}
            1 => report.push("  closed      1 published port".to_owned()),
            many => report.push(format!("  closed      {many} published ports")),
        }
        report
    }

    /// The rules of this NAT; of one uplink only. What all NATs of the bridge share goes with the last of them.
    fn own_rules(&self, facts: &Snapshot) -> Result<Vec<Rule>, Failure> {
        let of_bridge =
            |rule: &&Rule| owner(rule).is_some_and(|owner| owner.bridge() == self.bridge.as_str());
        let rules: Vec<&Rule> = facts.firewall.ours().filter(of_bridge).collect();
        let uplinks = self.uplinks(&facts.firewall);
        let meant = self.meant_uplink(&facts.firewall)?;
        let is_last = uplinks.len() == usize::from(meant.is_some());
        let is_doomed =
            |rule: &Rule| match owner(rule).and_then(|owner| owner.uplink().map(str::to_owned)) {
                Some(uplink) => meant.as_ref().is_some_and(|meant| meant.as_str() == uplink),
                None => is_last && (self.outbound.is_none() || meant.is_some()),
            };
        let mut doomed: Vec<Rule> =
            rules.iter().filter(|rule| is_doomed(rule)).map(|&rule| rule.clone()).collect();
        if !is_last {
            doomed.extend(publish::no_longer_shared(facts, self.bridge.as_str(), &doomed));
        }
        Ok(doomed)
    }

    /// Rules that say what ours say, without a mark.
    fn unmarked_rules(&self, facts: &Snapshot) -> Vec<Rule> {
        let Ok(bridge) = self.find_bridge(&facts.host) else { return Vec::new() };
        let subnets = self.subnets(&facts.host, bridge).unwrap_or_default();
        let Ok(uplink) = self.find_uplink(&facts.host, &subnets) else { return Vec::new() };
        let rules = |subnet: &IpNet| {
            let rule = |chain, verdict| Rule::new(Family::of_net(subnet), chain, verdict, "");
            let (chain, accept) = (Chain::Everybody, Verdict::Accept);
            let out = rule(chain, accept).from(&self.bridge).to(&uplink.name);
            let source = Some(*subnet);
            [
                Rule { source, ..out.clone() },
                out,
                rule(chain, accept).from(&uplink.name).to(&self.bridge).when(State::Known),
                rule(chain, accept).from(&self.bridge).to(&self.bridge),
                Rule { source, ..rule(Chain::Postrouting, Verdict::Masquerade).to(&uplink.name) },
            ]
        };
        let wanted: Vec<Rule> = subnets.iter().flat_map(rules).collect();
        let is_wanted =
            |rule: &&Rule| !rule.is_ours() && wanted.iter().any(|wanted| wanted.does_as(rule));
        let all = facts.firewall.rules.iter().map(|found| &found.rule);
        all.filter(is_wanted).cloned().collect()
    }
}

/// Those whom the NATs of the rules let the bridge talk with.
fn allowed(rules: &[Rule]) -> Vec<InterfaceName> {
    standing(rules.iter()).into_iter().flat_map(|nat| nat.allowed).collect()
}

/// Whether the rule belongs to published ports of the bridge as a whole.
pub(super) fn is_shared(rule: &Rule, bridge: &str) -> bool {
    match owner(rule) {
        Some(Owner::Publications(of) | Owner::Loopback { bridge: of, .. }) => of == bridge,
        _ => false,
    }
}
