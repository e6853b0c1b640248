//! What rule sets do to the packets of a NAT.

mod faults;
mod matches;
mod places;
mod real;
mod suspects;

use super::*;
use serde_json::{Value, json};

const FIREWALLD: &str = include_str!("fixtures/firewalld.json");
const FIREWALLD_TRUSTED: &str = include_str!("fixtures/firewalld_trusted.json");
const DOCKER: &str = include_str!("fixtures/docker.json");
const LIBVIRT: &str = include_str!("fixtures/libvirt.json");
const DOCKER_SAVED: &str = include_str!("fixtures/docker.save");
const LIBVIRT_SAVED: &str = include_str!("fixtures/libvirt.save");
const UFW_SAVED: &str = include_str!("fixtures/ufw.save");

/// Of a new connection out of the bridge.
fn outward() -> Packet<'static> {
    let source = "10.0.0.0/24".parse().ok();
    Packet {
        input: "br0",
        output: "eth0",
        source,
        destination: None,
        is_answer: false,
        is_published: false,
    }
}

fn answer() -> Packet<'static> {
    Packet {
        input: "eth0",
        output: "br0",
        source: None,
        destination: "10.0.0.0/24".parse().ok(),
        is_answer: true,
        is_published: false,
    }
}

fn published() -> Packet<'static> {
    Packet { is_answer: false, is_published: true, ..answer() }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn found(ruleset: &Value, packet: &Packet) -> Option<Obstacle> {
    in_ruleset(ruleset, |_, _, _| false, packet)
}

fn saved_obstacle(text: &str, command: &str, packet: &Packet) -> Option<Obstacle> {
    in_saved(&Listing { text, command, has_ours: false }, packet)
}

fn what(obstacle: Option<Obstacle>) -> String {
    obstacle.map_or("nothing".to_owned(), |obstacle| obstacle.what)
}

