//! `nat BRIDGE --publish`: what it refuses, and whom it names.

mod support;

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use support::echo::Occupant;
use support::internet::{CLIENT, bridge, lab};
use support::{
    HOST, Protocol, done, for_each_firewall, ip, private_host, reaches_by, refused, tool, unchanged,
};

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
                contains("published")
                    .and(contains(port))
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
        for line in [
            "nat br0 up0 --publish 8080:10.0.0.2:80 --publish 8080:10.0.0.3:80",
            "nat br0 up0 --publish 8080-8090:10.0.0.2:8080-8090 --publish 8085:10.0.0.3:80",
        ] {
            let assert = unchanged(|| tool(line));
            let code = assert.get_output().status.code();
            assert!(matches!(code, Some(1 | 2)), "{code:?}");
            assert.stderr(contains("808"));
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
        for address in
            ["10.9.9.9", "192.0.2.1", "[2001:db8::9]", "10.0.0.1", "10.0.0.0", "10.0.0.255"]
        {
            refused(&format!("nat br0 up0 --publish 8080:{address}:80"))
                .stderr(contains(address.trim_matches(['[', ']'])));
        }
    });
}
