//! What decides about packets in one place, read when a packet has just been lost.

use super::netlink::Reader;
pub use super::netlink::ground::{Condition, Hop, Unanswered};
use super::sockets::{self, Listener};
use super::state::{Link, State};
use super::{inside, read_in, read_value, state};
use crate::firewall::rule::Protocol;
use crate::plan::{DAD_SECONDS, Place};
use crate::system::signals;
use anyhow::Result;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

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

/// Waits until IPv6 works on all links of the places that are up: for some time after that the kernel still asks whether
/// anybody else has their addresses.
pub fn settle(places: &[Place]) {
    const PAUSE: Duration = Duration::from_millis(50);
    let deadline = Instant::now() + Duration::from_secs(DAD_SECONDS);
    let is_settling = |at: &&Place| read_in(at, is_settling).unwrap_or_default();
    let mut unsettled: Vec<&Place> = places.iter().filter(is_settling).collect();
    while !unsettled.is_empty() && Instant::now() < deadline && signals::pending().is_none() {
        std::thread::sleep(PAUSE);
        unsettled.retain(|at| is_settling(at));
    }
}

fn is_settling() -> Result<bool> {
    let reader = Reader::open()?;
    let without = reader.without_link_local()?;
    if without.is_empty() {
        return Ok(false);
    }
    let (state, conditions) = (state(&reader)?, reader.conditions()?);
    let will_have_one = |index: &u32| {
        let link = state.by_index(*index).filter(|link| link.up && link.name.as_str() != "lo");
        let carries = conditions.iter().any(|one| one.index == *index && one.has_carrier);
        // 1: it makes none up.
        let path = |link: &Link| format!("/proc/sys/net/ipv6/conf/{}/addr_gen_mode", link.name);
        carries && link.is_some_and(|link| read_value(&path(link)).is_ok_and(|mode| mode != "1"))
    };
    Ok(without.iter().any(will_have_one))
}
