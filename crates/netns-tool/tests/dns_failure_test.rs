//! `--dns` where /etc cannot be written, what is there cannot be removed, or the command is killed.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use support::law::shell;
use support::{assert_is, done, lived_in, private_host, refused, sh};
use support::{succeeds, tool};
use testhost::{Faults, Mode, binary};

const FILE: &str = "/etc/netns/ns1/resolv.conf";

/// With the name of what is mounted, `mount` adds no options of its own accord, which a user namespace refuses.
fn remount(options: &str) {
    sh(&format!("mount -n -t tmpfs -o remount,{options} tmpfs /etc/netns"));
}

#[test]
fn where_etc_cannot_be_written_everything_is_taken_back() {
    private_host(|| {
        lived_in();
        done("create ns2 --no-verify");
        sh("mkdir /etc/netns; mount -t tmpfs tmpfs /etc/netns");
        let mut refusals = 0;
        // Read-only, and with room for nothing, the directory, the file without its text.
        for options in ["ro", "rw,nr_inodes=1", "nr_inodes=2", "size=4k,nr_inodes=9"] {
            remount(options);
            if options.starts_with("size") {
                sh("head -c 4096 /dev/zero >/etc/netns/full");
            }
            for line in ["create ns1 ns3 --dns 10.0.0.53", "veth v0 ns2 e0 --up --dns 10.0.0.53"] {
                let said = if options.starts_with("size") {
                    "resolv.conf: No space left"
                } else {
                    "/etc/netns/ns"
                };
                refused(line).stderr(contains("undone:").and(contains(said)));
                refusals += 1;
            }
            remount("rw,nr_inodes=99");
        }
        assert_eq!(refusals, 8);
    });
}

#[test]
fn what_cannot_be_removed_is_named_and_the_same_command_again_finishes() {
    private_host(|| {
        let before = lived_in();
        for (make, line) in [
            ("create ns1 --dns 10.0.0.53", "delete ns1"),
            (
                "create ns1; $TOOL veth v0 ns1 e0 --dns 10.0.0.53",
                "veth v0 ns1 e0 --dns 10.0.0.53 --delete",
            ),
        ] {
            shell(&format!("mkdir /etc/netns; mount -t tmpfs tmpfs /etc/netns; $TOOL {make}"));
            remount("ro");
            let left = tool(line).code(4);
            left.stderr(
                contains(format!("left:    file `{FILE}`"))
                    .and(contains(format!("run:     rm {FILE}"))),
            );
            remount("rw");
            done(line);
            assert!(!fs::exists("/etc/netns/ns1").unwrap());
            sh("umount /etc/netns; rmdir /etc/netns; ip netns del ns1 2>/dev/null || true");
            assert_is(&before);
        }
    });
}

#[test]
fn after_a_sigkill_recover_takes_back_what_was_begun_and_nothing_else() {
    private_host(|| {
        let faults = Faults::install();
        let before = lived_in();
        // What an interrupted write leaves is a beginning of the text.
        for (change, stays) in
            [("true", false), (": >", false), ("truncate -s 9 ", false), ("echo mine >", true)]
        {
            faults.reset();
            faults.arm(1, Mode::KillToolBefore);
            let killed =
                succeeds(&format!("{} create ns1 --dns 10.0.0.53", binary("netns-tool").display()));
            assert!(!killed && fs::exists(FILE).unwrap());
            faults.reset();
            let place = if change == "true" { "" } else { FILE };
            sh(&format!("{change}{place}"));
            tool("recover").success();
            assert_eq!(fs::exists(FILE).unwrap(), stays, "{change}");
            sh("rm -rf /etc/netns");
            assert_is(&before);
        }
    });
}
