//! The bridges of a lab, and what any of its interfaces has: addresses, and how it is set.

use super::course::Course;
use super::links::MTU;
use super::model::Bridge;
use super::way_back;
use crate::address::Mac;
use crate::cli::BridgeArgs;
use crate::failure::Failure;
use crate::ip;
use crate::mark::fnv64;
use crate::name::{InterfaceName, NamespaceName};
use crate::noun::{Noun, where_is};
use crate::plan::{Cmd, Place, Setting};
use ipnet::IpNet;

impl Course<'_> {
    pub fn bridge(&mut self, wanted: &Bridge) -> Result<(), Failure> {
        let (at, name) = (&wanted.at, &wanted.name);
        let object = format!("bridge `{name}`{}", where_is(at));
        let Some(link) = self.facts.state(at).link(name).cloned() else {
            self.differs(object, "is missing");
            let args = BridgeArgs {
                mark: self.mark.clone(),
                name: name.clone(),
                addresses: wanted.addresses.clone(),
                attach: Vec::new(),
                // What it has anyway it is given at last, if its ports have another.
                mtu: wanted.mtu.filter(|mtu| *mtu != MTU),
                mac: wanted.mac,
                stp: wanted.stp,
                vlan_filtering: wanted.vlan_filtering,
                namespace: at.clone(),
                if_missing: false,
                removal: Default::default(),
            };
            self.facts.fresh_mac = Some(self.mac_of(at, name));
            self.take(args.plan(&self.facts)?);
            self.makes(at, Some(name));
            return Ok(());
        };
        if !self.owns(&link) || !link.is_kind("bridge") {
            return Err(
                self.not_ours(&object, &Cmd::ip(at, &format!("link del dev {name}")).to_string())
            );
        }
        self.bring_up(at, name);
        let settings =
            [Some(Setting::Stp(wanted.stp)), Some(Setting::VlanFiltering(wanted.vlan_filtering))];
        let mac = wanted.mac.unwrap_or_else(|| self.mac_of(at, name));
        let more = [Some(Setting::Mtu(self.size_of(wanted))), Some(Setting::Mac(mac))];
        for setting in settings.into_iter().chain(more).flatten() {
            self.set(at, name, setting);
        }
        self.addresses(at, name, &wanted.addresses);
        Ok(())
    }

    /// The hardware address of a bridge that is given none: always the same, and another for each.
    fn mac_of(&self, at: &Place, name: &InterfaceName) -> Mac {
        let place = at.as_ref().map_or("", NamespaceName::as_str);
        let hash = fnv64(&format!("{}/{place}/{name}", self.lab.name)).to_be_bytes();
        // Locally administered, and of one interface.
        let first = (hash[0] & 0xfc) | 0x02;
        Mac::from_octets([first, hash[1], hash[2], hash[3], hash[4], hash[5]])
    }

    /// The link is up.
    pub fn bring_up(&mut self, at: &Place, name: &InterfaceName) {
        if self.facts.state(at).link(name).is_some_and(|link| !link.up) {
            self.differs(format!("interface `{name}`{}", where_is(at)), "is down");
            self.step(ip::up(at, name));
        }
    }

    /// The link is set like this.
    pub fn set(&mut self, at: &Place, name: &InterfaceName, setting: Setting) {
        let Some(link) = self.facts.state(at).link(name) else { return };
        if link.is_set(setting) {
            return;
        }
        let was = link.setting_like(setting);
        let object = format!("interface `{name}`{}", where_is(at));
        let found = was.map(Setting::words).unwrap_or_default();
        self.differs(object, format!("has {found}, not {}", setting.words()));
        let why = format!("set {name} to {}", setting.words());
        self.step(ip::set_link(at, name, setting, was, why));
    }

    /// The bridges of the lab give up addresses: others may get their subnets.
    pub fn give_up_addresses(&mut self, wanted: &Bridge) {
        let link = self.facts.state(&wanted.at).link(&wanted.name);
        if link.is_some_and(|link| self.owns(link)) {
            self.drop_addresses(&wanted.at, &wanted.name, &wanted.addresses);
        }
    }

    /// The link has these addresses, and none besides.
    pub fn addresses(&mut self, at: &Place, name: &InterfaceName, wanted: &[IpNet]) {
        let found = self.drop_addresses(at, name, wanted);
        let state = self.facts.state(at);
        let Some(link) = state.link(name).cloned() else { return };
        let object = format!("interface `{name}`{}", where_is(at));
        let missing: Vec<IpNet> = wanted
            .iter()
            .copied()
            .filter(|net| !state.addresses_of(&link).any(|there| there == *net))
            .collect();
        for net in missing {
            if !found.contains(&net) {
                self.differs(object.clone(), format!("has no address {net}"));
            }
            let step = ip::add_address(at, name, net);
            self.step_on(at, Some(name), step, || ip::undo_address(at, name, net));
        }
    }

    /// Takes off the addresses that are not wanted; gives those that it had.
    fn drop_addresses(&mut self, at: &Place, name: &InterfaceName, wanted: &[IpNet]) -> Vec<IpNet> {
        let state = self.facts.state(at);
        let Some(link) = state.link(name).cloned() else { return Vec::new() };
        let found: Vec<IpNet> = state
            .addresses_of(&link)
            .filter(|net| wanted.contains(net) || !is_the_kernel_s(name, net))
            .collect();
        let object = format!("interface `{name}`{}", where_is(at));
        for net in found.iter().filter(|net| !wanted.contains(net)) {
            self.differs(
                object.clone(),
                format!("has the address {net}, which is not in the file"),
            );
            if !self.facts.state(at).addresses_of(&link).any(|there| there == *net) {
                continue;
            }
            // First: with an address of IPv4 go those of its subnet that came later.
            let steps = way_back::delete_address(at, &link, *net, self.facts.state(at));
            steps.into_iter().for_each(|step| self.step(step));
        }
        found
    }
}

/// What the kernel gives an interface by itself.
fn is_the_kernel_s(name: &InterfaceName, net: &IpNet) -> bool {
    let is_loopback =
        name.as_str() == "lo" && net.addr().is_loopback() && matches!(net.prefix_len(), 8 | 128);
    is_loopback || crate::address::is_link_local(net)
}
