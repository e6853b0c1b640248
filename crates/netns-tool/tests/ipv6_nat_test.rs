//! `nat` and IPv6: subnets get out behind the uplink's address or with their own, and the host keeps its way out.

mod support;

use predicates::str::contains;
use support::internet::{
    CLIENT6, SERVER, SERVER6, UPLINK6, bridge, global_bridge, has_default_route6, internet, lab,
};
use support::net::ping_with;
use support::{
    HOST, assert_is, cannot_any, done, for_each_firewall, ip, lived_in, no_ping, ping,
    private_host, reaches, set_sysctl, sh, sysctl, tool,
};
use testhost::Snapshot;

const ACCEPT_RA: &str = "ipv6/conf/up0/accept_ra";

#[test]
fn the_internet_sees_only_the_address_of_the_uplink() {
    for_each_firewall(|_| {
        lab();
        done("nat br0 up0");
        for from in ["a", "b"] {
            ping(from, SERVER6);
            reaches(from, &format!("[{SERVER6}]:80"), &format!("you are {UPLINK6} on server:80"));
            reaches(from, &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
        }
        // Among themselves, and to the host, they are who they are.
        reaches("a", "[fd00::3]:80", "you are fd00::2 on b:80");
        reaches(HOST, "[fd00::2]:80", "you are fd00::1 on a:80");
        for inner in ["fd00::2", "fd00::3"] {
            no_ping("client", inner);
            cannot_any("client", &[&format!("[{inner}]:80")]);
        }
    });
}

#[test]
fn without_a_masquerade_prefixes_are_forwarded_plainly() {
    for_each_firewall(|_| {
        internet();
        global_bridge(0, &["a", "b"]);
        let before = Snapshot::settled();
        done("nat br0 up0 --no-masquerade");
        ping("a", SERVER6);
        reaches("a", &format!("[{SERVER6}]:80"), "you are 2001:db8:a::2 on server:80");
        reaches("a", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
        // A prefix that the world can route to is no open door.
        no_ping("client", "2001:db8:a::2");
        cannot_any("client", &["[2001:db8:a::2]:80", "[2001:db8:a::3]:81", "10.0.0.2:80"]);
        done("nat br0 up0 --publish 8080:[2001:db8:a::2]:80");
        let six = format!("[{UPLINK6}]:8080");
        let answer = support::tcp_ask("client", &six).expect("the published port");
        assert_eq!(answer, format!("you are {CLIENT6} on a:80"));
        cannot_any("client", &["[2001:db8:a::2]:80"]);
        done("nat br0 up0 --no-masquerade --delete");
        assert_is(&before);
    });
}

#[test]
fn the_hosts_own_way_out_survives() {
    for_each_firewall(|_| {
        let before = {
            lived_in();
            lab();
            Snapshot::settled()
        };
        assert_eq!(sysctl(ACCEPT_RA), "1");
        assert_eq!(sysctl("ipv6/conf/fbr0/forwarding"), "1");
        assert_eq!(sysctl("ipv6/conf/fveth0/accept_ra"), "2");
        for line in ["nat br0 up0", "nat br0"] {
            done(line);
            assert!(has_default_route6(), "the learned route is gone");
            assert_eq!(sysctl(ACCEPT_RA), "2");
            ping(HOST, CLIENT6);
            done(&format!("{line} --delete"));
            assert!(has_default_route6());
            assert_is(&before);
        }
    });
}

#[test]
fn in_either_forwarding_scope() {
    private_host(|| {
        lab();
        let before = Snapshot::settled();
        for scope in ["host", "interface"] {
            done(&format!("nat br0 up0 --forwarding {scope}"));
            assert!(has_default_route6(), "{scope}");
            ping("a", SERVER6);
            ping(HOST, SERVER6);
            done(&format!("nat br0 up0 --forwarding {scope} --delete"));
            assert_is(&before);
        }
    });
}

#[test]
fn what_the_admin_has_set_stays() {
    private_host(|| {
        lab();
        for (accept, forwarding) in [("2", "0"), ("2", "1"), ("0", "0"), ("0", "1")] {
            set_sysctl("ipv6/conf/all/forwarding", forwarding);
            set_sysctl(ACCEPT_RA, accept);
            let before = Snapshot::settled();
            done("nat br0 up0");
            assert_eq!(sysctl(ACCEPT_RA), accept);
            done("nat br0 up0 --delete");
            assert_is(&before);
        }
    });
}

#[test]
fn settings_are_restored_with_the_last_nat() {
    for_each_firewall(|_| {
        lab();
        bridge(1, &["c"]);
        let before = Snapshot::settled();
        for (first, second, inside) in [("br0", "br1", "c"), ("br1", "br0", "a")] {
            done("nat br0 up0");
            done("nat br1 up0");
            tool(&format!("nat {first} up0 --delete")).success().stdout(contains("stays on"));
            assert_eq!((sysctl(ACCEPT_RA).as_str(), has_default_route6()), ("2", true));
            ping(inside, SERVER6);
            done(&format!("nat {second} up0 --delete"));
            assert_is(&before);
        }
    });
}

#[test]
fn the_first_ping_after_the_command_is_answered() {
    for_each_firewall(|_| {
        lab();
        for _ in 0..20 {
            done("nat br0 up0");
            // One packet, and no second chance.
            ping_with("a", SERVER6);
            ping_with("b", SERVER);
            done("nat br0 up0 --delete");
        }
    });
}

#[test]
fn a_bridge_may_have_one_family_alone() {
    for_each_firewall(|_| {
        lab();
        sh("ip addr del 10.0.0.1/24 dev br0");
        let before = Snapshot::settled();
        done("nat br0 up0");
        assert_eq!(sysctl("ipv4/ip_forward"), "0", "there is nothing to forward");
        ping("a", SERVER6);
        done("nat br0 up0 --delete");
        assert_is(&before);
        ip(HOST, "addr add 10.0.0.1/24 dev br0");
        ip(HOST, "addr del fd00::1/64 dev br0");
        let before = Snapshot::settled();
        done("nat br0 up0");
        assert_eq!(
            (sysctl("ipv6/conf/all/forwarding").as_str(), sysctl(ACCEPT_RA).as_str()),
            ("0", "1")
        );
        ping("a", SERVER);
        done("nat br0 up0 --delete");
        assert_is(&before);
    });
}
