//! `check` says why: what is wrong behind a router, and with neighbours that are not heard.

mod support;

use support::checks::{ROUTED, fail, fail_each, stage, whys};
use support::labs::up;
use support::others::bridges_ask;
use support::{lived_in, private_host, sh};

/// Two routers in a row.
const CHAIN: &str = r#"
[namespace.r1]
forwarding = true
routes = [{ to = "10.0.2.0/24", via = "10.0.9.2" }, { to = "fd02::/64", via = "fd09::2" }]

[namespace.r2]
forwarding = true
routes = [{ to = "10.0.1.0/24", via = "10.0.9.1" }, { to = "fd01::/64", via = "fd09::1" }]

[namespace.a]
routes = [{ to = "default", via = "10.0.1.1" }, { to = "default", via = "fd01::1" }]

[namespace.b]
routes = [{ to = "default", via = "10.0.2.1" }, { to = "default", via = "fd02::1" }]

[[link]]
from = { namespace = "a", interface = "eth0", address = ["10.0.1.2/24", "fd01::2/64"] }
to = { namespace = "r1", interface = "west", address = ["10.0.1.1/24", "fd01::1/64"] }

[[link]]
from = { namespace = "r1", interface = "east", address = ["10.0.9.1/24", "fd09::1/64"] }
to = { namespace = "r2", interface = "west", address = ["10.0.9.2/24", "fd09::2/64"] }

[[link]]
from = { namespace = "r2", interface = "east", address = ["10.0.2.1/24", "fd02::1/64"] }
to = { namespace = "b", interface = "eth0", address = ["10.0.2.2/24", "fd02::2/64"] }

[[expect]]
from = "a"
to = "b"
"#;

/// Two namespaces on a bridge of the host.
const LAN: &str = r#"
[bridge.br0]
address = ["10.0.0.1/24", "fd00::1/64"]

[namespace.c]
bridge = "br0"

[namespace.d]
bridge = "br0"

[namespace.e]
bridge = "br0"

[[expect]]
from = "c"
to = "d"
"#;

/// It takes the routes that lead over it along.
#[test]
fn an_interface_of_a_router_is_down() {
    private_host(|| {
        lived_in();
        up(CHAIN);
        let no = |to: &str| format!("no route to {to} in `r1`: interface `east` of `r1` is down");
        fail_each(
            "ip -n r1 link set dev east down",
            &[("ping4", &no("10.0.2.2")), ("ping6", &no("fd02::2"))],
        );
    });
}

/// A way out of one of the ports of a bridge is none out of the lab.
#[test]
fn what_is_for_all_has_no_one_way() {
    private_host(|| {
        lived_in();
        up(&LAN.replace("to = \"d\"", "to = \"224.0.0.1\""));
        let what = "224.0.0.1 is a multicast address: what goes there is for all who have joined that group, and takes as many ways";
        fail("", &["ping4"], &format!("{what}; nobody has answered"));
    });
}

#[test]
fn a_router_has_no_way_back() {
    private_host(|| {
        lived_in();
        up(CHAIN);
        let no = |to: &str| format!("on the way back: no route to {to} in `r2`");
        fail_each(
            "ip -n r2 route del 10.0.1.0/24; ip -n r2 route del fd01::/64",
            &[("ping4", &no("10.0.1.2")), ("ping6", &no("fd01::2"))],
        );
    });
}

/// It takes its addresses of IPv6 along, so that nobody has them. Neighbours know each other already.
#[test]
fn an_interface_on_a_bridge_with_others_is_down() {
    private_host(|| {
        lived_in();
        up(LAN);
        assert_eq!(whys(), [""; 0]);
        fail(
            "ip -n d link set dev eth0 down",
            &["ping4", "ping6"],
            "interface `eth0` of `d` is down",
        );
    });
}

/// Where the asker is a router, it is asked for behind it.
#[test]
fn an_interface_behind_a_router_is_down() {
    private_host(|| {
        lived_in();
        let other = "[namespace.f]\nbridge = \"right\"\n";
        up(&format!("{ROUTED}\n{other}"));
        support::serve("b", 80);
        let down = |asking: &str, ip: &str| {
            format!(
                "no reply to {asking} from {ip} on `right` of `r`: interface `eth0` of `b` is down"
            )
        };
        let (v4, v6) = (down("ARP", "10.0.2.2"), down("neighbour discovery", "fd02::2"));
        let both = ["ping4", "ping6", "tcp4", "tcp6", "udp4", "udp6"];
        let both = both.map(|one| (one, if one.ends_with('4') { &*v4 } else { &*v6 }));
        fail_each("ip -n b link set dev eth0 down; ip -n r neigh flush all", &both);
    });
}

