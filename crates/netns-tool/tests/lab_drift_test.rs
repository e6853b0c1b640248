//! A lab that somebody has tampered with: `diff` names what is not as the file says, `up` mends it, and touches nothing
//! else.

mod support;

use predicates::str::contains;
use support::drift::{Case, mends, mends_one};
use support::labs::{EVERYTHING, FILE, internet, is_as_its_file_says, up};
use support::{done, ping, private_host, refused, sh, tool};
use testhost::{foreign_objects, warm_up};

#[test]
fn namespaces_bridges_and_links_that_are_gone() {
    mends(&[
        (
            "ip netns del web",
            &["network namespace `web` is missing", "veth pair `web-eth0` <-> `eth0` in"],
            ":web-eth0 web:eth0",
        ),
        (
            "ip netns del r1",
            &["network namespace `r1` is missing", "bridge `inner` in network namespace `r1`"],
            "r1:eth0 :r1-eth0 r1:right r2:left r1:inner r1:leaf-eth0 leaf:eth0",
        ),
        ("ip link del web-eth0", &["veth pair `web-eth0`"], ":web-eth0 web:eth0"),
        ("ip -n r2 link del left", &["veth pair `right`"], "r1:right r2:left"),
        ("ip -n leaf link del eth0", &["veth pair `leaf-eth0`"], "r1:leaf-eth0 leaf:eth0"),
        (
            "ip link del lab0",
            &["veth pair `lab0`", "route `172.16.1.0/24 via 192.168.1.2"],
            ":lab0 r2:out",
        ),
        ("ip link del br1", &["bridge `br1` is missing"], ":br1"),
        ("ip -n r1 link del inner", &["bridge `inner` in"], "r1:inner"),
        ("ip link del br0", &["bridge `br0` is missing"], ":br0"),
        (
            "ip netns del leaf; ip netns del r2; ip netns del db",
            &["network namespace `leaf`", "network namespace `r2`", "network namespace `db`"],
            "leaf:eth0 r1:leaf-eth0 r1:right r2:left r2:out :lab0 db:eth0 :db-eth0",
        ),
    ]);
}

#[test]
fn links_that_are_set_otherwise() {
    mends(&[
        ("ip link set web-eth0 down", &["interface `web-eth0` is down"], ""),
        (
            "ip -n web link set eth0 down",
            &["interface `eth0` in network namespace `web` is down", "route `default via 10.0.0.1"],
            "",
        ),
        ("ip link set br0 down", &["interface `br0` is down"], ""),
        ("ip -n web link set lo down", &["interface `lo` in network namespace `web` is down"], ""),
        ("ip link set lab0 down", &["interface `lab0` is down", "route `172.16.1.0/24"], ""),
        (
            "ip -n r2 link set left down",
            &["interface `left` in network namespace `r2` is down"],
            "",
        ),
        ("ip link set br0 mtu 1400", &["interface `br0` has"], ""),
        (
            "ip -n web link set eth0 mtu 1300",
            &["interface `eth0` in network namespace `web` has"],
            "",
        ),
        ("ip link set web-eth0 mtu 1300", &["interface `web-eth0` has"], ""),
        ("ip -n r1 link set right mtu 1500", &["interface `right` in"], ""),
        ("ip -n web link set eth0 address 02:00:00:00:00:99", &["interface `eth0` in"], ""),
        ("ip link set br1 address 02:00:00:00:00:99", &["interface `br1` has"], ""),
        ("ip link set web-eth0 nomaster", &["interface `web-eth0` is a port of no bridge"], ""),
        ("ip link set web-eth0 master br1", &["interface `web-eth0` is a port of `br1`"], ""),
        ("ip link set lab0 master br1", &["interface `lab0` is a port of `br1`"], ""),
        ("ip -n r1 link set leaf-eth0 nomaster", &["interface `leaf-eth0` in"], ""),
        ("ip link set br0 type bridge stp_state 1", &["interface `br0` has"], ""),
        ("ip -n r1 link set inner type bridge stp_state 1", &["interface `inner` in"], ""),
    ]);
}

#[test]
fn marks_that_are_gone() {
    mends(&[
        ("ip link set web-eth0 alias ''", &["mark of interface `web-eth0` is missing"], ""),
        ("ip -n web link set eth0 alias ''", &["mark of interface `eth0` in network"], ""),
        ("ip link set br0 alias ''", &["mark of interface `br0` is missing"], ""),
        ("ip -n web link set lo alias ''", &["mark of network namespace `web` is missing"], ""),
    ]);
}

