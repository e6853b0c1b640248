//! The stage of the tests of NAT, proven with plain commands in place of the tool's: what they find is what is there.

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use support::by_hand::{nat_by_hand, publish_by_hand};
use support::internet::{
    CLIENT, CLIENT6, SERVER, SERVER6, UPLINK, UPLINK6, aim_at_loopback_of_host, has_default_route6,
    internet, lab, lan, wait_until,
};
use support::others::{
    DOCKERS_PORT, bridges_ask, docker_host, drop_in_other_variant, firewalld_like, strict_table,
    type_what_it_says,
};
use support::{
    Firewall, HOST, cannot, cannot_any, for_each_firewall, for_each_iptables, no_ping, ping,
    private_host, reaches, serve, set_sysctl, sh, tcp_ask, udp_ask, within,
};
use testhost::{Faults, Mode, Snapshot};

#[test]
fn a_host_learns_its_way_from_real_advertisements() {
    private_host(|| {
        let router = internet();
        assert!(sh("ip -6 addr show dev up0").contains(&format!("{UPLINK6}/64")));
        for to in [SERVER, SERVER6, CLIENT, CLIENT6] {
            ping(HOST, to);
        }
        reaches(HOST, &format!("{SERVER}:80"), &format!("you are {UPLINK} on server:80"));
        reaches(HOST, &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
        // What forwarding does to it, and that it does not come back on its own.
        set_sysctl("ipv6/conf/all/forwarding", "1");
        assert!(!has_default_route6(), "the kernel drops the route");
        set_sysctl("ipv6/conf/up0/accept_ra", "2");
        assert!(!has_default_route6(), "too late");
        router.advertise(1800);
        wait_until("the route is back", has_default_route6);
        router.advertise(0);
        wait_until("the route is withdrawn", || !has_default_route6());
        router.advertise(1800);
        wait_until("the route is back again", has_default_route6);
        set_sysctl("ipv6/conf/all/forwarding", "0");
        set_sysctl("ipv6/conf/all/forwarding", "1");
        assert!(has_default_route6(), "with accept_ra=2 it stays");
        ping(HOST, SERVER6);
    });
}

#[test]
fn whoever_comes_up_is_answered_when_he_solicits() {
    private_host(|| {
        internet();
        sh("ip link set dev up0 down; ip link set dev up0 up");
        wait_until("the solicitation is answered", has_default_route6);
    });
}

#[test]
fn attackers_know_the_way() {
    private_host(|| {
        lab();
        lan();
        no_ping("client", "10.0.0.2");
        cannot_any("client", &["10.0.0.2:80", "[fd00::2]:80", "10.200.0.2:80", "[fd00:200::2]:80"]);
        set_sysctl("ipv4/ip_forward", "1");
        set_sysctl("ipv6/conf/up0/accept_ra", "2");
        set_sysctl("ipv6/conf/all/forwarding", "1");
        for (inner, name) in [("a", "10.0.0.2"), ("lan", "10.200.0.2")] {
            reaches("client", &format!("{name}:80"), &format!("you are {CLIENT} on {inner}:80"));
        }
        for (inner, name) in [("a", "fd00::2"), ("lan", "fd00:200::2")] {
            reaches("client", &format!("[{name}]:80"), &format!("you are {CLIENT6} on {inner}:80"));
        }
        reaches("lan", "10.0.0.3:81", "you are 10.200.0.2 on b:81");
    });
}

#[test]
fn questions_are_short_and_say_who_answered() {
    private_host(|| {
        lab();
        serve(HOST, 7);
        for to in ["127.0.0.1:7", "[::1]:7"] {
            let own = to.rsplit_once(':').unwrap().0.trim_matches(['[', ']']);
            assert_eq!(tcp_ask(HOST, to).unwrap(), format!("you are {own} on host:7"));
            assert_eq!(udp_ask(HOST, to).unwrap(), format!("you are {own} on host:7"));
        }
        reaches("a", "[fd00::3]:81", "you are fd00::2 on b:81");
        assert_eq!(tcp_ask("a", "10.0.0.3:9").unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(udp_ask("a", "10.0.0.3:9").unwrap_err().kind(), ErrorKind::ConnectionRefused);
        sh("ip netns exec b sh -c 'iptables -A INPUT -i eth0 -j DROP'");
        let ports: Vec<String> = (80..110).map(|port| format!("10.0.0.3:{port}")).collect();
        let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
        // At once: one after the other, the sixty would take this long even on a machine at rest.
        within(Duration::from_secs(18), || cannot_any("a", &ports));
        let open = std::panic::catch_unwind(|| cannot(HOST, "10.0.0.2:80"));
        assert!(open.is_err(), "what is open is not said to be closed");
    });
}

#[test]
fn each_firewall_is_what_it_says() {
    for_each_firewall(|firewall| {
        let version = sh("iptables --version || true");
        assert_eq!(version.contains("nf_tables"), firewall == Firewall::IptablesNft, "{version}");
        assert_eq!(version.contains("legacy"), firewall == Firewall::IptablesLegacy, "{version}");
        let before = support::lived_in();
        if firewall == Firewall::NftOnly {
            sh("nft add rule inet somebody forward ip daddr 10.7.7.7 drop");
        } else {
            sh("iptables -A FORWARD -d 10.7.7.7 -j DROP; ip6tables -A FORWARD -d fd77::7 -j DROP");
        }
        assert!(firewall.rules().contains("10.7.7.7"), "{}", firewall.rules());
        let diff = before.diff(&Snapshot::take()).expect("a difference");
        assert!(diff.contains("10.7.7.7"), "{diff}");
        assert_eq!(diff.contains("fd77::7"), firewall != Firewall::NftOnly, "{diff}");
        faults_are_in_front();
    });
}

fn faults_are_in_front() {
    let faults = Faults::install();
    faults.arm_from(1, Mode::FailBefore);
    for tool in ["iptables", "ip6tables", "nft"] {
        let path = format!("/usr/sbin/{tool}");
        if std::path::Path::new(&path).exists() {
            let failed = sh(&format!("env -u TESTHOST_REAL {path} list ruleset 2>&1 || true"));
            assert!(failed.contains("injected failure"), "{failed}");
        }
    }
}

#[test]
fn a_nat_by_hand_keeps_its_promises_on_the_stage() {
    for_each_firewall(|firewall| {
        lab();
        cannot("a", &format!("{SERVER}:80"));
        nat_by_hand(firewall);
        reaches("a", &format!("{SERVER}:80"), &format!("you are {UPLINK} on server:80"));
        reaches("b", &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
        assert!(has_default_route6());
        cannot_any("client", &["10.0.0.2:80", "[fd00::2]:80", "10.0.0.3:81", "[fd00::3]:81"]);
        no_ping("client", "fd00::2");
    });
}

#[test]
fn a_publication_by_hand_is_found_on_every_way_in() {
    for_each_firewall(|firewall| {
        lab();
        nat_by_hand(firewall);
        cannot_any("client", &["192.0.2.2:8080", &format!("[{UPLINK6}]:8080")]);
        publish_by_hand(firewall);
        reaches("client", "192.0.2.2:8080", &format!("you are {CLIENT} on a:80"));
        let six = format!("[{UPLINK6}]:8080");
        reaches("client", &six, &format!("you are {CLIENT6} on a:80"));
        reaches(HOST, "192.0.2.2:8080", "you are 10.0.0.1 on a:80");
        reaches(HOST, "127.0.0.1:8080", "you are 10.0.0.1 on a:80");
        reaches(HOST, &six, "you are fd00::1 on a:80");
        for inner in ["a", "b"] {
            reaches(inner, "192.0.2.2:8080", "you are 10.0.0.1 on a:80");
            reaches(inner, &six, "you are fd00::1 on a:80");
        }
        cannot_any("client", &["10.0.0.2:80", "10.0.0.2:8080", "192.0.2.2:80", "[fd00::2]:80"]);
    });
}

#[test]
fn docker_is_there_and_in_the_way() {
    for_each_iptables(|_| {
        lab();
        docker_host();
        reaches_docker();
        cannot("client", "172.17.0.2:80");
        sh("iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -o up0 -j MASQUERADE");
        cannot("a", &format!("{SERVER}:80"));
        sh("iptables -I DOCKER-USER -i br0 -j ACCEPT
            iptables -I DOCKER-USER -o br0 -m conntrack --ctstate ESTABLISHED -j ACCEPT");
        reaches("a", &format!("{SERVER}:80"), &format!("you are {UPLINK} on server:80"));
        reaches_docker();
    });
}

fn reaches_docker() {
    assert_eq!(
        tcp_ask("client", DOCKERS_PORT).expect("Docker"),
        format!("you are {CLIENT} on docked:80")
    );
    let out = tcp_ask("docked", &format!("{SERVER}:80")).expect("a way out");
    assert_eq!(out, format!("you are {UPLINK} on server:80"));
}

#[test]
fn firewalld_is_there_and_in_the_way() {
    for_each_firewall(|firewall| {
        lab();
        nat_by_hand(firewall);
        firewalld_like();
        ping("client", UPLINK);
        serve(HOST, 7);
        cannot("client", "192.0.2.2:7");
        cannot("a", &format!("{SERVER}:80"));
        cannot("a", &format!("[{SERVER6}]:80"));
        type_what_it_says(
            "warning: x\n  rule:    y\n  try:     firewall-cmd --zone=trusted --add-interface=br0\n",
        );
        reaches("a", &format!("{SERVER}:80"), &format!("you are {UPLINK} on server:80"));
        reaches("a", &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
    });
}

#[test]
fn a_drop_elsewhere_is_in_the_way() {
    for_each_firewall(|firewall| {
        lab();
        nat_by_hand(firewall);
        let out =
            || reaches("a", &format!("{SERVER}:80"), &format!("you are {UPLINK} on server:80"));
        out();
        strict_table();
        cannot_any("a", &[&format!("{SERVER}:80"), &format!("[{SERVER6}]:80")]);
        let message = "warning: x\n  try:     nft insert rule inet strict forward iifname br0 accept\n           \
                       nft insert rule inet strict forward ct state established accept\n";
        assert_eq!(type_what_it_says(message).lines().count(), 2);
        out();
        if firewall != Firewall::NftOnly {
            drop_in_other_variant(firewall);
            cannot_any("a", &[&format!("{SERVER}:80"), &format!("[{SERVER6}]:80")]);
        }
    });
}

#[test]
fn a_nat_by_hand_is_seen_by_the_snapshot() {
    for_each_firewall(|firewall| {
        testhost::foreign_objects();
        lab();
        let before = Snapshot::settled();
        let learned = |line: &&String| line.contains("dst=default") && line.contains("protocol=ra");
        assert_eq!(before.section("route").iter().filter(learned).count(), 1);
        for _ in 0..3 {
            assert_eq!(before.diff(&Snapshot::take()), None, "a learned route is at rest");
        }
        nat_by_hand(firewall);
        let now = Snapshot::take();
        for setting in
            ["ipv6/conf/up0/accept_ra = 2", "ipv4/ip_forward = 1", "ipv6/conf/all/forwarding = 1"]
        {
            let line = &format!("net/{setting}");
            let has = |snapshot: &Snapshot| snapshot.section("sysctl").contains(line);
            assert_eq!((has(&before), has(&now)), (false, true), "{line}");
        }
        let diff = before.diff(&now).expect("a difference");
        assert!(diff.to_lowercase().contains("masquerade"), "{diff}");
    });
}

/// Why a published namespace that asks for itself is a case of its own (bridge-nf-call-iptables is 1 wherever
/// br_netfilter is loaded, as by Docker).
#[test]
fn a_bridge_that_asks_the_firewall_needs_a_hairpin_for_what_comes_back() {
    for_each_firewall(|firewall| {
        lab();
        nat_by_hand(firewall);
        publish_by_hand(firewall);
        for (asks, hairpin, works) in
            [(false, "off", true), (false, "on", true), (true, "on", true), (true, "off", false)]
        {
            if !bridges_ask(asks) {
                return;
            }
            sh(&format!("ip link set dev v0a type bridge_slave hairpin {hairpin}"));
            reaches("b", "192.0.2.2:8080", "you are 10.0.0.1 on a:80");
            if works {
                reaches("a", "192.0.2.2:8080", "you are 10.0.0.1 on a:80");
            } else {
                cannot("a", "192.0.2.2:8080");
            }
        }
    });
}

/// Why `route_localnet` alone is a hole.
#[test]
fn neighbours_may_reach_what_listens_on_loopback_alone() {
    private_host(|| {
        lab();
        serve(HOST, 7);
        for (attacker, device, host, own) in
            [("b", "eth0", "10.0.0.1", "br0"), ("router", "in0", UPLINK, "up0")]
        {
            aim_at_loopback_of_host(attacker, device, host);
            cannot(attacker, "127.0.0.1:7");
            set_sysctl(&format!("ipv4/conf/{own}/route_localnet"), "1");
            let answer = tcp_ask(attacker, "127.0.0.1:7").expect("a hole");
            assert!(answer.ends_with(" on host:7"), "{answer}");
        }
    });
}
