//! The marks by which netns-tool knows its own things in the kernel: there is no state file.

/// The `group` of every link that is made here, set in the call that makes it (`nt` in ASCII).
pub const GROUP: u32 = 0x6e74;

/// The alias of links, and of the `lo` of namespaces; a lab adds `:LAB`, a bridge what it has to remember.
pub const ALIAS: &str = "netns-tool";

/// Whether an alias says that the thing was made here.
pub fn is_ours(alias: Option<&str>) -> bool {
    alias
        .and_then(|alias| alias.strip_prefix(ALIAS))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_exact() {
        for ours in ["netns-tool", "netns-tool:lab", "netns-tool ports 3d"] {
            assert!(is_ours(Some(ours)), "{ours}");
        }
        for foreign in [None, Some(""), Some("netns-toolbox"), Some("my netns-tool")] {
            assert!(!is_ours(foreign), "{foreign:?}");
        }
    }
}
