//! What `sandbox` and `run` start has the terminal, and nothing outlives it: keys typed in a real terminal, and SIGKILL to
//! whoever is involved, at any moment.

#![expect(clippy::disallowed_methods, reason = "processes that are killed, and terminals")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use support::faults::{Depth, depth};
use support::labs::file;
use support::{SOON, assert_is, lived_in, private_host, sh};
use testhost::binary;

/// What the killed ones leave: the processes of this private host.
fn processes() -> BTreeSet<i32> {
    let entries = fs::read_dir("/proc").expect("list /proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The first child of a process.
fn child(of: i32) -> Option<i32> {
    processes().into_iter().find(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let rest = stat.rsplit(") ").next().unwrap_or_default();
        rest.split(' ').nth(1).and_then(|parent| parent.parse().ok()) == Some(of)
    })
}

/// Kills the one who is so far down the line: netns-tool, `unshare`, the first process, the command; or the last who is there
/// yet. Who has just ended by himself was not hit, and then it is the next one's turn.
fn kill_until_it_ends(tool: &mut Child, depth: u32) -> (ExitStatus, i32) {
    loop {
        let pid = tool.id().cast_signed();
        let line = (0..depth).try_fold(pid, |pid, _| child(pid).ok_or(pid));
        let victim = line.unwrap_or_else(|last| last);
        let _ = kill(Pid::from_raw(victim), Signal::SIGKILL);
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            if let Some(status) = tool.try_wait().expect("its end") {
                return (status, victim);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn whoever_is_killed_nothing_is_left() {
    private_host(|| {
        let before = lived_in();
        let tries: u32 = if depth() == Depth::Soak { 200 } else { 60 };
        let mounts = sh("cat /proc/self/mountinfo");
        let known = processes();
        let mut whole = Duration::from_millis(60);
        for i in 0..tries {
            let mut tool = Command::new(binary("netns-tool"));
            tool.args(["sandbox", "--", "sh", "-c", "setsid sleep 4242 & echo; sleep 4242"]);
            tool.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            let begin = Instant::now();
            let mut tool = tool.spawn().expect("start the tool");
            let pid = tool.id().cast_signed();
            if i < 4 {
                // Each of them once when all of them are there.
                let _ = tool.stdout.as_mut().expect("a pipe").read(&mut [0]);
                whole = begin.elapsed();
            } else {
                thread::sleep(whole * (i / 4) / (tries / 4));
            }
            let (status, victim) = kill_until_it_ends(&mut tool, i % 4);
            assert!(!status.success(), "try {i}");
            let deadline = Instant::now() + SOON;
            // Who is killed himself cannot wait until the others are gone.
            while processes() != known && victim == pid && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
                // Orphans become ours: the test is the first process of this private host.
                let _ = waitpid(None, Some(WaitPidFlag::WNOHANG));
            }
            assert_eq!(processes(), known, "try {i}: {}", sh("ps axf"));
        }
        assert_eq!(sh("cat /proc/self/mountinfo"), mounts);
        assert_is(&before);
    });
}

/// What is seen in a terminal in which `sh -c SCRIPT` runs, and in which the keys are hit, each after its word is there.
fn terminal(script: &str, keys: &[(&str, &str)]) -> String {
    let folder = binary("netns-tool").parent().expect("its folder").display().to_string();
    let mut command = Command::new("timeout");
    command
        .args(["20", "script", "-q", "-e", "-f", "-c", script, "/dev/null"])
        .env("SHELL", "/bin/bash");
    command.env("PATH", format!("{folder}:/usr/sbin:/usr/bin:/sbin:/bin"));
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = piped.spawn().expect("`script`, of util-linux");
    let (mut keyboard, mut screen) =
        (child.stdin.take().expect("stdin"), child.stdout.take().expect("stdout"));
    let mut seen = String::new();
    let mut from = 0;
    let mut bytes = [0; 4096];
    for (word, key) in keys {
        while !seen[from..].contains(word) {
            let count = screen.read(&mut bytes).expect("read the screen");
            assert!(count > 0, "no `{word}` in\n{seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        from += seen[from..].find(word).expect("it is there") + word.len();
        keyboard.write_all(key.as_bytes()).expect("type");
    }
    while let Ok(count @ 1..) = screen.read(&mut bytes) {
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    child.wait().expect("its end");
    seen
}

/// Counts how often it gets SIGINT, for a second.
const COUNT: &str = "perl -e '$| = 1; $SIG{INT} = sub { $n++ }; print \"ready\\n\"; \
    select(undef, undef, undef, 0.2) for 1..6; print \"hits: $n\\n\"; exit 3'";

#[test]
fn a_ctrl_c_hits_the_command_once() {
    private_host(|| {
        file("[namespace.web]\n");
        for lead in
            ["sandbox", "run -q lab.toml", "run -q lab.toml --in web", "run -q lab.toml --sandbox"]
        {
            let script = format!("cd /run/tmp; netns-tool {lead} -- {COUNT}; echo code $?");
            let seen = terminal(&script, &[("ready", "\x03")]);
            assert!(seen.contains("hits: 1\r\n") && seen.contains("code 3"), "{lead}: {seen}");
        }
    });
}

/// The kernel tells it to the first process of the terminal's session alone, which is netns-tool here.
#[test]
fn that_the_terminal_is_gone_is_told_to_the_command() {
    private_host(|| {
        file("[namespace.web]\n");
        for lead in ["sandbox", "run -q lab.toml"] {
            let tool = binary("netns-tool").display().to_string();
            let command = "sh -c \"trap \\\"touch hung-up; exit\\\" HUP; touch ready; while :; do sleep 0.1; done\"";
            let mut terminal = Command::new("script");
            terminal.args(["-qc", &format!("exec {tool} {lead} -- {command}"), "/dev/null"]);
            terminal.current_dir("/run/tmp").env("SHELL", "/bin/sh");
            let terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
            let mut terminal = terminal.expect("`script`, of util-linux");
            sh("until [ -e /run/tmp/ready ]; do sleep 0.01; done; rm /run/tmp/ready");
            terminal.kill().expect("kill it");
            terminal.wait().expect("its end");
            sh(
                "timeout 20 sh -c 'until [ -e /run/tmp/hung-up ]; do sleep 0.01; done' && rm /run/tmp/hung-up",
            );
        }
    });
}

#[test]
fn a_ctrl_backslash_is_the_command_s_affair() {
    private_host(|| {
        let count = COUNT.replace("INT", "QUIT");
        let script = format!("netns-tool sandbox -- {count}; echo code $?");
        let seen = terminal(&script, &[("ready", "\x1c")]);
        assert!(seen.contains("hits: 1\r\n") && seen.contains("code 3"), "{seen}");
    });
}

#[test]
fn a_shell_in_it_has_jobs_and_gives_the_terminal_back() {
    private_host(|| {
        let script = "netns-tool sandbox -- bash --norc -i; echo code $?; read x; echo \"got $x\"";
        // One process each: a shell that is stopped while it starts another hangs.
        let keys = [
            ("# ", "perl -e '$| = 1; print qq(in).qq(side\\n); sleep 4242'\r"),
            ("inside", "\x03"),
            ("# ", "echo code $?; perl -e '$| = 1; print qq(after).qq(wards\\n); sleep 4243'\r"),
            ("code 130\r\nafterwards", "\x1a"),
            ("Stopped", "kill -9 %1; sleep 0.3; exit 5\r"),
            ("code 5", "word\r"),
        ];
        let seen = terminal(script, &keys);
        assert!(seen.contains("got word"), "{seen}");
        assert!(!seen.contains("no job control"), "{seen}");
    });
}

#[test]
fn it_is_stopped_and_goes_on_like_any_job() {
    private_host(|| {
        let keys = [
            (
                "# ",
                "netns-tool sandbox -- perl -e '$| = 1; print qq(rea).qq(dy\\n); select(undef, undef, undef, 0.3) for 1..5; print qq(do).qq(ne\\n); exit 6'\r",
            ),
            ("ready", "\x1a"),
            ("Stopped", "fg\r"),
            ("done", "echo co''de $?; exit\r"),
        ];
        let seen = terminal("bash --norc -i", &keys);
        assert!(seen.contains("code 6"), "{seen}");
    });
}
