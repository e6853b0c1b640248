//! `create`: namespaces that stay, with a loopback that works.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use std::path::Path;
use support::{HOST, done, http_get, inside, ip, is_up, namespaces, ping, private_host, refused};
use support::{replace, sh, tool, unchanged, uninstall};

#[test]
fn test_create_network_namespace() {
    private_host(|| {
        tool("create test-create-ns").success().stdout(contains("Created network namespace"));
        assert!(Path::new("/run/netns/test-create-ns").exists());
    });
}

#[test]
fn test_create_namespace_has_loopback() {
    private_host(|| {
        tool("create test-loopback-ns").success();
        let links = sh("ip netns exec test-loopback-ns ip link show");
        assert!(links.contains("lo:"), "{links}");
        assert!(links.contains("state UP") || links.contains("UP,LOWER_UP"), "{links}");
    });
}

#[test]
fn test_ping_localhost_works() {
    private_host(|| {
        tool("create test-ping-ns").success();
        let answer = sh("ip netns exec test-ping-ns ping -c 1 127.0.0.1");
        assert!(answer.contains("1 packets transmitted, 1 received"), "{answer}");
    });
}

#[test]
fn says_what_it_made_and_where() {
    private_host(|| {
        tool("create ns1").success().stderr("").stdout(
            "Created network namespace `ns1` at /run/netns/ns1\nLoopback is up (127.0.0.1 answers)\n",
        );
    });
}

#[test]
fn makes_the_folder_of_namespaces_where_it_is_missing() {
    private_host(|| {
        assert!(!Path::new("/run/netns").exists());
        done("create ns1");
        assert_eq!(namespaces(), ["ns1"]);
        done("delete ns1");
        sh("umount /run/netns; rmdir /run/netns");
        done("create ns2");
        assert_eq!(namespaces(), ["ns2"]);
    });
}

#[test]
fn a_namespace_stays_without_a_process_and_is_one_of_its_own() {
    private_host(|| {
        done("create ns1");
        sh("ip link add name br0 type bridge");
        let [here, there] =
            [HOST, "ns1"].map(|place| sh(&format!("{}readlink /proc/self/ns/net", inside(place))));
        assert_ne!(here, there);
        assert_eq!(sh("ip netns pids ns1"), "", "nobody keeps it alive");
        assert_eq!(ip("ns1", "-br link").lines().count(), 1, "nothing of the host is in it");
        assert_eq!(sh("stat -f -c %T /run/netns/ns1").trim(), "nsfs");
    });
}

#[test]
fn makes_several_at_once() {
    private_host(|| {
        let said = done("create red green blue red");
        assert_eq!(namespaces(), ["blue", "green", "red"]);
        for name in namespaces() {
            assert!(
                said.contains(&format!("Created network namespace `{name}` at /run/netns/{name}")),
                "{said}"
            );
            ping(&name, "127.0.0.1");
            ping(&name, "::1");
        }
    });
}

#[test]
fn a_program_inside_can_talk_to_itself() {
    private_host(|| {
        done("create ns1 ns2");
        for name in ["ns1", "ns2"] {
            assert_eq!(http_get(name, name, "127.0.0.1:80").unwrap(), "you are 127.0.0.1");
        }
    });
}

#[test]
fn adds_addresses_to_the_loopback() {
    private_host(|| {
        tool("create ns1 ns2 --addr 10.9.9.9/32 --addr fd09::9/128").success().stdout(
            contains("Loopback is up (127.0.0.1 answers), 10.9.9.9/32, fd09::9/128").count(2),
        );
        for name in ["ns1", "ns2"] {
            ping(name, "10.9.9.9");
            ping(name, "fd09::9");
            assert_eq!(http_get(name, name, "10.9.9.9:80").unwrap(), "you are 10.9.9.9");
            assert_eq!(http_get(name, name, "[fd09::9]:80").unwrap(), "you are fd09::9");
        }
    });
}

#[test]
fn an_existing_name_is_an_error_and_changes_nothing() {
    private_host(|| {
        done("create ns1 --addr 10.9.9.9/32");
        sh("ip netns add foreign");
        refused("create ns1").stderr(
            contains("network namespace `ns1` already exists").and(contains("--if-missing")),
        );
        refused("create foreign").stderr(contains("`foreign` already exists"));
        refused("create new1 ns1 new2").stderr(contains("`ns1` already exists"));
        assert_eq!(namespaces(), ["foreign", "ns1"], "none of several");
    });
}

#[test]
fn if_missing_takes_a_sound_one_for_a_success() {
    private_host(|| {
        done("create ns1 --addr 10.9.9.9/32");
        sh("ip netns add foreign; ip -n foreign link set dev lo up");
        let said = unchanged(|| done("create ns1 foreign --if-missing"));
        assert!(said.contains("`ns1` exists") && !said.contains("Created"), "{said}");
        unchanged(|| done("create ns1 --if-missing --addr 10.9.9.9/32"));
        let said = done("create ns1 ns2 --if-missing");
        assert!(said.contains("`ns1` exists"), "{said}");
        assert!(said.contains("Created network namespace `ns2`"), "{said}");
        ping("ns2", "127.0.0.1");
    });
}

