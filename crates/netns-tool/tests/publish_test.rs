//! `nat BRIDGE --publish`: a port of the host is a port of a namespace, on every way in, and nothing else is.

mod support;

use predicates::prelude::*;
use predicates::str::contains;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;
use support::echo::{cannot_by, serve_all};
use support::internet::{
    ALL_OF_A, CLIENT, CLIENT6, SERVER, UPLINK6, aim_at_loopback_of_host, bridge, lab, lan, nat_lab,
    six,
};
use support::others::{bridges_ask, may_ask_itself};
use support::{
    HOST, Protocol, assert_is, cannot, cannot_any, done, enter, for_each_firewall, ip, reaches,
    reaches_by, reaches_service, refused, serve, tcp_ask,
};
use testhost::Snapshot;

#[test]
fn a_port_is_open_on_every_way_in() {
    for_each_firewall(|_| {
        nat_lab();
        lan();
        done(ALL_OF_A);
        for asks in [false, true] {
            if !bridges_ask(asks) && asks {
                continue;
            }
            // From outside, and the namespace sees who asks.
            reaches("client", "192.0.2.2:8080", &format!("you are {CLIENT} on a:80"));
            reaches("client", &six(8080), &format!("you are {CLIENT6} on a:80"));
            // From the host, through each of its addresses.
            for to in
                ["192.0.2.2:8080", "127.0.0.1:8080", "10.0.0.1:8080", &six(8080), "[fd00::1]:8080"]
            {
                reaches_service(HOST, to, "a:80");
            }
            // Over another interface of the host.
            reaches_service("lan", "192.0.2.2:8080", "a:80");
            reaches_service("lan", &six(8080), "a:80");
            // From the same bridge, and from the very namespace.
            for from in ["b"].into_iter().chain(may_ask_itself().then_some("a")) {
                for to in ["192.0.2.2:8080", "10.0.0.1:8080", &six(8080), "[fd00::1]:8080"] {
                    reaches_service(from, to, "a:80");
                }
            }
        }
    });
}

#[test]
fn only_what_is_published_gets_in() {
    for_each_firewall(|_| {
        nat_lab();
        lan();
        done("nat br0 up0 --publish 8080:10.0.0.2:80 --publish 8081:[fd00::3]:81/udp");
        reaches_by(Protocol::Tcp, "client", "192.0.2.2:8080", &format!("you are {CLIENT} on a:80"));
        reaches_by(Protocol::Udp, "client", &six(8081), &format!("you are {CLIENT6} on b:81"));
        for from in ["client", "lan"] {
            // The other protocol, the other family.
            cannot_by(from, &[(Protocol::Udp, "192.0.2.2:8080"), (Protocol::Tcp, &six(8081))]);
            cannot_any(from, &[&six(8080), "192.0.2.2:8081", "192.0.2.2:80", "192.0.2.2:81"]);
            // Whoever knows the way: neither the port that is published, nor another, nor another namespace.
            cannot_any(from, &["10.0.0.2:80", "10.0.0.2:8080", "10.0.0.2:81", "10.0.0.3:80"]);
            cannot_any(from, &["[fd00::2]:80", "[fd00::3]:81", "[fd00::3]:80", "[fd00::3]:8081"]);
        }
    });
}

#[test]
fn loopback_services_of_the_host_stay_its_own() {
    for_each_firewall(|_| {
        nat_lab();
        done("nat br0 up0 --publish 8080:10.0.0.2:80");
        serve(HOST, 7);
        reaches_service(HOST, "127.0.0.1:7", "host:7");
        for (attacker, device, host) in [("b", "eth0", "10.0.0.1"), ("router", "in0", "192.0.2.2")]
        {
            aim_at_loopback_of_host(attacker, device, host);
            cannot(attacker, "127.0.0.1:7");
        }
    });
}

#[test]
fn nobody_forges_answers_on_the_loopback_of_the_host() {
    for_each_firewall(|_| {
        nat_lab();
        done("nat br0 up0 --publish 8080:10.0.0.2:80");
        // As a program of the host asks its resolver, which has not answered yet.
        let _resolver = UdpSocket::bind("127.0.0.53:53").expect("a resolver");
        let client = UdpSocket::bind("127.0.0.1:7778").expect("a client");
        client.connect("127.0.0.53:53").expect("connect");
        client.set_read_timeout(Some(Duration::from_millis(300))).expect("a limit");
        client.send(b"who?").expect("ask");
        aim_at_loopback_of_host("b", "eth0", "10.0.0.1");
        ip("b", "addr add 127.0.0.53/32 dev eth0");
        enter("b", || {
            let forger = UdpSocket::bind("127.0.0.53:53").expect("a forger");
            forger.send_to(b"forged", "127.0.0.1:7778").expect("forge");
        });
        let answer = client.recv(&mut [0; 16]);
        assert!(answer.is_err(), "a forged answer came through");
    });
}

#[test]
fn what_listens_on_the_host_is_still_reached() {
    for_each_firewall(|_| {
        nat_lab();
        done(ALL_OF_A);
        serve(HOST, 7);
        reaches("client", "192.0.2.2:7", &format!("you are {CLIENT} on host:7"));
        reaches("client", &six(7), &format!("you are {CLIENT6} on host:7"));
        // The port of others is not the host's: what goes out to port 8080 of a server goes there.
        serve("server", 8080);
        for from in ["a", HOST] {
            reaches(from, &format!("{SERVER}:8080"), "you are 192.0.2.2 on server:8080");
        }
        serve("b", 8080);
        reaches("a", "10.0.0.3:8080", "you are 10.0.0.2 on b:8080");
    });
}

