//! C1 and C2: many netns-tools at once, and one beside other tools that do not know of its lock.
//!
//! Whatever the order in which they get their turns, every exit code is a documented one, a name is made by exactly
//! one, and at the end the host is byte for byte as it was.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "processes side by side, and how many were run is a result"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use support::faults::{Depth, depth};
use support::internet::{CLIENT, lab};
use support::{Protocol, assert_is, done, for_each_firewall, lived_in, namespaces, ports};
use support::{private_host, reaches_by, start, succeeds};
use testhost::{Snapshot, binary};

const MANY: usize = 20;

/// How often it is tried; as an ordinary user the locks and the plans are the same.
fn rounds() -> usize {
    match depth() {
        Depth::Soak => 10,
        Depth::Quick => 3,
        Depth::Again => 2,
    }
}

#[test]
fn creates_of_different_names_all_succeed() {
    private_host(|| {
        let before = lived_in();
        for _ in 0..rounds() {
            let made = at_once(|i| format!("create --no-verify n{i}"));
            assert_eq!(codes(&made), [(0, MANY)].into(), "{made:?}");
            assert_eq!(namespaces().len(), MANY + 1);
            let gone = at_once(|i| format!("delete n{i}"));
            assert_eq!(codes(&gone), [(0, MANY)].into(), "{gone:?}");
        }
        println!("{} rounds of {MANY} creates and {MANY} deletes of different names", rounds());
        assert_is(&before);
    });
}

#[test]
fn of_creates_of_one_name_exactly_one_succeeds() {
    private_host(|| {
        let before = lived_in();
        for _ in 0..rounds() {
            let made = at_once(|_| "create --no-verify same".to_owned());
            assert_eq!(codes(&made), [(0, 1), (1, MANY - 1)].into(), "{made:?}");
            assert_eq!(saying(&made, "`same` already exists"), MANY - 1, "{made:?}");
            assert!(succeeds("ip netns exec same true"), "the one that was made is sound");
            let gone = at_once(|_| "delete same".to_owned());
            assert_eq!(codes(&gone), [(0, 1), (1, MANY - 1)].into(), "{gone:?}");
            assert_eq!(saying(&gone, "no network namespace `same`"), MANY - 1, "{gone:?}");
        }
        println!("{} rounds of {MANY} creates and {MANY} deletes of one name", rounds());
        assert_is(&before);
    });
}

#[test]
fn loops_of_create_and_delete_of_one_name_leave_no_debris() {
    private_host(|| {
        let before = lived_in();
        let loops = 5 * rounds();
        let begin = Instant::now();
        let outputs: Vec<Output> = thread::scope(|scope| {
            let one = || {
                let turn = |_| [run("create --no-verify same"), run("delete same")];
                (0..loops).flat_map(turn).collect::<Vec<_>>()
            };
            let all: Vec<_> = (0..MANY).map(|_| scope.spawn(one)).collect();
            all.into_iter().flat_map(|one| one.join().expect("a loop")).collect()
        });
        let codes = codes(&outputs);
        println!("{MANY} x {loops} loops: exit codes {codes:?} in {:?}", begin.elapsed());
        let odd = outputs.iter().find(|output| !matches!(output.status.code(), Some(0 | 1)));
        assert!(odd.is_none(), "{odd:?}");
        assert!(codes[&0] >= loops, "nobody ever got a turn: {codes:?}");
        // Creates and deletes that succeeded alternate, so that they differ by one at the most.
        let made = saying_on_stdout(&outputs, "Created network namespace");
        let gone = saying_on_stdout(&outputs, "Deleted network namespace");
        assert_eq!(made - gone, usize::from(Path::new("/run/netns/same").exists()));
        if made > gone {
            done("delete same");
        }
        assert_is(&before);
    });
}

#[test]
fn nats_of_one_bridge_are_one_nat() {
    private_host(|| {
        lived_in();
        done("bridge br0 --addr 10.0.0.1/24");
        let before = Snapshot::settled();
        done("nat br0 fveth0");
        let with_one = Snapshot::settled();
        done("nat br0 --delete");
        assert_is(&before);
        for _ in 0..rounds() {
            let made = at_once(|_| "nat br0 fveth0".to_owned());
            assert_eq!(codes(&made), [(0, MANY)].into(), "{made:?}");
            assert_is(&with_one);
            let gone = at_once(|_| "nat br0 fveth0 --delete --if-exists".to_owned());
            assert_eq!(codes(&gone), [(0, MANY)].into(), "{gone:?}");
            assert_eq!(saying_on_stdout(&gone, "NAT removed"), 1, "{gone:?}");
            assert_is(&before);
        }
        println!("{} rounds of {MANY} NATs of one bridge", rounds());
    });
}

