//! Names: parsed once at the edge, valid ever after.
//!
//! A name that is *created* keeps to a narrow whitelist, since `ip` accepts far more than is safe: it takes `if2`
//! for interface index 2, `1516` for the namespace of process 1516, `-all` for a namespace, and its own keywords
//! for anything. A name that is only *referred to* may be any that exists and that `ip` and `iptables` can
//! express exactly. A namespace that is only looked into, entered or deleted may have any name that is there: `ip netns`
//! gets it as a word of its own.

use crate::plan::quote_on_one_line;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest interface name, in bytes (`IFNAMSIZ` of linux/if.h less its NUL).
const INTERFACE_MAX: usize = 15;
/// The longest name of a namespace that is created, in bytes: room for a lab's name and a number.
const NEW_NAMESPACE_MAX: usize = 64;
/// The longest file name, and so the longest namespace, in bytes (`NAME_MAX` of linux/limits.h).
const NAMESPACE_MAX: usize = 255;

/// Words that `ip` or the kernel's /proc/sys/net understand as something else than a name.
const KEYWORDS: &[&str] = &[
    "add",
    "address",
    "alias",
    "all",
    "brd",
    "broadcast",
    "bridge",
    "change",
    "del",
    "delete",
    "default",
    "dev",
    "down",
    "group",
    "help",
    "host",
    "label",
    "link",
    "list",
    "lo",
    "local",
    "master",
    "mtu",
    "name",
    "netns",
    "nomaster",
    "none",
    "peer",
    "replace",
    "scope",
    "self",
    "set",
    "show",
    "type",
    "up",
    "veth",
    "via",
    "vrf",
];

/// Prefixes of names that systemd-nspawn's shipped network units claim and reconfigure.
const CLAIMED: &[&str] = &["ve-", "vb-", "vz-"];

/// The name of an interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InterfaceName(CompactString);

/// The name of a network namespace, which is the name of its file in /run/netns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NamespaceName(CompactString);

impl InterfaceName {
    /// A name for an interface that is to be made.
    ///
    /// # Errors
    /// Says which rule the name breaks.
    pub fn new(text: &str) -> Result<Self, String> {
        check_new(text, INTERFACE_MAX)?;
        if text
            .strip_prefix("if")
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()) && !rest.is_empty())
        {
            return Err(format!("`ip` takes `if{0}` for the interface with index {0}", &text[2..]));
        }
        if let Some(prefix) = CLAIMED.iter().find(|prefix| text.starts_with(**prefix)) {
            return Err(format!(
                "names that begin with `{prefix}` belong to systemd-nspawn, which reconfigures them"
            ));
        }
        Ok(Self(text.into()))
    }

    /// The name of an interface that exists, such as `enp3s0.100`.
    ///
    /// # Errors
    /// Says why no interface of that name can be meant.
    pub fn existing(text: &str) -> Result<Self, String> {
        check_existing(text, INTERFACE_MAX)?;
        Ok(Self(text.into()))
    }

    /// A name that the kernel reported, whatever it is.
    pub fn reported(text: String) -> Self {
        Self(text.into())
    }

    /// Whether `ip` and `iptables` would take this reported name for exactly this interface.
    pub fn is_plain(&self) -> bool {
        check_existing(&self.0, INTERFACE_MAX).is_ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NamespaceName {
    /// A name for a namespace that is to be made.
    ///
    /// # Errors
    /// Says which rule the name breaks.
    pub fn new(text: &str) -> Result<Self, String> {
        check_new(text, NEW_NAMESPACE_MAX)?;
        Ok(Self(text.into()))
    }

    /// The name of a namespace that exists, and in which something is to be made.
    ///
    /// # Errors
    /// Says why no namespace of that name can be meant.
    pub fn existing(text: &str) -> Result<Self, String> {
        check_existing(text, NAMESPACE_MAX)?;
        Ok(Self(text.into()))
    }

    /// The name of a namespace that is looked into, entered or deleted: one as above, or any other that is there.
    ///
    /// # Errors
    /// Says why no namespace of that name can be meant.
    pub fn standing(text: &str) -> Result<Self, String> {
        let is_file_name = !matches!(text, "" | "." | "..") && !text.contains(['/', '\0']);
        let name = Self(text.into());
        if is_file_name && name.path().symlink_metadata().is_ok() {
            return Ok(name);
        }
        Self::existing(text)
    }

    /// A name that the file system reported, whatever it is.
    pub fn reported(text: String) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file that stands for the namespace.
    pub fn path(&self) -> std::path::PathBuf {
        std::path::Path::new("/run/netns").join(self.as_str())
    }
}

fn check_new(text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("a name cannot be empty".to_owned());
    }
    if text.len() > max {
        return Err(format!("it has {} bytes; at most {max} are possible", text.len()));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err("a name begins with a letter".to_owned());
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return Err("a name has only the letters a-z and A-Z, digits, `-` and `_`".to_owned());
    }
    if KEYWORDS.contains(&text) {
        return Err("it is a word of the `ip` command itself".to_owned());
    }
    Ok(())
}

