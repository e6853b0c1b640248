//! The veth pairs: from an interface of a namespace to its bridge, or what a `[[link]]` says.

use super::{Draft, End, Spot, Wire, nth};
use crate::lab::file::problem::{At, Problem, Problems, Span, shown};
use crate::lab::file::raw;
use ipnet::IpNet;
use std::collections::HashSet;

impl<'a> Draft<'a> {
    pub(super) fn add_wires(&mut self, problems: &mut Problems) {
        let mut index = 0;
        for raw in &self.file.namespaces {
            for copy in 0..raw.count.as_ref().map_or(1, |count| count.value as usize) {
                for interface in &raw.interfaces {
                    match self.wire_to_bridge(index, copy, interface, problems) {
                        Some(wire) => self.wires.push(wire),
                        None => self.namespaces[index].faulty = true,
                    }
                }
                index += 1;
            }
        }
        for link in &self.file.links {
            match self.wire_of_link(link, problems) {
                Some(wire) => self.wires.push(wire),
                // A place that is not known could be any.
                None => self.namespaces.iter_mut().for_each(|netns| netns.faulty = true),
            }
        }
    }

    fn wire_to_bridge(
        &self,
        index: usize,
        copy: usize,
        interface: &'a raw::Interface,
        problems: &mut Problems,
    ) -> Option<Wire<'a>> {
        let bridge = self.find_bridge(&interface.bridge, problems)?;
        let at = self.bridges[bridge].at;
        let netns = &self.namespaces[index];
        if at == Some(index) {
            let message =
                format!("the bridge `{}` is in `{}` itself", interface.bridge.value, netns.given);
            problems.add(Problem::new(&interface.bridge.span, message).label(
                "a namespace reaches its own bridge without a wire: give the bridge the `address`",
            ));
            return None;
        }
        let span = &interface.name.span;
        let name = self.names.interface(&interface.name.value, false, span, problems);
        let count = netns.raw.count.as_ref().map_or(1, |count| count.value as usize);
        let addresses = interface.addresses.list.iter();
        let addresses =
            addresses.filter_map(|address| copied(address, copy, count, problems)).collect();
        let port = End::port(at, bridge, &interface.bridge.span);
        let end = End {
            at: Some(index),
            name,
            given: Some(&interface.name.value),
            span,
            addresses,
            faulty: interface.addresses.faulty,
            mac: interface.mac.as_ref(),
            bridge: None,
        };
        Some(Wire { ends: [port, end], mtu: interface.mtu.as_ref(), interface: Some(interface) })
    }

    fn wire_of_link(&self, link: &'a raw::Link, problems: &mut Problems) -> Option<Wire<'a>> {
        let [from, to] = &link.ends;
        let ends = [self.end(from, problems), self.end(to, problems)];
        let [Some(one), Some(other)] = ends else { return None };
        if one.at.is_some() && one.at == other.at {
            let message = format!("both ends of the link are{}", self.where_is(one.at));
            problems.add(Problem::new(&to.span, message).beside(&from.span, "one end"));
            return None;
        }
        if let (Some(bridge), true) = (&to.bridge, one.bridge == other.bridge) {
            let message = format!("both ends of the link are ports of `{}`", bridge.value);
            problems.add(Problem::new(&to.span, message).beside(&from.span, "one end"));
        }
        Some(Wire { ends: [one, other], mtu: link.mtu.as_ref(), interface: None })
    }

    fn end(&self, raw: &'a raw::End, problems: &mut Problems) -> Option<End<'a>> {
        let netns = raw.namespace.as_ref().map(|name| self.find_namespace(name, problems));
        let bridge = raw.bridge.as_ref().map(|key| self.find_bridge(key, problems));
        let (at, bridge) = match (netns, bridge) {
            (Some(None), _) | (_, Some(None)) => return None,
            (netns, None) => (netns.flatten(), None),
            (netns, Some(Some(bridge))) => {
                let at = self.bridges[bridge].at;
                if let (Some(netns), Some(name)) = (netns, &raw.namespace)
                    && netns != at
                {
                    let key = self.bridges[bridge].key();
                    let message = format!("the bridge `{key}` is{}", self.where_is(at));
                    let label = "leave it out: the end is where its bridge is";
                    problems.add(Problem::new(&name.span, message).label(label));
                }
                (at, Some(bridge))
            }
        };
        let (mut name, mut span) = (String::new(), &raw.span);
        if let Some(interface) = &raw.interface {
            span = &interface.span;
            name = self.names.interface(&interface.value, at.is_none(), span, problems);
        }
        Some(End {
            at,
            name,
            given: raw.interface.as_ref().map(|name| name.value.as_str()),
            span,
            addresses: raw.addresses.list.clone(),
            faulty: raw.addresses.faulty,
            mac: raw.mac.as_ref(),
            bridge,
        })
    }

    /// Names the ends that the file gives no name.
    pub(super) fn name_ends(&mut self) {
        let mut taken: HashSet<(Spot, String)> = HashSet::new();
        taken.extend(self.cards().iter().map(|card| (card.at, card.name.to_owned())));
        taken.extend(self.uplinks().map(|name| (None, name.to_owned())));
        for index in 0..self.wires.len() {
            for (own, other) in [(0, 1), (1, 0)] {
                let end = &self.wires[index].ends[own];
                if end.given.is_some() {
                    continue;
                }
                let is_free = |name: &str| !taken.contains(&(end.at, name.to_owned()));
                let (place, interface) = self.described(&self.wires[index].ends[other], end);
                let name = self.names.generated((place, interface), end.at.is_none(), is_free);
                taken.insert((end.at, name.clone()));
                self.wires[index].ends[own].name = name;
            }
        }
    }

    /// What is at the other end of the wire, as two words.
    fn described<'s>(&'s self, other: &'s End, own: &'s End) -> (&'s str, &'s str) {
        let key = |end: &End| end.bridge.map(|bridge| self.bridges[bridge].key());
        match (other.given, key(other)) {
            (Some(name), _) => {
                (other.at.map_or("host", |index| self.namespaces[index].given.as_str()), name)
            }
            (None, Some(bridge)) => (key(own).unwrap_or("host"), bridge),
            (None, None) => ("host", "end"),
        }
    }

    fn uplinks(&self) -> impl Iterator<Item = &str> {
        self.file.bridges.iter().filter_map(|bridge| match &bridge.nat.as_ref()?.uplink {
            raw::Uplink::Named(name) => Some(name.value.as_str()),
            raw::Uplink::Default => None,
        })
    }
}

impl<'a> End<'a> {
    /// The end on the side of the bridge; it has no name yet.
    fn port(at: Spot, bridge: usize, span: &'a Span) -> Self {
        Self {
            at,
            name: String::new(),
            given: None,
            span,
            addresses: Vec::new(),
            faulty: false,
            mac: None,
            bridge: Some(bridge),
        }
    }
}

/// The address of one of several namespaces: they are consecutive.
fn copied(
    first: &At<IpNet>,
    copy: usize,
    count: usize,
    problems: &mut Problems,
) -> Option<At<IpNet>> {
    let net = first.value;
    let is_host = |address: &IpNet| {
        let is_pair = net.max_prefix_len() - net.prefix_len() <= 1;
        let is_end = !is_pair && address.addr().is_ipv4() && address.addr() == net.broadcast();
        net.contains(&address.addr()) && !is_end
    };
    let address = nth(net, copy).filter(|address| copy == 0 || is_host(address));
    if address.is_none() {
        let message = format!(
            "{count} addresses from `{}` on do not fit into {}",
            shown(&net.to_string()),
            net.trunc()
        );
        problems.add(Problem::new(&first.span, message).label(format!("{copy} do")));
    }
    address.map(|address| At::new(address, &first.span))
}
