//! `check` says why: each reason is produced for real, in a router of the lab, at an end of it, or on the host.

mod support;

use predicates::str::contains;
use std::net::{TcpListener, UdpSocket};
use support::checks::{ALL, ROUTED, V4, V6, fail, fail_each, stage, whys};
use support::labs::{FILE, up};
use support::net::enter;
use support::{lived_in, private_host, sh, tool};

#[test]
fn a_route_is_missing() {
    private_host(|| {
        stage();
        fail("ip -n a route del default", &V4, "no route to 10.0.2.2 in `a`");
        sh("ip -n a route add default via 10.0.1.1");
        fail(
            "ip -n b -6 route del default",
            // A datagram has come when somebody has it, be he able to answer or not.
            &["ping6", "tcp6"],
            "the way back is missing: no route to fd01::2 in `b`",
        );
        sh("ip -n b -6 route add default via fd02::1");
        fail("ip -n r route del 10.0.2.0/24", &V4, "no route to 10.0.2.2 in `r`");
    });
}

#[test]
fn an_interface_is_down() {
    private_host(|| {
        stage();
        fail(
            "ip -n b link set dev eth0 down",
            &ALL,
            "bridge `right` of `r` has no port that is up: interface `eth0` of `b`, the other end of `b-eth0` of `r`, is down",
        );
        sh("ip -n r link set dev right down");
        let whys = whys();
        let whys: Vec<&str> = whys.iter().filter_map(|why| Some(why.split_once(": ")?.1)).collect();
        let (v4, v6) = ("no route to 10.0.2.2 in `r`", "no route to fd02::2 in `r`");
        let (v4, v6) = [v4, v6].map(|no| format!("{no}: interface `right` of `r` is down")).into();
        assert_eq!(whys, [&v4, &v6, &v4, &v6, &v4, &v6]);
    });
}

#[test]
fn the_first_interface_is_down() {
    private_host(|| {
        stage();
        sh("ip -n a link set dev eth0 down");
        let whys = whys();
        assert_eq!(whys.len(), 6, "{whys:#?}");
        assert!(
            whys[0].ends_with("no route to 10.0.2.2 in `a`: interface `eth0` of `a` is down"),
            "{whys:#?}"
        );
        assert!(
            whys[1].ends_with("no route to fd02::2 in `a`: interface `eth0` of `a` is down"),
            "{whys:#?}"
        );
    });
}

#[test]
fn nobody_has_the_address() {
    private_host(|| {
        stage();
        fail(
            "ip -n b addr del 10.0.2.2/24 dev eth0; ip -n b addr add 10.0.2.99/24 dev eth0
             ip -n b route replace default via 10.0.2.1",
            &V4,
            "`b` does not have 10.0.2.2, which the file gives it",
        );
        let (v4, v6) = (
            "no reply to ARP from 10.0.2.2 on `right` of `r`: nobody has that address, which the file gives to `b`",
            "no reply to neighbour discovery from fd02::2 on `right` of `r`: nobody has that address, which the file gives to `b`",
        );
        let both =
            [("ping4", v4), ("ping6", v6), ("tcp4", v4), ("tcp6", v6), ("udp4", v4), ("udp6", v6)];
        fail_each("ip -n b addr del fd02::2/64 dev eth0; ip -n r neigh flush all", &both);
    });
}

#[test]
fn a_router_has_lost_its_address() {
    private_host(|| {
        stage();
        fail(
            "ip -n r addr del 10.0.2.1/24 dev right",
            &V4,
            "no route to 10.0.2.2 in `r`: `right` does not have 10.0.2.1/24, which the file gives it",
        );
    });
}

