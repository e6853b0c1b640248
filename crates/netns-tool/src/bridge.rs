//! `bridge`: a switch, and the interfaces that are its ports.

mod delete;
mod join;
mod memory;
mod ports;

use crate::address::is_link_local;
use crate::cli::BridgeArgs;
use crate::failure::{Failure, failed, usage};
use crate::ip::{self, Hardware};
use crate::kernel::state::State;
use crate::kernel::{Snapshot, Wanted};
use crate::noun::{Noun, Work, check_distinct, check_free, check_new, require_sound, where_is};
use crate::plan::Cmd;
use ipnet::IpNet;
use memory::{Memory, Port};

impl Noun for BridgeArgs {
    fn wanted(&self) -> Wanted {
        Wanted {
            namespaces: self.namespace.iter().cloned().collect(),
            routes: !self.attach.is_empty() && !self.removal.delete,
            // With --force the bridge goes, whatever its NAT.
            rules: self.removal.delete && !self.removal.force && self.namespace.is_none(),
            ..Wanted::default()
        }
    }

    fn check(&self) -> Result<(), Failure> {
        if !self.removal.delete {
            check_new(&self.name)?;
        }
        check_distinct(self.addresses.iter())?;
        match self.attach.iter().find(|port| **port == self.name) {
            Some(_) => Err(usage(format!("bridge `{}` cannot be a port of itself", self.name))),
            None => Ok(()),
        }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let state = facts.state(&self.namespace);
        if self.removal.delete {
            return self.delete(facts, state);
        }
        require_sound(&self.namespace, facts)?;
        match state.link(&self.name) {
            Some(link) if link.is_kind("bridge") && self.if_missing => self.join(state, link),
            Some(link) if link.is_kind("bridge") => Err(failed(format!(
                "bridge `{}` already exists{}",
                self.name,
                where_is(&self.namespace)
            ))
            .hint("--if-missing to use it, or the command with --delete to remove it")),
            _ => self.create(facts, state),
        }
    }
}

impl BridgeArgs {
    fn create(&self, facts: &Snapshot, state: &State) -> Result<Work, Failure> {
        let at = &self.namespace;
        check_free(at, &self.name, facts)?;
        let ports = self.new_ports(state, None)?;
        self.check_subnets(state)?;
        let was_down = ports.iter().filter(|port| !port.up);
        let memory = Memory(
            was_down
                .map(|port| Port { index: port.index, was_down: true, joined: false })
                .collect(),
        );
        // Without an address of its own a bridge takes the lowest of its ports', and changes it as they come and go:
        // then whoever has it as its gateway loses packets.
        let hardware = Hardware { mac: self.mac.or(facts.fresh_mac), ..Hardware::default() };
        let is_up = !self.stays_down;
        let why = ip::why_marked(&self.name, is_up);
        let mut mark = ip::mark(at, &self.name, &memory.alias(&self.mark)?, is_up, why);
        if let Some(mtu) = self.mtu {
            mark = ip::with_mtu(mark, at, &self.name, mtu);
        }
        let mut steps = vec![ip::add_bridge(at, &self.name, hardware, &self.options()), mark];
        steps
            .extend(self.addresses.iter().map(|address| ip::add_address(at, &self.name, *address)));
        steps.extend(ports.iter().map(|port| self.attach(port)));
        let addresses = self.addresses.iter().map(|address| format!(", {address}"));
        let ports = ports.iter().map(|port| format!(", port {}", port.name));
        let traits = addresses.chain(ports).collect::<String>();
        Ok(Work::build(
            steps,
            vec![format!("Bridge created: {}{}, up{traits}", self.name, where_is(at))],
        ))
    }

    /// Refuses a subnet that another interface has: what is sent there would go out by one of the two, mostly the wrong.
    fn check_subnets(&self, state: &State) -> Result<(), Failure> {
        let is_subnet =
            |net: &IpNet| net.prefix_len() < net.max_prefix_len() && !is_link_local(net);
        for own in self.addresses.iter().filter(|net| is_subnet(net)) {
            let overlaps = |net: &IpNet| is_subnet(net) && (own.contains(net) || net.contains(own));
            let Some(other) = state.addresses.iter().find(|address| overlaps(&address.net)) else {
                continue;
            };
            let device = state.by_index(other.index).map_or("another", |link| link.name.as_str());
            let net = other.net;
            let take = Cmd::ip(&self.namespace, &format!("addr del {net} dev {device}"));
            return Err(failed(format!(
                "the subnet of `{own}` overlaps {net}, which `{device}` has{}",
                where_is(&self.namespace)
            ))
            .hint(format!("another subnet for the bridge, or take that one away: {take}")));
        }
        Ok(())
    }

    /// Words for the kind of the link.
    fn options(&self) -> String {
        let stp = if self.stp { " stp_state 1" } else { "" };
        let vlans = if self.vlan_filtering { " vlan_filtering 1" } else { "" };
        format!("{stp}{vlans}")
    }
}
