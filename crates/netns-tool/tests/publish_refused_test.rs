//! `nat BRIDGE --publish`: what it refuses, and whom it names.

mod support;

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use support::echo::Occupant;
use support::internet::{CLIENT, bridge, lab};
use support::others::{DOCKERS_PORT, docker_host};
use support::{Firewall, for_each_firewall, for_each_iptables};
use support::{
    HOST, Protocol, done, ip, private_host, reaches_by, refused, refused_with, sh, tool,
};
use testhost::binary;

#[test]
fn a_listener_in_the_way_is_named() {
    for_each_firewall(|_| {
        lab();
        done("nat br0 up0");
        let who = fs::read_to_string("/proc/self/comm").expect("the name of this process");
        for (listener, protocol, publish) in [
            ("0.0.0.0:8080", Protocol::Tcp, "8080:10.0.0.2:80"),
            ("0.0.0.0:8080", Protocol::Udp, "8080:10.0.0.2:80/udp"),
            ("127.0.0.1:8080", Protocol::Tcp, "8080:10.0.0.2:80"),
            ("[::]:8080", Protocol::Tcp, "8080:[fd00::2]:80"),
            ("[::]:8080", Protocol::Tcp, "8080:10.0.0.2:80"),
            ("192.0.2.2:8005", Protocol::Tcp, "8000-8010:10.0.0.2:8000-8010"),
        ] {
            let occupant = Occupant::of(protocol, listener);
            refused(&format!("nat br0 up0 --publish 9000:10.0.0.2:80 --publish {publish}")).stderr(
                contains(who.trim()).and(contains(if publish.contains('-') {
                    "8005"
                } else {
                    "8080"
                })),
            );
            drop(occupant);
        }
        done("nat br0 up0 --publish 8080:10.0.0.2:80");
    });
}

#[test]
fn a_listener_elsewhere_is_not_in_the_way() {
    private_host(|| {
        lab();
        done("nat br0 up0");
        ip(HOST, "addr add 192.0.2.77/24 dev up0");
        let _others = [
            Occupant::of(Protocol::Udp, "0.0.0.0:8080"),
            Occupant::of(Protocol::Tcp, "192.0.2.77:8080"),
            Occupant::of(Protocol::Tcp, "0.0.0.0:8081"),
        ];
        // Another protocol, another address, another port; and the port 80 that `a` itself listens on.
        done("nat br0 up0 --publish 192.0.2.2:8080:10.0.0.2:80");
        reaches_by(Protocol::Tcp, "client", "192.0.2.2:8080", &format!("you are {CLIENT} on a:80"));
    });
}

#[test]
fn a_port_that_is_published_already_is_named() {
    for_each_firewall(|_| {
        lab();
        bridge(1, &["c"]);
        done("nat br0 up0");
        done("nat br1 up0");
        done(
            "nat br0 up0 --publish 8080:10.0.0.2:80 --publish 192.0.2.2:9000-9010:10.0.0.2:9000-9010",
        );
        for (line, port) in [
            ("nat br0 up0 --publish 8080:10.0.0.2:80", "8080"),
            ("nat br0 up0 --publish 8080:10.0.0.3:80", "8080"),
            ("nat br1 up0 --publish 8080:10.1.0.2:80", "8080"),
            ("nat br1 up0 --publish 192.0.2.2:8080:10.1.0.2:80", "8080"),
            ("nat br1 up0 --publish 8070-8090:10.1.0.2:8070-8090", "8080"),
            ("nat br1 up0 --publish 9005:10.1.0.2:80", "9005"),
        ] {
            refused(line).stderr(
                contains(format!("port {port}/tcp is already published"))
                    .and(contains("br0"))
                    .and(contains("10.0.0.2")),
            );
        }
        // Another protocol, another family, another address.
        done("nat br1 up0 --publish 8080:10.1.0.2:80/udp --publish 8080:[fd00:1::2]:80");
        done("nat br1 up0 --publish 127.0.0.1:9005:10.1.0.2:80");
        reaches_by(Protocol::Tcp, "client", "192.0.2.2:8080", &format!("you are {CLIENT} on a:80"));
        reaches_by(Protocol::Udp, "client", "192.0.2.2:8080", &format!("you are {CLIENT} on c:80"));
    });
}

#[test]
fn one_command_does_not_publish_a_port_twice() {
    private_host(|| {
        lab();
        done("nat br0 up0");
        for (publications, ports) in [
            ("--publish 8080:10.0.0.2:80 --publish 8080:10.0.0.3:80", "8080"),
            ("--publish 8080-8090:10.0.0.2:8080-8090 --publish 8085:10.0.0.3:80", "8085"),
            ("--publish 1-90:10.0.0.2:1-90 --publish 80-99:10.0.0.3:80-99", "80-90"),
        ] {
            let said = contains(format!("both want port {ports}/tcp"));
            refused_with(2, &format!("nat br0 up0 {publications}")).stderr(said);
        }
    });
}

