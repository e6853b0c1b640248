//! What is somebody else's is not touched, whatever it looks like, and whenever it came: a killed command's plan, a
//! crafted mark, a name that now means another thing.

mod support;

use predicates::str::contains;
use support::{
    assert_is, done, has_link, ip, namespaces, private_host, refused, sh, succeeds, sysctl, tool,
    unchanged,
};
use testhost::{Faults, Mode, Snapshot, binary, foreign_objects, warm_up};

const HOST: &str = "";

/// Runs a command that is killed at its call `k`, so that its journal stays.
fn killed(line: &str, k: usize, mode: Mode) {
    let faults = Faults::install();
    faults.reset();
    faults.arm(k, mode);
    tool(line);
    assert!(faults.fired() == 1, "`{line}` was not killed");
    faults.reset();
    assert!(std::path::Path::new("/run/netns-tool/journal").exists());
}

#[test]
fn delete_knows_which_pair_is_meant_though_the_numbers_are_alike() {
    private_host(|| {
        done("create ns1 ns2 ns3 ns4");
        done("veth a ns3 c --host-ns ns1");
        done("veth b ns4 d --host-ns ns2");
        refused("veth a ns2 b --host-ns ns1 --delete")
            .stderr(contains("the other end of `a` is not `b`"));
        done("veth a ns3 c --host-ns ns1 --delete");
        assert!(has_link("ns2", "b") && has_link("ns4", "d"));
    });
}

#[test]
fn recover_leaves_a_namespace_that_came_after_the_kill() {
    private_host(|| {
        warm_up();
        killed("create web", 1, Mode::KillToolBefore);
        sh("ip netns add web; ip -n web link set lo up; ip -n web addr add 10.9.9.9/32 dev lo");
        let before = Snapshot::settled();
        done("recover");
        assert_eq!(namespaces(), ["web"]);
        assert!(before.diff(&Snapshot::take()).is_some(), "the journal is gone");
        assert!(succeeds("ip netns exec web ping -c 1 10.9.9.9"));
    });
}

#[test]
fn recover_leaves_a_port_that_somebody_else_has_made_one() {
    private_host(|| {
        warm_up();
        sh("ip link add eth9 type veth peer name far; ip link add br-adm type bridge");
        // The calls: make the bridge, mark it, attach.
        killed("bridge br7 --attach eth9", 3, Mode::KillToolBefore);
        sh("ip link set eth9 master br-adm up");
        done("recover");
        assert!(!has_link(HOST, "br7"));
        let eth9 = ip(HOST, "link show dev eth9");
        assert!(eth9.contains("master br-adm") && eth9.contains(",UP"), "{eth9}");
    });
}

#[test]
fn recover_finds_a_pair_by_the_end_that_is_still_ours() {
    private_host(|| {
        warm_up();
        done("create red");
        killed("veth v0 red e0", 1, Mode::KillToolAfter);
        sh("ip link set v0 name v0old; ip link add v0 type veth peer name v1");
        done("recover");
        assert!(has_link(HOST, "v0") && has_link(HOST, "v1"), "the stranger's pair");
        assert!(!has_link(HOST, "v0old") && !has_link("red", "e0"), "ours");
    });
}

