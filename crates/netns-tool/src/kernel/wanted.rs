//! What is to be read of the kernel.

use crate::firewall::Choice;
use crate::name::NamespaceName;
use std::collections::BTreeMap;

/// What a command wants to know before it plans.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub namespaces: Vec<NamespaceName>,
    /// Also the processes inside them.
    pub processes: bool,
    /// Also which names are those of one and the same; with all others that is known anyway.
    pub second_names: bool,
    /// Also all others that are there.
    pub all_namespaces: bool,
    /// Also the numbers by which the first knows the second.
    pub numbers: Vec<[NamespaceName; 2]>,
    /// Also what these files of /proc/sys hold inside.
    pub values: BTreeMap<NamespaceName, Vec<String>>,
    /// Also the routes, of which a router has a hundred thousand.
    pub routes: bool,
    /// The rules of the firewall, as far as they can be read.
    pub rules: bool,
    /// The firewall and the switches of forwarding, and the routes.
    pub firewall: Option<WantedFirewall>,
    /// The sockets on which processes of the host wait.
    pub listeners: bool,
}

impl Wanted {
    /// What either wants.
    pub fn and(mut self, other: Self) -> Self {
        self.namespaces.extend(other.namespaces);
        self.processes |= other.processes;
        self.second_names |= other.second_names;
        self.all_namespaces |= other.all_namespaces;
        self.numbers.extend(other.numbers);
        for (name, paths) in other.values {
            self.values.entry(name).or_default().extend(paths);
        }
        self.routes |= other.routes;
        self.rules |= other.rules;
        self.firewall = match (self.firewall, other.firewall) {
            (Some(one), Some(other)) => {
                Some(WantedFirewall { whole: one.whole || other.whole, ..one })
            }
            (one, other) => one.or(other),
        };
        self.listeners |= other.listeners;
        self
    }
}

/// What is wanted of the firewall.
#[derive(Clone, Copy, Debug, Default)]
pub struct WantedFirewall {
    pub choice: Choice,
    /// Also what of others might be in the way.
    pub whole: bool,
}
