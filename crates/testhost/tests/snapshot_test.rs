//! An idle host gives the same bytes each time, and what makes no difference is not seen as one.

mod stage;

use stage::host;
use testhost::{Snapshot, private_host, sh};

#[test]
fn an_idle_host_is_equal() {
    private_host(|| {
        let before = host();
        for _ in 0..20 {
            assert_eq!(before.diff(&Snapshot::take()), None);
        }
        assert_eq!(before, Snapshot::take());
        for section in ["link", "addr", "route", "iptables-save", "sysctl", "mounts", "nft"] {
            assert!(!before.section(section).is_empty(), "`{section}` is empty");
        }
        for section in ["foreign: link", "foreign: addr", "foreign: route", "foreign: sysctl"] {
            assert!(!before.section(section).is_empty(), "`{section}` is empty");
        }
    });
}

/// That each change is seen although the host was read before, those of `changes_test` say; this is about what one namespace
/// knows of others, which are told apart by numbers.
#[test]
fn what_is_known_from_before_is_what_would_be_read() {
    private_host(|| {
        host();
        sh("ip netns add n1; ip netns add n2");
        for change in [
            "ip link add v1 netns n1 type veth peer name v2 netns n2",
            "ip -n n1 link del v1; ip link add v1 netns n1 type veth peer name v2 netns foreign",
            "ip netns del n2; ip netns add n2",
            "umount /run/netns/n1; mount --bind /run/netns/n2 /run/netns/n1",
            "ip link add v3 type veth peer name v3 netns n2",
            "ip neigh add proxy 198.51.100.7 dev fveth0",
            "ip neigh replace 198.51.100.8 lladdr 02:00:00:00:00:08 dev fveth0 nud reachable",
            "nft add table netdev t; nft 'add chain netdev t c { type filter hook ingress device v3 priority 0; }'",
            "ip link del v3; nft delete table netdev t",
            "iptables -A FORWARD -s 10.1.0.0/16 -j DROP; iptables -A FORWARD -s 10.2.0.0/16 -j DROP",
            "iptables -D FORWARD -s 10.1.0.0/16 -j DROP; iptables -A FORWARD -s 10.1.0.0/16 -j DROP",
            "iptables -F FORWARD; ip netns exec foreign iptables -A FORWARD -s 10.1.0.0/16 -j DROP",
            "nft add set inet somebody s '{ type inet_service; }'; nft add element inet somebody s '{ 80 }'",
            "nft delete element inet somebody s '{ 80 }'; nft add element inet somebody s '{ 81 }'",
        ] {
            sh(change);
            let known = Snapshot::settled();
            assert_eq!(known.diff(&Snapshot::take_anew()), None, "{change}");
        }
    });
}

#[test]
fn inside_a_namespace_everything_is_seen() {
    private_host(|| {
        let before = host();
        for (change, word) in [
            ("ip -n foreign addr add 10.9.0.2/24 dev fveth1", "foreign: addr"),
            ("ip -n foreign route add 10.8.0.0/16 dev fveth1", "foreign: route"),
            ("ip -n foreign link set dev lo alias netns-tool", "foreign: link"),
            ("ip -n foreign rule add from 10.7.0.0/16 table 77", "foreign: rule"),
            (
                "ip -n foreign neigh add 198.51.100.9 lladdr 02:00:00:00:00:09 dev fveth1",
                "foreign: neigh",
            ),
        ] {
            sh(change);
            let diff = before.diff(&Snapshot::take()).unwrap_or_default();
            assert!(diff.contains(word), "{change}: `{word}` is not in\n{diff}");
        }
    });
}

#[test]
fn reading_changes_nothing() {
    private_host(|| {
        // On a cold host: what a reader could leave is base chains, modules' tables, /run/netns.
        Snapshot::take();
        assert_eq!(sh("ls /run").trim(), "tmp");
        assert!(!sh("nft list ruleset").contains("table"));
        assert_eq!(sh("cat /proc/net/ip_tables_names 2>/dev/null || true"), "");
    });
}

#[test]
fn interface_numbers_do_not_matter() {
    private_host(|| {
        let before = host();
        sh("ip link add name x0 type veth peer name x1; ip link del dev x0");
        sh("ip netns add n1; ip link add name y0 type veth peer name y1 netns n1");
        let first = Snapshot::settled();
        assert!(first.section("link").iter().any(|line| line == "y0 peer = y1 in n1"));
        assert!(first.section("n1: link").iter().any(|line| line == "y1 peer = y0"));
        // By its flags a link whose state is behind its carrier is known.
        let flags = "y0 flags = [BROADCAST,MULTICAST]";
        assert!(first.section("link").iter().any(|line| line == flags), "{first:?}");
        sh("ip link del dev y0; ip netns del n1");
        before.wait_equal().unwrap();
        sh("ip netns add n1; ip link add name y0 type veth peer name y1 netns n1");
        assert!(first.diff(&Snapshot::take()).is_some(), "hardware addresses are random");
        first.wait_equal_but_random_macs().unwrap();
        sh("ip link set dev y0 mtu 1400");
        assert!(first.diff_but_random_macs(&Snapshot::take()).is_some());
    });
}

#[test]
fn two_runs_of_one_bridge_are_equal_but_for_random_macs() {
    private_host(|| {
        let before = host();
        let make = "ip link add name b0 type bridge
            ip link add name y0 type veth peer name y1
            ip link add name z0 type veth peer name z1
            for link in y0 z0; do ip link set dev $link master b0; done
            ip addr add 10.3.0.1/24 dev b0
            for link in b0 y0 y1 z0 z1; do ip link set dev $link up; done";
        sh(make);
        let first = Snapshot::settled();
        sh("ip link del dev b0; ip link del dev y0; ip link del dev z0");
        before.wait_equal().unwrap();
        sh(make);
        first.wait_equal_but_random_macs().unwrap();
    });
}

#[test]
fn undoing_ip_forward_is_seen_to_destroy_the_settings_of_others() {
    private_host(|| {
        let before = host();
        sh("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/ip_forward");
        let diff = before.diff(&Snapshot::take()).unwrap();
        assert!(diff.contains("- net/ipv4/conf/fbr0/forwarding = 1"), "{diff}");
        assert!(diff.contains("- net/ipv4/conf/all/accept_redirects = 0"), "{diff}");
    });
}

#[test]
fn legacy_tables_are_read_where_they_exist() {
    private_host(|| {
        if sh("command -v iptables-legacy || true").is_empty() {
            return;
        }
        let mut before = host();
        for (rule, tables) in [("-s 10.4.0.0/16", "iptables"), ("-s fd04::/64", "ip6tables")] {
            for table in ["filter", "nat"] {
                let rule = format!("INPUT {rule} -m comment --comment x");
                sh(&format!("{tables}-legacy -t {table} -A {rule}"));
                let diff = before.diff(&Snapshot::take()).unwrap();
                assert!(diff.contains(&format!("+ -A {rule}")), "{diff}");
                before = Snapshot::settled();
                sh(&format!("{tables}-legacy -t {table} -D {rule}"));
                let diff = before.diff(&Snapshot::take()).unwrap();
                assert!(diff.contains(&format!("- -A {rule}")), "{diff}");
                before = Snapshot::settled();
            }
        }
    });
}
