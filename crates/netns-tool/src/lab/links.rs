//! The veth pairs of a lab.

use super::course::Course;
use super::model::{self, End, Link};
use super::way_back;
use crate::cli::VethArgs;
use crate::failure::Failure;
use crate::ip;
use crate::kernel::{Snapshot, state};
use crate::name::InterfaceName;
use crate::noun::{Noun, find_bridge, where_is};
use crate::plan::{Cmd, Fact, Place, Setting, Step, Undo};
use crate::veth;
use std::collections::BTreeMap;

/// What a veth pair has that is given no other, in bytes (`ETH_DATA_LEN`).
pub const MTU: u32 = 1500;

/// What a bridge has by itself.
fn smallest(ports: &BTreeMap<InterfaceName, u32>) -> u32 {
    ports.values().copied().min().unwrap_or(MTU)
}

/// The ends in an order in which the host, if it has one, is the first, and else a port is.
pub fn ordered(link: &Link) -> (&End, &End) {
    let [one, other] = &link.ends;
    let is_swapped = match (&one.at, &other.at) {
        (Some(_), None) => true,
        (None, Some(_)) => false,
        _ => one.bridge.is_none() && other.bridge.is_some(),
    };
    if is_swapped { (other, one) } else { (one, other) }
}

/// The pair in words.
pub fn object(link: &Link) -> String {
    let (one, other) = ordered(link);
    let end = |end: &End| format!("`{}`{}", end.name, where_is(&end.at));
    format!("veth pair {} <-> {}", end(one), end(other))
}