#[test]
fn bad_values_are_wrong_usage() {
    private_host(|| {
        for bad in [
            "8080",
            "10.0.0.2:80",
            "0:10.0.0.2:80",
            "65536:10.0.0.2:80",
            "8080:10.0.0.2:0",
            "8080:10.0.0.2:",
            "8080:nowhere:80",
            "8080:10.0.0.2:80/sctp",
            "8080:10.0.0.2:80/",
            "8010-8000:10.0.0.2:8010-8000",
            "8000-8010:10.0.0.2:8000-8009",
            "8000-:10.0.0.2:8000-",
            "192.0.2.2:8080:[fd00::2]:80",
            "[2001:db8:1::1]:8080:10.0.0.2:80",
            "8080:fd00::2:80",
            "8080:[10.0.0.2]:80",
            "8080:10.0.0.2:80;id",
            "-1:10.0.0.2:80",
            "+80:10.0.0.2:80",
            "080x:10.0.0.2:80",
            "8080:010.0.0.2:80",
            "8080:10.0.0.2/24:80",
            "http:10.0.0.2:80",
            "8080:127.0.0.1:80",
            "8080:224.0.0.1:80",
            "[::1]:8080:[fd00::2]:80",
            "[fe80::1]:8080:[fd00::2]:80",
            "8080:[fe80::2]:80",
        ] {
            let line = format!("nat br0 up0 --publish={bad}");
            tool(&line).code(2).stdout("").stderr(contains("--publish"));
        }
    });
}

#[test]
fn addresses_that_are_not_of_the_bridge_are_refused() {
    for_each_firewall(|_| {
        lab();
        done("nat br0 up0");
        for (address, why) in [
            ("10.9.9.9", "is in no subnet"),
            ("192.0.2.1", "is in no subnet"),
            ("[2001:db8::9]", "is in no subnet"),
            ("10.0.0.1", "is an address of the host itself"),
            ("10.0.0.0", "is an end of the subnet"),
            ("10.0.0.255", "is an end of the subnet"),
            // The host itself answers to it.
            ("[fd00::]", "is an end of the subnet"),
        ] {
            refused(&format!("nat br0 up0 --publish 8080:{address}:80"))
                .stderr(contains(address.trim_matches(['[', ']'])).and(contains(why)));
        }
        done("nat br0 up0 --publish 8080:[fd00::ffff:ffff:ffff:ffff]:80");
    });
}

#[test]
fn a_port_that_docker_has_published_is_refused() {
    for_each_iptables(|_| {
        lab();
        docker_host();
        done("nat br0 up0");
        for publish in
            ["8088:10.0.0.2:80", "8080-8090:10.0.0.2:80-90", "192.0.2.2:8088:10.0.0.2:80"]
        {
            refused(&format!("nat br0 up0 --publish {publish}")).stderr(
                contains("port 8088/tcp of the host is sent on already")
                    .and(contains(
                        "iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8088 -j DNAT",
                    ))
                    .and(contains("docker ps --filter publish=8088")),
            );
        }
        // Another protocol, another family.
        done("nat br0 up0 --publish 8088:10.0.0.2:80/udp --publish 8088:[fd00::2]:80");
        reaches_by(
            Protocol::Tcp,
            "client",
            DOCKERS_PORT,
            &format!("you are {CLIENT} on docked:80"),
        );
    });
}

#[test]
fn a_port_that_somebody_elses_rule_takes_is_refused() {
    for_each_firewall(|firewall| {
        lab();
        done("nat br0 up0");
        if firewall != Firewall::NftOnly {
            sh("iptables -t nat -A PREROUTING -i lan0 -p tcp -m multiport --dports 80,8079:8080 \
                -m comment --comment \"the admin's\" -j REDIRECT --to-ports 3128
                ip6tables -t nat -A OUTPUT -p tcp --dport 8080 -j DNAT --to-destination [fd00::3]:80");
        }
        sh("nft 'table inet theirs { chain pre { type nat hook prerouting priority dstnat;
                tcp dport { 79, 8079-8080 } dnat ip to 10.0.0.3:80; tcp dport 8080 dnat ip6 to [fd00::3]:80; }; }'");
        // Each time, what is said to be typed takes one of them away.
        let mut rules = if firewall == Firewall::NftOnly { 2 } else { 4 };
        for publish in ["8080:10.0.0.2:80", "8080:[fd00::2]:80"] {
            let line = format!("nat br0 up0 --publish {publish}");
            while !support::succeeds(&format!(
                "'{}' --dry-run {line}",
                binary("netns-tool").display()
            )) {
                let assert =
                    refused(&line).stderr(contains("port 8080/tcp of the host is sent on already"));
                let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
                let (_, removal) = said.split_once("if nobody needs it: ").expect("what to do");
                sh(removal);
                rules -= 1;
            }
            done(&line);
        }
        assert_eq!(rules, 0);
    });
}
