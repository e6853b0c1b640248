//! Forwarding: the switches in /proc/sys, and what they were before netns-tool turned them.
//!
//! The switch of the whole host reaches further than itself, and so the way back needs more than the one value:
//!
//! * IPv4 (`inet_forward_change` in net/ipv4/devinet.c): turning `ip_forward` on sets the switch of every interface
//!   and clears `all/accept_redirects`; turning it off does the reverse, also for interfaces on which the
//!   administrator had forwarding on by itself.
//! * IPv6 (`addrconf_fixup_forwarding` and `addrconf_forward_change` in net/ipv6/addrconf.c): turning
//!   `conf/all/forwarding` on sets the switch of every interface and takes away the default routes learned by router
//!   advertisement wherever `accept_ra` is not 2 (`rt6_purge_dflt_routers`; so does a 1 written to the switch of any
//!   one interface); turning it off clears the switch and the `force_forwarding` of every interface.
//!
//! A packet of IPv4 is forwarded if the interface that it comes in on has its switch on; one of IPv6, if the whole
//! host's switch is on or `force_forwarding` of that interface (`ip6_forward`).

mod change;
mod localnet;
mod record;
mod switches;
#[cfg(test)]
mod tests;

use crate::family::Family;
use crate::kernel::state::{Link, State};
use crate::name::InterfaceName;
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::fmt;

pub use change::{folder, host_switch, switch_over};
pub use localnet::Localnet;
pub use record::{ROOM_IPTABLES, ROOM_NFT};
pub use switches::Switches;

/// How far a NAT turns forwarding on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    /// For the whole host.
    #[default]
    Host,
    /// For the bridge and the uplink only.
    Interface,
}

/// What one NAT wants forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub scope: Scope,
    /// The bridge, and others that may use the uplink or reach the bridge.
    pub bridges: Vec<InterfaceName>,
    pub uplink: InterfaceName,
}

/// A NAT that stands: what it wants forwarded, and what was before, as its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub need: Need,
    /// `None` where the record is gone.
    pub before: Option<Forwarding>,
}

/// The switches of one family's forwarding, as they are or as they were. Interfaces are named by their indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    pub family: Family,
    /// `ip_forward`, `conf/all/forwarding`: for the whole host.
    pub on: bool,
    /// IPv4: `conf/all/accept_redirects`.
    pub accept_redirects: bool,
    /// `conf/default/forwarding`: for interfaces to come.
    pub default: bool,
    /// The interfaces whose own switch, `forwarding`, is on.
    pub interfaces: BTreeSet<u32>,
    /// IPv6: the interfaces whose `force_forwarding` is on.
    pub forced: BTreeSet<u32>,
    /// IPv6: the interfaces whose `accept_ra` is 1: they hear routers as long as they do not forward. In a record:
    /// those which shall have it again.
    pub hearing: BTreeSet<u32>,
    /// IPv6: the interfaces whose `accept_ra` is 2: they hear routers in any case. In no record.
    pub always_hearing: BTreeSet<u32>,
    /// IPv6: whether this kernel has `force_forwarding`. In no record.
    pub can_force: bool,
    /// Whether an interface forwards by itself whose name is not UTF-8: no path of a command can lead there. In no
    /// record.
    pub is_nameless: bool,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Interface => "interface",
        })
    }
}

impl Forwarding {
    /// The same for one family; the path begins in its folder.
    fn note(&mut self, file: &str, value: &str, host: &State) {
        let is_on = value != "0";
        if file == host_switch(self.family) {
            // The head of this file says what else turns with it.
            self.on = is_on;
            self.default = is_on;
            let all = host.links.iter().map(|link| link.index);
            self.interfaces = if is_on { all.collect() } else { BTreeSet::new() };
            self.accept_redirects = self.family == Family::V4 && !is_on;
            return;
        }
        match file {
            "conf/all/accept_redirects" => self.accept_redirects = is_on,
            "conf/default/forwarding" => self.default = is_on,
            _ => {}
        }
        let mut words = file.split('/').skip(1);
        let (Some(name), Some(switch)) = (words.next(), words.next()) else { return };
        let Some(index) = host.index_of(name) else { return };
        match switch {
            "forwarding" => turn(&mut self.interfaces, index, is_on),
            "force_forwarding" => turn(&mut self.forced, index, is_on),
            "accept_ra" => {
                turn(&mut self.hearing, index, value == "1");
                turn(&mut self.always_hearing, index, value == "2");
            }
            _ => {}
        }
    }

    /// The switches right after that of the whole host was turned off.
    pub fn off(family: Family) -> Self {
        Self {
            family,
            on: false,
            accept_redirects: family == Family::V4,
            default: false,
            interfaces: BTreeSet::new(),
            forced: BTreeSet::new(),
            hearing: BTreeSet::new(),
            always_hearing: BTreeSet::new(),
            can_force: false,
            is_nameless: false,
        }
    }

