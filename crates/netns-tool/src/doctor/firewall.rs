//! What of the firewall is in the way of what netns-tool makes.

use super::Finding;
use super::facts::Facts;
use super::forwarding::switch_of_bridges;
use crate::family::Family;
use crate::firewall::{Backend, Firewall};
use crate::kernel::Snapshot;
use crate::kernel::state::{Link, State};
use crate::lab::model::Lab;
use crate::name::InterfaceName;
use crate::nat::{self, InTheWay};
use ipnet::IpNet;
use std::collections::BTreeSet;

/// With a lab, its NATs and bridges are what is looked at.
pub fn examine(facts: &Facts, lab: Option<&Lab>) -> Vec<Finding> {
    if let Some(failure) = &facts.unread_firewall {
        return unread(facts, failure).into_iter().collect();
    }
    let host = &facts.host;
    let mut found = variants(&host.firewall);
    let ways = ways(host, lab);
    let of_way = |way: &Way| nat::in_the_way(&way.bridge, &way.uplink, &way.subnets, host, true);
    let blocked = merged(ways.iter().flat_map(of_way).collect());
    let known: BTreeSet<String> = blocked.iter().map(|one| one.rule.clone()).collect();
    found.extend(blocked.into_iter().map(|one| in_spite_of_nat(one, &host.firewall)));
    let bare = bare_bridge(host, lab, &ways);
    let without = nat::in_the_way(&bare.bridge, &bare.uplink, &bare.subnets, host, false);
    let without = without.into_iter().filter(|one| !known.contains(&one.rule));
    found.extend(without.map(|one| without_nat(one, &host.firewall)));
    let is_sound = found.is_empty();
    if facts.is_legacy_hidden {
        let what = "whether iptables-legacy has rules, too, cannot be told";
        let why = "a user namespace hides its tables; what they drop is dropped for sure; `iptables-legacy -S FORWARD` tells it";
        found.push(Finding::note("both-iptables", what, why));
    }
    if is_sound {
        found.push(Finding::ok(
            "forward",
            format!("{}: nothing drops what is forwarded", name(&host.firewall)),
        ));
    }
    found
}

fn unread(facts: &Facts, failure: &crate::failure::Failure) -> Option<Finding> {
    let is_there = |tool: &&crate::kernel::installed::Installed| {
        use crate::plan::Tool;
        tool.is_there && matches!(tool.tool, Tool::IptablesSave | Tool::Nft)
    };
    if facts.lacking.is_some() {
        let what = "the rules could not be read";
        return Some(
            Finding::note("firewall", what, "only root can").cure("sudo netns-tool doctor"),
        );
    }
    // That there is none is found among the tools.
    facts.tools.iter().find(is_there)?;
    let facts: Vec<&str> = failure.facts().collect();
    let why = format!("`nat` fails for the same reason: {}", facts.join("; "));
    let why = if facts.is_empty() { "`nat` fails for the same reason" } else { &why };
    Some(Finding::broken("firewall", failure.what.clone(), why).advised(failure))
}

/// A bridge with its way out.
struct Way {
    bridge: InterfaceName,
    uplink: InterfaceName,
    subnets: Vec<IpNet>,
}

/// The NATs of the lab, else those that stand, else one as it would be made.
fn ways(facts: &Snapshot, lab: Option<&Lab>) -> Vec<Way> {
    let uplink = || default_uplink(&facts.host);
    let of_lab = lab.into_iter().flat_map(|lab| {
        lab.nats.iter().map(|nat| Way {
            bridge: nat.bridge.clone(),
            uplink: nat.uplink.clone().unwrap_or_else(uplink),
            subnets: subnets_of(lab, &nat.bridge),
        })
    });
    let standing = nat::standing(facts.firewall.ours()).into_iter();
    let standing =
        standing.map(|nat| Way { bridge: nat.bridge, uplink: nat.uplink, subnets: nat.subnets });
    let mut ways: Vec<Way> = if lab.is_some() { of_lab.collect() } else { standing.collect() };
    if ways.is_empty() && lab.is_none() {
        ways.push(Way {
            bridge: example(facts),
            uplink: uplink(),
            subnets: example_subnets(&facts.host),
        });
    }
    ways
}

