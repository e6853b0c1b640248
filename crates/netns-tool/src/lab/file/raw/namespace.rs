//! `[namespace.NAME]`.

mod settings;

use super::{Addresses, Process, Route, lacks, mac, mtu, route};
use crate::address::Mac;
use crate::lab::file::problem::{At, Problem, Problems};
use crate::lab::file::value::{Table, Value};
pub use settings::Hosts;
use std::net::IpAddr;

/// How many namespaces a `count` can make.
const COUNT_MAX: u32 = 10_000;
/// The interface that `bridge = …` of a namespace is short for.
const FIRST: &str = "eth0";

#[derive(Debug)]
pub struct Namespace {
    pub key: At<String>,
    pub count: Option<At<u32>>,
    /// Those on bridges.
    pub interfaces: Vec<Interface>,
    pub loopback: Addresses,
    /// Files of `/proc/sys/net`, and what is written to them.
    pub sysctls: Vec<(String, String)>,
    pub name_servers: Vec<IpAddr>,
    pub hosts: Hosts,
    pub routes: Vec<Route>,
    pub processes: Vec<Process>,
    /// An interface could not be read, so that it is not known what can be reached.
    pub faulty: bool,
}

/// An interface whose other end is a port of a bridge.
#[derive(Debug)]
pub struct Interface {
    pub name: At<String>,
    pub bridge: At<String>,
    pub addresses: Addresses,
    pub gateway: Gateway,
    pub mtu: Option<At<u32>>,
    pub mac: Option<At<Mac>>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Gateway {
    /// The address of the bridge, for the first interface only.
    Automatic,
    /// One at most for each family.
    Given(Vec<At<IpAddr>>),
}

impl Namespace {
    pub fn read(value: &Value, problems: &mut Problems) -> Option<Self> {
        let mut table = value.table("a namespace", problems)?;
        let before = problems.len();
        let count = table.take("count");
        let count = count.and_then(|value| value.number(1..=COUNT_MAX, "", problems));
        let interfaces = interfaces(&mut table, problems);
        let faulty = problems.len() > before;
        if let Some(value) = &count {
            check_counted(&interfaces, value, problems);
        }
        let mut values = |key| {
            let value = table.take(key);
            value.map(|value| value.entries(problems)).unwrap_or_default()
        };
        let processes = values("process");
        let namespace = Self {
            key: At::new(value.key.value.to_owned(), &value.key.span),
            count,
            interfaces,
            loopback: Addresses::read(table.take("loopback"), problems),
            sysctls: settings::sysctls(table.take("forwarding"), table.take("sysctl"), problems),
            name_servers: settings::name_servers(table.take("dns"), problems),
            hosts: Hosts::read(table.take("hosts"), problems),
            routes: Route::list(table.take("routes"), problems),
            processes: processes.iter().filter_map(|p| Process::read(p, problems)).collect(),
            faulty,
        };
        table.finish(problems);
        Some(namespace)
    }
}

/// The interface of `bridge = …`, and those of `interface`.
fn interfaces(table: &mut Table, problems: &mut Problems) -> Vec<Interface> {
    let first = Interface::read(None, table, problems);
    let others = table.take("interface");
    let others = others.map(|value| value.entries(problems)).unwrap_or_default();
    let others = others.iter().filter_map(|value| {
        let mut table = value.table("an interface", problems)?;
        let name = At::new(value.key.value.to_owned(), &value.key.span);
        let interface = Interface::read(Some(&name), &mut table, problems);
        table.finish(problems);
        interface
    });
    let mut interfaces: Vec<_> = others.collect();
    interfaces.extend(first);
    interfaces.sort_by_key(|interface| interface.name.span.start);
    interfaces
}

impl Interface {
    /// The interface of that name; without a name it is the one that the table of a namespace describes itself.
    fn read(name: Option<&At<String>>, table: &mut Table, problems: &mut Problems) -> Option<Self> {
        const OWN: [&str; 4] = ["address", "gateway", "mtu", "mac"];
        let bridge = table.take("bridge");
        let [address, gateway, size, hardware] = OWN.map(|key| table.take(key));
        let key_span = bridge.as_ref().map(|value| value.key.span.clone());
        if bridge.is_none() {
            let values = [&address, &gateway, &size, &hardware];
            let of_none = values.into_iter().flatten().next().map(|value| &value.key);
            match (name, of_none) {
                (Some(name), _) => {
                    let message = format!("interface `{}` has no `bridge`", name.value);
                    let label = "an interface that is no port of a bridge is the end of a [[link]]";
                    lacks(&name.span, &message, label, problems);
                }
                (None, Some(key)) => {
                    let message = format!("`{}` is of {FIRST}, which needs `bridge`", key.value);
                    let label = "such as bridge = \"br0\"; `loopback` gives addresses to lo";
                    lacks(&key.span, &message, label, problems);
                }
                (None, None) => return None,
            }
        }
        let name = name.cloned().or(key_span.map(|span| At::new(FIRST.to_owned(), &span)));
        Some(Self {
            bridge: bridge.and_then(|value| value.owned(problems))?,
            name: name?,
            addresses: Addresses::read(address, problems),
            gateway: Gateway::read(gateway, problems),
            mtu: mtu(size, problems),
            mac: mac(hardware, problems),
        })
    }
}

impl Gateway {
    fn read(value: Option<Value>, problems: &mut Problems) -> Self {
        let Some(value) = value else { return Self::Automatic };
        match value.as_flag() {
            Some(false) => return Self::Given(Vec::new()),
            Some(true) => {
                value.is_wrong("true", "it is an address, a list of them, or false", problems);
                return Self::Automatic;
            }
            None => {}
        }
        let mut given: Vec<At<IpAddr>> = Vec::new();
        for value in value.one_or_more() {
            let Some(ip) = value.parsed(route::via, problems) else { continue };
            if let Some(other) = given.iter().find(|at| at.value.is_ipv4() == ip.value.is_ipv4()) {
                problems.add(
                    Problem::new(&ip.span, "there can be one gateway for IPv4 and one for IPv6")
                        .beside(&other.span, "of the same family"),
                );
            }
            given.push(ip);
        }
        Self::Given(given)
    }
}

/// What only one of the namespaces could have.
fn check_counted(interfaces: &[Interface], count: &At<u32>, problems: &mut Problems) {
    for mac in interfaces.iter().filter_map(|interface| interface.mac.as_ref()) {
        problems.add(
            Problem::new(&mac.span, format!("{} namespaces cannot have one `mac`", count.value))
                .label("without it each gets its own")
                .beside(&count.span, ""),
        );
    }
}
