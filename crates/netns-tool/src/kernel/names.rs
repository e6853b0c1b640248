//! The names of what stands, for completions: they may take no time, so what cannot be read is left out, and no more is
//! read than they show.

use super::inside::each_inside;
use super::namespaces::{self, Seen, seen};
use super::netlink::{Reader, link_named};
use super::read_in;
use super::state::Link;
use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::Place;
use std::collections::BTreeSet;
use std::fs;

/// The links of a place.
pub fn links(at: &Place) -> Vec<Link> {
    read_in(at, || Reader::open()?.links()).unwrap_or_default()
}

/// The labs whose marks can be seen: on the host by everybody, inside of namespaces by root.
pub fn labs() -> BTreeSet<LabName> {
    let lo = InterfaceName::reported("lo".to_owned());
    let mut names = namespaces::all();
    names.retain(|name| seen(name).is_ok_and(|seen| seen == Seen::Sound));
    let jobs: Vec<(&NamespaceName, ())> = names.iter().map(|name| (name, ())).collect();
    let (loopbacks, links) = each_inside(&jobs, |()| link_named(&lo), || links(&None));
    let loopbacks = loopbacks.into_iter().flatten().flatten();
    loopbacks.chain(links).filter_map(|link| link.lab()).collect()
}

/// Whom /etc/passwd lists.
pub fn users() -> Vec<String> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines().filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
}
