//! What `check` says of a lab.

use serde_json::Value;

use super::labs::{FILE, up};
use super::tool;

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
