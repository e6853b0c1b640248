//! The ground of a lab, as far as a question can have come.

use super::Reason;
use super::words::{in_place, ip as ip_command, ip_for, place};
use crate::kernel::ground::{Condition, Ground, Hop, Refuser, Way, refuser, way};
use crate::kernel::state::Link;
use crate::lab::model::{End, Lab};
use crate::name::InterfaceName;
use crate::plan::Place;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

pub struct Site<'a> {
    pub lab: &'a Lab,
    pub grounds: BTreeMap<Place, Ground>,
}

impl Site<'_> {
    pub fn link(&self, at: &Place, index: u32) -> Option<&Link> {
        self.grounds.get(at)?.state.by_index(index)
    }

    pub fn name(&self, at: &Place, index: u32) -> String {
        let name = self.link(at, index).map(|link| link.name.to_string());
        name.unwrap_or_else(|| format!("if{index}"))
    }

    /// The bridge that the interface is a port of.
    pub fn bridge_of(&self, at: &Place, index: u32) -> Option<&Link> {
        let bridge = self.link(at, self.link(at, index)?.master?)?;
        bridge.is_kind("bridge").then_some(bridge)
    }

    pub fn is_local(&self, at: &Place, ip: IpAddr) -> bool {
        self.grounds.get(at).is_some_and(|ground| {
            ip.is_loopback() || ground.state.addresses.iter().any(|own| own.net.addr() == ip)
        })
    }

    /// Who has the address, and on which interface.
    pub fn owner(&self, ip: IpAddr) -> Option<(&Place, &Link)> {
        self.grounds.iter().find_map(|(at, ground)| {
            let own = ground.state.addresses.iter().find(|own| own.net.addr() == ip)?;
            Some((at, ground.state.by_index(own.index)?))
        })
    }

    /// The interface that has the address, or is to have it by the lab's file: one that goes down loses its addresses of
    /// IPv6.
    pub fn holder(&self, ip: IpAddr) -> Option<(&Place, &Link)> {
        self.owner(ip).or_else(|| {
            let mut interfaces = self.interfaces();
            let is_its = |(.., nets): &(_, _, &[IpNet])| nets.iter().any(|net| net.addr() == ip);
            let (at, name, _) = interfaces.find(is_its)?;
            Some((at, self.grounds.get(at)?.state.link(name)?))
        })
    }

    /// Those of the lab's file, with their addresses.
    fn interfaces(&self) -> impl Iterator<Item = (&Place, &InterfaceName, &[IpNet])> {
        let bridges = self.lab.bridges.iter().map(|one| (&one.at, &one.name, &*one.addresses));
        let ends = self.lab.links.iter().flat_map(|pair| &pair.ends);
        bridges.chain(ends.map(|one| (&one.at, &one.name, &*one.addresses)))
    }

    /// The way from the place; `None`: it has no route.
    pub fn hop(&self, at: &Place, to: IpAddr) -> Option<Hop> {
        match way(at, to) {
            Way::Hop(hop) => Some(hop),
            Way::Refused(_) | Way::None => None,
        }
    }

    fn condition(&self, at: &Place, index: u32) -> Option<&Condition> {
        self.grounds.get(at)?.conditions.iter().find(|condition| condition.index == index)
    }

    /// The other end of a link of the lab.
    fn other_end(&self, at: &Place, link: &Link) -> Option<&End> {
        self.lab.links.iter().find_map(|pair| {
            let [one, other] = &pair.ends;
            let is_it = |end: &End| end.at == *at && end.name == link.name;
            if is_it(one) { Some(other) } else { is_it(other).then_some(one) }
        })
    }

    /// Why nothing can go over the interface, if that can be seen.
    pub fn fault(&self, at: &Place, link: &Link) -> Option<Reason> {
        let who = format!("`{}` of {}", link.name, place(at));
        if !link.up {
            let up = ip_command(at, &format!("link set dev {} up", link.name));
            return Some(Reason::new(format!("interface {who} is down")).hint(up));
        }
        let condition = self.condition(at, link.index)?;
        if !condition.has_carrier {
            return Some(self.no_carrier(at, link, &who));
        }
        let master = link.master.and_then(|master| self.link(at, master));
        if let Some(bridge) = master.filter(|bridge| !bridge.up) {
            return self.fault(at, bridge);
        }
        let state = match condition.port_state? {
            0 => "disabled",
            1 => "listening",
            2 => "learning",
            4 => "blocking",
            _ => return None,
        };
        let bridge = master.map(|bridge| bridge.name.to_string()).unwrap_or_default();
        Some(
            Reason::new(format!("{who} is a port of bridge `{bridge}` in the state {state}"))
                .hint(super::words::run(at, &format!("bridge link show dev {}", link.name))),
        )
    }

    fn no_carrier(&self, at: &Place, link: &Link, who: &str) -> Reason {
        match self.far_end(at, link) {
            Some((far_place, end)) if !end.up => {
                let far = format!("`{}` of {}", end.name, place(far_place));
                let up = ip_command(far_place, &format!("link set dev {} up", end.name));
                Reason::new(format!("interface {far}, the other end of {who}, is down")).hint(up)
            }
            _ if link.is_kind("bridge") => self.no_port(at, link, who),
            _ => {
                let show = ip_command(at, &format!("link show dev {}", link.name));
                Reason::new(format!("interface {who} has no carrier")).hint(show)
            }
        }
    }

    fn no_port(&self, at: &Place, bridge: &Link, who: &str) -> Reason {
        let what = format!("bridge {who} has no port that is up");
        let ports: Vec<&Link> =
            self.grounds.get(at).iter().flat_map(|ground| ground.state.ports(bridge)).collect();
        let fault = ports.first().and_then(|port| self.fault(at, port));
        match fault.filter(|_| ports.len() == 1) {
            Some(fault) => Reason { what: format!("{what}: {}", fault.what), ..fault },
            None => {
                Reason::new(what).hint(ip_command(at, &format!("link show master {}", bridge.name)))
            }
        }
    }

    /// The interface of the place by which the lab's file says that the address is reached without a router, with its own
    /// address there.
    fn near(&self, at: &Place, to: IpAddr) -> Option<(&Link, IpNet)> {
        let own = self.interfaces().filter(|(of, ..)| *of == at);
        let (name, net) = own.into_iter().find_map(|(_, name, addresses)| {
            Some((name, *addresses.iter().find(|net| net.contains(&to))?))
        })?;
        Some((self.grounds.get(at)?.state.link(name)?, net))
    }

    /// The same, or by which a router on the way there is reached, as the lab's file has it; with what is reached there.
    fn towards(&self, at: &Place, to: IpAddr) -> Option<(&Link, Option<IpNet>)> {
        let near = |to| self.near(at, to).map(|(link, net)| (link, Some(net)));
        near(to).or_else(|| {
            let routes = self.lab.routes.iter().filter(|one| one.at == *at && one.to.contains(&to));
            let route = routes.max_by_key(|one| one.to.prefix_len())?;
            match (&route.via, &route.device) {
                (Some(via), _) => near(*via),
                (None, Some(device)) => Some((self.grounds.get(at)?.state.link(device)?, None)),
                (None, None) => None,
            }
        })
    }

    /// Why the place has no route: mostly an interface that is down has taken it along.
    pub fn no_route(&self, at: &Place, to: IpAddr) -> Reason {
        if let Way::Refused(kind) = way(at, to) {
            return refused(at, to, kind);
        }
        let what = format!("no route to {to} {}", in_place(at));
        let ground = self.grounds.get(at);
        let links = || ground.iter().flat_map(|ground| &ground.state.links);
        let others = || links().filter(|link| link.name.as_str() != "lo");
        let towards = self.towards(at, to);
        // Else it would have been the route to a router behind the only one.
        let only = || others().next().filter(|_| others().count() == 1);
        let own = towards.map(|(link, _)| link).or_else(only);
        if let Some(fault) = own.and_then(|link| self.fault(at, link)) {
            return Reason { what: format!("{what}: {}", fault.what), ..fault };
        }
        let lost = towards.and_then(|(link, net)| Some((link, net?)));
        if let Some((link, net)) = lost.filter(|(_, net)| !self.is_local(at, net.addr())) {
            let lost = format!("`{}` does not have {net}, which the file gives it", link.name);
            let add = ip_command(at, &format!("addr add {net} dev {}", link.name));
            return Reason::new(format!("{what}: {lost}")).hint(add);
        }
        let mut down = others().filter(|link| !link.up);
        if let (Some(link), None) = (down.next(), down.next()) {
            let up = ip_command(at, &format!("link set dev {} up", link.name));
            let lost = format!("interface `{}`, which is down, may have had it", link.name);
            return Reason::new(format!("{what}: {lost}")).hint(up);
        }
        Reason::new(what).hint(ip_command(at, &format!("route get {to}")))
    }

    /// The place got a packet for an address that the file gives it, and that it does not have.
    pub fn lost_address(&self, at: &Place, ip: IpAddr) -> Option<Reason> {
        let is_to_have = self.lab.whereabouts.owner(ip) == Some(at) && !self.is_local(at, ip);
        let what = || format!("{} does not have {ip}, which the file gives it", place(at));
        is_to_have.then(|| Reason::new(what()).hint(ip_command(at, "addr")))
    }

    /// The interface to which one of the lab leads, as far as it is there.
    pub fn far_end(&self, at: &Place, link: &Link) -> Option<(&Place, &Link)> {
        let end = self.other_end(at, link)?;
        Some((&end.at, self.grounds.get(&end.at)?.state.link(&end.name)?))
    }

    /// Why nobody reaches an interface by the link that it is on.
    pub fn cut_off(&self, at: &Place, link: &Link) -> Option<Reason> {
        if let Some(fault) = self.fault(at, link) {
            return Some(fault);
        }
        let end = self.other_end(at, link)?;
        let (far, port) = self.far_end(at, link)?;
        let wanted = end.bridge.as_ref();
        let master = port.master.and_then(|master| self.link(far, master));
        if let Some(bridge) = wanted.filter(|name| master.is_none_or(|is| is.name != **name)) {
            let leads = format!("`{}` of {}", link.name, place(at));
            let who = format!("`{}` of {}, the other end of {leads},", port.name, place(far));
            let join = ip_command(far, &format!("link set dev {} master {bridge}", port.name));
            return Some(Reason::new(format!("{who} is no port of bridge `{bridge}`")).hint(join));
        }
        self.fault(far, port)
    }

    /// Whether the neighbour was asked for in vain.
    pub fn is_unanswered(&self, at: &Place, hop: &Hop, to: IpAddr) -> Option<IpAddr> {
        let ip = hop.via.unwrap_or(to);
        let unanswered = &self.grounds.get(at)?.unanswered;
        unanswered.iter().any(|one| one.device == hop.device && one.ip == ip).then_some(ip)
    }
}

/// What in the place refuses what goes to the address.
fn refused(at: &Place, to: IpAddr, kind: &str) -> Reason {
    let (who, show) = match refuser(at, to, kind) {
        Refuser::Route => ("route", format!("route show type {kind}")),
        Refuser::RouteElsewhere => ("route", format!("route show table all type {kind}")),
        Refuser::Rule => ("policy rule", "rule show".to_owned()),
    };
    let what = format!("a {who} {} of the kind `{kind}` refuses what goes to {to}", in_place(at));
    Reason::new(what).hint(ip_for(at, to, &show))
}
