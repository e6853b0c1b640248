//! An `up` that changes what stands, and only builds: each call of it goes wrong, and the host is as it was before, byte
//! for byte. What was taken away to make room is back: rules, addresses, routes, values, and programs, which run again.

mod support;

use std::fs;
use support::faults::{kinds, slow, tried_here};
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

/// A lab stands, and then its file has other words in place of these.
fn changed(edits: &[(&str, &str)]) {
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        let mut new = LAB.to_owned();
        for (old, words) in edits {
            assert_eq!(new.matches(old).count(), 1, "`{old}` is not in the file, or too often");
            new = new.replace(old, words);
        }
        sh("mkdir -p /run/tmp/old");
        fs::write(OLD, LAB).expect("write the old file");
        file(&new);
        let what = edits.iter().map(|(_, words)| *words).collect::<Vec<_>>().join(", ");
        let old = format!("$TOOL up {OLD}");
        let scenario = Scenario::build(&format!("up with {what}"), &["up", FILE]);
        // What is changed alone is changed once more with all the rest, and there goes wrong in more ways.
        let modes = if edits.len() > 3 { kinds().to_vec() } else { slow(Mode::FailAfter) };
        tried_here(&scenario.setup(&[&old]).reset(&[&old]), &modes);
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
