//! `check` knows whether a datagram that nobody answers was taken by the program it was for.

mod support;

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;
use support::checks::{NETWORK, report, told};
use support::labs::{FILE, up};
use support::net::enter;
use support::{lived_in, private_host, sh};

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
