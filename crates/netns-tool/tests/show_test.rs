//! `list` and `show`: what stands, whose it is, and who is wired to whom.

mod support;

use std::time::Duration;

use predicates::str::contains;
use serde_json::Value;
use support::labs::{FILE, file};
use support::{done, private_host, refused, refused_with, sh, tool, unchanged, within};
use testhost::binary;

const LAB: &str = "[bridge.br0]\naddress = [\"10.0.0.1/24\", \"fd00::1/64\"]\n\
    [namespace.web]\nbridge = \"br0\"\n[namespace.db]\nbridge = \"br0\"\n\
    [namespace.web.process.idle]\ncommand = [\"sleep\", \"4243\"]\n";

/// A lab, something that netns-tool made besides, and things of others.
fn stage() {
    done(&format!("up -q {}", file(LAB)));
    done("create lonely");
    done("veth lv lonely eth0 --host-addr 10.9.0.1/24 --ns-addr 10.9.0.2/24");
    sh("ip netns add one; ip netns add two; ip link add x0 netns one type veth peer name x1 netns two
        ip link add fbr type bridge; touch /run/netns/stub
        ip -n one link add br7 type bridge; ip -n one link set x0 master br7");
}

fn json(line: &str) -> Value {
    serde_json::from_str(&done(line)).expect("JSON")
}

#[test]
fn the_list_tells_whose_everything_is() {
    private_host(|| {
        assert_eq!(done("list"), "There are no namespaces, bridges or NATs\n");
        stage();
        assert_eq!(
            unchanged(|| done("list")),
            "NAMESPACE  OWNER       INTERFACES  ADDRESSES\n\
             db         lab lab     eth0        10.0.0.3/24, fd00::3/64\n\
             lonely     netns-tool  eth0        10.9.0.2/24\n\
             one        foreign     x0, br7     -\n\
             stub       foreign     broken      -\n\
             two        foreign     x1          -\n\
             web        lab lab     eth0        10.0.0.2/24, fd00::2/64\n\
             \n\
             BRIDGE   OWNER    PORTS  ADDRESSES\n\
             br0      lab lab  2      10.0.0.1/24, fd00::1/64\n\
             fbr      foreign  0      -\n\
             one:br7  foreign  1      -\n"
        );
        assert_eq!(
            done("list --lab lab").lines().filter(|line| line.contains("foreign")).count(),
            0
        );
        let all = json("list --json");
        let names = |kind: &str, key: &str| -> Vec<String> {
            let items = all[kind].as_array().expect("a list").iter();
            items.map(|item| item[key].as_str().expect("a name").to_owned()).collect()
        };
        assert_eq!(names("namespaces", "name"), ["db", "lonely", "one", "stub", "two", "web"]);
        assert_eq!(names("namespaces", "state")[3], "broken");
        assert_eq!(names("namespaces", "owner")[..3], ["lab", "netns-tool", "foreign"]);
        assert_eq!(all["namespaces"][0]["lab"], "lab");
        assert_eq!(names("bridges", "name"), ["br0", "fbr", "br7"]);
        assert_eq!(all["bridges"][2]["namespace"], "one");
        assert_eq!(all["bridges"][0]["ports"], serde_json::json!(["web-eth0", "db-eth0"]));
    });
}

#[test]
fn peers_are_named_across_namespaces() {
    private_host(|| {
        stage();
        sh("ip link add h0 type veth peer name h1
            ip netns add far; ip link add f0 netns far type veth peer name f1
            ip netns add hidden; ip link add hid type veth peer name in netns hidden
            mkdir /run/elsewhere; touch /run/elsewhere/hidden
            mount --bind /run/netns/hidden /run/elsewhere/hidden; umount /run/netns/hidden; rm /run/netns/hidden");
        let peer = |name: &str| json(&format!("show {name} --json"))["peer"].clone();
        assert_eq!(peer("web:eth0"), serde_json::json!({"on": "host", "interface": "web-eth0"}));
        assert_eq!(
            peer("web-eth0"),
            serde_json::json!({"on": "namespace", "namespace": "web", "interface": "eth0"})
        );
        assert_eq!(
            peer("one:x0"),
            serde_json::json!({"on": "namespace", "namespace": "two", "interface": "x1"})
        );
        assert_eq!(
            peer("x1"),
            serde_json::json!({"on": "namespace", "namespace": "one", "interface": "x0"})
        );
        assert_eq!(peer("h0"), serde_json::json!({"on": "host", "interface": "h1"}));
        assert_eq!(peer("far:f0"), serde_json::json!({"on": "host", "interface": "f1"}));
        assert_eq!(peer("hid"), serde_json::json!({"on": "unnamed"}));
        assert_eq!(peer("fbr"), Value::Null);
    });
}

#[test]
fn where_namespaces_cannot_be_looked_into_nothing_is_said_of_their_names() {
    private_host(|| {
        stage();
        // In a user namespace there is no other user to be: root without its rights has to do.
        let look = |words: &str| {
            let tool = binary("netns-tool");
            let tool = tool.display();
            sh(&format!("setpriv --bounding-set=-all --inh-caps=-all {tool} {words} 2>&1"))
        };
        for words in ["show lab", "show web-eth0", "graph"] {
            let said = look(words);
            let (command, _) = words.split_once(' ').unwrap_or((words, ""));
            assert!(said.contains(&format!("root can (sudo netns-tool {command})")), "{said}");
            assert!(said.contains("a namespace that could not be looked into"), "{said}");
            assert!(!said.contains("without a name"), "{said}");
        }
    });
}

/// Wires between namespaces whose indices are all alike: only the kernel's numbers tell them apart.
#[test]
fn a_line_of_namespaces_with_the_same_indices_is_told_apart() {
    private_host(|| {
        let names: Vec<String> = (1..=12).map(|number| format!("r{number}")).collect();
        for name in &names {
            sh(&format!("ip netns add {name}"));
        }
        for pair in names.windows(2) {
            sh(&format!(
                "ip link add right index 1000 netns {} type veth peer name left index 1001 netns {}",
                pair[0], pair[1]
            ));
        }
        // One that is wired to somebody far away in the order of names.
        sh("ip link add right index 1000 netns r12 type veth peer name left index 1001 netns r1");
        for (index, name) in names.iter().enumerate() {
            let next = &names[(index + 1) % names.len()];
            let peer = json(&format!("show {name}:right --json"))["peer"].clone();
            let expected =
                serde_json::json!({"on": "namespace", "namespace": next, "interface": "left"});
            assert_eq!(peer, expected, "{name}");
        }
    });
}

#[test]
fn a_namespace_is_shown_with_all_that_is_in_it() {
    private_host(|| {
        stage();
        sh("ip netns exec web ping -c 1 -q 10.0.0.3");
        let shown = unchanged(|| done("show web"));
        let line = |part: &str| {
            let found = shown.lines().find(|line| line.contains(part));
            found.unwrap_or_else(|| panic!("no `{part}` in\n{shown}")).to_owned()
        };
        assert!(
            shown.starts_with("Network namespace web: lab lab, /run/netns/web\nInterfaces\n"),
            "{shown}"
        );
        assert_eq!(
            line("eth0 "),
            "  eth0  up  10.0.0.2/24, fd00::2/64  <-> web-eth0 on the host (port of br0)"
        );
        assert!(line("default ").contains("via 10.0.0.1 dev eth0"), "{shown}");
        assert!(line("default (IPv6)").contains("via fd00::1 dev eth0"), "{shown}");
        assert!(line("10.0.0.3 ").contains("dev eth0"), "{shown}");
        assert!(
            line("sleep 4243").trim_start().starts_with(|c: char| c.is_ascii_digit()),
            "{shown}"
        );
        let all = json("show web --json");
        assert_eq!(all["shows"], "namespace");
        assert_eq!(all["interfaces"][1]["peer_master"], "br0");
        assert_eq!(
            all["neighbours"]
                .as_array()
                .expect("a list")
                .iter()
                .filter(|one| one["address"] == "10.0.0.3")
                .count(),
            1
        );
        assert!(done("show stub").contains("try: netns-tool delete stub"));
    });
}

#[test]
fn listening_programs_are_named() {
    private_host(|| {
        done("create web");
        support::serve("web", 8080);
        let shown = done("show web");
        assert!(shown.contains("  tcp  "), "{shown}");
        let all = json("show web --json");
        let ports = all["listening"].as_array().expect("a list").iter();
        let tcp: Vec<_> = ports.filter(|one| one["protocol"] == "tcp").collect();
        assert!(tcp.iter().any(|one| one["port"] == 8080), "{all}");
        assert!(
            tcp.iter().all(|one| one["process"].as_str().is_some_and(|who| who.contains("pid"))),
            "{all}"
        );
    });
}

#[test]
fn bridges_links_and_labs_are_shown() {
    private_host(|| {
        stage();
        sh("ip link set web-eth0 down");
        let bridge = done("show br0");
        assert!(
            bridge.starts_with("Bridge br0 on the host: lab lab\n  state      up\n"),
            "{bridge}"
        );
        assert!(
            bridge.contains(
                "Ports\n  web-eth0  down  -  <-> eth0 in web, port of br0\n  db-eth0   up"
            ),
            "{bridge}"
        );
        assert!(done("show fbr").starts_with("Bridge fbr on the host: foreign\n  state  down\n"));
        let link = done("show db:eth0");
        assert!(link.contains("wired      <-> db-eth0 on the host (port of br0)\n"), "{link}");
        assert!(done("show web:eth0").contains("state      no carrier\n"));
        let lab = done("show lab");
        assert!(lab.starts_with("Lab lab: 2 namespaces, 5 interfaces, up for "), "{lab}");
        assert!(lab.contains(&format!(", {FILE}\n  It is not as its file says")), "{lab}");
        assert!(lab.contains("web\n  eth0") && lab.contains("sleep 4243"), "{lab}");
        // A process has no part in the columns of the interfaces.
        assert!(lab.contains("  eth0  no carrier  10.0.0.2/24"), "{lab}");
    });
}

#[test]
fn a_nat_is_shown_with_its_ports() {
    private_host(|| {
        sh("ip link add up0 type veth peer name up1; ip addr add 192.0.2.2/24 dev up0
            ip link set up0 up; ip link set up1 up; ip route add default via 192.0.2.1");
        done("create web");
        done("bridge br0 --addr 10.0.0.1/24");
        done("nat br0");
        done("nat br0 --publish 8080:10.0.0.2:80");
        let expected = "NAT  OWNER       UPLINK  SUBNETS AND PUBLISHED PORTS\n\
             br0  netns-tool  up0     10.0.0.0/24, 8080:10.0.0.2:80\n";
        assert!(done("list").ends_with(expected), "{}", done("list"));
        let bridge = done("show br0");
        assert!(
            bridge.contains(
                "NAT\n  br0  10.0.0.0/24 out over up0\n       published 8080:10.0.0.2:80"
            ),
            "{bridge}"
        );
        assert_eq!(json("list --json")["nats"][0]["published"][0], "8080:10.0.0.2:80");
    });
}

#[test]
fn a_name_that_says_too_little_is_an_error() {
    private_host(|| {
        stage();
        refused("show wbe")
            .stderr(contains("there is no namespace, interface or lab called `wbe`"));
        refused("show wbe").stderr(contains("did you mean `web`?"));
        refused_with(2, "show eth0").stderr(contains("several things are called `eth0`"));
        refused("show web:eth9").stderr(contains("did you mean `web:eth0`?"));
        done("create lab");
        refused_with(2, "show lab").stderr(contains("netns-tool show lab --as namespace"));
        tool("show lab --as namespace")
            .success()
            .stdout(contains("Network namespace lab: netns-tool"));
        tool("show lab --as lab").success().stdout(contains("Lab lab: "));
        refused("show web --as interface").stderr(contains("there is no interface called `web`"));
        refused("show web --as lab")
            .stderr(contains("it is a namespace\n  try:     netns-tool show web"));
        refused("show wbe --as lab").stderr(contains("try:     netns-tool list"));
        refused("list --lab lob").stderr(contains("did you mean `lab`?"));
        refused("list --lab web --json")
            .stderr(contains("there is no lab that is up and called `web`"));
    });
}

#[test]
fn names_of_others_do_not_reach_the_terminal_as_they_are() {
    private_host(|| {
        // Nor does a path of theirs that is no text stop anything.
        sh("odd=$(printf '/run/a\\377b'); mkdir $odd; mount -t tmpfs none $odd");
        sh(
            "ip link add \"$(printf 'a\\033[31mb')\" type bridge; ip link add x0 type veth peer name x1; ip link set x0 alias \"$(printf 'n\\033[2Jt')\"",
        );
        for line in ["list", "show x0"] {
            assert!(!done(line).contains('\u{1b}'), "{line}");
        }
    });
}

#[test]
fn a_hundred_namespaces_are_listed_at_once() {
    private_host(|| {
        done(&format!(
            "up -q {}",
            file(
                "[bridge.br0]\naddress = \"10.0.0.1/16\"\n[namespace.h]\ncount = 100\nbridge = \"br0\"\n"
            )
        ));
        // A guard, and no measure: `cargo xtask bench` measures.
        within(Duration::from_secs(10), || assert_eq!(done("list").lines().count(), 104));
    });
}
