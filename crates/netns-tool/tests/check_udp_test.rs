//! `check` knows whether a datagram that nobody answers was taken by the program it was for.

mod support;

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;
use support::checks::{NETWORK, report, told};
use support::labs::{FILE, up};
use support::net::enter;
use support::servers::silent;
use support::{done, lived_in, private_host, sh, within};

const EXPECTED: &str = "[[expect]]\nfrom = \"web\"\nto = \"db\"\nudp = 514\n";

/// Takes datagrams at once and says nothing, until the test ends.
fn taking(place: &str, port: u16) {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let socket = enter(place, || UdpSocket::bind(any).expect("a UDP socket"));
    thread::spawn(move || while socket.recv_from(&mut [0; 64]).is_ok() {});
}

/// Sends datagrams to programs of the same place until the test ends, one in each interval.
fn busy(place: &str, interval: Duration) {
    let local = enter(place, || {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
        let other = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
        socket.connect(other.local_addr().expect("its address")).expect("connect");
        (socket, other)
    });
    let (from, to) = local;
    thread::spawn(move || while to.recv_from(&mut [0; 64]).is_ok() {});
    thread::spawn(move || {
        while from.send(b"noise").is_ok() {
            thread::sleep(interval);
        }
    });
}

#[test]
fn it_is_known_though_others_take_datagrams_too() {
    private_host(|| {
        lived_in();
        up(&format!("{NETWORK}\n{EXPECTED}"));
        taking("db", 514);
        let holds = |report: &serde_json::Value| report["failed"] == 0;
        let first = report(FILE);
        assert!(holds(&first), "{:#?}", told(&first));
        busy("db", Duration::from_millis(20));
        let among_others = report(FILE);
        assert!(holds(&among_others), "{:#?}", told(&among_others));
        sh("ip netns exec db iptables -A INPUT -p udp --dport 514 -j DROP
            ip netns exec db ip6tables -A INPUT -p udp --dport 514 -j DROP");
        let dropped = report(FILE);
        assert_eq!(
            told(&dropped),
            ["web 10.0.0.3 udp: no answer within 2 s", "web fd00::3 udp: no answer within 2 s"]
        );
        let why = dropped["expectations"][0]["why"].as_str().unwrap_or_default();
        assert!(why.starts_with("dropped in `db` by the rule `-A INPUT -p udp"), "{why}");
    });
}

/// A lab of thirty who send to one port, and which of them are to be heard.
fn crowd(is_heard: impl Fn(u8) -> bool) -> String {
    let expectation = |number: u8| {
        format!(
            "[[expect]]\nfrom = \"c{number}\"\nto = \"db\"\nudp = 514\nreachable = {}\n",
            is_heard(number)
        )
    };
    format!(
        "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.c]\ncount = 30\nbridge = \"br0\"\n\
         [namespace.db]\nbridge = \"br0\"\n{}",
        (1..=30).map(expectation).collect::<String>()
    )
}

/// In `db`, what those of the crowd send who are not heard is dropped.
fn drop_others(is_heard: impl Fn(u8) -> bool) {
    for number in (1..=30).filter(|number| !is_heard(*number)) {
        // Their addresses are those after the bridge's.
        let source = format!("10.0.0.{}", number + 1);
        sh(&format!("ip netns exec db iptables -A INPUT -p udp -s {source} -j DROP"));
    }
}

/// Each would count the datagrams of the other.
#[test]
fn checks_at_the_same_time_do_not_count_for_each_other() {
    private_host(|| {
        lived_in();
        let is_heard = |number: u8| number.is_multiple_of(2);
        up(&crowd(is_heard));
        drop_others(is_heard);
        taking("db", 514);
        let checks: Vec<_> = (0..3).map(|_| thread::spawn(|| report(FILE))).collect();
        for check in checks {
            let report = check.join().expect("a report");
            assert_eq!(report["failed"], 0, "{:#?}", told(&report));
        }
    });
}

#[test]
fn at_a_published_port_it_is_looked_where_the_nat_leads() {
    private_host(|| {
        lived_in();
        let network =
            NETWORK.replace("\"8080:web:80\"", "[\"5353:web:53/udp\", \"54:web:54/udp\"]");
        let expected = |port: u16, is_reachable: bool| {
            format!(
                "[[expect]]\nfrom = \"inet\"\nto = \"192.0.2.2\"\nudp = {port}\nreachable = {is_reachable}\n"
            )
        };
        let all =
            [expected(5353, true), expected(5353, false), expected(54, true), expected(54, false)];
        up(&format!("{network}\n{}", all.concat()));
        taking("web", 53);
        let told = told(&report(FILE));
        assert_eq!(told[0], "inet 192.0.2.2 udp: -");
        assert!(told[1].contains("it was reached"), "{told:?}");
        // Nobody listens there, and the host of the port says so.
        assert!(told[2].contains("refused"), "{told:?}");
        assert_eq!(told[3], "inet 192.0.2.2 udp: -");
    });
}

/// One after the other would take eleven seconds.
#[test]
fn thirty_at_one_port_are_asked_together() {
    private_host(|| {
        lived_in();
        up(&crowd(|_| false));
        taking("db", 514);
        sh("ip netns exec db iptables -A INPUT -p udp --dport 514 -j DROP");
        let report = within(Duration::from_secs(7), || report(FILE));
        assert_eq!(report["failed"], 0, "{:#?}", told(&report));
    });
}

#[test]
fn what_one_has_sent_is_not_taken_for_what_another_has() {
    private_host(|| {
        lived_in();
        let is_heard = |number: u8| !number.is_multiple_of(3);
        up(&crowd(is_heard));
        drop_others(is_heard);
        // One that takes them at once, and one that lets them wait.
        taking("db", 514);
        let taken = report(FILE);
        assert_eq!(taken["failed"], 0, "{:#?}", told(&taken));
        done("down lab");
        up(&crowd(|number| !is_heard(number)));
        let _silent = silent("db", 514);
        sh("ip netns exec db iptables -A INPUT -p udp -j DROP
            for n in 3 6 9 12 15 18 21 24 27 30; do
                ip netns exec db iptables -I INPUT -p udp -s 10.0.0.$((n + 1)) -j ACCEPT
            done");
        let waiting = report(FILE);
        assert_eq!(waiting["failed"], 0, "{:#?}", told(&waiting));
    });
}