    /// Whether what the need names is forwarded.
    pub fn is_on(&self, need: &Need, host: &State) -> bool {
        self.on
            || (need.scope == Scope::Interface && need.indices(host).is_subset(self.one_by_one()))
    }

    /// The interfaces of the need whose own switch is off while that of the whole host is on.
    pub fn closed(&self, need: &Need, host: &State) -> Vec<InterfaceName> {
        let off = &need.indices(host) - self.one_by_one();
        let links = off.into_iter().filter_map(|index| host.by_index(index));
        links.filter(|_| self.on).map(|link| link.name.clone()).collect()
    }

    /// Whether what comes in over the interface is forwarded.
    pub fn forwards(&self, index: u32) -> bool {
        self.on || self.one_by_one().contains(&index)
    }

    /// Whether what the other remembers is in it.
    pub fn has(&self, other: &Self) -> bool {
        self.clone().and(other.clone()) == *self
    }

    /// What was before both of two times at which a NAT turned switches on: each has what it concerned.
    pub fn and(mut self, other: Self) -> Self {
        self.on &= other.on;
        self.accept_redirects &= other.accept_redirects;
        self.default |= other.default;
        self.interfaces.extend(other.interfaces);
        self.forced.extend(other.forced);
        self.hearing.extend(other.hearing);
        self
    }

    /// What was before all of these NATs: as it is now, but for what they have turned. What no NAT has turned may
    /// have been turned by somebody else since, who meant it.
    pub fn before<'a>(
        &self,
        standing: impl IntoIterator<Item = &'a Standing>,
        host: &State,
    ) -> Self {
        let standing: Vec<_> = standing.into_iter().filter_map(Standing::turned).collect();
        let mut before = Self { hearing: BTreeSet::new(), ..self.clone() };
        if let Some((_, record)) = standing.iter().find(|(need, _)| need.scope == Scope::Host) {
            before = (*record).clone();
        }
        for (need, record) in standing.iter().filter(|(need, _)| need.scope == Scope::Interface) {
            for index in need.indices(host) {
                if record.one_by_one().contains(&index) {
                    before.one_by_one_mut().insert(index);
                } else {
                    before.one_by_one_mut().remove(&index);
                }
            }
        }
        before
    }

    /// What a new NAT has to remember besides those that stand: what was before, as far as the need concerns it.
    pub fn remember(&self, need: &Need, standing: &[Standing], host: &State) -> Self {
        let mut before = self.before(standing, host);
        let off = Self::off(self.family);
        if before.on {
            return Self { on: true, ..off };
        }
        match need.scope {
            Scope::Host => {
                before.hearing.extend(self.deafened(need, host));
                let (always_hearing, can_force, is_nameless) = (BTreeSet::new(), false, false);
                Self { always_hearing, can_force, is_nameless, ..before }
            }
            Scope::Interface => {
                let mut record = off;
                *record.one_by_one_mut() = before.one_by_one() & &need.indices(host);
                record
            }
        }
    }

    /// The interfaces that would stop to hear routers, or lose what they have heard, if the host forwarded: the
    /// uplink, and those over which the host has a route from a router.
    fn deafened(&self, need: &Need, host: &State) -> BTreeSet<u32> {
        if self.on {
            return BTreeSet::new();
        }
        let uplink = host.link(&need.uplink).map(|link| link.index);
        let concerned: BTreeSet<u32> = host.advertised.iter().copied().chain(uplink).collect();
        &self.hearing & &concerned
    }

    /// The interfaces for which packets are forwarded whatever the whole host's switch says.
    fn one_by_one(&self) -> &BTreeSet<u32> {
        match self.family {
            Family::V4 => &self.interfaces,
            Family::V6 => &self.forced,
        }
    }

    fn one_by_one_mut(&mut self) -> &mut BTreeSet<u32> {
        match self.family {
            Family::V4 => &mut self.interfaces,
            Family::V6 => &mut self.forced,
        }
    }
}

impl Need {
    /// The interfaces that it names, as far as they are there.
    fn indices(&self, host: &State) -> BTreeSet<u32> {
        let names = self.bridges.iter().chain([&self.uplink]);
        names.filter_map(|name| host.link(name)).map(|link: &Link| link.index).collect()
    }
}

impl Standing {
    /// What it wants and what was before, unless the whole host forwarded already and so nothing was turned.
    fn turned(&self) -> Option<(&Need, &Forwarding)> {
        self.before.as_ref().filter(|before| !before.on).map(|before| (&self.need, before))
    }

    fn is_host(&self) -> bool {
        self.need.scope == Scope::Host
    }
}

/// Puts the number in, or takes it out.
fn turn(numbers: &mut BTreeSet<u32>, number: u32, is_in: bool) {
    if is_in {
        numbers.insert(number);
    } else {
        numbers.remove(&number);
    }
}
