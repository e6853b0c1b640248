//! Plans that are long enough to be done in batches keep every promise as well: each call of a command goes wrong, be it
//! one process for many steps, and the host is as promised.

mod support;

use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use support::faults::{tried, undone};
use support::{done, ip, namespaces, private_host, sh, tool};
use testhost::{Scenario, warm_up};

const NAMES: [&str; 12] =
    ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n12"];

/// The command with all the names, and more words after them.
fn with_names<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command][..], &NAMES, more].concat()
}

fn create(more: &[&str]) -> Scenario {
    let delete = format!("$TOOL delete {}", NAMES.join(" "));
    Scenario::build("create twelve", &with_names("create", more)).reset(&[&delete])
}

/// Twelve namespaces, some of them wired to the host and to each other.
fn wired() -> Vec<String> {
    let mut lines = vec![format!("$TOOL create {} --no-verify", NAMES.join(" "))];
    lines.extend((1..4).map(|i| format!("$TOOL veth h{i} n{i} eth0 --up")));
    lines.push("$TOOL veth e0 n5 e0 --host-ns n4 --up".to_owned());
    lines
}

/// Fourteen pairs, of which seven have been up.
fn ports() -> (Vec<String>, String) {
    let up = |i: u32| if i.is_multiple_of(2) { " --up" } else { "" };
    let make = |i: u32| format!("$TOOL veth p{i} --host q{i}{}", up(i));
    let wake = "for i in $(seq 14); do ip link set p$i up; [ $((i % 2)) = 0 ] || ip link set p$i down; done";
    let lines = (1..15).map(make).chain([wake.to_owned()]).collect();
    (lines, (1..15).map(|i| format!("p{i}")).collect::<Vec<_>>().join(","))
}

fn refs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

fn bridge(ports: &str) -> Vec<&str> {
    vec!["bridge", "br1", "--addr", "10.1.0.1/24", "--mac", "02:00:00:00:00:11", "--attach", ports]
}

#[test]
fn creating_a_dozen_with_addresses() {
    tried(&create(&["--addr", "10.9.9.9/32", "--addr", "fd99::9/128", "--no-verify"]));
}

#[test]
fn creating_a_dozen_with_verification_and_name_servers() {
    let (words, names) = (["--dns", "10.0.0.53"], NAMES.join(" "));
    let delete = format!("$TOOL delete {names}");
    let files = "rm -rf /etc/netns";
    let scenario = Scenario::build("create --dns", &with_names("create", &words));
    tried(&scenario.reset(&[&delete, files]));
}

#[test]
fn deleting_a_dozen_with_wires() {
    let again = format!("$TOOL delete {} --if-exists", NAMES.join(" "));
    let lines = [&[again][..], &wired()].concat();
    let scenario = Scenario::remove("delete twelve", &with_names("delete", &["--if-exists"]));
    tried(&scenario.setup(&refs(&wired())).reset(&refs(&lines)));
}

#[test]
fn making_a_bridge_with_many_ports() {
    let (lines, ports) = ports();
    let delete = format!("$TOOL bridge br1 --attach {ports} --delete");
    let scenario = Scenario::build("bridge with many ports", &bridge(&ports));
    tried(&scenario.setup(&refs(&lines)).reset(&[&delete]));
}

#[test]
fn deleting_a_bridge_with_many_ports() {
    let (mut lines, ports) = ports();
    let words = ["bridge", "br1", "--attach", &ports, "--delete", "--if-exists"];
    let make = format!("$TOOL {}", bridge(&ports).join(" "));
    let delete = format!("$TOOL {}", words.join(" "));
    lines.push(make.clone());
    let scenario = Scenario::remove("bridge --delete with many ports", &words);
    tried(&scenario.setup(&refs(&lines)).reset(&[&delete, &make]));
}

#[test]
fn undoing_a_dozen_fails() {
    undone(&create(&["--no-verify"]));
}

#[test]
fn undoing_many_ports_fails() {
    let (lines, ports) = ports();
    let delete = format!("$TOOL bridge br1 --attach {ports} --delete");
    let scenario = Scenario::build("undo of many ports", &bridge(&ports));
    undone(&scenario.setup(&refs(&lines)).reset(&[&delete]));
}

/// Puts a script in the place of `ip` that first runs these lines, once, when it is asked to do a batch.
fn before_the_first_batch(lines: &str) {
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *-batch*) [ -e /run/hit ] || {{ : >/run/hit; PATH=/run/real:$PATH; {lines}; }};; esac\nexec /run/real/ip \"$@\"\n"
    );
    std::fs::write("/run/ip.sh", script).expect("write a script");
    sh(
        "mkdir /run/real; ip=$(readlink -f $(command -v ip)); cp $ip /run/real/ip; chmod 755 /run/ip.sh; mount --bind /run/ip.sh $ip",
    );
}

#[test]
fn what_others_make_in_the_same_moment_stays_theirs() {
    private_host(|| {
        warm_up();
        // One in the way, with something in it; and one, still empty, that is not come to any more.
        before_the_first_batch(
            "ip netns add n7; ip -n n7 link set lo up; ip -n n7 addr add 10.8.8.8/32 dev lo; ip netns add n9",
        );
        let all = format!("create {} --no-verify", NAMES.join(" "));
        tool(&all)
            .code(1)
            .stderr(contains("could not make network namespace n7"))
            .stderr(contains("ran:     ip netns add n7"))
            .stderr(contains("File exists"))
            .stderr(contains("Command failed").not());
        let mut left = namespaces();
        left.sort();
        assert_eq!(left, ["n7", "n9"]);
        assert!(ip("n7", "addr show dev lo").contains("10.8.8.8"));
        sh("ip netns del n7; ip netns del n9");
        done(&all);
    });
}

#[test]
fn each_step_is_shown_as_it_can_be_typed() {
    private_host(|| {
        warm_up();
        let shown = tool(&format!("-v create {} --no-verify", NAMES.join(" "))).success();
        let shown = String::from_utf8_lossy(&shown.get_output().stderr).into_owned();
        let lines: Vec<&str> = shown.lines().collect();
        for name in NAMES {
            assert!(lines.contains(&&*format!("+ ip netns add {name}")), "{shown}");
            let mark = format!("+ ip -n {name} link set dev lo alias netns-tool up");
            assert!(lines.contains(&&*mark), "{shown}");
        }
        assert_eq!(lines.len(), 2 * NAMES.len(), "{shown}");
    });
}
