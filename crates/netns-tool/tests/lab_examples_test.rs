//! Every lab of docs/labs: built, used by real packets in the ways that its page claims, built again, compared, taken
//! down, and nothing is left.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use support::internet::{CLIENT, SERVER, UPLINK, internet};
use support::{
    HOST, assert_is, cannot, cannot_any, done, inside, lived_in, no_ping, ping, private_host,
    reaches, serve, sh, tcp_ask, tool,
};
use testhost::Snapshot;

/// One test for each file, which is read when the test is compiled: an ordinary user need not be able to read the work
/// tree. The function says what the network is like once it stands.
macro_rules! labs {
    ($($test:ident: $name:literal on $host:ident => $use:ident,)*) => {
        const LABS: &[&str] = &[$($name),*];
        $(#[test]
        fn $test() {
            let text = include_str!(concat!("../../../docs/labs/", $name, ".toml"));
            private_host(|| example($name, text, $host, $use));
        })*
    };
}

labs! {
    shop: "shop" on wired => use_shop,
    veth_pair: "veth-pair" on crowded => use_veth_pair,
    one_container: "one-container" on crowded => use_one_container,
    two_containers: "two-containers" on crowded => use_two_containers,
    containers_nat: "containers-nat" on wired => use_containers_nat,
    two_namespaces: "two-namespaces" on crowded => use_two_namespaces,
    same_subnet: "same-subnet" on crowded => use_same_subnet,
    router: "router" on crowded => use_router,
    routers: "routers" on crowded => use_routers,
    spine_leaf: "spine-leaf" on crowded => use_spine_leaf,
    two_sites: "two-sites" on crowded => use_two_sites,
    dual_stack: "dual-stack" on crowded => use_dual_stack,
}

#[test]
fn every_example_is_tested() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/labs");
    let names = |extension: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(&folder).expect("the folder of the labs");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let its = paths.filter(|path| path.extension().is_some_and(|of| of == extension));
        its.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let tested: BTreeSet<String> = LABS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names("toml"), tested, "a lab that is there (left) needs a test here (right)");
    let mut pages = names("md");
    pages.remove("README");
    assert_eq!(pages, tested, "a page that is there (left) is about one of the labs (right)");
}

/// The host with its uplink `up0`: beyond it are `server` and `client`, who knows the way to all inner subnets.
fn wired() -> Snapshot {
    drop(internet());
    Snapshot::settled()
}

/// A host that others live on.
fn crowded() -> Snapshot {
    lived_in()
}

/// The life of a lab.
fn example(name: &str, text: &str, host: fn() -> Snapshot, used: fn()) {
    fs::create_dir("/run/tmp/labs").expect("make a folder for the lab");
    let file = &format!("/run/tmp/labs/{name}.toml");
    fs::write(file, text).expect("write the lab file");
    let before = host();
    let up = done(&format!("up {file}"));
    assert!(up.starts_with(&format!("Lab `{name}` is up: ")), "{up}");
    used();
    stands(name, file);
    let down = done(&format!("down {file}"));
    assert!(down.starts_with(&format!("Lab `{name}` is down: ")), "{down}");
    assert_eq!(done("labs"), "No lab is up\n");
    assert_is(&before);
}

/// The lab is as its file says, and all commands say so.
fn stands(name: &str, file: &str) {
    let again = tool(&format!("up {file} -v")).success();
    let output = again.get_output();
    let (said, shown) = [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b)).into();
    assert_eq!(said, format!("Lab `{name}` is up, as its file says (nothing was changed)\n"));
    assert_eq!(shown, "", "the second time nothing is run, and nothing is to be said");
    assert_eq!(done(&format!("diff {file}")), format!("Lab `{name}` is as its file says\n"));
    assert_eq!(done(&format!("plan {file} --json")).trim(), "[]");
    let labs = done("labs");
    let row = labs.lines().nth(1).unwrap_or_default();
    assert_eq!(row.split_whitespace().next(), Some(name), "{labs}");
}

/// Something was done to the lab: `diff` says this, and `up` mends it.
fn mends(name: &str, difference: &str) {
    let file = format!("/run/tmp/labs/{name}.toml");
    let found = tool(&format!("diff {file}")).code(1);
    let found = String::from_utf8_lossy(&found.get_output().stdout).into_owned();
    assert!(found.contains(difference), "{found}");
    let up = done(&format!("up {file}"));
    assert!(up.starts_with(&format!("Lab `{name}` is up again as its file says: ")), "{up}");
}

/// The service at the address answers so, over TCP.
fn answers(from: &str, to: &str, answer: &str) {
    assert_eq!(tcp_ask(from, to).expect("an answer"), answer, "{from} to {to}");
}

/// Each reaches each other.
fn all_ping(who: &[(&str, &str)]) {
    for (from, own) in who {
        who.iter().filter(|(_, to)| to != own).for_each(|(_, to)| ping(from, to));
    }
}