/// It is not in the main table, or no route at all.
#[test]
fn a_policy_refuses_it() {
    private_host(|| {
        stage();
        fail(
            "ip -n a rule add to 10.0.2.2 prohibit",
            &V4,
            "a policy rule in `a` of the kind `prohibit` refuses what goes to 10.0.2.2",
        );
        let show = tool(&format!("check {FILE}")).code(1);
        show.stdout(contains("  try: ip -n a rule show\n"));
        fail(
            "ip -n a rule del to 10.0.2.2 prohibit; ip -n a rule add to 10.0.2.2 table 100
             ip -n a route add unreachable 10.0.2.2 table 100",
            &V4,
            "a route in `a` of the kind `unreachable` refuses what goes to 10.0.2.2",
        );
        let show = tool(&format!("check {FILE}")).code(1);
        show.stdout(contains("  try: ip -n a route show table all type unreachable\n"));
    });
}

/// Those that a route refuses on purpose are told by its kind.
#[test]
fn a_route_refuses_it() {
    private_host(|| {
        stage();
        for place in ["a", "r"] {
            for kind in ["blackhole", "unreachable", "prohibit"] {
                sh(&format!(
                    "ip -n {place} route add {kind} 10.0.2.2/32; ip -n {place} route add {kind} fd02::2/128"
                ));
                let why = format!("a route in `{place}` of the kind `{kind}` refuses what goes to");
                let (v4, v6) = (format!("{why} 10.0.2.2"), format!("{why} fd02::2"));
                let both = ["ping4", "ping6", "tcp4", "tcp6", "udp4", "udp6"];
                let both = both.map(|one| (one, if one.ends_with('4') { &*v4 } else { &*v6 }));
                let gone = format!(
                    "ip -n {place} route del {kind} 10.0.2.2/32; ip -n {place} route del {kind} fd02::2/128"
                );
                fail_each("", &both);
                sh(&gone);
            }
        }
    });
}

#[test]
fn a_port_of_a_bridge_is_none() {
    private_host(|| {
        lived_in();
        // A router on the same bridge gets what the bridge sends to all.
        let others = r#"
[namespace.c]
bridge = "left"
[namespace.d]
bridge = "left"
forwarding = true
[namespace.e]
[[link]]
from = { namespace = "d", interface = "side", address = "10.0.9.1/24" }
to = { namespace = "e", interface = "eth0", address = "10.0.9.2/24" }
[[expect]]
from = "a"
to = "c"
"#;
        up(&format!("{ROUTED}\n{others}"));
        support::serve("b", 80);
        assert_eq!(whys(), [""; 0]);
        let mac =
            "$(ip -n c -json link show eth0 | grep -o '\"address\":\"[^\"]*' | cut -d'\"' -f4)";
        let known =
            |ip: &str| format!("ip -n a neigh replace {ip} lladdr {mac} dev eth0 nud permanent");
        let script = format!(
            "{}; {}; ip -n r link set dev c-eth0 nomaster",
            known("10.0.1.3"),
            known("fd01::3")
        );
        let why = "`c-eth0` of `r`, the other end of `eth0` of `c`, is no port of bridge `left`";
        fail(&script, &["ping4", "ping6"], why);
        // Nobody knows its hardware address either.
        sh("ip -n a neigh flush nud permanent dev eth0; ip -n a neigh flush dev eth0");
        let told = whys();
        assert!(told.len() == 2 && told.iter().all(|one| one.ends_with(why)), "{told:#?}");
    });
}

#[test]
fn forwarding_is_off() {
    private_host(|| {
        stage();
        let set = |switch: &str, value: u8| {
            format!("ip netns exec r sh -c 'echo {value} >/proc/sys/net/{switch}'")
        };
        fail(
            &set("ipv4/ip_forward", 0),
            &V4,
            "forwarding is off in `r` (net.ipv4.ip_forward is 0)",
        );
        sh(&set("ipv4/ip_forward", 1));
        fail(
            &set("ipv6/conf/all/forwarding", 0),
            &V6,
            "forwarding is off in `r` (net.ipv6.conf.all.forwarding is 0)",
        );
    });
}

