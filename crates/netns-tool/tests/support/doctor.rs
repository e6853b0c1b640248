//! What `doctor` finds.

use std::path::Path;

use serde_json::Value;
use testhost::binary;

use super::others::bridges_ask;
use super::{set_sysctl, sh, tool};

/// The report as JSON; what it counts and the exit code agree with it.
pub fn examined(words: &str) -> Vec<Value> {
    let outcome = tool(&format!("doctor --json {words}"));
    let output = outcome.get_output();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{stderr}"));
    let findings = report["findings"].as_array().expect("a list").clone();
    let count = |severity: &str| findings.iter().filter(|one| one["severity"] == severity).count();
    assert_eq!(report["broken"], count("broken"));
    assert_eq!(report["warnings"], count("warning"));
    assert_eq!(output.status.code(), Some(i32::from(count("broken") > 0)), "{stderr}");
    findings.iter().flat_map(|one| one["try"].as_array().expect("a list")).for_each(can_be_typed);
    findings
}

/// What is to be tried is words of a shell that begin with a program, and no sentence.
fn can_be_typed(cure: &Value) {
    let cure = cure.as_str().expect("text");
    let words = shlex::split(cure).unwrap_or_else(|| panic!("no words: {cure}"));
    let is_program = |word: &str| {
        word.starts_with("${EDITOR") || {
            let packages =
                ["apt-get", "nmcli", "networkctl", "udevadm", "netns-tool", "firewall-cmd"];
            packages.contains(&word) || !sh(&format!("command -v {word} || true")).is_empty()
        }
    };
    assert!(is_program(&words[0]) && !cure.contains(", "), "this is no command: {cure}");
}

/// All findings of one kind.
pub fn all_of(check: &str, words: &str) -> Vec<Value> {
    examined(words).into_iter().filter(|one| one["check"] == check).collect()
}

/// The first finding of the kind, which is as bad as this and has the words.
#[track_caller]
pub fn found(severity: &str, check: &str, words: &str) -> Value {
    let all = examined("");
    let is_it = |one: &&Value| {
        one["check"] == check
            && one["severity"] == severity
            && one["what"].as_str().is_some_and(|what| what.contains(words))
    };
    let found = all.iter().find(is_it);
    let missed = || {
        let line = |one: &Value| format!("{} {}: {}", one["severity"], one["check"], one["what"]);
        let lines: Vec<String> = all.iter().map(line).collect();
        panic!("no {severity} {check} with `{words}` in\n{}", lines.join("\n"))
    };
    found.unwrap_or_else(missed).clone()
}

/// The same; what it says to type makes it go away.
#[track_caller]
pub fn cured(severity: &str, check: &str, words: &str) {
    let finding = found(severity, check, words);
    let cures: Vec<&str> =
        finding["try"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(!cures.is_empty(), "{finding:#}");
    let folder = binary("netns-tool");
    let folder = folder.parent().expect("a folder").display();
    sh(&format!("PATH=/run/tmp/bin:{folder}:$PATH\n{}", cures.join("\n")));
    let left = all_of(check, "");
    let is_left =
        left.iter().any(|one| one["severity"] == severity && one["what"] == finding["what"]);
    assert!(!is_left, "{cures:?} cure nothing: {left:#?}");
}

/// A host on which nothing of the machine's own settings is seen.
pub fn healthy() {
    let _ = bridges_ask(false);
    for interface in ["all", "default", "lo"] {
        set_sysctl(&format!("ipv4/conf/{interface}/rp_filter"), "0");
    }
}

/// In a user namespace, the kernel shows nobody which tables the older iptables has.
pub fn is_legacy_hidden() -> bool {
    Path::new("/proc/net/ip_tables_names").exists()
        && std::fs::read("/proc/net/ip_tables_names").is_err()
}
