//! `doctor`: each fault of the network itself is produced for real, found, and cured by what is said to type.

mod support;

use predicates::str::contains;
use serde_json::Value;
use support::doctor::{all_of, cured, found, healthy, is_legacy_hidden};
use support::labs::{FILE, TEN_LINES, file};
use support::others::{
    bridges_ask, docker_host, drop_in_other_variant, firewalld_like, strict_table,
};
use support::{
    Firewall, done, for_each_firewall, for_each_iptables, private_host, set_sysctl, sh, start, tool,
};

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

/// A NAT's own rules let its bridge through, and that alone.
#[test]
fn a_policy_that_drops_is_found_beside_a_nat_too() {
    for_each_iptables(|_| {
        healthy();
        sh("ip link add eth0 type veth peer name far; ip addr add 192.0.2.2/24 dev eth0");
        done("bridge br0 --addr 10.0.0.1/24");
        done("nat br0 eth0");
        sh("iptables -P FORWARD DROP");
        found("warning", "forward", "drops what is routed");
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
fn of_each_family_its_own_switch_of_br_netfilter_counts() {
    for_each_iptables(|_| {
        healthy();
        done("bridge br6 --addr fd00:6::1/64");
        sh("ip6tables -P FORWARD DROP");
        if !bridges_ask(false) {
            return;
        }
        set_sysctl("bridge/bridge-nf-call-iptables", "1");
        found("warning", "forward", "of ip6tables drops what is routed");
        set_sysctl("bridge/bridge-nf-call-iptables", "0");
        set_sysctl("bridge/bridge-nf-call-ip6tables", "1");
        found("note", "br-netfilter", "bridge-nf-call-ip6tables is 1");
        let what = "of ip6tables drops what the ports of a bridge send to each other";
        let one = found("broken", "forward", what);
        let cures = one["try"].to_string();
        assert!(cures.contains("bridge-nf-call-ip6tables=0"), "{cures}");
        assert!(!cures.contains("bridge-nf-call-iptables=0"), "{cures}");
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
        cured("note", "udev-link", "another MAC address");
        found("ok", "udev-rules", "");
        // Those that systemd brings.
        sh(
            r#"echo 'ACTION=="add", SUBSYSTEM=="net", KERNEL!="lo", RUN+="/lib/systemd/systemd-sysctl --prefix=/net/ipv4/conf/$name"' >/etc/udev/rules.d/99-systemd.rules"#,
        );
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
        let cannot_be_typed = "another subnet in the lab's file";
        assert!(clash["why"].as_str().is_some_and(|why| why.ends_with(cannot_be_typed)), "{clash}");
        assert_eq!(clash["try"], serde_json::json!([]));
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