/// A table `inet filter` with these rules of its chain `forward`, and the sets `lans` and `ports`.
fn ruleset(policy: &str, rules: &[Value]) -> Value {
    let mut objects = vec![
        json!({"table": {"family": "inet", "name": "filter", "handle": 1}}),
        json!({"set": {"family": "inet", "name": "lans", "table": "filter", "type": "ipv4_addr", "flags": ["interval"],
            "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, {"range": ["192.168.0.1", "192.168.0.9"]}]}}),
        json!({"set": {"family": "inet", "name": "ports", "table": "filter", "type": "ifname",
            "elem": [{"elem": {"val": "br0", "timeout": 3600, "expires": 3599}}]}}),
        json!({"map": {"family": "inet", "name": "m", "table": "filter", "type": "ifname", "map": "verdict",
            "elem": [["br0", {"drop": null}]]}}),
        json!({"chain": {"family": "inet", "table": "filter", "name": "forward", "type": "filter", "hook": "forward",
            "prio": 0, "policy": policy}}),
    ];
    objects.extend(rules.iter().map(|expr| {
        json!({"rule": {"family": "inet", "table": "filter", "chain": "forward", "expr": expr}})
    }));
    json!({ "nftables": objects })
}

#[test]
fn the_policy_of_an_admin_drops() {
    let obstacle = found(&ruleset("drop", &[]), &outward()).unwrap();
    assert_eq!(obstacle.what, "the policy `drop` of chain `forward` of nft table `inet filter`");
    let cure = |packet| found(&ruleset("drop", &[]), &packet).unwrap().cures.join("; ");
    assert_eq!(
        cure(outward()),
        r#"nft 'insert rule inet filter forward iifname "br0" oifname "eth0" accept'"#
    );
    assert_eq!(
        cure(answer()),
        r#"nft 'insert rule inet filter forward iifname "eth0" oifname "br0" ct state established,related accept'"#
    );
    assert_eq!(
        cure(published()),
        r#"nft 'insert rule inet filter forward iifname "eth0" oifname "br0" ct status dnat accept'"#
    );
    let odd = Packet { input: "br\"0", ..outward() };
    assert_eq!(found(&ruleset("drop", &[]), &odd).unwrap().cures, [""; 0]);
    let skips = |family: &str, table: &str, chain: &str| {
        let skip = |f: &str, t: &str, c: &str| (f, t, c) == (family, table, chain);
        in_ruleset(&ruleset("drop", &[]), skip, &outward()).is_none()
    };
    assert!(skips("inet", "filter", "forward"));
    assert!(!skips("inet", "filter", "FORWARD") && !skips("ip", "filter", "forward"));
}

#[test]
fn an_accept_that_comes_first_or_may_helps() {
    let accept = json!([{"accept": null}]);
    assert_eq!(found(&ruleset("drop", &[accept]), &outward()), None);
    for may in [
        json!([{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}}, {"accept": null}]),
        json!([{"queue": {"num": 5}}]),
        json!(["jump {\n\t\t\tdrop\n\t\t}"]),
        json!([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@gone"}}]),
        json!([{"jump": {"target": "gone"}}]),
    ] {
        assert_eq!(found(&ruleset("drop", std::slice::from_ref(&may)), &outward()), None, "{may}");
    }
    let reset = json!([{"reject": {"type": "tcp reset"}}]);
    assert_eq!(found(&ruleset("accept", &[reset]), &outward()), None, "it may be for IPv6 alone");
    let may_drop = json!([{"limit": {"rate": 5, "burst": 5, "per": "second"}}, {"drop": null}]);
    assert_eq!(found(&ruleset("accept", std::slice::from_ref(&may_drop)), &outward()), None);
    assert!(found(&ruleset("drop", &[may_drop]), &outward()).is_some());
}

#[test]
fn tables_that_may_be_asleep_do_not_count() {
    let with_flags = |flags: Value| {
        let mut ruleset = ruleset("drop", &[]);
        ruleset["nftables"][0]["table"]["flags"] = flags;
        found(&ruleset, &outward())
    };
    assert_eq!(with_flags(json!("dormant")), None);
    assert_eq!(with_flags(json!(["owner", "dormant"])), None);
    assert_eq!(with_flags(json!("inet")), None, "what nft 1.0.6 prints instead");
    assert_eq!(with_flags(json!(["owner", "persist"])).unwrap().cures, [""; 0]);
}

#[test]
fn chains_are_met_in_the_order_of_their_priorities() {
    let mut ruleset = ruleset("drop", &[]);
    let objects = ruleset["nftables"].as_array_mut().unwrap();
    objects.push(json!({"table": {"family": "ip", "name": "first"}}));
    objects.push(json!({"chain": {"family": "ip", "table": "first", "name": "f", "hook": "forward", "prio": -5,
        "type": "filter", "policy": "drop"}}));
    assert_eq!(
        what(found(&ruleset, &outward())),
        "the policy `drop` of chain `f` of nft table `ip first`"
    );
    let v6 = Packet { source: "fd00::/64".parse().ok(), ..outward() };
    assert_eq!(
        what(found(&ruleset, &v6)),
        "the policy `drop` of chain `forward` of nft table `inet filter`"
    );
}

#[test]
fn other_tables_of_iptables_drop_too_if_they_are_whole() {
    let save = "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j DROP\nCOMMIT\n*filter\n:FORWARD DROP [0:0]\n";
    let obstacle = saved_obstacle(save, "iptables", &published()).unwrap();
    assert_eq!(obstacle.what, "the rule `-A FORWARD -j DROP` of table `mangle` of iptables");
    assert_eq!(
        obstacle.cures,
        ["iptables -t mangle -I FORWARD -i eth0 -o br0 -m conntrack --ctstate DNAT -j ACCEPT"]
    );
    assert_eq!(
        saved_obstacle(&save[save.find("*filter").unwrap()..], "iptables", &outward()),
        None
    );
}
