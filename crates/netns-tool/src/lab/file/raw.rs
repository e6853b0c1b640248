//! What the file says, before anything of it is looked up: its words are right, each for itself.

mod bridge;
mod expect;
mod host;
mod link;
mod namespace;
mod process;
mod route;

use super::problem::{At, Problem, Problems, Span};
use super::value::{Table, Value};
use crate::address::{Mac, interface_address};
pub use bridge::{Bridge, Nat, Uplink};
pub use expect::{Expect, HOST};
use ipnet::IpNet;
pub use link::{End, Link};
pub use namespace::{Gateway, Hosts, Interface, Namespace};
pub use process::Process;
pub use route::{Route, default};
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::DeTable;

/// How many addresses an interface can have here; the kernel knows no limit.
const ADDRESSES_MAX: usize = 100;
/// What packet sizes the kernel takes for a link, in bytes (`ETH_MIN_MTU` and `ETH_MAX_MTU` of linux/if_ether.h).
const MTU: RangeInclusive<u32> = 68..=65535;

#[derive(Debug, Default)]
pub struct File {
    pub name: Option<At<String>>,
    pub bridges: Vec<Bridge>,
    pub namespaces: Vec<Namespace>,
    pub links: Vec<Link>,
    /// A link could not be read, so that it is not known whom it connects.
    pub has_faulty_links: bool,
    pub host_routes: Vec<Route>,
    pub expects: Vec<Expect>,
}

/// The addresses of an interface.
#[derive(Debug, Default)]
pub struct Addresses {
    pub list: Vec<At<IpNet>>,
    /// Whether the file says which, be it none.
    pub given: bool,
    /// One of them is wrong: what follows from them is not to be complained about as well.
    pub faulty: bool,
}

impl File {
    pub fn read(document: &Spanned<DeTable>, problems: &mut Problems) -> Self {
        let mut table = Table::new("a lab", document);
        let mut entries = |key| {
            let value = table.take(key);
            value.map(|value| value.entries(problems)).unwrap_or_default()
        };
        let (bridges, namespaces) = (entries("bridge"), entries("namespace"));
        let links = table.take("link").map(|value| value.list(problems)).unwrap_or_default();
        let expects = table.take("expect").map(|value| value.list(problems)).unwrap_or_default();
        let name = table.take("name").and_then(|value| value.owned(problems));
        let host = table.take("host");
        let read: Vec<_> = links.iter().filter_map(|value| Link::read(value, problems)).collect();
        let file = Self {
            name,
            bridges: bridges.iter().filter_map(|value| Bridge::read(value, problems)).collect(),
            namespaces: namespaces
                .iter()
                .filter_map(|value| Namespace::read(value, problems))
                .collect(),
            has_faulty_links: read.len() < links.len(),
            links: read,
            expects: expects.iter().filter_map(|value| Expect::read(value, problems)).collect(),
            host_routes: host.map(|value| host::routes(&value, problems)).unwrap_or_default(),
        };
        table.finish(problems);
        if problems.is_empty() && file.is_empty() {
            problems.add(
                Problem::new(&(0..0), "the lab is empty")
                    .label("[namespace.NAME] makes a namespace, [bridge.NAME] a bridge"),
            );
        }
        file
    }

    fn is_empty(&self) -> bool {
        self.bridges.is_empty() && self.namespaces.is_empty() && self.links.is_empty()
    }
}

impl Addresses {
    fn read(value: Option<Value>, problems: &mut Problems) -> Self {
        let Some(value) = value else { return Self::default() };
        let mut addresses = Self { given: true, ..Self::default() };
        let values = value.one_or_more();
        if values.len() > ADDRESSES_MAX {
            let message = format!("{} addresses are too many for one interface", values.len());
            let label = format!("at most {ADDRESSES_MAX}");
            problems.add(Problem::new(&value.span, message).label(label));
            return Self { faulty: true, ..addresses };
        }
        for value in values {
            match value.parsed(interface_address, problems) {
                Some(address) => addresses.list.push(address),
                None => addresses.faulty = true,
            }
        }
        addresses
    }
}

fn mtu(value: Option<Value>, problems: &mut Problems) -> Option<At<u32>> {
    value.and_then(|value| value.number(MTU, " bytes", problems))
}

fn mac(value: Option<Value>, problems: &mut Problems) -> Option<At<Mac>> {
    value.and_then(|value| value.parsed(str::parse, problems))
}

/// One that is not there is no.
fn flag(value: Option<Value>, problems: &mut Problems) -> bool {
    value.and_then(|value| value.flag(problems)).unwrap_or_default()
}

/// The words of a command.
fn words(value: &Value, problems: &mut Problems) -> Option<Vec<String>> {
    let values = value.list(problems);
    let words: Vec<_> = values.iter().filter_map(|value| value.owned(problems)).collect();
    if words.iter().any(|word| word.value.contains('\0')) {
        value.is_wrong("\0", "no word of a command can have a NUL in it", problems);
        return None;
    }
    if words.len() == values.len() && words.first().is_none_or(|word| word.value.is_empty()) {
        problems.add(
            Problem::new(&value.span, "a command begins with a program")
                .label("such as [\"sleep\", \"60\"]"),
        );
        return None;
    }
    Some(words.into_iter().map(|word| word.value).collect())
}

/// What lacks something that it has to have.
fn lacks(span: &Span, what: &str, example: &str, problems: &mut Problems) {
    problems.add(Problem::new(span, what).label(example));
}