impl Course<'_> {
    pub fn link(&mut self, wanted: &Link) -> Result<(), Failure> {
        let (one, other) = ordered(wanted);
        let at = |course: &Self, end: &End| course.facts.state(&end.at).link(&end.name).cloned();
        let found = [at(self, one), at(self, other)];
        if let [Some(first), Some(_)] = &found
            && veth::is_pair(&one.at, first, (&other.at, &other.name), &self.facts)
            && found.iter().flatten().all(|link| self.owns(link))
        {
            return self.mend_link(wanted);
        }
        for (end, link) in [one, other].into_iter().zip(found) {
            if let Some(link) = link {
                self.clear_the_way(end, &link)?;
            }
        }
        self.make_link(wanted)
    }

    fn make_link(&mut self, wanted: &Link) -> Result<(), Failure> {
        let (one, other) = ordered(wanted);
        self.differs(object(wanted), "is missing");
        let is_on_host = other.at.is_none();
        let args = VethArgs {
            mark: self.mark.clone(),
            single_queue: true,
            host_if: one.name.clone(),
            namespace: other.at.clone(),
            ns_if: (!is_on_host).then(|| other.name.clone()),
            peer_if: is_on_host.then(|| other.name.clone()),
            host_ns: one.at.clone(),
            host_addresses: one.addresses.clone(),
            ns_addresses: other.addresses.clone(),
            up: true,
            bridge: one.bridge.clone(),
            gateways: Vec::new(),
            name_servers: Vec::new(),
            mtu: wanted.mtu,
            host_mac: one.mac,
            ns_mac: other.mac,
            removal: Default::default(),
        };
        self.take(args.plan(&self.facts)?);
        for end in [one, other] {
            self.makes(&end.at, Some(&end.name));
        }
        if let Some(bridge) = &other.bridge {
            let is_up = find_bridge(&other.at, bridge, &self.facts)?.up;
            let after = is_up.then(|| one.at.clone());
            self.step(ip::join(&other.at, &other.name, bridge).after(Vec::from_iter(after)));
        }
        Ok(())
    }

    /// What has the name of an end is the lab's, and goes.
    fn clear_the_way(&mut self, end: &End, link: &state::Link) -> Result<(), Failure> {
        // It may have gone with the other end.
        if self.facts.state(&end.at).link(&end.name).is_none() {
            return Ok(());
        }
        let object = format!("interface `{}`{}", end.name, where_is(&end.at));
        if !self.owns(link) {
            let remove = Cmd::ip(&end.at, &format!("link del dev {}", end.name));
            return Err(self.not_ours(&object, &remove.to_string()));
        }
        let peer = self.peer(&end.at, link);
        self.differs(object, "leads elsewhere than in the file");
        let other = peer.as_ref().map(|(at, link)| (at, link));
        let step = way_back::delete_link(&end.at, link, other, &self.facts);
        self.step(step);
        Ok(())
    }

    /// The other end of a veth of the lab, as far as it can be told.
    pub fn peer(&self, at: &Place, link: &state::Link) -> Option<(Place, state::Link)> {
        let mirrors = |other: &&state::Link| other.is_kind("veth") && link.mirrors(other);
        let host = std::iter::once((None, &self.facts.host));
        let namespaces = self.facts.namespaces.iter();
        let places = host.chain(namespaces.map(|(name, netns)| (Some(name.clone()), &netns.state)));
        let ends = places.flat_map(|(place, state)| {
            let links = state.links.iter().filter(mirrors);
            links.map(move |link| (place.clone(), link.clone())).collect::<Vec<_>>()
        });
        let mut ends = ends.filter(|(place, other)| {
            let is_it = |at: &Place, link: &state::Link, place: &Place, other: &state::Link| {
                veth::is_pair(at, link, (place, &other.name), &self.facts)
            };
            // Told by numbers where one of the two is the host, and else by indices alone.
            match (at, place) {
                (Some(_), None) => is_it(place, other, at, link),
                (None, _) => is_it(at, link, place, other),
                (Some(_), Some(_)) => {
                    self.owns(other) && (at == place) == link.peer_netns.is_none()
                }
            }
        });
        let found = ends.next()?;
        ends.next().is_none().then_some(found)
    }

    fn mend_link(&mut self, wanted: &Link) -> Result<(), Failure> {
        let (one, other) = ordered(wanted);
        for end in [one, other] {
            let (at, name) = (&end.at, &end.name);
            self.bring_up(at, name);
            let size = Setting::Mtu(wanted.mtu.unwrap_or(MTU));
            for setting in [Some(size), end.mac.map(Setting::Mac)].into_iter().flatten() {
                self.set(at, name, setting);
            }
            self.port(end)?;
            self.addresses(at, name, &end.addresses);
        }
        Ok(())
    }

    /// The size that a bridge is to have: without one of its own, that of its smallest port.
    pub fn size_of(&self, bridge: &model::Bridge) -> u32 {
        bridge.mtu.unwrap_or_else(|| smallest(&self.ports_after(bridge)))
    }

    /// The size that a bridge has anyway is not one that it was given: it loses it when its ports change
    /// (`br_mtu_auto_adjust` of net/bridge/br_if.c), so that it is given once they have.
    pub fn keep_size(&mut self, wanted: &model::Bridge, before: &Snapshot) {
        let (at, name) = (&wanted.at, &wanted.name);
        let Some(mtu) = wanted.mtu else { return };
        let state = before.state(at);
        let old = state.link(name);
        let ports = self.ports_after(wanted);
        let old_ports: BTreeMap<_, _> = old
            .into_iter()
            .flat_map(|bridge| state.ports(bridge))
            .map(|port| (port.name.clone(), port.mtu))
            .collect();
        let is_given = old.map_or(MTU, |bridge| bridge.mtu) != mtu;
        if !is_given && ports != old_ports && smallest(&ports) != mtu {
            let size = Setting::Mtu(mtu);
            let why = format!("set {name} to {}, whatever its ports have", size.words());
            self.removes(ip::set_link(at, name, size, None, why));
        }
    }

    /// The ports that a bridge will have, with their sizes: those of the file, and those of others.
    fn ports_after(&self, bridge: &model::Bridge) -> BTreeMap<InterfaceName, u32> {
        let state = self.facts.state(&bridge.at);
        let link = state.link(&bridge.name);
        let others = link.into_iter().flat_map(|bridge| state.ports(bridge));
        let others = others.filter(|port| !self.owns(port));
        let others = others.map(|port| (port.name.clone(), port.mtu));
        let ends =
            self.lab.links.iter().flat_map(|link| link.ends.iter().map(move |end| (link, end)));
        let own = ends.filter(|(_, end)| end.is_port_of(bridge));
        others.chain(own.map(|(link, end)| (end.name.clone(), link.mtu.unwrap_or(MTU)))).collect()
    }

    /// The end is a port of its bridge, or of none.
    fn port(&mut self, end: &End) -> Result<(), Failure> {
        let (at, name) = (&end.at, &end.name);
        let state = self.facts.state(at);
        let master = state.link(name).and_then(|link| link.master);
        let master = master.map(|index| state.by_index(index).map(|link| link.name.clone()));
        let is_same = master.as_ref().map(Option::as_ref) == end.bridge.as_ref().map(Some);
        if is_same {
            return Ok(());
        }
        let found = master.flatten();
        let object = format!("interface `{name}`{}", where_is(at));
        let word = |name: &Option<_>| match name {
            Some(name) => format!("a port of `{name}`"),
            None => "a port of no bridge".to_owned(),
        };
        self.differs(object, format!("is {}, not {}", word(&found), word(&end.bridge)));
        let given = |bridge| Fact::Port { at: at.clone(), name: name.clone(), bridge };
        let leave = Cmd::ip(at, &format!("link set dev {name} nomaster"));
        let step = match &end.bridge {
            Some(bridge) => {
                find_bridge(at, bridge, &self.facts)?;
                let step = ip::join(at, name, bridge);
                let undo = found.map_or(leave, |old| ip::join(at, name, &old).run);
                step.undo([Undo::new(given(bridge.clone()), undo)])
            }
            None => {
                let gone = found
                    .into_iter()
                    .map(|old| (ip::join(at, name, &old).run, Fact::not(given(old))));
                let (undo, gives): (Vec<_>, Vec<_>) =
                    gone.map(|(run, fact)| (Undo::new(fact.clone(), run), fact)).unzip();
                Step::new(format!("take {name} off its bridge"), leave).gives(gives).undo(undo)
            }
        };
        self.step(step);
        Ok(())
    }
}
