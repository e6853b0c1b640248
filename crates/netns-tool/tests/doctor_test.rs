//! `doctor`: each fault of tools, of the kernel, of namespaces and of what is left is produced for real, found, and cured by
//! what is said to type.

mod support;

use std::path::Path;
use support::doctor::{cured, found, healthy, is_legacy_hidden};
use support::labs::file;
use support::{
    done, for_each_firewall, lived_in, private_host, sh, start, succeeds, tool, unchanged,
    uninstall,
};
use testhost::{Faults, Mode, binary};

#[test]
fn a_healthy_host_is_told_in_a_line_for_each_thing() {
    private_host(|| {
        healthy();
        let text = done("doctor --color never");
        let (head, kernel) = text.split_once("Kernel\n").expect("a heading");
        let (kernel, rest) = kernel.split_once("Forwarding\n").expect("a heading");
        let heads: Vec<&str> =
            head.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(
            heads,
            ["Rights", "ok", "Tools", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok"],
            "{head}"
        );
        for feature in ["Linux ", "veth", "bridge", "NAT", "nf_tables", "IPv6"] {
            assert!(kernel.contains(&format!("  ok       {feature}")), "{kernel}");
        }
        let bridged = if Path::new("/proc/sys/net/bridge").exists() {
            "br_netfilter leaves alone what bridges switch"
        } else {
            "br_netfilter is not loaded: bridges switch without the firewall"
        };
        let hidden = if is_legacy_hidden() {
            "  note     whether iptables-legacy has rules, too, cannot be told\n           \
             why: a user namespace hides its tables; what they drop is dropped for sure; `iptables-legacy -S FORWARD` tells it\n"
        } else {
            ""
        };
        assert_eq!(
            rest,
            format!(
                "  note     IPv4 forwarding is off\n           \
                why: `nat` turns it on, and off again with --delete; without a NAT, this host does not route between its links (`sysctl -w net.ipv4.ip_forward=1`)\n  \
                ok       rp_filter is not strict\n  \
                ok       {bridged}\n\
                Firewall\n{hidden}  \
                ok       iptables: nothing drops what is forwarded\n\
                Programs that manage interfaces\n  \
                ok       NetworkManager does not run\n  \
                ok       systemd-networkd does not run\n  \
                ok       systemd-udevd does not run\n\
                Namespaces\n  \
                ok       /run/netns is not mounted yet: the first namespace does that\n  \
                ok       no namespaces are in /run/netns\n\
                Leftovers\n  \
                ok       netns-tool has left nothing behind\n\
                Nothing will break\n"
            )
        );
    });
}

#[test]
fn it_changes_nothing_on_any_host() {
    for_each_firewall(|_| {
        healthy();
        lived_in();
        done("bridge br0 --addr 10.0.0.1/24");
        done("nat br0 fveth0");
        unchanged(|| tool("doctor"));
        unchanged(|| tool(&format!("doctor {}", file("[namespace.web]\n"))));
    });
}

#[test]
fn the_report_can_be_short_coloured_or_json() {
    private_host(|| {
        healthy();
        assert_eq!(done("doctor -q"), "");
        sh("mkdir /run/netns; touch /run/netns/stub");
        let brief = tool("doctor -q --color always").code(1);
        brief
            .stdout(predicates::str::starts_with(
                "Namespaces\n  \u{1b}[1;31mbroken \u{1b}[0m  /run/netns/stub ",
            ))
            .stdout(predicates::str::ends_with("1 thing will break\n"));
        let finding = found("broken", "netns-files", "stub");
        let mut keys: Vec<&String> = finding.as_object().expect("an object").keys().collect();
        keys.sort();
        assert_eq!(keys, ["check", "severity", "topic", "try", "what", "why"]);
        assert_eq!(finding["topic"], "namespaces");
        assert_eq!(finding["try"], serde_json::json!(["netns-tool delete stub"]));
    });
}

#[test]
fn tools_that_are_missing_are_named_with_their_packages() {
    private_host(|| {
        uninstall(&[
            "ip",
            "iptables",
            "iptables-save",
            "nft",
            "ping",
            "ip6tables-save",
            "slirp4netns",
            "pasta",
            "tcpdump",
        ]);
        let package = |severity, check| found(severity, check, "installed")["try"][0].clone();
        assert_eq!(package("broken", "ip"), "apt-get install iproute2");
        assert_eq!(package("broken", "firewall-tool"), "apt-get install iptables");
        assert_eq!(package("warning", "ping"), "apt-get install iputils-ping");
        assert_eq!(package("note", "uplink"), "apt-get install slirp4netns");
        assert_eq!(package("note", "tcpdump"), "apt-get install tcpdump");
    });
}

#[test]
fn a_tool_that_others_can_change_is_found() {
    private_host(|| {
        sh("cp $(readlink -f $(which ping)) /run/tmp/copy; chown 0:0 /run/tmp/copy; chmod 777 /run/tmp/copy
            mount --bind /run/tmp/copy $(readlink -f $(which ping))");
        cured("broken", "ping", "somebody but root can change it");
    });
}

/// As in a container, which sees nothing of the kernel's files.
#[test]
fn what_the_kernel_does_not_say_is_tried_and_leaves_nothing() {
    private_host(|| {
        sh("touch /run/tmp/empty
            for file in /proc/modules /proc/config.gz /boot/config-$(uname -r); do
                [ ! -e $file ] || mount --bind /run/tmp/empty $file
            done
            for folder in /lib/modules /usr/lib/modules; do
                [ ! -d $folder ] || mount -t tmpfs none $folder
            done");
        lived_in();
        unchanged(|| {
            for (module, name) in [("veth", "veth"), ("bridge", "bridge"), ("nf_nat", "NAT")] {
                found("ok", module, &format!("{name} (tried)"));
            }
            found("note", "sch_netem", "cannot be told");
        });
    });
}

#[test]
fn what_forbids_namespaces_is_found() {
    private_host(|| {
        healthy();
        // The switches themselves are the machine's.
        sh("echo 0 >/run/tmp/zero
            for name in user net pid; do mount --bind /run/tmp/zero /proc/sys/user/max_${name}_namespaces; done");
        let users = found("warning", "user-namespaces", "`user.max_user_namespaces` is 0");
        assert_eq!(users["try"][0], "sysctl -w user.max_user_namespaces=10000");
        found("broken", "net-namespaces", "`user.max_net_namespaces` is 0");
        found("warning", "private-hosts", "`user.max_pid_namespaces` is 0");
    });
}

#[test]
fn broken_files_and_mounts_of_namespaces_are_found_and_cured() {
    private_host(|| {
        done("create web");
        sh("touch /run/netns/stub; mkdir /run/netns/folder; ip netns add twice
            mount --bind /run/netns/twice /run/netns/twice");
        found("warning", "netns-files", "/run/netns/folder is a folder");
        cured("broken", "netns-files", "/run/netns/stub is a file without a namespace");
        cured("warning", "netns-files", "on /run/netns/twice, 2 mounts");
        sh("rmdir /run/netns/folder");
        found("ok", "netns-files", "2 namespaces in /run/netns, none of them broken");
        found("ok", "propagation", "shared");
        sh("mount --make-private /run/netns");
        cured("warning", "propagation", "privately");
    });
}

#[test]
fn a_namespace_within_ip_netns_exec_is_told_to_be_unseen() {
    private_host(|| {
        done("create web");
        let tool = binary("netns-tool");
        let said = sh(&format!(
            "mount --make-rshared /; ip netns exec web {} doctor || true",
            tool.display()
        ));
        assert!(
            said.contains("warning  /run/netns is that of the host, but its mounts are not"),
            "{said}"
        );
    });
}

#[test]
fn namespaces_without_a_name_are_found_with_who_keeps_them() {
    private_host(|| {
        done("create web");
        done("veth v0 web eth0");
        let mut keeper = start("web", "echo ready; exec sleep 60");
        sh("ip netns del web");
        let orphan = found("warning", "orphans", "a namespace of netns-tool has lost its name");
        assert!(
            orphan["what"].as_str().is_some_and(|what| what.contains("`sleep 60`")),
            "{orphan}"
        );
        cured("warning", "links", "`v0` leads to a namespace that has no name");
        cured("warning", "orphans", "lost its name");
        keeper.wait().expect("its end");
        sh("ip netns add theirs");
        let mut theirs = start("theirs", "echo ready; exec sleep 61");
        sh("ip netns del theirs");
        found("note", "orphans-of-others", "1 namespace of others");
        theirs.kill().expect("end the process inside");
        theirs.wait().expect("its end");
    });
}

#[test]
fn what_killed_commands_have_left_is_found_and_cured() {
    private_host(|| {
        let faults = Faults::install();
        faults.arm(1, Mode::KillToolAfter);
        let _ = tool("create web");
        faults.disarm();
        assert!(Path::new("/run/netns-tool/journal").exists());
        cured("warning", "journal", "a killed netns-tool");
        sh("ip link add h0 group 28276 type bridge");
        cured("warning", "links", "`h0` bears half of netns-tool's mark");
        sh(
            "ip link add up0 type veth peer name up1; ip addr add 192.0.2.2/24 dev up0; ip link set up0 up",
        );
        done("bridge br0 --addr 10.0.0.1/24");
        done("nat br0 up0");
        sh("ip link del br0");
        cured("warning", "nats", "there is no `br0`");
        done("create named --dns 192.0.2.53");
        sh("ip netns del named");
        cured("warning", "etc", "/etc/netns/named has files of netns-tool");
        sh("mkdir -p /run/netns-tool-labs/old");
        cured("note", "logs", "/run/netns-tool-labs/old");
        found("ok", "leftovers", "");
    });
}

#[test]
fn an_ordinary_user_is_told_what_was_not_examined() {
    private_host(|| {
        healthy();
        done("create web");
        // In a user namespace there is no other user to be: root without its rights has to do.
        let can_be_another = succeeds("setpriv --reuid 65534 --clear-groups true");
        std::fs::copy(binary("netns-tool"), "/run/tmp/any").expect("a copy that all may run");
        let (user, rights) = if can_be_another {
            ("--reuid 65534 --clear-groups", "note     not run as root")
        } else {
            ("--bounding-set=-all --inh-caps=-all", "broken   CAP_NET_ADMIN is missing")
        };
        let said = sh(&format!("setpriv {user} /run/tmp/any doctor || echo code $?"));
        assert!(said.contains(rights), "{said}");
        assert!(said.contains("note     1 namespace could not be looked into"), "{said}");
        assert_eq!(said.contains("code 1"), !can_be_another, "{said}");
    });
}
