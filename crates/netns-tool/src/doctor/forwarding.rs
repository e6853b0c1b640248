//! The switches in /proc/sys that decide what is forwarded.

use super::Finding;
use super::facts::Facts;
use crate::family::Family;
use crate::kernel::Snapshot;
use crate::nat;
use std::collections::{BTreeMap, BTreeSet};

pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = forwarding(&facts.host);
    found.extend(rp_filter(&facts.rp_filter));
    found.push(bridged(facts.filtered_on_bridges.as_ref()));
    found
}

/// NATs of netns-tool turn it on by themselves; so it is a fault only where somebody has turned it off since.
fn forwarding(host: &Snapshot) -> Vec<Finding> {
    let v4 = &host.switches.v4;
    let nats = nat::standing(host.firewall.ours());
    let nats = nats.iter().filter(|nat| nat.families.contains(&Family::V4));
    let mut found = Vec::new();
    for nat in nats {
        let (bridge, uplink) = (&nat.bridge, &nat.uplink);
        let dropped =
            format!("the kernel drops what goes from {bridge} to {uplink}, though there is a NAT");
        if !v4.is_on(&nat.need(), &host.host) {
            found.push(
                Finding::broken("ip-forward", "IPv4 forwarding has been turned off", &dropped)
                    .cure("sysctl -w net.ipv4.ip_forward=1"),
            );
        }
        found.extend(v4.closed(&nat.need(), &host.host).into_iter().map(|name| {
            let what = format!("`{name}` does not forward IPv4, though the host does");
            Finding::broken("ip-forward", what, &dropped)
                .cure(format!("sysctl -w net/ipv4/conf/{name}/forwarding=1"))
        }));
    }
    if found.is_empty() {
        found.push(if v4.on {
            Finding::ok("ip-forward", "IPv4 forwarding is on")
        } else {
            Finding::note(
                "ip-forward",
                "IPv4 forwarding is off",
                "`nat` turns it on, and off again with --delete; without a NAT, this host does not route between its links (`sysctl -w net.ipv4.ip_forward=1`)",
            )
        });
    }
    found.dedup();
    found
}

/// The larger of the two values of an interface and of `all` counts (Documentation/networking/ip-sysctl.rst).
fn rp_filter(values: &BTreeMap<String, u8>) -> Vec<Finding> {
    const STRICT: u8 = 1;
    let all = values.get("all").copied().unwrap_or_default();
    let is_strict = |(_, value): &(&String, &u8)| all.max(**value) == STRICT;
    let strict: Vec<&str> = values
        .iter()
        .filter(is_strict)
        .map(|(name, _)| name.as_str())
        .filter(|name| *name != "lo")
        .collect();
    if strict.is_empty() {
        return vec![Finding::ok("rp-filter", "rp_filter is not strict")];
    }
    let what = match strict[..] {
        [..] if strict.contains(&"all") => "rp_filter is 1 (strict)".to_owned(),
        _ => format!("rp_filter is 1 (strict) for {}", strict.join(", ")),
    };
    let why = "a packet that comes in over another interface than its answer would leave by is dropped without a word, as in networks with two ways; new namespaces get the same setting";
    let names = strict.into_iter().filter(|name| !matches!(*name, "all"));
    // The larger counts: 2 for all is enough for those that are there; `default` is for those to come.
    let mut names: Vec<&str> = names.filter(|name| *name == "default").collect();
    names.insert(0, "all");
    let cures = names.into_iter().map(|name| format!("sysctl -w net.ipv4.conf.{name}.rp_filter=2"));
    vec![Finding::warning("rp-filter", what, why).cures(cures)]
}

fn bridged(filtered: Option<&BTreeSet<Family>>) -> Finding {
    const CHECK: &str = "br-netfilter";
    let Some(filtered) = filtered else {
        return Finding::ok(
            CHECK,
            "br_netfilter is not loaded: bridges switch without the firewall",
        );
    };
    let switches: Vec<String> = filtered.iter().copied().map(switch_of_bridges).collect();
    let are = match switches.len() {
        0 => return Finding::ok(CHECK, "br_netfilter leaves alone what bridges switch"),
        1 => "is",
        _ => "are",
    };
    let switches = switches.join(" and ");
    Finding::note(
        CHECK,
        format!("br_netfilter shows the firewall what bridges only switch ({switches} {are} 1)"),
        "rules of FORWARD, and its policy, count for two ports of one bridge, too; Kubernetes wants it so",
    )
}

/// What has the firewall asked about what bridges only switch, as sysctl(8) names it.
pub fn switch_of_bridges(family: Family) -> String {
    format!("net.bridge.bridge-nf-call-{}", family.iptables())
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    fn strict(values: &[(&str, u8)]) -> Finding {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        rp_filter(&values).remove(0)
    }

    #[test]
    fn the_larger_value_of_rp_filter_counts() {
        assert_eq!(strict(&[("all", 0), ("default", 0), ("eth0", 0)]).severity, Severity::Ok);
        assert_eq!(strict(&[("all", 2), ("default", 1), ("eth0", 1)]).severity, Severity::Ok);
        let all = strict(&[("all", 1), ("default", 0), ("eth0", 2)]);
        assert_eq!(all.severity, Severity::Warning);
        assert!(!all.what.contains("eth0"), "{}", all.what);
        let one = strict(&[("all", 0), ("default", 0), ("eth0", 1), ("lo", 1)]);
        assert_eq!(one.what, "rp_filter is 1 (strict) for eth0");
        assert_eq!(one.cures, ["sysctl -w net.ipv4.conf.all.rp_filter=2"]);
    }

    #[test]
    fn bridged_traffic_that_is_filtered_is_noted() {
        assert_eq!(bridged(None).severity, Severity::Ok);
        assert_eq!(bridged(Some(&BTreeSet::new())).severity, Severity::Ok);
        let v6 = bridged(Some(&BTreeSet::from([Family::V6])));
        assert_eq!(v6.severity, Severity::Note);
        assert!(v6.what.contains("(net.bridge.bridge-nf-call-ip6tables is 1)"), "{}", v6.what);
        let both = bridged(Some(&BTreeSet::from(Family::BOTH)));
        assert!(both.what.contains("iptables and net.bridge.bridge-nf-call-ip6tables are 1"));
    }
}
