//! Published ports: how they are mended and taken back, and what is left then.

mod support;

use predicates::str::contains;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use support::firewalls::sorted;
use support::internet::{ALL_OF_A, CLIENT, SERVER, lab, nat_lab, six};
use support::{
    HOST, Protocol, assert_is, cannot_any, done, enter, for_each_firewall, private_host, reaches,
    reaches_by, refused, sh, tcp_ask, tool, unchanged,
};
use testhost::Snapshot;

#[test]
fn deleting_one_leaves_the_rest() {
    for_each_firewall(|firewall| {
        let _router = lab();
        let before = Snapshot::settled();
        done("nat br0 up0");
        let with_nat = Snapshot::settled();
        done("nat br0 up0 --publish 8080:10.0.0.2:80");
        let with_one = Snapshot::settled();
        done("nat br0 up0 --publish 8081:10.0.0.3:80 --publish 8081:[fd00::3]:80");
        done("nat br0 up0 --publish 8081:[fd00::3]:80 --publish 8081:10.0.0.3:80 --delete");
        assert_is(&with_one);
        let tcp = Protocol::Tcp;
        reaches_by(tcp, "client", "192.0.2.2:8080", &format!("you are {CLIENT} on a:80"));
        cannot_any("client", &["192.0.2.2:8081", &six(8081)]);
        done("nat br0 --publish 8080:10.0.0.2:80 --delete");
        assert_is(&with_nat);
        reaches("a", &format!("{SERVER}:80"), "you are 192.0.2.2 on server:80");
        // The NAT goes with all that it has.
        done(ALL_OF_A);
        done("nat br0 up0 --delete");
        assert_is(&before);
        assert!(!firewall.rules().to_lowercase().contains("netns-tool"), "{}", firewall.rules());
    });
}

#[test]
fn what_is_not_published_cannot_be_taken_back_unless_that_is_fine() {
    private_host(|| {
        nat_lab();
        done("nat br0 up0 --publish 8080:10.0.0.2:80");
        for other in ["8081:10.0.0.2:80", "8080:10.0.0.3:80", "8080:10.0.0.2:80/udp"] {
            let line = format!("nat br0 up0 --publish {other} --delete");
            refused(&line).stderr(contains(other.trim_end_matches("/udp")));
            unchanged(|| tool(&format!("{line} --if-exists"))).success();
        }
        // All or nothing, also of those that are there.
        refused("nat br0 up0 --publish 8080:10.0.0.2:80 --publish 9:10.0.0.2:9 --delete");
    });
}

#[test]
fn a_publication_is_mended_by_the_same_words() {
    const IPTABLES: [&str; 7] = [
        "iptables -F NETNS-TOOL",
        "iptables -t nat -F POSTROUTING",
        "iptables -F INPUT",
        "iptables -t nat -F PREROUTING",
        "iptables -t nat -F OUTPUT",
        "iptables -F FORWARD",
        ROUTE_LOCALNET,
    ];
    const NFT: [&str; 6] = [
        "nft flush chain inet netns-tool forward",
        "nft flush chain inet netns-tool prerouting",
        "nft flush chain inet netns-tool output",
        "nft flush chain inet netns-tool postrouting; nft delete chain inet netns-tool postrouting",
        "nft flush chain inet netns-tool input",
        ROUTE_LOCALNET,
    ];
    const ROUTE_LOCALNET: &str = "echo 0 > /proc/sys/net/ipv4/conf/br0/route_localnet";
    for_each_firewall(|firewall| {
        lab();
        let bare = Snapshot::settled();
        let line = "nat br0 up0 --publish 8080:10.0.0.2:80";
        done("nat br0 up0");
        done(line);
        let whole = sorted(&firewall.rules());
        refused(line).stderr(contains("already published"));
        let damages: &[&str] = if firewall.backend() == "nft" { &NFT } else { &IPTABLES };
        for damage in damages {
            sh(damage);
            let is_of_nat = damage.contains("orward") || damage.contains("FORWARD");
            // What the NAT shares with what it has published, either command mends.
            let lines = if is_of_nat { ["nat br0 up0", line] } else { [line, "nat br0 up0"] };
            done(lines[0]);
            let _either = tool(lines[1]);
            refused(line).stderr(contains("already published"));
            assert_eq!(sorted(&firewall.rules()), whole, "{damage}");
            reaches_by(
                Protocol::Tcp,
                "client",
                "192.0.2.2:8080",
                &format!("you are {CLIENT} on a:80"),
            );
            for (from, to) in [(HOST, "127.0.0.1:8080"), ("b", "192.0.2.2:8080")] {
                let answer = tcp_ask(from, to).unwrap_or_else(|error| panic!("{to}: {error}"));
                assert!(answer.ends_with(" on a:80"), "{damage}: {answer}");
            }
        }
        done("nat br0 up0 --delete");
        assert_is(&bare);
    });
}

#[test]
fn a_connection_ends_with_the_publication() {
    for_each_firewall(|_| {
        nat_lab();
        for (inside, outside, line) in [
            ("10.0.0.2:90", "192.0.2.2:8090".to_owned(), "nat br0 --publish 8090:10.0.0.2:90"),
            ("[fd00::2]:90", six(8090), "nat br0 --publish 8090:[fd00::2]:90"),
        ] {
            done("nat br0 --publish 8080:10.0.0.2:80 --publish 8080:[fd00::2]:80");
            // By another way to the same port nobody stays.
            let other = line.replace("8090", "8091");
            done(&other);
            done(line);
            let listener = enter("a", || TcpListener::bind(inside)).unwrap();
            let mut client = enter("client", || TcpStream::connect(&outside)).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            let mut word = [0; 4];
            client.write_all(b"one!").unwrap();
            server.read_exact(&mut word).unwrap();
            server.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            done(&format!("{line} --delete"));
            client.write_all(b"two!").unwrap();
            assert!(server.read_exact(&mut word).is_err(), "{inside}");
            // The other one stays.
            reaches_by(
                Protocol::Tcp,
                "client",
                "192.0.2.2:8080",
                &format!("you are {CLIENT} on a:80"),
            );
            done(&format!("{other} --delete"));
            done("nat br0 --publish 8080:10.0.0.2:80 --publish 8080:[fd00::2]:80 --delete");
        }
    });
}
