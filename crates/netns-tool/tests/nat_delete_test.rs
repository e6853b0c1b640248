//! `nat`: how it is taken back, to the last switch, and what it refuses.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use support::wan::{SERVER, UPLINK, rules, stage};
use support::{
    Firewall, assert_is, done, for_firewalls, http_get, ip, lived_in, private_host, refused,
    refused_with,
};
use support::{HOST, no_ping, set_sysctl, sh, sysctl, tool, unchanged, uninstall};
use testhost::Snapshot;

#[test]
fn delete_restores_rules_and_switches_also_those_of_others() {
    private_host(|| {
        // Others let one interface forward, and have redirects switched off: a mere 1 and 0 would lose both.
        lived_in();
        stage();
        let before = Snapshot::settled();
        assert_eq!(sysctl("ipv4/conf/fbr0/forwarding"), "1");
        assert_eq!(sysctl("ipv4/conf/all/accept_redirects"), "0");
        for line in ["nat br0 up0", "nat br0"] {
            done(line);
            assert_eq!(sysctl("ipv4/ip_forward"), "1");
            done(&format!("{line} --delete"));
            assert_is(&before);
        }
    });
}

#[test]
fn delete_leaves_forwarding_on_where_it_was_on() {
    private_host(|| {
        lived_in();
        stage();
        set_sysctl("ipv4/ip_forward", "1");
        let before = Snapshot::settled();
        done("nat br0 up0");
        tool("nat br0 up0 --delete").success().stdout(contains("forwarding  stays on"));
        assert_is(&before);
    });
}

