//! Whole networks out of the five commands: those of the tutorials, and a router.

mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};
use support::net::ping_with;
use support::wan::stage_internet;
use support::{
    HOST, assert_is, done, http_get, inside, ip, lived_in, no_ping, ping, private_host, sh,
};

/// Turns forwarding on inside a namespace.
fn forward(place: &str) {
    sh(&format!(
        "{}sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'",
        inside(place)
    ));
}

/// Waits until the place has made sure that its IPv6 addresses are unique: before that a router is silent.
fn wait_for_ipv6(place: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !ip(place, "-6 addr show tentative").is_empty() && Instant::now() < end {
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn one_container_and_its_host() {
    private_host(|| {
        done("create net0");
        done("veth veth0 net0 ceth0 --host-addr 172.18.0.10/12 --ns-addr 172.18.0.20/12");
        ping(HOST, "172.18.0.10");
        ping(HOST, "172.18.0.20");
        ping("net0", "172.18.0.10");
        assert!(
            ip("net0", "route")
                .contains("172.16.0.0/12 dev ceth0 proto kernel scope link src 172.18.0.20")
        );
    });
}

#[test]
fn two_containers_on_a_bridge_reach_each_other_the_host_and_the_internet_and_go_without_a_trace() {
    private_host(|| {
        lived_in();
        stage_internet();
        let before = testhost::Snapshot::settled();
        let lines = [
            "bridge br0 --addr 172.18.0.1/12",
            "veth veth0 net0 ceth0 --bridge br0 --ns-addr 172.18.0.10/12 --gateway 172.18.0.1",
            "veth veth1 net1 ceth1 --bridge br0 --ns-addr 172.18.0.20/12 --gateway auto",
            "nat br0",
        ];
        done("create net0 net1");
        lines.iter().for_each(|line| drop(done(line)));
        for (from, other) in [("net0", "172.18.0.20"), ("net1", "172.18.0.10")] {
            for address in ["127.0.0.1", "172.18.0.1", other, "10.0.2.15", "1.1.1.1"] {
                ping(from, address);
            }
            assert_eq!(http_get(from, "internet", "1.1.1.1:80").unwrap(), "you are 10.0.2.15");
        }
        lines.iter().rev().for_each(|line| drop(done(&format!("{line} --delete"))));
        done("delete net0 net1");
        assert_is(&before);
    });
}

#[test]
fn two_namespaces_on_a_direct_wire_read_each_others_web_pages() {
    private_host(|| {
        done("create net1 net2");
        done(
            "veth veth1 net2 veth2 --host-ns net1 --host-addr 10.10.0.10/16 --ns-addr 10.10.0.20/16",
        );
        ping("net1", "10.10.0.20");
        ping("net2", "10.10.0.10");
        assert_eq!(http_get("net1", "net2", "10.10.0.20:8000").unwrap(), "you are 10.10.0.10");
        assert!(http_get(HOST, "net2", "10.10.0.20:8000").is_err(), "the host is not on that wire");
    });
}

#[test]
fn two_nodes_with_a_bridge_each() {
    private_host(|| {
        done("create node1 node2");
        done(
            "veth eth0 node2 eth0 --host-ns node1 --host-addr 192.168.1.5/24 --ns-addr 192.168.1.6/24",
        );
        for (node, subnet) in [("node1", "172.16.0"), ("node2", "172.16.1")] {
            done(&format!("bridge br0 --ns {node} --addr {subnet}.1/24"));
            for number in [1, 2] {
                let (name, host) = (format!("{node}-ns{number}"), number + 1);
                done(&format!("create {name}"));
                done(&format!(
                    "veth veth{number}0 {name} veth{number}1 --host-ns {node} --bridge br0 --ns-addr {subnet}.{host}/24 --gateway auto"
                ));
            }
        }
        ping("node1-ns1", "172.16.0.3");
        no_ping("node1-ns1", "172.16.1.3");
        ip("node1", "route add 172.16.1.0/24 via 192.168.1.6");
        ip("node2", "route add 172.16.0.0/24 via 192.168.1.5");
        forward("node1");
        forward("node2");
        for (from, to) in
            [("node1-ns1", "172.16.1.3"), ("node2-ns2", "172.16.0.2"), ("node2-ns1", "172.16.0.3")]
        {
            ping(from, to);
        }
        assert_eq!(
            http_get("node1-ns1", "node2-ns2", "172.16.1.3:80").unwrap(),
            "you are 172.16.0.2"
        );
    });
}

#[test]
fn three_subnets_behind_a_router() {
    private_host(|| {
        let subnets = ["red", "green", "blue"];
        done("create router red green blue");
        for (number, name) in subnets.iter().enumerate() {
            done(&format!(
                "veth to-{name} {name} eth0 --host-ns router --gateway auto \
                 --host-addr 10.0.{number}.1/24 --ns-addr 10.0.{number}.2/24 \
                 --host-addr fd00:{number}::1/64 --ns-addr fd00:{number}::2/64"
            ));
        }
        no_ping("red", "10.0.2.2");
        forward("router");
        wait_for_ipv6("router");
        for from in subnets {
            for number in 0..subnets.len() {
                ping(from, &format!("10.0.{number}.1"));
                ping(from, &format!("10.0.{number}.2"));
                ping(from, &format!("fd00:{number}::2"));
            }
        }
        assert_eq!(http_get("red", "blue", "10.0.2.2:80").unwrap(), "you are 10.0.0.2");
        assert_eq!(http_get("blue", "green", "[fd00:1::2]:80").unwrap(), "you are fd00:2::2");
        // One hop is enough from the router, not through it.
        ping_with("router", "-W 2 -t 1 10.0.2.2");
        assert!(
            !support::succeeds("ip netns exec red ping -c 1 -W 1 -t 1 10.0.2.2"),
            "it is routed, not switched"
        );
    });
}

#[test]
fn a_chain_of_routers() {
    private_host(|| {
        done("create n0 n1 n2 n3");
        for number in 0..3 {
            let next = number + 1;
            done(&format!(
                "veth right n{next} left --host-ns n{number} --host-addr 10.{number}.0.1/24 --ns-addr 10.{number}.0.2/24"
            ));
        }
        sh("ip -n n0 route add default via 10.0.0.2; ip -n n3 route add default via 10.2.0.1
            ip -n n1 route add 10.2.0.0/24 via 10.1.0.2; ip -n n2 route add 10.0.0.0/24 via 10.1.0.1");
        forward("n1");
        forward("n2");
        assert_eq!(http_get("n0", "n3", "10.2.0.2:80").unwrap(), "you are 10.0.0.1");
        // A router in the middle goes, with the wires to both of its sides.
        done("delete n1");
        assert!(!support::has_link("n0", "right") && !support::has_link("n2", "left"));
        no_ping("n0", "10.2.0.2");
    });
}
