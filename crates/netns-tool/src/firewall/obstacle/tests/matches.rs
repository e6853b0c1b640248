//! Matches one by one, and how they are shown.

use super::*;

/// Whether a rule with this match is certain to drop the packet (`Y`), certain not to (`N`), or not known to (`?`).
fn match_of(packet: &Packet, op: &str, left: Value, right: Value) -> char {
    let test = json!({"match": {"op": op, "left": left, "right": right}});
    statement_of(packet, &test)
}

fn statement_of(packet: &Packet, test: &Value) -> char {
    let drops = ruleset("accept", &[json!([test, {"drop": null}])]);
    let accepts = ruleset("drop", &[json!([test, {"accept": null}])]);
    match (found(&drops, packet).is_some(), found(&accepts, packet).is_some()) {
        (true, false) => 'Y',
        (false, true) => 'N',
        (false, false) => '?',
        (true, true) => '!',
    }
}
#[test]
fn interfaces_match() {
    let meta = |key: &str| json!({"meta": {"key": key}});
    let is = |op, key, right| match_of(&outward(), op, meta(key), right);
    assert_eq!(is("==", "iifname", json!("br0")), 'Y');
    assert_eq!(is("!=", "iifname", json!("br0")), 'N');
    assert_eq!(is("==", "oif", json!("br0")), 'N');
    assert_eq!(is("==", "iifname", json!("br*")), 'Y');
    assert_eq!(is("==", "iifname", json!("br\\*")), 'N');
    assert_eq!(is("==", "iifname", json!({"set": ["docker*", "b*"]})), 'Y');
    assert_eq!(is("!=", "oifname", json!({"set": ["lo", "br0"]})), 'Y');
    assert_eq!(is("==", "iifname", json!("@ports")), 'Y');
    assert_eq!(is("!=", "iifname", json!("@gone")), '?');
    assert_eq!(is("==", "iifgroup", json!(5)), '?');
    assert_eq!(is("<", "iifname", json!("x")), '?');
    let pair = json!({"concat": [meta("iifname"), meta("oifname")]});
    let pairs = |of: [&str; 2]| json!({"set": [{"concat": of}]});
    assert_eq!(match_of(&outward(), "==", pair.clone(), pairs(["br0", "eth0"])), 'Y');
    assert_eq!(match_of(&outward(), "==", pair, pairs(["br0", "eth1"])), 'N');
}

#[test]
fn addresses_match() {
    let field = |name: &str| json!({"payload": {"protocol": "ip", "field": name}});
    let prefix = |address: &str, length| json!({"prefix": {"addr": address, "len": length}});
    let is = |op, right| match_of(&outward(), op, field("saddr"), right);
    assert_eq!(is("==", prefix("10.0.0.0", 8)), 'Y');
    assert_eq!(is("==", prefix("10.0.0.0", 25)), '?');
    assert_eq!(is("!=", prefix("10.1.0.0", 16)), 'Y');
    assert_eq!(is("==", json!("10.0.0.1")), '?');
    assert_eq!(is("==", json!({"range": ["10.0.0.0", "10.0.1.7"]})), 'Y');
    assert_eq!(is("==", json!({"range": ["10.0.0.9", "10.0.1.7"]})), '?');
    assert_eq!(is("==", json!({"set": ["1.1.1.1", prefix("192.168.0.0", 16)]})), 'N');
    assert_eq!(is("==", json!({"set": ["1.1.1.1", "*"]})), 'Y');
    assert_eq!(is("!=", json!("@lans")), 'N');
    assert_eq!(is("==", json!({"prefix": 5})), '?');
    assert_eq!(match_of(&outward(), "==", field("daddr"), json!("10.0.0.1")), '?');
    let six = json!({"payload": {"protocol": "ip6", "field": "saddr"}});
    assert_eq!(match_of(&outward(), "==", six.clone(), prefix("::", 0)), 'N');
    assert_eq!(match_of(&outward(), "!=", six, prefix("fe80::", 10)), 'N', "it has no such field");
    let masked = json!({"&": [field("saddr"), "255.0.0.255"]});
    assert_eq!(match_of(&outward(), "==", masked, json!("10.0.0.1")), '?');
}

