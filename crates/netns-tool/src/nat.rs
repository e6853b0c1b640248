//! `nat`: a way out for a bridge's subnets, behind the address of an uplink, and a way in to published ports.

mod checks;
mod delete;
mod find;
mod foreign;
mod owner;
mod publication;
mod publish;
mod rules;
mod warning;

pub use owner::{Standing, standing};
pub use publication::Publication;
pub use publish::published;
pub use warning::{InTheWay, in_the_way};

use crate::cli::NatArgs;
use crate::dns;
use crate::failure::{Failure, failed, usage};
use crate::family::Family;
use crate::firewall::rule::{Rule, Table};
use crate::firewall::{Backend, Change, Firewall};
use crate::kernel::{Snapshot, Wanted, WantedFirewall};
use crate::name::InterfaceName;
use crate::noun::{Noun, Work};
use crate::plan::Step;
use crate::sysctl::{self, Forwarding, Need, ROOM_IPTABLES, ROOM_NFT, Scope};
use find::check_overlap;
use ipnet::IpNet;
use owner::{Owner, bears_record, is_same, owner};
use rules::{Memory, Nat};
use std::collections::BTreeMap;

impl Noun for NatArgs {
    fn check(&self) -> Result<(), Failure> {
        let has_options = !self.allowed.is_empty() || self.no_masquerade || self.scope.is_some();
        if !self.publications.is_empty() && has_options {
            return Err(usage(
                "--publish adds to a NAT that stands, and takes no option of the NAT",
            )
            .hint("the NAT first, and then the command with --publish"));
        }
        self.check_publications()
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            firewall: Some(WantedFirewall { choice: self.firewall, whole: !self.removal.delete }),
            listeners: !self.publications.is_empty() && !self.removal.delete,
            ..Wanted::default()
        }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        match (self.publications.is_empty(), self.removal.delete) {
            (true, false) => self.create(facts),
            (true, true) if !self.allowed.is_empty() => self.disallow(facts),
            (true, true) => self.delete(facts),
            (false, false) => self.publish(facts),
            (false, true) => self.withdraw(facts),
        }
    }
}

impl NatArgs {
    /// The subnets of the bridge that are to get out.
    pub fn wanted_subnets(&self, facts: &Snapshot) -> Result<Vec<IpNet>, Failure> {
        self.subnets(&facts.host, self.find_bridge(&facts.host)?)
    }

    /// The uplink that the words mean.
    pub fn uplink_name(&self, facts: &Snapshot) -> Result<InterfaceName, Failure> {
        let subnets = self.subnets(&facts.host, self.find_bridge(&facts.host)?)?;
        Ok(self.find_uplink(&facts.host, &subnets)?.name.clone())
    }

    fn create(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let bridge = self.find_bridge(&facts.host)?;
        let subnets = self.subnets(&facts.host, bridge)?;
        self.check_allowed(&facts.host)?;
        let uplink = self.find_uplink(&facts.host, &subnets)?;
        self.check_uplink(&facts.host, uplink)?;
        check_overlap(&facts.host, bridge, &subnets)?;
        let scope = self.scope.unwrap_or_default();
        let others = standing(facts.firewall.ours());
        let nat = Nat {
            bridge: &self.bridge,
            uplink: &uplink.name,
            scope,
            subnets: &subnets,
            masquerades_ipv6: !self.no_masquerade,
            allowed: &self.allowed,
            stands: others.iter().any(|other| other.is_of(&self.bridge, &uplink.name)),
        };
        check_standing(&nat, &others)?;
        nat.families().into_iter().try_for_each(|family| facts.firewall.require(family))?;
        let need = nat.need();
        let before = before(facts, &nat, &others)?;
        let turning = turning(facts, &need, &before)?;
        let this = others.iter().find(|other| other.is_of(nat.bridge, nat.uplink));
        let mark = this.map_or(&self.mark, |this| &this.mark);
        let mut rules = rules::marked(self.rules(facts, &nat, &before)?, mark);
        rules.retain(|rule| {
            let is_turned = turning.iter().any(|(family, _)| *family == rule.family);
            let is_told = !is_turned || tells(this, rule, &before);
            !(is_told && facts.firewall.ours().any(|found| is_same(found, rule)))
        });
        let why = |family, table| match table {
            Table::Nat => {
                format!("hide the addresses of {} behind that of {}", nat.bridge, nat.uplink)
            }
            Table::Filter if before.contains_key(&family) => {
                format!("let {} out to {}, and only answers in", nat.bridge, nat.uplink)
            }
            Table::Filter => {
                format!("let no {family} in or out of {}, which has no subnet of it", nat.bridge)
            }
        };
        let mut steps = facts.firewall.add(&Change { rules, why: &why });
        steps.extend(turning.into_iter().map(|(_, step)| step));
        let report = self.report(&nat, &before, facts, steps.is_empty());
        let mut notes = warning::of_nat(nat.bridge, nat.uplink, nat.subnets, facts);
        notes.extend(warning::of_switches(&need, &before, facts));
        notes.extend(dns::unreachable_note(facts));
        Ok(Work::build(steps, report).with_notes(notes))
    }

