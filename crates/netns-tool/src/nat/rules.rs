//! The rules of a NAT, and how they are known again.

use crate::mark;
use crate::name::InterfaceName;
use crate::plan::Rule;
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
    fn comment(&self) -> String {
        mark::nat_comment(self.bridge, self.uplink)
    }

    /// Of the filter table: the first is the last line of defence, and bears the record.
    pub fn filter(&self, record: &str) -> Vec<Rule> {
        let (bridge, uplink, comment) = (self.bridge, self.uplink, self.comment());
        let rule = |matches: String, comment: &str, target| {
            Rule::new("filter", "FORWARD", &matches, comment, target)
        };
        vec![
            rule(format!("-i {uplink} -o {bridge}"), &format!("{comment}{BEFORE}{record}"), "DROP"),
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
    pub fn masquerade(&self) -> Vec<Rule> {
        let rule = |subnet: &Ipv4Net| {
            let matches = format!("-s {subnet} -o {}", self.uplink);
            Rule::new("nat", "POSTROUTING", &matches, &self.comment(), "MASQUERADE")
        };
        self.subnets.iter().map(rule).collect()
    }
}

/// What forwarding was before the NATs of netns-tool, as the rule that bears it says.
pub fn record_of(rule: &Rule) -> Option<&str> {
    nat_of(rule)?;
    rule.comment()?.split_once(BEFORE).map(|(_, record)| record)
}

/// The bridge and the uplink of the NAT that the rule belongs to, if netns-tool made it.
pub fn nat_of(rule: &Rule) -> Option<(&str, &str)> {
    let words = rule.comment()?.strip_prefix(mark::ALIAS)?.strip_prefix(" nat ")?;
    let mut words = words.split(' ');
    Some((words.next()?, words.next()?))
}

/// Whether the rule that was found is the one that is wanted, whatever its record says.
pub fn is_same(found: &Rule, wanted: &Rule) -> bool {
    nat_of(found) == nat_of(wanted) && found.without_comment() == wanted.without_comment()
}
