//! What may drop a packet, and what cannot.

use super::*;
use crate::firewall::obstacle::suspects::{Suspect, in_ruleset as in_tables, in_saved as in_lines};

/// The first packet of a connection to port 80.
fn seen(load: Load) -> Seen<'static> {
    Seen {
        is_ipv6: false,
        input: Some("eth0"),
        output: None,
        source: "10.0.0.1/32".parse().ok(),
        destination: "10.0.0.2/32".parse().ok(),
        load,
        is_answer: Some(false),
        is_published: None,
    }
}

fn connection() -> Seen<'static> {
    seen(Load::Tcp(Ports { from: None, to: Some(80) }))
}

fn saved(rules: &str) -> Vec<Suspect> {
    in_lines(&format!("*filter\n:INPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n"), "iptables", &connection())
}

#[test]
fn rules_and_policies_of_iptables_are_found_with_their_counters() {
    let text = "# Generated\n*mangle\n:PREROUTING ACCEPT [9:1]\n[4:8] -A PREROUTING -s 10.0.0.1/32 -j DROP\nCOMMIT\n\
        *filter\n:FORWARD DROP [3:252]\n[5:1] -A FORWARD -i a -j ACCEPT\n\
        [2:1] -A FORWARD -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n";
    let found = in_lines(text, "iptables", &connection());
    let told =
        found.iter().map(|found| (found.what.as_str(), found.packets, found.cure.as_deref()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (
                "the rule `-A PREROUTING -s 10.0.0.1/32 -j DROP` of table `mangle` of iptables",
                Some(4),
                Some("iptables -t mangle -D PREROUTING -s 10.0.0.1/32 -j DROP")
            ),
            (
                "the policy `DROP` of chain `FORWARD` of iptables",
                Some(3),
                Some("iptables -P FORWARD ACCEPT")
            ),
            (
                "the rule `-A FORWARD -p tcp -j REJECT --reject-with tcp-reset` of iptables",
                Some(2),
                Some("iptables -D FORWARD -p tcp -j REJECT --reject-with tcp-reset")
            ),
        ]
    );
    assert_eq!(found[2].answer.as_deref(), Some("tcp-reset"));
    assert_eq!(found[2].hooks, ["forward".to_owned()].into());
    let arp = in_lines(text, "iptables", &seen(Load::Arp));
    assert!(arp.is_empty(), "{arp:?}");
}

#[test]
fn what_cannot_mean_the_packet_is_no_suspect() {
    for rule in [
        "-A INPUT -j DROP_BAD",
        "-A INPUT -m comment --comment \"x -j DROP\" -j ACCEPT",
        "-A INPUT -p udp -j DROP",
        "-A INPUT -p icmp -m icmp --icmp-type 8 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 81 -j DROP",
        "-A INPUT -p tcp -m multiport --dports 22,443 -j DROP",
        "-A INPUT -s 10.0.0.3/32 -j DROP",
        "-A INPUT ! -d 10.0.0.0/24 -j DROP",
        "-A INPUT -i eth1 -j DROP",
        "-A INPUT -m conntrack --ctstate INVALID -j DROP",
    ] {
        assert_eq!(saved(&format!("[1:1] {rule}")), [], "{rule}");
    }
    for rule in [
        "-A INPUT -p tcp -m tcp --dport 80 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 80:90 -j DROP",
        "-A INPUT -p tcp -m tcp --sport 1024: -j DROP",
        "-A INPUT -m limit --limit 1/sec -j DROP",
        "-A INPUT -s 10.0.0.0/24 ! -d 10.0.0.3/32 -i eth+ -j DROP",
    ] {
        assert_eq!(saved(&format!("[1:1] {rule}")).len(), 1, "{rule}");
    }
}

#[test]
fn a_chain_of_somebodys_own_has_the_hooks_of_those_that_lead_there() {
    let found = saved(
        ":BAD - [0:0]\n:LOST - [0:0]\n[0:0] -A INPUT -j BAD\n[1:1] -A BAD -j DROP\n[1:1] -A LOST -j DROP",
    );
    let hooks: Vec<Vec<&str>> =
        found.iter().map(|found| found.hooks.iter().map(String::as_str).collect()).collect();
    assert_eq!(hooks, [vec!["input"], vec![]]);
}