/// What `ping` says with these words.
fn said_by_ping(from: &str, words: &str) -> String {
    sh(&format!("{}ping -n -c 1 -W 2 {words} || true", inside(from)))
}

fn use_shop() {
    all_ping(&[("web", "10.0.0.2"), ("db", "10.0.0.3"), (HOST, "10.0.0.1")]);
    serve("web", 80);
    reaches("db", "10.0.0.2:80", "you are 10.0.0.3 on web:80");
    reaches(HOST, "10.0.0.2:80", "you are 10.0.0.1 on web:80");
    for from in ["web", "db"] {
        reaches(from, &format!("{SERVER}:80"), &format!("you are {UPLINK} on server:80"));
    }
    cannot("client", "10.0.0.2:80");
}

fn use_veth_pair() {
    ping(HOST, "172.18.0.10");
    ping(HOST, "172.18.0.20");
}

fn use_one_container() {
    all_ping(&[(HOST, "172.18.0.10"), ("net0", "172.18.0.20")]);
    // Another address of the host: no route leads there.
    no_ping("net0", "198.51.100.1");
}

fn use_two_containers() {
    all_ping(&[(HOST, "172.18.0.1"), ("net0", "172.18.0.10"), ("net1", "172.18.0.20")]);
    for from in ["net0", "net1"] {
        ping(from, "198.51.100.1");
        // Beyond the host, which does not forward.
        no_ping(from, "198.51.100.2");
    }
}

fn use_containers_nat() {
    all_ping(&[(HOST, "172.18.0.1"), ("net0", "172.18.0.10"), ("net1", "172.18.0.20")]);
    all_ping(&[("net0", "net0"), ("net1", "net1")]);
    serve("net0", 80);
    for from in ["net0", "net1"] {
        reaches(from, &format!("{SERVER}:80"), &format!("you are {UPLINK} on server:80"));
    }
    let published = format!("{UPLINK}:8080");
    answers("client", &published, &format!("you are {CLIENT} on net0:80"));
    answers("net1", &published, "you are 172.18.0.1 on net0:80");
    answers(HOST, "127.0.0.1:8080", "you are 172.18.0.1 on net0:80");
    cannot_any("client", &["172.18.0.10:80", "192.0.2.2:80"]);
}

fn use_two_namespaces() {
    all_ping(&[("net1", "10.10.0.10"), ("net2", "10.10.0.20")]);
    no_ping(HOST, "10.10.0.20");
    cannot(HOST, "10.10.0.20:8000");
    let ask = |from: &str| {
        sh(&format!(
            "ip netns exec {from} bash -c 'exec 3<>/dev/tcp/10.10.0.20/8000
            printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3; cat <&3'"
        ))
    };
    assert_eq!(ask("net1"), "HTTP/1.0 200 OK\r\n\r\nhello from net2 to 10.10.0.10\n");
    // A server that has ended is started again.
    sh("kill $(ip netns pids net2); while ip netns pids net2 | grep -q .; do sleep 0.01; done");
    mends("two-namespaces", "process `web` in network namespace `net2` does not run");
    assert!(ask("net1").ends_with("hello from net2 to 10.10.0.10\n"));
}

/// The four namespaces behind the two nodes.
const BEHIND_NODES: [(&str, &str); 4] = [
    ("n1-ns1", "172.16.0.2"),
    ("n1-ns2", "172.16.0.3"),
    ("n2-ns1", "172.16.1.2"),
    ("n2-ns2", "172.16.1.3"),
];

fn use_same_subnet() {
    all_ping(&BEHIND_NODES);
    all_ping(&[("node1", "192.168.1.5"), ("node2", "192.168.1.6"), ("n1-ns1", "172.16.0.2")]);
    for (from, address) in &BEHIND_NODES[..2] {
        reaches_from(from, address, ("n2-ns2", "172.16.1.3"));
    }
    // Two nodes forward it.
    let answer = said_by_ping("n1-ns1", "172.16.1.3");
    assert!(answer.contains("ttl=62"), "{answer}");
    no_ping(HOST, "172.16.0.2");
    sh("ip -n node2 route del 172.16.0.0/24");
    no_ping("n1-ns1", "172.16.1.3");
    mends("same-subnet", "is missing");
    ping("n1-ns1", "172.16.1.3");
}

/// A server of the one sees the caller's own address.
fn reaches_from(from: &str, address: &str, (to, at): (&str, &str)) {
    let port = 80 + address.bytes().last().map_or(0, |digit| u16::from(digit - b'0'));
    serve(to, port);
    reaches(from, &format!("{at}:{port}"), &format!("you are {address} on {to}:{port}"));
}

