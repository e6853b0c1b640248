//! `doctor`: each fault is produced for real, found, and cured by what is said to type.

mod support;

use predicates::str::contains;
use serde_json::Value;
use std::path::Path;
use support::labs::{FILE, TEN_LINES, file};
use support::others::{
    bridges_ask, docker_host, drop_in_other_variant, firewalld_like, strict_table,
};
use support::{
    Firewall, done, for_each_firewall, for_each_iptables, lived_in, private_host, set_sysctl, sh,
    start, succeeds, tool, unchanged, uninstall,
};
use testhost::{Faults, Mode, binary};

/// The report as JSON; what it counts and the exit code agree with it.
fn examined(words: &str) -> Vec<Value> {
    let outcome = tool(&format!("doctor --json {words}"));
    let output = outcome.get_output();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{stderr}"));
    let findings = report["findings"].as_array().expect("a list").clone();
    let count = |severity: &str| findings.iter().filter(|one| one["severity"] == severity).count();
    assert_eq!(report["broken"], count("broken"));
    assert_eq!(report["warnings"], count("warning"));
    assert_eq!(output.status.code(), Some(i32::from(count("broken") > 0)), "{stderr}");
    findings
}

/// All findings of one kind.
fn all_of(check: &str, words: &str) -> Vec<Value> {
    examined(words).into_iter().filter(|one| one["check"] == check).collect()
}

/// The first finding of the kind, which is as bad as this and has the words.
#[track_caller]
fn found(severity: &str, check: &str, words: &str) -> Value {
    let all = examined("");
    let is_it = |one: &&Value| {
        one["check"] == check
            && one["severity"] == severity
            && one["what"].as_str().is_some_and(|what| what.contains(words))
    };
    let found = all.iter().find(is_it);
    let missed = || {
        let line = |one: &Value| format!("{} {}: {}", one["severity"], one["check"], one["what"]);
        let lines: Vec<String> = all.iter().map(line).collect();
        panic!("no {severity} {check} with `{words}` in\n{}", lines.join("\n"))
    };
    found.unwrap_or_else(missed).clone()
}

/// The same; what it says to type makes it go away.
#[track_caller]
fn cured(severity: &str, check: &str, words: &str) {
    let finding = found(severity, check, words);
    let cures: Vec<&str> =
        finding["try"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(!cures.is_empty(), "{finding:#}");
    let folder = binary("netns-tool");
    let folder = folder.parent().expect("a folder").display();
    sh(&format!("PATH=/run/tmp/bin:{folder}:$PATH\n{}", cures.join("\n")));
    let left = all_of(check, "");
    let is_left =
        left.iter().any(|one| one["severity"] == severity && one["what"] == finding["what"]);
    assert!(!is_left, "{cures:?} cure nothing: {left:#?}");
}

/// A host on which nothing of the machine's own settings is seen.
fn healthy() {
    let _ = bridges_ask(false);
    for interface in ["all", "default", "lo"] {
        set_sysctl(&format!("ipv4/conf/{interface}/rp_filter"), "0");
    }
}

/// In a user namespace, the kernel shows nobody which tables the older iptables has.
fn is_legacy_hidden() -> bool {
    Path::new("/proc/net/ip_tables_names").exists()
        && std::fs::read("/proc/net/ip_tables_names").is_err()
}

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
            ["Rights", "ok", "Tools", "ok", "ok", "ok", "ok", "ok", "ok", "ok"],
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
             why: a user namespace hides its tables; what they drop is dropped for sure\n           \
             try: iptables-legacy -S FORWARD\n"
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
        ]);
        let package = |severity, check| found(severity, check, "installed")["try"][0].clone();
        assert_eq!(package("broken", "ip"), "apt-get install iproute2");
        assert_eq!(package("broken", "firewall-tool"), "apt-get install iptables");
        assert_eq!(package("warning", "ping"), "apt-get install iputils-ping");
        assert_eq!(package("note", "uplink"), "apt-get install slirp4netns");
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
fn a_policy_that_drops_is_found_with_who_set_it() {
    for_each_iptables(|_| {
        healthy();
        sh("iptables -P FORWARD DROP");
        cured(
            "warning",
            "forward",
            "the policy `DROP` of chain `FORWARD` of iptables drops what is routed",
        );
        sh("iptables -F FORWARD");
        docker_host();
        found("warning", "forward", "as Docker sets it");
    });
}