fn check_existing(text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("a name cannot be empty".to_owned());
    }
    if text.len() > max {
        return Err(format!("it has {} bytes; at most {max} are possible", text.len()));
    }
    if text.starts_with('-') || text == "." || text == ".." {
        return Err("`ip` does not take it for a name".to_owned());
    }
    if !is_plain(text) || text.contains(':') {
        return Err("a name has only letters, digits, `-`, `_`, `.` and `@`".to_owned());
    }
    Ok(())
}

/// Whether it is the same word for everybody: a shell, a terminal, a list.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.@:".contains(&b))
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NamespaceName {
    /// As one types it: a name of others may have blanks, or what acts on a terminal or in a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match is_plain(&self.0) {
            true => f.pad(&self.0),
            false => f.pad(&quote_on_one_line(&self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn new_names_follow_the_whitelist() {
        for good in ["veth0", "a", "br-lan_2", "Z9", "fifteen-letters", "iface", "if2x", "if-2"] {
            assert!(InterfaceName::new(good).is_ok(), "{good}");
        }
        let bad = [
            "", "2", "1516", "if2", "if10", "lo", "all", "up", "a.b", "a/b", "..", "-all", "--",
            "a b", "x+",
        ];
        for bad in
            bad.into_iter().chain(["%d", "sixteen-letters-", "ve-x", "\u{1b}[0m", "ünder", "a:1"])
        {
            assert!(InterfaceName::new(bad).is_err(), "{bad:?}");
        }
        assert!(NamespaceName::new(&"n".repeat(64)).is_ok());
        assert!(NamespaceName::new(&"n".repeat(65)).is_err());
    }

    #[test]
    fn names_that_exist_may_be_wilder_but_never_ambiguous() {
        for good in ["enp3s0.100", "if2", "up", "123", "veth@x"] {
            assert!(InterfaceName::existing(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            ".",
            "..",
            "a/b",
            "x+",
            "!eth0",
            "a b",
            "\"",
            "a:b",
            "%d",
            "sixteen-letters-",
        ] {
            assert!(InterfaceName::existing(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_of_others_is_shown_as_it_is_typed() {
        let shown = |name: &str| NamespaceName::reported(name.to_owned()).to_string();
        assert_eq!(shown("a@b.1:x"), "a@b.1:x");
        assert_eq!(shown("a b"), "'a b'");
        assert_eq!(shown("$(id)"), "'$(id)'");
        assert!(!shown("x\nerror").contains('\n'));
        assert_eq!(shown("\u{1b}"), "\"$(printf '\\033')\"");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_accepted_names_are_plain(text in any::<String>()) {
            for name in [InterfaceName::new(&text), InterfaceName::existing(&text)].into_iter().flatten() {
                prop_assert!(name.is_plain());
                prop_assert_eq!(name.as_str(), text.as_str());
            }
            if let Ok(name) = NamespaceName::new(&text) {
                prop_assert!(NamespaceName::existing(name.as_str()).is_ok());
            }
        }
    }
}
