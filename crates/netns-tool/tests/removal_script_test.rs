//! The script that a removal prints is complete and without an error: `sh -e` runs it to its end, nothing is said on
//! stderr, and what is left is what the command itself leaves.

#![expect(clippy::disallowed_methods, reason = "a script is run by the shell, and judged")]

mod support;

use std::process::Command;
use support::internet::{bridge, uplink};
use support::labs::{EVERYTHING, FILE, TEN_LINES, file, internet};
use support::law::{same, shell};
use support::{Firewall, done, for_firewalls, private_host, sh};
use testhost::{Snapshot, foreign_objects, warm_up};

/// Makes something twice: once the command removes it, and once its script does. What stands before and after is
/// compared, byte for byte.
fn is_removed_alike(make: &str, command: &str) {
    shell(make);
    done(command);
    let after = Snapshot::settled();
    shell(make);
    shell(&format!("$TOOL --dry-run {command} >/run/tmp/script"));
    runs_without_an_error("/run/tmp/script");
    same(&after, &format!("`{command}` and its script do not leave the same"));
}

fn runs_without_an_error(path: &str) {
    let script = sh(&format!("cat {path}"));
    assert!(!script.contains("nothing to do"), "it proves nothing:\n{script}");
    let output = Command::new("sh").args(["-e", path]).output().expect("run a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{:?}: {said}\n{script}", output.status);
}

/// A host that others live on.
fn on_a_host(act: impl FnOnce()) {
    private_host(|| {
        warm_up();
        foreign_objects();
        act();
    });
}

#[test]
fn delete_of_namespaces_that_are_wired_to_each_other() {
    on_a_host(|| {
        is_removed_alike(
            "$TOOL create a b c --dns 10.0.0.53
            $TOOL veth e0 b e1 --host-ns a --up; $TOOL veth e2 b e3 --host-ns a; $TOOL veth e9 c e9 --host-ns b
            $TOOL veth va a eth0 --up
            ip -n c link add s0 type veth peer name s1",
            "delete a b c",
        );
    });
}

#[test]
fn delete_of_a_namespace_with_processes_inside() {
    on_a_host(|| {
        is_removed_alike(
            "$TOOL create a b; $TOOL veth e0 b e1 --host-ns a
            for ns in a b; do
                ip netns exec $ns sleep 600 >/dev/null 2>&1 &
                until ip netns pids $ns | grep -q .; do sleep 0.01; done
            done",
            "delete a b --kill",
        );
    });
}

#[test]
fn delete_of_what_others_have_left_broken() {
    on_a_host(|| {
        is_removed_alike(
            "$TOOL create a; touch /run/netns/broken; mount --bind /run/netns/a /run/netns/a",
            "delete a broken",
        );
    });
}

#[test]
fn veth() {
    on_a_host(|| {
        sh("ip netns add a; ip netns add b");
        for line in [
            "veth va a eth0 --ns-addr 10.0.0.2/24 --dns 10.0.0.53 --force",
            "veth va --host vb --up",
            "veth e0 b e0 --host-ns a",
        ] {
            let make = line.replace(" --force", "");
            is_removed_alike(&format!("$TOOL {make}"), &format!("{line} --delete"));
        }
    });
}

#[test]
fn bridges() {
    on_a_host(|| {
        sh("ip link add p0 type veth peer name p1; ip link add q0 type veth peer name q1; ip netns add a
            ip link set p0 up; ip link set p0 down; ip link set q0 up
            ip link add br9 type bridge; ip link set br9 up; ip link set q0 master br9; ip link set q0 nomaster");
        for line in
            ["bridge br1 --addr 10.1.0.1/24 --attach p0,q0", "bridge br1 --ns a --addr 10.1.0.1/24"]
        {
            is_removed_alike(&format!("$TOOL {line}"), &format!("{line} --delete"));
        }
        is_removed_alike(
            "$TOOL bridge br2 --if-missing; $TOOL bridge br2 --if-missing --attach p0,q0",
            "bridge br2 --if-missing --attach p0,q0 --delete",
        );
    });
}

#[test]
fn nat_and_what_it_publishes() {
    for_firewalls(&[Firewall::IptablesNft, Firewall::NftOnly], |_| {
        let _router = uplink();
        foreign_objects();
        bridge(0, &["a"]);
        let publish = "nat br0 up0 --publish 8080:10.0.0.2:80 --publish 81:[fd00::2]:81/udp";
        is_removed_alike("$TOOL nat br0 up0", "nat br0 up0 --delete");
        is_removed_alike(&format!("$TOOL nat br0 up0; $TOOL {publish}"), "nat br0 --delete");
        done("nat br0 up0 --forwarding interface");
        is_removed_alike(&format!("$TOOL {publish}"), &format!("{publish} --delete"));
    });
}

/// Programs, and links whose two ends are on the host: few, and many.
const WIRES: &str = r#"
[namespace.web]
process.sleeper = { command = ["sleep", "4242"] }
[[link]]
from = { interface = "x" }
to = { interface = "y" }
"#;

fn is_taken_down_alike(text: &str) {
    on_a_host(|| {
        internet();
        file(text);
        is_removed_alike(&format!("$TOOL up {FILE}"), &format!("down {FILE}"));
    });
}

#[test]
fn down_of_ten_lines() {
    is_taken_down_alike(TEN_LINES);
}

#[test]
fn down_of_everything() {
    is_taken_down_alike(EVERYTHING);
}

#[test]
fn down_of_a_wire_that_has_both_ends_on_the_host() {
    is_taken_down_alike(WIRES);
}

#[test]
fn down_of_two_such_wires_beside_another_lab() {
    let two = format!("{WIRES}{}", WIRES.split_at(WIRES.find("[[link]]").unwrap()).1).replacen(
        "\"x\" }\nto = { interface = \"y\"",
        "\"v\" }\nto = { interface = \"w\"",
        1,
    );
    is_taken_down_alike(&two);
}
