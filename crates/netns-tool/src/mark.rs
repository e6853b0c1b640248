//! The marks by which netns-tool knows its own things in the kernel: there is no state file.

use crate::name::InterfaceName;

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

/// The comment of the rules of one NAT.
pub fn nat_comment(bridge: &InterfaceName, uplink: &InterfaceName) -> String {
    format!("{ALIAS} nat {bridge} {uplink}")
}

/// The uplink of the NAT of the bridge that a rule with this comment belongs to.
pub fn nat_uplink<'a>(comment: &'a str, bridge: &InterfaceName) -> Option<&'a str> {
    let words = comment.strip_prefix(ALIAS)?.strip_prefix(" nat ")?;
    let words = words.strip_prefix(bridge.as_str())?.strip_prefix(' ')?;
    let (uplink, rest) = words.split_once(' ').unwrap_or((words, ""));
    (rest.is_empty() || rest.starts_with("before ")).then_some(uplink)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nat_is_known_by_its_bridge() {
        let br0 = InterfaceName::new("br0").unwrap();
        let uplink = |comment| nat_uplink(comment, &br0);
        assert_eq!(uplink("netns-tool nat br0 eth0"), Some("eth0"));
        assert_eq!(uplink("netns-tool nat br0 eth0 before ip_forward=0"), Some("eth0"));
        for other in
            ["netns-tool nat br01 eth0", "netns-tool nat br0 eth0 (bob's)", "nat br0 eth0", ""]
        {
            assert_eq!(uplink(other), None, "{other}");
        }
    }

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
