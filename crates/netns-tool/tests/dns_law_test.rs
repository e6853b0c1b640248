//! The law and the fault gates for `--dns`, as `law_test` and `fault_test` have them for everything else.

mod support;

use support::faults::{tried, undone};
use support::law::shell;
use support::{lived_in, private_host};
use testhost::{Scenario, Snapshot};

fn same(wanted: &Snapshot, what: &str) {
    if let Err(diff) = wanted.wait_equal_but_random_macs() {
        panic!("{what}:\n{diff}");
    }
}

/// `X; X --delete` is as before, and `--dry-run X | sh` is `X`; so is the way back by its script.
fn law(set_up: &str, command: &str, back: &str) {
    shell(set_up);
    let before = Snapshot::settled();
    shell(&format!("$TOOL {command}"));
    let after = Snapshot::settled();
    assert_ne!(before.section("files in /etc/netns"), after.section("files in /etc/netns"));
    shell(&format!("$TOOL {back}"));
    same(&before, &format!("`{command}` is not undone"));
    shell(&format!("umask 077; $TOOL --dry-run {command} >/run/tmp/script; sh /run/tmp/script"));
    same(&after, &format!("`{command}` and its dry run do not the same"));
    shell(&format!("$TOOL --dry-run {back} >/run/tmp/script; sh -e /run/tmp/script"));
    same(&before, &format!("what the script of `{command}` did is not undone"));
}

#[test]
fn the_law() {
    private_host(|| {
        lived_in();
        law("", "create a b --dns 10.0.0.53 --dns fd00::53", "delete a b");
        law("", "create a --dns 10.0.0.53 --no-verify", "delete a");
        let pair = "veth v0 c e0 --ns-addr 10.0.0.2/24 --dns 10.0.0.1";
        law("$TOOL create c", pair, &format!("{pair} --delete"));
        let inner = "veth e1 c e1 --host-ns d --dns 10.0.0.1";
        law("$TOOL create d --dns fd00::53", inner, &format!("{inner} --delete"));
    });
}

fn create() -> Scenario {
    Scenario::build("create --dns", &["create", "a", "b", "--dns", "10.0.0.53"])
        .reset(&["$TOOL delete a b"])
}

fn veth() -> Scenario {
    Scenario::build("veth --dns", &["veth", "va", "a", "e0", "--up", "--dns", "10.0.0.53"])
        .setup(&["$TOOL create a"])
        .reset(&["$TOOL veth va a e0 --delete"])
}

#[test]
fn creating_with_name_servers() {
    tried(&create());
}

#[test]
fn undoing_a_create_with_name_servers_fails() {
    undone(&create());
}

#[test]
fn making_a_pair_with_name_servers() {
    tried(&veth());
}

#[test]
fn undoing_a_pair_with_name_servers_fails() {
    undone(&veth());
}

#[test]
fn replacing_name_servers_that_were_left() {
    let left = "$TOOL create a --no-verify --dns 10.0.0.54; ip netns del a";
    let scenario = Scenario::build("create --dns again", &["create", "a", "--dns", "10.0.0.53"]);
    tried(&scenario.setup(&[left]).reset(&["$TOOL delete a --if-exists", left]));
}

#[test]
fn creating_where_name_servers_were_left() {
    let left = "$TOOL create a --no-verify --dns 10.0.0.54; ip netns del a";
    let scenario = Scenario::build("create where one was", &["create", "a"]);
    tried(&scenario.setup(&[left]).reset(&["$TOOL delete a --if-exists", left]));
}

#[test]
fn deleting_namespaces_with_name_servers() {
    let make = "$TOOL create a b --dns 10.0.0.53; $TOOL veth va a e0 --up";
    tried(
        &Scenario::remove("delete with name servers", &["delete", "a", "b", "--if-exists"])
            .setup(&[make])
            .reset(&["$TOOL delete a b --if-exists", make]),
    );
}

#[test]
fn deleting_a_pair_with_name_servers() {
    let words = ["veth", "va", "a", "e0", "--dns", "10.0.0.53", "--delete", "--if-exists"];
    let make = "$TOOL veth va a e0 --up --dns 10.0.0.53";
    tried(
        &Scenario::remove("veth --dns --delete", &words)
            .setup(&["$TOOL create a", make])
            .reset(&["$TOOL veth va a e0 --delete --if-exists", make]),
    );
}
