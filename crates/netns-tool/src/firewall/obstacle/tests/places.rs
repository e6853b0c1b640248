//! What a packet looks like in the chains of other hooks, and what is before our own.

use super::*;

/// Whether a match is certain to hold (`Y`), certain not to (`N`), or not known to (`?`) in a chain of this hook.
fn seen_at(packet: &Packet, hook: &str, prio: i64, left: Value, right: Value) -> char {
    let op = if left["ct"].is_object() { "in" } else { "==" };
    let test = json!({"match": {"op": op, "left": left, "right": right}});
    let is_found = |policy: &str, verdict: &str| {
        let mut ruleset = ruleset(policy, &[json!([test, {verdict: null}])]);
        move_to(&mut ruleset, hook, prio);
        found(&ruleset, packet).is_some()
    };
    match (is_found("accept", "drop"), is_found("drop", "accept")) {
        (true, false) => 'Y',
        (false, true) => 'N',
        (false, false) => '?',
        (true, true) => '!',
    }
}

/// Hooks the base chain elsewhere.
fn move_to(ruleset: &mut Value, hook: &str, prio: i64) {
    for object in ruleset["nftables"].as_array_mut().unwrap() {
        if object["chain"].is_object() {
            object["chain"]["hook"] = json!(hook);
            object["chain"]["prio"] = json!(prio);
        }
    }
}

fn at(packet: Packet, hook: &str, prio: i64) -> [char; 6] {
    let net = json!({"prefix": {"addr": "10.0.0.0", "len": 24}});
    let field = |name: &str| json!({"payload": {"protocol": "ip", "field": name}});
    [
        seen_at(&packet, hook, prio, json!({"meta": {"key": "iifname"}}), json!("br0")),
        seen_at(&packet, hook, prio, json!({"meta": {"key": "oifname"}}), json!("br0")),
        seen_at(&packet, hook, prio, field("saddr"), net.clone()),
        seen_at(&packet, hook, prio, field("daddr"), net),
        seen_at(&packet, hook, prio, json!({"ct": {"key": "state"}}), json!("established")),
        seen_at(&packet, hook, prio, json!({"ct": {"key": "status"}}), json!("dnat")),
    ]
}

#[test]
fn only_what_a_packet_has_at_a_hook_is_known() {
    let is = |packet, hook, prio| at(packet, hook, prio).iter().collect::<String>();
    assert_eq!(is(outward(), "prerouting", -300), "Y?Y???");
    assert_eq!(is(outward(), "prerouting", -200), "Y?Y???");
    assert_eq!(is(outward(), "prerouting", -150), "Y?Y?NN");
    assert_eq!(is(outward(), "forward", -300), "YNY?NN");
    assert_eq!(is(outward(), "postrouting", 99), "?NY?NN");
    assert_eq!(is(outward(), "postrouting", 100), "?N??NN");
    assert_eq!(is(answer(), "prerouting", -300), "N?????");
    assert_eq!(is(answer(), "prerouting", -150), "N???YN");
    assert_eq!(is(answer(), "prerouting", -100), "N???YN");
    assert_eq!(is(answer(), "prerouting", -99), "N??YYN");
    assert_eq!(is(answer(), "postrouting", 200), "?Y?YYN");
    assert_eq!(is(published(), "prerouting", -150), "N???N?");
    assert_eq!(is(published(), "prerouting", 0), "N??YNY");
    assert_eq!(is(published(), "postrouting", -150), "?Y?YNY");
}

#[test]
fn chains_of_other_hooks_and_types_do_not_count() {
    for (hook, kind, drops) in [
        ("prerouting", "filter", true),
        ("postrouting", "filter", true),
        ("prerouting", "nat", false),
        ("input", "filter", false),
        ("output", "route", false),
        ("ingress", "filter", false),
    ] {
        let mut ruleset = ruleset("drop", &[]);
        move_to(&mut ruleset, hook, 0);
        for object in ruleset["nftables"].as_array_mut().unwrap() {
            if object["chain"].is_object() {
                object["chain"]["type"] = json!(kind);
            }
        }
        assert_eq!(found(&ruleset, &outward()).is_some(), drops, "{hook} {kind}");
    }
}

