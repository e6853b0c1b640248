//! What has to be remembered to come back, as words for the comment of a rule.

use super::Forwarding;
use crate::failure::{Failure, failed};
use crate::family::Family;
use std::collections::BTreeSet;

/// The room for a record in the comment of a rule of iptables, in bytes: 255 less the longest lead, which is
/// `netns-tool nat BRIDGE UPLINK interface plain added before ` with two names of 15.
pub const ROOM_IPTABLES: usize = 179;
/// The room for a record in the comment of a rule of nft, in bytes: 127 less the same.
pub const ROOM_NFT: usize = 51;

impl Forwarding {
    /// What has to be remembered to come back to this, as words of at most `room` bytes.
    ///
    /// # Errors
    /// Too many interfaces forward by themselves to be remembered in so little room.
    pub fn record(&self, room: usize) -> Result<String, Failure> {
        let record = self.words();
        if record.len() <= room {
            return Ok(record);
        }
        let (switch, way_out) = match self.family {
            Family::V4 => (
                "ip_forward",
                "turn forwarding on for the whole host yourself: sysctl -w net.ipv4.ip_forward=1",
            ),
            // Turned on by hand it would cost the host its routes from routers.
            Family::V6 => ("net.ipv6.conf.all.forwarding", "--forwarding interface"),
        };
        let count = (&(&self.interfaces | &self.forced) | &self.hearing).len();
        Err(failed(format!(
            "{count} interfaces forward by themselves while {switch} is 0: too many to remember for the way back"
        ))
        .hint(way_out))
    }

    /// Reads a record back; `None` where it is not one that [`Forwarding::record`] has written, whole.
    pub fn from_record(family: Family, words: &str) -> Option<Self> {
        let mut before = Self::off(family);
        for word in words.split(' ') {
            let (name, value) = word.split_once('=')?;
            match name {
                name if name == host_word(family) => before.on = value == "1",
                "accept_redirects" => before.accept_redirects = value == "1",
                "default" => before.default = value == "1",
                "on" => before.interfaces = indices(value)?,
                "force" => before.forced = indices(value)?,
                "ra" => before.hearing = indices(value)?,
                _ => return None,
            }
        }
        (before.words() == words).then_some(before)
    }

    /// What differs from the state right after the whole host's switch was turned off; nothing more where it was on.
    fn words(&self) -> String {
        let mut record = format!("{}={}", host_word(self.family), u8::from(self.on));
        if self.on {
            return record;
        }
        if self.family == Family::V4 && !self.accept_redirects {
            record.push_str(" accept_redirects=0");
        }
        if self.default {
            record.push_str(" default=1");
        }
        let is_v6 = self.family == Family::V6;
        for (word, indices, is_word) in [
            ("on", &self.interfaces, true),
            ("force", &self.forced, is_v6),
            ("ra", &self.hearing, is_v6),
        ] {
            if is_word && !indices.is_empty() {
                let indices: Vec<_> = indices.iter().map(u32::to_string).collect();
                record.push_str(&format!(" {word}={}", indices.join(",")));
            }
        }
        record
    }
}

/// The word for the whole host's switch.
fn host_word(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip_forward",
        Family::V6 => "forwarding",
    }
}

fn indices(list: &str) -> Option<BTreeSet<u32>> {
    list.split(',').map(|index| index.parse().ok()).collect()
}
