//! What will be there after a step: so that a plan can be made of several, each on what the others have made.

use super::namespaces::Entry;
use super::state::{Address, Link, PROTOCOL_KERNEL, Route, State};
use super::{Netns, Snapshot, etc};
use crate::dns::ResolvConf;
use crate::item::Item;
use crate::mark::{GROUP, PROTOCOL};
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::{self, Fact, Place, Setting, Step};
use ipnet::IpNet;
use std::ffi::OsString;

impl Snapshot {
    /// Takes the step for done: what it gives is so.
    pub fn after(&mut self, step: &Step) {
        for fact in &step.gives {
            match fact {
                Fact::Not(gone) => self.without(gone),
                fact => self.with(fact),
            }
        }
    }

    fn with(&mut self, fact: &Fact) {
        match fact {
            Fact::Namespace(name) => {
                self.namespaces.insert(name.clone(), Netns::new());
            }
            Fact::Link { at, name } => {
                let index = self.state_mut(at).make(name);
                if at.is_none() {
                    self.switches.note_new(index);
                }
            }
            Fact::Bridge { at, name } => {
                self.change(at, name, |link| link.kind = Some("bridge".to_owned()));
            }
            Fact::Up { at, name } => self.change(at, name, |link| link.up = true),
            Fact::Set { at, name, setting } => self.change(at, name, |link| link.set(*setting)),
            Fact::Alias { at, name, alias } => {
                self.change(at, name, |link| link.alias = Some(alias.clone()));
            }
            Fact::Port { at, name, bridge } => {
                let bridge = self.state(at).link(bridge).map(|bridge| bridge.index);
                self.change(at, name, |link| link.master = bridge);
            }
            Fact::Address { at, name, address } => self.state_mut(at).give(name, *address),
            Fact::Route { at, route } => self.state_mut(at).lead(route),
            Fact::DefaultRoute { at, gateway } => {
                let any = if gateway.is_ipv4() { plan::ANY_V4 } else { plan::ANY_V6 };
                let (via, device, metric) = (Some(*gateway), None, None);
                self.state_mut(at).lead(&plan::Route { to: any, via, device, metric });
            }
            Fact::Rule { .. } | Fact::Chain { .. } | Fact::Frame(_) => self.firewall.note(fact),
            Fact::Value { at: None, path, value } => self.switches.note(path, value, &self.host),
            Fact::Value { at: Some(name), path, value } => self.note_value(name, path, value),
            Fact::Item(item) => {
                self.etc.note(item, true);
                self.logs.note(item.path(), true);
            }
            Fact::Process { .. } | Fact::Empty(_) | Fact::Not(_) => {}
        }
    }

    fn without(&mut self, fact: &Fact) {
        match fact {
            Fact::Namespace(name) => {
                let netns = Netns { entry: Entry::Absent, state: State::default(), ..Netns::new() };
                self.namespaces.insert(name.clone(), netns);
            }
            Fact::Link { at, name } => {
                self.state_mut(at).lose(name);
                // What was set of it goes with it.
                let its = format!("/{name}/");
                if let Some(netns) = at.as_ref().and_then(|at| self.namespaces.get_mut(at)) {
                    netns.values.retain(|path, _| !path.contains(&its));
                }
            }
            Fact::Port { at, name, .. } => self.change(at, name, |link| link.master = None),
            Fact::Up { at, name } => self.change(at, name, |link| link.up = false),
            Fact::Address { at, name, address } => self.state_mut(at).take(name, *address),
            Fact::Route { at, route } => {
                let state = self.state_mut(at);
                let routes = std::mem::take(&mut state.routes);
                let kept = routes.into_iter().filter(|found| !state.is_route(found, route));
                state.routes = kept.collect();
            }
            Fact::Rule { .. } | Fact::Chain { .. } | Fact::Frame(_) => {
                self.firewall.note_gone(fact);
            }
            Fact::Item(item) => {
                self.etc.note(item, false);
                self.logs.note(item.path(), false);
            }
            // Of nothing else does a plan that goes on ask whether it is gone.
            _ => {}
        }
    }

    fn note_value(&mut self, name: &NamespaceName, path: &str, value: &str) {
        if let Some(netns) = self.namespaces.get_mut(name) {
            netns.values.insert(path.to_owned(), value.to_owned());
        }
    }

    fn state_mut(&mut self, at: &Place) -> &mut State {
        match at {
            None => &mut self.host,
            Some(name) => &mut self.namespaces.entry(name.clone()).or_insert_with(Netns::new).state,
        }
    }

