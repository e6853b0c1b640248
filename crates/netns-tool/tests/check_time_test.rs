//! `check` and time: pages that are slow, and how long they may take.

mod support;

use std::time::Duration;

use support::checks::{NETWORK, checked, report, told};
use support::labs::{FILE, up};
use support::servers::pages;
use support::{done, lived_in, private_host, within};

#[test]
fn nobody_answers_slow_pages_for_ever() {
    private_host(|| {
        lived_in();
        up(NETWORK);
        pages("web", 80);
        let slow = checked("[[expect]]\nfrom = \"db\"\nto = \"10.0.0.2\"\nhttp = \"/slow\"\n");
        assert_eq!(told(&slow), ["db 10.0.0.2 http: it has not answered within 5 s"]);
        done("down lab");
        // Who may not be reached is reached by a connection, whatever comes of that.
        let not = |path: &str| {
            format!(
                "[[expect]]\nfrom = \"db\"\nto = \"10.0.0.2\"\nhttp = \"{path}\"\nreachable = false\n"
            )
        };
        up(&format!("{NETWORK}\n{}{}", not("/slow"), not("/none")));
        pages("web", 80);
        let again = told(&report(FILE));
        let is_reached =
            |line: &String| line.starts_with("db 10.0.0.2 http: it was reached, after ");
        assert!(again.len() == 2 && again.iter().all(is_reached), "{again:#?}");
    });
}

/// One after the other would take half a minute; but where that makes the time longer, they are not asked together.
#[test]
fn slow_pages_are_measured_together() {
    private_host(|| {
        lived_in();
        let lab = |count: u8, page: &str, max_rtt: &str| {
            let one = |from: u8| {
                format!(
                    "[[expect]]\nfrom = \"c{from}\"\nto = \"web\"\nhttp = \"{page}\"\nmax_rtt = \"{max_rtt}\"\n"
                )
            };
            let all: String = (1..=count).map(one).collect();
            format!(
                "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n\
                 [namespace.c]\ncount = {count}\nbridge = \"br0\"\n{all}"
            )
        };
        up(&lab(12, "/late", "100ms"));
        pages("web", 80);
        let late = within(Duration::from_secs(20), || report(FILE));
        assert_eq!(late["failed"], 12, "{:#?}", told(&late));
        let why = late["expectations"][0]["why"].as_str().unwrap_or_default();
        assert!(
            why.starts_with("when it was asked again, the connection was there after "),
            "{why}"
        );
        assert!(
            why.contains(", and `check_time_test") && why.contains(" in `web` took 1"),
            "{why}"
        );
        assert_eq!(
            late["expectations"][0]["try"],
            "ip netns exec c1 curl -so /dev/null -w '%{time_connect} %{time_starttransfer}\\n' http://10.0.0.2:80/late"
        );
        done("down lab");
        up(&lab(6, "/queue", "500ms"));
        pages("web", 80);
        let queue = report(FILE);
        assert_eq!(queue["failed"], 0, "{:#?}", told(&queue));
    });
}