#[test]
fn cures_say_no_more_than_a_chain_sees_and_no_less_than_keeps_others_out() {
    let cure = |packet: Packet, hook: &str, prio| {
        let mut ruleset = ruleset("drop", &[]);
        move_to(&mut ruleset, hook, prio);
        found(&ruleset, &packet).unwrap().cures.join("; ")
    };
    let nft = |rule: &str| format!("nft 'insert rule inet filter forward {rule} accept'");
    assert_eq!(cure(outward(), "prerouting", -300), nft(r#"iifname "br0""#));
    assert_eq!(cure(outward(), "postrouting", 0), nft(r#"ip saddr 10.0.0.0/24 oifname "eth0""#));
    assert_eq!(cure(outward(), "postrouting", 300), "");
    assert_eq!(cure(answer(), "prerouting", -300), "");
    assert_eq!(
        cure(answer(), "prerouting", 0),
        nft(r#"iifname "eth0" ct state established,related"#)
    );
    assert_eq!(
        cure(answer(), "postrouting", 300),
        nft(r#"oifname "br0" ct state established,related"#)
    );
    assert_eq!(cure(published(), "prerouting", -150), "");
    assert_eq!(cure(published(), "prerouting", 0), nft(r#"iifname "eth0" ct status dnat"#));
    assert_eq!(cure(published(), "postrouting", 0), nft(r#"oifname "br0" ct status dnat"#));
}

/// A listing with these rules, each a table and the rest.
fn listing(rules: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for table in ["raw", "mangle", "filter", "security", "nat"] {
        text.push_str(&format!("*{table}\n"));
        for chain in ["PREROUTING", "FORWARD", "POSTROUTING"] {
            text.push_str(&format!(":{chain} ACCEPT [0:0]\n"));
        }
        for (_, rule) in rules.iter().filter(|(of, _)| *of == table) {
            text.push_str(&format!("-A {rule}\n"));
        }
        text.push_str("COMMIT\n");
    }
    text
}

/// What is in the way of this packet in a listing that has our rules.
fn besides_ours(text: &str, packet: &Packet) -> Option<Obstacle> {
    in_saved(&Listing { text, command: "iptables", has_ours: true }, packet)
}

const JUMP: (&str, &str) = ("filter", "FORWARD -m comment --comment netns-tool -j NETNS-TOOL");
const DROP: (&str, &str) = ("filter", "FORWARD -s 10.0.0.0/8 -j DROP");

#[test]
fn tables_of_iptables_are_met_in_the_order_of_the_hooks() {
    let mut rules = vec![
        ("raw", "PREROUTING -i br0 -j DROP"),
        ("mangle", "PREROUTING -i br0 -j DROP"),
        ("mangle", "FORWARD -i br0 -j DROP"),
        ("security", "FORWARD -i br0 -j DROP"),
        ("mangle", "POSTROUTING -o eth0 -j DROP"),
    ];
    let cures = [
        "-t raw -I PREROUTING -i br0",
        "-t mangle -I PREROUTING -i br0",
        "-t mangle -I FORWARD -i br0 -o eth0",
        "-t security -I FORWARD -i br0 -o eth0",
        "-t mangle -I POSTROUTING -s 10.0.0.0/24 -o eth0",
    ];
    for cure in cures {
        let obstacle = besides_ours(&listing(&rules), &outward()).unwrap();
        let (table, rule) = rules.remove(0);
        assert_eq!(obstacle.what, format!("the rule `-A {rule}` of table `{table}` of iptables"));
        assert_eq!(obstacle.cures, [format!("iptables {cure} -j ACCEPT")]);
        assert_eq!(obstacle.reason, Reason::IsElsewhere);
    }
    let nat = [("nat", "PREROUTING -j DROP"), ("raw", "FORWARD -j DROP")];
    assert_eq!(besides_ours(&listing(&nat), &outward()), None);
}

#[test]
fn a_listing_says_all_of_the_base_chains_of_whole_tables() {
    let text = "*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*nat\nCOMMIT\n*mangle\nCOMMIT\n*filter\n";
    let chains: Vec<_> =
        listed_chains(text).map(|(table, chain)| [table, chain].join(" ")).collect();
    assert_eq!(
        chains,
        ["raw PREROUTING", "mangle PREROUTING", "mangle FORWARD", "mangle POSTROUTING"]
    );
}

#[test]
fn what_stands_before_the_way_to_our_own_chain_drops() {
    let in_way = |rules: &[(&str, &str)]| besides_ours(&listing(rules), &outward());
    let obstacle = in_way(&[DROP, JUMP]).unwrap();
    assert_eq!(obstacle.what, "the rule `-A FORWARD -s 10.0.0.0/8 -j DROP` of iptables");
    assert_eq!(obstacle.reason, Reason::ComesFirst);
    assert_eq!(
        obstacle.cures,
        ["iptables -I FORWARD -m comment --comment netns-tool -j NETNS-TOOL"]
    );
    assert_eq!(in_way(&[JUMP, DROP]), None);
    assert_eq!(in_way(&[JUMP, DROP, JUMP]), None);
    assert_eq!(in_way(&[DROP]), None, "what is to lead into it comes first");
    let inside = ("filter", "NETNS-TOOL -o br0 -j DROP");
    let answer = |rules: &[(&str, &str)]| besides_ours(&listing(rules), &answer());
    assert_eq!(answer(&[inside, JUMP]), None, "ours lets it pass before");
    let v6 = Packet { source: "fd00::/64".parse().ok(), ..outward() };
    assert!(besides_ours(&listing(&[("filter", "FORWARD -j DROP"), JUMP]), &v6).is_some());
}

#[test]
fn what_stands_before_dockers_chain_for_ours_drops() {
    let docker = ("filter", "FORWARD -j DOCKER-USER");
    let jump = ("filter", "DOCKER-USER -m comment --comment netns-tool -j NETNS-TOOL");
    let user = ("filter", "DOCKER-USER -i br0 -j DROP");
    let in_way = |rules: &[(&str, &str)]| {
        let text = listing(rules).replace("*filter\n", "*filter\n:DOCKER-USER - [0:0]\n");
        what(besides_ours(&text, &outward()))
    };
    assert_eq!(in_way(&[docker, jump, DROP, user]), "nothing");
    let first = "the rule `-A FORWARD -s 10.0.0.0/8 -j DROP` of iptables";
    assert_eq!(in_way(&[DROP, docker, jump]), first);
    assert_eq!(
        in_way(&[docker, user, jump]),
        "the rule `-A DOCKER-USER -i br0 -j DROP` of iptables"
    );
    let elsewhere = ("filter", "FORWARD -i docker0 -j DOCKER-USER");
    assert_eq!(in_way(&[elsewhere, jump, DROP]), first);
}
