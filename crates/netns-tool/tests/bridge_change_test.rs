//! `bridge`: one that exists, how it is taken back, and what it refuses.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use support::{HOST, assert_is, done, has_link, ip, is_up, lived_in, ping, ports, private_host};
use support::{refused, sh, tool, unchanged};
use testhost::Snapshot;

#[test]
fn the_same_words_with_delete_undo_it() {
    private_host(|| {
        lived_in();
        done("create ns1");
        // Pairs of somebody else: one up, two down, one in the namespace. Each has been up once, for the kernel gives
        // an interface its queue then, and for good. No two ends of one pair become ports of one bridge: packets would go
        // round for ever, and leave other tests no processor.
        sh("ip link add name up0 type veth peer name up1; ip link set dev up0 up; ip link set dev up1 up
            ip link add name down0 type veth peer name far0; ip link add name down1 type veth peer name far1
            ip -n ns1 link add name in0 type veth peer name in1");
        for (place, name) in [(HOST, "down0"), (HOST, "down1"), ("ns1", "in0"), ("ns1", "in1")] {
            ip(place, &format!("link set dev {name} up"));
            ip(place, &format!("link set dev {name} down"));
        }
        let before = Snapshot::settled();
        for line in [
            "bridge br0",
            "bridge br0 --addr 10.0.0.1/24 --addr fd00::1/64 --mtu 1400 --mac 02:00:00:00:00:aa --stp",
            "bridge br0 --attach up0,down0 --attach down1",
            "bridge br0 --ns ns1 --addr 10.0.0.1/24 --attach in0",
            "bridge br0 --if-missing --attach down0",
        ] {
            done(line);
            tool(&format!("{line} --delete")).success().stdout(contains("Bridge deleted"));
            assert_is(&before);
        }
    });
}

#[test]
fn delete_brings_down_again_what_was_down_before() {
    private_host(|| {
        sh("ip link add name up0 type veth peer name up1; ip link set dev up0 up");
        sh("ip link add name down0 type veth peer name down1");
        done("bridge br0 --attach up0,down0");
        assert!(is_up(HOST, "down0"));
        tool("bridge br0 --attach up0,down0 --delete").success();
        assert!(is_up(HOST, "up0") && !is_up(HOST, "down0"));
        assert!(!has_link(HOST, "br0"));
    });
}

#[test]
fn an_existing_one_is_an_error_unless_if_missing() {
    private_host(|| {
        done("bridge br0 --addr 10.0.0.1/24");
        refused("bridge br0")
            .stderr(contains("bridge `br0` already exists").and(contains("--if-missing")));
        let said = unchanged(|| done("bridge br0 --if-missing"));
        assert!(said.contains("`br0` exists"), "{said}");
        unchanged(|| done("bridge br0 --if-missing --addr 10.0.0.1/24"));
        tool("bridge br1 --if-missing --addr 10.1.0.1/24")
            .success()
            .stdout(contains("Bridge created"));
        ping(HOST, "10.1.0.1");
    });
}

#[test]
fn if_missing_attaches_what_is_not_attached_yet() {
    private_host(|| {
        done("create a b");
        done("bridge br0 --addr 10.0.0.1/24");
        done("veth va a eth0 --bridge br0 --ns-addr 10.0.0.2/24");
        done("veth vb b eth0");
        sh("ip -n b addr add 10.0.0.3/24 dev eth0; ip -n b link set dev eth0 up");
        let line = "bridge br0 --if-missing --attach va,vb";
        let said = done(line);
        assert!(said.contains("port vb") && !said.contains("va"), "{said}");
        ping("a", "10.0.0.3");
        unchanged(|| done(line));
        // And what it attached it takes off again.
        done("bridge br0 --if-missing --attach vb --delete");
        assert_eq!(ports(HOST, "br0"), ["va"]);
        assert!(!is_up(HOST, "vb"), "it was down before");
        ping("a", "10.0.0.1");
    });
}

#[test]
fn the_same_words_take_off_only_what_they_attached() {
    private_host(|| {
        lived_in();
        done("create a b");
        done("bridge br0 --addr 10.0.0.1/24");
        done("veth va a eth0 --bridge br0 --ns-addr 10.0.0.2/24");
        done("veth vb b eth0 --up");
        let before = Snapshot::settled();
        done("bridge br0 --if-missing --attach va,vb");
        done("bridge br0 --if-missing --attach va,vb --delete");
        assert_is(&before);
    });
}

#[test]
fn a_bridge_of_somebody_else_can_be_joined_and_left() {
    private_host(|| {
        lived_in();
        done("create a");
        done("veth va a eth0 --ns-addr 198.51.100.130/25");
        let before = Snapshot::settled();
        let line = "bridge fbr0 --if-missing --attach va";
        done(line);
        ping("a", "198.51.100.129");
        done(&format!("{line} --delete"));
        assert_is(&before);
    });
}

#[test]
fn a_port_that_somebody_else_attached_stays() {
    private_host(|| {
        let before = lived_in();
        // It is a port already: there is nothing to do, and so nothing to undo.
        unchanged(|| done("bridge fbr0 --if-missing --attach fport0"));
        tool("bridge fbr0 --if-missing --attach fport0 --delete");
        assert_is(&before);
    });
}

#[test]
fn one_that_is_not_as_asked_for_is_an_error_with_the_cures() {
    private_host(|| {
        sh("ip link add name br0 type bridge; ip addr add 10.0.0.1/24 dev br0");
        let line = "bridge br0 --if-missing --addr 10.0.0.1/24 --addr fd00::1/64 --mtu 1400 --mac 02:00:00:00:00:aa --stp";
        let assert = refused(line).stderr(contains("bridge `br0` exists, but not as asked for"));
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        let cures: Vec<&str> =
            said.lines().filter_map(|line| Some(line.split_once(" ip ")?.1)).collect();
        assert_eq!(cures.len(), 5, "{said}");
        for cure in cures {
            ip(HOST, cure);
        }
        unchanged(|| done(line));
    });
}

#[test]
fn ports_that_are_left_are_named() {
    private_host(|| {
        done("create a b");
        done("bridge br0");
        done("veth va a eth0 --bridge br0");
        done("veth vb b eth0 --bridge br0");
        refused("bridge br0 --delete").stderr(
            contains("bridge `br0` still has ports: va, vb")
                .and(contains("--attach va,vb --delete")),
        );
        refused("bridge br0 --attach vb --delete").stderr(contains("still has ports: va"));
        done("delete a");
        refused("bridge br0 --delete").stderr(contains("still has ports: vb"));
        tool("bridge br0 --attach vb --delete").success();
        assert!(!has_link(HOST, "br0") && is_up(HOST, "vb"), "the port was up before");
    });
}

#[test]
fn what_netns_tool_did_not_make_needs_force() {
    private_host(|| {
        sh(
            "ip link add name br0 type bridge; ip link add name veth0 type veth peer name veth1; ip link set dev veth0 master br0",
        );
        for line in [
            "bridge br0 --delete",
            "bridge br0 --attach veth0 --delete",
            "bridge br0 --delete --if-exists",
        ] {
            refused(line)
                .stderr(contains("`br0` was not made by netns-tool").and(contains("--force")));
        }
        refused("bridge veth0 --delete --force").stderr(contains("`veth0` is not a bridge"));
        refused("bridge br0 --delete --force").stderr(contains("still has ports: veth0"));
        tool("bridge br0 --attach veth0 --delete --force").success();
        assert!(!has_link(HOST, "br0") && has_link(HOST, "veth0"));
    });
}

#[test]
fn a_missing_one_can_only_be_deleted_with_if_exists() {
    private_host(|| {
        done("create ns1");
        refused("bridge br0 --delete")
            .stderr(contains("there is no bridge `br0`").and(contains("--if-exists")));
        refused("bridge br0 --ns ns1 --delete")
            .stderr(contains("there is no bridge `br0` in network namespace `ns1`"));
        for line in [
            "bridge br0 --delete --if-exists",
            "bridge br0 --ns ns1 --delete --if-exists",
            "bridge br0 --ns nowhere --delete --if-exists",
        ] {
            unchanged(|| tool(line)).success();
        }
    });
}

#[test]
fn what_cannot_be_a_port_is_refused_with_its_name() {
    private_host(|| {
        sh(
            "ip link add name other type bridge; ip link add name veth0 type veth peer name veth1; ip link set dev veth0 master other",
        );
        for (words, message) in [
            ("--attach nobody", "there is no interface `nobody`"),
            ("--attach veth1,nobody", "there is no interface `nobody`"),
            ("--attach lo", "`lo` cannot be a port"),
            ("--attach other", "`other` cannot be a port: it is a bridge"),
            ("--attach veth0", "`veth0` is a port of `other` already"),
        ] {
            refused(&format!("bridge br0 {words}")).stderr(contains(message));
        }
        refused("bridge br0 --attach veth0").stderr(contains("ip link set dev veth0 nomaster"));
        unchanged(|| tool("bridge br0 --attach br0")).code(2);
    });
}

#[test]
fn what_the_host_is_reached_by_is_not_made_a_port() {
    private_host(|| {
        sh("ip link add name up0 type veth peer name up1; ip link set dev up0 up; ip link set dev up1 up
            ip addr add 192.0.2.2/24 dev up0; ip addr add 192.0.2.3/24 dev up0; ip addr add fd02::2/64 dev up0");
        done("bridge br0");
        for line in ["bridge br1 --attach up0", "bridge br0 --if-missing --attach up0"] {
            let assert = refused(line).stderr(
                contains("as long as it has `192.0.2.2/24`, `192.0.2.3/24`, `fd02::2/64`")
                    .and(contains("ip addr del 192.0.2.3/24 dev up0"))
                    .and(contains("--addr 192.0.2.2/24 gives it to the bridge")),
            );
            assert.stdout("");
        }
        sh("ip route add default via 192.0.2.1");
        refused("bridge br1 --attach up1,up0").stderr(
            contains("`up0` cannot be a port: the default route leads over it")
                .and(contains("ip link set dev up0 master br1 up")),
        );
        // What the message says works, and what every interface makes up for itself is no hindrance.
        sh("ip addr flush dev up0 scope global; ip addr add fe80::2/64 dev up0");
        done("bridge br1 --addr 192.0.2.2/24 --attach up0");
        assert_eq!(ports(HOST, "br1"), ["up0"]);
    });
}

#[test]
fn more_ports_than_can_be_noted_are_refused_with_the_way_out() {
    private_host(|| {
        sh("for n in $(seq 70); do echo link add p$n type veth peer name q$n; done | ip -batch -");
        let all = (1..=70).map(|n| format!("p{n}")).collect::<Vec<_>>().join(",");
        refused(&format!("bridge br0 --attach {all}")).stderr(
            contains("70 ports would have to be noted").and(contains("ip link set dev IF up")),
        );
        sh("for n in $(seq 70); do echo link set dev p$n up; done | ip -batch -");
        done(&format!("bridge br0 --attach {all}"));
        assert_eq!(ports(HOST, "br0").len(), 70);
    });
}

#[test]
fn a_subnet_that_another_interface_has_is_refused() {
    private_host(|| {
        done("create ns1");
        sh("ip link add name up0 type veth peer name up1; ip addr add 10.0.0.1/24 dev up0
            ip addr add fd00::1/64 dev up0; ip addr add 10.9.0.1/32 dev up0; ip addr add fe80::1/64 dev up0");
        for (subnet, other) in [
            ("10.0.0.1/24", "10.0.0.1/24"),
            ("10.0.0.129/25", "10.0.0.1/24"),
            ("10.0.7.1/16", "10.0.0.1/24"),
            ("fd00::2/64", "fd00::1/64"),
        ] {
            refused(&format!("bridge br0 --addr 10.7.0.1/24 --addr {subnet}")).stderr(
                contains(format!("`{subnet}` overlaps {other}, which `up0` has"))
                    .and(contains(format!("ip addr del {other} dev up0"))),
            );
        }
        // Neither single addresses nor those that every interface has, nor those of another place.
        done("bridge br0 --addr 10.9.0.2/24 --addr 10.0.0.7/32 --addr fe80::2/64");
        done("bridge br0 --ns ns1 --addr 10.0.0.1/24 --addr 10.0.0.2/24");
    });
}

#[test]
fn taken_names_and_missing_namespaces_are_errors() {
    private_host(|| {
        sh(
            "ip link add name veth0 type veth peer name veth1; ip netns add other; touch /run/netns/broken",
        );
        for line in ["bridge veth0", "bridge veth0 --if-missing"] {
            refused(line).stderr(contains("interface `veth0` already exists"));
        }
        refused("bridge br0 --ns nowhere")
            .stderr(contains("`nowhere` not found").and(contains("netns-tool create nowhere")));
        refused("bridge br0 --ns broken").stderr(contains("`broken` is broken"));
        for line in [
            "bridge lo",
            "bridge br0 --mtu 67",
            "bridge br0 --mac x",
            "bridge br0 --addr 10.0.0.1",
            "bridge br0 --addr 10.0.0.1/24 --addr 10.0.0.1/16",
            "bridge br0 --force",
        ] {
            unchanged(|| tool(line)).code(2).stdout("");
        }
    });
}
