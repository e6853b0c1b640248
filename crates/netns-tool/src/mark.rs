//! The marks by which netns-tool knows its own things in the kernel: there is no state file.

use crate::name::NamespaceName;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The `group` of every link that is made here, set in the call that makes it (`nt` in ASCII).
pub const GROUP: u32 = 0x6e74;

/// The alias of links, and of the `lo` of namespaces; a lab adds `:LAB`, a bridge what it has to remember.
pub const ALIAS: &str = "netns-tool";

/// The protocol number of every route that a lab makes (`n` in ASCII; not one of /etc/iproute2/rt_protos).
pub const PROTOCOL: u8 = 110;

/// The longest alias of an interface, in bytes (`IFALIASZ` of linux/if.h less its NUL).
pub const ALIAS_MAX: usize = 255;

/// What a thing is marked with: that it was made here, and for which lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    pub lab: Option<LabName>,
    /// What comes after it in the alias of a namespace.
    pub record: String,
    /// The same in that of veth pairs, where there are no namespaces to tell it.
    pub link_record: String,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.lab {
            None => f.write_str(ALIAS),
            Some(lab) => write!(f, "{ALIAS}:{lab}"),
        }
    }
}

impl Mark {
    /// The alias of a namespace's `lo`: the mark, and of a lab what `labs` tells of it, as far as there is room.
    pub fn alias(&self) -> String {
        self.with(&self.record)
    }

    /// The alias of an end of a veth pair.
    pub fn link_alias(&self) -> String {
        self.with(&self.link_record)
    }

    fn with(&self, record: &str) -> String {
        let whole = format!("{self}{record}");
        if whole.len() <= ALIAS_MAX { whole } else { self.to_string() }
    }

    fn of(lab: Option<LabName>) -> Self {
        Self { lab, ..Self::default() }
    }

    /// Reads the mark that an alias or a comment begins with, and what comes after it; `None` if it is none of ours.
    pub fn read(text: &str) -> Option<(Self, &str)> {
        let rest = text.strip_prefix(ALIAS)?;
        let (lab, rest) = match rest.strip_prefix(':') {
            None => (None, rest),
            Some(rest) => {
                let (lab, _) = rest.split_once(' ').unwrap_or((rest, ""));
                (Some(LabName::new(lab).ok()?), &rest[lab.len()..])
            }
        };
        match rest.strip_prefix(' ') {
            Some(more) => Some((Self::of(lab), more)),
            None => rest.is_empty().then_some((Self::of(lab), "")),
        }
    }
}

/// The name of a lab: like that of a namespace, and short enough to be part of one and of a comment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LabName(String);

/// The longest name of a lab, in bytes: with the mark it fits into every comment of a rule.
const LAB_MAX: usize = 32;

impl LabName {
    /// # Errors
    /// Says which rule the name breaks.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LAB_MAX {
            return Err(format!("it has {} bytes; at most {LAB_MAX} are possible", text.len()));
        }
        NamespaceName::new(text).map(|_| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The metric of the lab's routes on the host, by which they are told from those of other labs: a hash of
    /// the name, above what people choose.
    pub fn metric(&self) -> u32 {
        const SMALLEST: u32 = 0x4000_0000;
        // A number of 30 bits more.
        SMALLEST | u32::try_from(fnv64(&self.0) >> 34).unwrap_or_default()
    }
}

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hash FNV-1a: the same on every host, and in every version.
pub fn fnv64(text: &str) -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, hash)
}

/// Whether an alias says that the thing was made here.
pub fn is_ours(alias: Option<&str>) -> bool {
    alias.and_then(Mark::read).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_exact() {
        for ours in ["netns-tool", "netns-tool:lab", "netns-tool ports 3d"] {
            assert!(is_ours(Some(ours)), "{ours}");
        }
        for foreign in ["", "netns-toolbox", "my netns-tool", "netns-tool:", "netns-tool:a/b"] {
            assert!(!is_ours(Some(foreign)), "{foreign:?}");
        }
        assert!(!is_ours(None));
        let lab = |name| Mark::of(Some(LabName::new(name).unwrap()));
        for (text, mark, rest) in [
            ("netns-tool", Mark::default(), ""),
            ("netns-tool ports 3d", Mark::default(), "ports 3d"),
            ("netns-tool:shop", lab("shop"), ""),
            ("netns-tool:shop nat br0", lab("shop"), "nat br0"),
        ] {
            assert_eq!(Mark::read(text), Some((mark.clone(), rest)));
            assert!(text.starts_with(&mark.to_string()));
        }
    }
}
