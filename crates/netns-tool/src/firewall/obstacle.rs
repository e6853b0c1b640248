//! Which rule of somebody else's will drop the traffic of a NAT.
//!
//! In netfilter an accept ends the base chain that it stands in, and no other: a drop in another table of nft, or in
//! the other variant of iptables, has the last word, and no rule of ours outvotes it. All that can be done is to say so.
//!
//! What these rules do to a packet is found out in the logic of yes, no and unknown. Only what is certain is told.

mod matching;
mod nft;
mod packet;
mod render;
mod saved;
#[cfg(test)]
mod tests;
mod verdict;

pub use nft::in_ruleset;
pub use packet::Packet;
pub use saved::in_saved;

/// What drops a packet, for a person to read.
///
/// Both fields are printable and have one line each, whatever the names in the firewall are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Such as "the policy drop of chain `forward` of nft table `inet filter`".
    pub what: String,
    /// What to type, one command each; none where no command is known to help.
    pub cures: Vec<String>,
}

impl Obstacle {
    fn new(what: &str, cures: &[String]) -> Self {
        let one_line = |text: &str| crate::failure::printable_word(text.as_ref());
        Self { what: one_line(what), cures: cures.iter().map(|cure| one_line(cure)).collect() }
    }
}