#[test]
fn a_firewall_drops_what_neighbours_ask() {
    private_host(|| {
        lived_in();
        up(LAN);
        let forget = "for at in c d; do ip -n $at neigh flush dev eth0; done";
        fail(
            &format!("ip netns exec d ip6tables -P INPUT DROP; {forget}"),
            &["ping6"],
            "no reply to neighbour discovery from fd00::3 on `eth0` of `c`: dropped in `d` by the policy `DROP` of chain `INPUT` of ip6tables (its counter moved)",
        );
        fail(
            &format!(
                "ip netns exec d ip6tables -P INPUT ACCEPT
                 ip netns exec d nft 'add table arp t; add chain arp t i {{ type filter hook input priority 0; policy drop; }}'
                 {forget}"
            ),
            &["ping4"],
            "no reply to ARP from 10.0.0.3 on `eth0` of `c`: dropped in `d`, as it seems by the policy `drop` of chain `i` of nft table `arp t` (it has no counter)",
        );
        fail(
            &format!(
                "ip netns exec d nft flush ruleset
                 nft 'add table bridge t; add chain bridge t f {{ type filter hook forward priority 0; }}; add rule bridge t f ether type arp counter drop'
                 {forget}"
            ),
            &["ping4"],
            "no reply to ARP from 10.0.0.3 on `eth0` of `c`: dropped on the host by the rule `ether type arp drop` of chain `f` of nft table `bridge t` (its counter moved)",
        );
    });
}

/// With br_netfilter that of the host sees what its bridge only switches; without, it does not, and drops nothing.
#[test]
fn the_firewall_of_a_bridge_drops_what_neighbours_ask() {
    private_host(|| {
        lived_in();
        up(LAN);
        let questions: &[&str] = if bridges_ask(true) { &["ping6"] } else { &[] };
        for (undo, drop, what) in [
            (":", "-P FORWARD DROP", "policy `DROP` of chain `FORWARD`"),
            (
                "ip6tables -P FORWARD ACCEPT",
                "-A FORWARD -p icmpv6 -j DROP",
                "rule `-A FORWARD -p ipv6-icmp -j DROP`",
            ),
        ] {
            let forget = "for at in c d; do ip -n $at neigh flush dev eth0; done";
            let why = format!(
                "no reply to neighbour discovery from fd00::3 on `eth0` of `c`: dropped on the host by the {what} of ip6tables (its counter moved)"
            );
            fail(&format!("{undo}; ip6tables {drop}; {forget}"), questions, &why);
        }
    });
}

/// Whoever rejects it, and wherever.
#[test]
fn an_answer_is_rejected() {
    private_host(|| {
        stage();
        let rejected = |at: &str, chain: &str, command: &str, with: &str| {
            let source = if command == "iptables" { "10.0.2.2/32" } else { "fd02::2/128" };
            format!(
                "on the way back: rejected in `{at}` with {with} by the rule `-A {chain} -s {source} -j REJECT --reject-with {with}` of {command} (its counter moved)"
            )
        };
        for (at, chain) in [("r", "FORWARD"), ("b", "OUTPUT")] {
            let rule = |option: &str| {
                format!(
                    "ip netns exec {at} iptables {option} {chain} -s 10.0.2.2 -j REJECT
                     ip netns exec {at} ip6tables {option} {chain} -s fd02::2 -j REJECT"
                )
            };
            let v4 = rejected(at, chain, "iptables", "icmp-port-unreachable");
            let v6 = rejected(at, chain, "ip6tables", "icmp6-port-unreachable");
            // A datagram has come when somebody has it, be he able to answer or not.
            fail_each(
                &rule("-A"),
                &[("ping4", &*v4), ("ping6", &*v6), ("tcp4", &*v4), ("tcp6", &*v6)],
            );
            sh(&rule("-D"));
        }
    });
}
