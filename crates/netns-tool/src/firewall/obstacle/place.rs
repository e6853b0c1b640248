//! Where in the kernel a chain is asked about a packet: that decides what the packet looks like there.

use serde_json::Value;

/// From when on a packet is known to conntrack, has the destination that DNAT gives it, or the source of a masquerade.
/// Which of several chains of the same priority is asked first is not known.
const CONNTRACK: i64 = -200;
const DNAT: i64 = -100;
const MASQUERADE: i64 = 100;

/// A hook that a forwarded packet comes to, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    Prerouting,
    Forward,
    Postrouting,
}

/// A hook, and when in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub hook: Hook,
    pub priority: i64,
}

/// The chains of iptables that a forwarded packet comes to, with their tables, in its order. (Those of the table `nat`
/// may not drop.)
pub const IPTABLES: [(&str, &str, Place); 6] = [
    ("raw", "PREROUTING", Place { hook: Hook::Prerouting, priority: -300 }),
    ("mangle", "PREROUTING", Place { hook: Hook::Prerouting, priority: -150 }),
    ("mangle", "FORWARD", Place { hook: Hook::Forward, priority: -150 }),
    ("filter", "FORWARD", Place { hook: Hook::Forward, priority: 0 }),
    ("security", "FORWARD", Place { hook: Hook::Forward, priority: 50 }),
    ("mangle", "POSTROUTING", Place { hook: Hook::Postrouting, priority: -150 }),
];

impl Place {
    /// That of a chain in nft's JSON, if every forwarded packet comes to it.
    pub fn of_chain(chain: &Value) -> Option<Self> {
        // Of a connection, chains of the type `nat` see the first packet alone.
        if chain["type"] != "filter" {
            return None;
        }
        let hook = match chain["hook"].as_str()? {
            "prerouting" => Hook::Prerouting,
            "forward" => Hook::Forward,
            "postrouting" => Hook::Postrouting,
            _ => return None,
        };
        Some(Self { hook, priority: chain["prio"].as_i64()? })
    }

    pub fn is_after_conntrack(self) -> bool {
        self.hook > Hook::Prerouting || self.priority > CONNTRACK
    }

    pub fn is_after_dnat(self) -> bool {
        self.hook > Hook::Prerouting || self.priority > DNAT
    }

    pub fn is_before_masquerade(self) -> bool {
        self.hook < Hook::Postrouting || self.priority < MASQUERADE
    }
}
