//! The rules of a NAT, and how they are known again.

use crate::mark;
use crate::name::InterfaceName;
use crate::plan::Rule;
use crate::sysctl::Forwarding;
use ipnet::Ipv4Net;

/// Between the comment of a NAT and its record of what forwarding was before.
const BEFORE: &str = " before ";

/// A NAT: the rules that make it, in the order in which a packet should meet them.
pub struct Nat<'a> {
    pub bridge: &'a InterfaceName,
    pub uplink: &'a InterfaceName,
    pub subnets: &'a [Ipv4Net],
}

impl Nat<'_> {
    /// The comment that bears the record of what forwarding was before. Several rules have it, of both tables: either
    /// may be flushed by somebody.
    fn comment_with(&self, record: &str) -> String {
        format!("{}{BEFORE}{record}", mark::nat_comment(self.bridge, self.uplink))
    }

    /// Of the filter table; the first is the last line of defence.
    pub fn filter(&self, record: &str) -> Vec<Rule> {
        let (bridge, uplink) = (self.bridge, self.uplink);
        let comment = mark::nat_comment(bridge, uplink);
        let rule = |matches: String, comment: &str, target| {
            Rule::new("filter", "FORWARD", &matches, comment, target)
        };
        vec![
            rule(format!("-i {uplink} -o {bridge}"), &self.comment_with(record), "DROP"),
            rule(
                format!("-i {uplink} -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED"),
                &comment,
                "ACCEPT",
            ),
            rule(format!("-i {bridge} -o {uplink}"), &comment, "ACCEPT"),
            rule(format!("-i {bridge} -o {bridge}"), &comment, "ACCEPT"),
        ]
    }

    /// Of the nat table: one for each subnet.
    pub fn masquerade(&self, record: &str) -> Vec<Rule> {
        let rule = |subnet: &Ipv4Net| {
            let matches = format!("-s {subnet} -o {}", self.uplink);
            Rule::new("nat", "POSTROUTING", &matches, &self.comment_with(record), "MASQUERADE")
        };
        self.subnets.iter().map(rule).collect()
    }
}

/// What forwarding was before the NATs of netns-tool, as the rule says if it bears the record.
pub fn record_of(rule: &Rule) -> Option<Forwarding> {
    parse(rule)?.2
}

/// The bridge and the uplink of the NAT that the rule belongs to, if netns-tool made it.
pub fn nat_of(rule: &Rule) -> Option<(&str, &str)> {
    parse(rule).map(|(bridge, uplink, _)| (bridge, uplink))
}

/// Only what netns-tool itself would have written, where it would have written it, counts.
fn parse(rule: &Rule) -> Option<(&str, &str, Option<Forwarding>)> {
    let chain = (rule.table.as_str(), rule.chain.as_str());
    if !matches!(chain, ("filter", "FORWARD") | ("nat", "POSTROUTING")) {
        return None;
    }
    let words = rule.comment()?.strip_prefix(mark::ALIAS)?.strip_prefix(" nat ")?;
    let (nat, record) = match words.split_once(BEFORE) {
        Some((nat, record)) => (nat, Some(Forwarding::from_record(record)?)),
        None => (words, None),
    };
    let (bridge, uplink) = nat.split_once(' ')?;
    (!uplink.contains(' ')).then_some((bridge, uplink, record))
}

/// Whether the rule that was found is the one that is wanted, whatever its record says.
pub fn is_same(found: &Rule, wanted: &Rule) -> bool {
    nat_of(found) == nat_of(wanted) && found.without_comment() == wanted.without_comment()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_comments_count() {
        let rule = |table: &str, chain: &str, comment: &str| {
            Rule::new(table, chain, "-i br0", comment, "DROP")
        };
        let ours = "netns-tool nat br0 eth0";
        assert_eq!(nat_of(&rule("filter", "FORWARD", ours)), Some(("br0", "eth0")));
        assert!(
            record_of(&rule("filter", "FORWARD", &format!("{ours} before ip_forward=0")))
                .is_some_and(|before| !before.on)
        );
        for (table, chain, comment) in [
            ("filter", "INPUT", ours),
            ("filter", "FORWARD", "netns-tool nat br0 eth0 (bob's)"),
            ("filter", "FORWARD", "netns-tool nat br0 eth0 before on=1"),
            ("filter", "FORWARD", "netns-tool nat br0"),
            ("nat", "POSTROUTING", "my netns-tool nat br0 eth0"),
        ] {
            assert_eq!(nat_of(&rule(table, chain, comment)), None, "{table} {chain} {comment}");
        }
    }
}
