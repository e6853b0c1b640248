//! The journal of a killed command, read in another network namespace than it was written in: `/run` is the same
//! within `ip netns exec`, but what the command has left is not there.

mod support;

use std::path::Path;

use predicates::str::contains;
use support::{assert_is, done, has_link, private_host, sh, tool, unchanged};
use testhost::{Faults, Mode, Snapshot, binary, warm_up};

/// What stands before a command to run it in the namespace; the real `ip`, that of the faults counts no call.
const IN_OTHER: &str = "ip netns exec other";

/// A host with the namespace `other`, where somebody else has a bridge `br7`; commands can be killed on it.
fn host_with_another_namespace() {
    warm_up();
    Faults::install();
    sh("ip netns add other; ip -n other link set lo up
        ip -n other link add br7 type bridge; ip -n other link set br7 up");
}

/// Runs the tool, which is killed after its first call, so that its journal stays.
fn killed(place: &str, words: &str) {
    let faults = Faults::install();
    faults.reset();
    faults.arm(1, Mode::KillToolAfter);
    sh(&format!("{place} {} {words} 2>/dev/null || true", binary("netns-tool").display()));
    assert_eq!(faults.fired(), 1, "`{words}` was not killed");
    faults.reset();
    assert!(Path::new("/run/netns-tool/journal").exists());
}

/// Runs it in the place, where it must refuse; what it says.
fn refused(place: &str, words: &str) -> String {
    let tool = binary("netns-tool");
    let script = format!("{place} {} {words} 2>&1 || echo code $?", tool.display());
    let said = unchanged(|| sh(&script));
    assert!(said.contains("error: ") && said.ends_with("code 1\n"), "{script}: {said}");
    said
}

#[test]
fn what_was_left_on_the_host_is_not_looked_for_in_a_namespace() {
    private_host(|| {
        host_with_another_namespace();
        let before = Snapshot::settled();
        killed("", "bridge br7 --addr 10.7.0.1/24");
        for words in ["recover", "bridge br8", "veth v0 --host v1", "bridge br7 --delete --force"] {
            let said = refused(IN_OTHER, words);
            for word in
                ["netns-tool bridge br7", "`br7`", "process 1", "outside of `ip netns exec`"]
            {
                assert!(said.contains(word), "{words}: no {word}: {said}");
            }
        }
        assert!(has_link("", "br7"), "it is still to be taken back");
        tool("recover").success().stderr(contains("the host is as it was"));
        assert_is(&before);
    });
}

#[test]
fn what_was_left_in_a_namespace_is_not_looked_for_on_the_host() {
    private_host(|| {
        host_with_another_namespace();
        sh("ip link add br9 type bridge; ip link set br9 up");
        let before = Snapshot::settled();
        killed(IN_OTHER, "bridge br9");
        let said = refused("", "create n1");
        assert!(said.contains("`other`"), "{said}");
        assert!(said.contains("ip netns exec other netns-tool recover"), "{said}");
        sh(&format!("{IN_OTHER} {} recover", binary("netns-tool").display()));
        assert_is(&before);
    });
}

#[test]
fn what_was_left_where_only_a_process_is_can_be_reached_by_it() {
    private_host(|| {
        host_with_another_namespace();
        let before = Snapshot::settled();
        killed(
            "sh -c 'unshare --net sleep 100 >/dev/null 2>&1 & echo $! >/run/tmp/pid; until pgrep -x sleep >/dev/null; do :; done'; nsenter --net=/proc/$(cat /run/tmp/pid)/ns/net",
            "bridge br9",
        );
        let said = refused("", "recover");
        let remedy = said.lines().find_map(|line| line.split_once("try:"));
        let (_, remedy) = remedy.unwrap_or_else(|| panic!("no remedy: {said}"));
        let tool = binary("netns-tool").display().to_string();
        sh(&remedy.replace("netns-tool", &tool));
        sh("kill $(cat /run/tmp/pid)");
        assert_is(&before);
    });
}

#[test]
fn what_was_left_in_a_namespace_that_is_gone_can_be_given_up() {
    private_host(|| {
        host_with_another_namespace();
        killed(IN_OTHER, "bridge br9");
        sh("ip netns del other");
        for words in ["recover", "create n1"] {
            let said = refused("", words);
            assert!(said.contains("without a name"), "{said}");
            assert!(said.contains("rm -r /run/netns-tool"), "{said}");
        }
        sh("rm -r /run/netns-tool");
        done("create n1");
        done("delete n1");
    });
}
