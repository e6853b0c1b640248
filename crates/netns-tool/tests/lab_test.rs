//! Labs come up from their files, are shown, and go: whole, and nothing besides.

mod support;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use std::fs;
use support::labs::{
    EVERYTHING, FILE, TEN_LINES, crowd, differences, file, internet, is_as_its_file_says, numbers,
    quiet, up,
};
use support::law::{holds_for, row};
use support::{
    HOST, assert_is, done, has_link, ip, lived_in, namespaces, ping, private_host, refused,
    refused_with, sh, tool, unchanged,
};
use testhost::{Snapshot, foreign_objects, warm_up};

/// A host that others live on, with an uplink.
fn stage() -> Snapshot {
    warm_up();
    internet();
    lived_in()
}

fn json(line: &str) -> serde_json::Value {
    let output = tool(line).get_output().stdout.clone();
    serde_json::from_slice(&output).unwrap_or_else(|error| panic!("`{line}`: {error}"))
}

#[test]
fn ten_lines_come_up_and_go() {
    private_host(|| {
        let before = stage();
        let report = up(TEN_LINES);
        assert_eq!(
            report,
            "Lab `lab` is up: 2 namespaces, 1 bridge, 2 links, 1 NAT\n  \
             web:eth0 (10.0.0.2/24) <-> host:web-eth0 (port of br0)\n  \
             db:eth0 (10.0.0.3/24) <-> host:db-eth0 (port of br0)\n"
        );
        for (from, to) in
            [("web", "10.0.0.3"), ("web", "192.0.2.1"), ("db", "10.0.0.1"), (HOST, "10.0.0.2")]
        {
            ping(from, to);
        }
        unchanged(is_as_its_file_says);
        let down = done(&format!("down {FILE}"));
        assert_eq!(down, "Lab `lab` is down: 2 namespaces, 3 interfaces on the host\n");
        assert_is(&before);
        assert_eq!(done("down lab"), "Lab `lab` is not up; nothing to take down\n");
        assert_is(&before);
    });
}

/// Each link that is deleted alone takes the kernel some 20 ms, and a thousand of them 20 s.
#[test]
fn what_goes_with_a_namespace_is_not_taken_back_by_itself() {
    private_host(|| {
        let before = stage();
        file(
            "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.h]\ncount = 4\nbridge = \"br0\"\n\
             [namespace.web]\n[namespace.web.process.none]\ncommand = [\"false\"]\n",
        );
        let output = tool(&format!("-v up {FILE}")).code(1).get_output().clone();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        for run in ["ip netns del h1", "ip netns del web", "ip link del dev br0"] {
            assert!(said.contains(&format!("+ {run}\n")), "{run}: {said}");
        }
        assert!(!said.contains("link del dev h1-eth0"), "{said}");
        assert_is(&before);
    });
}

#[test]
fn a_crowd_of_ports_comes_up_and_goes() {
    private_host(|| {
        stage();
        quiet();
        let before = Snapshot::settled();
        let script = done(&format!("up {} --dry-run", file(&crowd())));
        let opens = script.rfind("\nip link set dev br0 up\n");
        let joins = script.rfind(" up master br0\n");
        let finishes_links =
            "printf '6.8\\n%s\\n' \"$(uname -r)\" | sort -VC && echo yes || echo no";
        assert_eq!(opens > joins, sh(finishes_links) == "yes\n", "{opens:?}, {joins:?}");
        let report = up(&crowd());
        assert!(
            report.starts_with("Lab `lab` is up: 1 namespace, 1 bridge, 501 links\n"),
            "{report}"
        );
        ping("web", "10.0.0.1");
        ping(HOST, "10.0.0.2");
        assert_eq!(sh("ip -br link show master br0 | wc -l").trim(), "501");
        assert_eq!(sh("ip -br link show dev br0 | awk '{print $2}'").trim(), "UP");
        assert!(sh("ip route get 172.16.0.1").contains("via 10.0.0.2 dev br0"));
        unchanged(is_as_its_file_says);
        done("down lab");
        assert_is(&before);
    });
}

#[test]
fn everything_comes_up_and_goes() {
    private_host(|| {
        let before = stage();
        up(EVERYTHING);
        for (from, to) in [
            ("web", "192.0.2.1"),
            ("web", "10.1.0.2"),
            ("web", "fd00::1"),
            ("leaf", "10.3.0.1"),
            ("r1", "fd12::2"),
            ("r2", "192.168.1.1"),
        ] {
            ping(from, to);
        }
        unchanged(is_as_its_file_says);
        done(&format!("down {FILE}"));
        assert_is(&before);
    });
}