#[test]
fn states_and_protocols_match() {
    let ct = |key: &str| json!({"ct": {"key": key}});
    let state = |packet: Packet, op, right| match_of(&packet, op, ct("state"), right);
    assert_eq!(state(answer(), "in", json!(["established", "related"])), 'Y');
    assert_eq!(state(outward(), "in", json!(["established", "related"])), 'N');
    assert_eq!(state(answer(), "==", json!({"set": ["established", "related"]})), 'Y');
    assert_eq!(state(outward(), "!", json!("established")), 'Y');
    assert_eq!(state(outward(), "!", json!(["new", "related"])), 'N');
    assert_eq!(state(outward(), "!=", json!({"|": ["established", "related"]})), '?');
    assert_eq!(state(answer(), "in", json!("invalid")), 'N');
    assert_eq!(match_of(&published(), "in", ct("status"), json!(["snat", "dnat"])), 'Y');
    assert_eq!(match_of(&outward(), "in", ct("status"), json!("dnat")), 'N');
    assert_eq!(match_of(&outward(), "==", ct("mark"), json!(1)), '?');
    let meta = |key: &str, right| match_of(&outward(), "==", json!({"meta": {"key": key}}), right);
    assert_eq!(meta("nfproto", json!("ipv4")), 'Y');
    assert_eq!(meta("nfproto", json!("ipv6")), 'N');
    assert_eq!(meta("protocol", json!("ip")), 'Y');
    assert_eq!(meta("l4proto", json!({"set": ["icmp", "ipv6-icmp"]})), 'N');
    assert_eq!(meta("l4proto", json!("tcp")), 'Y');
    let port = |protocol: &str| {
        let left = json!({"payload": {"protocol": protocol, "field": "dport"}});
        match_of(&outward(), "==", left, json!(22))
    };
    assert_eq!([port("tcp"), port("th"), port("udp")], ['?', '?', 'N']);
    for (test, holds) in [
        (json!({"counter": {"packets": 0, "bytes": 0}}), 'Y'),
        (json!({"xt": {"type": "match", "name": "conntrack"}}), '?'),
        (json!({"xt": {"type": "match", "name": "comment"}}), 'Y'),
        (json!({"xt": {"type": "target", "name": "LOG"}}), 'Y'),
        (json!({"flow": {"op": "add", "flowtable": "@f"}}), '?'),
        (json!({"tomorrow": 1}), '?'),
    ] {
        assert_eq!(statement_of(&outward(), &test), holds, "{test}");
    }
}

#[test]
fn maps_choose_a_verdict() {
    let with = |data: Value| {
        let map = json!([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": data}}]);
        what(found(&ruleset("accept", &[map]), &outward()))
    };
    let of = "of chain `forward` of nft table `inet filter`";
    assert_eq!(
        with(json!({"set": [["lo", {"accept": null}], ["br0", {"drop": null}]]})),
        format!("the rule `iifname vmap {{ \"lo\" : accept, \"br0\" : drop }}` {of}")
    );
    assert_eq!(with(json!("@m")), format!("the rule `iifname vmap @m` {of}"));
    assert_eq!(
        with(json!({"set": [["br*", {"continue": null}], ["*", {"drop": null}]]})),
        "nothing"
    );
    assert!(
        with(json!({"set": [["lo", {"accept": null}], ["*", {"drop": null}]]})).contains("vmap")
    );
}

#[test]
fn rules_are_shown_in_the_words_of_nft() {
    let shown = |expr: Value| render::rule(&json!({ "expr": expr }));
    let net = json!({"prefix": {"addr": "10.0.0.0", "len": 24}});
    assert_eq!(
        shown(json!([
            {"match": {"op": "!=", "left": {"meta": {"key": "oifname"}}, "right": {"set": ["a", "b"]}}},
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": net}},
            {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["new", "invalid"]}},
            {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                "right": {"set": [1, 2, {"range": [3, 4]}, 5, 6]}}},
            {"counter": {"packets": 0, "bytes": 0}}, {"fib": 1}, {"log": {"prefix": "x"}}, {"drop": null}
        ])),
        "oifname != { \"a\", \"b\" } ip saddr 10.0.0.0/24 ct state new,invalid tcp dport { 1, 2, 3-4, 5, … } … log … drop"
    );
    let left = json!({"concat": [{"meta": {"key": "iifname"}}, {"meta": {"key": "l4proto"}}]});
    let right = json!({"set": [{"concat": ["br0", "tcp"]}]});
    assert_eq!(
        shown(
            json!([{"match": {"op": "==", "left": left, "right": right}}, {"goto": {"target": "x"}}])
        ),
        "iifname . meta l4proto { \"br0\" . tcp } goto x"
    );
}

#[test]
fn options_of_iptables_match() {
    let drops = |options: &str| {
        let save = format!(
            "*filter\n:FORWARD ACCEPT [0:0]\n:X - [0:0]\n-A X -j DROP\n[1:2] -A FORWARD {options}\nCOMMIT\n"
        );
        saved_obstacle(&save, "iptables", &outward()).is_some()
    };
    for options in [
        "-j DROP",
        "-j REJECT --reject-with icmp-host-prohibited",
        "-i br+ ! -o br0 -s 10.0.0.0/8 ! -s 10.0.1.0/24 -p tcp -j DROP",
        "-m comment --comment \"it\\\"s -j #x\" -m conntrack --ctstate RELATED,NEW -g X",
        "-m state ! --state ESTABLISHED -j X",
        "-j LOG --log-prefix x\n-A FORWARD -j MARK --set-xmark 0x1/0xffffffff\n-A FORWARD -j DROP",
    ] {
        assert!(drops(options), "{options}");
    }
    for options in [
        "-i eth0 -j DROP",
        "-s 10.0.0.7/32 -j DROP",
        "-s 10.0.0.7/255.0.0.255 -j DROP",
        "-p udp -j DROP",
        "-m addrtype --dst-type LOCAL -j DROP",
        "-m rpfilter -j DROP",
        "-j NFQUEUE --queue-num 1\n-A FORWARD -j DROP",
        "-m comment --comment \"x -j DROP\n-A FORWARD -j DROP",
        "-j RETURN\n-A FORWARD -j DROP",
        "",
    ] {
        assert!(!drops(options), "{options}");
    }
}
