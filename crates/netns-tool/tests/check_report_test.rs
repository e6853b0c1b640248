//! `check`: its reports can be read by programs and by people, and it takes no longer than what it waits for.

mod support;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use std::time::Duration;
use support::checks::{NETWORK, report};
use support::labs::{FILE, up};
use support::{done, private_host, sh, tool, within};
use testhost::{binary, warm_up};

/// The form is read back as a harness does.
#[test]
fn every_format_can_be_read() {
    private_host(|| {
        warm_up();
        up(&format!(
            "{NETWORK}\n[[expect]]\nfrom = \"web\"\nto = \"db\"\nfamily = 4\nhttp = \"/a#b?<c>&d\"\n\
             [[expect]]\nfrom = \"web\"\nto = \"db\"\nfamily = 4\n"
        ));
        let outcome = |words: &str| {
            let outcome = tool(&format!("check {FILE} {words}")).code(1).stderr("");
            String::from_utf8_lossy(&outcome.get_output().stdout).into_owned()
        };
        let tap = outcome("--format tap --matrix");
        let lines: Vec<&str> = tap.lines().collect();
        assert_eq!(lines[..2], ["TAP version 14", "1..2"], "{tap}");
        assert_eq!(lines[2], "not ok 1 - web -> db (10.0.0.3) http /a\\#b?<c>&d");
        assert_eq!((lines[3], lines[9]), ("  ---", "  ..."), "{tap}");
        assert_eq!(lines[5], "  why: \"nothing listens at TCP port 80 of `db`\"");
        assert_eq!(lines[10], "ok 2 - web -> db (10.0.0.3) ping");
        assert!(lines[11..].iter().all(|line| line.starts_with("# ")), "{tap}");

        let junit = outcome("--format junit --matrix");
        let mut reader = Reader::from_str(&junit);
        let (mut cases, mut failures, mut depth) = (0, 0, 0);
        loop {
            match reader.read_event().expect("XML") {
                Event::Start(tag) => {
                    depth += 1;
                    cases += i32::from(tag.name().as_ref() == "testcase");
                    failures += i32::from(tag.name().as_ref() == "failure");
                }
                Event::Empty(tag) => cases += i32::from(tag.name().as_ref() == "testcase"),
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!((cases, failures, depth), (2, 1, 0), "{junit}");
        assert!(junit.contains("http /a#b?&lt;c&gt;&amp;d"), "{junit}");

        let table = outcome("");
        let lines: Vec<&str> = table.lines().collect();
        assert!(
            lines[0].starts_with("FAILED  web -> db (10.0.0.3)  http /a#b?<c>&d  connection"),
            "{table}"
        );
        assert_eq!(lines[1], "        why: nothing listens at TCP port 80 of `db`");
        assert!(lines[3].starts_with("ok      web -> db (10.0.0.3)  ping"), "{table}");
        assert_eq!(lines[4], "1 of 2 expectations does not hold");
        assert!(!table.contains('\u{1b}'), "no colours where nobody sees them");
        assert!(outcome("--color always").contains("\u{1b}[1;31mFAILED\u{1b}[0m"));
        let quiet = outcome("-q");
        assert!(quiet.starts_with("FAILED") && !quiet.contains("ok  "), "{quiet}");
    });
}

/// Nobody who does not answer is waited for alone.
#[test]
fn twenty_that_must_not_answer_cost_one_timeout() {
    private_host(|| {
        warm_up();
        let ports = (0..10).map(|port| {
            format!("[[expect]]\nfrom = \"web\"\nto = \"10.0.0.2{port}\"\nreachable = false\n\
                     [[expect]]\nfrom = \"db\"\nto = \"web\"\ntcp = {}\nfamily = 4\nreachable = false\n", 100 + port)
        });
        up(&format!("{NETWORK}\n{}", ports.collect::<String>()));
        sh("ip netns exec web iptables -A INPUT -p tcp -j DROP");
        // One after the other would take twenty seconds.
        let report = within(Duration::from_secs(10), || report(FILE));
        assert_eq!(report["expectations"].as_array().map(Vec::len), Some(20));
    });
}

/// Where few files may be open, fewer are asked at once; nothing is said to fail because of it.
#[test]
fn few_files_are_enough() {
    private_host(|| {
        warm_up();
        up(
            "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.h]\ncount = 10\nbridge = \"br0\"\n\
            [[expect]]\nfrom = \"h\"\nto = \"h\"\ntcp = 22\nreachable = false\n\
            [[expect]]\nfrom = \"h\"\nto = \"h\"\n",
        );
        // Who has that right raises the limit.
        let few = format!(
            "setpriv --bounding-set=-sys_resource --inh-caps=-all sh -c 'ulimit -n 64; exec {} check {FILE} --matrix'",
            binary("netns-tool").display()
        );
        let table = sh(&few);
        assert!(table.contains("All 180 expectations hold"), "{table}");
    });
}

#[test]
fn a_matrix_of_twenty_waits_for_all_at_once() {
    private_host(|| {
        warm_up();
        up(
            "[bridge.br0]\naddress = [\"10.0.0.1/24\", \"fd00::1/64\"]\n[namespace.h]\ncount = 19\nbridge = \"br0\"\n\
            [namespace.switch]\n",
        );
        sh(
            "for i in 1 2 3 4 5; do ip netns exec h$i iptables -A INPUT -j DROP; ip -n h$((i + 5)) link set eth0 down; done",
        );
        // One after the other would take minutes.
        let table = within(Duration::from_secs(30), || done(&format!("check {FILE} --matrix")));
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 1 + 20 + 3, "{table}");
        let row = |number: usize| lines[number].split_whitespace().collect::<Vec<_>>();
        // The host comes first; h1 to h5 drop what is IPv4, h6 to h10 are down.
        assert_eq!(row(1)[..4], ["1", "host", ".", "6"], "{table}");
        assert_eq!(row(12)[1..5], ["h11", "ok", "6", "6"], "{table}");
        assert_eq!(row(8)[1..4], ["h7", "--", "--"], "{table}");
        assert_eq!(lines[22], "without an address: switch");
        // 15 of them are up, with 15 * 14 ways; those between the 10 that drop nothing are of both families.
        assert_eq!(lines[23], "210 of 380 ways get through, 120 over one family alone");
        let colored = done(&format!("check {FILE} --matrix --color always"));
        for cell in ["\u{1b}[32m ok\u{1b}[0m", "\u{1b}[1;31m --\u{1b}[0m", "\u{1b}[33m  6\u{1b}[0m"]
        {
            assert!(colored.contains(cell), "{colored}");
        }
        let json = report(&format!("{FILE} --matrix"));
        let pairs = json["matrix"].as_array().expect("a list");
        assert_eq!(pairs.len(), 20 * 19 * 2);
        let good = |pair: &&Value| pair["from"] == HOST_NAME && pair["to"] == "h11";
        assert!(pairs.iter().filter(good).all(|pair| pair["rtt_us"].as_u64().is_some()));
        assert_eq!(json["expectations"], serde_json::json!([]));
    });
}

/// What is missing is told, and only once, where people read it.
#[test]
fn a_namespace_that_is_missing_is_told() {
    private_host(|| {
        warm_up();
        let expectations = "[[expect]]\nfrom = \"web\"\nto = [\"db\", \"host\"]\nfamily = 4\n\
            [[expect]]\nfrom = \"db\"\nto = \"web\"\nfamily = 4\n";
        up(&format!("{NETWORK}\n{expectations}"));
        sh("ip netns del db");
        let table = tool(&format!("check {FILE} --matrix")).code(1).stderr("");
        let table = String::from_utf8_lossy(&table.get_output().stdout).into_owned();
        let lines: Vec<&str> = table.lines().collect();
        let why = "        why: network namespace `db` is missing";
        let cure = format!("        try: netns-tool up {FILE}");
        assert_eq!(lines[1..3], [why, cure.as_str()], "{table}");
        assert!(lines[4].starts_with("FAILED  db -> web (10.0.0.2)    ping  it could"), "{table}");
        assert_eq!(lines[5], "2 of 3 expectations do not hold");
        let row = |number: usize| lines[8 + number].split_whitespace().collect::<Vec<_>>();
        assert_eq!(row(1)[..5], ["2", "web", "ok", ".", "?"], "{table}");
        assert_eq!(row(2)[..5], ["3", "db", "?", "?", "."], "{table}");
        assert!(lines[12].ends_with("; ? could not be asked"), "{table}");
        assert_eq!(lines[13], format!("missing: db (netns-tool up {FILE})"));
        assert!(lines[14].ends_with(", 6 could not be asked"), "{table}");
        let json = report(&format!("{FILE} --matrix"));
        for one in json["expectations"].as_array().expect("a list") {
            let is_missing = one["from"] == "db" || one["to"] == "db";
            let why = is_missing.then_some("network namespace `db` is missing");
            assert_eq!(one["why"].as_str(), why, "{one}");
        }
        for way in json["matrix"].as_array().expect("a list") {
            let is_missing = way["from"] == "db" || way["to"] == "db";
            assert_eq!(way["reachable"].is_null(), is_missing, "{way}");
            let problem = is_missing.then_some("network namespace `db` is missing");
            assert_eq!(way["problem"].as_str(), problem, "{way}");
        }
    });
}

/// The host, as reports name it.
const HOST_NAME: &str = "host";