#[test]
fn no_cure_takes_away_what_is_ours() {
    let own = saved("[1:1] -A NETNS-TOOL -j DROP\n:NETNS-TOOL - [0:0]");
    assert!(own.iter().all(|one| one.cure.is_none()) && own.len() == 1, "{own:?}");
}

fn table(rules: &[Value]) -> Value {
    let rule = |(at, expr): (usize, &Value)| json!({ "rule": { "family": "ip", "table": "mine", "chain": "in", "handle": at, "expr": expr } });
    let mut all = vec![
        json!({ "table": { "family": "ip", "name": "mine" } }),
        json!({ "counter": { "family": "ip", "table": "mine", "name": "bad", "packets": 5, "bytes": 9 } }),
        json!({ "chain": { "family": "ip", "table": "mine", "name": "in", "type": "filter", "hook": "input", "prio": 0, "policy": "drop" } }),
    ];
    all.extend(rules.iter().enumerate().map(rule));
    json!({ "nftables": all })
}

fn of_nft(rules: &[Value]) -> Vec<(String, Option<u64>, Option<String>)> {
    let found = in_tables(&table(rules), |_, _| false, &connection());
    assert!(found.iter().all(|one| one.hooks == ["input".to_owned()].into()), "{found:?}");
    found.into_iter().map(|one| (one.what, one.packets, one.cure)).collect()
}

#[test]
fn rules_and_policies_of_nft_are_found_where_iptables_has_not_told_of_them() {
    let counter = json!({ "counter": { "packets": 7, "bytes": 1 } });
    let found = of_nft(&[
        json!([counter, { "drop": null }]),
        json!([{ "accept": null }]),
        json!([{ "counter": "bad" }, { "reject": { "type": "tcp reset" } }]),
    ]);
    let policy = "the policy `drop` of chain `in` of nft table `ip mine`";
    let rule = |text: &str| format!("the rule `{text}` of chain `in` of nft table `ip mine`");
    let cure = |words: &str| Some(format!("nft '{words}'"));
    assert_eq!(
        found,
        [
            (policy.to_owned(), None, cure("add chain ip mine in { policy accept; }")),
            (rule("drop"), Some(7), cure("delete rule ip mine in handle 0")),
            (rule("reject with tcp reset"), Some(5), cure("delete rule ip mine in handle 2")),
        ]
    );
    let skipped = in_tables(&table(&[]), |_, table| table == "mine", &connection());
    assert!(skipped.is_empty(), "{skipped:?}");
    let of_six = Seen { is_ipv6: true, ..connection() };
    assert!(in_tables(&table(&[]), |_, _| false, &of_six).is_empty());
}

#[test]
fn a_map_drops_what_one_of_its_keys_means() {
    let key = json!({ "payload": { "protocol": "tcp", "field": "dport" } });
    let map = |port: u16| json!({ "vmap": { "key": key, "data": { "set": [[port, { "drop": null }], [22, { "accept": null }]] } } });
    let counter = json!({ "counter": { "packets": 7, "bytes": 1 } });
    let found = of_nft(&[json!([counter, map(80)]), json!([map(81)])]);
    let what =
        "the rule `tcp dport vmap { 80 : drop, 22 : accept }` of chain `in` of nft table `ip mine`";
    assert_eq!(found[1..], [(what.to_owned(), Some(7), None)]);
}

/// A counter before a match counts what the match does not mean.
#[test]
fn a_counter_that_counts_others_too_proves_nothing() {
    let counter = json!({ "counter": { "packets": 7, "bytes": 1 } });
    let limit = json!({ "limit": { "rate": 1, "per": "second" } });
    let found = of_nft(&[json!([counter, limit, { "drop": null }])]);
    assert_eq!(found[1].1, None);
}
