//! An `up` that changes what stands, and only builds: each call of it goes wrong, and the host is as it was before, byte
//! for byte. What was taken away to make room is back: rules, addresses, routes, values, and programs, which run again.

mod support;

use std::fs;
use support::faults::{kinds, slow_here, tried_here};
use support::labs::{FILE, file, internet};
use support::{private_host, sh};
use testhost::{Mode, Scenario, foreign_objects, warm_up};

/// Where the file stands that describes the lab as it was before.
const OLD: &str = "/run/tmp/old/lab.toml";

const LAB: &str = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = { publish = ["8080:web:80", "8081:web:81"] }
[bridge.br1]
address = "10.1.0.1/24"
[namespace.web]
bridge = "br0"
address = "10.0.0.2/24"
routes = [{ to = "10.7.0.0/16", via = "10.0.0.3" }]
sysctl = { "net.ipv4.conf.all.rp_filter" = 0 }
[namespace.web.process.sleeper]
command = ["sleep", "4242"]
"#;

/// One in which more of the links themselves can be otherwise.
const WIRED: &str = r#"
[bridge.br0]
address = "10.0.0.1/24"
[bridge.br1]
address = "10.1.0.1/24"
[bridge.br2]
address = "10.2.0.1/24"
[namespace.a]
bridge = "br0"
address = "10.0.0.2/24"
mac = "02:00:00:00:00:03"
hosts = { far = "10.9.0.2" }
[namespace.b]
bridge = "br0"
address = "10.0.0.3/24"
[namespace.c]
bridge = "br1"
[[link]]
from = { namespace = "a", interface = "x", address = "10.9.0.1/30" }
to = { namespace = "b", interface = "y", address = "10.9.0.2/30" }
"#;

/// [`LAB`] stands, and then its file has other words in place of these.
fn changed(edits: &[(&str, &str)]) {
    changed_from(LAB, "true", edits);
}

/// The lab stands, somebody does something to it, and then its file has other words in place of these.
fn changed_from(lab: &str, done: &str, edits: &[(&str, &str)]) {
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        let mut new = lab.to_owned();
        for (old, words) in edits {
            assert_eq!(new.matches(old).count(), 1, "`{old}` is not in the file, or too often");
            new = new.replace(old, words);
        }
        sh("mkdir -p /run/tmp/old");
        fs::write(OLD, lab).expect("write the old file");
        file(&new);
        let what = edits.iter().map(|(_, words)| *words).collect::<Vec<_>>().join(", ");
        let old = format!("$TOOL up {OLD}; {done}");
        let scenario = Scenario::build(&format!("up with {what}"), &["up", FILE]);
        // What is changed alone is changed once more with all the rest, and there goes wrong in more ways.
        let scenario = scenario.setup(&[&old]).reset(&[&old]);
        if edits.len() > 3 {
            tried_here(&scenario, kinds());
        } else {
            slow_here(&scenario, Mode::FailAfter);
        }
    });
}

const ALLOW: (&str, &str) = ("nat = { ", "nat = { allow = \"br1\", ");
const SCOPE: (&str, &str) = ("nat = { ", "nat = { forwarding = \"interface\", ");
const PORT: (&str, &str) = ("8081:web:81", "8082:web:82");
const WIDER: (&str, &str) = ("10.0.0.1/24", "10.0.0.1/16");
const COMMAND: (&str, &str) = ("4242", "4243");
const VALUE: (&str, &str) = ("rp_filter\" = 0", "rp_filter\" = 2");
const ROUTE: (&str, &str) = ("10.0.0.3", "10.0.0.4");

#[test]
fn a_nat_is_made_anew() {
    changed(&[SCOPE]);
}

#[test]
fn a_nat_allows_a_neighbour() {
    changed(&[ALLOW]);
}

#[test]
fn a_port_is_published_in_place_of_another() {
    changed(&[PORT]);
}

#[test]
fn the_subnet_of_a_bridge_with_nat_grows() {
    changed(&[WIDER]);
}

#[test]
fn a_program_is_replaced() {
    changed(&[COMMAND]);
}

#[test]
fn a_route_and_a_value_are_others_and_a_program_follows() {
    changed(&[ROUTE, VALUE, COMMAND]);
}

#[test]
fn all_of_it_at_once() {
    changed(&[SCOPE, PORT, WIDER, ROUTE, VALUE, COMMAND]);
}

/// Takes the marks off all links of [`WIRED`] and off its namespaces.
const UNMARK: &str = "ip -n a link set dev x alias ''; ip -n b link set dev y alias ''
    for name in br0 br1 br2 a-eth0 b-eth0 c-eth0; do ip link set dev $name alias ''; done
    for name in a b c; do ip -n $name link set dev eth0 alias ''; ip -n $name link set dev lo alias ''; done";

#[test]
fn marks_that_were_taken_off_are_given_again() {
    changed_from(WIRED, UNMARK, &[]);
}

#[test]
fn marks_are_given_again_to_what_is_changed() {
    changed_from(WIRED, UNMARK, &[("10.0.0.3/24", "10.0.0.4/24")]);
}

#[test]
fn links_files_and_gateways_are_others() {
    changed_from(
        WIRED,
        "true",
        &[
            ("[bridge.br1]", "stp = true\nmac = \"02:00:00:00:00:10\"\n[bridge.br1]"),
            ("hosts = ", "gateway = \"10.0.0.3\"\nmtu = 1400\nhosts = "),
            ("00:00:00:00:03", "00:00:00:00:04"),
            ("10.9.0.2\" }\n[", "10.9.0.1\" }\nforwarding = true\n["),
            ("10.0.0.3/24\"\n", "10.0.0.3/24\"\ndns = \"192.0.2.53\"\ngateway = false\n"),
        ],
    );
}

#[test]
fn a_namespace_is_moved_a_pair_is_wired_otherwise_and_a_bridge_goes() {
    changed_from(
        WIRED,
        "true",
        &[
            (
                "bridge = \"br0\"\naddress = \"10.0.0.3/24\"",
                "bridge = \"br1\"\naddress = \"10.1.0.3/24\"",
            ),
            ("namespace = \"b\", interface = \"y\"", "interface = \"y\""),
            ("[bridge.br2]\naddress = \"10.2.0.1/24\"\n", ""),
            ("far = \"10.9.0.2\"", "far = \"10.9.0.1\""),
        ],
    );
}
