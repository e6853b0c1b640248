//! `--dns`: name servers for what runs in a namespace, in a file that is made, removed, and otherwise left alone.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use std::fs;
use std::net::UdpSocket;
use std::thread;
use support::{HOST, succeeds, tool, unchanged};
use support::{assert_is, done, enter, lived_in, private_host, refused, refused_with, sh};
use testhost::{Snapshot, binary};

const FILE: &str = "/etc/netns/ns1/resolv.conf";

/// Runs shell lines in which `$TOOL` stands for netns-tool.
fn shell(lines: &str) -> String {
    sh(&format!("TOOL='{}'\n{lines}", binary("netns-tool").display()))
}

#[test]
fn a_namespace_resolves_names() {
    private_host(|| {
        done("create ns1 --dns 10.0.0.1");
        done("veth v0 ns1 e0 --host-addr 10.0.0.1/24 --ns-addr 10.0.0.2/24");
        let socket = enter(HOST, || UdpSocket::bind("10.0.0.1:53").expect("listen"));
        thread::spawn(move || serve(&socket));
        let found = sh("ip netns exec ns1 getent ahostsv4 server.lab");
        assert!(found.starts_with("10.9.9.9 "), "{found}");
        assert!(!succeeds("timeout 1 getent ahostsv4 server.lab"), "the host asks its own");
    });
}

/// A name server that knows one address, 10.9.9.9, by any name.
fn serve(socket: &UdpSocket) {
    let mut query = [0; 512];
    while let Ok((length, client)) = socket.recv_from(&mut query) {
        // Of the header: an answer, no error; of the records: the question, and the address (RFC 1035, section 4).
        let end = 12 + query[12..length].iter().position(|byte| *byte == 0).expect("a name") + 5;
        let mut answer = query[..end].to_vec();
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 9, 9, 9]);
        socket.send_to(&answer, client).expect("answer");
    }
}

#[test]
fn the_file_is_what_ip_netns_exec_shows_and_delete_removes_it() {
    private_host(|| {
        let before = lived_in();
        let text = "# netns-tool\nnameserver 10.0.0.53\nnameserver fd00::53\n";
        for umask in ["0", "077", "777"] {
            let said = shell(&format!(
                "umask {umask}; \"$TOOL\" create ns1 ns2 --dns 10.0.0.53 --dns fd00::53"
            ));
            assert!(
                said.contains(&format!("Name servers: 10.0.0.53, fd00::53 ({FILE})\n")),
                "{said}"
            );
            assert_eq!(sh("ip netns exec ns1 cat /etc/resolv.conf"), text);
            assert_eq!(sh("ip netns exec ns2 cat /etc/resolv.conf"), text);
            let modes = sh(&format!("stat -c '%a %u' /etc/netns /etc/netns/ns1 {FILE}"));
            assert_eq!(modes, "755 0\n755 0\n644 0\n", "umask {umask}");
            done("delete ns1");
            assert!(
                !fs::exists("/etc/netns/ns1").unwrap() && fs::exists("/etc/netns/ns2").unwrap()
            );
            done("delete ns2");
            assert_is(&before);
        }
    });
}

