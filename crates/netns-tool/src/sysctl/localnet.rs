//! `route_localnet`: whether packets from or to 127.0.0.0/8 may come in or go out over an interface.
//!
//! A port that is published to 127.0.0.1 needs it on the bridge: a packet of the host to 127.0.0.1 is turned towards
//! the bridge's network with its source still in 127.0.0.0/8, which routing else drops as a martian
//! (`ip_route_output_key_hash_rcu` and `ip_route_input_slow` in net/ipv4/route.c).

use super::change::{fact, put_back, write};
use crate::family::Family;
use crate::kernel::state::Link;
use crate::plan::Step;
use std::collections::BTreeSet;

/// Where `route_localnet` is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Localnet {
    /// `conf/all/route_localnet`, which counts for every interface (`IN_DEV_ROUTE_LOCALNET`).
    pub all: bool,
    /// The indices of the interfaces whose own switch is on.
    pub interfaces: BTreeSet<u32>,
}

impl Localnet {
    /// Turns it on for the bridge; `None` where it is on, and so nothing is to be put back later.
    pub fn turn_on(&self, bridge: &Link) -> Option<Step> {
        (!self.all && !self.interfaces.contains(&bridge.index)).then(|| {
            Step::new(
                format!(
                    "let {} reach what listens on 127.0.0.1, and be reached from there",
                    bridge.name
                ),
                write(Family::V4, &path(bridge), true),
            )
            .gives([fact(Family::V4, &path(bridge), true)])
            .undo([put_back(Family::V4, &path(bridge), false)])
        })
    }

    /// Turns it off for the bridge, for which it was turned on; `None` where it is off.
    pub fn turn_off(&self, bridge: &Link) -> Option<Step> {
        self.interfaces.contains(&bridge.index).then(|| {
            Step::new(
                format!("keep 127.0.0.0/8 from {}, as it was before", bridge.name),
                write(Family::V4, &path(bridge), false),
            )
            .gives([fact(Family::V4, &path(bridge), false)])
        })
    }
}

/// The name of the interface whose switch this file is, its path being from the folder of IPv4 on.
pub(super) fn bridge(file: &str) -> Option<&str> {
    file.strip_prefix("conf/")?.strip_suffix("/route_localnet")
}

fn path(bridge: &Link) -> String {
    format!("conf/{}/route_localnet", bridge.name)
}
