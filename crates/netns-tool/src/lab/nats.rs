//! The NATs of a lab's bridges, with their published ports.

use super::course::Course;
use super::model::Nat;
use crate::cli::{NatArgs, Removal};
use crate::failure::Failure;
use crate::firewall::{Choice, Firewall};
use crate::name::InterfaceName;
use crate::nat::{self, Publication, Standing};
use crate::noun::{Noun, Work};
use crate::plan::{Fact, Undo};
use crate::sysctl::Scope;
use std::collections::HashSet;

impl Course<'_> {
    fn args(&self, wanted: &Nat) -> NatArgs {
        NatArgs {
            mark: self.mark.clone(),
            bridge: wanted.bridge.clone(),
            outbound: wanted.uplink.clone(),
            publications: Vec::new(),
            allowed: wanted.allowed.clone(),
            no_masquerade: wanted.no_masquerade,
            scope: wanted.scope,
            firewall: Choice::Auto,
            removal: Removal::default(),
        }
    }

    /// Takes down what is in the way of the NATs of the file: those that stand with other settings, published ports that
    /// the file does not know, and NATs that it does not know as far as they may hold ports that others are to have.
    pub fn make_room_for_nats(&mut self) -> Result<(), Failure> {
        let publishes = |nat: &Nat| !nat.publications.is_empty();
        if self.lab.nats.iter().any(publishes) {
            for nat in self.unknown_nats()? {
                if !nat::published(&self.facts, &nat.bridge).is_empty() {
                    self.differs(name(&nat.bridge, &nat.uplink), "is not in the file");
                    self.take_down(&nat.bridge, &nat.uplink)?;
                }
            }
        }
        for wanted in &self.lab.nats {
            let uplink = self.uplink(wanted)?;
            let standing = self.standing();
            let standing = standing.iter().find(|nat| nat.is_of(&wanted.bridge, &uplink));
            let subnets = self.args(wanted).wanted_subnets(&self.facts)?;
            let is_other = |standing: &Standing| {
                stands_differently(standing, wanted)
                    || standing.subnets.iter().any(|net| !subnets.contains(net))
            };
            if standing.is_some_and(is_other) {
                self.differs(
                    name(&wanted.bridge, &uplink),
                    "stands with other settings than in the file",
                );
                self.take_down(&wanted.bridge, &uplink)?;
            } else if standing.is_some() {
                self.withdraw(wanted, &uplink)?;
            }
        }
        Ok(())
    }

    pub fn nat(&mut self, wanted: &Nat) -> Result<(), Failure> {
        let mut args = self.args(wanted);
        let uplink = self.uplink(wanted)?;
        args.outbound = Some(uplink.clone());
        let object = name(&wanted.bridge, &uplink);
        let stands = self.standing().iter().any(|nat| nat.is_of(&wanted.bridge, &uplink));
        let work = args.plan(&self.facts)?;
        if !work.plan.is_empty() {
            self.differs(object, if stands { "is not whole" } else { "is missing" });
        }
        self.take(work);
        for publication in &wanted.publications {
            let (publications, allowed) = (vec![publication.clone()], Vec::new());
            let one = NatArgs {
                publications,
                allowed,
                scope: None,
                no_masquerade: false,
                ..self.args(wanted)
            };
            let one = NatArgs { outbound: Some(uplink.clone()), ..one };
            if !one.is_published(&self.facts)? {
                self.differs(format!("published port {publication}"), "is missing");
                self.take(one.plan(&self.facts)?);
            }
        }
        Ok(())
    }

    /// The uplink that is meant.
    ///
    /// # Errors
    /// There is none; then it is to be named in the file.
    fn uplink(&self, wanted: &Nat) -> Result<InterfaceName, Failure> {
        let found = self.args(wanted).uplink_name(&self.facts);
        found.map_err(|failure| match wanted.uplink {
            Some(_) => failure,
            None => {
                failure.first_hint("name the uplink in the lab's file: nat = { uplink = \"eth0\" }")
            }
        })
    }

    /// The NATs of this lab that stand.
    fn standing(&self) -> Vec<Standing> {
        let lab = Some(&self.lab.name);
        let all = nat::standing(self.facts.firewall.ours());
        all.into_iter().filter(|nat| nat.mark.lab.as_ref() == lab).collect()
    }

    /// Takes back the ports that the file does not know.
    fn withdraw(&mut self, wanted: &Nat, uplink: &InterfaceName) -> Result<(), Failure> {
        let single = |publication: &Publication| {
            let sends = publication.sends().map(|(ports, port)| Publication {
                ports,
                first: port.unwrap_or(ports.first),
                ..publication.clone()
            });
            sends.collect::<Vec<_>>()
        };
        let known: Vec<Publication> = wanted.publications.iter().flat_map(single).collect();
        let standing = nat::published(&self.facts, &wanted.bridge);
        let doomed: Vec<Publication> = standing
            .into_iter()
            .map(|(port, _)| port)
            .filter(|port| !known.contains(port))
            .collect();
        if doomed.is_empty() {
            return Ok(());
        }
        for publication in &doomed {
            self.differs(format!("published port {publication}"), "is not in the file");
        }
        let args = NatArgs {
            outbound: Some(uplink.clone()),
            publications: doomed,
            allowed: Vec::new(),
            scope: None,
            no_masquerade: false,
            removal: Removal { delete: true, if_exists: true, force: false },
            ..self.args(wanted)
        };
        let work = args.plan(&self.facts)?;
        self.take_away(work);
        Ok(())
    }

    /// Takes the NAT down to make it anew.
    fn take_down(&mut self, bridge: &InterfaceName, uplink: &InterfaceName) -> Result<(), Failure> {
        let work = removal(bridge, uplink).plan(&self.facts)?;
        self.take_away(work);
        Ok(())
    }

    /// Takes away before something else takes its place: each step gets a way back.
    fn take_away(&mut self, work: Work) {
        let mut after = self.facts.clone();
        work.plan.remove.iter().for_each(|step| after.after(step));
        for step in Firewall::with_way_back(work.plan.remove, &after.firewall) {
            let facts = &self.facts;
            let back = |fact: &Fact| match fact {
                Fact::Value { at: None, path, .. } => facts.switches.way_back(path, &facts.host),
                _ => Vec::new(),
            };
            let undo: Vec<Undo> = step.gives.iter().flat_map(back).collect();
            self.step(if undo.is_empty() { step } else { step.undo(undo) });
        }
    }

    /// Takes down the NATs of the lab that the file does not know.
    pub fn clear_nats(&mut self) -> Result<(), Failure> {
        for nat in self.unknown_nats()? {
            self.differs(name(&nat.bridge, &nat.uplink), "is not in the file");
            let work = removal(&nat.bridge, &nat.uplink).plan(&self.facts)?;
            self.take(work);
        }
        Ok(())
    }

    /// The NATs of the lab that stand, and that the file does not know.
    fn unknown_nats(&self) -> Result<Vec<Standing>, Failure> {
        let mut wanted = HashSet::new();
        for nat in &self.lab.nats {
            wanted.insert((nat.bridge.clone(), self.uplink(nat)?));
        }
        let mut unknown = self.standing();
        unknown.retain(|nat| !wanted.contains(&(nat.bridge.clone(), nat.uplink.clone())));
        Ok(unknown)
    }
}

fn name(bridge: &InterfaceName, uplink: &InterfaceName) -> String {
    format!("NAT {bridge} -> {uplink}")
}

/// The words that take a NAT back, with all that was published through it.
pub fn removal(bridge: &InterfaceName, uplink: &InterfaceName) -> NatArgs {
    NatArgs {
        mark: Default::default(),
        bridge: bridge.clone(),
        outbound: Some(uplink.clone()),
        publications: Vec::new(),
        allowed: Vec::new(),
        no_masquerade: false,
        scope: None,
        firewall: Choice::Auto,
        removal: Removal { delete: true, if_exists: true, force: false },
    }
}

/// Whether the NAT has to go before it can stand as the file says.
fn stands_differently(standing: &Standing, wanted: &Nat) -> bool {
    let is_plain = standing.is_plain.is_some_and(|is_plain| is_plain != wanted.no_masquerade);
    let allows_more = standing.allowed.iter().any(|bridge| !wanted.allowed.contains(bridge));
    let scope: Scope = wanted.scope.unwrap_or_default();
    is_plain || allows_more || standing.scope != scope
}
