//! What decides about packets in one place, read when a packet has just been lost.

use super::netlink::Reader;
pub use super::netlink::ground::{Condition, Hop, Unanswered};
use super::sockets::{self, Listener};
use super::state::State;
use super::{inside, read_in, read_value, state};
use crate::firewall::rule::Protocol;
use crate::plan::Place;
use anyhow::Result;
use std::collections::BTreeMap;
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

/// The way from the place to an address; `None`: it has no route.
///
/// # Errors
/// The place cannot be looked into.
pub fn hop(at: &Place, to: IpAddr) -> Result<Option<Hop>> {
    read_in(at, || Reader::open()?.hop_to(to))
}

/// What a file of /proc/sys holds in the place.
pub fn value(at: &Place, path: &str) -> Option<String> {
    // A place without a value has none to tell.
    read_in(at, || Ok(read_value(path).ok())).ok().flatten()
}

/// What [`sockets::datagrams`] tells of the place.
pub fn datagrams(at: &Place, is_ipv4: bool, port: u16) -> (u64, u64) {
    read_in(at, || Ok(sockets::datagrams(is_ipv4, port))).unwrap_or_default()
}

/// Whether somebody in the place waits for datagrams at the port.
pub fn takes_datagrams(at: &Place, port: u16) -> bool {
    let is_it = |one: &Listener| one.protocol == Protocol::Udp && one.port == port;
    read_in(at, sockets::listeners).is_ok_and(|listeners| listeners.iter().any(is_it))
}
