//! `check`: what a lab's file expects is tested by real packets, and what does not hold is told.

mod support;

use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use serde_json::Value;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use support::checks::{NETWORK, checked, report, told};
use support::enter;
use support::labs::{FILE, TEN_LINES, file, internet, up};
use support::servers::{pages, silent};
use support::typed::complained;
use support::{done, lived_in, private_host, refused, refused_with, serve, sh, unchanged};
use testhost::warm_up;

#[test]
fn what_is_expected_holds() {
    private_host(|| {
        lived_in();
        let all = r#"
[[expect]]
from = "web"
to = ["db", "host", "inet"]

[[expect]]
from = ["host", "db"]
to = "web"
tcp = 80

[[expect]]
from = "db"
to = "web"
udp = 80

[[expect]]
from = "host"
to = "db"
udp = 514

[[expect]]
from = "inet"
to = "192.0.2.2"
http = ":8080/"

[[expect]]
from = "web"
to = "inet"
source = "192.0.2.2"
family = 4
max_rtt = "1s"

[[expect]]
from = "web"
to = "inet"
family = 6
tcp = 443
source = "2001:db8::2"

[[expect]]
from = "inet"
to = ["10.0.0.2", "10.0.0.3"]
reachable = false

[[expect]]
from = "web"
to = "db"
tcp = 22
reachable = false

[[expect]]
from = "web"
to = "db"
udp = 53
reachable = false
"#;
        up(&format!("{NETWORK}\n{all}"));
        pages("web", 80);
        serve("inet", 443);
        let web = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 80));
        let answering = enter("web", || UdpSocket::bind(web).expect("a UDP socket"));
        thread::spawn(move || {
            while let Ok((_, peer)) = answering.recv_from(&mut [0; 64]) {
                let _gone = answering.send_to(b"here", peer);
            }
        });
        let _silent = silent("db", 514);
        let report = unchanged(|| report(FILE));
        let told = told(&report);
        assert!(told.iter().all(|line| line.ends_with(": -")), "{told:#?}");
        assert_eq!(told.len(), 6 + 4 + 2 + 2 + 1 + 1 + 1 + 2 + 2 + 2, "{told:#?}");
        let one = |address: &str, probe: &str| {
            let all = report["expectations"].as_array().expect("a list");
            let is_it = |one: &&Value| one["address"] == address && one["probe"] == probe;
            all.iter().rfind(is_it).cloned().expect("the expectation")
        };
        assert_eq!(one("192.0.2.1", "ping")["source"], "192.0.2.2");
        assert_eq!(one("2001:db8::1", "tcp")["source"], "2001:db8::2");
        assert!(one("10.0.0.2", "tcp")["rtt_us"].as_u64().is_some());
        assert_eq!(done(&format!("check {FILE} -q")), "");
        assert!(done(&format!("check {FILE}")).ends_with("All 23 expectations hold\n"));
    });
}

#[test]
fn what_does_not_hold_is_told() {
    private_host(|| {
        lived_in();
        up(NETWORK);
        pages("web", 80);
        let _silent = silent("web", 514);
        let report = checked(
            r#"
[[expect]]
from = "db"
to = "web"
family = 4
tcp = 81
[[expect]]
from = "db"
to = "web"
family = 6
udp = 53
[[expect]]
from = "db"
to = "web"
family = "ipv4"
http = "/none"
[[expect]]
from = "db"
to = "web"
family = 4
http = "/garbage"
[[expect]]
from = "db"
to = "web"
family = 4
max_rtt = "1us"
tcp = 80
[[expect]]
from = "web"
to = "inet"
family = 4
source = "10.0.0.2"
[[expect]]
from = "db"
to = "web"
family = 6
tcp = 80
reachable = false
[[expect]]
from = "db"
to = "web"
family = 4
udp = 514
reachable = false
[[expect]]
from = "inet"
to = "203.0.113.77"
[[expect]]
from = "web"
to = "inet"
family = 4
tcp = 81
source = "192.0.2.2"
[[expect]]
from = "inet"
to = "203.0.113.77"
source = "192.0.2.1"
"#,
        );
        let told = told(&report);
        assert_eq!(told[0], "db 10.0.0.2 tcp: connection refused");
        assert_eq!(told[1], "db fd00::2 udp: connection refused");
        assert_eq!(told[2], "db 10.0.0.2 http: it answered with status 404");
        assert_eq!(told[3], "db 10.0.0.2 http: what it answered is no HTTP");
        assert!(told[4].ends_with("more than 1 µs, the best of three times"), "{}", told[4]);
        assert_eq!(told[5], "web 192.0.2.1 ping: the far side sees 192.0.2.2, not 10.0.0.2");
        assert!(told[6].starts_with("db fd00::2 tcp: it was reached, after "), "{}", told[6]);
        assert_eq!(told[7], "db 10.0.0.2 udp: it was reached");
        assert_eq!(told[8], "inet 203.0.113.77 ping: network is unreachable");
        let why = |index: usize| report["expectations"][index]["why"].as_str().unwrap_or_default();
        assert_eq!(why(0), "nothing listens at TCP port 81 of `web`");
        assert_eq!(told[9], "web 192.0.2.1 tcp: connection refused; the far side sees 192.0.2.2");
        assert_eq!(
            told[10],
            "inet 203.0.113.77 ping: network is unreachable; so the far side has not seen from whom it comes"
        );
        // The test itself serves the pages.
        let server = format!("(pid {}) in `web`", std::process::id());
        for index in [2, 3] {
            let through = why(index)
                .starts_with("the network lets it through, and the rest is up to `check_test");
            assert!(through && why(index).ends_with(&server), "{}", why(index));
        }
        assert_eq!(
            report["expectations"][2]["try"],
            "ip netns exec db curl -v http://10.0.0.2:80/none"
        );
        assert!(why(4).starts_with("when it was asked again, most of the time, "), "{}", why(4));
        assert!(why(4).contains(", passed "), "{}", why(4));
        assert_eq!(why(5), "it went web -> host -> inet");
        assert_eq!(why(6), "it went db -> host -> web");
        assert_eq!(why(8), "no route to 203.0.113.77 in `inet`");
    });
}

