//! Whether what was made can be used yet: the kernel brings up links and addresses some time after it was told to.

use super::netlink::Reader;
use super::netlink::ground::Condition;
use super::read_value;
use super::state::Link;
use crate::mark::LabName;
use anyhow::Result;
use std::collections::BTreeMap;

/// The states of a port (`BR_STATE_DISABLED`, `_LISTENING` and `_LEARNING` of linux/if_bridge.h) in which it is going to
/// forward, or to be blocked by its spanning tree.
const WAITING: [u8; 3] = [0, 1, 2];

/// Whether a link of the lab in the network namespace that the calling thread is in is up and carries nothing yet, or is a
/// port that does not forward yet. A bridge without ports never carries anything.
pub fn has_unready_links(lab: &LabName) -> Result<bool> {
    let reader = Reader::open()?;
    let waits =
        |condition: &Condition| condition.port_state.is_some_and(|state| WAITING.contains(&state));
    let mut unready = Vec::new();
    for seen in reader.conditions()? {
        // Asked for alone, it may have come up.
        let is_late = seen.has_carrier && !seen.is_running;
        let condition = if is_late { reader.condition(seen.index)? } else { Some(seen) };
        unready.extend(condition.filter(|condition| !condition.is_running || waits(condition)));
    }
    if unready.is_empty() {
        return Ok(false);
    }
    let links = reader.links()?;
    let has_port = |bridge: &Link| links.iter().any(|link| link.master == Some(bridge.index));
    let is_its = |link: &&Link| link.up && link.lab().as_ref() == Some(lab);
    Ok(unready.iter().any(|condition| {
        let link = links.iter().find(|link| link.index == condition.index).filter(is_its);
        link.is_some_and(|link| link.is_kind("veth") || has_port(link) || waits(condition))
    }))
}

/// Whether an address of a link of the lab in the network namespace that the calling thread is in cannot be used yet, or a
/// link still lacks the link-local one, without which nobody is asked for on behalf of others.
pub fn has_unready_addresses(lab: &LabName) -> Result<bool> {
    let reader = Reader::open()?;
    if reader.has_tentative_addresses()? {
        return Ok(true);
    }
    let without = reader.without_link_local()?;
    let links = reader.links()?;
    let conditions: BTreeMap<u32, Condition> =
        reader.conditions()?.into_iter().map(|one| (one.index, one)).collect();
    let will_have_one = |link: &&Link| {
        // 1: it makes none up.
        let path = format!("/proc/sys/net/ipv6/conf/{}/addr_gen_mode", link.name);
        conditions.get(&link.index).is_some_and(|condition| condition.is_running)
            && read_value(&path).is_ok_and(|mode| mode != "1")
    };
    let is_its =
        |link: &&Link| link.up && without.contains(&link.index) && link.lab().as_ref() == Some(lab);
    // The loopback of a namespace bears the mark too, and has none.
    let is_link = |link: &&Link| link.name.as_str() != "lo";
    Ok(links.iter().filter(is_its).filter(is_link).any(|link| will_have_one(&link)))
}