    fn change(&mut self, at: &Place, name: &InterfaceName, change: impl FnOnce(&mut Link)) {
        let links = &mut self.state_mut(at).links;
        // What is changed was mostly made a moment ago.
        if let Some(link) = links.iter_mut().rev().find(|link| link.name == *name) {
            change(link);
        }
    }
}

impl Netns {
    /// A namespace that has just been made.
    fn new() -> Self {
        let mut state = State::default();
        state.make(&InterfaceName::reported("lo".to_owned()));
        Self {
            entry: Entry::Sound { mounts: 1, mixed: false },
            state,
            processes: Vec::new(),
            running: Vec::new(),
            is_current: false,
            host_id: None,
            numbers: Default::default(),
            values: Default::default(),
        }
    }
}

impl Link {
    fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Mtu(mtu) => self.mtu = mtu,
            Setting::Mac(mac) => self.mac = mac.octets().to_vec(),
            Setting::Stp(on) => self.stp = on,
            Setting::VlanFiltering(on) => self.vlan_filtering = on,
        }
    }
}

impl State {
    /// Gives its index.
    fn make(&mut self, name: &InterfaceName) -> u32 {
        let index = self.links.iter().map(|link| link.index).max().unwrap_or(0) + 1;
        let (name, group) = (name.clone(), GROUP);
        self.links.push(Link { index, name, group, ..Link::default() });
        index
    }

    fn lose(&mut self, name: &InterfaceName) {
        let Some(index) = self.link(name).map(|link| link.index) else { return };
        self.links.retain(|link| link.index != index);
        self.addresses.retain(|address| address.index != index);
        self.routes.retain(|route| route.device != Some(index));
    }

    fn give(&mut self, name: &InterfaceName, net: IpNet) {
        let Some(index) = self.link(name).map(|link| link.index) else { return };
        self.addresses.push(Address { index, net });
        // The kernel makes the route of the subnet by itself.
        if net.prefix_len() < net.max_prefix_len() {
            let (to, device, protocol) = (net.trunc(), Some(index), PROTOCOL_KERNEL);
            self.routes.push(Route { to, via: None, device, metric: 0, protocol });
        }
    }

    fn take(&mut self, name: &InterfaceName, net: IpNet) {
        let Some(index) = self.link(name).map(|link| link.index) else { return };
        self.addresses.retain(|address| (address.index, address.net) != (index, net));
        let is_its = |route: &Route| {
            route.to == net.trunc() && route.via.is_none() && route.device == Some(index)
        };
        if !self
            .addresses
            .iter()
            .any(|other| other.index == index && other.net.trunc() == net.trunc())
        {
            self.routes.retain(|route| !is_its(route));
        }
    }

    fn lead(&mut self, route: &plan::Route) {
        let by_name = |name| self.link(name).map(|link| link.index);
        let on_link = |ip| {
            let mut addresses = self.addresses.iter();
            addresses.find(|address| address.net.contains(&ip)).map(|address| address.index)
        };
        let device =
            route.device.as_ref().and_then(by_name).or_else(|| route.via.and_then(on_link));
        self.routes.push(Route {
            to: route.to,
            via: route.via,
            device,
            metric: route.metric(),
            protocol: PROTOCOL,
        });
    }
}

impl etc::Etc {
    /// The file or directory is there, or no more.
    fn note(&mut self, item: &Item, is_there: bool) {
        let path = item.path();
        let sound = || match is_there {
            true => etc::Folder::Sound(Default::default()),
            false => etc::Folder::Absent,
        };
        if path == etc::FOLDER {
            self.folder = sound();
            return;
        }
        let Some(rest) = path.strip_prefix(etc::FOLDER).and_then(|rest| rest.strip_prefix('/'))
        else {
            return;
        };
        let (name, file) =
            rest.split_once('/').map_or((rest, None), |(name, file)| (name, Some(file)));
        let name = NamespaceName::reported(name.to_owned());
        let netns = self.namespaces.entry(name).or_default();
        let folder = if file.is_some() { &mut netns.folder } else { &mut self.folder };
        if let etc::Folder::Sound(names) = folder {
            let entry = OsString::from(file.unwrap_or(rest));
            if is_there {
                names.insert(entry)
            } else {
                names.remove(&entry)
            };
        }
        match (file, item) {
            (None, _) => netns.folder = sound(),
            (Some("resolv.conf"), Item::File { text, .. }) => {
                let ours = ResolvConf::parse(text).filter(|_| is_there);
                netns.resolv_conf = ours.map_or(etc::File::Absent, etc::File::Ours);
            }
            (Some("hosts"), Item::File { text, .. }) => {
                let ours = is_there.then(|| text.clone());
                netns.hosts = ours.map_or(etc::Hosts::Absent, etc::Hosts::Ours);
            }
            _ => {}
        }
    }
}
