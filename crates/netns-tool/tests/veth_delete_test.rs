//! `veth`: how it is taken back, and what it refuses.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use support::{
    HOST, assert_is, done, has_link, lived_in, ping, private_host, refused, refused_with,
};
use support::{sh, tool, unchanged};

#[test]
fn the_same_words_with_delete_undo_it() {
    private_host(|| {
        lived_in();
        done("create ns1 ns2");
        let before = testhost::Snapshot::settled();
        let lines = [
            "veth veth0 ns1 eth0",
            "veth veth0 ns1 eth0 --host-addr 10.1.0.1/24 --ns-addr 10.1.0.2/24 --gateway auto --mtu 9000",
            "veth veth0 ns1 eth0 --bridge fbr0 --ns-addr 198.51.100.130/25 --ns-addr 2001:db8:fb::2/64 --gateway auto",
            "veth veth0 ns1 eth0 --host-ns ns2 --host-addr 10.1.0.1/24 --ns-addr 10.1.0.2/24",
            "veth veth0 ns1 eth0 --host-ns ns1",
            "veth veth0 --host eth0 --up",
        ];
        for line in lines {
            done(line);
            tool(&format!("{line} --delete")).success().stdout(contains("veth pair deleted"));
            assert!(!has_link(HOST, "veth0") && !has_link("ns1", "eth0"), "gone at once: {line}");
            assert_is(&before);
        }
    });
}

#[test]
fn what_is_not_there_cannot_be_deleted_unless_that_is_fine() {
    private_host(|| {
        done("create ns1");
        refused("veth veth0 ns1 eth0 --delete")
            .stderr(contains("there is no interface `veth0`").and(contains("--if-exists")));
        unchanged(|| tool("veth veth0 ns1 eth0 --delete --if-exists")).success();
        unchanged(|| tool("veth veth0 nowhere eth0 --delete --if-exists")).success();
        unchanged(|| tool("veth veth0 ns1 eth0 --delete --if-exists --host-ns nowhere")).success();
    });
}

