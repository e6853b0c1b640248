//! `nat`: how it is taken back, to the last switch, and how it is mended.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use support::firewalls::sorted;
use support::wan::{SERVER, UPLINK, rules, stage};
use support::{
    Firewall, assert_is, done, for_firewalls, http_get, lived_in, private_host, refused,
};
use support::{no_ping, set_sysctl, sh, sysctl, tool, uninstall};
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
fn nats_are_not_lost_when_iptables_becomes_the_other_variant() {
    for_firewalls(&[Firewall::IptablesNft, Firewall::IptablesLegacy], |firewall| {
        if firewall.is_unseen() {
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
