//! `nat` beside the firewalls of others: it works, or it says whose rule is in the way and what to type, and that helps.

mod support;

use predicates::prelude::*;
use predicates::str::{contains, starts_with};
use std::fs;
use support::internet::{CLIENT, CLIENT6, SERVER, SERVER6, UPLINK6, lab};
use support::others::{
    DOCKERS_PORT, bridges_ask, docker_host, drop_in_other_variant, firewalld_like, may_ask_itself,
    strict_table, type_what_it_says,
};
use support::{
    Firewall, HOST, Protocol, assert_is, cannot_any, done, for_each_firewall, for_each_iptables,
    ping, reaches, reaches_by, set_sysctl, sh, tcp_ask, tool,
};
use testhost::Snapshot;

const PUBLISH: &str = "nat br0 up0 --publish 8080:10.0.0.2:80 --publish 8080:[fd00::2]:80";

/// Out, in by published ports, and not in otherwise.
fn works() {
    reaches("a", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
    reaches("a", &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
    reaches("a", "10.0.0.3:80", "you are 10.0.0.2 on b:80");
    let (tcp, six) = (Protocol::Tcp, format!("[{UPLINK6}]:8080"));
    reaches_by(tcp, "client", "192.0.2.2:8080", &format!("you are {CLIENT} on a:80"));
    reaches_by(tcp, "client", &six, &format!("you are {CLIENT6} on a:80"));
    for from in [HOST, "b"].into_iter().chain(may_ask_itself().then_some("a")) {
        for to in ["192.0.2.2:8080", &six] {
            let answer =
                tcp_ask(from, to).unwrap_or_else(|error| panic!("`{from}` to {to}: {error}"));
            assert!(answer.ends_with(" on a:80"), "{answer}");
        }
    }
    cannot_any("client", &["10.0.0.2:80", "10.0.0.3:80", "[fd00::2]:80", "[fd00::3]:81"]);
}

/// Publishes, and types what the warning says.
fn publish_and_type() {
    let assert = tool(PUBLISH).success().stderr(starts_with("warning: "));
    type_what_it_says(&String::from_utf8_lossy(&assert.get_output().stderr));
}

/// The rules of a chain, in their order.
fn chain(tables: &str, table: &str, chain: &str) -> Vec<String> {
    let rules = sh(&format!("{tables} -t {table} -S {chain}"));
    rules.lines().filter(|rule| rule.starts_with("-A ")).map(str::to_owned).collect()
}

#[test]
fn where_nothing_is_in_the_way_there_is_no_warning() {
    for_each_firewall(|_| {
        lab();
        tool("nat br0 up0").success().stderr("");
        tool(PUBLISH).success().stderr("");
        works();
    });
}

#[test]
fn its_rules_are_in_chains_of_its_own_that_are_asked_first() {
    for_each_iptables(|_| {
        lab();
        for tables in ["iptables", "ip6tables"] {
            sh(&format!("{tables} -A FORWARD -j DROP; {tables} -P FORWARD DROP"));
        }
        let before = Snapshot::settled();
        tool("nat br0 up0").success().stderr("");
        done(PUBLISH);
        for tables in ["iptables", "ip6tables"] {
            let forward = chain(tables, "filter", "FORWARD");
            assert!(forward[0].ends_with("-j NETNS-TOOL"), "{forward:?}");
            assert_eq!(forward.len(), 2, "{forward:?}");
            assert!(!chain(tables, "nat", "NETNS-TOOL").is_empty());
        }
        works();
        done("nat br0 up0 --delete");
        assert_is(&before);
    });
}

#[test]
fn with_nft_there_is_one_table() {
    for_each_firewall(|firewall| {
        lab();
        let before = Snapshot::settled();
        done("nat br0 up0 --firewall nft");
        done(PUBLISH);
        assert!(sh("nft list table inet netns-tool").contains("br0"));
        if firewall != Firewall::NftOnly {
            assert!(!firewall.rules().contains("NETNS-TOOL"), "{}", firewall.rules());
        }
        works();
        done("nat br0 up0 --delete");
        assert_is(&before);
        assert!(!sh("nft list tables").contains("netns-tool"));
    });
}

#[test]
fn beside_docker() {
    for_each_iptables(|_| {
        lab();
        docker_host();
        let before = Snapshot::settled();
        tool("nat br0 up0").success().stderr("");
        done(PUBLISH);
        works();
        dockers_things_work();
        for tables in ["iptables", "ip6tables"] {
            let user = chain(tables, "filter", "DOCKER-USER");
            assert!(user[0].ends_with("-j NETNS-TOOL"), "{user:?}");
            assert_eq!(chain(tables, "filter", "FORWARD").len(), 2);
        }
        cannot_any("docked", &["10.0.0.2:80", "10.0.0.3:81"]);
        cannot_any("a", &["172.17.0.2:80"]);
        done("nat br0 up0 --delete");
        assert_is(&before);
        dockers_things_work();
    });
}

#[test]
fn where_docker_comes_later() {
    for_each_iptables(|_| {
        lab();
        done("nat br0 up0");
        done(PUBLISH);
        docker_host();
        works();
        dockers_things_work();
        done("nat br0 up0 --delete");
        let rules = sh("iptables-save -t filter; iptables-save -t nat");
        assert!(!rules.to_lowercase().contains("netns-tool"), "{rules}");
        // It is off again, as it was before the NAT: nobody can know that Docker has come to need it.
        set_sysctl("ipv4/ip_forward", "1");
        dockers_things_work();
    });
}

fn dockers_things_work() {
    reaches_by(Protocol::Tcp, "client", DOCKERS_PORT, &format!("you are {CLIENT} on docked:80"));
    reaches("docked", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
}

#[test]
fn behind_firewalld_it_says_what_to_type_and_that_helps() {
    for_each_firewall(|_| {
        lab();
        firewalld_like();
        let before = Snapshot::settled();
        let assert = tool("nat br0 up0").success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert.stderr(
            starts_with("warning: ").and(contains("firewalld")).and(contains("firewall-cmd")),
        );
        let typed = type_what_it_says(&said);
        assert!(typed.contains("--zone=trusted") && typed.contains("br0"), "{typed}");
        done(PUBLISH);
        works();
        done("nat br0 up0 --delete");
        sh("nft delete table inet firewalld; nft -f /run/tmp/firewalld.nft");
        assert_is(&before);
    });
}

#[test]
fn behind_a_strict_table_it_says_what_to_type_and_that_helps() {
    for_each_firewall(|_| {
        lab();
        strict_table();
        let assert = tool("nat br0 up0").success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert
            .stderr(starts_with("warning: ").and(contains("inet strict")).and(contains("forward")));
        assert!(tcp_ask("a", &format!("{SERVER}:80")).is_err(), "then the warning is wrong");
        type_what_it_says(&said);
        publish_and_type();
        works();
    });
}

#[test]
fn behind_the_other_iptables_it_says_what_to_type_and_that_helps() {
    for_each_iptables(|firewall| {
        lab();
        drop_in_other_variant(firewall);
        let names = fs::read_to_string("/proc/net/ip_tables_names");
        if firewall == Firewall::IptablesNft && names.is_err() {
            // In a user namespace it cannot be seen, without making them, whether there are legacy tables.
            tool("nat br0 up0").success().stderr("");
            return;
        }
        let assert = tool("nat br0 up0").success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        let variant = firewall.other_variant();
        assert.stderr(
            starts_with("warning: ")
                .and(contains("FORWARD"))
                .and(contains(format!("iptables-{variant}"))),
        );
        assert!(tcp_ask("a", &format!("{SERVER}:80")).is_err(), "then the warning is wrong");
        type_what_it_says(&said);
        publish_and_type();
        works();
    });
}

#[test]
fn a_dry_run_warns_as_well_and_changes_nothing() {
    for_each_firewall(|_| {
        lab();
        strict_table();
        support::unchanged(|| tool("nat br0 up0 --dry-run"))
            .success()
            .stderr(contains("inet strict"));
    });
}

#[test]
fn whether_or_not_the_firewall_sees_what_bridges_switch() {
    for_each_firewall(|firewall| {
        lab();
        if firewall != Firewall::NftOnly {
            sh("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
        }
        done("nat br0 up0");
        done(PUBLISH);
        for asks in [true, false] {
            if bridges_ask(asks) {
                works();
                ping("a", "10.0.0.3");
                ping("b", "fd00::2");
            }
        }
    });
}

#[test]
fn a_firewall_that_is_not_installed_is_refused() {
    for_each_firewall(|firewall| {
        lab();
        let asked = if firewall == Firewall::NftOnly { "iptables" } else { "nft" };
        if asked == "nft" {
            support::uninstall(&["nft"]);
        }
        support::refused_with(3, &format!("nat br0 up0 --firewall {asked}"))
            .stderr(contains("is not installed").and(contains(format!("apt-get install {asked}"))));
        tool("nat br0 up0 --firewall ipchains").code(2);
        done("nat br0 up0 --firewall auto");
        reaches("a", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
    });
}