#[test]
fn delete_wants_the_names_of_both_ends() {
    private_host(|| {
        done("create ns1 ns2");
        done("veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
        done("veth veth1 ns2 eth0");
        done("veth veth2 ns2 eth2");
        done("bridge br0");
        for line in [
            "veth veth0 ns1 eth1",
            "veth veth0 ns2 eth0",
            "veth veth0 --host eth0",
            "veth veth0 --host veth1",
        ] {
            refused(&format!("{line} --delete --force")).stderr(
                contains("the other end of `veth0` is not")
                    .and(contains("ip -d link show dev veth0")),
            );
        }
        refused("veth br0 ns1 eth0 --delete")
            .stderr(contains("`br0` is not an end of a veth pair"));
        ping(HOST, "10.0.0.2");
    });
}

#[test]
fn what_netns_tool_did_not_make_needs_force() {
    private_host(|| {
        sh("ip netns add ns1; ip link add name veth0 type veth peer name eth0 netns ns1");
        refused("veth veth0 ns1 eth0 --delete")
            .stderr(contains("`veth0` was not made by netns-tool").and(contains("--force")));
        refused("veth veth0 ns1 eth0 --delete --if-exists").stderr(contains("--force"));
        tool("veth veth0 ns1 eth0 --delete --force").success();
        assert!(!has_link(HOST, "veth0"));
    });
}

#[test]
fn a_taken_name_is_an_error_at_either_end() {
    private_host(|| {
        done("create ns1 ns2");
        done("veth veth0 ns1 eth0");
        sh("ip link add name foreign type bridge");
        refused("veth veth0 ns1 eth9")
            .stderr(contains("interface `veth0` already exists (made by netns-tool)"));
        refused("veth foreign ns1 eth9")
            .stderr(contains("interface `foreign` already exists (not made by netns-tool)"));
        refused("veth veth9 ns1 eth0")
            .stderr(contains("`eth0` already exists in network namespace `ns1`"));
        refused("veth eth0 ns2 eth0 --host-ns ns1")
            .stderr(contains("`eth0` already exists in network namespace `ns1`"));
        refused("veth veth9 --host foreign").stderr(contains("`foreign` already exists"));
    });
}

#[test]
fn a_namespace_that_is_not_there_or_broken_is_named_with_the_cure() {
    private_host(|| {
        sh("ip netns add other; touch /run/netns/broken");
        refused("veth veth0 nowhere eth0").stderr(
            contains("network namespace `nowhere` not found")
                .and(contains("netns-tool create nowhere")),
        );
        refused("veth veth0 other eth0 --host-ns nowhere").stderr(
            contains("network namespace `nowhere` not found")
                .and(contains("netns-tool create nowhere")),
        );
        refused("veth veth0 broken eth0").stderr(
            contains("network namespace `broken` is broken")
                .and(contains("netns-tool delete broken")),
        );
    });
}

#[test]
fn a_bridge_that_is_missing_or_none_is_an_error() {
    private_host(|| {
        done("create ns1 ns2");
        sh("ip link add name other0 type veth peer name other1; ip link add name br0 type bridge");
        refused("veth veth0 ns1 eth0 --bridge br9")
            .stderr(contains("there is no bridge `br9`").and(contains("netns-tool bridge br9")));
        refused("veth veth0 ns1 eth0 --bridge other0").stderr(contains("`other0` is not a bridge"));
        refused("veth veth0 ns1 eth0 --bridge br0 --host-ns ns2").stderr(
            contains("there is no bridge `br0` in network namespace `ns2`")
                .and(contains("netns-tool bridge br0 --ns ns2")),
        );
    });
}

#[test]
fn a_gateway_must_be_reachable() {
    private_host(|| {
        done("create ns1");
        done("bridge br0");
        let ends = "veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24";
        for (words, message) in [
            ("--gateway 10.0.1.1", "the gateway `10.0.1.1` is in no subnet of `10.0.0.2/24`"),
            ("--gateway fd00::1", "the gateway `fd00::1` is in no subnet"),
            ("--gateway 10.0.0.2", "the gateway `10.0.0.2` is the namespace's own address"),
            ("--gateway 10.0.0.1 --gateway 10.0.0.3", "one gateway for IPv4 and one for IPv6"),
            ("--gateway somewhere", "a gateway is `auto` or an address"),
        ] {
            refused_with(2, &format!("{ends} {words}")).stderr(contains(message));
        }
        refused_with(2, "veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --gateway auto")
            .stderr(contains("--ns-addr"));
        for none in ["--host-addr 10.1.0.1/24", "--bridge br0"] {
            refused(&format!("veth veth0 ns1 eth0 --ns-addr 10.0.0.2/24 --gateway auto {none}"))
                .stderr(contains("no gateway can be found").and(contains("--gateway IP")));
        }
    });
}

#[test]
fn a_second_default_route_is_refused() {
    private_host(|| {
        done("create ns1");
        done("veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24 --gateway auto");
        let line = "veth veth1 ns1 eth1 --host-addr 10.1.0.1/24 --ns-addr 10.1.0.2/24";
        refused(&format!("{line} --gateway 10.1.0.1"))
            .stderr(contains("default route via 10.0.0.1 in network namespace `ns1` already"));
        refused(&format!("{line} --gateway auto")).stderr(contains("default route"));
        // There is none for IPv6 yet.
        done(&format!("{line} --host-addr fd01::1/64 --ns-addr fd01::2/64 --gateway fd01::1"));
    });
}

#[test]
fn what_cannot_work_is_wrong_usage() {
    private_host(|| {
        done("create ns1");
        done("bridge br0");
        for line in [
            "veth veth0",
            "veth veth0 ns1",
            "veth veth0 ns1 eth0 --host eth1",
            "veth veth0 --host veth0",
            "veth veth0 ns1 veth0 --host-ns ns1",
            "veth veth0 --host eth0 --gateway 10.0.0.1",
            "veth veth0 --host eth0 --host-ns ns1",
            "veth veth0 ns1 eth0 --bridge br0 --host-addr 10.0.0.1/24",
            "veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.1/24",
            "veth veth0 ns1 eth0 --host-mac 02:00:00:00:00:01 --ns-mac 02:00:00:00:00:01",
            "veth veth0 ns1 eth0 --host-mac 01:00:00:00:00:01",
            "veth veth0 ns1 eth0 --mtu 67",
            "veth veth0 ns1 eth0 --mtu 65536",
            "veth veth0 ns1 eth0 --mtu 1279 --ns-addr fd00::2/64",
            "veth veth0 ns1 eth0 --if-exists",
            "veth veth0 ns1 eth0 --force",
            "veth if2 ns1 eth0",
            "veth veth0 ../../proc/1/ns/net eth0",
        ] {
            unchanged(|| tool(line)).code(2).stdout("");
        }
    });
}
