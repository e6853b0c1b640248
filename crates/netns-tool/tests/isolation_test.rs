//! `nat` keeps others out: from outside, from other interfaces, from other bridges; and forwards no more than asked for.

mod support;

use predicates::str::contains;
use std::path::Path;
use support::internet::{SERVER, SERVER6, UPLINK6, bridge, has_default_route6, lab, lan};
use support::{
    HOST, assert_is, cannot, cannot_any, done, for_each_firewall, no_ping, ping, private_host,
    reaches, refused, sh, sysctl,
};
use testhost::Snapshot;

/// Everything inside `br0`.
const INSIDE: [&str; 6] =
    ["10.0.0.2:80", "10.0.0.2:81", "10.0.0.3:80", "[fd00::2]:80", "[fd00::2]:81", "[fd00::3]:80"];

/// Two bridges with a NAT each: `br0` with `a` and `b`, `br1` with `c`.
fn two_bridges() {
    lab();
    bridge(1, &["c"]);
    done("nat br0 up0");
    done("nat br1 up0");
}

fn reach_each_other() {
    reaches("a", "10.1.0.2:80", "you are 10.0.0.2 on c:80");
    reaches("c", "10.0.0.2:80", "you are 10.1.0.2 on a:80");
    reaches("a", "[fd00:1::2]:80", "you are fd00::2 on c:80");
    reaches("c", "[fd00::3]:81", "you are fd00:1::2 on b:81");
}

fn are_apart() {
    cannot_any("a", &["10.1.0.2:80", "[fd00:1::2]:80", "10.1.0.2:81"]);
    cannot_any("c", &INSIDE);
    no_ping("a", "fd00:1::2");
    no_ping("c", "10.0.0.2");
}

