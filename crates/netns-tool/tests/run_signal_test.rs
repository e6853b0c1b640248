//! `run` and signals: they reach the command, and whatever happens, the lab is gone at the end.

#![expect(clippy::disallowed_methods, reason = "commands in labs, and signals to them")]

mod support;

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::labs::{FILE, WITH_DNS, file};
use support::{assert_is, lived_in, namespaces, private_host, sh};
use testhost::binary;

/// `run` of the lab with these options, and a command that goes on until a signal comes: it has begun.
fn begun(options: &str) -> Child {
    let mut command = Command::new(binary("netns-tool"));
    command.args(["run", "-q", "lab.toml"]).args(options.split_whitespace());
    command.args(["--", "sh", "-c", "echo ready; exec sleep 4242"]);
    command.current_dir("/run/tmp").stdout(Stdio::piped());
    let mut command = command.spawn().expect("start the tool");
    let mut word = [0; 6];
    command.stdout.as_mut().expect("a pipe").read_exact(&mut word).expect("it is ready");
    command
}

#[test]
fn signals_reach_the_command_and_then_the_lab_goes() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        // SIGHUP, SIGINT, SIGABRT, SIGUSR1, SIGALRM, SIGTERM, SIGPWR and two for programs' own use.
        let places = ["", "--in web", "--sandbox"];
        for (signal, place) in
            [1, 2, 6, 10, 14, 15, 30, 34, 64].into_iter().zip(places.iter().cycle())
        {
            let mut command = begun(place);
            sh(&format!("kill -{signal} {}", command.id()));
            let code = command.wait().expect("its end").code();
            assert_eq!(code, Some(128 + signal), "{signal} {place}");
            assert_eq!(sh("pgrep -f 'sleep 424[2]' || echo none"), "none\n");
            assert_is(&before);
        }
    });
}

/// By a timer that somebody has set before, and not by a process.
#[test]
fn an_alarm_reaches_the_command() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        let tool = binary("netns-tool").display().to_string();
        for words in [format!("run -q {FILE}"), "sandbox".to_owned()] {
            let said = sh(&format!(
                "perl -e 'alarm 2; exec @ARGV' {tool} {words} -- sleep 4242 || echo $?"
            ));
            assert_eq!(said, "142\n", "{words}");
        }
        assert_is(&before);
    });
}

#[test]
fn who_is_in_a_hurry_does_not_keep_the_lab() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        let mut command = begun("");
        let pid = Pid::from_raw(command.id().cast_signed());
        let status = loop {
            if let Some(status) = command.try_wait().expect("its end") {
                break status;
            }
            kill(pid, Signal::SIGINT).expect("send it");
            thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status.code(), Some(130));
        assert_is(&before);
    });
}

#[test]
fn a_signal_before_the_command_takes_all_of_it_back() {
    private_host(|| {
        let before = lived_in();
        // As long as it takes, it is building.
        file(&format!(
            "{WITH_DNS}[namespace.web.process.p]\ncommand = [\"sleep\", \"4242\"]\nready = {{ tcp = 80 }}\n"
        ));
        let mut command = Command::new(binary("netns-tool"));
        command.args(["run", "-q", FILE, "--", "touch", "/run/tmp/ran"]);
        let mut command = command.spawn().expect("start the tool");
        sh("until pgrep -f 'sleep 424[2]' >/dev/null; do sleep 0.01; done");
        kill(Pid::from_raw(command.id().cast_signed()), Signal::SIGTERM).expect("send it");
        assert_eq!(command.wait().expect("its end").code(), Some(143));
        assert!(!fs::exists("/run/tmp/ran").expect("look"));
        assert!(namespaces().iter().all(|name| name != "web"));
        assert_is(&before);
    });
}

#[test]
fn a_signal_after_the_command_is_told_when_all_is_down() {
    private_host(|| {
        let before = lived_in();
        // As long as it takes to end a program that does not want to, it is being taken down.
        file(&format!(
            "{WITH_DNS}[namespace.web.process.p]\ncommand = [\"sh\", \"-c\", \"trap '' TERM; while :; do sleep 0.1; done\"]\n"
        ));
        let mut command = Command::new(binary("netns-tool"));
        command.args(["run", "-q", FILE, "--", "sh", "-c", "touch /run/tmp/ran; exit 7"]);
        let mut command = command.stderr(Stdio::piped()).spawn().expect("start the tool");
        sh("until [ -e /run/tmp/ran ]; do sleep 0.01; done
            while pgrep -f '^sh -c touch /run/tmp/ra[n]' >/dev/null; do sleep 0.01; done; sleep 0.5");
        kill(Pid::from_raw(command.id().cast_signed()), Signal::SIGTERM).expect("send it");
        assert_eq!(command.wait().expect("its end").code(), Some(143));
        let mut said = String::new();
        let stderr = command.stderr.as_mut().expect("a pipe");
        stderr.read_to_string(&mut said).expect("what it says");
        let told = "error: interrupted by SIGTERM while the lab `lab` was taken down, which is done\n  \
                    command: it had ended before, with exit code 7\n";
        assert!(said.ends_with(told), "{said}");
        sh("rm /run/tmp/ran");
        assert_is(&before);
    });
}