#[test]
fn addresses_that_are_gone_or_others() {
    mends(&[
        (
            "ip -n web addr del 10.0.0.2/24 dev eth0",
            &["interface `eth0` in network namespace `web` has no address 10.0.0.2/24"],
            "",
        ),
        (
            "ip -n web addr del fd00::2/64 dev eth0",
            &["interface `eth0` in network namespace `web`"],
            "",
        ),
        ("ip -n web addr add 10.9.9.9/32 dev eth0", &["interface `eth0` in"], ""),
        ("ip -n web addr add 10.0.0.77/24 dev eth0", &["interface `eth0` in"], ""),
        ("ip -n web addr add fd00::77/64 dev eth0 nodad", &["interface `eth0` in"], ""),
        (
            "ip -n web addr del 10.0.0.2/24 dev eth0; ip -n web addr add 10.0.0.2/25 dev eth0",
            &["interface `eth0` in", "interface `eth0` in"],
            "",
        ),
        (
            "ip -n web addr del 10.0.0.2/24 dev eth0; ip -n web addr add 10.0.0.77/24 dev eth0
            ip -n web addr add 10.0.0.2/24 dev eth0",
            &["interface `eth0` in network namespace `web` has the address 10.0.0.77/24"],
            "",
        ),
        ("ip addr del 10.0.0.1/24 dev br0", &["interface `br0` has no address 10.0.0.1/24"], ""),
        ("ip addr del fd00::1/64 dev br0", &["interface `br0` has no address fd00::1/64"], ""),
        ("ip addr add 10.0.9.1/24 dev br0", &["interface `br0` has the address 10.0.9.1/24"], ""),
        ("ip -n web addr del 10.255.0.1/32 dev lo", &["interface `lo` in"], ""),
        ("ip -n web addr add 10.255.0.2/32 dev lo", &["interface `lo` in"], ""),
        ("ip -n web addr del 127.0.0.1/8 dev lo", &["interface `lo` in"], ""),
        ("ip addr del 192.168.1.1/30 dev lab0", &["interface `lab0` has no address"], ""),
        (
            "ip -n r2 -4 addr flush dev left; ip -n r2 -6 addr flush dev left scope global",
            &["interface `left` in"],
            "",
        ),
        ("ip -n db -4 addr flush dev eth0", &["interface `eth0` in network namespace `db`"], ""),
    ]);
}

#[test]
fn routes_settings_and_name_servers() {
    mends(&[
        ("ip -n web route del default", &["route `default via 10.0.0.1 dev eth0` in"], ""),
        ("ip -n web -6 route del default", &["route `default via fd00::1 dev eth0` in"], ""),
        ("ip -n web route replace default via 10.0.0.3", &["route `default via 10.0.0.1"], ""),
        ("ip -n web -6 route change default via fd00::7", &["route `default via fd00::1"], ""),
        ("ip -n web route del 10.3.0.0/24", &["route `10.3.0.0/24 via 10.0.0.9"], ""),
        ("ip -n web -6 route del fd03::/64", &["route `fd03::/64 via fd00::9"], ""),
        ("ip -n web route change 10.3.0.0/24 via 10.0.0.8", &["route `10.3.0.0/24"], ""),
        ("ip -n web route add 10.4.0.0/24 via 10.0.0.8 proto 110", &["route `10.4.0.0/24"], ""),
        ("ip -n web -6 route add fd04::/64 via fd00::8 proto 110", &["route `fd04::/64"], ""),
        ("ip -n db route add default via 10.0.0.1 proto 110", &["route `default via"], ""),
        ("ip route del 172.16.1.0/24", &["route `172.16.1.0/24"], ""),
        ("ip route del 172.16.2.0/24", &["route `172.16.2.0/24"], ""),
        ("ip -n web route flush proto 110", &["route `10.3.0.0/24", "route `default"], ""),
        (
            "ip netns exec web sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'",
            &["`net.ipv4.ip_forward` in network namespace `web` is 1, not 0"],
            "",
        ),
        (
            "ip netns exec web sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter'",
            &["`net.ipv4.conf.all.rp_filter` in network namespace `web` is 0, not 2"],
            "",
        ),
        (
            "ip netns exec r1 sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'",
            &["`net.ipv4.ip_forward` in network namespace `r1` is 0, not 1"],
            "",
        ),
        (
            "ip netns exec r1 sh -c 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'",
            &["`net.ipv6.conf.all.forwarding` in network namespace `r1` is 0, not 1"],
            "",
        ),
        ("rm /etc/netns/web/resolv.conf", &["name servers of network namespace `web`"], ""),
        ("rm /etc/netns/web/hosts", &["names that network namespace `web` knows"], ""),
        (
            "rm -r /etc/netns",
            &["name servers of network namespace `web`", "names that network namespace `web`"],
            "",
        ),
    ]);
}

