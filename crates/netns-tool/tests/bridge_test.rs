//! `bridge`: a switch that its ports talk over.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::net::ping_with;
use support::{HOST, done, has_link, http_get, ip, is_up, no_ping, ping, ports, private_host};
use support::{refused_with, sh, succeeds, tool};

/// Two namespaces, each on a port of the bridge.
fn two_on(bridge: &str) {
    done("create a b");
    done(&format!("veth va a eth0 --bridge {bridge} --ns-addr 10.0.0.2/24 --ns-addr fd00::2/64"));
    done(&format!("veth vb b eth0 --bridge {bridge} --ns-addr 10.0.0.3/24 --ns-addr fd00::3/64"));
}

#[test]
fn namespaces_on_it_talk_to_each_other_and_to_the_host() {
    private_host(|| {
        let said = done("bridge br0 --addr 10.0.0.1/24 --addr fd00::1/64 --addr 10.7.0.1/16");
        assert!(said.contains("Bridge created") && said.contains("br0"), "{said}");
        two_on("br0");
        for (from, addresses) in [
            ("a", ["10.0.0.1", "10.0.0.3", "fd00::1", "fd00::3"]),
            ("b", ["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"]),
            (HOST, ["10.0.0.2", "10.0.0.3", "fd00::2", "fd00::3"]),
        ] {
            for address in addresses {
                ping(from, address);
            }
        }
        assert!(ip(HOST, "addr show dev br0").contains("10.7.0.1/16"));
        assert_eq!(http_get("a", "b", "10.0.0.3:80").unwrap(), "you are 10.0.0.2");
        assert_eq!(http_get("a", "b", "[fd00::3]:80").unwrap(), "you are fd00::2");
    });
}

#[test]
fn it_is_up_also_without_ports_or_addresses() {
    private_host(|| {
        tool("bridge br0").success().stdout(contains("Bridge created: br0"));
        assert!(is_up(HOST, "br0") && ports(HOST, "br0").is_empty());
        let link = ip(HOST, "-d link show dev br0");
        assert!(
            link.contains(" bridge ")
                && link.contains("group 28276")
                && link.contains("alias netns-tool"),
            "{link}"
        );
        done("bridge br1 --addr 10.1.0.1/24");
        ping(HOST, "10.1.0.1");
    });
}

#[test]
fn attached_interfaces_become_ports_and_go_up() {
    private_host(|| {
        done("create a b c");
        for name in ["a", "b", "c"] {
            // Down, all three; the tool brings up the ends that are ports.
            done(&format!("veth v{name} {name} eth0"));
            ip(name, "link set dev eth0 up");
        }
        sh(
            "ip -n a addr add 10.0.0.2/24 dev eth0; ip -n b addr add 10.0.0.3/24 dev eth0; ip -n c addr add 10.0.0.4/24 dev eth0",
        );
        let said = done("bridge br0 --attach va,vb --attach vc --addr 10.0.0.1/24");
        assert!(["va", "vb", "vc"].iter().all(|port| said.contains(port)), "{said}");
        assert_eq!(ports(HOST, "br0"), ["va", "vb", "vc"]);
        assert!(is_up(HOST, "va") && is_up(HOST, "vc"));
        for address in ["10.0.0.1", "10.0.0.3", "10.0.0.4"] {
            ping("a", address);
        }
    });
}

#[test]
fn mtu_and_mac_are_those_asked_for() {
    private_host(|| {
        let line = "bridge br0 --mtu 9000 --mac 02:00:00:00:00:aa --addr 10.0.0.1/24";
        let made = "ip link add name br0 address 02:00:00:00:00:aa group 28276 type bridge\n";
        let sized = "ip link set dev br0 alias netns-tool up mtu 9000\n";
        let script = done(&format!("{line} --dry-run"));
        assert!(script.contains(made) && script.contains(sized), "{script}");
        done(line);
        // A port of another size does not change it, neither as it comes nor as it goes.
        for words in ["", " --delete"] {
            done(&format!("veth p0 --host p1 --bridge br0{words}"));
            assert!(ip(HOST, "link show dev br0").contains("mtu 9000"));
        }
        done("create a");
        done("veth va a eth0 --bridge br0 --mtu 9000 --ns-addr 10.0.0.2/24");
        ping_with("a", "-M do -s 8000 10.0.0.1");
        ping_with(HOST, "-M do -s 8000 10.0.0.2");
        assert!(ip("a", "neigh").contains("10.0.0.1 dev eth0 lladdr 02:00:00:00:00:aa"));
    });
}

#[test]
fn ns_makes_it_inside_a_namespace() {
    private_host(|| {
        done("create switch a b");
        sh("ip -n switch link add name dangling type veth peer name other");
        let said = done("bridge br0 --ns switch --addr 10.0.0.1/24 --attach dangling");
        assert!(said.contains("Bridge created: br0 in network namespace `switch`"), "{said}");
        assert!(!has_link(HOST, "br0"));
        for (name, number) in [("a", 2), ("b", 3)] {
            done(&format!(
                "veth v{name} {name} eth0 --host-ns switch --bridge br0 --ns-addr 10.0.0.{number}/24"
            ));
        }
        assert_eq!(ports("switch", "br0"), ["dangling", "va", "vb"]);
        ping("a", "10.0.0.3");
        ping("switch", "10.0.0.2");
        no_ping(HOST, "10.0.0.2");
        // A bridge of the same name on the host is another.
        done("bridge br0 --addr 10.0.0.1/24");
        assert!(ports(HOST, "br0").is_empty());
    });
}

#[test]
fn stp_blocks_one_of_two_parallel_wires() {
    private_host(|| {
        done("bridge br0 --stp");
        done("bridge br1 --stp");
        done("veth one0 --host one1");
        done("veth two0 --host two1");
        for port in ["one0", "two0"] {
            done(&format!("bridge br0 --stp --if-missing --attach {port}"));
        }
        done("bridge br1 --stp --if-missing --attach one1,two1");
        // 4 is BR_STATE_BLOCKING: that bridge has heard of the other, over each of the wires.
        let state = |port: &&str| {
            fs::read_to_string(format!("/sys/class/net/{port}/brport/state")).unwrap()
        };
        let blocked = || {
            ["one0", "two0", "one1", "two1"].iter().filter(|port| state(port).trim() == "4").count()
        };
        let end = Instant::now() + Duration::from_secs(20);
        while blocked() == 0 && Instant::now() < end {
            sleep(Duration::from_millis(20));
        }
        assert_eq!(blocked(), 1);
        done("bridge plain");
        assert_eq!(
            ["br0", "plain"]
                .map(|name| fs::read_to_string(format!("/sys/class/net/{name}/bridge/stp_state"))
                    .unwrap()),
            ["1\n", "0\n"]
        );
    });
}

#[test]
fn vlan_filtering_keeps_vlans_apart_or_says_that_this_kernel_cannot() {
    private_host(|| {
        if !succeeds("ip link add name probe type bridge vlan_filtering 1") {
            refused_with(3, "bridge br0 --vlan-filtering --addr 10.0.0.1/24").stderr(
                contains("this kernel was built without").and(contains("without --vlan-filtering")),
            );
            assert!(!has_link(HOST, "br0"));
            return;
        }
        done("bridge br0 --vlan-filtering");
        two_on("br0");
        ping("a", "10.0.0.3");
        sh("bridge vlan add dev vb vid 20 pvid untagged; bridge vlan del dev vb vid 1");
        no_ping("a", "10.0.0.3");
    });
}