/// A bridge without a NAT: one of the lab, or of the host, or one as it would be made.
fn bare_bridge(facts: &Snapshot, lab: Option<&Lab>, ways: &[Way]) -> Way {
    let has_nat = |name: &InterfaceName| ways.iter().any(|way| way.bridge == *name);
    let of_lab = lab.and_then(|lab| {
        let mut bridges = lab.bridges.iter().filter(|bridge| bridge.at.is_none());
        let bridge = bridges.find(|bridge| !has_nat(&bridge.name))?;
        Some((bridge.name.clone(), subnets_of(lab, &bridge.name)))
    });
    let host = &facts.host;
    let is_bare = |link: &&Link| link.is_kind("bridge") && link.is_ours() && !has_nat(&link.name);
    let of_host = || {
        let link = host.links.iter().find(is_bare)?;
        Some((link.name.clone(), host.addresses_of(link).map(|net| net.trunc()).collect()))
    };
    let (bridge, subnets) = of_lab.or_else(of_host).unwrap_or_else(|| (example(facts), Vec::new()));
    let subnets = if subnets.is_empty() { example_subnets(host) } else { subnets };
    Way { bridge, uplink: default_uplink(host), subnets }
}

fn subnets_of(lab: &Lab, bridge: &InterfaceName) -> Vec<IpNet> {
    let bridges = lab.bridges.iter().filter(|one| one.at.is_none() && one.name == *bridge);
    bridges.flat_map(|bridge| &bridge.addresses).map(IpNet::trunc).collect()
}

/// The first name of a bridge that has no NAT: the rules of one would let packets through.
fn example(facts: &Snapshot) -> InterfaceName {
    let standing = nat::standing(facts.firewall.ours());
    let is_free = |name: &InterfaceName| standing.iter().all(|nat| nat.bridge != *name);
    let mut names = (0..=standing.len()).map(|number| format!("br{number}"));
    names.find_map(|name| Some(InterfaceName::reported(name)).filter(is_free)).unwrap_or_else(
        || {
            // Among so many one is free.
            InterfaceName::reported("br0".to_owned())
        },
    )
}

fn example_subnets(host: &State) -> Vec<IpNet> {
    let v4 = [10, 0, 0, 0];
    let v6 = [0xfd00, 0, 0, 0, 0, 0, 0, 0];
    let mut subnets = vec![IpNet::new(v4.into(), 24)];
    subnets.extend((!host.default_routes(false).is_empty()).then(|| IpNet::new(v6.into(), 64)));
    subnets.into_iter().flatten().collect()
}

fn default_uplink(host: &State) -> InterfaceName {
    let mut routes = host.default_routes(true).into_iter().chain(host.default_routes(false));
    let link = routes.find_map(|route| host.by_index(route.device?));
    link.map_or_else(|| InterfaceName::reported("eth0".to_owned()), |link| link.name.clone())
}

/// One for each rule, with all that it drops.
fn merged(all: Vec<InTheWay>) -> Vec<InTheWay> {
    let mut merged: Vec<InTheWay> = Vec::new();
    for one in all {
        match merged.iter_mut().find(|known| known.rule == one.rule) {
            Some(known) => {
                known.dropped = format!("{}, and {}", known.dropped, one.dropped);
                let is_new = |cure: &String| !known.cures.contains(cure);
                let new: Vec<String> = one.cures.into_iter().filter(is_new).collect();
                known.cures.extend(new);
            }
            None => merged.push(one),
        }
    }
    merged
}

fn in_spite_of_nat(one: InTheWay, firewall: &Firewall) -> Finding {
    let what = format!("{} drops {}{}", one.rule, one.dropped, set_by(firewall, &one.rule));
    let why = format!("{}: all rules of a NAT stand, and nothing gets through", one.reason);
    Finding::broken("nat-blocked", what, &why).cures(one.cures)
}

fn without_nat(one: InTheWay, firewall: &Firewall) -> Finding {
    let set_by = set_by(firewall, &one.rule);
    if !one.between_ports.is_empty() {
        let what = format!(
            "{} drops what the ports of a bridge send to each other, and what is routed without a NAT{set_by}",
            one.rule
        );
        let why = "br_netfilter shows the firewall what bridges only switch: namespaces on a bridge without a NAT do not reach each other";
        let off = |family: &Family| format!("sysctl -w {}=0", switch_of_bridges(*family));
        let switches: Vec<String> = one.between_ports.iter().map(off).collect();
        return Finding::broken("forward", what, why).cures(one.cures).cures(switches);
    }
    let what = format!("{} drops what is routed without a NAT of netns-tool{set_by}", one.rule);
    let why = "between two bridges or links of the host nothing gets through; `nat` lets what is its own through";
    Finding::warning("forward", what, why).cures(one.cures)
}

