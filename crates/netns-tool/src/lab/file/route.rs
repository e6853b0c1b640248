//! Routes: the default ones that follow from gateways, and those of the file with the interface that each leads over.

use super::draft::{Card, Draft, Spot};
use super::problem::{At, Problem, Problems, Span, meant, shown};
use super::raw::{self, Gateway, Interface};
use crate::address::is_link_local;
use crate::lab::model::Route;
use crate::name::InterfaceName;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;

/// A place with its interfaces, and the routes that it has so far.
struct Table<'d> {
    draft: &'d Draft<'d>,
    at: Spot,
    cards: Vec<&'d Card<'d>>,
    routes: Vec<Route>,
    /// Where each is in the file, by where it leads to.
    spans: HashMap<IpNet, &'d Span>,
}

pub fn routes(draft: &Draft, problems: &mut Problems) -> Vec<Route> {
    let all = draft.cards();
    let mut cards: HashMap<Spot, Vec<&Card>> = HashMap::new();
    for card in &all {
        cards.entry(card.at).or_default().push(card);
    }
    let mut routes = Vec::new();
    let places = (0..draft.namespaces.len()).map(Some).chain([None]);
    for at in places {
        let cards = cards.remove(&at).unwrap_or_default();
        let mut table = Table { draft, at, cards, routes: Vec::new(), spans: HashMap::new() };
        match at {
            Some(index) => table.of_namespace(index, problems),
            None => draft.file.host_routes.iter().for_each(|route| table.add(route, problems)),
        }
        routes.extend(table.routes);
    }
    routes
}

impl<'d> Table<'d> {
    fn of_namespace(&mut self, index: usize, problems: &mut Problems) {
        let raw = self.draft.namespaces[index].raw;
        for interface in &raw.interfaces {
            if let Gateway::Given(gateways) = &interface.gateway {
                gateways.iter().for_each(|gateway| self.add_gateway(interface, gateway, problems));
            }
        }
        raw.routes.iter().for_each(|route| self.add(route, problems));
        if let Some(first) = raw.interfaces.first()
            && first.gateway == Gateway::Automatic
        {
            let automatic = self.automatic(first);
            self.routes.splice(0..0, automatic);
        }
    }

    fn card(&self, interface: &Interface) -> Option<&'d Card<'d>> {
        self.cards.iter().find(|card| card.span == &interface.name.span).copied()
    }

    /// The default routes over the bridge's own addresses, of the families that have no other.
    fn automatic(&self, interface: &Interface) -> Vec<Route> {
        let Some(card) = self.card(interface) else { return Vec::new() };
        let wire = card.wire.map(|wire| &self.draft.wires[wire]);
        let Some(bridge) = wire.and_then(|wire| wire.ends[0].bridge) else { return Vec::new() };
        let near =
            self.draft.bridges[bridge].raw.addresses.list.iter().map(|address| address.value);
        let near: Vec<IpNet> = near.filter(|net| !is_link_local(net)).collect();
        let route = |is_ipv4| {
            let to = raw::default(is_ipv4);
            let is_reached = |ip: &IpAddr| ip.is_ipv4() == is_ipv4 && neighbours(card, ip);
            let via = near.iter().map(IpNet::addr).find(is_reached)?;
            let is_free = !self.spans.contains_key(&to);
            is_free.then(|| self.route(to, Some(via), Some(card)))
        };
        [true, false].into_iter().filter_map(route).collect()
    }

    fn add_gateway(&mut self, of: &Interface, gateway: &'d At<IpAddr>, problems: &mut Problems) {
        let Some(card) = self.card(of) else { return };
        let ip = gateway.value;
        if !self.is_new(raw::default(ip.is_ipv4()), &gateway.span, problems) {
            return;
        }
        if card.faulty {
            return;
        }
        let (family, name) = (if ip.is_ipv4() { "IPv4" } else { "IPv6" }, &of.name.value);
        let problem = |message, label: &str| Problem::new(&gateway.span, message).label(label);
        let mut own = card.addresses.iter().map(|address| address.value.addr());
        if !own.clone().any(|own| own.is_ipv4() == ip.is_ipv4()) {
            let message =
                format!("`{name}`{} has no {family} address", self.draft.where_is(self.at));
            problems.add(problem(message, "so that it cannot reach this gateway"));
        } else if own.any(|own| own == ip) {
            let message = format!("the gateway `{ip}` is the namespace's own address");
            problems.add(problem(message, "a gateway is another machine"));
        } else if !neighbours(card, &ip) && !is_link_local(&ip.into()) {
            let message = format!("the gateway `{ip}` is in no subnet of `{name}`");
            let label = format!("it has {}", list(card));
            problems.add(problem(message, &label));
        }
        let route = self.route(raw::default(ip.is_ipv4()), Some(ip), Some(card));
        self.routes.push(route);
    }

