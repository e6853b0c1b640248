//! Whose a rule is, as its comment tells; and the NATs that stand.

use super::rules::{ADDED, BEFORE, INTERFACE, PLAIN};
use crate::family::Family;
use crate::firewall::rule::{Chain, Rule};
use crate::mark;
use crate::name::InterfaceName;
use crate::sysctl::{Forwarding, Need, Scope};
use std::collections::BTreeMap;

/// What a rule of netns-tool belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    Nat {
        bridge: &'a str,
        uplink: &'a str,
        scope: Scope,
        /// Its IPv6 subnets keep their addresses.
        is_plain: bool,
        /// It lets a NAT that stood already talk with one bridge more.
        is_added: bool,
        before: Option<Forwarding>,
    },
    /// All NATs of the bridge.
    Bridge(&'a str),
    /// A published port.
    Publication { bridge: &'a str, uplink: &'a str },
    /// All published ports of the bridge.
    Publications(&'a str),
    /// Those of them that are published on 127.0.0.1; with what `route_localnet` of the bridge was before.
    Loopback { bridge: &'a str, before: &'a str },
}

impl Owner<'_> {
    pub fn bridge(&self) -> &str {
        match self {
            Self::Nat { bridge, .. }
            | Self::Publication { bridge, .. }
            | Self::Bridge(bridge)
            | Self::Publications(bridge)
            | Self::Loopback { bridge, .. } => bridge,
        }
    }

    /// Of what belongs to one NAT alone.
    pub fn uplink(&self) -> Option<&str> {
        match self {
            Self::Nat { uplink, .. } | Self::Publication { uplink, .. } => Some(uplink),
            _ => None,
        }
    }
}

/// Whose the rule is. Only what netns-tool itself would have written, where it would have written it, counts.
pub fn owner(rule: &Rule) -> Option<Owner<'_>> {
    let comment = rule.comment.strip_prefix(mark::ALIAS)?.strip_prefix(' ')?;
    let (words, record) = match comment.split_once(BEFORE) {
        Some((words, record)) => (words, Some(record)),
        None => (comment, None),
    };
    let (kind, rest) = words.split_once(' ')?;
    let names: Vec<&str> = rest.split(' ').collect();
    match (kind, &names[..], rule.chain, record) {
        ("nat", [bridge], Chain::Forward, None) => Some(Owner::Bridge(bridge)),
        ("nat", [bridge, uplink, more @ ..], Chain::Forward | Chain::Postrouting, record) => {
            let mut more = more;
            let mut has = |word: &str| {
                let is_next = more.first() == Some(&word.trim_start());
                more = if is_next { &more[1..] } else { more };
                is_next
            };
            let scope = if has(INTERFACE) { Scope::Interface } else { Scope::Host };
            let (is_plain, is_added) = (has(PLAIN), has(ADDED));
            if !more.is_empty() {
                return None;
            }
            let before = match record {
                Some(record) => Some(Forwarding::from_record(rule.family, record)?),
                None => None,
            };
            Some(Owner::Nat { bridge, uplink, scope, is_plain, is_added, before })
        }
        ("publish", [bridge], Chain::Forward | Chain::Postrouting, None) => {
            Some(Owner::Publications(bridge))
        }
        ("publish", [bridge, uplink], Chain::Forward | Chain::Publish, None) => {
            Some(Owner::Publication { bridge, uplink })
        }
        ("loopback", [bridge], Chain::Input | Chain::Postrouting, Some(before)) => {
            matches!(before, "route_localnet=0" | "route_localnet=1")
                .then_some(Owner::Loopback { bridge, before })
        }
        _ => None,
    }
}

/// Whether the rule that was found is the one that is wanted, whatever was before.
pub fn is_same(found: &Rule, wanted: &Rule) -> bool {
    let lead = |rule: &Rule| {
        let owner = owner(rule)?;
        Some((owner.bridge().to_owned(), owner.uplink().map(str::to_owned)))
    };
    lead(found) == lead(wanted) && found.does_as(wanted)
}