/// Who has made the chains that are there, if it is one that is known.
fn set_by(firewall: &Firewall, rule: &str) -> String {
    const KNOWN: [(&str, &str); 6] = [
        ("DOCKER", "Docker"),
        ("ufw-", "ufw"),
        ("LIBVIRT_", "libvirt"),
        ("KUBE-", "Kubernetes"),
        ("firewalld", "firewalld"),
        ("FWD_", "firewalld"),
    ];
    let is_of_iptables = rule.contains("tables");
    let own = firewall.saved.iter().map(|(_, saved)| saved.text.as_str());
    let other = firewall.other_variant.iter().map(|(.., text)| text.as_str());
    let texts: Vec<&str> = own.chain(other).filter(|_| is_of_iptables).chain([rule]).collect();
    let has = |word: &str| texts.iter().any(|text| text.contains(word));
    let known = KNOWN.iter().find(|(word, _)| has(word));
    known.map(|(_, who)| format!(" (as {who} sets it, whose chains are there)")).unwrap_or_default()
}

/// Rules in both variants of iptables: a packet has to pass both.
fn variants(firewall: &Firewall) -> Vec<Finding> {
    let own = firewall.saved.iter().any(|(_, saved)| !emptying("", &saved.text).is_empty());
    let other = firewall.other_variant.iter();
    let cures: Vec<String> = other.flat_map(|(_, command, text)| emptying(command, text)).collect();
    let Some((_, command, _)) = firewall.other_variant.first().filter(|_| own) else {
        return vec![];
    };
    if cures.is_empty() {
        return vec![];
    }
    let what = format!(
        "both variants of iptables have rules: `iptables` shows its own, `{command}` the others"
    );
    let why = format!(
        "a packet has to pass both, and what the one accepts the other may drop; `{command}-save` shows those of the other, and if they are left from former times, they can go"
    );
    vec![Finding::warning("both-iptables", what, &why).cures(cures)]
}

/// What takes away all that is there, as `-save` prints it: policies that drop, and the rules of each table.
fn emptying(command: &str, saved: &str) -> Vec<String> {
    let (mut policies, mut tables) = (Vec::new(), BTreeSet::new());
    let mut table = "filter";
    for line in saved.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if line.starts_with("-A ") {
            tables.insert(table);
        } else if let Some((chain, policy)) = line.strip_prefix(':').and_then(|l| l.split_once(' '))
            && policy.starts_with("DROP ")
        {
            policies.push(format!("{command} -t {table} -P {chain} ACCEPT"));
        }
    }
    policies
        .into_iter()
        .chain(tables.iter().map(|table| format!("{command} -t {table} -F")))
        .collect()
}

fn name(firewall: &Firewall) -> &'static str {
    match firewall.backend {
        Backend::Iptables => "iptables",
        Backend::Nft => "nft",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::firewall::iptables::Saved;

    fn iptables(text: &str) -> Firewall {
        Firewall { saved: vec![(Family::V4, Saved::parse(text))], ..Firewall::default() }
    }

    #[test]
    fn it_is_told_whose_chains_are_there() {
        let policy = "the policy `DROP` of chain `FORWARD` of iptables";
        let docker = iptables("*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\nCOMMIT\n");
        assert!(set_by(&docker, policy).contains("Docker"));
        assert_eq!(set_by(&iptables("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"), policy), "");
        let rule = "the rule `reject` of chain `filter_FORWARD` of nft table `inet firewalld`";
        assert!(set_by(&iptables(""), rule).contains("firewalld"));
    }

    #[test]
    fn both_variants_count_only_with_rules() {
        const DROP: &str = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
        let of = |own, other: &str| {
            let other_variant = vec![(Family::V4, "iptables-legacy", other.to_owned())];
            variants(&Firewall { other_variant, ..iptables(own) })
        };
        assert_eq!(of(DROP, ""), []);
        assert_eq!(of("", DROP), []);
        assert_eq!(of(DROP, "*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"), []);
        let found = of(DROP, DROP);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].cures, ["iptables-legacy -t filter -P FORWARD ACCEPT"]);
        let found = of(DROP, "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n");
        assert_eq!(found[0].cures, ["iptables-legacy -t nat -F"]);
    }
}
