//! Which two interfaces are the ends of one pair.

use crate::kernel::Snapshot;
use crate::kernel::state::Link;
use crate::name::InterfaceName;
use crate::plan::Place;

/// Whether the link, which is at `at`, is one end, and `other` names the other; the host is to be the first.
pub fn is_pair(at: &Place, link: &Link, other: (&Place, &InterfaceName), facts: &Snapshot) -> bool {
    let (other_at, name) = other;
    let Some(there) = facts.state(other_at).link(name) else { return false };
    let in_same_place = at == other_at;
    // A place numbers the namespaces that its links lead to. Indices alone would not do: each namespace begins at 1.
    let number = other_at.as_ref().filter(|_| !in_same_place).and_then(|netns| match at {
        None => facts.namespaces.get(netns)?.host_id,
        Some(at) => facts.namespaces.get(at)?.numbers.get(netns).copied(),
    });
    let leads_there = link.peer_netns == number && link.peer_netns.is_none() == in_same_place;
    leads_there && link.mirrors(there)
}