fn use_router() {
    all_ping(&BEHIND_NODES);
    for (from, to) in
        [("node1", "192.168.2.6"), ("node2", "192.168.1.5"), ("n1-ns1", "192.168.2.1")]
    {
        ping(from, to);
    }
    reaches_from("n1-ns2", "172.16.0.3", ("n2-ns1", "172.16.1.2"));
    let answer = said_by_ping("n1-ns1", "172.16.1.2");
    assert!(answer.contains("ttl=61"), "{answer}");
    sh("ip netns exec router sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'");
    no_ping("n1-ns1", "172.16.1.2");
    mends("router", "`net.ipv4.ip_forward` in network namespace `router` is 0, not 1");
    ping("n1-ns1", "172.16.1.2");
}

fn use_routers() {
    all_ping(&[("west", "10.0.0.1"), ("east", "10.0.10.2")]);
    reaches_from("west", "10.0.0.1", ("east", "10.0.10.2"));
    let answer = said_by_ping("west", "10.0.10.2");
    assert!(answer.contains("ttl=54"), "{answer}");
    for router in 1..=10 {
        let answer = said_by_ping("west", &format!("-t {router} 10.0.10.2"));
        let wanted = format!("From 10.0.{}.2 icmp_seq=1 Time to live exceeded", router - 1);
        assert!(answer.contains(&wanted), "{answer}");
    }
    no_ping(HOST, "10.0.0.1");
}

fn use_spine_leaf() {
    let servers = [
        ("a1", "10.1.1.2"),
        ("a2", "10.1.1.3"),
        ("b1", "10.1.2.2"),
        ("b2", "10.1.2.3"),
        ("c1", "10.1.3.2"),
        ("c2", "10.1.3.3"),
    ];
    all_ping(&servers);
    reaches_from("a1", "10.1.1.2", ("c2", "10.1.3.3"));
    // The second router on the way is the spine.
    for (from, to, spine) in [
        ("a1", "10.1.2.2", "10.2.11.0"),
        ("b1", "10.1.3.2", "10.2.12.0"),
        ("a1", "10.1.3.2", "10.2.21.0"),
    ] {
        let answer = said_by_ping(from, &format!("-t 2 {to}"));
        let wanted = format!("From {spine} icmp_seq=1 Time to live exceeded");
        assert!(answer.contains(&wanted), "{answer}");
    }
    sh("ip -n spine1 link set dev leaf2 down");
    no_ping("a1", "10.1.2.2");
    ping("a1", "10.1.3.2");
    mends("spine-leaf", "interface `leaf2` in network namespace `spine1` is down");
    all_ping(&servers);
}

fn use_two_sites() {
    let (berlin, lisbon) = (["berlin1", "berlin2"], ["lisbon1", "lisbon2"]);
    all_ping(&[("berlin1", "10.1.0.2"), ("berlin2", "10.1.0.3"), (HOST, "10.1.0.1")]);
    all_ping(&[("lisbon1", "10.2.0.2"), ("lisbon2", "10.2.0.3"), (HOST, "10.2.0.1")]);
    for from in berlin.into_iter().chain(lisbon) {
        answers(from, "192.0.2.80:80", "you are 192.0.2.2\n");
    }
    serve("berlin1", 22);
    serve("lisbon1", 22);
    answers("server", "192.0.2.2:2222", "you are 192.0.2.80 on berlin1:22");
    // Even if the server knew the way.
    sh("ip -n server route add 10.0.0.0/8 via 192.0.2.2");
    cannot_any("server", &["10.1.0.2:22", "10.2.0.2:22", "192.0.2.2:22"]);
    no_ping("server", "10.1.0.2");
    cannot("berlin1", "10.2.0.2:22");
    cannot("lisbon2", "10.1.0.2:22");
    no_ping("lisbon1", "10.1.0.3");
}

fn use_dual_stack() {
    all_ping(&[("web", "10.0.0.2"), ("db", "10.0.0.3"), (HOST, "10.0.0.1")]);
    all_ping(&[("web", "fd00:0:0:1::2"), ("db", "fd00:0:0:1::3"), (HOST, "fd00:0:0:1::1")]);
    serve("inet", 80);
    answers("db", "10.0.0.2:80", "you are ::ffff:10.0.0.3\n");
    answers("db", "[fd00:0:0:1::2]:80", "you are fd00:0:0:1::3\n");
    for from in ["web", "db"] {
        reaches(from, "192.0.2.1:80", "you are 192.0.2.2 on inet:80");
        reaches(from, "[2001:db8::1]:80", "you are 2001:db8::2 on inet:80");
    }
    for (host, seen) in [("192.0.2.2", "::ffff:192.0.2.1"), ("[2001:db8::2]", "2001:db8::1")] {
        answers("inet", &format!("{host}:8080"), &format!("you are {seen}\n"));
    }
    sh("ip -n inet route add 10.0.0.0/8 via 192.0.2.2
        ip -n inet route add fd00::/8 via 2001:db8::2");
    cannot_any("inet", &["10.0.0.2:80", "[fd00:0:0:1::2]:80"]);
}
