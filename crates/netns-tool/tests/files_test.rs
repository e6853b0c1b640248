//! F3: files that cannot be written, limits that are too low, and streams that nobody reads.
//!
//! Each fault is tried with each kind of command. Whatever comes of it: a documented exit code, a message that says
//! why, and a host that is byte for byte as it was (where a command works in spite of the fault, after it was taken
//! back). The number of runs is printed.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "processes with odd streams and limits, and how many were run is a result"
)]

mod support;

use std::fs::File;
use std::io::pipe;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{assert_is, done, private_host, sh};
use testhost::{Faults, Mode, Sig, Snapshot, binary};

/// The kinds of commands, each with its way back.
const COMMANDS: [(&str, &str); 6] = [
    ("create n1 n2 --addr 10.1.1.1/32", "delete n1 n2"),
    ("veth v0 a e0 --bridge br0 --ns-addr 10.0.0.9/24", "veth v0 a e0 --delete"),
    ("bridge br1 --addr 10.1.0.1/24 --attach p0", "bridge br1 --attach p0 --delete"),
    ("nat br0 fveth0", "nat br0 fveth0 --delete"),
    ("delete b", "create b --no-verify"),
    (
        "veth w0 --host w1 --delete",
        "veth w0 --host w1 --host-mac 02:00:00:00:00:01 --ns-mac 02:00:00:00:00:02",
    ),
];

/// What every command stands on, at rest. The bridge has had a port, and `p0` has been one: what the first time
/// leaves for good is the kernel's.
fn stage() -> Snapshot {
    testhost::warm_up();
    testhost::foreign_objects();
    done("create a b --no-verify");
    done("bridge br0 --addr 10.0.0.1/24");
    done("veth p0 --host p1");
    done(COMMANDS[5].1);
    for (command, back) in [COMMANDS[1], COMMANDS[2]] {
        done(command);
        done(back);
    }
    Snapshot::settled()
}

/// What may come of a fault, besides success.
struct Allowed<'a> {
    codes: &'a [i32],
    /// One of these must be in the message.
    why: &'a [&'a str],
}

/// Tries the commands, one after the other, each through `run`; how many runs there were. In the end the host is as
/// it was.
fn tried(
    before: &Snapshot,
    fault: &str,
    allowed: &Allowed,
    set: &str,
    release: &str,
    run: impl Fn(&str) -> Output,
) -> usize {
    let runs = each(fault, allowed, set, release, run);
    if let Err(diff) = before.wait_equal() {
        panic!("{fault}: the host is not as it was:\n{diff}");
    }
    runs
}

/// The same without the look at the host in the end.
fn each(
    fault: &str,
    allowed: &Allowed,
    set: &str,
    release: &str,
    run: impl Fn(&str) -> Output,
) -> usize {
    let mut codes = Vec::new();
    for (command, back) in COMMANDS {
        sh(set);
        let output = run(command);
        sh(release);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let what = format!("{fault}, `{command}`: {:?}\n{said}", output.status);
        match output.status.code() {
            Some(0) => drop(done(back)),
            Some(code) if allowed.codes.contains(&code) => {
                assert!(allowed.why.iter().any(|why| said.contains(why)), "no reason: {what}");
            }
            _ => panic!("{what}"),
        }
        assert!(!Path::new("/run/netns-tool").exists(), "its folder remains: {what}");
        codes.push(output.status.code().unwrap_or(-1));
    }
    println!("{fault}: {codes:?}");
    codes.len()
}

#[test]
fn a_run_folder_without_room() {
    private_host(|| {
        let before = stage();
        let mut runs = 0;
        let allowed = Allowed { codes: &[1, 3], why: &["No space left on device"] };
        for pages in 0..3 {
            // As large as what is in it, and so many pages more.
            let size = format!("size=$(( ($(stat -f -c '%b - %f' /run) + {pages}) * 4096 ))");
            let fault = format!("{pages} free pages");
            runs += tried(&before, &fault, &allowed, &remount(&size), &remount(ROOMY), run);
        }
        for inodes in 0..7 {
            let number = format!("nr_inodes=$(( $(stat -f -c '%c - %d' /run) + {inodes} ))");
            let fault = format!("{inodes} free inodes");
            runs += tried(&before, &fault, &allowed, &remount(&number), &remount(ROOMY), run);
        }
        let allowed = Allowed { codes: &[1, 3], why: &["Read-only file system"] };
        runs += tried(&before, "read-only", &allowed, &remount("ro"), &remount("rw"), run);
        println!("/run: {runs} runs");
        assert!(runs >= 60);
    });
}

/// Room enough.
const ROOMY: &str = "size=50%,nr_inodes=100000";

/// With the name of what is mounted, `mount` adds no options of its own accord, such as the `uid=` of the kernel's
/// list, which is not to be used in a user namespace.
fn remount(options: &str) -> String {
    format!("mount -n -t tmpfs -o remount,nosuid,nodev,{options} testhost /run")
}

fn run(line: &str) -> Output {
    command(line).output().expect("run the tool")
}

fn command(line: &str) -> Command {
    let mut command = Command::new(binary("netns-tool"));
    command.args(line.split(' ')).stdin(Stdio::null());
    command
}

