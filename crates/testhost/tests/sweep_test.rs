//! The tests of the tests: a sweep passes a correct tool and fails the two classic mistakes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use testhost::{
    Mode, Report, Scenario, Sig, UNDO_FAULTS, foreign_objects, private_host, sweep, sweep_undo,
    warm_up,
};

const LAB_TOOL: &str = include_str!("lab_tool.bash");
const UP: [&str; 4] = ["up", "n1", "n2", "v0"];
const DOWN: &str = "$TOOL down n1 n2 v0";

/// The lab tool, with a mistake or without.
fn lab_tool(bug: &str) -> PathBuf {
    let path = PathBuf::from(format!("/run/tmp/lab-tool-{bug}"));
    let (first, rest) = LAB_TOOL.split_once('\n').expect("two lines");
    fs::write(&path, format!("{first}\nBUG={bug}\n{rest}")).expect("write the tool");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    path
}

fn up() -> Scenario {
    Scenario::build("up", &UP).reset(&[DOWN])
}

/// `n2` is somebody else's.
fn up_beside_a_foreign_n2() -> Scenario {
    Scenario::refused("up, but n2 is there", &UP).setup(&["ip netns add n2"])
}

fn host() {
    warm_up();
    foreign_objects();
}

fn faults_found(report: &Report) -> Vec<&str> {
    report.failures.iter().map(|failure| failure.fault.as_str()).collect()
}

#[test]
fn a_correct_tool_passes_all_modes() {
    private_host(|| {
        host();
        let report = sweep(&lab_tool("none"), &up(), &Mode::ALL);
        report.assert_clean();
        assert_eq!((report.points, report.runs), (6, 6 * Mode::ALL.len()));
        // It looks at the kernel, not at what `ip` says; all else fails.
        let mut others = report.survived.iter().filter(|fault| !fault.starts_with("GarbageAfter"));
        assert_eq!(others.next(), None);
    });
}

#[test]
fn a_correct_removal_passes() {
    private_host(|| {
        host();
        let scenario = Scenario::remove("down", &["down", "n1", "n2", "v0"])
            .setup(&["$TOOL up n1 n2 v0"])
            .reset(&["$TOOL up n1 n2 v0"]);
        let mut modes = Mode::KILL.to_vec();
        modes.extend([Mode::FailBefore, Mode::FailAfter, Mode::Empty, Mode::SignalAfter(Sig::Int)]);
        let report = sweep(&lab_tool("none"), &scenario, &modes);
        report.assert_clean();
        assert_eq!(report.points, 3);
        assert!(report.survived.len() > 3, "a removal goes on past faults: {report}");
    });
}

#[test]
fn a_correct_refusal_passes() {
    private_host(|| {
        host();
        let modes = [Mode::FailAfter, Mode::KilledBefore, Mode::Garbage, Mode::KillToolAfter];
        sweep(&lab_tool("none"), &up_beside_a_foreign_n2(), &modes).assert_clean();
    });
}

#[test]
fn a_correct_undo_names_what_it_leaves() {
    private_host(|| {
        host();
        let report = sweep_undo(&lab_tool("none"), &up(), &UNDO_FAULTS);
        report.assert_clean();
        assert!(report.points >= 6, "{report}");
    });
}

#[test]
fn recording_the_undo_after_success_is_found() {
    private_host(|| {
        host();
        let modes = [Mode::FailBefore, Mode::FailAfter, Mode::SignalAfter(Sig::Int)];
        let report = sweep(&lab_tool("late"), &up(), &modes);
        let found = faults_found(&report);
        assert!(found.iter().any(|fault| fault.starts_with("FailAfter at call 1 ")), "{found:?}");
        assert!(
            !found.iter().any(|fault| fault.starts_with("FailBefore")),
            "failing before the effect does not show this mistake: {found:?}"
        );
        let failure = &report.failures[0];
        assert!(failure.diff.contains("+ /run/netns/n1"), "{failure}");
        assert!(failure.what.contains("not as it was"), "{failure}");
    });
}

#[test]
fn recording_the_undo_before_is_found() {
    private_host(|| {
        host();
        let report = sweep(&lab_tool("early"), &up_beside_a_foreign_n2(), &[Mode::FailBefore]);
        let failure = report.failures.first().expect("a foreign namespace was deleted, unseen");
        assert!(failure.diff.contains("- /run/netns/n2"), "{failure}");
    });
}

#[test]
fn without_foreign_objects_recording_the_undo_before_goes_unseen() {
    private_host(|| {
        host();
        sweep(&lab_tool("early"), &up(), &[Mode::FailAfter]).assert_clean();
    });
}

/// A tool made of a few lines, which sees no `--timeout SECONDS`.
fn script(name: &str, lines: &str) -> PathBuf {
    let path = PathBuf::from(format!("/run/tmp/{name}"));
    fs::write(&path, format!("#!/bin/sh\nshift 2\n{lines}\n")).expect("write the tool");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    path
}

fn what_is_wrong_with(name: &str, lines: &str, mode: Mode) -> String {
    let scenario = Scenario::build(name, &["up"]).reset(&["ip netns del n1 2>/dev/null || true"]);
    let report = sweep(&script(name, lines), &scenario, &[mode]);
    report.failures.first().map(|failure| failure.what.clone()).unwrap_or_default()
}

#[test]
fn each_kind_of_broken_promise_is_found() {
    private_host(|| {
        host();
        let add = "/usr/sbin/ip netns add n1";
        for (name, lines, mode, what) in [
            ("silent", format!("{add} 2>/dev/null || exit 1"), Mode::FailBefore, "without a word"),
            ("odd-code", format!("{add} || exit 77"), Mode::FailBefore, "exit code 77"),
            ("trusting", add.to_owned(), Mode::Empty, "not as after a run without fault"),
            ("leaves", format!("{add} || {{ sleep 99 & exit 1; }}"), Mode::FailBefore, "processes"),
            ("dies", format!("{add}; exit $?"), Mode::SignalBefore(Sig::Term), "ended by a signal"),
            (
                "unrecovered",
                "[ $1 = up ] || exit 0\n/usr/sbin/ip netns add n1".to_owned(),
                Mode::KillToolAfter,
                "after recover",
            ),
            (
                "lies",
                format!("{add} || {{ echo no >&2; exit 4; }}"),
                Mode::FailBefore,
                "exit code 4, but",
            ),
            (
                "wrong-code",
                format!("trap 'echo >&2 no; exit 1' TERM; [ $1 = up ] || exit 0; {add}"),
                Mode::SignalBefore(Sig::Term),
                "exit code 1",
            ),
        ] {
            let found = what_is_wrong_with(name, &lines, mode);
            assert!(found.contains(what), "{name}: `{what}` is not in `{found}`");
        }
    });
}