#[test]
fn veth_pairs_to_one_bridge_all_become_ports() {
    private_host(|| {
        lived_in();
        done("create --no-verify n1");
        done("bridge br0 --addr 10.0.0.1/16");
        // What the first port of a bridge leaves for good is the kernel's.
        done("veth w0 n1 w1 --bridge br0");
        done("veth w0 n1 w1 --delete");
        let before = Snapshot::settled();
        for _ in 0..3 {
            let made = at_once(|i| {
                format!("veth v{i} n1 e{i} --bridge br0 --ns-addr 10.0.1.{}/16", i + 1)
            });
            assert_eq!(codes(&made), [(0, MANY)].into(), "{made:?}");
            assert_eq!(ports("", "br0").len(), MANY);
            let gone = at_once(|i| format!("veth v{i} n1 e{i} --delete"));
            assert_eq!(codes(&gone), [(0, MANY)].into(), "{gone:?}");
        }
        println!("3 rounds of {MANY} veth pairs on one bridge");
        assert_is(&before);
    });
}

#[test]
fn publishers_on_one_bridge_all_publish_and_each_once() {
    for_each_firewall(|_| {
        lab();
        done("nat br0 up0");
        let before = Snapshot::settled();
        let made = at_once(|i| format!("nat br0 up0 --publish {}:10.0.0.2:80", 8000 + i));
        assert_eq!(codes(&made), [(0, MANY)].into(), "{made:?}");
        for i in 0..MANY {
            let to = format!("192.0.2.2:{}", 8000 + i);
            reaches_by(Protocol::Tcp, "client", &to, &format!("you are {CLIENT} on a:80"));
        }
        // What one of them takes back is gone: it was there once.
        let gone = at_once(|i| format!("nat br0 up0 --publish {}:10.0.0.2:80 --delete", 8000 + i));
        assert_eq!(codes(&gone), [(0, MANY)].into(), "{gone:?}");
        assert_is(&before);
    });
}

#[test]
fn of_publishers_of_one_port_exactly_one_succeeds() {
    for_each_firewall(|_| {
        lab();
        done("nat br0 up0");
        let before = Snapshot::settled();
        let made = at_once(|i| format!("nat br0 up0 --publish 8080:10.0.0.{}:80", 2 + i % 2));
        assert_eq!(codes(&made), [(0, 1), (1, MANY - 1)].into(), "{made:?}");
        assert_eq!(saying(&made, "8080"), MANY - 1, "{made:?}");
        let gone = at_once(|i| {
            format!("nat br0 up0 --publish 8080:10.0.0.{}:80 --delete --if-exists", 2 + i % 2)
        });
        assert_eq!(codes(&gone), [(0, MANY)].into(), "{gone:?}");
        assert_is(&before);
    });
}