#[test]
fn the_reverse_path_is_another() {
    private_host(|| {
        stage();
        fail(
            "ip netns exec r sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter'
             ip -n r route add 10.0.1.2/32 dev right",
            &V4,
            "`r` drops what comes from 10.0.1.2 by `left`: its way back leads over `right` (rp_filter is 1)",
        );
    });
}

#[test]
fn nobody_listens_or_elsewhere() {
    private_host(|| {
        lived_in();
        up(ROUTED);
        let _listener = enter("b", || TcpListener::bind("127.0.0.1:80").expect("listen"));
        fail_each(
            "",
            &[
                (
                    "tcp4",
                    "nothing listens at TCP port 80 of `b` on 10.0.2.2: what listens there does so on 127.0.0.1 alone",
                ),
                (
                    "tcp6",
                    "nothing listens at TCP port 80 of `b` on fd02::2: what listens there does so on 127.0.0.1 alone",
                ),
                ("udp4", "nothing listens at UDP port 80 of `b`"),
                ("udp6", "nothing listens at UDP port 80 of `b`"),
            ],
        );
        fail_each(
            "ip netns exec b sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all; echo 1 >/proc/sys/net/ipv6/icmp/echo_ignore_all'
             ip netns exec b iptables -A OUTPUT -p udp -j ACCEPT; ip netns exec b ip6tables -A OUTPUT -p tcp -j DROP",
            &[
                ("ping4", "`b` answers no ping (net.ipv4.icmp_echo_ignore_all is 1)"),
                ("ping6", "`b` answers no ping (net.ipv6.icmp.echo_ignore_all is 1)"),
                ("tcp4", "nothing listens at TCP port 80 of `b` on 10.0.2.2: what listens there does so on 127.0.0.1 alone"),
                ("tcp6", "nothing listens at TCP port 80 of `b` on fd02::2: what listens there does so on 127.0.0.1 alone, and what says so is dropped in `b` by the rule `-A OUTPUT -p tcp -j DROP` of ip6tables (its counter moved)"),
                ("udp4", "nothing listens at UDP port 80 of `b`"),
                ("udp6", "nothing listens at UDP port 80 of `b`"),
            ],
        );
    });
}

#[test]
fn somebody_listens_over_the_other_family() {
    private_host(|| {
        lived_in();
        up(ROUTED);
        sh("ip netns exec b sh -c 'echo 1 >/proc/sys/net/ipv6/bindv6only'");
        let _tcp = enter("b", || TcpListener::bind("[::]:80").expect("listen"));
        let _udp = enter("b", || UdpSocket::bind("0.0.0.0:80").expect("a UDP socket"));
        fail_each(
            "",
            &[
                (
                    "tcp4",
                    "nothing listens at TCP port 80 of `b` on 10.0.2.2: what listens there does so over IPv6 alone",
                ),
                (
                    "udp6",
                    "nothing listens at UDP port 80 of `b` on fd02::2: what listens there does so over IPv4 alone",
                ),
            ],
        );
    });
}

#[test]
fn the_host_drops_it() {
    private_host(|| {
        lived_in();
        let text = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[bridge.br1]\naddress = \"10.1.0.1/24\"\n\
                    [namespace.a]\nbridge = \"br0\"\n[namespace.b]\nbridge = \"br1\"\n[[expect]]\nfrom = \"a\"\nto = \"b\"\n";
        up(text);
        fail(
            "echo 0 >/proc/sys/net/ipv4/ip_forward",
            &["ping4"],
            "forwarding is off on the host (net.ipv4.ip_forward is 0)",
        );
        fail(
            "echo 1 >/proc/sys/net/ipv4/ip_forward; iptables -I FORWARD -o br1 -j DROP",
            &["ping4"],
            "dropped on the host by the rule `-A FORWARD -o br1 -j DROP` of iptables (its counter moved)",
        );
        fail(
            "iptables -D FORWARD -o br1 -j DROP; ip link set dev b-eth0 down",
            &["ping4"],
            "bridge `br1` of the host has no port that is up: interface `b-eth0` of the host is down",
        );
    });
}