#[test]
fn bridged_traffic_that_the_policy_drops_is_broken() {
    for_each_iptables(|_| {
        healthy();
        sh("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
        if bridges_ask(true) {
            found("note", "br-netfilter", "br_netfilter shows the firewall");
            cured("broken", "forward", "drops what the ports of a bridge send to each other");
        }
    });
}

#[test]
fn what_no_rule_of_a_nat_can_outvote_is_broken() {
    for_each_firewall(|_| {
        healthy();
        strict_table();
        let blocked =
            "chain `forward` of nft table `inet strict` drops what br0 sends out over eth0";
        cured("broken", "nat-blocked", blocked);
    });
}

#[test]
fn a_firewall_that_has_a_name_is_named() {
    for_each_firewall(|_| {
        healthy();
        firewalld_like();
        cured("broken", "nat-blocked", "as firewalld sets it");
    });
}

#[test]
fn rules_in_both_variants_of_iptables_are_found() {
    for_each_iptables(|firewall: Firewall| {
        healthy();
        sh("iptables -A FORWARD -s 198.51.100.1 -j DROP");
        drop_in_other_variant(firewall);
        if firewall == Firewall::IptablesNft && is_legacy_hidden() {
            found("note", "both-iptables", "cannot be told");
            return;
        }
        found("broken", "nat-blocked", &format!("of iptables-{}", firewall.other_variant()));
        cured("warning", "both-iptables", "both variants");
    });
}

#[test]
fn forwarding_that_was_turned_off_under_a_nat_is_broken() {
    for_each_firewall(|_| {
        healthy();
        found("note", "ip-forward", "is off");
        sh("ip link add up0 type veth peer name up1; ip addr add 192.0.2.2/24 dev up0
            ip link set up0 up; ip link set up1 up");
        done("bridge br0 --addr 10.0.0.1/24");
        done("nat br0 up0");
        found("ok", "ip-forward", "is on");
        set_sysctl("ipv4/conf/br0/forwarding", "0");
        cured("broken", "ip-forward", "`br0` does not forward IPv4");
        set_sysctl("ipv4/ip_forward", "0");
        cured("broken", "ip-forward", "has been turned off");
    });
}

#[test]
fn a_strict_rp_filter_is_found() {
    private_host(|| {
        healthy();
        sh("ip link add x0 type bridge");
        set_sysctl("ipv4/conf/x0/rp_filter", "1");
        cured("warning", "rp-filter", "rp_filter is 1 (strict) for x0");
        set_sysctl("ipv4/conf/all/rp_filter", "1");
        set_sysctl("ipv4/conf/default/rp_filter", "1");
        cured("warning", "rp-filter", "rp_filter is 1 (strict)");
    });
}

#[test]
fn programs_that_would_take_over_links_are_found() {
    private_host(|| {
        // Their settings, in place of those of the machine; and what they are told by.
        sh("for folder in systemd udev NetworkManager; do rm -f /etc/$folder; mkdir /etc/$folder; done
            mkdir /etc/systemd/network /etc/udev/rules.d /etc/NetworkManager/conf.d /run/tmp/bin
            for folder in /usr/lib/systemd/network /usr/lib/udev/rules.d; do
                [ ! -d $folder ] || mount -t tmpfs none $folder
            done
            for program in nmcli networkctl udevadm; do
                printf '#!/bin/sh\\n' >/run/tmp/bin/$program; chmod 755 /run/tmp/bin/$program
            done
            for program in NetworkManager systemd-networkd systemd-udevd; do
                cp $(readlink -f $(which sleep)) /run/tmp/$program
            done");
        let run = |program: &str| start("", &format!("echo ready; exec /run/tmp/{program} 100"));
        let mut running = ["NetworkManager", "systemd-networkd", "systemd-udevd"].map(run);
        cured("warning", "network-manager", "is not told to leave veths alone");
        found("ok", "network-manager", "leaves veths alone");
        found("ok", "networkd", "leaves veths and bridges alone");
        sh(
            "printf '[Match]\\nName=*\\n[Network]\\nDHCP=yes\\n' >/etc/systemd/network/50-all.network",
        );
        cured("warning", "networkd", "50-all.network matches it");
        found("ok", "udev-link", "");
        sh(
            "printf '[Match]\\nOriginalName=*\\n[Link]\\nMACAddressPolicy=persistent\\n' >/etc/systemd/network/99-default.link",
        );
        cured("warning", "udev-link", "gives every new veth another MAC address");
        found("ok", "udev-rules", "");
        sh(
            r#"echo 'ACTION=="add", SUBSYSTEM=="net", RUN+="/bin/true"' >/etc/udev/rules.d/70-x.rules"#,
        );
        found("warning", "udev-rules", "RUN+=");
        for program in &mut running {
            program.kill().expect("end it");
            program.wait().expect("its end");
        }
        found("ok", "networkd", "does not run");
    });
}

#[test]
fn a_lab_that_does_not_fit_is_found() {
    private_host(|| {
        healthy();
        sh("ip link add up0 type veth peer name up1; ip addr add 192.0.2.2/24 dev up0
            ip link set up0 up; ip link set up1 up; ip route add default via 192.0.2.1");
        file(TEN_LINES);
        tool(&format!("doctor {FILE}"))
            .success()
            .stdout(contains("Lab\n  ok       the subnets of lab `lab` are free on this host\n"))
            .stdout(contains("  ok       nothing is in the way of `up` for lab `lab`\n"));
        sh("ip route add 10.0.0.0/16 dev up0");
        assert_eq!(all_of("subnet", ""), [Value::Null; 0]);
        let clash = &all_of("subnet", FILE)[0];
        assert_eq!(clash["severity"], "broken");
        let what = "the subnet 10.0.0.0/24 of bridge `br0` is in the way of a network of the host, whose route is `10.0.0.0/16 dev up0`";
        assert_eq!(clash["what"], what);
        tool(&format!("doctor {FILE}")).code(1);
        sh("ip route del 10.0.0.0/16 dev up0; ip netns add web");
        assert_eq!(all_of("plan", FILE)[0]["severity"], "broken");
        sh("ip netns del web");
        strict_table();
        let blocked = &all_of("nat-blocked", FILE)[0];
        assert!(
            blocked["what"].as_str().is_some_and(|what| what.contains("br0 sends out over up0")),
            "{blocked}"
        );
        sh("nft delete table inet strict");
        done(&format!("up -q {FILE}"));
        assert_eq!(all_of("plan", FILE)[0]["what"], "lab `lab` is up, as its file says");
        tool("doctor /run/tmp/nothing.toml").failure().stdout("");
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