/// A tool that knows nothing of netns-tool's lock makes and deletes namespaces, and looks each time whether what it
/// has made is still its own.
#[test]
fn another_tool_with_the_same_names_loses_nothing() {
    private_host(|| {
        let before = lived_in();
        let foreign = start(
            "",
            "echo ready
            made=0
            while [ ! -e /run/tmp/stop ]; do
                for name in same other; do
                    ip netns add $name 2>/dev/null || continue
                    ip -n $name link set dev lo alias foreign || { echo \"$name was taken away\"; continue; }
                    ip -n $name link show dev lo | grep -q 'alias foreign' || echo \"$name was changed\"
                    ip netns del $name || echo \"$name was deleted\"
                    made=$((made + 1)); echo $made > /run/tmp/made
                done
            done
            echo made $made",
        );
        // At least so long, and until both have had some turns.
        let begin = Instant::now();
        let made = || std::fs::read_to_string("/run/tmp/made").unwrap_or_default();
        let have_both = |outputs: &[Output]| {
            made().trim().parse().is_ok_and(|made: u32| made > 10)
                && codes(outputs).get(&0).is_some_and(|own| *own > 10)
        };
        let mut outputs = Vec::new();
        while begin.elapsed() < Duration::from_secs(3)
            || !have_both(&outputs) && begin.elapsed() < Duration::from_secs(60)
        {
            let made = run("create --no-verify same");
            let is_made = made.status.success();
            outputs.push(made);
            if is_made {
                outputs.push(run("delete same"));
            }
        }
        std::fs::write("/run/tmp/stop", "").expect("stop the other tool");
        let foreign = foreign.wait_with_output().expect("the other tool");
        std::fs::remove_file("/run/tmp/stop").expect("clean up");
        let said = String::from_utf8_lossy(&foreign.stdout).into_owned();
        println!("against another tool ({}): {:?}", said.trim(), codes(&outputs));
        let (made, complaints) = said
            .trim()
            .rsplit_once("made ")
            .map_or((0, "?"), |(head, n)| (n.parse().unwrap_or(0), head));
        assert_eq!(complaints, "", "the other tool lost something");
        assert!(made > 10, "the other tool made only {made}");
        assert!(codes(&outputs)[&0] > 10, "{outputs:?}");
        let odd = outputs.iter().find(|output| !matches!(output.status.code(), Some(0 | 1)));
        assert!(odd.is_none(), "{odd:?}");
        assert_is(&before);
    });
}

#[test]
fn a_lock_that_is_held_is_waited_for_so_long_and_no_longer() {
    private_host(|| {
        let before = lived_in();
        let mut holder = hold();
        for (wait, least, most) in [(0, 0, 9), (1, 1, 9)] {
            let begin = Instant::now();
            let output = run(&format!("create n1 --wait {wait}"));
            let took = begin.elapsed();
            assert_eq!(output.status.code(), Some(5), "{output:?}");
            assert_eq!(saying(std::slice::from_ref(&output), "another netns-tool is at work"), 1);
            assert_eq!(saying(std::slice::from_ref(&output), "--wait SECONDS"), 1, "{output:?}");
            let limits = Duration::from_secs(least)..Duration::from_secs(most);
            assert!(limits.contains(&took), "--wait {wait} took {took:?}");
        }
        // Whoever waits gets it as soon as it is free.
        let waiting = spawn("create --no-verify n1");
        thread::sleep(Duration::from_millis(300));
        assert!(!Path::new("/run/netns/n1").exists());
        holder.kill().expect("let go of the lock");
        holder.wait().expect("the holder's end");
        let output = waiting.wait_with_output().expect("the one that waited");
        assert!(output.status.success(), "{output:?}");
        done("delete n1");
        assert_is(&before);
    });
}

/// A process that holds the lock until it is killed, as a netns-tool that takes its time.
fn hold() -> Child {
    let script = "mkdir -m 700 /run/netns-tool; exec 9>/run/netns-tool/lock; flock 9; echo ready; exec sleep 60";
    start("", script)
}

/// Runs it for each number below [`MANY`], all at once.
fn at_once(line: impl Fn(usize) -> String) -> Vec<Output> {
    let children: Vec<Child> = (0..MANY).map(|i| spawn(&line(i))).collect();
    let end = |child: Child| child.wait_with_output().expect("the tool's end");
    children.into_iter().map(end).collect()
}

/// The tool, with the patience that so many need on a machine that is busy with others.
fn spawn(line: &str) -> Child {
    let mut command = Command::new(binary("netns-tool"));
    if !line.contains("--wait") {
        command.args(["--wait", "300", "--timeout", "60"]);
    }
    command.args(line.split(' ')).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().expect("start the tool")
}

fn run(line: &str) -> Output {
    spawn(line).wait_with_output().expect("the tool's end")
}

/// How often each exit code came; -1 stands for a signal.
fn codes(outputs: &[Output]) -> BTreeMap<i32, usize> {
    let mut codes = BTreeMap::new();
    for output in outputs {
        *codes.entry(output.status.code().unwrap_or(-1)).or_default() += 1;
    }
    codes
}

fn saying(outputs: &[Output], words: &str) -> usize {
    outputs.iter().filter(|output| String::from_utf8_lossy(&output.stderr).contains(words)).count()
}

fn saying_on_stdout(outputs: &[Output], words: &str) -> usize {
    outputs.iter().filter(|output| String::from_utf8_lossy(&output.stdout).contains(words)).count()
}