#[test]
fn what_is_there_already_is_never_overwritten_nor_followed() {
    const THERE: [&str; 9] = [
        "mkdir -p /etc/netns/ns1; echo nameserver 192.0.2.1 >/etc/netns/ns1/resolv.conf",
        "mkdir -p /etc/netns/ns1; : >/etc/netns/ns1/resolv.conf",
        "mkdir -p /etc/netns/ns1; ln -s /run/somebody/file /etc/netns/ns1/resolv.conf",
        "mkdir -p /etc/netns/ns1; ln -s /run/somebody/none /etc/netns/ns1/resolv.conf",
        "mkdir -p /etc/netns/ns1; mkfifo /etc/netns/ns1/resolv.conf",
        "mkdir -p /etc/netns/ns1/resolv.conf",
        "mkdir -p /etc/netns /run/somebody/folder; ln -s /run/somebody/folder /etc/netns/ns1",
        "mkdir -p /etc/netns; echo mine >/etc/netns/ns1",
        "mkdir -p /run/somebody/folder; ln -s /run/somebody/folder /etc/netns",
    ];
    private_host(|| {
        lived_in();
        done("create ns2 --no-verify");
        for there in THERE {
            sh(there);
            for line in ["create ns1 --dns 10.0.0.53", "create ns0 ns1 --dns 10.0.0.53"] {
                refused(line).stderr(contains("/etc/netns"));
                refused(&format!("{line} --dry-run"));
            }
            // It is in force without the option, and stays.
            done("create ns1 --no-verify");
            for line in
                ["veth v0 ns1 e0 --dns 10.0.0.53", "create ns1 --if-missing --dns 10.0.0.53"]
            {
                refused(line).stderr(contains("/etc/netns"));
            }
            done("veth v0 ns1 e0");
            let before = Snapshot::take();
            done("veth v0 ns1 e0 --dns 10.0.0.53 --delete");
            done("delete ns1");
            let files = |snapshot: &Snapshot| snapshot.section("files in /etc/netns").to_vec();
            assert_eq!(files(&before), files(&Snapshot::take()), "{there}");
            sh("rm -r /etc/netns /run/somebody/folder 2>/dev/null || true");
            assert!(!fs::exists("/run/somebody/none").unwrap());
            assert_eq!(sh("cat /run/somebody/file"), "theirs\n");
        }
    });
}

#[test]
fn the_script_of_a_dry_run_overwrites_nothing_either() {
    const THERE: [&str; 3] =
        ["echo mine >$FILE", "ln -s /run/somebody/file $FILE", "ln -s /run/somebody/none $FILE"];
    private_host(|| {
        lived_in();
        sh("mkdir -p /etc/netns/ns1");
        shell("\"$TOOL\" --dry-run create ns1 --dns 10.0.0.53 >/run/tmp/script");
        for there in THERE {
            sh(&format!("FILE={FILE}; {there}"));
            for interpreter in ["sh", "dash", "bash", "bash --posix"] {
                unchanged(|| {
                    assert!(!succeeds(&format!("{interpreter} /run/tmp/script")), "{there}");
                });
            }
            sh(&format!("rm {FILE}"));
        }
    });
}

#[test]
fn an_edited_file_is_left_alone_and_said_to_be() {
    private_host(|| {
        for edit in ["echo search lan >>", "sed -i s/53/54/ "] {
            let is_ours_still = edit.starts_with("sed");
            done("create ns1 --no-verify --dns 10.0.0.53");
            sh(&format!("{edit}{FILE}"));
            let text = fs::read_to_string(FILE).unwrap();
            let said = done("delete ns1");
            // Of the very form that netns-tool writes, nobody can tell who wrote it.
            assert_eq!(fs::exists(FILE).unwrap(), !is_ours_still);
            if !is_ours_still {
                assert!(said.contains(&format!("note: {FILE} stays")), "{said}");
                assert_eq!(fs::read_to_string(FILE).unwrap(), text);
                sh("rm -r /etc/netns");
            }
        }
        done("create ns1 --no-verify --dns 10.0.0.53");
        sh("echo mine >/etc/netns/ns1/hosts");
        done("delete ns1");
        assert_eq!(sh("ls -A /etc/netns/ns1"), "hosts\n", "a directory goes only when it is empty");
    });
}

