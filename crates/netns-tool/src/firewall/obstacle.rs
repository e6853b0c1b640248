//! Which rule of somebody else's will drop the traffic of a NAT.
//!
//! In netfilter an accept ends the base chain that it stands in, and no other: a drop in any other, be it of another
//! table, of another hook or of the other variant of iptables, has the last word, and no rule of ours outvotes it; nor one
//! that stands before the way into ours. All that can be done is to say so.
//!
//! What these rules do to a packet is found out in the logic of yes, no and unknown. Only what is certain is told.

mod cure;
mod load;
mod matching;
mod nft;
mod packet;
mod place;
mod render;
mod saved;
pub mod suspects;
#[cfg(test)]
mod tests;
mod verdict;

pub use load::{Load, Ports};
pub use nft::in_ruleset;
pub use packet::{Packet, Seen};
pub use saved::{Listing, in_saved, listed_chains};

/// Why no rule that netns-tool has helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// What drops the packet is in another base chain.
    IsElsewhere,
    /// It is in the base chain from which a jump leads to ours, but the packet comes to it without coming to that.
    ComesFirst,
}

/// What drops a packet, for a person to read.
///
/// The texts are printable and have one line each, whatever the names in the firewall are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Such as "the policy `drop` of chain `forward` of nft table `inet filter`".
    pub what: String,
    pub reason: Reason,
    /// What to type, one command each; none where no command is known to help.
    pub cures: Vec<String>,
}

impl Obstacle {
    fn new(what: &str, reason: Reason, cures: &[String]) -> Self {
        let one_line = |text: &str| crate::failure::printable_word(text.as_ref());
        let cures = cures.iter().map(|cure| one_line(cure)).collect();
        Self { what: one_line(what), reason, cures }
    }
}
