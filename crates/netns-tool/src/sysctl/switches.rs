//! All switches at once: what a write to a file of /proc/sys makes of them, and the way back from it.

use super::change::{folder, put_back};
use super::localnet::{self, Localnet};
use super::{Forwarding, turn};
use crate::failure::{Failure, missing};
use crate::family::Family;
use crate::kernel::state::State;
use crate::plan::Undo;

/// All switches that a NAT turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switches {
    pub v4: Forwarding,
    /// `None` where the kernel has no IPv6.
    pub v6: Option<Forwarding>,
    pub localnet: Localnet,
}

impl Default for Switches {
    /// All off, and no IPv6: where nothing has been read.
    fn default() -> Self {
        let v4 = Forwarding { accept_redirects: false, ..Forwarding::off(Family::V4) };
        Self { v4, v6: None, localnet: Localnet::default() }
    }
}

impl Switches {
    /// Those of one family.
    ///
    /// # Errors
    /// This kernel has no IPv6.
    pub fn of(&self, family: Family) -> Result<&Forwarding, Failure> {
        let found = match family {
            Family::V4 => Some(&self.v4),
            Family::V6 => self.v6.as_ref(),
        };
        found.ok_or_else(|| {
            missing("this kernel has no IPv6, so there is none to forward: /proc/sys/net/ipv6 is not there")
                .hint("modprobe ipv6; where that finds it built in, boot without `ipv6.disable=1`")
        })
    }

    /// Takes the value of a file of /proc/sys for what is written there.
    pub fn note(&mut self, path: &str, value: &str, host: &State) {
        match find(path) {
            Some((Family::V4, file)) => {
                match localnet::bridge(file).and_then(|name| host.index_of(name)) {
                    Some(index) => turn(&mut self.localnet.interfaces, index, value != "0"),
                    None => self.v4.note(file, value, host),
                }
            }
            Some((Family::V6, file)) => {
                if let Some(v6) = &mut self.v6 {
                    v6.note(file, value, host);
                }
            }
            None => {}
        }
    }

    /// The writes that make every switch what it is here after the file of /proc/sys was written.
    pub fn way_back(&self, path: &str, host: &State) -> Vec<Undo> {
        match find(path) {
            Some((Family::V4, file)) => match localnet::bridge(file) {
                Some(bridge) => {
                    let index = host.index_of(bridge);
                    let was = index.is_some_and(|index| self.localnet.interfaces.contains(&index));
                    vec![put_back(Family::V4, file, was)]
                }
                None => self.v4.way_back(file, host),
            },
            Some((Family::V6, file)) => {
                self.v6.as_ref().map_or_else(Vec::new, |v6| v6.way_back(file, host))
            }
            None => Vec::new(),
        }
    }

    /// A new interface forwards where the whole host does: it takes over `conf/default`.
    pub fn note_new(&mut self, index: u32) {
        for family in std::iter::once(&mut self.v4).chain(&mut self.v6) {
            if family.on && family.default {
                family.interfaces.insert(index);
            }
        }
    }
}

/// The family that a file of /proc/sys belongs to, and its path from the family's folder on.
fn find(path: &str) -> Option<(Family, &str)> {
    let of = |family| Some((family, path.strip_prefix(folder(family))?.strip_prefix('/')?));
    Family::BOTH.into_iter().find_map(of)
}