#[test]
fn the_servers_of_a_pair_go_with_the_pair() {
    private_host(|| {
        lived_in();
        done("create ns1 --no-verify");
        let bare = Snapshot::settled();
        let pair = "veth v0 ns1 e0 --up --dns 10.0.0.53";
        for back in [pair, "veth v0 ns1 e0", "veth v0 ns1 e0 --dns 192.0.2.1"] {
            done(pair);
            assert_eq!(
                fs::read_to_string(FILE).unwrap(),
                "# netns-tool veth e0\nnameserver 10.0.0.53\n"
            );
            done(&format!("{back} --delete"));
            assert_is(&bare);
        }
        // Without its pair it is replaced by the next one's, or removed by the words that made it.
        done(pair);
        sh("ip link del v0");
        done("veth v0 ns1 e0 --dns 10.0.0.54");
        sh("ip link del v0");
        refused("veth v1 ns1 e1 --dns 10.0.0.53")
            .stderr(contains("has other name servers: 10.0.0.54"));
        done("veth v0 ns1 e0 --dns 10.0.0.54 --delete");
        assert_is(&bare);
        // Another's file that says the same is taken as it is, and stays.
        done("delete ns1");
        done("create ns1 --no-verify --dns 10.0.0.53");
        let given = Snapshot::settled();
        done(pair);
        done(&format!("{pair} --delete"));
        assert_is(&given);
        done(pair);
        done("delete ns1");
        assert!(!fs::exists("/etc/netns").unwrap());
    });
}

#[test]
fn what_a_reboot_leaves_is_replaced_or_removed() {
    private_host(|| {
        let before = lived_in();
        let left = || {
            done("create ns1 --no-verify --dns 10.0.0.53");
            sh("ip netns del ns1");
            assert!(fs::exists(FILE).unwrap());
        };
        for line in ["create ns1 --dns 10.0.0.53", "create ns1 --dns 10.0.0.54 --dns fd00::54"] {
            left();
            done(line);
            let (_, last) = line.rsplit_once(' ').unwrap();
            assert!(fs::read_to_string(FILE).unwrap().ends_with(&format!("nameserver {last}\n")));
            done("delete ns1");
            assert_is(&before);
        }
        left();
        let said = done("create ns1");
        assert!(said.contains(&format!("Removed {FILE}, left by an earlier `ns1`\n")), "{said}");
        done("delete ns1");
        assert_is(&before);
        for line in ["delete ns1", "delete ns1 --if-exists"] {
            left();
            done(line);
            assert_is(&before);
        }
        refused("delete ns1");
    });
}

#[test]
fn a_namespace_that_exists_has_to_have_the_servers() {
    private_host(|| {
        done("create ns1 --no-verify --dns 10.0.0.53");
        done("create ns2 --no-verify");
        unchanged(|| done("create ns1 --if-missing --dns 10.0.0.53"));
        unchanged(|| done("create ns1 --if-missing"));
        refused("create ns1 --if-missing --dns 10.0.0.54").stderr(contains(FILE));
        let assert = refused("create ns2 --if-missing --dns 10.0.0.54");
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        let (_, cures) = said.split_once("try:").expect("what to do");
        sh(cures);
        unchanged(|| done("create ns2 --if-missing --dns 10.0.0.54"));
    });
}

#[test]
fn wrong_usage() {
    private_host(|| {
        for (line, said) in [
            ("create a --dns 10.0.0.1 --dns 10.0.0.2 --dns 10.0.0.3 --dns 10.0.0.4", "at most 3"),
            ("create a --dns 10.0.0.1 --dns 10.0.0.1", "is given twice"),
            ("create a --dns 10.0.0.1/24", "without a prefix"),
            ("create a --dns 0.0.0.0", "no host can have this address"),
            ("create a --dns fe80::1", "link-local"),
            ("veth v0 a e0 --dns fe80::1%e0", "link-local"),
            ("veth v0 --host v1 --dns 10.0.0.1", "cannot be used with"),
        ] {
            refused_with(2, line).stderr(contains(said));
        }
        tool("create a --dns 127.0.0.53").success().stdout(contains("note: 127.0.0.53"));
        tool("create b --dns 10.0.0.1").success().stdout(contains("note: ").not());
    });
}
