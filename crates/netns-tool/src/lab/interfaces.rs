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
use std::collections::BTreeSet;

/// A bridge with so many ports is brought up last: with 300 that makes no difference, and with 1,000 it takes a seventh less
/// time, and a third less of the processors until the lab is quiet.
const MANY: usize = 500;

impl Course<'_> {
    pub fn bridge(&mut self, wanted: &Bridge) -> Result<(), Failure> {
        let (at, name) = (&wanted.at, &wanted.name);
        let object = format!("bridge `{name}`{}", where_is(at));
        let Some(link) = self.facts.state(at).link(name).cloned() else {
            self.differs(object, "is missing");
            let args = BridgeArgs {
                mark: self.mark.clone(),
                stays_down: self.comes_up_late(wanted),
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

    /// Whether a new bridge is brought up when all of its ports have come up. Until then what they say goes nowhere, and not
    /// to every other port: where there are many, that would take longer than all else. But where Linux does not finish
    /// links when it is asked to, a bridge takes up to a second to be up with ports that are up already.
    fn comes_up_late(&self, bridge: &Bridge) -> bool {
        self.facts.finishes_links
            && self.lab.links.len() >= MANY
            && self.lab.links_of(bridge).count() >= MANY
    }

    /// Brings up the new bridges that are still down.
    pub fn open_bridges(&mut self) {
        for bridge in &self.lab.bridges {
            let (at, name) = (&bridge.at, &bridge.name);
            if self.facts.state(at).link(name).is_none_or(|link| link.up) {
                continue;
            }
            let ends = self.lab.links_of(bridge).flat_map(|link| &link.ends);
            let ends = ends.map(|end| end.at.clone());
            let places: Vec<Place> = BTreeSet::from_iter(ends).into_iter().collect();
            self.step(ip::up(at, name).undo([]).after(places));
            self.opened.insert(at.clone());
        }
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

#[cfg(test)]
mod tests {
    use super::MANY;
    use crate::kernel::Snapshot;
    use crate::lab::{Up, file};
    use crate::noun::Noun;

    /// The commands that build a lab of one bridge with so many ports, and a route over it.
    fn commands(ports: usize, finishes_links: bool) -> Vec<String> {
        let mut text = "[bridge.br0]\naddress = \"10.0.0.1/16\"\n\
                        [host]\nroutes = [{ to = \"172.16.0.0/24\", via = \"10.0.0.2\" }]\n"
            .to_owned();
        for number in 1..=ports {
            text += &format!(
                "[[link]]\nfrom = {{ interface = \"p{number}\", bridge = \"br0\" }}\n\
                 to = {{ interface = \"q{number}\" }}\n"
            );
        }
        let lab = file::parse(&text, "lab.toml", "/lab.toml".into(), None).expect("a lab");
        let facts = Snapshot { finishes_links, ..Snapshot::default() };
        let work = Up::new(lab, 30).plan(&facts).expect("a plan");
        work.plan.steps().map(|step| step.run.to_string()).collect()
    }

    /// Where the last of the commands is that begin and end so.
    fn last(commands: &[String], begin: &str, end: &str) -> usize {
        let found =
            commands.iter().rposition(|line| line.starts_with(begin) && line.ends_with(end));
        found.unwrap_or_else(|| panic!("no {begin} … {end}"))
    }

    #[test]
    fn a_bridge_with_many_ports_comes_up_when_they_have_and_before_its_routes() {
        let commands = commands(MANY, true);
        let up = last(&commands, "ip link set dev br0", " up");
        assert_eq!(commands[up], "ip link set dev br0 up");
        assert!(last(&commands, "ip link set dev p", "up master br0") < up);
        assert!(last(&commands, "ip link set dev q", " up") < up);
        assert!(up < last(&commands, "ip route add 172.16.0.0/24", ""));
    }

    #[test]
    fn a_bridge_with_fewer_comes_up_first_and_so_do_all_where_linux_is_slow_to_say_so() {
        for commands in [commands(MANY - 1, true), commands(MANY, false)] {
            let up = last(&commands, "ip link set dev br0", " up");
            assert!(commands[up].contains(" alias "), "{}", commands[up]);
            assert!(up < last(&commands, "ip link set dev p", "up master br0"));
        }
    }
}
