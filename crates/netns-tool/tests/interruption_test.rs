//! E1, interruptions at any moment: Ctrl-C to the whole process group, in a real terminal too, and SIGKILL.
//!
//! The fault sweeps interrupt at chosen points; these do it at evenly spread times, and so also in between.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "processes that are interrupted, and how often is a result"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use support::faults::{Depth, depth};
use support::{assert_is, done, lived_in, private_host, sh, tool};
use testhost::{Snapshot, binary};

/// At how many moments; as an ordinary user the plans are the same.
fn tries() -> u32 {
    match depth() {
        Depth::Soak => 100,
        Depth::Quick => 30,
        Depth::Again => 20,
    }
}

/// On a busy machine the times are off, and more tries are needed: so many times as many at the most.
const MORE: u32 = 10;

#[test]
fn a_ctrl_c_to_the_whole_group_leaves_no_file_without_a_namespace() {
    interrupt_creating(3);
}

#[test]
fn neither_does_one_to_many_steps_at_once() {
    interrupt_creating(16);
}

/// Ctrl-C at many moments while so many namespaces are made.
fn interrupt_creating(count: usize) {
    private_host(|| {
        let before = lived_in();
        let names: Vec<String> = (0..count).map(|i| format!("n{i}")).collect();
        let (create, delete) =
            (format!("create {}", names.join(" ")), format!("delete {}", names.join(" ")));
        let whole = duration(&create, &delete);
        let (tries, mut codes) = (tries(), BTreeMap::new());
        let is_enough =
            |codes: &BTreeMap<i32, u32>| codes.get(&130).is_some_and(|hit| *hit > tries / 5);
        for i in 0..MORE * tries {
            if i >= tries && is_enough(&codes) {
                break;
            }
            let mut child = spawn(&create);
            thread::sleep(whole * (i % tries) / tries);
            // What a terminal does: to netns-tool and to whatever is in its group.
            let group = Pid::from_raw(child.id().cast_signed());
            killpg(group, Signal::SIGINT).expect("the group is there until it is waited for");
            let code = child.wait().expect("the tool's end").code().unwrap_or(-1);
            *codes.entry(code).or_insert(0) += 1;
            let made = names.iter().filter(|name| is_there(name)).count();
            // Before it has set itself up, the signal ends it (no exit code); nothing has been done then.
            assert_eq!(made, if code == 0 { count } else { 0 }, "exit code {code} in try {i}");
            assert!(matches!(code, 0 | 130 | -1), "exit code {code} in try {i}");
            if code == 0 {
                done(&delete);
            }
        }
        println!("{count}: Ctrl-C at {tries} moments and more: exit codes {codes:?}");
        assert!(is_enough(&codes), "the times are off: {codes:?}");
        assert_is(&before);
    });
}

#[test]
fn a_ctrl_c_typed_in_a_terminal_takes_everything_back() {
    private_host(|| {
        let before = lived_in();
        // Longer than all of the times below: 20 namespaces.
        let names: Vec<String> = (0..20).map(|i| format!("n{i}")).collect();
        let line = format!("create {}", names.join(" "));
        let whole = duration(&line, &line.replace("create", "delete"));
        let mut interrupted = 0;
        let mut times = 0;
        while times < 9 || (interrupted < 4 && times < 90) {
            times += 1;
            let mut command = Command::new("script");
            command.args([
                "-q",
                "-e",
                "-c",
                &format!("exec '{}' {line}", binary("netns-tool").display()),
                "/dev/null",
            ]);
            let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = piped.spawn().expect("`script`, of util-linux");
            thread::sleep(whole * (times % 10) / 10);
            // It may have ended by itself.
            let _ = child.stdin.as_mut().expect("its keyboard").write_all(b"\x03");
            let output = child.wait_with_output().expect("its end");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            match output.status.code() {
                Some(0) => drop(done(&line.replace("create", "delete"))),
                Some(130) => {
                    interrupted += 1;
                    // A key that is hit before it has set itself up ends it without a word.
                    assert!(
                        said.contains("interrupted by SIGINT") || said.trim() == "^C",
                        "{said}"
                    );
                }
                code => panic!("exit code {code:?}: {said}"),
            }
            assert!(!names.iter().any(|name| is_there(name)), "{said}");
        }
        println!("{times} times ^C in a terminal, {interrupted} interrupted");
        assert!(interrupted > 3, "the times are off: {interrupted}");
        assert_is(&before);
    });
}

