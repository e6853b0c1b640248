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
