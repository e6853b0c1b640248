//! What was seen of a packet, told place by place.

use crate::kernel::Snapshot;
use crate::kernel::around::around;
use crate::kernel::ground::{Hop, Way, way};
use crate::kernel::state::{Link, Route};
use crate::lab::model::Question;
use crate::path::{self, Observed, Reason, words};
use crate::plan::Place;
use crate::probe::{Outcome, Probe, Sighting, Sort};
use crate::table::columns;
use crate::topology::{Interface, Topology};
use std::net::IpAddr;

/// The whole way, and at its end the answer, or why there is none.
pub fn tell(
    topology: &Topology,
    facts: &Snapshot,
    probe: &Probe,
    seen: &Observed,
    reason: Option<&Reason>,
) -> String {
    let teller = Teller { topology, facts, probe };
    let trail = path::first_of_each(seen);
    let questions: Vec<&Sighting> =
        trail.into_iter().filter(|one| one.sort == Sort::Question).collect();
    let mut text =
        format!("{} from {} to {}\n", teller.question(), words::place(&probe.from), probe.to);
    for stay in questions.chunk_by(|one, next| one.at == next.at) {
        text += &format!("{}\n", words::bare(&stay[0].at));
        text.extend(columns(&teller.stay(stay)).lines().map(|line| format!("  {line}\n")));
    }
    if questions.is_empty() {
        text += &format!("{}\n  {}\n", words::bare(&probe.from), teller.unsent());
    }
    text + &end(&seen.outcome, reason)
}

fn end(outcome: &Outcome, reason: Option<&Reason>) -> String {
    let Some(Reason { what, hint }) = reason else {
        let time = outcome.rtt().map(|rtt| format!(" after {:.3} ms", rtt.as_secs_f64() * 1e3));
        return format!("The answer came{}\n", time.unwrap_or_default());
    };
    let hint = hint.as_ref().map(|hint| format!("  try: {hint}\n"));
    format!("No answer: {what}\n{}", hint.unwrap_or_default())
}

struct Teller<'a> {
    topology: &'a Topology,
    facts: &'a Snapshot,
    probe: &'a Probe,
}

