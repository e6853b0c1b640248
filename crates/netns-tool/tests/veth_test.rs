//! `veth`: wires between namespaces that carry packets.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use support::net::ping_with;
use support::{HOST, done, has_link, http_get, ip, is_up, no_ping, ping, ports, private_host};
use support::{sh, succeeds, tool, unchanged};

#[test]
fn test_create_veth_pair() {
    private_host(|| {
        done("create test-veth-ns");
        tool("veth veth0 test-veth-ns veth1").success().stdout(contains("veth pair created"));
        assert!(succeeds("ip link show veth0"), "veth0 should exist on host");
        assert!(
            succeeds("ip netns exec test-veth-ns ip link show veth1"),
            "veth1 should exist in namespace"
        );
        done("delete test-veth-ns");
        assert!(!succeeds("ip link show veth0"));
    });
}

#[test]
fn test_veth_connectivity() {
    private_host(|| {
        done("create test-veth-ping");
        done("veth veth-host test-veth-ping veth-ns");
        sh("ip addr add 10.200.1.1/24 dev veth-host
            ip netns exec test-veth-ping ip addr add 10.200.1.2/24 dev veth-ns
            ip link set veth-host up
            ip netns exec test-veth-ping ip link set veth-ns up
            ping -c 1 10.200.1.2");
    });
}

#[test]
fn test_veth_to_nonexistent_namespace_fails() {
    private_host(|| {
        let either = contains("namespace").or(contains("not found"));
        unchanged(|| tool("veth veth-test nonexistent-namespace-12345 veth1"))
            .failure()
            .stderr(either);
    });
}

#[test]
fn alone_it_leaves_both_ends_down_without_addresses() {
    private_host(|| {
        done("create ns1");
        done("veth veth0 ns1 eth0");
        for (place, name) in [(HOST, "veth0"), ("ns1", "eth0")] {
            assert!(!is_up(place, name));
            assert_eq!(ip(place, &format!("addr show dev {name} | grep inet || true")), "");
        }
    });
}

#[test]
fn the_next_steps_that_it_prints_can_be_typed() {
    private_host(|| {
        done("create ns1");
        let said = done("veth veth0 ns1 eth0");
        let steps: Vec<&str> =
            said.lines().filter_map(|line| line.trim().strip_prefix("sudo ")).collect();
        assert_eq!(steps.len(), 4, "{said}");
        for step in steps {
            let number = if step.contains("-n ns1") { 2 } else { 1 };
            sh(&step.replace("ADDRESS/PREFIX", &format!("10.0.0.{number}/24")));
        }
        ping(HOST, "10.0.0.2");
        ping("ns1", "10.0.0.1");
    });
}

#[test]
fn with_addresses_it_is_up_and_pings_both_ways() {
    private_host(|| {
        done("create ns1");
        let said = done(
            "veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --host-addr fd00::1/64 \
             --ns-addr 10.0.0.2/24 --ns-addr fd00::2/64 --ns-addr 10.0.0.3/24",
        );
        assert!(said.contains("veth pair created") && said.contains("10.0.0.1/24"), "{said}");
        for address in ["10.0.0.2", "10.0.0.3", "fd00::2"] {
            ping(HOST, address);
        }
        for address in ["10.0.0.1", "fd00::1"] {
            ping("ns1", address);
        }
        assert_eq!(http_get("ns1", HOST, "[fd00::1]:80").unwrap(), "you are fd00::2");
    });
}

#[test]
fn up_brings_both_ends_up_without_addresses() {
    private_host(|| {
        done("create ns1");
        done("veth veth0 ns1 eth0 --up");
        assert!(is_up(HOST, "veth0") && is_up("ns1", "eth0"));
        assert_eq!(ip(HOST, "-4 addr show dev veth0"), "");
        sh("ip addr add 10.0.0.1/24 dev veth0; ip -n ns1 addr add 10.0.0.2/24 dev eth0");
        ping(HOST, "10.0.0.2");
    });
}

#[test]
fn an_address_at_one_end_brings_up_both() {
    private_host(|| {
        done("create ns1");
        done("veth veth0 ns1 eth0 --ns-addr 10.0.0.2/24");
        assert!(is_up(HOST, "veth0") && is_up("ns1", "eth0"));
        done("veth veth1 ns1 eth1 --host-addr 10.1.0.1/24");
        assert!(is_up(HOST, "veth1") && is_up("ns1", "eth1"));
    });
}

#[test]
fn both_ends_may_stay_on_the_host() {
    private_host(|| {
        let said =
            done("veth veth0 --host ceth0 --host-addr 172.18.0.10/12 --ns-addr 172.18.0.20/12");
        assert!(said.contains("veth0 (host) <-> ceth0 (host)"), "{said}");
        ping(HOST, "172.18.0.10");
        ping(HOST, "172.18.0.20");
        assert!(is_up(HOST, "veth0") && is_up(HOST, "ceth0"));
        let routes = ip(HOST, "route");
        for name in ["veth0", "ceth0"] {
            assert!(routes.contains(&format!("172.16.0.0/12 dev {name}")), "{routes}");
        }
    });
}

#[test]
fn host_ns_wires_two_namespaces_directly() {
    private_host(|| {
        done("create net1 net2");
        done(
            "veth veth1 net2 veth2 --host-ns net1 --host-addr 10.10.0.10/16 --ns-addr 10.10.0.20/16 --host-addr fd00::10/64 --ns-addr fd00::20/64",
        );
        for address in ["10.10.0.20", "fd00::20"] {
            ping("net1", address);
        }
        for address in ["10.10.0.10", "fd00::10"] {
            ping("net2", address);
        }
        assert!(!has_link(HOST, "veth1") && !has_link(HOST, "veth2"), "the host has no part in it");
        assert!(!has_link("net1", "veth2") && !has_link("net2", "veth1"));
        no_ping(HOST, "10.10.0.20");
    });
}

#[test]
fn both_ends_may_be_in_one_namespace_or_have_one_name_in_two() {
    private_host(|| {
        done("create ns1 ns2");
        done("veth one ns1 other --host-ns ns1 --up");
        assert!(is_up("ns1", "one") && is_up("ns1", "other"));
        done("veth eth0 ns2 eth0 --host-ns ns1 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
        ping("ns1", "10.0.0.2");
        done("veth eth0 ns2 eth1 --host-addr 10.1.0.1/24 --ns-addr 10.1.0.2/24");
        ping(HOST, "10.1.0.2");
    });
}

#[test]
fn a_bridge_takes_the_host_end_as_its_port() {
    private_host(|| {
        done("create ns1 ns2");
        done("bridge br0 --addr 10.0.0.1/24");
        done("veth veth1 ns1 eth0 --bridge br0 --ns-addr 10.0.0.2/24");
        done("veth veth2 ns2 eth0 --bridge br0");
        assert_eq!(ports(HOST, "br0"), ["veth1", "veth2"]);
        assert!(is_up(HOST, "veth2") && is_up("ns2", "eth0"), "a bridge implies --up");
        sh("ip -n ns2 addr add 10.0.0.3/24 dev eth0");
        ping("ns1", "10.0.0.1");
        ping("ns1", "10.0.0.3");
        ping("ns2", "10.0.0.2");
    });
}

#[test]
fn the_bridge_may_be_in_the_namespace_of_the_first_end() {
    private_host(|| {
        done("create switch ns1");
        done("bridge br0 --ns switch --addr 10.0.0.1/24");
        done(
            "veth port1 ns1 eth0 --host-ns switch --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto",
        );
        assert_eq!(ports("switch", "br0"), ["port1"]);
        ping("ns1", "10.0.0.1");
        assert!(ip("ns1", "route").contains("default via 10.0.0.1 dev eth0"));
    });
}

#[test]
fn a_gateway_makes_other_networks_reachable() {
    private_host(|| {
        sh("ip addr add 192.0.2.1/32 dev lo; ip addr add 2001:db8::1/128 dev lo nodad");
        done("create ns1 ns2");
        done(
            "veth veth1 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24 --host-addr fd00::1/64 --ns-addr fd00::2/64",
        );
        no_ping("ns1", "192.0.2.1");
        no_ping("ns1", "2001:db8::1");
        done(
            "veth veth2 ns2 eth0 --host-addr 10.1.0.1/24 --ns-addr 10.1.0.2/24 --host-addr fd01::1/64 --ns-addr fd01::2/64 --gateway 10.1.0.1 --gateway fd01::1",
        );
        ping("ns2", "192.0.2.1");
        ping("ns2", "2001:db8::1");
    });
}

#[test]
fn gateway_auto_takes_the_addresses_of_the_host_end() {
    private_host(|| {
        sh("ip addr add 192.0.2.1/32 dev lo; ip addr add 2001:db8::1/128 dev lo nodad");
        done("create ns1");
        // Of several addresses, the one of the same subnet counts.
        done(
            "veth veth1 ns1 eth0 --gateway auto --host-addr 10.9.0.1/24 --host-addr 10.0.0.1/24 --host-addr fd00::1/64 --ns-addr 10.0.0.2/24 --ns-addr fd00::2/64",
        );
        assert!(ip("ns1", "route").contains("default via 10.0.0.1 dev eth0"));
        assert!(ip("ns1", "-6 route").contains("default via fd00::1 dev eth0"));
        ping("ns1", "192.0.2.1");
        ping("ns1", "2001:db8::1");
    });
}

#[test]
fn gateway_auto_takes_the_addresses_of_the_bridge() {
    private_host(|| {
        sh("ip addr add 192.0.2.1/32 dev lo; ip addr add 2001:db8::1/128 dev lo nodad");
        done("create ns1 ns2");
        done("bridge br0 --addr 10.9.0.1/24 --addr 10.0.0.1/24 --addr fd00::1/64");
        let said = done(
            "veth veth1 ns1 eth0 --bridge br0 --ns-addr 10.0.0.2/24 --ns-addr fd00::2/64 --gateway auto",
        );
        assert!(said.contains("10.0.0.1") && said.contains("fd00::1"), "it says which: {said}");
        ping("ns1", "192.0.2.1");
        ping("ns1", "2001:db8::1");
        // One given, the other found.
        done(
            "veth veth2 ns2 eth0 --bridge br0 --ns-addr 10.0.0.3/24 --ns-addr fd00::3/64 --gateway 10.0.0.2 --gateway auto",
        );
        assert!(ip("ns2", "route").contains("default via 10.0.0.2 dev eth0"));
        assert!(ip("ns2", "-6 route").contains("default via fd00::1 dev eth0"));
    });
}

#[test]
fn a_large_mtu_carries_large_packets_in_one_piece() {
    private_host(|| {
        done("create ns1 ns2");
        done("veth veth1 ns1 eth0 --mtu 9000 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
        done("veth veth2 ns2 eth0 --host-addr 10.1.0.1/24 --ns-addr 10.1.0.2/24");
        ping_with(HOST, "-M do -s 8000 10.0.0.2");
        ping_with("ns1", "-M do -s 8000 10.0.0.1");
        assert!(
            !succeeds("ping -c 1 -W 1 -M do -s 8000 10.1.0.2"),
            "not through the usual 1500 bytes"
        );
        done("veth small ns1 small --mtu 68");
        assert!(ip(HOST, "link show dev small").contains("mtu 68 "));
    });
}

#[test]
fn the_hardware_addresses_are_those_asked_for() {
    private_host(|| {
        done("create ns1");
        done(
            "veth veth0 ns1 eth0 --host-mac 02:00:00:00:00:01 --ns-mac 02:00:00:00:00:02 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24",
        );
        ping(HOST, "10.0.0.2");
        assert!(
            ip(HOST, "neigh").contains("10.0.0.2 dev veth0 lladdr 02:00:00:00:00:02"),
            "what the host heard"
        );
        assert!(
            ip("ns1", "neigh").contains("10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01"),
            "what the namespace heard"
        );
    });
}

#[test]
fn both_ends_bear_the_mark_and_get_what_matters_when_they_are_made() {
    private_host(|| {
        done("create ns1 ns2");
        let line =
            "veth v1 ns1 e1 --mtu 1400 --host-mac 02:00:00:00:00:01 --ns-mac 02:00:00:00:00:02";
        let made = "ip link add name v1 mtu 1400 address 02:00:00:00:00:01 group 28276 type veth \
                    peer name e1 netns ns1 mtu 1400 address 02:00:00:00:00:02 group 28276\n";
        tool(&format!("{line} --dry-run")).success().stdout(contains(made));
        done(line);
        done("veth e2 ns2 e2 --host-ns ns1");
        for (place, name) in [(HOST, "v1"), ("ns1", "e1"), ("ns1", "e2"), ("ns2", "e2")] {
            let link = ip(place, &format!("-d link show dev {name}"));
            assert!(link.contains("group 28276") && link.contains("alias netns-tool"), "{link}");
        }
    });
}