    /// A place has one route to each network.
    fn is_new(&mut self, to: IpNet, span: &'d Span, problems: &mut Problems) -> bool {
        let Some(first) = self.spans.insert(to, span) else { return true };
        let (what, at) = (if to.prefix_len() == 0 { "default routes" } else { "routes" }, self.at);
        let to = match to.prefix_len() {
            0 if to.addr().is_ipv4() => " for IPv4".to_owned(),
            0 => " for IPv6".to_owned(),
            _ => format!(" to {to}"),
        };
        let message = format!("there are two {what}{to}{}", self.draft.where_is(at));
        problems.add(Problem::new(span, message).beside(first, "one here"));
        false
    }

    fn add(&mut self, route: &'d raw::Route, problems: &mut Problems) {
        if !self.is_new(route.net(), &route.span, problems) {
            return;
        }
        let is_faulty = self.at.is_some_and(|index| self.draft.is_faulty(index))
            || self.cards.iter().any(|card| card.faulty);
        let device = match &route.interface {
            Some(name) => match self.cards.iter().find(|card| card.is_called(&name.value)) {
                Some(card) => Some(*card),
                None if is_faulty || problems.is_told(&name.span) => return,
                None => return problems.add(self.no_interface(name, problems)),
            },
            None => None,
        };
        let Some(via) = &route.via else {
            return self.routes.push(self.route(route.net(), None, device));
        };
        let found =
            device.or_else(|| self.cards.iter().find(|card| neighbours(card, &via.value)).copied());
        if !is_faulty && let Some(problem) = self.wrong_via(via, device, found) {
            problems.add(problem);
        }
        self.routes.push(self.route(route.net(), Some(via.value), found));
    }

    fn no_interface(&self, name: &At<String>, problems: &Problems) -> Problem {
        let known = self.cards.iter().filter_map(|card| card.given);
        let message = format!(
            "there is no interface `{}`{}",
            shown(&name.value),
            self.draft.where_is(self.at)
        );
        let if_none = "without `interface` the route leads over the one that reaches `via`";
        Problem::new(&name.span, message).label(meant(&name.value, known, if_none, problems))
    }

    fn wrong_via(
        &self,
        via: &At<IpAddr>,
        device: Option<&Card>,
        found: Option<&Card>,
    ) -> Option<Problem> {
        let (ip, place) = (via.value, self.draft.where_is(self.at));
        let is_own = |card: &&Card| card.addresses.iter().any(|own| own.value.addr() == ip);
        if self.cards.iter().any(is_own) {
            let whose = self.at.map(|index| format!("`{}`", self.draft.namespaces[index].given));
            let whose = whose.unwrap_or("the host".to_owned());
            let message = format!("the router `{ip}` is an address of {whose} itself");
            return Some(Problem::new(&via.span, message).label("a router is another machine"));
        }
        if is_link_local(&ip.into()) {
            let label = "such as interface = \"eth0\"";
            let message = format!("the link-local router `{ip}` needs `interface`");
            return device.is_none().then(|| Problem::new(&via.span, message).label(label));
        }
        if let Some(card) = device.filter(|card| !neighbours(card, &ip)) {
            let message = format!("the router `{ip}` is in no subnet of `{}`", card.name);
            return Some(Problem::new(&via.span, message).label(format!("it has {}", list(card))));
        }
        // What else the host reaches is not known here.
        (found.is_none() && self.at.is_some()).then(|| {
            let message = format!("the router `{ip}` is in no subnet of an interface{place}");
            Problem::new(&via.span, message).label("a router has to be on one of its links")
        })
    }

    fn route(&self, to: IpNet, via: Option<IpAddr>, over: Option<&Card>) -> Route {
        let device = over.map(|card| InterfaceName::reported(card.name.to_owned()));
        Route { at: self.draft.place(self.at), to, via, device }
    }
}

/// Whether the address is in a subnet of the interface, and not its own.
fn neighbours(card: &Card, ip: &IpAddr) -> bool {
    let own = || card.addresses.iter().map(|address| address.value);
    own().any(|net| net.contains(ip)) && own().all(|net| net.addr() != *ip)
}

fn list(card: &Card) -> String {
    if card.addresses.is_empty() {
        return "no address".to_owned();
    }
    card.addresses.iter().map(|address| address.value.to_string()).collect::<Vec<_>>().join(", ")
}