#[test]
fn a_range_is_published_port_by_port() {
    for_each_firewall(|_| {
        nat_lab();
        serve_all("a", 7999..=8011);
        done(
            "nat br0 up0 --publish 8000-8010:10.0.0.2:8000-8010 --publish 8000-8010:[fd00::2]:8000-8010/udp",
        );
        for port in [8000, 8005, 8010] {
            let answer = |who: &str| format!("you are {who} on a:{port}");
            reaches_by(Protocol::Tcp, "client", &format!("192.0.2.2:{port}"), &answer(CLIENT));
            reaches_by(Protocol::Udp, "client", &six(port), &answer(CLIENT6));
        }
        cannot_any("client", &["192.0.2.2:7999", "192.0.2.2:8011", &six(7999), &six(8011)]);
        done("nat br0 up0 --publish 8000-8010:10.0.0.2:8000-8010 --delete");
        cannot("client", "192.0.2.2:8005");
        reaches_by(Protocol::Udp, "client", &six(8005), &format!("you are {CLIENT6} on a:8005"));
    });
}

#[test]
fn with_the_address_of_the_host_only_that_address_is_open() {
    for_each_firewall(|_| {
        nat_lab();
        ip(HOST, "addr add 192.0.2.77/24 dev up0");
        done(
            "nat br0 up0 --publish 192.0.2.77:8080:10.0.0.2:80 --publish 192.0.2.2:8080:10.0.0.3:80",
        );
        done(&format!(
            "nat br0 up0 --publish [{UPLINK6}]:8080:[fd00::2]:80 --publish 127.0.0.1:8081:10.0.0.2:81"
        ));
        let tcp = Protocol::Tcp;
        reaches_by(tcp, "client", "192.0.2.77:8080", &format!("you are {CLIENT} on a:80"));
        reaches_by(tcp, "client", "192.0.2.2:8080", &format!("you are {CLIENT} on b:80"));
        reaches_by(tcp, "client", &six(8080), &format!("you are {CLIENT6} on a:80"));
        for to in ["127.0.0.1:8080", "10.0.0.1:8080", "[fd00::1]:8080", "192.0.2.2:8081"] {
            cannot(HOST, to);
        }
        assert!(tcp_ask(HOST, "127.0.0.1:8081").is_ok_and(|a| a.ends_with(" on a:81")));
        cannot_any("client", &["192.0.2.2:8081", "192.0.2.77:8081"]);
    });
}

#[test]
fn a_thousand_publications_are_one_command() {
    for_each_firewall(|_| {
        nat_lab();
        let before = Snapshot::settled();
        // In a user namespace no call may send the kernel more than `net.core.wmem_max` bytes.
        let count = if std::env::var_os("NETNS_TOOL_TEST_AS").is_some() { 100 } else { 1000 };
        let all: String = (0..count)
            .map(|i| format!(" --publish {}:10.0.0.{}:80", 20_000 + i, 2 + i % 2))
            .collect();
        done(&format!("nat br0 up0{all}"));
        let last = 20_000 + count - 1;
        for (port, service) in [(20_000, "a"), (20_099, "b"), (last - 1, "a"), (last, "b")] {
            let to = format!("192.0.2.2:{port}");
            reaches_by(Protocol::Tcp, "client", &to, &format!("you are {CLIENT} on {service}:80"));
        }
        cannot_any("client", &["192.0.2.2:19999", "192.0.2.2:21000"]);
        done(&format!("nat br0 up0{all} --delete"));
        assert_is(&before);
    });
}

#[test]
fn without_a_nat_it_says_what_to_run_first() {
    for_each_firewall(|_| {
        let _router = lab();
        for line in ["nat br0 up0 --publish 8080:10.0.0.2:80", "nat br0 --publish 8080:10.0.0.2:80"]
        {
            let named = line.split_once(" --publish").map_or(line, |(nat, _)| nat);
            refused(line).stderr(
                contains("there is no NAT of `br0`").and(
                    contains(format!("try:     netns-tool {named}\n"))
                        .or(contains("try:     netns-tool nat br0 up0\n")),
                ),
            );
        }
    });
}

#[test]
fn another_bridge_reaches_what_is_published_and_nothing_else() {
    for_each_firewall(|_| {
        nat_lab();
        bridge(1, &["c"]);
        done("nat br1 up0");
        done("nat br0 up0 --publish 8080:10.0.0.2:80 --publish 8080:[fd00::2]:80");
        for to in ["192.0.2.2:8080", "10.1.0.1:8080", &six(8080), "[fd00:1::1]:8080"] {
            let answer = tcp_ask("c", to).unwrap_or_else(|error| panic!("{to}: {error}"));
            assert!(answer.ends_with(" on a:80"), "{to}: {answer}");
        }
        cannot_any("c", &["10.0.0.2:80", "[fd00::2]:80", "192.0.2.2:80"]);
        // Whoever looks for `localhost` over IPv6 first is told no at once.
        let told = tcp_ask(HOST, "[::1]:8080").map_err(|error| error.kind());
        assert_eq!(told, Err(ErrorKind::ConnectionRefused));
    });
}