#[test]
fn recover_goes_on_past_what_is_gone_by_itself() {
    private_host(|| {
        warm_up();
        sh("ip link add up0 type veth peer name up1; ip link set up0 up; ip addr add 192.0.2.2/24 dev up0
            ip link add wg0 type veth peer name wg1; echo 1 > /proc/sys/net/ipv4/conf/wg0/forwarding");
        done("bridge br0 --addr 10.0.0.1/24");
        // The calls: list the rules (twice, if there are none), filter, nat, list again; forwarding is on by then.
        killed("nat br0 up0 --timeout 5", last_call("nat br0 up0"), Mode::KillToolBefore);
        assert_eq!(sysctl("ipv4/ip_forward"), "1");
        sh("ip link del wg0; iptables -D FORWARD 1");
        done("recover");
        assert_eq!(sysctl("ipv4/ip_forward"), "0");
        assert!(!succeeds("iptables-save | grep netns-tool"));
    });
}

/// The number of calls that a command makes; it is taken back.
fn last_call(line: &str) -> usize {
    let faults = Faults::install();
    faults.reset();
    done(line);
    let calls = faults.calls().len();
    done(&format!("{line} --delete"));
    faults.reset();
    calls
}

#[test]
fn what_is_no_file_is_no_namespace() {
    private_host(|| {
        sh("ip netns add red; mkdir /run/place; mount -t tmpfs tmpfs /run/place
            ln -s /run/place /run/netns/lnk; ln -s red /run/netns/other; mkfifo /run/netns/fifo; mkdir /run/netns/folder");
        for (name, what) in [
            ("lnk", "symbolic link"),
            ("other", "symbolic link"),
            ("fifo", "special file"),
            ("folder", "folder"),
        ] {
            for line in [
                format!("delete {name} --force"),
                format!("create {name}"),
                format!("veth v0 {name} e0"),
            ] {
                // Without a snapshot: its reader would wait for a writer of the FIFO.
                tool(&line).code(1).stderr(contains(what));
            }
        }
        assert!(succeeds("mountpoint -q /run/place") && succeeds("ip netns exec red true"));
    });
}

#[test]
fn a_namespace_of_another_kind_disturbs_no_other() {
    private_host(|| {
        done("create web");
        for kind in ["uts", "user", "pid"] {
            sh(&format!(
                "touch /run/netns/odd-{kind}; mount --bind /proc/self/ns/{kind} /run/netns/odd-{kind}"
            ));
            let odd = format!("odd-{kind}");
            let listed = done("list");
            let line = listed.lines().find(|line| line.starts_with(&odd)).unwrap();
            assert!(line.contains("a namespace of another kind"), "{listed}");
            let shown = done(&format!("show {odd}"));
            assert!(shown.contains("of another kind") && shown.contains("try: umount"), "{shown}");
            refused(&format!("delete {odd} --force")).stderr(contains("of another kind"));
            refused(&format!("exec {odd} -- true")).stderr(contains("of another kind"));
            for line in ["show web", "graph", "labs", "exec web -- true", "veth v0 web eth0"] {
                done(line);
            }
            done("veth v0 web eth0 --delete");
            tool("doctor").stdout(contains(format!("umount /run/netns/{odd}")));
        }
    });
}

#[test]
fn a_namespace_of_others_below_ours_is_not_deleted_with_it() {
    private_host(|| {
        done("create ours");
        sh("ip netns add theirs; mount --bind /run/netns/ours /run/netns/theirs");
        refused("delete theirs").stderr(contains("several namespaces"));
        done("delete theirs --force");
        assert_eq!(namespaces(), ["ours"]);
    });
}

#[test]
fn rules_whose_comment_only_begins_like_ours_stay() {
    private_host(|| {
        warm_up();
        sh(
            "ip link add up0 type veth peer name up1; ip link set up0 up; ip addr add 192.0.2.2/24 dev up0",
        );
        done("bridge br0 --addr 10.0.0.1/24");
        sh("iptables -A INPUT -m comment --comment 'netns-tool nat br0 up0 before on=1,2' -j ACCEPT
            iptables -A FORWARD -m comment --comment \"netns-tool nat br0 up0 (bob's)\" -j ACCEPT");
        let before = Snapshot::settled();
        done("nat br0 up0");
        done("nat br0 up0 --delete");
        assert_is(&before);
    });
}

#[test]
fn forwarding_is_put_back_though_the_rules_were_flushed() {
    private_host(|| {
        warm_up();
        foreign_objects();
        sh(
            "ip link add up0 type veth peer name up1; ip link set up0 up; ip addr add 192.0.2.2/24 dev up0",
        );
        done("bridge br0 --addr 10.0.0.1/24");
        let before = Snapshot::settled();
        done("nat br0 up0");
        sh(
            "iptables-save -t filter | grep -- '-A FORWARD.*netns-tool' | sed 's/^-A/iptables -D/' | sh",
        );
        done("nat br0 up0");
        done("nat br0 up0 --delete");
        assert_is(&before);
    });
}

#[test]
fn a_journal_that_means_nothing_is_not_taken_for_undone() {
    private_host(|| {
        warm_up();
        killed("create j1", 1, Mode::KillToolAfter);
        sh("sed -i 's/\"Step\"/\"Schritt\"/' /run/netns-tool/journal");
        unchanged(|| tool("recover").code(4).stderr(contains("/run/netns-tool/journal")));
        assert_eq!(namespaces(), ["j1"]);
    });
}

#[test]
fn a_bridge_forgets_the_ports_that_left_by_themselves() {
    private_host(|| {
        done("bridge br0");
        for _ in 0..60 {
            sh("ip link add p type veth peer name q");
            done("bridge br0 --if-missing --attach p");
            sh("ip link del p");
        }
        done("create nb");
        done("veth a --host a1");
        done("bridge br1 --attach a --if-missing");
        done("veth b nb b1");
        done("bridge br1 --attach b --if-missing");
        done("delete nb");
        done("bridge br1 --attach a --if-missing --delete");
        assert!(!has_link(HOST, "br1") && has_link(HOST, "a"));
    });
}

#[test]
fn nothing_is_made_where_only_this_shell_would_see_it() {
    private_host(|| {
        // As systemd leaves it on a host.
        sh("mount --make-shared /run");
        done("create a b");
        let tool = binary("netns-tool").display().to_string();
        for inside in ["ip netns exec a", "unshare --mount", "unshare --mount --propagation slave"]
        {
            for words in ["create c", "delete b", "--dry-run create c"] {
                let said = unchanged(|| {
                    sh(&format!("{inside} {tool} {words} 2>&1 && exit; echo \"exit code $?\""))
                });
                assert!(said.contains("this shell alone"), "{inside} {words}: {said}");
                assert!(said.contains("exit code 3"), "{inside} {words}: {said}");
            }
            // What is there can be used, and what is asked for can be there already.
            sh(&format!("{inside} {tool} create --if-missing b"));
            sh(&format!("{inside} {tool} veth v0 b e0; {inside} {tool} veth v0 b e0 --delete"));
        }
        // What the message says to type.
        sh(&format!("ip netns exec a nsenter --target 1 --mount {tool} create c"));
        assert_eq!(namespaces(), ["a", "b", "c"]);
        assert!(succeeds("ip netns exec c true"));
        sh(&format!("ip netns exec a nsenter --target 1 --mount {tool} delete c"));
        // Mounts that are shared, and a folder of one's own, are as good as elsewhere.
        sh(&format!("unshare --mount --propagation unchanged {tool} create c"));
        assert!(succeeds("ip netns exec c true"));
        sh(&format!(
            "unshare --mount sh -c 'mount -t tmpfs none /run; {tool} create d && {tool} delete d'"
        ));
        assert_eq!(namespaces(), ["a", "b", "c"]);
    });
}
