//! Root's rights, as far as they are needed.

use crate::failure::missing;
use anyhow::Result;

/// The capabilities without which nothing can be changed, with their bits.
const NEEDED: [(&str, u64); 2] = [("CAP_NET_ADMIN", 1 << 12), ("CAP_SYS_ADMIN", 1 << 21)];

/// The capability that is missing; `None`: this is root, or may do what counts.
///
/// # Errors
/// There is no /proc.
pub fn lacking() -> Result<Option<&'static str>> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| {
        missing(format!("cannot read /proc/self/status: {error}")).hint("mount -t proc proc /proc")
    })?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    Ok(NEEDED.iter().find(|(_, bit)| effective & bit == 0).map(|(name, _)| *name))
}

/// Whether every user of the machine is known here, and not only some, as in a user namespace.
pub fn are_for_all_users() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().next_back() == Some("4294967295")
}