impl Teller<'_> {
    fn question(&self) -> String {
        match &self.probe.question {
            Question::Ping => "A ping".to_owned(),
            Question::Tcp(port) | Question::Http { port, .. } => {
                format!("A connection to TCP port {port}")
            }
            Question::Udp(port) => format!("A datagram to UDP port {port}"),
        }
    }

    /// What happens to it in one place, a row each.
    fn stay(&self, stay: &[&Sighting]) -> Vec<Vec<String>> {
        let at = &stay[0].at;
        let arrivals = stay.iter().filter(|one| !one.is_out);
        let arrivals = arrivals.map(|one| step("in", self.arrival(one)));
        let leaving = || stay.iter().filter(|one| one.is_out);
        let departures = leaving().map(|one| step("out", self.departure(one)));
        let is_from_here = stay[0].is_out;
        // What is switched from port to port of a bridge takes no route.
        let routed = leaving().find(|one| self.port_of(at, one.interface).is_none());
        let routed = routed.or(leaving().next().filter(|_| is_from_here));
        let routed = routed.map(|one| self.route(at, one.destination));
        let route = routed.unwrap_or_else(|| self.route_of_lost(stay));
        let route = route.map(|route| step("route", route));
        if is_from_here {
            let meant = (self.probe.to, self.probe.question.port());
            let sent = destined(meant, (stay[0].destination, stay[0].port));
            let sent = sent.map(|sent| step("nat", sent));
            return sent.into_iter().chain(route).chain(departures).chain(arrivals).collect();
        }
        let last = stay.iter().rfind(|one| !one.is_out).zip(leaving().next_back());
        let changes = last.map(|(before, after)| self.changes(before, after));
        let changes = changes.into_iter().flatten();
        arrivals.chain(route).chain(changes).chain(departures).collect()
    }

    /// The route that it was to take from where it was seen last; none where it has arrived, or was only to cross a bridge.
    fn route_of_lost(&self, stay: &[&Sighting]) -> Option<String> {
        let last = stay.last().filter(|_| !stay.iter().any(|one| one.is_out))?;
        let is_routed = self.port_of(&last.at, last.interface).is_none();
        let is_its_own = || match way(&last.at, last.destination) {
            Way::Hop(hop) => hop.is_local,
            Way::Refused(_) | Way::None => true,
        };
        if !is_routed || is_its_own() {
            return None;
        }
        self.route(&last.at, last.destination)
    }

    fn unsent(&self) -> String {
        match self.route(&self.probe.from, self.probe.to) {
            Some(route) => format!("route  {route}"),
            None => format!("route  there is none to {}", self.probe.to),
        }
    }

    fn link(&self, at: &Place, index: u32) -> Option<&Link> {
        self.facts.state(at).by_index(index)
    }

    fn interface(&self, at: &Place, index: u32) -> Option<&Interface> {
        self.topology.spot(at)?.interface(&self.link(at, index)?.name)
    }

    fn name(&self, at: &Place, index: u32) -> String {
        self.link(at, index).map_or_else(|| format!("if{index}"), |link| link.name.to_string())
    }

    /// The bridge that the interface is a port of.
    fn port_of(&self, at: &Place, index: u32) -> Option<String> {
        let master = self.interface(at, index)?.master.clone()?;
        Some(master.to_string())
    }

    fn arrival(&self, one: &Sighting) -> String {
        let port = self.port_of(&one.at, one.interface);
        let port = port.map(|bridge| format!(", port of {bridge}")).unwrap_or_default();
        format!("{}{port}", self.name(&one.at, one.interface))
    }

    fn departure(&self, one: &Sighting) -> String {
        let port = self.port_of(&one.at, one.interface);
        let port = port.map(|bridge| format!(", port of {bridge}")).unwrap_or_default();
        let peer = self.interface(&one.at, one.interface).and_then(|one| one.peer.as_ref());
        let peer = peer.map(|peer| format!(" <-> {peer}")).unwrap_or_default();
        format!("{}{port}{peer}, from {}", self.name(&one.at, one.interface), one.source)
    }

    /// The route that the kernel chooses.
    fn route(&self, at: &Place, to: IpAddr) -> Option<String> {
        let Way::Hop(Hop { device, via, is_local }) = way(at, to) else { return None };
        if is_local {
            return Some(format!("{to} is its own"));
        }
        let routes = around(at).map(|around| around.routes).unwrap_or_default();
        let is_it = |route: &&Route| {
            route.to.contains(&to) && route.via == via && route.device == Some(device)
        };
        let route = routes.iter().filter(is_it).max_by_key(|route| route.to.prefix_len());
        let net = route.map(|route| match route.to.prefix_len() {
            0 => "default".to_owned(),
            _ => route.to.to_string(),
        });
        let via = via.map(|via| format!("via {via}"));
        let device = Some(format!("dev {}", self.name(at, device)));
        Some([net, via, device].into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    /// What the firewall has made of its addresses.
    fn changes(&self, before: &Sighting, after: &Sighting) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let was = (before.destination, before.port);
        let sent = destined(was, (after.destination, after.port));
        rows.extend(sent.map(|sent| step("nat", sent)));
        if before.source != after.source {
            let uplink = self.name(&after.at, after.interface);
            let is_its = |nat: &&crate::topology::Nat| {
                after.at.is_none()
                    && nat.uplink.as_ref().is_some_and(|one| one.as_str() == uplink)
                    && nat.subnets.iter().any(|net| net.contains(&before.source))
            };
            let whose = self.topology.nats.iter().find(is_its);
            let whose = whose.map(|nat| format!(" (the NAT of {} over {uplink})", nat.bridge));
            let what = format!("{} becomes {}", before.source, after.source);
            rows.push(step("nat", format!("the source {what}{}", whose.unwrap_or_default())));
        }
        rows
    }
}

/// What became of an address and a port to which a packet goes; `None`: they are the same.
fn destined(before: (IpAddr, Option<u16>), after: (IpAddr, Option<u16>)) -> Option<String> {
    let port = after.1.filter(|port| before.1 != Some(*port));
    let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
    (before != after).then(|| format!("the destination {} becomes {}{port}", before.0, after.0))
}

fn step(what: &str, how: String) -> Vec<String> {
    vec![format!("{what:5}"), how]
}
