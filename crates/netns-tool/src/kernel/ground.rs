//! What decides about packets in one place, read when a packet has just been lost.

pub use super::netlink::ground::{Condition, Hop, Unanswered, Way};
use super::netlink::{MAIN, Reader};
pub use super::sockets::Arrivals;
use super::sockets::{self, Listener};
use super::state::{Link, State};
use super::{inside, read_in, read_value, state};
use crate::firewall::rule::Protocol;
use crate::plan::Place;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The ground of one place.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// Without routes: of these the kernel is asked for the one that counts.
    pub state: State,
    pub conditions: Vec<Condition>,
    pub unanswered: Vec<Unanswered>,
    pub listeners: Vec<Listener>,
}

/// That of each place; one that cannot be looked into has none.
pub fn grounds(places: &[Place]) -> BTreeMap<Place, Ground> {
    let named: Vec<_> = places.iter().filter_map(|at| Some((at.as_ref()?, ()))).collect();
    let on_host = || places.contains(&None).then(read);
    let (found, host) = inside::each_inside(&named, |()| read(), on_host);
    let names = named.into_iter().map(|(name, ())| Some(name.clone()));
    let inside = names.zip(found).filter_map(|(at, found)| Some((at, found.ok()?)));
    let host = host.and_then(Result::ok).map(|ground| (None, ground));
    inside.chain(host).collect()
}

fn read() -> Result<Ground> {
    let reader = Reader::open()?;
    Ok(Ground {
        state: state(&reader)?,
        conditions: reader.conditions()?,
        unanswered: reader.unanswered()?,
        listeners: sockets::listeners()?,
    })
}

/// The indices of the interfaces that are ports of bridges, where the calling thread is.
///
/// # Errors
/// The kernel does not tell.
pub fn bridge_ports() -> Result<BTreeSet<u32>> {
    let links = Reader::open()?.links()?;
    let bridges: BTreeSet<u32> =
        links.iter().filter(|link| link.is_kind("bridge")).map(|bridge| bridge.index).collect();
    let is_port = |link: &&Link| link.master.is_some_and(|master| bridges.contains(&master));
    Ok(links.iter().filter(is_port).map(|port| port.index).collect())
}

/// The way from the place to an address; one that cannot be looked into has none.
pub fn way(at: &Place, to: IpAddr) -> Way {
    // Where the place has gone, nothing is read.
    read_in(at, || Ok(Some(Reader::open()?.way_to(to)?))).ok().flatten().unwrap_or(Way::None)
}

/// What refuses a packet (see [`Way::Refused`]).
pub enum Refuser {
    Route,
    /// A route of another table than the main one.
    RouteElsewhere,
    /// A rule that chooses among the tables.
    Rule,
}

/// What in the place refuses, by that kind, what goes to the address.
pub fn refuser(at: &Place, to: IpAddr, kind: &str) -> Refuser {
    let tables = read_in(at, || Reader::open()?.refusing_tables(to, kind)).unwrap_or_default();
    if tables.contains(&MAIN) {
        Refuser::Route
    } else if tables.is_empty() {
        Refuser::Rule
    } else {
        Refuser::RouteElsewhere
    }
}

/// What a file of /proc/sys holds in the place.
pub fn value(at: &Place, path: &str) -> Option<String> {
    // A place without a value has none to tell.
    read_in(at, || Ok(read_value(path).ok())).ok().flatten()
}

/// What [`sockets::arrivals`] tells of the place.
pub fn arrivals(at: &Place, is_ipv4: bool, port: u16) -> Arrivals {
    read_in(at, || Ok(sockets::arrivals(is_ipv4, port))).unwrap_or_default()
}

/// Who waits in the place for what comes to the port of an address.
pub fn listener(at: &Place, protocol: Protocol, ip: IpAddr, port: u16) -> Option<Listener> {
    let is_it = |one: &Listener| one.is_at(protocol, port) && one.is_for(ip);
    read_in(at, sockets::listeners).ok()?.into_iter().find(is_it)
}