/// A NAT that stands, as its rules tell.
#[derive(Clone, Debug)]
pub struct Standing {
    pub bridge: InterfaceName,
    pub uplink: InterfaceName,
    pub scope: Scope,
    pub families: Vec<Family>,
    /// Others that the bridge may talk with.
    pub allowed: Vec<InterfaceName>,
    /// Whether its IPv6 subnets keep their addresses, if it has any.
    pub is_plain: Option<bool>,
    /// What was before it, of each family whose record is there.
    pub before: BTreeMap<Family, Forwarding>,
}

impl Standing {
    pub fn is_of(&self, bridge: &InterfaceName, uplink: &InterfaceName) -> bool {
        self.bridge == *bridge && self.uplink == *uplink
    }

    pub fn need(&self) -> Need {
        need(self.scope, &self.bridge, &self.uplink, &self.allowed)
    }
}

/// What is to be forwarded for a NAT.
pub fn need(
    scope: Scope,
    bridge: &InterfaceName,
    uplink: &InterfaceName,
    allowed: &[InterfaceName],
) -> Need {
    let bridges = [bridge].into_iter().chain(allowed).cloned().collect();
    Need { scope, bridges, uplink: uplink.clone() }
}

/// The NATs that the rules make.
pub fn standing<'a>(rules: impl Iterator<Item = &'a Rule>) -> Vec<Standing> {
    let mut nats: Vec<Standing> = Vec::new();
    for rule in rules {
        let Some(Owner::Nat { bridge, uplink, scope, is_plain, before, .. }) = owner(rule) else {
            continue;
        };
        let names = (InterfaceName::existing(bridge), InterfaceName::existing(uplink));
        let (Ok(bridge), Ok(uplink)) = names else { continue };
        let known = nats.iter().position(|nat| nat.is_of(&bridge, &uplink));
        let index = known.unwrap_or_else(|| {
            let (families, allowed, before) = Default::default();
            nats.push(Standing {
                bridge,
                uplink,
                scope,
                families,
                allowed,
                is_plain: None,
                before,
            });
            nats.len() - 1
        });
        let nat = &mut nats[index];
        if let Some(before) = before {
            let known = nat.before.remove(&rule.family);
            let before = known.into_iter().fold(before, Forwarding::and);
            nat.before.insert(rule.family, before);
        }
        if rule.family == Family::V6 {
            nat.is_plain = Some(is_plain);
        }
        if !nat.families.contains(&rule.family) {
            nat.families.push(rule.family);
        }
        if rule.input.as_ref() == Some(&nat.bridge)
            && let Some(other) = &rule.output
            && ![&nat.bridge, &nat.uplink].contains(&other)
            && !nat.allowed.contains(other)
        {
            nat.allowed.push(other.clone());
        }
    }
    nats
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::rule::Verdict;

    #[test]
    fn only_our_own_comments_count() {
        let rule = |chain, comment: &str| Rule::new(Family::V4, chain, Verdict::Drop, comment);
        let ours = "netns-tool nat br0 eth0";
        let name = |rule: &Rule| {
            let owner = owner(rule)?;
            Some((owner.bridge().to_owned(), owner.uplink().map(str::to_owned)))
        };
        let found = rule(Chain::Forward, ours);
        assert_eq!(name(&found), Some(("br0".to_owned(), Some("eth0".to_owned()))));
        let with = rule(Chain::Forward, &format!("{ours} before ip_forward=0"));
        assert!(matches!(owner(&with), Some(Owner::Nat { before: Some(_), .. })));
        for (chain, comment) in [
            (Chain::Input, ours),
            (Chain::Forward, "netns-tool nat br0 eth0 (bob's)"),
            (Chain::Forward, "netns-tool nat br0 eth0 before on=1"),
            (Chain::Forward, "netns-tool nat"),
            (Chain::Publish, "netns-tool publish br0"),
            (Chain::Input, "netns-tool loopback br0 before route_localnet=7"),
            (Chain::Postrouting, "my netns-tool nat br0 eth0"),
        ] {
            assert_eq!(owner(&rule(chain, comment)), None, "{chain:?} {comment}");
        }
    }
}
