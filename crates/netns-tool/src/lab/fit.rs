//! Whether this host has room for a lab: what does not fit fails before its first step.

use super::model::Lab;
use crate::failure::{Failure, failed};
use crate::kernel::Snapshot;

/// What a namespace with a link takes, in bytes: 0.32 MB measured on Linux 6.18.
const NAMESPACE: u64 = 320 << 10;

/// The file of /proc/sys that says how many network namespaces there may be.
pub const LIMIT: &str = "/proc/sys/user/max_net_namespaces";

/// # Errors
/// There is no room for all of the lab.
pub fn check(lab: &Lab, facts: &Snapshot) -> Result<(), Failure> {
    let is_new = |name| !facts.namespaces.get(name).is_some_and(crate::kernel::Netns::is_sound);
    let new = lab.namespaces.iter().filter(|netns| is_new(&netns.name)).count();
    let new = u64::try_from(new).unwrap_or(u64::MAX);
    let there = u64::try_from(facts.namespaces.values().filter(|netns| netns.is_sound()).count());
    let there = there.unwrap_or(u64::MAX);
    let name = &lab.name;
    if let Some(limit) = facts.room.namespaces
        && there.saturating_add(new) > limit
        && new > 0
    {
        return Err(failed(format!(
            "lab `{name}` needs {new} more network namespaces, and there are {there} of at most {limit}"
        ))
        .hint(format!("echo {} > {LIMIT}", (there + new).next_multiple_of(1000))));
    }
    let needed = new.saturating_mul(NAMESPACE);
    if let Some(free) = facts.room.memory.filter(|free| *free < needed) {
        return Err(failed(format!(
            "lab `{name}` needs about {} MiB for {new} more network namespaces, and {} MiB of memory are free",
            needed >> 20,
            free >> 20
        ))
        .hint("fewer namespaces, or end what needs the memory"));
    }
    Ok(())
}