#[test]
fn nat_and_published_ports() {
    // What the switches were before is told by several rules: as long as one is left, it is known.
    let cases: &[Case<'_>] = &[
        ("doomed='-t nat POSTROUTING'", &["NAT br0 -> up0 is not whole"], ""),
        ("doomed='-t filter NETNS-TOOL'", &["NAT br0 -> up0 is not whole", "published port"], ""),
        ("doomed='-t filter FORWARD'", &["NAT br0 -> up0 is not whole"], ""),
        ("doomed='-t nat NETNS-TOOL'", &["published port 8080:10.0.0.2:80 is missing"], ""),
        ("doomed='-t nat PREROUTING'", &["NAT br0 -> up0 is not whole"], ""),
        ("doomed='-t nat OUTPUT'", &["NAT br0 -> up0 is not whole"], ""),
        ("iptables -D NETNS-TOOL 1", &["published port 5353:10.0.0.3:53/udp"], ""),
        (
            "iptables -D NETNS-TOOL $(iptables -S NETNS-TOOL | grep -c '^-A')",
            &["NAT br0 -> up0 is not whole"],
            "",
        ),
        ("echo 0 >/proc/sys/net/ipv4/ip_forward", &["NAT br0 -> up0 is not whole"], ""),
        ("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding", &["NAT br0 -> up0 is not whole"], ""),
        ("echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet", &["published port 8080"], ""),
    ];
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        up(EVERYTHING);
        let before = rules();
        for (harm, told, made) in cases {
            // Our rules of the chain go, and those of nobody else.
            let harm = match harm.strip_prefix("doomed=") {
                Some(chain) => format!(
                    "for tables in iptables ip6tables; do set -- {}
                        $tables -w 5 $1 $2 -S $3 2>/dev/null | grep netns-tool | sed 's/^-A/-D/' |
                        while read -r rule; do eval $tables -w 5 $1 $2 $rule; done
                    done",
                    chain.trim_matches('\'')
                ),
                None => (*harm).to_owned(),
            };
            mends_one(&(&harm, told, made));
            ping("web", "192.0.2.1");
        }
        assert_eq!(rules(), before);
        done(&format!("down {FILE}"));
        assert_eq!(
            sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"),
            "0\n0\n"
        );
        assert!(!sh("iptables-save; ip6tables-save").contains("netns-tool"));
    });
}

/// All rules, sorted: one that comes back stands elsewhere. One of `allow` says that it came later.
fn rules() -> Vec<String> {
    let text = sh("iptables-save; ip6tables-save");
    let mut rules: Vec<String> = text
        .replace(" added before ", " before ")
        .lines()
        .filter(|line| line.starts_with("-A"))
        .map(str::to_owned)
        .collect();
    rules.sort();
    rules
}

#[test]
fn a_firewall_that_was_flushed() {
    private_host(|| {
        warm_up();
        internet();
        up(EVERYTHING);
        mends_one(&(
            "for tables in iptables ip6tables; do $tables -F; $tables -X; $tables -t nat -F; $tables -t nat -X; done",
            &["NAT br0 -> up0 is missing", "published port 8080"],
            "",
        ));
        ping("web", "192.0.2.1");
        done(&format!("down {FILE}"));
        assert!(!sh("iptables-save; ip6tables-save").contains("netns-tool"));
    });
}

#[test]
fn ports_that_the_file_does_not_know_are_withdrawn() {
    mends(&[(
        "$TOOL nat br0 up0 --publish 9090:10.0.0.2:90",
        &["published port 9090:10.0.0.2:90 is not in the file"],
        "",
    )]);
}

#[test]
fn what_somebody_else_has_put_there_is_not_touched() {
    private_host(|| {
        warm_up();
        internet();
        up(EVERYTHING);
        // Name servers of their own, a route, and an interface.
        sh("ip -n web route add 10.99.0.0/16 via 10.0.0.3
            ip -n web link add name own0 type bridge; ip -n web addr add 10.98.0.1/24 dev own0");
        is_as_its_file_says();
        sh("echo nameserver 192.0.2.99 >/etc/netns/web/resolv.conf");
        refused(&format!("up {FILE}")).stderr(contains("/etc/netns/web/resolv.conf"));
        tool(&format!("diff {FILE}")).code(1).stdout(contains("/etc/netns/web/resolv.conf"));
        sh("rm /etc/netns/web/resolv.conf");
        done(&format!("up {FILE}"));
        // One of theirs in the place of an interface of the lab.
        sh("ip link del lab0; ip link add name lab0 type bridge");
        refused(&format!("up {FILE}")).stderr(contains("interface `lab0`"));
        sh("ip link del lab0");
        done(&format!("up {FILE}"));
        ping("r2", "192.168.1.1");
        assert!(sh("ip -n web route; ip -n web -br link").contains("own0"));
    });
}
