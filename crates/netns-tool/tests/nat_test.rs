//! `nat`: a bridge's subnets get out behind the uplink's address, and nobody gets in.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;
use support::wan::{SERVER, UPLINK, rules, stage};
use support::{HOST, done, http_get, no_ping, ping, private_host, set_sysctl, sh, sysctl};
use support::{refused, tool, unchanged};

#[test]
fn the_internet_sees_only_the_address_of_the_uplink() {
    private_host(|| {
        stage();
        assert!(http_get("a", "internet", SERVER).is_err(), "no way out yet");
        let said = done("nat br0 up0");
        assert!(said.contains("NAT configured: br0 -> up0"), "{said}");
        for container in ["a", "b"] {
            ping(container, "192.0.2.1");
            assert_eq!(
                http_get(container, "internet", SERVER).unwrap(),
                format!("you are {UPLINK}")
            );
        }
        assert_eq!(sysctl("ipv4/ip_forward"), "1");
    });
}

#[test]
fn the_internet_cannot_reach_in_but_its_answers_do() {
    private_host(|| {
        stage();
        // The attackers have a route: a host that just forwards lets them in.
        set_sysctl("ipv4/ip_forward", "1");
        ping("internet", "10.0.0.2");
        set_sysctl("ipv4/ip_forward", "0");
        done("nat br0 up0");
        for target in ["10.0.0.2", "10.0.0.3"] {
            no_ping("internet", target);
            assert!(http_get("internet", "a", "10.0.0.2:80").is_err());
        }
        ping("a", "192.0.2.1");
        // A TCP answer is many packets, and the host itself is still open to both sides.
        assert_eq!(http_get("b", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
        assert_eq!(http_get("a", HOST, "10.0.0.1:80").unwrap(), "you are 10.0.0.2");
        assert_eq!(http_get("internet", HOST, "192.0.2.2:80").unwrap(), "you are 192.0.2.1");
    });
}

#[test]
fn works_where_the_policy_of_forward_is_drop() {
    private_host(|| {
        stage();
        sh("iptables -P FORWARD DROP; iptables -A FORWARD -j DROP");
        if Path::new("/proc/sys/net/bridge").exists() {
            // Then the firewall sees also what is only switched from port to port.
            set_sysctl("bridge/bridge-nf-call-iptables", "1");
            no_ping("a", "10.0.0.3");
        }
        done("nat br0 up0");
        ping("a", "10.0.0.3");
        ping("b", "10.0.0.2");
        assert_eq!(http_get("a", "b", "10.0.0.3:80").unwrap(), "you are 10.0.0.2");
        assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
        no_ping("internet", "10.0.0.2");
    });
}

#[test]
fn the_ports_still_see_each_others_own_addresses() {
    private_host(|| {
        stage();
        done("nat br0 up0");
        assert_eq!(http_get("a", "b", "10.0.0.3:80").unwrap(), "you are 10.0.0.2");
        assert_eq!(http_get(HOST, "a", "10.0.0.2:80").unwrap(), "you are 10.0.0.1");
    });
}

#[test]
fn says_what_it_did_and_what_was_before() {
    private_host(|| {
        stage();
        tool("nat br0 up0").success().stderr("").stdout(
            "NAT configured: br0 -> up0\n  subnets     10.0.0.0/24\n  uplink      up0\n  forwarding  on (was off)\n",
        );
        tool("nat br0 up0 --delete").success().stdout(
            contains("NAT removed: br0 -> up0").and(contains("forwarding  off again, as before")),
        );
        set_sysctl("ipv4/ip_forward", "1");
        tool("nat br0").success().stdout(
            contains("uplink      up0 (the default route's)")
                .and(contains("forwarding  on (was on)")),
        );
    });
}

#[test]
fn the_rules_bear_the_mark_and_are_as_written() {
    private_host(|| {
        stage();
        done("nat br0 up0");
        let wanted = [
            "-A FORWARD -m comment --comment netns-tool -j NETNS-TOOL",
            "-A NETNS-TOOL -s 10.0.0.0/24 -i br0 -o up0 -m comment --comment \"netns-tool nat br0 up0 before ip_forward=0\" -j ACCEPT",
            "-A NETNS-TOOL -i up0 -o br0 -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -m comment --comment \"netns-tool nat br0 up0\" -j ACCEPT",
            "-A NETNS-TOOL -i br0 -o br0 -m comment --comment \"netns-tool nat br0\" -j ACCEPT",
            "-A NETNS-TOOL -o br0 -m comment --comment \"netns-tool nat br0\" -j DROP",
            "-A NETNS-TOOL -i br0 -m comment --comment \"netns-tool nat br0\" -j DROP",
            "-A POSTROUTING -s 10.0.0.0/24 -o up0 -m comment --comment \"netns-tool nat br0 up0 before ip_forward=0\" -j MASQUERADE",
        ];
        let all = rules();
        let mut found: Vec<&str> = all.lines().filter(|line| line.starts_with("-A")).collect();
        found.sort_by_key(|line| wanted.iter().position(|rule| rule == line));
        assert_eq!(found, wanted);
        let order: Vec<&str> =
            all.lines().filter(|line| line.starts_with("-A NETNS-TOOL")).collect();
        assert_eq!(order, wanted[1..6], "what is accepted comes before what is dropped");
    });
}

#[test]
fn the_network_address_is_computed_properly() {
    private_host(|| {
        stage();
        for (address, subnet) in [
            ("10.0.5.7/20", "10.0.0.0/20"),
            ("172.20.130.5/17", "172.20.128.0/17"),
            ("192.168.7.77/30", "192.168.7.76/30"),
        ] {
            sh(&format!("ip addr flush dev br0; ip addr add {address} dev br0"));
            tool("nat br0 up0").success().stdout(contains(format!("subnets     {subnet}\n")));
            assert!(rules().contains(&format!("-A POSTROUTING -s {subnet} -o up0 ")), "{address}");
            done("nat br0 up0 --delete");
        }
        // A container at the other end of the subnet gets out too.
        sh("ip addr flush dev br0; ip addr add 10.0.5.7/20 dev br0
            ip -n a addr flush dev eth0; ip -n a addr add 10.0.15.254/20 dev eth0; ip -n a route add default via 10.0.5.7");
        done("nat br0 up0");
        assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
    });
}

#[test]
fn each_subnet_of_the_bridge_gets_out() {
    private_host(|| {
        stage();
        sh("ip addr add 10.0.0.254/24 dev br0; ip addr add 10.2.0.1/16 dev br0
            ip -n b addr flush dev eth0; ip -n b addr add 10.2.3.4/16 dev eth0; ip -n b route add default via 10.2.0.1");
        tool("nat br0 up0").success().stdout(contains("subnets     10.0.0.0/24, 10.2.0.0/16\n"));
        assert_eq!(rules().matches("MASQUERADE").count(), 2, "one rule a subnet");
        for container in ["a", "b"] {
            assert_eq!(
                http_get(container, "internet", SERVER).unwrap(),
                format!("you are {UPLINK}")
            );
        }
        ping("a", "10.2.3.4");
    });
}

#[test]
fn an_address_that_comes_later_is_added_by_the_same_command() {
    private_host(|| {
        stage();
        done("nat br0 up0");
        sh("ip addr add 10.2.0.1/16 dev br0
            ip -n b addr flush dev eth0; ip -n b addr add 10.2.3.4/16 dev eth0; ip -n b route add default via 10.2.0.1");
        done("nat br0 up0");
        assert_eq!(rules().matches("MASQUERADE").count(), 2);
        assert_eq!(rules().matches("-A NETNS-TOOL").count(), 6);
        assert_eq!(http_get("b", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
        done("nat br0 up0 --delete");
        assert_eq!(rules().matches("-A ").count(), 0);
    });
}

#[test]
fn the_uplink_is_by_default_that_of_the_default_route() {
    private_host(|| {
        stage();
        tool("nat br0").success().stdout(contains("NAT configured: br0 -> up0"));
        assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
        done("nat br0 --delete");
        // Of two, the one that packets take: the one with the lower metric.
        done("veth up1 internet eth1 --host-addr 198.18.1.2/24 --ns-addr 198.18.1.1/24");
        sh("ip route add default via 198.18.1.1 dev up1 metric 100");
        tool("nat br0").success().stdout(contains("NAT configured: br0 -> up0"));
        done("nat br0 --delete");
        sh("ip route del default dev up0; ip route add default via 192.0.2.1 dev up0 metric 200");
        tool("nat br0").success().stdout(contains("NAT configured: br0 -> up1"));
        sh("ip -n internet addr add 198.51.100.1/32 dev lo");
        assert_eq!(http_get("a", "internet", "198.51.100.1:80").unwrap(), "you are 198.18.1.2");
    });
}

#[test]
fn twice_adds_nothing() {
    private_host(|| {
        stage();
        for line in ["nat br0 up0", "nat br0"] {
            done(line);
            let said = unchanged(|| done(line));
            assert!(
                said.contains("NAT configured") && said.contains("nothing was changed"),
                "{said}"
            );
            // What was before is still known.
            assert!(said.contains("forwarding  on (was off"), "{said}");
        }
        done("nat br0 --delete");
        assert_eq!(sysctl("ipv4/ip_forward"), "0");
    });
}

#[test]
fn heals_what_somebody_switched_off() {
    private_host(|| {
        stage();
        done("nat br0 up0");
        set_sysctl("ipv4/ip_forward", "0");
        sh("iptables -t nat -F POSTROUTING");
        done("nat br0 up0");
        assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
        done("nat br0 up0 --delete");
        assert_eq!(sysctl("ipv4/ip_forward"), "0");
    });
}

#[test]
fn what_no_packets_are_routed_over_is_no_uplink() {
    private_host(|| {
        stage();
        done("bridge br9 --addr 10.9.0.1/24");
        done("veth v9 internet e9 --bridge br9");
        refused("nat br0 lo").stderr(contains("`lo` is no uplink").and(contains("try:")));
        refused("nat br0 va").stderr(contains("a port of the bridge `br0`"));
        refused("nat br0 v9")
            .stderr(contains("a port of the bridge `br9`").and(contains("netns-tool nat br0 br9")));
        done("nat br0 br9");
    });
}