    /// The rules of the NAT, and those that its published ports need for each of its subnets.
    fn rules(
        &self,
        facts: &Snapshot,
        nat: &Nat,
        before: &BTreeMap<Family, Forwarding>,
    ) -> Result<Vec<Rule>, Failure> {
        let is_closed =
            |family: &Family| !before.contains_key(family) && facts.firewall.can(*family);
        let closed: Vec<Family> = Family::BOTH.into_iter().filter(is_closed).collect();
        let mut rules = nat.rules(&memories(facts, nat, before)?, &closed);
        let has_ports = |family: Family| {
            let mut ours = facts.firewall.ours().filter(|rule| rule.family == family);
            ours.any(|rule| owner(rule) == Some(Owner::Publications(nat.bridge.as_str())))
        };
        let concerned = nat.subnets.iter().filter(|net| has_ports(Family::of_net(net)));
        rules.extend(rules::hairpin(nat.bridge, &concerned.copied().collect::<Vec<_>>()));
        Ok(rules)
    }

    fn report(
        &self,
        nat: &Nat,
        before: &BTreeMap<Family, Forwarding>,
        facts: &Snapshot,
        nothing_new: bool,
    ) -> Vec<String> {
        let subnets = nat.subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let need = nat.need();
        let state = |family: &Family| {
            let is_on = facts.switches.of(*family).is_ok_and(|now| now.is_on(&need, &facts.host));
            match (before[family].is_on(&need, &facts.host), is_on) {
                (true, _) => "was on",
                (false, false) => "was off",
                (false, true) => "was off before the first NAT",
            }
        };
        let states = match &nat.families()[..] {
            [one, other] if state(one) == state(other) => {
                format!("for {one} and {other} ({})", state(one))
            }
            [one, other] => format!("for {one} ({}) and {other} ({})", state(one), state(other)),
            families => families.iter().map(|only| format!("({})", state(only))).collect(),
        };
        let scope = match nat.scope {
            Scope::Host => "on".to_owned(),
            Scope::Interface => format!("on between {} and {} only", nat.bridge, nat.uplink),
        };
        let by = if self.outbound.is_some() { "" } else { " (the default route's)" };
        let as_it_was = if nothing_new { " (as it was; nothing was changed)" } else { "" };
        let mut report = vec![
            format!("NAT configured: {} -> {}{as_it_was}", nat.bridge, nat.uplink),
            format!("  subnets     {subnets}"),
            format!("  uplink      {}{by}", nat.uplink),
            format!("  forwarding  {scope} {states}"),
        ];
        if !nat.allowed.is_empty() {
            let names: Vec<_> = nat.allowed.iter().map(InterfaceName::as_str).collect();
            report.push(format!("  allowed     {}", names.join(", ")));
        }
        report
    }
}