#[test]
fn one_that_is_not_as_asked_for_is_an_error_with_the_cures() {
    private_host(|| {
        sh("ip netns add ns1");
        let line = "create ns1 --if-missing --addr 10.9.9.9/32 --addr fd09::9/128";
        let assert = refused(line).stderr(contains("`ns1` exists, but not as asked for"));
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        let cures: Vec<&str> =
            said.lines().filter_map(|line| Some(line.split_once(" ip -n ns1 ")?.1)).collect();
        assert_eq!(cures.len(), 3, "{said}");
        for cure in cures {
            ip("ns1", cure);
        }
        unchanged(|| done(line));
    });
}

#[test]
fn a_leftover_file_is_reported_as_broken_with_the_cure() {
    private_host(|| {
        sh("ip netns add other; touch /run/netns/ns1");
        for line in ["create ns1", "create ns1 --if-missing", "create new ns1 --if-missing"] {
            refused(line)
                .stderr(contains("`ns1` is broken").and(contains("netns-tool delete ns1")));
        }
        // The cure cures.
        done("delete ns1");
        done("create ns1");
        ping("ns1", "127.0.0.1");
    });
}

#[test]
fn verifies_with_a_ping_inside() {
    private_host(|| {
        let pings = contains("+ ip netns exec ns1 ping");
        tool("--verbose create ns1").success().stderr(pings.clone());
        tool("--verbose create ns2 --no-verify")
            .success()
            .stderr(pings.not().and(contains("+ ip netns add ns2")));
    });
}

#[test]
fn a_loopback_that_does_not_answer_fails_it_and_leaves_nothing() {
    private_host(|| {
        testhost::warm_up();
        replace("ping", "false");
        refused("create ns1 ns2").stderr(
            contains("127.0.0.1")
                .and(contains("ns1"))
                .and(contains("undone:"))
                .and(contains("the host is as it was")),
        );
        tool("create ns1 --no-verify").success().stdout(contains("Loopback is up (not verified)"));
        assert!(is_up("ns1", "lo"));
    });
}

#[test]
fn a_ping_that_others_can_change_is_not_run_and_the_report_says_so() {
    private_host(|| {
        sh("cp $(readlink -f $(which ping)) /run/tmp/ping; chown 0:0 /run/tmp/ping; chmod 777 /run/tmp/ping
            mount --bind /run/tmp/ping $(readlink -f $(which ping))");
        tool("create ns1").success().stdout(contains(
            "127.0.0.1 is there; /usr/bin/ping is not run: somebody but root can change it",
        ));
        assert!(is_up("ns1", "lo"));
    });
}

#[test]
fn works_where_ping_is_not_installed() {
    private_host(|| {
        uninstall(&["ping"]);
        assert!(!support::succeeds("command -v ping"), "`ping` is gone");
        tool("create ns1")
            .success()
            .stdout(contains("oopback is up").and(contains("`ping` is not installed")));
        assert!(is_up("ns1", "lo"));
        assert_eq!(http_get("ns1", "ns1", "127.0.0.1:80").unwrap(), "you are 127.0.0.1");
    });
}

#[test]
fn without_ping_it_looks_whether_the_loopback_has_its_address() {
    private_host(|| {
        testhost::warm_up();
        uninstall(&["ping"]);
        // An `ip` after which the loopback is up, but has lost 127.0.0.1.
        sh("cp $(readlink -f $(which ip)) /run/tmp/ip
            printf '%s\\n' '#!/bin/sh' '/run/tmp/ip \"$@\" || exit' \\
                'case \"$*\" in *\" lo \"*up*) /run/tmp/ip -n $2 addr flush dev lo;; esac' >/run/tmp/shim
            chmod 755 /run/tmp/shim; mount --bind /run/tmp/shim $(readlink -f $(which ip))");
        refused("create ns1").stderr(contains("127.0.0.1").and(contains("the host is as it was")));
        assert!(namespaces().is_empty());
        done("create ns1 --no-verify");
    });
}

#[test]
fn wrong_names_and_addresses_are_wrong_usage() {
    private_host(|| {
        let wrong =
            ["create", "create -all", "create a/b", "create ..", "create 1516", "create lo"];
        let addresses = [
            "create ns1 --addr 10.0.0.1",
            "create ns1 --addr 10.0.0.0/24",
            "create ns1 --addr x/8",
        ];
        for line in wrong.iter().chain(&addresses) {
            unchanged(|| tool(line)).code(2).stdout("");
        }
        assert!(!Path::new("/run/netns").exists());
    });
}
