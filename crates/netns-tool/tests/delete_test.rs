//! `delete`: namespaces go with everything that is wired to them, and their names are free at once.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use std::fs::File;
use std::path::Path;
use support::{
    HOST, assert_is, done, has_link, lived_in, namespaces, ping, private_host, refused, sh,
};
use support::{start, tool, unchanged};

#[test]
fn leaves_nothing_of_what_create_and_veth_made() {
    private_host(|| {
        let before = lived_in();
        done("create ns1 ns2 --addr 10.9.9.9/32");
        done("veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24 --gateway auto");
        done("veth eth1 ns1 eth1 --host-ns ns2 --up");
        tool("delete ns1 ns2").success().stdout(contains("Deleted network namespace").count(2));
        assert_is(&before);
    });
}

#[test]
fn the_same_names_can_be_used_again_at_once() {
    private_host(|| {
        sh("ip link add name br0 type bridge; ip link set dev br0 up");
        for round in 0..50 {
            tool("create ns1 --no-verify").success();
            tool("veth veth0 ns1 eth0 --bridge br0").success();
            tool("delete ns1").success();
            assert!(!has_link(HOST, "veth0"), "the host's end was still there in round {round}");
        }
    });
}

#[test]
fn the_ends_in_another_namespace_go_too_and_at_once() {
    private_host(|| {
        done("create ns1 ns2 --no-verify");
        for _ in 0..10 {
            done("veth eth0 ns2 eth0 --host-ns ns1 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
            tool("delete ns1").success().stdout(contains("the veth pair of `eth0`"));
            assert!(!has_link("ns2", "eth0"), "the other end is gone when it returns");
            done("create ns1 --no-verify");
        }
        assert_eq!(namespaces(), ["ns1", "ns2"]);
    });
}

#[test]
fn a_namespace_that_somebody_holds_open_keeps_no_wires() {
    private_host(|| {
        done("create ns1");
        done("veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
        let held = File::open("/run/netns/ns1").unwrap();
        done("delete ns1");
        assert!(namespaces().is_empty() && !has_link(HOST, "veth0"));
        done("create ns1");
        done("veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
        ping(HOST, "10.0.0.2");
        drop(held);
    });
}

#[test]
fn what_is_inside_goes_too() {
    private_host(|| {
        let before = lived_in();
        done("create ns1");
        done("bridge br0 --ns ns1 --addr 10.0.0.1/24");
        done("veth host0 ns1 port0 --host-addr 10.0.0.2/24");
        sh("ip -n ns1 link set dev port0 master br0");
        ping(HOST, "10.0.0.1");
        done("delete ns1");
        assert_is(&before);
    });
}

#[test]
fn a_missing_name_is_an_error() {
    private_host(|| {
        refused("delete nobody").stderr(
            contains("there is no network namespace `nobody`").and(contains("--if-exists")),
        );
    });
}

#[test]
fn if_exists_takes_a_missing_one_for_a_success() {
    private_host(|| {
        unchanged(|| tool("delete nobody --if-exists"))
            .success()
            .stdout(contains("There is no network namespace `nobody`"));
        done("create ns1");
        tool("delete nobody ns1 --if-exists")
            .success()
            .stdout(contains("Deleted network namespace `ns1`"));
        assert!(namespaces().is_empty());
    });
}

#[test]
fn all_names_are_checked_before_any_is_deleted() {
    private_host(|| {
        done("create ns1 ns2");
        sh("ip netns add foreign");
        refused("delete ns1 nobody ns2").stderr(contains("`nobody`"));
        refused("delete ns1 ns2 foreign").stderr(contains("`foreign`"));
        let mut process = start("ns2", "echo ready; exec sleep 60");
        refused("delete ns1 ns2").stderr(contains("`ns2`"));
        assert_eq!(namespaces(), ["foreign", "ns1", "ns2"]);
        process.kill().unwrap();
        process.wait().unwrap();
    });
}

#[test]
fn processes_inside_are_listed_and_nothing_is_changed() {
    private_host(|| {
        done("create ns1");
        done("veth veth0 ns1 eth0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
        let mut one = start("ns1", "echo ready; exec sleep 4711");
        let mut two = start("ns1", "echo ready; exec sleep 4712");
        let line = |pid: u32, command: &str| contains(format!("{pid} {command}"));
        refused("delete ns1").stderr(
            contains("processes run inside network namespace `ns1`")
                .and(line(one.id(), "sleep 4711"))
                .and(line(two.id(), "sleep 4712"))
                .and(contains("--kill")),
        );
        assert!(
            one.try_wait().unwrap().is_none() && two.try_wait().unwrap().is_none(),
            "they live"
        );
        ping(HOST, "10.0.0.2");
        for child in [&mut one, &mut two] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        done("delete ns1");
    });
}

#[test]
fn kill_asks_the_processes_first() {
    private_host(|| {
        done("create ns1");
        let polite =
            "trap 'echo asked > /run/asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        let mut process = start("ns1", polite);
        tool("delete ns1 --kill").success().stdout(contains("Deleted network namespace"));
        assert_eq!(process.wait().unwrap().code(), Some(0), "it ended by itself");
        assert!(Path::new("/run/asked").exists(), "SIGTERM came first");
        assert!(namespaces().is_empty());
    });
}

#[test]
fn kill_ends_also_one_that_ignores_it() {
    private_host(|| {
        done("create ns1");
        let mut process = start("ns1", "trap '' TERM; echo ready; while :; do sleep 0.05; done");
        // One of the host, whom it does not concern.
        let mut bystander = start(HOST, "echo ready; exec sleep 60");
        tool("delete ns1 --kill").success();
        assert!(process.wait().unwrap().code().is_none(), "a signal ended it");
        assert!(bystander.try_wait().unwrap().is_none());
        assert!(namespaces().is_empty());
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    });
}

#[test]
fn a_file_without_its_mount_is_cleaned_up() {
    private_host(|| {
        let before = lived_in();
        sh("touch /run/netns/broken");
        tool("delete broken").success().stdout(contains("Deleted network namespace `broken`"));
        assert_is(&before);
    });
}

#[test]
fn two_mounts_one_above_the_other_are_cleaned_up() {
    private_host(|| {
        let before = lived_in();
        done("create ns1");
        sh(
            "mount --bind /run/netns/ns1 /run/netns/ns1; mount --bind /run/netns/ns1 /run/netns/ns1",
        );
        let mounts = sh("grep -c ' /run/netns/ns1 ' /proc/self/mountinfo");
        assert!(mounts.trim() >= "3", "{mounts}");
        tool("delete ns1").success();
        assert_is(&before);
    });
}

#[test]
fn what_netns_tool_did_not_make_needs_force() {
    private_host(|| {
        sh("ip netns add foreign; ip link add name f0 type veth peer name f1 netns foreign");
        refused("delete foreign")
            .stderr(contains("`foreign` was not made by netns-tool").and(contains("--force")));
        refused("delete foreign --if-exists --kill").stderr(contains("--force"));
        tool("delete foreign --force").success();
        assert!(namespaces().is_empty());
        assert!(!has_link(HOST, "f0"), "its veth pair goes at once as well");
    });
}

#[test]
fn does_not_delete_the_namespace_it_runs_in() {
    private_host(|| {
        done("create ns1");
        let tool = testhost::binary("netns-tool");
        let script = format!("! ip netns exec ns1 {} delete ns1 --kill 2>&1", tool.display());
        let said = unchanged(|| sh(&script));
        assert!(said.contains("is the one that this command runs in"), "{said}");
        ping("ns1", "127.0.0.1");
    });
}