#[test]
fn a_stranger_beyond_the_lab_is_seen_as_far_as_the_host() {
    private_host(|| {
        lived_in();
        internet();
        let expectations = r#"
[[expect]]
from = "web"
to = "192.0.2.1"
source = "192.0.2.2"
[[expect]]
from = "web"
to = "192.0.2.1"
source = "10.0.0.2"
[[expect]]
from = "web"
to = "192.0.2.1"
udp = 514
[[expect]]
from = "web"
to = "192.0.2.9"
tcp = 80
"#;
        up(&format!("{TEN_LINES}{expectations}"));
        let _silent = silent("internet", 514);
        let report = report(FILE);
        let why = |index: usize| report["expectations"][index]["why"].as_str().unwrap_or_default();
        assert_eq!(report["expectations"][0]["ok"], true);
        assert_eq!(
            told(&report)[1],
            "web 192.0.2.1 ping: the far side sees 192.0.2.2, not 10.0.0.2"
        );
        assert!(
            why(2).starts_with("it left the lab by `up0` of the host as from 192.0.2.2"),
            "{}",
            why(2)
        );
        assert!(why(2).ends_with("nobody can tell whether 192.0.2.1 got it"), "{}", why(2));
        assert_eq!(
            why(3),
            "no reply to ARP from 192.0.2.9 on `up0` of the host: nobody has that address"
        );
    });
}

#[test]
fn a_count_stands_for_each_of_them() {
    private_host(|| {
        warm_up();
        let text = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.h]\ncount = 3\nbridge = \"br0\"\n\
                    [[expect]]\nfrom = \"h\"\nto = [\"h\", \"host\"]\n[[expect]]\nfrom = \"host\"\nto = \"h2\"\n";
        up(text);
        let report = report(FILE);
        let ways: Vec<String> = told(&report);
        assert_eq!(ways.len(), 3 * 2 + 3 + 1, "{ways:#?}");
        assert_eq!(report["expectations"][9]["to"], "h2");
        // Under another name it is another lab, with other names.
        done("down lab");
        done(&format!("up {FILE} --name two"));
        let two = support::checks::report(&format!("{FILE} --name two"));
        assert_eq!((&two["lab"], &two["expectations"][9]["to"]), (&"two".into(), &"two-h2".into()));
        refused(&format!("check {FILE}"))
            .stderr(contains("lab `lab` is not up").and(contains("--name two")));
    });
}

#[test]
fn what_cannot_be_checked_is_told() {
    private_host(|| {
        warm_up();
        let expects = "[[expect]]\nfrom = \"web\"\nto = \"db\"\n";
        file(&format!("{TEN_LINES}{expects}"));
        refused(&format!("check {FILE}"))
            .stderr(contains("lab `lab` is not up").and(contains(format!("netns-tool up {FILE}"))));
        file(TEN_LINES);
        refused_with(2, &format!("check {FILE}"))
            .stderr(contains("expects nothing").and(contains("--matrix")));
        file(&format!("{TEN_LINES}[[expect]]\nfrom = \"wbe\"\nto = \"db\"\n"));
        refused_with(2, &format!("check {FILE}")).stderr(contains("did you mean `web`?"));
        // A namespace of it has gone.
        internet();
        up(&format!("{TEN_LINES}{expects}"));
        let inside = complained(&format!("ip netns exec web netns-tool check {FILE}"));
        assert!(
            inside.contains("asks from the host as well, and this is inside of namespace `web`")
        );
        sh("ip netns del db");
        let report = report(FILE);
        assert_eq!(told(&report), ["web 10.0.0.3 ping: it could not be asked"]);
        assert_eq!(report["expectations"][0]["why"], "network namespace `db` is missing");
    });
}
