//! What `check` says of a lab.

use serde_json::Value;

use super::labs::{FILE, up};
use super::{lived_in, serve, sh, tool};

/// Two families on one bridge, and a far side of the lab's own behind NAT.
pub const NETWORK: &str = r#"
[bridge.br0]
address = ["10.0.0.1/24", "fd00::1/64"]
nat = { uplink = "wan0", publish = "8080:web:80" }

[namespace.web]
bridge = "br0"

[namespace.db]
bridge = "br0"

[namespace.inet]

[[link]]
from = { interface = "wan0", address = ["192.0.2.2/24", "2001:db8::2/64"] }
to = { namespace = "inet", interface = "eth0", address = ["192.0.2.1/24", "2001:db8::1/64"] }
"#;

/// The lab with these expectations is up; what `check` says of it.
pub fn checked(expectations: &str) -> Value {
    up(&format!("{NETWORK}\n{expectations}"));
    report(FILE)
}

/// The report as JSON; the exit code agrees with it.
pub fn report(words: &str) -> Value {
    let outcome = tool(&format!("check {words} --format json"));
    let output = outcome.get_output();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{stderr}"));
    let failed = report["failed"].as_u64().expect("a number");
    assert_eq!(output.status.code(), Some(i32::from(failed > 0)), "{stderr}");
    report
}

/// A line for each expectation: who, whom, and what is wrong.
pub fn told(report: &Value) -> Vec<String> {
    let line = |one: &Value| {
        let word = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}: {}", word("from"), word("address"), word("probe"), word("problem"))
    };
    report["expectations"].as_array().expect("a list").iter().map(line).collect()
}

/// `a`, a router, and `b`, who serves TCP and UDP at port 80.
pub const ROUTED: &str = r#"
[namespace.r]
forwarding = true

[bridge.left]
namespace = "r"
address = ["10.0.1.1/24", "fd01::1/64"]

[bridge.right]
namespace = "r"
address = ["10.0.2.1/24", "fd02::1/64"]

[namespace.a]
bridge = "left"

[namespace.b]
bridge = "right"

[[expect]]
from = "a"
to = "b"

[[expect]]
from = "a"
to = "b"
tcp = 80

[[expect]]
from = "a"
to = "b"
udp = 80
"#;

/// The lab is up in a private host, and all that it expects holds.
pub fn stage() {
    lived_in();
    up(ROUTED);
    serve("b", 80);
    assert_eq!(whys(), [""; 0]);
}

/// What `check` says why of each expectation that does not hold, in their order, behind the question.
pub fn whys() -> Vec<String> {
    let outcome = tool(&format!("check {FILE} --format json"));
    let report: Value = serde_json::from_slice(&outcome.get_output().stdout).expect("a report");
    let all = report["expectations"].as_array().expect("a list");
    let failed = all.iter().filter(|one| one["ok"] == false);
    let line = |one: &Value| {
        let address = one["address"].as_str().unwrap_or_default();
        let family = if address.contains(':') { 6 } else { 4 };
        let why = one["why"].as_str().unwrap_or("nobody knows");
        format!("{}{family}: {why}", one["probe"].as_str().unwrap_or_default())
    };
    failed.map(line).collect()
}

/// After the script, those questions fail for that reason, and no others fail.
#[track_caller]
pub fn fail(script: &str, questions: &[&str], why: &str) {
    fail_each(script, &questions.iter().map(|question| (*question, why)).collect::<Vec<_>>());
}

#[track_caller]
pub fn fail_each(script: &str, expected: &[(&str, &str)]) {
    sh(script);
    let expected: Vec<String> =
        expected.iter().map(|(question, why)| format!("{question}: {why}")).collect();
    assert_eq!(whys(), expected, "after `{script}`");
}

/// The questions of the lab, as [`fail`] calls them.
pub const ALL: [&str; 6] = ["ping4", "ping6", "tcp4", "tcp6", "udp4", "udp6"];
pub const V4: [&str; 3] = ["ping4", "tcp4", "udp4"];
pub const V6: [&str; 3] = ["ping6", "tcp6", "udp6"];
