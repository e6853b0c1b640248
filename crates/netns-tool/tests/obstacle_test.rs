//! Rules of others that `nat` cannot outvote, wherever they stand: it warns of those that truly drop, and what it says
//! to type helps.

mod support;

use predicates::prelude::*;
use predicates::str::{contains, starts_with};
use support::echo::cannot_by;
use support::internet::{CLIENT, SERVER, SERVER6, UPLINK6, lab};
use support::others::{docker_host, type_what_it_says};
use support::{
    Protocol, assert_is, done, for_each_firewall, for_each_iptables, reaches, reaches_by, sh, tool,
};
use testhost::Snapshot;

const TABLES: [&str; 2] = ["iptables", "ip6tables"];
const PUBLISH: &str = "nat br0 up0 --publish 8080:10.0.0.2:80";
/// Asks about what would come to published ports; these stand already.
const PUBLISH_MORE: &str = "nat br0 up0 --publish 8081:10.0.0.2:80 --dry-run";
const PUBLISHED: &str = "192.0.2.2:8080";

fn works() {
    reaches("a", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
    reaches("a", &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
    reaches_by(Protocol::Tcp, "client", PUBLISHED, &format!("you are {CLIENT} on a:80"));
}

/// The NAT that stands, made again, warns of what drops its traffic, in these words; the others are those for ports.
fn warns(line: &str, rule: &str) -> String {
    let assert = tool(line).success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert.stderr(starts_with("warning: ").and(contains(rule)));
    let (from, to) = match line {
        PUBLISH_MORE => ("client", PUBLISHED.to_owned()),
        _ => ("a", format!("{SERVER}:80")),
    };
    cannot_by(from, &[(Protocol::Tcp, &to)]);
    said
}

/// The same, and typing what it says helps.
fn warns_and_helps(line: &str, rule: &str) {
    type_what_it_says(&warns(line, rule));
    works();
}

fn stands() {
    lab();
    done("nat br0 up0");
    done(PUBLISH);
    works();
}

/// The commands for both families.
fn both(words: &str) {
    TABLES.iter().for_each(|tables| drop(sh(&format!("{tables} {words}"))));
}

#[test]
fn in_other_tables_of_iptables() {
    for_each_iptables(|firewall| {
        stands();
        if firewall.is_unseen() {
            return;
        }
        for (table, chain, matches) in [
            ("raw", "PREROUTING", "-i br0"),
            ("mangle", "PREROUTING", "-i br0"),
            ("mangle", "FORWARD", "-i br0"),
            ("security", "FORWARD", "-i br0 -o up0"),
            ("mangle", "POSTROUTING", "-o up0 -m conntrack --ctstate NEW"),
        ] {
            both(&format!("-t {table} -A {chain} {matches} -j DROP"));
            let rule = format!("`-A {chain} {matches} -j DROP` of table `{table}` of iptables");
            warns_and_helps("nat br0 up0", &rule);
            both(&format!("-t {table} -F {chain}"));
        }
        both("-t mangle -P FORWARD DROP");
        let policy = "the policy `DROP` of chain `FORWARD` of table `mangle` of iptables drops";
        type_what_it_says(&warns("nat br0 up0", policy));
        warns_and_helps(PUBLISH_MORE, policy);
    });
}

#[test]
fn before_the_way_to_its_own_chain() {
    for_each_iptables(|_| {
        lab();
        both("-A FORWARD -m comment --comment x -j ACCEPT");
        let before = Snapshot::settled();
        done("nat br0 up0");
        done(PUBLISH);
        both("-I FORWARD -j DROP");
        let said = warns("nat br0 up0", "the rule `-A FORWARD -j DROP` of iptables drops");
        assert!(said.contains("netns-tool's chain `NETNS-TOOL` is not asked first"), "{said}");
        let said_of_ports = warns(PUBLISH_MORE, "`-A FORWARD -j DROP`");
        type_what_it_says(&said);
        works();
        assert!(said.contains(said_of_ports.lines().last().unwrap()), "{said_of_ports}");
        tool("nat br0 up0").success().stderr("");
        both("-D FORWARD -j DROP");
        done("nat br0 up0 --delete");
        assert_is(&before);
    });
}

#[test]
fn before_dockers_chain_with_the_way_to_its_own() {
    for_each_iptables(|_| {
        lab();
        docker_host();
        let before = Snapshot::settled();
        done("nat br0 up0");
        done(PUBLISH);
        both("-I FORWARD -o up0 -j DROP");
        warns_and_helps("nat br0 up0", "the rule `-A FORWARD -o up0 -j DROP` of iptables drops");
        both("-D FORWARD -o up0 -j DROP");
        done("nat br0 up0 --delete");
        assert_is(&before);
    });
}

#[test]
fn in_other_hooks_of_nft() {
    for_each_firewall(|_| {
        stands();
        for (line, hook, rule) in [
            ("nat br0 up0", "prerouting priority raw", "iifname \"br0\""),
            ("nat br0 up0", "prerouting priority -150", "iifname \"up0\" ct state established"),
            ("nat br0 up0", "postrouting priority 0", "oifname \"up0\" ct state new"),
            ("nat br0 up0", "postrouting priority 150", "oifname \"br0\" ct state established"),
            (PUBLISH_MORE, "prerouting priority 0", "iifname \"up0\" ct status dnat"),
            (PUBLISH_MORE, "postrouting priority -1", "oifname \"br0\" ct state new"),
        ] {
            sh(&format!(
                "nft 'table inet strict {{ chain c {{ type filter hook {hook}; {rule} drop; }}; }}'"
            ));
            let rule = format!("the rule `{rule} drop` of chain `c` of nft table `inet strict`");
            warns_and_helps(line, &rule);
            sh("nft delete table inet strict");
        }
        // What is not certain, or drops nothing of the NAT's, is not told.
        for (hook, rule) in [
            ("prerouting priority raw", "ct state new"),
            ("prerouting priority 0", "oifname \"br0\""),
            ("postrouting priority 0", "iifname \"lo\""),
            ("postrouting priority 150", "oifname \"up0\" ip saddr 10.0.0.0/24"),
        ] {
            sh(&format!(
                "nft 'table inet strict {{ chain c {{ type filter hook {hook}; {rule} drop; }}; }}'"
            ));
            tool("nat br0 up0").success().stderr("");
            works();
            sh("nft delete table inet strict");
        }
    });
}

#[test]
fn in_a_table_of_iptables_but_not_in_a_chain_of_it() {
    for_each_firewall(|_| {
        stands();
        sh("nft 'table ip mangle { set s { type ipv4_addr; };
                chain mine { type filter hook forward priority mangle; policy drop; ip saddr @s accept; }; }'");
        let what = "the policy `drop` of chain `mine` of nft table `ip mangle` drops";
        type_what_it_says(&warns("nat br0 up0", what));
        reaches("a", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
    });
}

#[test]
fn on_the_bridge_itself() {
    for_each_firewall(|_| {
        stands();
        for (hook, dropped) in [
            ("prerouting", "sends out"),
            ("input", "sends out"),
            ("output", "answers from"),
            ("postrouting", "answers from"),
        ] {
            sh(&format!(
                "nft 'table bridge strict {{ chain {hook} {{ type filter hook {hook} priority 0; policy drop; }}; }}'"
            ));
            let rule = format!("the policy `drop` of chain `{hook}` of nft table `bridge strict`");
            let said = warns("nat br0 up0", &rule);
            assert!(said.contains(dropped), "{said}");
            sh("nft delete table bridge strict");
            works();
        }
        // Of what it may let through nothing is said.
        sh(
            "nft 'table bridge some { chain in { type filter hook input priority 0; policy drop; ether type { ip, ip6, arp } accept; }; }'",
        );
        tool("nat br0 up0").success().stderr("");
        works();
    });
}
