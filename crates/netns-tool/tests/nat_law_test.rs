//! The law, for NATs of both address families and published ports, on every firewall.

mod support;

use support::internet::{bridge, uplink};
use support::law::{holds_for, same_words, shell};
use support::{assert_is, done, for_each_firewall};
use testhost::{Snapshot, foreign_objects};

/// An uplink that advertises itself, and the bridges `br0` with `a` and `br1` with `c`, on a host that others live on.
fn stage() -> Snapshot {
    let _router = uplink();
    foreign_objects();
    bridge(0, &["a"]);
    bridge(1, &["c"]);
    Snapshot::settled()
}

/// What a script of `--dry-run` does is what the way back itself does.
fn way_back_by_script(before: &Snapshot, line: &str) {
    done(line);
    shell(&format!("$TOOL --dry-run {line} --delete >/run/tmp/script; sh -e /run/tmp/script"));
    assert_is(before);
}

#[test]
fn of_nat_with_ipv6() {
    for_each_firewall(|_| {
        let before = stage();
        holds_for(&before, &[same_words("nat br0 up0"), same_words("nat br1 --no-masquerade")]);
        holds_for(&before, &[same_words("nat br0 up0 --allow br1")]);
        way_back_by_script(&before, "nat br0 up0");
    });
}

#[test]
fn of_nat_for_its_interfaces_alone() {
    for_each_firewall(|_| {
        let before = stage();
        holds_for(
            &before,
            &[
                same_words("nat br0 up0 --forwarding interface"),
                same_words("nat br1 up0 --forwarding interface"),
            ],
        );
        way_back_by_script(&before, "nat br0 up0 --forwarding interface");
    });
}

#[test]
fn of_nat_by_the_firewall_that_is_asked_for() {
    for_each_firewall(|firewall| {
        let before = stage();
        holds_for(&before, &[same_words("nat br0 up0 --firewall nft")]);
        if firewall.backend() == "iptables" {
            holds_for(&before, &[same_words("nat br0 up0 --firewall iptables")]);
        }
    });
}

#[test]
fn of_publications() {
    const LINES: [&str; 4] = [
        "nat br0 up0 --publish 8080:10.0.0.2:80",
        "nat br0 --publish 8080:[fd00::2]:80 --publish 8080:10.0.0.2:80/udp",
        "nat br0 up0 --publish 9000-9010:10.0.0.2:9000-9010 --publish 127.0.0.1:8081:10.0.0.2:81",
        "nat br1 up0 --publish 192.0.2.2:8090:10.1.0.2:80",
    ];
    for_each_firewall(|_| {
        let bare = stage();
        done("nat br0 up0");
        done("nat br1 up0");
        let before = Snapshot::settled();
        holds_for(&before, &LINES.map(same_words));
        way_back_by_script(&before, LINES[1]);
        // With all that it has published, a NAT is undone with its own words.
        LINES.iter().for_each(|line| drop(done(line)));
        done("nat br0 up0 --delete");
        done("nat br1 up0 --delete");
        assert_is(&bare);
    });
}
