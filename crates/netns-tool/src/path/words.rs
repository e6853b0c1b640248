//! Words for places, interfaces and commands.

use crate::family::Family;
use crate::name::NamespaceName;
use crate::plan::{Cmd, Place};
use std::net::{IpAddr, Ipv4Addr};

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

/// The same for the routes, or rules, by which what goes to the address is routed.
pub fn ip_for(at: &Place, to: IpAddr, words: &str) -> String {
    let family = if to.is_ipv6() { "-6 " } else { "" };
    ip(at, &format!("{family}{words}"))
}

/// What one types to run any command there.
pub fn run(at: &Place, words: &str) -> String {
    match at {
        None => words.to_owned(),
        Some(name) => format!("ip netns exec {name} {words}"),
    }
}

/// What an address is that means many; `None`: it does not, as far as it shows by itself.
pub fn for_all(ip: IpAddr) -> Option<String> {
    if ip.is_multicast() {
        Some(format!(
            "{ip} is a multicast address: what goes there is for all who have joined that group, and takes as many ways"
        ))
    } else if ip == Ipv4Addr::BROADCAST {
        Some(format!(
            "{ip} is the broadcast address of any link: what goes there is for all on it, and no router passes it on"
        ))
    } else {
        None
    }
}

/// What asks a neighbour for its hardware address.
pub fn asking(ip: IpAddr) -> &'static str {
    match Family::of(ip) {
        Family::V4 => "ARP",
        Family::V6 => "neighbour discovery",
    }
}
