//! Ready means ready: when `up` returns, the first packet arrives.
//!
//! `NETNS_TOOL_SOAK=1000` tries it a thousand times (30 otherwise).

mod support;

use std::time::{Duration, Instant};
use support::labs::{FILE, file};
use support::{assert_is, done, lived_in, private_host, sh, succeeds};
use testhost::binary;

/// Two namespaces on a bridge, a cable between two others, and a bridge inside one: each way that a link can be.
const LAB: &str = "
    [bridge.br0]
    address = [\"10.0.0.1/24\", \"fd00::1/64\"]
    [bridge.inner]
    namespace = \"web\"
    address = \"10.1.0.1/24\"
    [namespace.web]
    bridge = \"br0\"
    [namespace.db]
    bridge = \"br0\"
    [namespace.leaf]
    bridge = \"inner\"
    [[link]]
    from = { namespace = \"db\", interface = \"left\", address = \"10.2.0.1/24\" }
    to = { namespace = \"leaf\", interface = \"right\", address = \"10.2.0.2/24\" }
";

/// The same without IPv6, for which the kernel takes its second or two.
fn without_ipv6() -> String {
    LAB.replace("[\"10.0.0.1/24\", \"fd00::1/64\"]", "\"10.0.0.1/24\"")
}

/// Each is one packet, which is not sent again.
fn first_pings(ipv6: bool) {
    let mut lines = vec![
        "ip netns exec web ping -c 1 -W 60 10.0.0.3",
        "ip netns exec leaf ping -c 1 -W 60 10.1.0.1",
        "ip netns exec db ping -c 1 -W 60 10.2.0.2",
        "ping -c 1 -W 60 10.0.0.2",
    ];
    if ipv6 {
        lines.extend(["ip netns exec db ping -c 1 -W 60 fd00::2", "ping -c 1 -W 60 fd00::3"]);
    }
    for line in lines {
        assert!(succeeds(&format!("{line} >/dev/null")), "the first packet was lost: {line}");
    }
}

fn rounds() -> u32 {
    let asked = std::env::var("NETNS_TOOL_SOAK").ok();
    asked.map_or(30, |count| count.parse().expect("NETNS_TOOL_SOAK is a number"))
}

#[test]
fn the_first_packet_after_up_arrives() {
    private_host(|| {
        file(&without_ipv6());
        let before = lived_in();
        for _ in 0..rounds() {
            done(&format!("up -q {FILE}"));
            first_pings(false);
            done(&format!("down -q {FILE}"));
        }
        assert_is(&before);
    });
}

#[test]
fn so_does_that_of_ipv6() {
    private_host(|| {
        lived_in();
        file(LAB);
        for _ in 0..(rounds() / 10).max(3) {
            done(&format!("up -q {FILE}"));
            first_pings(true);
            done(&format!("down -q {FILE}"));
        }
    });
}

/// Those that stood know neighbours of before: by hardware addresses that are gone, or as somebody who does not answer.
#[test]
fn so_does_the_first_after_a_repair() {
    private_host(|| {
        lived_in();
        file(LAB);
        done(&format!("up -q {FILE}"));
        for damage in
            ["ip netns del db", "ip -n db addr flush dev eth0", "ip -n db link set eth0 down"]
        {
            first_pings(true);
            sh(damage);
            // It asks in vain whoever is not there.
            done(&format!("check -q --matrix {FILE}"));
            done(&format!("up -q {FILE}"));
            first_pings(true);
        }
    });
}

#[test]
fn it_waits_until_a_spanning_tree_lets_packets_through() {
    private_host(|| {
        lived_in();
        let text = without_ipv6();
        // The least that a bridge takes, so that nobody waits for half a minute: two seconds for each of two states.
        let slow = text.replacen("address =", "stp = true\naddress =", 1);
        file(&slow);
        sh(
            "timeout 10 sh -c 'until ip link set dev br0 type bridge forward_delay 200; do :; done' >/dev/null 2>&1 &",
        );
        let begin = Instant::now();
        done(&format!("up -q {FILE}"));
        assert!(begin.elapsed() > Duration::from_secs(3), "{:?}", begin.elapsed());
        first_pings(false);
    });
}

#[test]
fn what_it_waits_for_is_shown_on_a_terminal() {
    private_host(|| {
        lived_in();
        file(&without_ipv6().replacen("address =", "stp = true\naddress =", 1));
        let tool = binary("netns-tool").display().to_string();
        let shown = sh(&format!("timeout 4 script -qefc '{tool} up {FILE}' /dev/null || true"));
        let line = "steps; waiting for the spanning tree, about 30 s: 1 s";
        assert!(shown.contains(line), "{shown}");
    });
}