#[test]
fn forwarding_stays_on_until_the_last_nat_is_deleted() {
    private_host(|| {
        lived_in();
        stage();
        done("bridge br1 --addr 10.1.0.1/24");
        done("create c");
        done("veth vc c eth0 --bridge br1 --ns-addr 10.1.0.2/24 --gateway auto");
        let before = Snapshot::settled();
        for (first, second) in [("br0", "br1"), ("br1", "br0")] {
            done("nat br0 up0");
            done("nat br1 up0");
            tool(&format!("nat {first} up0 --delete"))
                .success()
                .stdout(contains("forwarding  stays on"));
            let (inside, outside) = if second == "br1" { ("c", "a") } else { ("a", "c") };
            assert_eq!(http_get(inside, "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
            let peer = http_get(outside, "internet", SERVER).unwrap_or_default();
            assert_ne!(peer, format!("you are {UPLINK}"), "{first} is not hidden any more");
            done(&format!("nat {second} up0 --delete"));
            assert_is(&before);
        }
    });
}

#[test]
fn the_bridge_or_the_uplink_may_be_gone_already() {
    private_host(|| {
        lived_in();
        stage();
        let before = rules();
        done("nat br0 up0");
        sh("ip link del dev br0");
        tool("nat br0 up0 --delete").success().stdout(contains("NAT removed"));
        assert_eq!((rules(), sysctl("ipv4/ip_forward").as_str()), (before.clone(), "0"));
        done("bridge br0 --addr 10.0.0.1/24");
        done("nat br0");
        sh("ip link del dev up0");
        done("nat br0 --delete");
        assert_eq!((rules(), sysctl("ipv4/ip_forward").as_str()), (before, "0"));
    });
}

#[test]
fn rules_that_others_have_flushed_do_not_stop_it() {
    private_host(|| {
        stage();
        for flush in ["iptables -t nat -F", "iptables -D FORWARD 1"] {
            done("nat br0 up0");
            sh(flush);
            done("nat br0 up0 --delete");
            assert_eq!(rules().matches("netns-tool").count(), 0);
            assert_eq!(sysctl("ipv4/ip_forward"), "0");
        }
    });
}

#[test]
fn flushed_tables_leave_no_chain_behind() {
    private_host(|| {
        testhost::warm_up();
        stage();
        let before = Snapshot::settled();
        for flush in [
            "iptables -t nat -F",
            "iptables -F",
            "ip6tables -F",
            "iptables -F NETNS-TOOL",
            "iptables -t nat -F NETNS-TOOL",
        ] {
            done("nat br0 up0");
            done("nat br0 --publish 8080:10.0.0.2:80");
            sh(flush);
            done("nat br0 up0 --delete");
            assert_is(&before);
        }
    });
}

#[test]
fn what_a_mend_turns_on_is_turned_off_again() {
    private_host(|| {
        stage();
        for scope in ["interface", "host"] {
            let nat = format!("nat br0 up0 --forwarding {scope}");
            set_sysctl("ipv4/ip_forward", "1");
            done(&nat);
            set_sysctl("ipv4/ip_forward", "0");
            done(&nat);
            assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
            assert!(done(&nat).contains("nothing was changed"));
            done("nat br0 up0 --delete");
            let switches = ["ip_forward", "conf/br0/forwarding", "conf/up0/forwarding"];
            assert_eq!(switches.map(|name| sysctl(&format!("ipv4/{name}"))), ["0", "0", "0"]);
            assert!(!rules().contains("netns-tool"), "{}", rules());
        }
    });
}

#[test]
fn a_switch_of_an_interface_that_is_off_by_itself_is_named() {
    private_host(|| {
        stage();
        set_sysctl("ipv4/ip_forward", "1");
        set_sysctl("ipv4/conf/up0/forwarding", "0");
        let warning = "warning: `up0` does not forward IPv4, though the host does: \
                       /proc/sys/net/ipv4/conf/up0/forwarding is 0\n  \
                       try:     echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding\n";
        tool("nat br0 up0").success().stderr(warning);
        sh("echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding");
        tool("nat br0 up0").success().stderr("");
        assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
    });
}

#[test]
fn of_several_nats_the_one_has_to_be_named() {
    private_host(|| {
        stage();
        sh(
            "ip link add name up1 type veth peer name down1; ip link set dev up1 up; ip addr add 192.168.9.1/24 dev up1",
        );
        done("nat br0 up0");
        done("nat br0 up1");
        done("nat br0 up1 --publish 8080:10.0.0.2:80");
        for line in [
            "nat br0 --delete --if-exists",
            "nat br0 --publish 8080:10.0.0.2:80 --delete --if-exists",
            "nat br0 --publish 8081:10.0.0.2:80",
            "nat br0 --allow br9 --delete --if-exists",
        ] {
            refused(line).stderr(
                contains("bridge `br0` has NATs to several uplinks: up0, up1")
                    .and(contains("name one: netns-tool nat br0 up0 ")),
            );
        }
        done("nat br0 up1 --publish 8080:10.0.0.2:80 --delete");
        done("nat br0 up0 --delete");
        done("nat br0 --delete");
    });
}

#[test]
fn nats_are_not_lost_when_iptables_becomes_the_other_variant() {
    for_firewalls(&[Firewall::IptablesNft, Firewall::IptablesLegacy], |firewall| {
        let is_closed = std::fs::read_to_string("/proc/net/ip_tables_names").is_err();
        if firewall == Firewall::IptablesLegacy && is_closed {
            // In a user namespace it cannot be seen, without making them, whether there are such tables.
            return;
        }
        stage();
        done("nat br0 up0");
        let names =
            ["iptables", "ip6tables"].map(|name| ["", "-save", "-restore"].map(|end| (name, end)));
        for (name, end) in names.into_iter().flatten() {
            let to = format!("/usr/sbin/{name}-{}{end}", firewall.other_variant());
            sh(&format!("ln -sf {to} /etc/alternatives/{name}{end}"));
        }
        let own =
            if firewall == Firewall::IptablesNft { "iptables-nft" } else { "iptables-legacy" };
        for line in ["nat br0 up0", "nat br0 up0 --delete"] {
            refused(line).stderr(contains(format!("are made with `{own}`")));
        }
    });
}

#[test]
fn what_is_not_there_cannot_be_deleted_unless_that_is_fine() {
    private_host(|| {
        stage();
        sh("iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -o up0 -j MASQUERADE");
        refused("nat br0 up0 --delete").stderr(
            contains("there is no NAT of `br0` to `up0` that netns-tool made")
                .and(contains("--force")),
        );
        refused("nat br9 --delete")
            .stderr(contains("there is no NAT of `br9` that netns-tool made"));
        for line in ["nat br0 up0 --delete --if-exists", "nat br9 nowhere --delete --if-exists"] {
            unchanged(|| tool(line)).success();
        }
        // The rule of somebody else that says the same goes with --force alone.
        tool("nat br0 up0 --delete --force").success();
        assert_eq!(rules().matches("MASQUERADE").count(), 0);
    });
}

#[test]
fn of_several_uplinks_delete_wants_to_know_which() {
    private_host(|| {
        stage();
        done("veth up1 internet eth1 --host-addr 198.18.1.2/24 --ns-addr 198.18.1.1/24");
        done("nat br0 up0");
        done("nat br0 up1");
        refused("nat br0 --delete").stderr(
            contains("several uplinks: up0, up1").and(contains("netns-tool nat br0 up0 --delete")),
        );
        done("nat br0 up1 --delete");
        assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
        done("nat br0 --delete");
        assert_eq!(rules().matches("netns-tool").count(), 0);
    });
}

#[test]
fn each_thing_that_is_missing_has_its_own_error() {
    private_host(|| {
        stage();
        sh("ip link add name bare type bridge");
        for (line, message, cure) in [
            ("nat br9 up0", "there is no bridge `br9`", "netns-tool bridge br9"),
            ("nat up0 br0", "`up0` is not a bridge", ""),
            ("nat bare up0", "bridge `bare` has no address", "ip addr add 10.0.0.1/24 dev bare"),
            ("nat br0 eth9", "there is no outbound interface `eth9`", "ip -br link"),
            ("nat br0 br0", "bridge `br0` cannot be its own uplink", ""),
        ] {
            refused(line).stderr(contains(message).and(contains(cure)));
        }
        ip(HOST, "route del default");
        refused("nat br0")
            .stderr(contains("the host has no default route").and(contains("OUTBOUND")));
    });
}

#[test]
fn the_whole_internet_is_no_subnet() {
    private_host(|| {
        stage();
        ip(HOST, "addr add 198.18.0.1/0 dev br0");
        refused("nat br0 up0").stderr(contains("198.18.0.1/0").and(contains("the whole internet")));
    });
}

#[test]
fn a_subnet_that_is_somebody_elses_too_is_refused() {
    private_host(|| {
        stage();
        sh(
            "ip link add name other type bridge; ip addr add 10.0.0.65/26 dev other; ip link set dev other up",
        );
        refused("nat br0 up0").stderr(
            contains("10.0.0.0/24").and(contains("overlaps 10.0.0.64/26")).and(contains("`other`")),
        );
        // As when the uplink's own network is the bridge's.
        sh("ip link del dev other; ip addr flush dev br0; ip addr add 192.0.2.77/24 dev br0");
        refused("nat br0 up0").stderr(contains("192.0.2.0/24").and(contains("`up0`")));
    });
}

#[test]
fn a_damaged_nat_is_mended_by_the_same_command() {
    private_host(|| {
        stage();
        done("nat br0 up0");
        let whole = rules();
        for damage in [
            "iptables -D FORWARD 1",
            "iptables -F NETNS-TOOL",
            "iptables -F FORWARD; iptables -F NETNS-TOOL; iptables -X NETNS-TOOL",
            "iptables -D NETNS-TOOL 2",
            "iptables -t nat -F",
        ] {
            sh(damage);
            assert_ne!(rules(), whole, "{damage}");
            assert!(!done("nat br0 up0").contains("nothing was changed"), "{damage}");
            assert_eq!(sorted(&rules()), sorted(&whole), "{damage}");
            assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
            no_ping("internet", "10.0.0.2");
        }
    });
}

/// What is accepted may stand in another order.
fn sorted(rules: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = rules.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_bridge_with_a_nat_is_deleted_after_it() {
    private_host(|| {
        lived_in();
        sh(
            "ip link add up0 type veth peer name up1; ip link set up0 up; ip addr add 192.0.2.2/24 dev up0",
        );
        done("bridge br0 --addr 10.0.0.1/24");
        done("bridge br --addr 10.0.1.1/24");
        done("nat br0 up0");
        refused("bridge br0 --delete").stderr(
            contains("bridge `br0` still has a NAT to `up0`")
                .and(contains("netns-tool nat br0 up0 --delete")),
        );
        // Neither another bridge, nor one of that name elsewhere, has a NAT.
        done("create ns1");
        done("bridge br0 --ns ns1");
        done("bridge br0 --ns ns1 --delete");
        done("bridge br --delete");
        done("bridge br0 --delete --force");
        done("nat br0 up0 --delete");
        done("bridge br0");
        uninstall(&["iptables", "iptables-save", "iptables-restore"]);
        done("bridge br0 --delete");
    });
}

#[test]
fn without_a_firewall_it_says_what_to_install() {
    private_host(|| {
        stage();
        sh("iptables -S >/dev/null");
        uninstall(&["iptables", "iptables-save", "iptables-restore", "nft"]);
        refused_with(3, "nat br0 up0")
            .stderr(contains("nor `nft` is installed").and(contains("apt-get install iptables")));
        refused_with(3, "nat br0 up0 --firewall iptables")
            .stderr(contains("`iptables-save` is not installed"));
        refused_with(3, "nat br0 up0 --firewall nft").stderr(contains("`nft` is not installed"));
        refused_with(3, "nat br0 up0 --delete").stderr(contains("is installed"));
        assert_eq!(sysctl("ipv4/ip_forward"), "0");
    });
}

#[test]
fn an_uplink_with_a_dot_in_its_name_works() {
    private_host(|| {
        stage();
        sh(
            "ip link set dev up0 down; ip link set dev up0 name wan.7; ip link set dev wan.7 up; ip route add default via 192.0.2.1",
        );
        let before = Snapshot::settled();
        done("nat br0 wan.7");
        assert_eq!(http_get("a", "internet", SERVER).unwrap(), format!("you are {UPLINK}"));
        done("nat br0 wan.7 --delete");
        assert_eq!(before.section("sysctl"), Snapshot::take().section("sysctl"));
    });
}
