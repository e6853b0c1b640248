//! The shim is not there until it is armed, and misbehaves at the call it is told to.
#![expect(clippy::disallowed_methods, reason = "the harness may start processes")]

use std::process::{Command, ExitStatus};
use std::time::Duration;

use testhost::{Faults, Mode, Sig, Snapshot, private_host, sh, warm_up};

/// Runs lines of a tool: a process with PATH lookup in the system's folders, its children the shims.
fn tool(script: &str) -> (ExitStatus, String) {
    // Whoever runs the tests may ignore signals (`nohup`), and a shell leaves it at that.
    let output = Command::new("/usr/bin/env")
        .args(["--default-signal", "/bin/sh", "-c", script])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .expect("run sh");
    let said = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8_lossy(&said).into_owned())
}

fn exists(link: &str) -> bool {
    std::fs::exists(format!("/sys/class/net/{link}")).expect("look for a link")
}

#[test]
fn unarmed_it_only_counts() {
    private_host(|| {
        warm_up();
        let before = Snapshot::settled();
        let faults = Faults::install();
        let with_shim = Snapshot::take();
        let others: Vec<&str> = with_shim.sections().filter(|name| *name != "mounts").collect();
        for section in others {
            assert_eq!(before.section(section), with_shim.section(section), "{section}");
        }
        assert_eq!(faults.calls(), Vec::<String>::new(), "snapshots are not counted");
        sh("ip link show dev lo; iptables -S");
        assert_eq!(faults.calls(), Vec::<String>::new(), "the harness's lines are not counted");

        let script = "ip link add name x0 type veth peer name x1 && iptables -w -L -n >/dev/null && \
            printf '*filter\\n-A FORWARD -s 10.1.0.0/16 -j DROP\\nCOMMIT\\n' | \
                /usr/sbin/iptables-restore -w --noflush && iptables-save && ping -c1 -W1 127.0.0.1";
        let (status, said) = tool(script);
        assert!(status.success(), "{said}");
        assert!(said.contains("-A FORWARD -s 10.1.0.0/16 -j DROP"), "{said}");
        assert!(exists("x0"));
        let calls = faults.calls();
        assert_eq!(calls.len(), 5, "{calls:?}");
        assert_eq!(calls[0], "ip link add name x0 type veth peer name x1");
        assert_eq!(calls[2], "iptables-restore -w --noflush");
        assert_eq!(calls[3], "iptables-save");

        Faults::install();
        assert_eq!(faults.calls(), Vec::<String>::new(), "installing again resets");
    });
}

#[test]
fn parallel_calls_are_all_counted() {
    private_host(|| {
        let faults = Faults::install();
        let (status, said) =
            tool("for i in 1 2 3 4 5 6 7 8 9; do ip link show dev lo & done; wait");
        assert!(status.success(), "{said}");
        assert_eq!(faults.calls().len(), 9);
    });
}

#[test]
fn each_mode_does_what_it_says() {
    const MAKE: &str = "ip link show dev lo >/dev/null; ip link add name x0 type bridge; \
                        code=$?; ip link show dev lo >/dev/null; exit $code";
    private_host(|| {
        let faults = Faults::install();
        for (mode, effect, code) in [
            (Mode::FailBefore, false, Some(1)),
            (Mode::FailAfter, true, Some(1)),
            (Mode::KilledBefore, false, Some(137)),
            (Mode::KilledAfter, true, Some(137)),
            (Mode::Garbage, false, Some(0)),
            (Mode::GarbageAfter, true, Some(0)),
            (Mode::Empty, false, Some(0)),
            (Mode::KillToolBefore, false, None),
            (Mode::KillToolEarly(1), true, None),
            (Mode::KillToolDuring, true, None),
            (Mode::KillToolAfter, true, None),
            (Mode::SignalBefore(Sig::Term), true, None),
            (Mode::SignalAfter(Sig::Hup), true, None),
        ] {
            faults.arm(2, mode);
            let (status, said) = tool(MAKE);
            // Orphans of a killed tool go on for a moment.
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(status.code(), code, "{mode:?}: {said}");
            assert_eq!(exists("x0"), effect, "{mode:?}: {said}");
            let garbage = matches!(mode, Mode::Garbage | Mode::GarbageAfter);
            assert_eq!(said.contains("garbage"), garbage, "{mode:?}: {said}");
            sh("ip link del dev x0 2>/dev/null || true");
            faults.reset();
        }
    });
}

#[test]
fn hanging_calls_never_end() {
    private_host(|| {
        let faults = Faults::install();
        for (mode, effect) in [(Mode::Hang, false), (Mode::HangAfter, true)] {
            faults.arm(1, mode);
            let (status, said) = tool("timeout 3 ip link add name x0 type bridge");
            assert_eq!(status.code(), Some(124), "{said}");
            assert_eq!(exists("x0"), effect);
            faults.reset();
        }
    });
}

#[test]
fn several_calls_can_be_armed() {
    private_host(|| {
        let faults = Faults::install();
        let call = "ip link show dev lo >/dev/null 2>&1; echo $?;";
        faults.arm(2, Mode::FailAfter).arm(4, Mode::Empty).arm_from(5, Mode::FailBefore);
        assert_eq!(tool(&call.repeat(7)).1, "0\n1\n0\n0\n1\n1\n1\n");
        faults.disarm();
        assert_eq!(tool(call).1, "0\n");
        assert_eq!(faults.calls().len(), 8, "disarming goes on counting");
        faults.reset();
        assert_eq!(faults.calls().len(), 0);
    });
}

#[test]
fn every_tool_of_a_firewall_is_covered() {
    const READ: [&str; 4] = ["iptables", "ip6tables", "iptables-save", "ip6tables-save"];
    private_host(|| {
        warm_up();
        let faults = Faults::install();
        let rules = "*filter\n-A FORWARD -j DROP\nCOMMIT\n";
        let mut calls = Vec::new();
        for variant in ["", "-nft", "-legacy"] {
            for name in READ {
                let (tool, save) =
                    name.split_once("-save").map_or((name, ""), |(t, _)| (t, "-save"));
                // Without a table, the legacy ones read a file that is closed to users.
                let list = if save.is_empty() { " -S" } else { " -t filter" };
                calls.push(format!("{tool}{variant}{save}{list}"));
            }
            for tool in ["iptables", "ip6tables"] {
                calls.push(format!("{tool}{variant}-restore -n"));
            }
        }
        calls.extend(["nft -j list ruleset", "nft -f -"].map(str::to_owned));
        for call in &calls {
            let input = if call.starts_with("nft") { "add table inet x\n" } else { rules };
            let (status, said) = tool(&format!("printf '{input}' | {call}"));
            assert!(status.success(), "{call}: {said}");
        }
        assert_eq!(faults.calls(), calls);
        for call in &calls {
            faults.reset();
            faults.arm(1, Mode::FailBefore);
            let (status, said) = tool(&format!("{call} </dev/null"));
            assert_eq!(status.code(), Some(1), "{call}: {said}");
            assert!(said.contains("injected failure"), "{call}: {said}");
        }
    });
}
