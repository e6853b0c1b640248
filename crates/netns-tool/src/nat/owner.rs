//! Whose a rule is, as its comment tells; and the NATs that stand.

use super::rules::{ADDED, BEFORE, INTERFACE, PLAIN};
use crate::family::Family;
use crate::firewall::rule::{Chain, Rule};
use crate::mark::Mark;
use crate::name::InterfaceName;
use crate::sysctl::{Forwarding, Need, Scope};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::iter::Peekable;

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
    let (_, comment) = Mark::read(&rule.comment)?;
    // By their places: an interface may have any of the words for its name.
    let mut words = comment.split(' ').peekable();
    let (kind, bridge) = (words.next()?, words.next()?);
    let is_forwarded = rule.chain == Chain::Forward;
    if kind == "loopback" {
        let is_there = is_next(&mut words, BEFORE) && !is_forwarded && rule.chain != Chain::Publish;
        let before = words.next().filter(|_| is_there && words.peek().is_none())?;
        return matches!(before, "route_localnet=0" | "route_localnet=1")
            .then_some(Owner::Loopback { bridge, before });
    }
    let is_leaving = rule.chain == Chain::Postrouting;
    let Some(uplink) = words.next() else {
        return match kind {
            "nat" if is_forwarded => Some(Owner::Bridge(bridge)),
            "publish" if is_forwarded || is_leaving => Some(Owner::Publications(bridge)),
            _ => None,
        };
    };
    if kind == "publish" {
        let is_place = is_forwarded || rule.chain == Chain::Publish;
        return (is_place && words.peek().is_none())
            .then_some(Owner::Publication { bridge, uplink });
    }
    if kind != "nat" || !(is_forwarded || is_leaving) {
        return None;
    }
    let scope = if is_next(&mut words, INTERFACE) { Scope::Interface } else { Scope::Host };
    let (is_plain, is_added) = (is_next(&mut words, PLAIN), is_next(&mut words, ADDED));
    let has_record = is_next(&mut words, BEFORE);
    let record = words.collect::<Vec<_>>().join(" ");
    let before = match has_record {
        true => Some(Forwarding::from_record(rule.family, &record)?),
        false if record.is_empty() => None,
        false => return None,
    };
    Some(Owner::Nat { bridge, uplink, scope, is_plain, is_added, before })
}

/// Takes the word, which is written with the blanks around it, if it is the next.
fn is_next<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, word: &str) -> bool {
    words.next_if_eq(&word.trim()).is_some()
}

/// Whether the comment of the rule tells what was before.
pub fn bears_record(rule: &Rule) -> bool {
    matches!(owner(rule), Some(Owner::Nat { before: Some(_), .. }))
}

/// Whether the rule that was found does for the same NAT what is wanted; the records of both, and whether it was added
/// later, do not count.
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
    pub mark: Mark,
    pub bridge: InterfaceName,
    pub uplink: InterfaceName,
    pub scope: Scope,
    pub families: Vec<Family>,
    /// The subnets that get out.
    pub subnets: Vec<IpNet>,
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
            let (families, subnets, allowed, before) = Default::default();
            let (mark, _) = Mark::read(&rule.comment).unwrap_or_default();
            nats.push(Standing {
                mark,
                bridge,
                uplink,
                scope,
                families,
                subnets,
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
        nat.subnets.extend(rule.source.filter(|net| !nat.subnets.contains(net)));
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
    use crate::nat::rules::{Memory, Nat};
    use crate::sysctl::ROOM_NFT;

    #[test]
    fn an_interface_may_have_any_word_for_its_name() {
        const WORDS: [&str; 8] =
            ["before", "interface", "plain", "added", "nat", "publish", "loopback", "netns-tool"];
        for bridge in WORDS {
            for uplink in WORDS.into_iter().filter(|uplink| *uplink != bridge) {
                let [of, to] = [bridge, uplink].map(|name| InterfaceName::existing(name).unwrap());
                let subnets = ["10.0.0.0/24".parse().unwrap(), "fd00::/64".parse().unwrap()];
                let nat = Nat {
                    bridge: &of,
                    uplink: &to,
                    scope: Scope::Interface,
                    subnets: &subnets,
                    masquerades_ipv6: false,
                    allowed: &[InterfaceName::existing("other").unwrap()],
                    stands: true,
                };
                let memory = |family| {
                    let record = Forwarding::off(family).record(ROOM_NFT).unwrap();
                    (family, Memory { record, turned: vec![to.clone()] })
                };
                let rules = nat.rules(&Family::BOTH.map(memory).into(), &[]);
                for rule in &rules {
                    let owner = owner(rule).unwrap_or_else(|| panic!("{}", rule.comment));
                    assert_eq!(owner.bridge(), bridge, "{}", rule.comment);
                    assert!(owner.uplink().is_none_or(|name| name == uplink), "{}", rule.comment);
                }
                let [stands] = &standing(rules.iter())[..] else { panic!("{rules:?}") };
                assert!(stands.is_of(&of, &to) && stands.scope == Scope::Interface);
                assert_eq!((stands.is_plain, stands.before.len()), (Some(true), 2));
                assert_eq!(stands.allowed, nat.allowed);
            }
        }
    }

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
