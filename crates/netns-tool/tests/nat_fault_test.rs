//! The fault gates for NATs of both address families and published ports: every call goes wrong, and the host is as
//! promised. Each backend's plans are tried in every way; where only the words of a rule differ, once of each kind.

mod support;

use support::Firewall::{self, IptablesLegacy, IptablesNft, NftOnly};
use support::faults::{kinds, modes, tried_here, undone_here};
use support::for_firewalls;
use support::internet::{bridge, uplink};
use testhost::{Mode, Scenario, foreign_objects};

const BACKENDS: [Firewall; 2] = [IptablesNft, NftOnly];

const NAT: &str = "$TOOL nat br0 up0";
const PUBLISH: [&str; 7] = [
    "nat",
    "br0",
    "up0",
    "--publish",
    "8080:10.0.0.2:80",
    "--publish",
    "8081-8083:[fd00::2]:8081-8083/udp",
];

/// An uplink that advertises itself, and the bridge `br0` with `a`, on a host that others live on.
fn stage() {
    let _router = uplink();
    foreign_objects();
    bridge(0, &["a"]);
}

fn tried_on(firewalls: &[Firewall], modes: &[Mode], scenario: &Scenario) {
    for_firewalls(firewalls, |_| {
        stage();
        tried_here(scenario, modes);
    });
}

fn undone_on_each_backend(scenario: &Scenario) {
    for_firewalls(&BACKENDS, |_| {
        stage();
        undone_here(scenario);
    });
}

/// The words with `--delete`, for a second run that may find nothing.
fn without(words: &[&'static str]) -> Vec<&'static str> {
    [words, &["--delete", "--if-exists"]].concat()
}

fn line(words: &[&str]) -> String {
    format!("$TOOL {}", words.join(" "))
}

fn nat() -> Scenario {
    Scenario::build("nat with IPv6", &["nat", "br0", "up0"]).reset(&["$TOOL nat br0 up0 --delete"])
}

fn publish() -> Scenario {
    Scenario::build("publish", &PUBLISH).setup(&[NAT]).reset(&[&line(&without(&PUBLISH))])
}

#[test]
fn turning_nat_with_ipv6_on() {
    tried_on(&BACKENDS, modes(), &nat());
}

#[test]
fn turning_nat_on_for_its_interfaces_alone() {
    let words = ["nat", "br0", "up0", "--forwarding", "interface", "--no-masquerade"];
    let back = line(&without(&words));
    tried_on(
        &[IptablesNft],
        kinds(),
        &Scenario::build("nat --forwarding interface", &words).reset(&[&back]),
    );
}

#[test]
fn turning_nat_off_with_its_publications() {
    let words = ["nat", "br0", "up0", "--delete", "--if-exists"];
    let publish = line(&PUBLISH);
    let scenario = Scenario::remove("nat --delete", &words).setup(&[NAT, &publish]).reset(&[
        &line(&words),
        NAT,
        &publish,
    ]);
    tried_on(&BACKENDS, kinds(), &scenario);
}

#[test]
fn publishing() {
    tried_on(&BACKENDS, modes(), &publish());
}

#[test]
fn publishing_with_the_old_iptables() {
    tried_on(&[IptablesLegacy], kinds(), &publish());
}

#[test]
fn taking_publications_back() {
    let words = without(&PUBLISH);
    let (back, again) = (line(&words), line(&PUBLISH));
    tried_on(
        &BACKENDS,
        kinds(),
        &Scenario::remove("publish --delete", &words).setup(&[NAT, &again]).reset(&[&back, &again]),
    );
}

#[test]
fn publishing_what_is_published_changes_nothing() {
    let words = ["nat", "br0", "up0", "--publish", "9:10.0.0.2:9", "--publish", "8080:10.0.0.2:80"];
    let scenario = Scenario::refused("publish twice", &words).setup(&[NAT, &line(&PUBLISH)]);
    tried_on(&[IptablesNft], kinds(), &scenario);
}

#[test]
fn undoing_a_nat_with_ipv6_fails() {
    undone_on_each_backend(&nat());
}

#[test]
fn undoing_publications_fails() {
    undone_on_each_backend(&publish());
}
