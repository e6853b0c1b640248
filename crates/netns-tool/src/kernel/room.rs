//! What the host has room for.

use super::read_value;
use std::fs;

/// What the host has room for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    /// How many network namespaces there may be; `None`: nobody knows.
    pub namespaces: Option<u64>,
    /// The memory that is available, in bytes.
    pub memory: Option<u64>,
}

impl Room {
    pub(super) fn read() -> Self {
        let memory = || {
            let text = fs::read_to_string("/proc/meminfo").ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
            Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
        };
        let namespaces = read_value(crate::lab::LIMIT).ok();
        Self { namespaces: namespaces.and_then(|value| value.parse().ok()), memory: memory() }
    }
}