#[test]
fn its_plan_is_a_script_that_does_the_same() {
    private_host(|| {
        let before = stage();
        file(EVERYTHING);
        let shown = |line: &str| done(line).lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
        let plans = ["plan", "up --dry-run"].map(|words| shown(&format!("{words} {FILE}")));
        assert_eq!(without_time(&plans[0]), without_time(&plans[1]));
        holds_for(&before, &[row("up /run/tmp/lab.toml", "$TOOL down /run/tmp/lab.toml")]);
        up(EVERYTHING);
        sh(&format!("{} down lab --dry-run | sh -e", testhost::binary("netns-tool").display()));
        assert_is(&before);
    });
}

/// The second in which it is planned is part of a namespace's mark.
fn without_time(lines: &[String]) -> Vec<String> {
    let before = |line: &String| line.split(" since ").next().unwrap_or_default().to_owned();
    lines.iter().map(before).collect()
}

#[test]
fn programs_can_read_what_is_shown() {
    private_host(|| {
        stage();
        file(TEN_LINES);
        let plan = json(&format!("plan {FILE} --json"));
        let steps = plan.as_array().expect("a list of steps");
        assert_eq!(steps[0]["command"], "ip netns add web");
        assert!(steps.iter().all(|step| step["why"].is_string() && step["removes"] == false));
        let missing = json(&format!("diff {FILE} --json"));
        assert_eq!(missing[0]["object"], "network namespace `web`");
        assert_eq!(missing[0]["difference"], "is missing");
        assert_eq!(json("labs --json"), serde_json::json!([]));
        assert_eq!(done("labs"), "No lab is up\n");
        up(TEN_LINES);
        assert_eq!(json(&format!("plan {FILE} --json")), serde_json::json!([]));
        assert_eq!(json(&format!("diff {FILE} --json")), serde_json::json!([]));
        let labs = json("labs --json");
        let lab = &labs[0];
        assert_eq!((&lab["name"], &lab["namespaces"]), (&"lab".into(), &2.into()));
        assert_eq!((&lab["file"], &lab["drift"]), (&FILE.into(), &false.into()));
        assert!(lab["since"].as_u64().is_some_and(|since| since > 1_600_000_000), "{lab}");
        let row = done("labs").lines().nth(1).unwrap_or_default().to_owned();
        let words: Vec<&str> = row.split_whitespace().collect();
        assert_eq!((words[0], words[1], words[2]), ("lab", "2", "5"), "{row}");
        assert_eq!(words[words.len() - 2..], ["no", FILE], "{row}");
        sh("ip -n web addr del 10.0.0.2/24 dev eth0");
        assert_eq!(json("labs --json")[0]["drift"], true);
        fs::write(FILE, "broken").expect("write the lab's file");
        assert!(json("labs --json")[0]["drift"].is_null());
    });
}

#[test]
fn it_goes_by_its_name_and_by_its_file_whatever_became_of_it() {
    private_host(|| {
        let before = stage();
        for words in ["lab", "lab --name lab", FILE, "tmp/../tmp/lab.toml"] {
            up(TEN_LINES);
            sh(&format!("cd /run; {} down {words}", testhost::binary("netns-tool").display()));
            assert_is(&before);
        }
        // The file is broken, describes something else, has another name in it, or is gone.
        for change in
            ["echo '[' >>$F", "echo >$F", "echo 'name = \"x\"\n[namespace.y]' >$F", "rm $F"]
        {
            up(TEN_LINES);
            sh(&format!("F={FILE}; {change}"));
            done(&format!("down {FILE}"));
            assert_is(&before);
        }
    });
}

#[test]
fn two_labs_and_one_twice_stand_side_by_side() {
    private_host(|| {
        let before = stage();
        up(TEN_LINES);
        let (other, first) = ("/run/tmp/other.toml", [numbers("web"), numbers("db")]);
        let text = TEN_LINES.replace("10.0.0.", "10.7.0.").replace("br0", "br7");
        fs::write(other, text.replace("web", "web7").replace("db", "db7")).expect("write a file");
        done(&format!("up {other}"));
        // The same addresses can be only once on the host: the copy has its bridge elsewhere.
        let text = "[namespace.sw]\n[bridge.br0]\nnamespace = \"sw\"\naddress = \"10.0.0.1/24\"\n\
                    [namespace.web]\nbridge = \"br0\"\n";
        let isolated = "/run/tmp/isolated.toml";
        fs::write(isolated, text).expect("write a file");
        done(&format!("up {isolated} --name one"));
        done(&format!("up {isolated} --name two"));
        for (from, to) in [
            ("web", "10.0.0.3"),
            ("web7", "10.7.0.3"),
            ("one-web", "10.0.0.1"),
            ("two-web", "10.0.0.1"),
        ] {
            ping(from, to);
        }
        let labs = done("labs");
        let names: Vec<&str> = labs.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["LAB", "lab", "one", "other", "two"]);
        assert!(labs.lines().skip(1).all(|line| line.contains("  no  ")), "{labs}");
        assert_eq!([numbers("web"), numbers("db")], first);
        is_as_its_file_says();
        // Which of the two is meant?
        refused(&format!("down {isolated}")).stderr(contains("several labs are up"));
        done(&format!("down {isolated} --name one"));
        assert!(!namespaces().iter().any(|name| name.starts_with("one-")));
        // There is only one now.
        done(&format!("down {isolated}"));
        done("down lab");
        ping("db7", "192.0.2.1");
        done("down other");
        assert_is(&before);
    });
}

