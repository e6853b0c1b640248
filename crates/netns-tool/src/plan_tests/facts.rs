//! What stands where the plans are made.

use crate::address::Mac;
use crate::family::Family;
use crate::firewall::Firewall;
use crate::firewall::iptables::Saved;
use crate::kernel::namespaces::{Entry, Process};
use crate::kernel::state::{Address, Link, Route, State};
use crate::kernel::{Netns, Snapshot};
use crate::mark::{ALIAS, GROUP};
use crate::name::{InterfaceName, NamespaceName};
use crate::sysctl::{Forwarding, Switches};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

/// `eth0` with the default route, `br0` of ours with an address and the port `p0`, `fbr` of somebody else, `q0` down,
/// `r0` up;
/// the namespaces `ns1` (ours, sound), `busy` (ours, with a process), `theirs` and `broken`.
pub fn facts() -> Snapshot {
    let link = |index, name: &str, kind: Option<&str>| Link {
        index,
        name: InterfaceName::reported(name.to_owned()),
        kind: kind.map(str::to_owned),
        up: name != "q0",
        ..Link::default()
    };
    let ours = |link: Link| Link { group: GROUP, alias: Some(ALIAS.to_owned()), ..link };
    let port = Link { master: Some(3), ..ours(link(5, "p0", Some("veth"))) };
    let address = |index, net: &str| Address { index, net: net.parse().unwrap() };
    let route = |to: &str, via: Option<&str>, device| Route {
        to: to.parse().unwrap(),
        via: via.map(|via| IpAddr::from_str(via).unwrap()),
        device: Some(device),
        protocol: 3,
        metric: 0,
    };
    let host = State {
        links: vec![
            link(2, "eth0", None),
            ours(link(3, "br0", Some("bridge"))),
            link(4, "fbr", Some("bridge")),
            port,
            link(6, "q0", Some("veth")),
            link(7, "r0", Some("veth")),
        ],
        addresses: vec![
            address(2, "192.0.2.2/24"),
            address(3, "10.0.5.7/20"),
            address(3, "fd00::1/64"),
        ],
        routes: vec![
            route("0.0.0.0/0", Some("192.0.2.1"), 2),
            route("192.0.2.0/24", None, 2),
            route("10.0.0.0/20", None, 3),
        ],
        ..State::default()
    };
    let netns = |entry, alias: Option<&str>, processes| Netns {
        entry,
        state: State {
            links: vec![Link { alias: alias.map(str::to_owned), ..link(1, "lo", None) }],
            ..State::default()
        },
        processes,
        running: vec![],
        is_current: false,
        host_id: None,
        numbers: BTreeMap::new(),
        values: BTreeMap::new(),
    };
    let sound = Entry::Sound { mounts: 1, mixed: false };
    let sleeper = Process { pid: 7, command: "sleep 9".to_owned() };
    let namespaces = [
        ("ns1", netns(sound, Some(ALIAS), vec![])),
        ("busy", netns(sound, Some(ALIAS), vec![sleeper])),
        ("theirs", netns(sound, None, vec![])),
        ("broken", netns(Entry::Broken, None, vec![])),
        ("absent", netns(Entry::Absent, None, vec![])),
    ];
    let namespaces = namespaces.map(|(name, netns)| (NamespaceName::new(name).unwrap(), netns));
    Snapshot {
        host,
        namespaces: namespaces.into_iter().collect(),
        fresh_mac: Some(Mac::from_str("02:00:00:00:00:99").unwrap()),
        firewall: Firewall {
            saved: Family::BOTH.map(|family| (family, Saved::default())).to_vec(),
            ..Firewall::default()
        },
        switches: Switches { v6: Some(Forwarding::off(Family::V6)), ..Switches::default() },
        ..Snapshot::default()
    }
}
