//! `sandbox`: a private host is private, everything works in it, and it is gone with its command, however that ends.

#![expect(clippy::disallowed_methods, reason = "commands in private hosts, and what kills them")]

mod support;

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use support::typed::{self, WITHOUT_RIGHTS, code, script};
use support::{assert_is, lived_in, private_host, sh, tool, within};
use testhost::binary;

/// A lab whose names are the same everywhere.
const LAB: &str = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n\
    dns = \"192.0.2.9\"\n[namespace.db]\nbridge = \"br0\"\n";

/// What a script prints, in the folder of the lab.
fn said(text: &str) -> String {
    fs::write("/run/tmp/lab.toml", LAB).expect("write the lab");
    typed::said(text)
}

#[test]
fn it_is_private_and_shows_the_host_else() {
    private_host(|| {
        let before = lived_in();
        let mounts = sh("cat /proc/self/mountinfo");
        fs::write("/run/secret", "").expect("a file of the host");
        let seen = said("netns-tool sandbox -- sh -c 'id -u; ls -A /run; ls /sys/class/net; ip -br addr show dev lo
            ls -d /etc/netns 2>&1; pwd; cat lab.toml | wc -l; cat /etc/debian_chroot; echo $$; echo x >> /etc/hosts; echo /proc/[0-9]*'");
        let lines: Vec<&str> = seen.lines().collect();
        assert_eq!(lines[..2], ["0", "lo"], "{seen}");
        assert!(lines[2].starts_with("lo") && lines[2].contains("127.0.0.1/8"), "{seen}");
        assert!(lines[3].contains("No such file"), "{seen}");
        assert_eq!(lines[4..7], ["/run/tmp", "7", "sandbox"], "{seen}");
        // The command is not the first process, and sees no other but itself and that.
        let pid = lines[7];
        assert_ne!(pid, "1");
        assert_eq!(lines[8], format!("/proc/1 /proc/{pid}"));
        // The files and folders of /etc lead to what they are.
        for path in ["passwd", "hosts", "alternatives", "ssl/certs", "resolv.conf"] {
            let list = format!("ls -AL /etc/{path}; cat /etc/{path} 2>/dev/null; true");
            assert_eq!(
                said(&format!("netns-tool sandbox -- sh -c '{list}'")),
                said(&list),
                "{path}"
            );
        }
        fs::remove_file("/run/secret").expect("remove it");
        assert_eq!(sh("cat /proc/self/mountinfo"), mounts);
        assert_is(&before);
    });
}

#[test]
fn the_command_gets_what_the_caller_has() {
    private_host(|| {
        let inside = |setting: &str, ask: &str| {
            said(&format!("{setting}; netns-tool sandbox -- sh -c '{ask}' 7<lab.toml"))
        };
        assert_eq!(inside("umask 027", "umask"), "0027\n");
        assert_eq!(inside("A=b export A", "echo $A"), "b\n");
        assert_eq!(inside("ulimit -n 99", "ulimit -n"), "99\n");
        let open = "ls /proc/self/fd";
        assert_eq!(inside(":", open), said(&format!("sh -c '{open}' 7<lab.toml")));
        assert_eq!(inside(":", "head -n 1 <&7"), "[bridge.br0]\n");
        let signals = "grep -E \"SigBlk|SigIgn\" /proc/self/status | tr -d \"[:space:]\"";
        // 2 is SIGINT: what the caller ignores his command ignores.
        for (setting, ignored) in [(":", "0000"), ("trap \"\" INT", "0002")] {
            let set = inside(setting, signals);
            assert!(set.starts_with("SigBlk:0000000000000000SigIgn:"), "{set}");
            assert!(set.ends_with(ignored), "{setting}: {set}");
        }
        assert_eq!(said("echo word | netns-tool sandbox -- cat"), "word\n");
    });
}

#[test]
fn its_exit_code_is_the_command_s() {
    private_host(|| {
        for (command, expected) in [
            ("true", 0),
            ("sh -c 'exit 7'", 7),
            ("sh -c 'kill -9 $$'", 137),
            ("sh -c 'kill -TERM $$'", 143),
            ("nosuchprogram", 127),
            ("/etc/passwd", 126),
        ] {
            assert_eq!(code(&format!("netns-tool sandbox -- {command}")), expected, "{command}");
            let user = format!("{WITHOUT_RIGHTS} netns-tool sandbox -- {command}");
            assert_eq!(code(&user), expected, "{user}");
        }
        let missing = script("netns-tool sandbox -- nosuchprogram");
        assert_eq!(
            String::from_utf8_lossy(&missing.stderr),
            "error: cannot run `nosuchprogram`: No such file or directory\n"
        );
    });
}

#[test]
fn signals_are_passed_on() {
    private_host(|| {
        for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
            let mut tool = Command::new(binary("netns-tool"));
            tool.args(["sandbox", "--", "sh", "-c", "echo ready; exec sleep 4242"]);
            let mut tool = tool.stdout(Stdio::piped()).spawn().expect("start the tool");
            let mut word = [0; 6];
            tool.stdout.as_mut().expect("a pipe").read_exact(&mut word).expect("it is ready");
            kill(Pid::from_raw(tool.id().cast_signed()), signal).expect("send it");
            let code = tool.wait().expect("its end").code();
            assert_eq!(code, Some(128 + signal as i32), "{signal}");
            assert_eq!(sh("pgrep -f 'sleep 424[2]' || echo none"), "none\n");
        }
        // It need not end of it.
        let handled = said("netns-tool sandbox -- sh -c 'trap \"echo again\" USR2; trap \"exit 3\" TERM; echo > ready; while :; do sleep 0.1; done' & tool=$!
             until [ -e ready ]; do sleep 0.01; done; sleep 0.1; kill -USR2 $tool; sleep 0.5; kill -TERM $tool; wait $tool; echo $?");
        assert_eq!(handled, "again\n3\n");
    });
}

#[test]
fn every_verb_works_in_it() {
    private_host(|| {
        let before = lived_in();
        let verbs = "set -e
            ip link add up0 type veth peer name up1; ip addr add 192.0.2.2/24 dev up0; ip link set up0 up; ip link set up1 up
            ip route add default via 192.0.2.1
            netns-tool create a --dns 192.0.2.9
            netns-tool bridge br0 --addr 10.0.0.1/24
            netns-tool veth v0 a eth0 --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto
            netns-tool nat br0
            netns-tool nat br0 --publish 8080:10.0.0.2:80
            ip netns exec a ping -c 1 -q 10.0.0.1 >/dev/null
            ip netns exec a grep -c 192.0.2.9 /etc/resolv.conf
            netns-tool nat br0 --delete
            netns-tool delete a
            netns-tool bridge br0 --delete
            netns-tool up lab.toml
            ip netns exec web ping -c 1 -q db >/dev/null || ip netns exec web ping -c 1 -q 10.0.0.3 >/dev/null
            netns-tool diff lab.toml; netns-tool labs -q
            netns-tool down lab; ls -d /etc/netns /run/netns-tool 2>/dev/null || echo clean";
        for who in ["", WITHOUT_RIGHTS] {
            let shown = said(&format!("{who} netns-tool sandbox -- sh -c '{verbs}'"));
            assert!(shown.contains("Published: 8080") && shown.ends_with("clean\n"), "{shown}");
        }
        assert_is(&before);
    });
}

#[test]
fn eight_side_by_side_have_the_same_names() {
    private_host(|| {
        let before = lived_in();
        let inner = "netns-tool up -q lab.toml && ip netns exec web ping -c 2 -i 0.3 -q 10.0.0.3 >/dev/null && ip netns list | wc -l";
        let all = format!(
            "for n in 1 2 3 4 5 6 7 8; do netns-tool sandbox -- sh -c '{inner}' & done; wait"
        );
        assert_eq!(said(&all), "2\n".repeat(8));
        assert_is(&before);
    });
}

#[test]
fn one_in_another_in_a_third() {
    private_host(|| {
        let before = lived_in();
        fs::write("/run/tmp/lab.toml", LAB).expect("write the lab");
        let deep = "netns-tool sandbox -- netns-tool sandbox -- netns-tool sandbox -- sh -c \
             'netns-tool up -q lab.toml; ls -d /etc/ssl/certs/. /run/netns/web; grep -c root: /etc/passwd; exit 9'";
        for who in ["", WITHOUT_RIGHTS] {
            let output = script(&format!("{who} {deep}"));
            assert_eq!(output.status.code(), Some(9), "{output:?}");
            let seen = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(seen, "/etc/ssl/certs/.\n/run/netns/web\n1\n");
        }
        assert_is(&before);
    });
}

#[test]
fn a_shell_is_what_one_gets_without_a_command() {
    private_host(|| {
        assert_eq!(
            said("echo 'echo $0; ls /run | wc -l' | SHELL=/bin/sh netns-tool sandbox"),
            "/bin/sh\n0\n"
        );
        assert_eq!(said("unset SHELL; echo 'echo $0' | netns-tool sandbox"), "/bin/sh\n");
    });
}

#[test]
fn what_is_left_running_goes_with_the_command() {
    private_host(|| {
        said(
            "netns-tool sandbox -- sh -c 'setsid sleep 4242 & (trap \"\" TERM HUP; sleep 4242) & true'",
        );
        assert_eq!(sh("pgrep -f 'sleep 424[2]' || echo none"), "none\n");
    });
}

#[test]
fn the_script_that_is_shown_does_the_same() {
    private_host(|| {
        let look = "ls -A /run /etc /sys/class/net; ip -br link; cat /etc/passwd";
        let shown = said(&format!("netns-tool sandbox -n -- sh -c '{look}' > script; sh script"));
        assert_eq!(shown, said(&format!("netns-tool sandbox -- sh -c '{look}'")));
        let verbose = script("netns-tool -v sandbox -- true");
        let verbose = String::from_utf8_lossy(&verbose.stderr).into_owned();
        let printed = said("netns-tool sandbox -n -- true");
        let printed = printed.split_once("unshare").expect("the command").1;
        assert_eq!(verbose, format!("+ unshare{printed}"));
    });
}

#[test]
fn children_that_it_had_before_are_not_waited_for() {
    private_host(|| {
        within(Duration::from_secs(60), || {
            let line = "sleep 120 >/dev/null 2>&1 & exec netns-tool sandbox -- echo done";
            assert_eq!(said(line), "done\n");
        });
    });
}

#[test]
fn its_own_processes_are_for_nobody_else() {
    private_host(|| {
        tool("__init --control 0 --report 1 -- true").failure();
        tool("__stand-by --control 99 -- true").failure().stderr(contains("for netns-tool itself"));
        tool("--help").success().stdout(contains("__").not());
    });
}

#[test]
fn it_does_not_wait_for_strangers() {
    private_host(|| {
        // A child of the shell, which becomes the tool; its own child outlives it.
        let line = "sh -c 'sleep 0.3; sleep 120 & exit 0' >/dev/null 2>&1 &
            exec netns-tool sandbox -- sleep 1";
        within(Duration::from_secs(60), || assert_eq!(code(line), 0));
    });
}

#[test]
fn that_it_was_killed_from_outside_is_told() {
    private_host(|| {
        fs::write("/run/tmp/lab.toml", LAB).expect("write the lab");
        let first = "pkill -KILL -f '^[^ ]*netns-tool __init'";
        let unshare = "pkill -KILL -x unshare -P $tool";
        for (words, kill) in [
            ("sandbox", first),
            ("sandbox", unshare),
            ("run -q --sandbox lab.toml", first),
            ("run -q --sandbox lab.toml", unshare),
        ] {
            let output = script(&format!(
                "netns-tool {words} -- sleep 4242 & tool=$!
                 until pgrep -x sleep >/dev/null; do sleep 0.05; done
                 {kill}
                 wait $tool"
            ));
            assert_eq!(output.status.code(), Some(128 + 9), "{words}: {kill}: {output:?}");
            // `unshare` may have a word before.
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(told.ends_with("error: the private host was ended by SIGKILL\n"), "{told}");
            assert_eq!(sh("pgrep -x sleep || echo none"), "none\n");
        }
    });
}
