//! What all commands share: --dry-run, --verbose, --quiet, and the exit codes.

mod support;

use predicates::prelude::*;
use predicates::str::{contains, starts_with};
use support::others::strict_table;
use support::wan::stage;
use support::{done, namespaces, private_host, refused_with, sh, start, tool, unchanged};
use testhost::binary;

/// One of each command, and its way back, in an order in which they all work on the stage.
const LINES: [&str; 8] = [
    "create n1",
    "bridge br9 --addr 10.9.0.1/24",
    "veth v9 n1 e9 --bridge br9 --ns-addr 10.9.0.2/24 --gateway auto",
    "nat br9 up0",
    "nat br9 up0 --delete",
    "veth v9 n1 e9 --bridge br9 --ns-addr 10.9.0.2/24 --gateway auto --delete",
    "bridge br9 --addr 10.9.0.1/24 --delete",
    "delete n1",
];

/// What is refused on the stage.
const REFUSED: [&str; 6] =
    ["create a", "delete nobody", "veth va a eth9", "bridge br0", "nat br9", "nat br0 --delete"];

#[test]
fn dry_run_prints_a_commented_script_and_changes_nothing() {
    private_host(|| {
        stage();
        for line in LINES {
            let script = unchanged(|| done(&format!("{line} --dry-run")));
            assert!(script.starts_with("#!/bin/sh\n# netns-tool "), "{script}");
            let body: Vec<&str> = script.lines().skip(2).collect();
            assert!(body.iter().any(|line| line.starts_with("# ")), "no reasons: {script}");
            assert!(body.iter().any(|line| line.starts_with("ip")), "no commands: {script}");
            assert_eq!(done(&format!("-n {line}")).lines().count(), script.lines().count());
            done(line);
        }
    });
}

#[test]
fn a_dry_run_refuses_what_the_command_refuses() {
    private_host(|| {
        stage();
        for line in REFUSED {
            let [real, dry] = [line.to_owned(), format!("--dry-run {line}")].map(|line| {
                let assert = unchanged(|| tool(&line)).code(1).stdout("");
                String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
            });
            assert_eq!(real, dry);
        }
    });
}

#[test]
fn verbose_shows_on_stderr_each_command_of_the_dry_run() {
    private_host(|| {
        stage();
        for line in LINES
            .into_iter()
            .filter(|line| !line.contains("bridge br9 --addr 10.9.0.1/24 --delete"))
        {
            let script = done(&format!("{line} --dry-run"));
            let assert = tool(&format!("{line} --verbose")).success().stdout(contains("+ ").not());
            let shown = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
            for command in
                script.lines().filter(|line| line.starts_with("ip") && !line.contains(" address "))
            {
                assert!(shown.contains(&format!("+ {command}")), "{command}\n{shown}");
            }
            assert!(shown.starts_with("+ "), "{shown}");
        }
    });
}

#[test]
fn quiet_says_nothing_unless_something_fails() {
    private_host(|| {
        stage();
        for line in LINES {
            tool(&format!("{line} --quiet")).success().stdout("").stderr("");
        }
        tool("create a -q").code(1).stderr(contains("already exists"));
    });
}

#[test]
fn quiet_leaves_out_notes_and_not_warnings() {
    private_host(|| {
        stage();
        sh("echo nameserver 127.0.0.53 >/run/tmp/resolv.conf
            mount --bind /run/tmp/resolv.conf $(readlink -f /etc/resolv.conf)");
        let note = "note: the resolver of this host, 127.0.0.53";
        tool("nat br0 up0").success().stderr(starts_with(note));
        tool("nat br0 up0 --quiet").success().stdout("").stderr("");
        strict_table();
        let says_warning = starts_with("warning: ").and(contains("note: ").not());
        tool("nat br0 up0 --quiet").success().stdout("").stderr(says_warning);
    });
}

#[test]
fn results_go_to_stdout_and_nothing_of_the_work_remains() {
    private_host(|| {
        stage();
        for line in LINES {
            tool(line).success().stderr("").stdout(predicate::str::is_empty().not());
            assert!(!support::succeeds("test -e /run/netns-tool"), "after `{line}`");
        }
    });
}

#[test]
fn without_rights_it_says_so_and_changes_nothing() {
    private_host(|| {
        stage();
        let tool = binary("netns-tool");
        for line in LINES {
            let script = format!(
                "if setpriv --bounding-set -all --inh-caps -all '{}' {line} 2>&1; then :; else echo code $?; fi",
                tool.display()
            );
            let said = unchanged(|| sh(&script));
            assert!(said.ends_with("code 3\n") && said.contains("with sudo"), "`{line}`: {said}");
        }
    });
}

#[test]
fn another_one_at_work_is_waited_for_and_then_reported() {
    private_host(|| {
        done("create n1");
        let mut holder = start(
            "",
            "mkdir -m 700 -p /run/netns-tool; exec 9>/run/netns-tool/lock; flock 9; echo ready; sleep 1; rm /run/netns-tool/lock",
        );
        refused_with(5, "create n2 --wait 0").stderr(contains("another netns-tool"));
        done("create n2");
        assert_eq!(namespaces(), ["n1", "n2"]);
        holder.wait().unwrap();
    });
}

#[test]
fn errors_name_the_thing_and_say_what_to_do() {
    private_host(|| {
        stage();
        for line in REFUSED {
            tool(line)
                .code(1)
                .stderr(starts_with("error: ").and(contains("`")).and(contains("\n  try:     ")));
        }
    });
}
