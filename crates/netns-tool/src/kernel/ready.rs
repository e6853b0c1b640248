//! Whether what was made can be used yet: the kernel brings up links and addresses some time after it was told to.

use super::netlink::Reader;
use super::state::Link;
use crate::mark::LabName;
use anyhow::Result;

/// `IFF_RUNNING` of linux/if.h: what is sent over the link leaves it.
const RUNNING: u32 = 0x40;
/// The states of a port (`BR_STATE_DISABLED`, `_LISTENING` and `_LEARNING` of linux/if_bridge.h) in which it is going to
/// forward, or to be blocked by its spanning tree.
const WAITING: [u8; 3] = [0, 1, 2];

/// Whether a veth of the lab in the network namespace that the calling thread is in is up and carries nothing yet, or is a
/// port that does not forward yet.
pub fn has_unready_links(lab: &LabName) -> Result<bool> {
    let is_unready = |(link, flags, port): &(Link, u32, Option<u8>)| {
        link.up
            && link.is_kind("veth")
            && link.lab().as_ref() == Some(lab)
            && (flags & RUNNING == 0 || port.is_some_and(|state| WAITING.contains(&state)))
    };
    Ok(Reader::open()?.links_with_states()?.iter().any(is_unready))
}

/// Whether an address of a link of netns-tool in the network namespace that the calling thread is in cannot be used yet.
pub fn has_tentative_addresses() -> Result<bool> {
    Reader::open()?.has_tentative_addresses()
}