#[test]
fn what_is_somebody_elses_is_left_alone() {
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        file(TEN_LINES);
        for (make, remove, named) in [
            ("ip netns add db", "ip netns del db", "network namespace `db` is there already"),
            ("ip link add br0 type bridge", "ip link del br0", "bridge `br0` is there already"),
            (
                "ip link add db-eth0 type bridge",
                "ip link del db-eth0",
                "interface `db-eth0` is there",
            ),
            (
                "ip route add 10.0.0.0/25 dev fbr0",
                "ip route del 10.0.0.0/25 dev fbr0",
                "10.0.0.0/25",
            ),
        ] {
            sh(make);
            refused(&format!("up {FILE}")).stderr(contains(named));
            sh(remove);
        }
        // All that is in the way is told at once, and by `diff` beside what is missing.
        sh("ip netns add db; ip link add br0 type bridge");
        let (first, second) = ("network namespace `db` is there", "bridge `br0` is there");
        refused(&format!("up {FILE}")).stderr(contains(first).and(contains(second)));
        let found = differences();
        for told in [first, second, "network namespace `web` is missing"] {
            assert!(found.iter().any(|line| line.starts_with(told)), "{told}: {found:#?}");
        }
        sh("ip netns del db; ip link del br0");
        // And one of our own, that is of no lab or of another one.
        done("create db");
        refused(&format!("up {FILE}")).stderr(contains("is not of lab `lab`"));
        done("delete db");
        fs::write("/run/tmp/x.toml", "[namespace.db]\n").expect("write a file");
        done("up /run/tmp/x.toml");
        refused(&format!("up {FILE}")).stderr(contains("db"));
        done("down x");
        up(TEN_LINES);
        assert_eq!(differences(), [""; 0]);
    });
}

#[test]
fn what_others_have_added_to_it_stays_or_is_told() {
    private_host(|| {
        let before = stage();
        up(TEN_LINES);
        // A namespace and a pair of somebody else, wired to the lab.
        sh("ip netns add guest
            ip link add name guest0 type veth peer name eth0 netns guest; ip link set dev guest0 master br0 up");
        let guest = numbers("guest");
        is_as_its_file_says();
        done(&format!("down {FILE}"));
        assert_eq!(numbers("guest"), guest);
        assert!(has_link(HOST, "guest0") && !has_link(HOST, "br0"));
        sh("ip link del guest0; ip netns del guest");
        assert_is(&before);
        // A program that runs inside ends with the namespace that it is in.
        up(TEN_LINES);
        let mut program = support::start("web", "echo ready; exec sleep 600");
        done(&format!("down {FILE}"));
        assert!(!program.wait().expect("its end").success());
        assert_is(&before);
    });
}

#[test]
fn what_cannot_be_a_lab_is_told() {
    private_host(|| {
        warm_up();
        for (text, place, told) in [
            ("[namespace.a]\nbridge = \"br9\"\n", "2:10", "br9"),
            ("[bridge.br0]\nadress = \"10.0.0.1/24\"\n", "2:1", "adress"),
            ("[bridge.br0\n", "1:12", "TOML"),
        ] {
            for words in ["up", "plan", "diff", "-n up"] {
                refused_with(2, &format!("{words} {}", file(text)))
                    .stderr(contains(format!("--> {FILE}:{place}")).and(contains(told)));
            }
        }
        refused_with(2, "up /run/tmp/none.toml").stderr(contains("none.toml"));
        assert_eq!(done("down gone"), "Lab `gone` is not up; nothing to take down\n");
        refused_with(2, "down ../none");
        assert_eq!(ip(HOST, "netns list"), "");
    });
}
