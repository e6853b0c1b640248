//! `nat`: what it refuses, to make or to take back, and what it says then.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use support::wan::{rules, stage};
use support::{
    HOST, done, ip, private_host, refused, refused_with, sh, sysctl, tool, unchanged, uninstall,
};

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