/// Runs it in a shell that has done something to itself first.
fn run_after(shell: &str, line: &str) -> Output {
    let script = format!("{shell}; exec \"$0\" {line}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(binary("netns-tool")).stdin(Stdio::null());
    command.output().expect("run the tool in a shell")
}

#[test]
fn limits_that_are_too_low() {
    private_host(|| {
        let before = stage();
        // Whoever may raise them does. Others are told, before anything is changed: `ulimit -n 3` by the loader of
        // programs, which cannot open a library then. Root has no limit of processes; others may have no child, and then what
        // was to be deleted is left (exit code 4).
        let why = ["cannot be raised", "error while loading", "Resource temporarily unavailable"];
        let allowed = Allowed { codes: &[1, 3, 4, 127], why: &why };
        let files = (3..=16).map(|n| format!("ulimit -n {n}"));
        let others = [
            "-S -n 5", "-f 0", "-S -f 0", "-p 0", "-p 1", "-v 20000", "-v 32000", "-d 500",
            "-d 8000", "-s 256", "-t 1", "-S -t 1", "-c 0", "-l 0",
        ];
        let runs: usize = files
            .chain(others.map(|words| format!("ulimit {words}")))
            .map(|limit| tried(&before, &limit, &allowed, ":", ":", |line| run_after(&limit, line)))
            .sum();
        println!("limits: {runs} runs");
    });
}

/// What is wrong with a stream, and what the tool gets.
type Stream = (&'static str, fn() -> Stdio);

const STREAMS: [Stream; 4] = [
    ("a broken pipe", broken_pipe),
    ("/dev/full", full),
    ("a closed file", || read_only("/dev/null")),
    ("a folder", || read_only("/")),
];

#[test]
fn streams_that_nobody_reads() {
    private_host(|| {
        let before = stage();
        let works = Allowed { codes: &[], why: &[] };
        let mut runs = 0;
        for (name, stream) in STREAMS {
            for (out, err) in [(true, false), (false, true), (true, true)] {
                let fault = format!("{name} for stdout: {out}, for stderr: {err}");
                runs += each(&fault, &works, ":", ":", |line| {
                    let mut command = command(&format!("{line} -v"));
                    command.stdout(if out { stream() } else { Stdio::piped() });
                    command.stderr(if err { stream() } else { Stdio::piped() });
                    command
                        .spawn()
                        .and_then(|child| child.wait_with_output())
                        .expect("run the tool")
                });
            }
            assert_is(&before);
        }
        for closed in ["exec <&-", "exec >&-", "exec 2>&-", "exec <&- >&- 2>&-", "exec </dev/full"]
        {
            runs += each(closed, &works, ":", ":", |line| run_after(closed, line));
        }
        assert_is(&before);
        println!("streams: {runs} runs");
    });
}

#[test]
fn an_undo_that_nobody_hears_of_is_done_all_the_same() {
    private_host(|| {
        let faults = Faults::install();
        let before = stage();
        let mut runs = 0;
        for (line, _) in &COMMANDS[..4] {
            for (name, stream) in STREAMS {
                for (mode, code) in [(Mode::FailAfter, 1), (Mode::SignalAfter(Sig::Hup), 129)] {
                    faults.reset();
                    // The first three calls of `nat` are listings, and so is its last; all calls of the others change something.
                    let call = if line.starts_with("nat") { 4 } else { 2 };
                    faults.arm(call, mode);
                    let mut command = command(&format!("{line} -v"));
                    let status = command.stdout(stream()).stderr(stream()).status();
                    let what = format!("`{line}`, {mode:?}, {name}");
                    assert_eq!(faults.fired(), 1, "{what}");
                    let calls = faults.calls();
                    let is_listing =
                        |call: &String| call.contains("-save") || call.contains(" list ");
                    assert!(!is_listing(&calls[call - 1]), "{what}: {calls:?}");
                    assert_eq!(status.expect("run the tool").code(), Some(code), "{what}");
                    runs += 1;
                }
            }
            faults.reset();
            assert_is(&before);
        }
        println!("undone unheard: {runs} runs");
    });
}

#[test]
fn a_result_that_cannot_be_written_is_said_and_a_reader_that_has_enough_is_none() {
    private_host(|| {
        let before = stage();
        for (line, code) in [("create n1 --dry-run", 1), ("recover --dry-run", 1), ("recover", 1)] {
            let output = command(line).stdout(full()).output().expect("run the tool");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "`{line}`: {said}");
            assert!(said.contains("cannot write to stdout: No space left"), "`{line}`: {said}");
            let output = command(line).stdout(broken_pipe()).output().expect("run the tool");
            assert!(output.status.success() && output.stderr.is_empty(), "`{line}`: {output:?}");
        }
        // What is done is no failure, but that its report is lost is said.
        let output = command("create n1").stdout(full()).output().expect("run the tool");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("No space left"), "{said}");
        done("delete n1");
        assert_is(&before);
    });
}

fn broken_pipe() -> Stdio {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("/dev/full").into()
}

/// Something that cannot be written to.
fn read_only(path: &str) -> Stdio {
    File::open(path).expect("a file that is there").into()
}