/// The same NAT cannot stand in two ways at once.
fn check_standing(nat: &Nat, standing: &[Standing]) -> Result<(), Failure> {
    let is_it = |other: &&Standing| other.is_of(nat.bridge, nat.uplink);
    let Some(other) = standing.iter().find(is_it) else { return Ok(()) };
    let hint = format!(
        "netns-tool nat {} {} --delete, and the same command again",
        nat.bridge, nat.uplink
    );
    let difference = match other.is_plain {
        _ if other.scope != nat.scope => format!("--forwarding {}", other.scope),
        Some(true) if nat.masquerades_ipv6 => "--no-masquerade".to_owned(),
        Some(false) if !nat.masquerades_ipv6 => "masqueraded IPv6".to_owned(),
        _ => return Ok(()),
    };
    Err(failed(format!("the NAT of `{}` to `{}` stands with {difference}", nat.bridge, nat.uplink))
        .hint(hint))
}

/// What the NAT has to remember of each family, besides those that stand.
fn before(
    facts: &Snapshot,
    nat: &Nat,
    standing: &[Standing],
) -> Result<BTreeMap<Family, Forwarding>, Failure> {
    let mut before = BTreeMap::new();
    for family in nat.families() {
        let now = facts.switches.of(family)?;
        let others = of_family(standing, family);
        before.insert(family, now.remember(&nat.need(), &others, &facts.host));
    }
    Ok(before)
}

/// Whether the NAT that stands remembers what the rule shall tell: of a switch that is turned only now, to mend it, its
/// rules may know nothing.
fn tells(nat: Option<&Standing>, rule: &Rule, before: &BTreeMap<Family, Forwarding>) -> bool {
    let old = nat.and_then(|nat| nat.before.get(&rule.family));
    let new = before.get(&rule.family).filter(|_| bears_record(rule));
    old.zip(new).is_none_or(|(old, new)| old.has(new))
}

/// The steps that turn forwarding on, each with its family.
fn turning(
    facts: &Snapshot,
    need: &Need,
    before: &BTreeMap<Family, Forwarding>,
) -> Result<Vec<(Family, Step)>, Failure> {
    let mut turning = Vec::new();
    for (family, before) in before {
        let steps = facts.switches.of(*family)?.turn_on(need, before, &facts.host)?;
        turning.extend(steps.into_iter().map(|step| (*family, step)));
    }
    Ok(turning)
}

/// The same in words, and the interfaces that were not forwarding before.
fn memories(
    facts: &Snapshot,
    nat: &Nat,
    before: &BTreeMap<Family, Forwarding>,
) -> Result<BTreeMap<Family, Memory>, Failure> {
    let room = match facts.firewall.backend {
        Backend::Iptables => ROOM_IPTABLES,
        Backend::Nft => ROOM_NFT,
    };
    let is_turned = |before: &Forwarding, name: &&InterfaceName| {
        let link = facts.host.link(name);
        nat.scope == Scope::Interface && link.is_some_and(|link| !before.forwards(link.index))
    };
    let memory = |before: &Forwarding| {
        let others = [nat.uplink].into_iter().chain(nat.allowed);
        let turned = others.filter(|name| is_turned(before, name)).cloned().collect();
        Ok(Memory { record: before.record(room)?, turned })
    };
    before.iter().map(|(family, before)| Ok((*family, memory(before)?))).collect()
}

/// The NATs of one family, as far as forwarding is concerned.
fn of_family(standing: &[Standing], family: Family) -> Vec<sysctl::Standing> {
    let is_of = |nat: &&Standing| nat.families.contains(&family);
    let standing = standing.iter().filter(is_of);
    standing
        .map(|nat| sysctl::Standing { need: nat.need(), before: nat.before.get(&family).cloned() })
        .collect()
}

/// The uplink of a NAT that the bridge has.
pub fn uplink_of(firewall: &Firewall, bridge: &InterfaceName) -> Option<InterfaceName> {
    standing(firewall.ours()).into_iter().find(|nat| nat.bridge == *bridge).map(|nat| nat.uplink)
}