#[test]
fn what_a_sigkill_leaves_recover_takes_back() {
    private_host(|| {
        lived_in();
        done("create a --no-verify");
        done("bridge br0 --addr 10.0.0.1/24");
        let commands = [
            ("create n1 n2 --no-verify --dns 10.0.0.53", "delete n1 n2"),
            ("veth v0 a e0 --bridge br0 --ns-addr 10.0.0.2/24", "veth v0 a e0 --delete"),
            ("bridge br1 --addr 10.1.0.1/24 --addr fd01::1/64", "bridge br1 --delete"),
            ("nat br0 fveth0", "nat br0 fveth0 --delete"),
            // Many steps at once.
            ("create n1 n2 n3 n4 n5 n6 --addr 10.9.9.9/32", "delete n1 n2 n3 n4 n5 n6"),
        ];
        let whole = commands.map(|(command, back)| duration(command, back));
        let before = Snapshot::settled();
        let glance = glance();
        let (tries, mut killed, mut recovered) = (tries(), 0, 0);
        for i in 0..MORE * tries {
            if i >= tries && killed > tries / 4 && recovered > tries / 7 {
                break;
            }
            let which = i as usize % commands.len();
            let step = tries / commands.len() as u32;
            let (command, back) = commands[which];
            let mut child = spawn(command);
            thread::sleep(whole[which] * (i / commands.len() as u32 % step) / step);
            // Of netns-tool alone: what it has started goes on for a moment.
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).expect("kill it");
            let status = child.wait().expect("its end");
            let assert = tool("recover").success();
            let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
            let was_half = said.contains("the host is as it was before it");
            recovered += u32::from(was_half);
            killed += u32::from(!status.success());
            // It had done all of its work, and was killed while it said so or not at all.
            if !was_half && self::glance() != glance {
                done(back);
            }
            assert_eq!(self::glance(), glance, "try {i}, `{command}`: {said}");
            if i % 10 == 9 {
                assert_is(&before);
            }
        }
        println!(
            "{tries} times SIGKILL and more: {killed} killed, {recovered} had something to take back"
        );
        assert!(
            killed > tries / 4 && recovered > tries / 7,
            "the times are off: {killed}, {recovered}"
        );
        assert_is(&before);
    });
}

/// The tool in a process group of its own, as a shell starts it.
fn spawn(line: &str) -> Child {
    let mut command = Command::new(binary("netns-tool"));
    command.args(line.split(' ')).process_group(0).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start the tool")
}

/// How long the command takes when it is left alone.
fn duration(line: &str, back: &str) -> Duration {
    let mut times = [0; 3].map(|_| {
        let begin = Instant::now();
        spawn(line).wait().expect("the tool's end");
        let took = begin.elapsed();
        done(back);
        took
    });
    times.sort();
    times[1]
}

fn is_there(name: &str) -> bool {
    fs::symlink_metadata(format!("/run/netns/{name}")).is_ok()
}

/// A quick look at what the commands change; the snapshots, which are slower, look at everything.
fn glance() -> String {
    sh("ls -A /run /run/netns; ip -br link | cut -d ' ' -f 1 | cut -d @ -f 1; ip -n a -br link; cat /proc/sys/net/ipv4/ip_forward
        iptables-save | grep -v '^[#:]'; ls -AR /etc/netns 2>/dev/null || true")
}