#[test]
fn two_bridges_do_not_see_each_other() {
    for_each_firewall(|_| {
        two_bridges();
        are_apart();
        // Each is whole: inside, to the host, and to the internet.
        reaches("a", "10.0.0.3:80", "you are 10.0.0.2 on b:80");
        reaches("c", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
        reaches("c", &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
        reaches(HOST, "10.1.0.2:80", "you are 10.1.0.1 on c:80");
        // A NAT of one is enough to keep the other out.
        done("nat br1 up0 --delete");
        cannot_any("c", &INSIDE);
    });
}

#[test]
fn allow_opens_both_directions_and_delete_closes_them() {
    for_each_firewall(|_| {
        two_bridges();
        done("nat br0 up0 --delete");
        let before = Snapshot::settled();
        done("nat br0 up0 --allow br1");
        reach_each_other();
        cannot_any("client", &["10.0.0.2:80", "10.1.0.2:80", "[fd00::2]:80", "[fd00:1::2]:80"]);
        done("nat br0 up0 --allow br1 --delete");
        assert_is(&before);
        done("nat br0 up0");
        are_apart();
    });
}

#[test]
fn allow_is_for_the_bridges_that_it_names() {
    for_each_firewall(|_| {
        two_bridges();
        bridge(2, &["d"]);
        bridge(3, &["e"]);
        done("nat br2 up0 --allow br0 --allow br1");
        done("nat br3 up0");
        for (from, to) in
            [("d", "10.0.0.2:80"), ("d", "10.1.0.2:80"), ("a", "10.2.0.2:80"), ("c", "10.2.0.2:80")]
        {
            assert!(support::tcp_ask(from, to).is_ok(), "{from} to {to}");
        }
        are_apart();
        cannot_any("d", &["10.3.0.2:80", "[fd00:3::2]:80"]);
        cannot_any("e", &["10.2.0.2:80", "[fd00:2::2]:80"]);
    });
}

#[test]
fn allow_wants_a_bridge() {
    private_host(|| {
        two_bridges();
        done("nat br0 up0 --delete");
        refused("nat br0 up0 --allow br9").stderr(contains("br9"));
        refused("nat br0 up0 --allow up0").stderr(contains("`up0` is not a bridge"));
        refused("nat br0 up0 --allow br0").stderr(contains("br0"));
    });
}

#[test]
fn nothing_gets_in_from_anywhere_in_either_forwarding_scope() {
    for_each_firewall(|_| {
        lab();
        lan();
        let before = Snapshot::settled();
        for scope in ["host", "interface"] {
            done(&format!("nat br0 up0 --forwarding {scope}"));
            for from in ["client", "router", "lan"] {
                cannot_any(from, &INSIDE);
                no_ping(from, "10.0.0.2");
                no_ping(from, "fd00::2");
            }
            for (to, answer) in [
                (format!("{SERVER}:80"), "you are 192.0.2.2 on server:80".to_owned()),
                (format!("[{SERVER6}]:80"), format!("you are {UPLINK6} on server:80")),
            ] {
                reaches("a", &to, &answer);
            }
            reaches(HOST, "10.0.0.2:80", "you are 10.0.0.1 on a:80");
            reaches("a", "10.0.0.3:80", "you are 10.0.0.2 on b:80");
            done(&format!("nat br0 up0 --forwarding {scope} --delete"));
            assert_is(&before);
        }
    });
}

#[test]
fn the_scope_interface_forwards_for_nobody_else() {
    for_each_firewall(|_| {
        lab();
        lan();
        done("nat br0 up0 --forwarding interface");
        assert_eq!(sysctl("ipv4/ip_forward"), "0");
        assert_eq!(sysctl("ipv4/conf/lan0/forwarding"), "0");
        if Path::new("/proc/sys/net/ipv6/conf/br0/force_forwarding").exists() {
            assert_eq!(sysctl("ipv6/conf/all/forwarding"), "0");
        }
        assert!(has_default_route6());
        cannot_any("lan", &[&format!("{SERVER}:80"), &format!("[{SERVER6}]:80")]);
        cannot_any("client", &["10.200.0.2:80", "[fd00:200::2]:80"]);
        ping("a", SERVER);
        ping("a", SERVER6);
        // Ports are published in this scope as well.
        done("nat br0 up0 --publish 8080:10.0.0.2:80");
        for from in ["client", HOST, "b"] {
            let answer = support::tcp_ask(from, "192.0.2.2:8080");
            assert!(answer.is_ok_and(|answer| answer.ends_with(" on a:80")), "from `{from}`");
        }
    });
}

#[test]
fn the_scope_host_is_the_default_and_makes_a_router_of_the_host() {
    for_each_firewall(|_| {
        lab();
        lan();
        cannot("lan", &format!("{SERVER}:80"));
        done("nat br0 up0");
        assert_eq!(
            (sysctl("ipv4/ip_forward"), sysctl("ipv6/conf/all/forwarding")),
            ("1".into(), "1".into())
        );
        reaches("lan", &format!("{SERVER}:80"), "you are 10.200.0.2 on server:80");
        reaches("lan", &format!("[{SERVER6}]:80"), "you are fd00:200::2 on server:80");
    });
}

#[test]
fn what_is_allowed_is_taken_back_alone() {
    for_each_firewall(|_| {
        two_bridges();
        sh("echo 1 > /proc/sys/net/ipv4/conf/br1/forwarding");
        for scope in ["host", "interface"] {
            done("nat br0 up0 --delete");
            done("nat br1 up0 --delete");
            sh("echo 1 > /proc/sys/net/ipv4/conf/br1/forwarding");
            let bare = Snapshot::settled();
            done(&format!("nat br0 up0 --forwarding {scope}"));
            done(&format!("nat br1 up0 --forwarding {scope}"));
            let apart = Snapshot::settled();
            // Also what was on before: the switch of br1, which only what is allowed needs.
            done(&format!("nat br0 up0 --forwarding {scope} --allow br1"));
            reach_each_other();
            done("nat br0 up0 --allow br1 --delete");
            assert_is(&apart);
            are_apart();
            done("nat br1 up0 --delete");
            done("nat br0 up0 --delete");
            assert_is(&bare);
            // The same words undo what they did, which was more when there was no NAT yet.
            done(&format!("nat br0 up0 --forwarding {scope} --allow br1"));
            done("nat br0 up0 --allow br1 --delete");
            assert_is(&bare);
            // Those that name nothing, or what is not allowed (any more), take back nothing.
            done(&format!("nat br0 up0 --forwarding {scope}"));
            done(&format!("nat br0 up0 --forwarding {scope} --allow br1"));
            done("nat br0 up0 --allow br1 --delete");
            for name in ["br1", "br9"] {
                refused(&format!("nat br0 up0 --allow {name} --delete"))
                    .stderr(contains(format!("`br0` is not allowed to talk with `{name}`")));
            }
            done("nat br0 up0 --delete");
            assert_is(&bare);
            done("nat br0 up0");
            done("nat br1 up0");
        }
    });
}

/// How many pings the namespace was sent.
fn pinged(name: &str) -> u64 {
    let counters = sh(&format!("ip netns exec {name} cat /proc/net/snmp /proc/net/snmp6"));
    let mut lines = counters.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, values) = (lines.next(), lines.next());
    let of_ipv4 = names.zip(values).and_then(|(names, values)| {
        let at = names.split(' ').position(|name| name == "InEchos")?;
        values.split(' ').nth(at)?.parse::<u64>().ok()
    });
    let of_ipv6 = counters
        .lines()
        .find_map(|line| line.strip_prefix("Icmp6InEchos")?.trim().parse::<u64>().ok());
    of_ipv4.zip(of_ipv6).map_or_else(|| panic!("{counters}"), |(four, six)| four + six)
}

#[test]
fn the_scope_interface_lets_no_packet_into_another_network() {
    for_each_firewall(|_| {
        lab();
        lan();
        bridge(1, &["c"]);
        done("nat br0 up0 --forwarding interface --allow br1");
        // Neither one that could not be answered, nor to the bridge that is allowed.
        for (from, to) in [
            ("client", "10.200.0.2"),
            ("client", "fd00:200::2"),
            ("client", "10.1.0.2"),
            ("client", "fd00:1::2"),
            ("c", "10.200.0.2"),
            ("c", "fd00:200::2"),
            ("c", SERVER),
        ] {
            let before = ["lan", "c", "server"].map(pinged);
            no_ping(from, to);
            assert_eq!(["lan", "c", "server"].map(pinged), before, "{from} to {to}");
        }
        reaches("c", "10.0.0.2:80", "you are 10.1.0.2 on a:80");
        reaches("a", "[fd00:1::2]:80", "you are fd00::2 on c:80");
    });
}

#[test]
fn an_address_of_the_other_family_that_comes_later_opens_nothing() {
    for_each_firewall(|_| {
        lab();
        sh("ip -6 addr flush dev br0 scope global");
        let before = Snapshot::settled();
        done("nat br0 up0");
        sh("echo 2 > /proc/sys/net/ipv6/conf/up0/accept_ra
            echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
            ip addr add fd00::1/64 dev br0 nodad");
        for from in ["client", "router"] {
            cannot_any(from, &INSIDE);
        }
        no_ping("client", "fd00::2");
        reaches("a", "[fd00::3]:80", "you are fd00::2 on b:80");
        cannot("a", &format!("[{SERVER6}]:80"));
        // The same command takes it in.
        done("nat br0 up0");
        reaches("a", &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
        cannot_any("client", &INSIDE);
        done("nat br0 up0 --delete");
        sh("ip -6 addr flush dev br0 scope global
            echo 0 > /proc/sys/net/ipv6/conf/all/forwarding
            echo 1 > /proc/sys/net/ipv6/conf/up0/accept_ra");
        assert_is(&before);
    });
}

#[test]
fn an_address_that_is_in_no_subnet_of_the_bridge_does_not_get_out() {
    for_each_firewall(|_| {
        lab();
        done("nat br0 up0");
        ping("a", SERVER);
        sh("ip -n a addr add 10.99.0.2/32 dev eth0; ip -n a addr add fd99::2/128 dev eth0 nodad");
        let before = pinged("server");
        for (source, to) in [("10.99.0.2", SERVER), ("fd99::2", SERVER6)] {
            sh(&format!("! ip netns exec a ping -n -c 1 -W 0.3 -I {source} {to}"));
        }
        assert_eq!(pinged("server"), before);
    });
}
