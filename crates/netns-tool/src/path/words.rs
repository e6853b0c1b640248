//! Words for places, interfaces and commands.

use crate::family::Family;
use crate::name::NamespaceName;
use crate::plan::{Cmd, Place};
use std::net::IpAddr;

/// A namespace that is itself called `host`, which means the host.
pub const NAMESPACE_HOST: &str = "/run/netns/host";

/// The place as a name in a row of names.
pub fn bare(at: &Place) -> &str {
    match at.as_ref().map(NamespaceName::as_str) {
        None => "host",
        Some("host") => NAMESPACE_HOST,
        Some(name) => name,
    }
}

/// The place after "of" or as a subject.
pub fn place(at: &Place) -> String {
    at.as_ref().map_or("the host".to_owned(), |_| format!("`{}`", bare(at)))
}

/// The place after a verb.
pub fn in_place(at: &Place) -> String {
    at.as_ref().map_or("on the host".to_owned(), |_| format!("in `{}`", bare(at)))
}

/// What one types to run a command of `ip` there.
pub fn ip(at: &Place, words: &str) -> String {
    Cmd::ip(at, words).to_string()
}

/// What one types to see the routes of a kind there.
pub fn list_routes(at: &Place, to: IpAddr, kind: &str) -> String {
    let family = if to.is_ipv6() { "-6 " } else { "" };
    Cmd::ip(at, &format!("{family}route show type {kind}")).to_string()
}

/// What one types to run any command there.
pub fn run(at: &Place, words: &str) -> String {
    match at {
        None => words.to_owned(),
        Some(name) => format!("ip netns exec {name} {words}"),
    }
}

/// What asks a neighbour for its hardware address.
pub fn asking(ip: IpAddr) -> &'static str {
    match Family::of(ip) {
        Family::V4 => "ARP",
        Family::V6 => "neighbour discovery",
    }
}
