//! Any lab that is right goes up, is then what its file says, becomes any other, and goes without a trace; any that is
//! wrong is refused with the place in its file, before anything is started.

mod support;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use support::faults::{Depth, depth};
use support::labs::{FILE, differences, file, internet};
use support::{HOST, done, ip, lived_in, namespaces, private_host, sh, tool};
use testhost::{Faults, warm_up};

/// A lab as numbers: each part is named and addressed after its place in the list.
#[derive(Clone, Debug)]
struct Lab {
    bridges: Vec<Bridge>,
    namespaces: Vec<Namespace>,
    /// Between which places; the number past the last namespace is the host.
    links: Vec<(usize, usize, Option<u32>)>,
}

#[derive(Clone, Debug)]
struct Bridge {
    has_v6: bool,
    mtu: Option<u32>,
    nat: bool,
}

#[derive(Clone, Debug)]
struct Namespace {
    /// The bridge that it is on; past the last: none.
    bridge: usize,
    mtu: Option<u32>,
    /// Or an address is found for it.
    is_addressed: bool,
    has_gateway: bool,
    has_loopback: bool,
    forwards: bool,
    has_dns: bool,
    has_hosts: bool,
}

/// What an interface shall be: its addresses and its size.
type Wanted = (BTreeSet<String>, u32);

/// How many labs are tried.
fn cases(quick: u32, soak: u32) -> Config {
    let cases = match depth() {
        Depth::Soak => soak,
        Depth::Quick => quick,
        Depth::Again => quick.div_ceil(4),
    };
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn labs() -> impl Strategy<Value = Lab> {
    let mtu = || prop::option::of(prop::sample::select(vec![1280_u32, 1400, 1500]));
    let bridge = (any::<bool>(), mtu(), prop::bool::weighted(0.3));
    let bridge = bridge.prop_map(|(has_v6, mtu, nat)| Bridge { has_v6, mtu, nat });
    let namespace =
        (0..4_usize, mtu(), any::<[bool; 6]>()).prop_map(|(bridge, mtu, is)| Namespace {
            bridge,
            mtu,
            is_addressed: is[0],
            has_gateway: is[1],
            has_loopback: is[2],
            forwards: is[3],
            has_dns: is[4],
            has_hosts: is[5],
        });
    let bridges = prop::collection::vec(bridge, 0..4);
    let namespaces = prop::collection::vec(namespace, 1..6);
    let link = (0..6_usize, 0..6_usize, mtu());
    (bridges, namespaces, prop::collection::vec(link, 0..4)).prop_map(
        |(bridges, namespaces, links)| {
            let last = namespaces.len();
            let links = links.into_iter().map(|(a, b, mtu)| (a % (last + 1), b % (last + 1), mtu));
            // A link leads from one place to another.
            let links = links.filter(|(a, b, _)| a != b).collect();
            Lab { bridges, namespaces, links }
        },
    )
}

impl Lab {
    fn text(&self) -> String {
        let mut text = String::new();
        for (i, bridge) in self.bridges.iter().enumerate() {
            text += &format!("[bridge.br{i}]\naddress = [\"10.{i}.0.1/24\"");
            text +=
                &if bridge.has_v6 { format!(", \"fd00:a{i}::1/64\"]\n") } else { "]\n".to_owned() };
            text += &bridge.mtu.map(|mtu| format!("mtu = {mtu}\n")).unwrap_or_default();
            text += if bridge.nat { "nat = true\n" } else { "" };
        }
        for (i, netns) in self.namespaces.iter().enumerate() {
            text += &format!("[namespace.n{i}]\n");
            if netns.bridge < self.bridges.len() {
                let bridge = netns.bridge;
                text += &format!("bridge = \"br{bridge}\"\n");
                text += &match netns.is_addressed {
                    true => format!("address = \"10.{bridge}.0.{}/24\"\n", 100 + i),
                    false => String::new(),
                };
                text += if netns.has_gateway { "" } else { "gateway = false\n" };
                text += &netns.mtu.map(|mtu| format!("mtu = {mtu}\n")).unwrap_or_default();
            }
            let flag = |is: bool, line: String| if is { line } else { String::new() };
            text += &flag(netns.has_loopback, format!("loopback = \"10.255.0.{i}/32\"\n"));
            text += &flag(netns.forwards, "forwarding = true\n".to_owned());
            text += &flag(netns.has_hosts, format!("hosts = {{ \"n{i}.test\" = \"10.9.9.9\" }}\n"));
            text += &flag(netns.has_dns, format!("dns = \"192.0.2.{}\"\n", 50 + i));
        }
        for (i, (one, other, mtu)) in self.links.iter().enumerate() {
            let end = |at: usize, side: usize| {
                let netns = self.namespaces.get(at).map(|_| format!("namespace = \"n{at}\", "));
                let netns = netns.unwrap_or_default();
                format!(
                    "{{ {netns}interface = \"l{i}s{side}\", address = \"10.200.{i}.{side}/30\" }}"
                )
            };
            text += &format!("[[link]]\nfrom = {}\nto = {}\n", end(*one, 1), end(*other, 2));
            text += &mtu.map(|mtu| format!("mtu = {mtu}\n")).unwrap_or_default();
        }
        text
    }

    /// What is at a place; of the namespaces on bridges, only the ends inside.
    fn wanted(&self, place: Option<usize>) -> BTreeMap<String, Wanted> {
        let mut all = BTreeMap::new();
        let set = |nets: Vec<String>| nets.into_iter().collect::<BTreeSet<_>>();
        for (i, (one, other, mtu)) in self.links.iter().enumerate() {
            for (at, side) in [(*one, 1), (*other, 2)] {
                if self.namespaces.get(at).map(|_| at) == place {
                    let net = set(vec![format!("10.200.{i}.{side}/30")]);
                    all.insert(format!("l{i}s{side}"), (net, mtu.unwrap_or(1500)));
                }
            }
        }
        let Some(at) = place else {
            for (i, bridge) in self.bridges.iter().enumerate() {
                let v6 = bridge.has_v6.then(|| format!("fd00:a{i}::1/64"));
                let nets = set(v6.into_iter().chain([format!("10.{i}.0.1/24")]).collect());
                let size = bridge.mtu.unwrap_or_else(|| self.smallest_port(i));
                all.insert(format!("br{i}"), (nets, size));
            }
            return all;
        };
        let netns = &self.namespaces[at];
        if netns.bridge < self.bridges.len() && netns.is_addressed {
            let net = set(vec![format!("10.{}.0.{}/24", netns.bridge, 100 + at)]);
            all.insert("eth0".to_owned(), (net, netns.mtu.unwrap_or(1500)));
        }
        all
    }

    /// What a bridge has that is given no size.
    fn smallest_port(&self, bridge: usize) -> u32 {
        let ports = self.namespaces.iter().filter(|netns| netns.bridge == bridge);
        ports.map(|netns| netns.mtu.unwrap_or(1500)).min().unwrap_or(1500)
    }

    /// Looks at the host with `ip` alone.
    fn stands(&self) -> Result<(), TestCaseError> {
        let names = (0..self.namespaces.len()).map(|i| format!("n{i}"));
        let others = ["foreign", "internet"].map(str::to_owned);
        let wanted: BTreeSet<String> = names.chain(others).collect();
        prop_assert_eq!(namespaces().into_iter().collect::<BTreeSet<_>>(), wanted);
        let host = found(HOST);
        for (name, wanted) in self.wanted(None) {
            prop_assert_eq!(host.get(&name), Some(&wanted), "{}", name);
        }
        for (i, netns) in self.namespaces.iter().enumerate() {
            let place = format!("n{i}");
            let found = found(&place);
            for (name, wanted) in self.wanted(Some(i)) {
                prop_assert_eq!(found.get(&name), Some(&wanted), "{} in {}", name, &place);
            }
            let bridge = self.bridges.get(netns.bridge);
            if let Some(bridge) = bridge.filter(|_| !netns.is_addressed) {
                let (nets, _) = found.get("eth0").cloned().unwrap_or_default();
                let subnet = format!("10.{}.0.", netns.bridge);
                let has = |begin: &str| nets.iter().any(|net| net.starts_with(begin));
                prop_assert!(has(&subnet) && has("fd00:") == bridge.has_v6, "{nets:?} in {place}");
            }
            let count = self.wanted(Some(i)).keys().filter(|name| *name != "eth0").count();
            let count = count + usize::from(bridge.is_some()) + 1;
            prop_assert_eq!(found.len(), count, "interfaces of {}", &place);
            let has_route = !ip(&place, "route show default").is_empty();
            prop_assert_eq!(has_route, bridge.is_some() && netns.has_gateway, "{}", &place);
            let lo = found.get("lo").map(|(nets, _)| nets.len());
            prop_assert_eq!(lo, Some(2 + usize::from(netns.has_loopback)), "lo of {}", &place);
            let forwards = sh(&format!("ip netns exec {place} cat /proc/sys/net/ipv4/ip_forward"));
            prop_assert_eq!(forwards.trim() == "1", netns.forwards, "{}", &place);
            for (file, is_wanted) in [("resolv.conf", netns.has_dns), ("hosts", netns.has_hosts)] {
                let is_there = Path::new("/etc/netns").join(&place).join(file).exists();
                prop_assert_eq!(is_there, is_wanted, "{} of {}", file, &place);
            }
        }
        let rules = sh("iptables-save -t nat");
        for (i, bridge) in self.bridges.iter().enumerate() {
            let has_rule = rules.contains(&format!("-s 10.{i}.0.0/24 -o up0"));
            prop_assert_eq!(has_rule, bridge.nat, "NAT of br{}\n{}", i, &rules);
        }
        Ok(())
    }
}

/// The interfaces of a place that are up, with their addresses (but link-local ones) and sizes.
fn found(place: &str) -> BTreeMap<String, Wanted> {
    let all: serde_json::Value = serde_json::from_str(&ip(place, "-j addr")).expect("JSON");
    let links = all.as_array().into_iter().flatten();
    let is_up = |link: &&serde_json::Value| {
        link["flags"].as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "UP"))
    };
    let wanted = |link: &serde_json::Value| {
        let nets = link["addr_info"].as_array().into_iter().flatten();
        let nets =
            nets.filter_map(|net| Some((net["local"].as_str()?, net["prefixlen"].as_u64()?)));
        let nets = nets.filter(|(ip, _)| !ip.starts_with("fe80:"));
        let nets = nets.map(|(ip, length)| format!("{ip}/{length}")).collect();
        let mtu = u32::try_from(link["mtu"].as_u64()?).ok()?;
        Some((link["ifname"].as_str()?.to_owned(), (nets, mtu)))
    };
    links.filter(is_up).filter_map(wanted).collect()
}

#[test]
fn any_lab_goes_up_becomes_another_and_goes() {
    private_host(|| {
        warm_up();
        internet();
        let before = lived_in();
        let mut runner = TestRunner::new(cases(4, 40));
        let outcome = runner.run(&(labs(), labs()), |(one, other)| {
            // What a failure before has left.
            done("down lab");
            for lab in [one, other] {
                let text = lab.text();
                let up = tool(&format!("up {}", file(&text)));
                let said = String::from_utf8_lossy(&up.get_output().stderr).into_owned();
                prop_assert!(up.get_output().status.success(), "{text}{said}");
                lab.stands()?;
                prop_assert_eq!(differences(), [""; 0]);
            }
            done(&format!("down {FILE}"));
            before.wait_equal().map_err(TestCaseError::fail)
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    });
}

/// Something wrong: a line, and the tables in which it is.
const WRONG: [(&str, &str); 12] = [
    ("bridge", "adress = \"10.0.0.1/24\""),
    ("bridge", "mtu = 20"),
    ("bridge", "mac = \"01:00:00:00:00:00\""),
    ("bridge", "namespace = \"nowhere\""),
    ("bridge", "stp = 1"),
    ("bridge", "nat = { publish = \"80:nobody:80\" }"),
    ("namespace", "count = 0"),
    ("namespace", "dns = \"192.0.2\""),
    ("namespace", "loopback = \"10.0.0.0/24\""),
    ("namespace", "routes = [{ to = \"10.0.0.0/8\" }]"),
    ("namespace", "sysctl = { \"kernel.panic\" = 1 }"),
    ("namespace", "interface.eth7 = { bridge = \"nowhere\" }"),
];

#[test]
fn any_lab_with_something_wrong_is_refused() {
    private_host(|| {
        warm_up();
        let faults = Faults::install();
        let mut runner = TestRunner::new(cases(40, 1000));
        let wrongs = (prop::sample::select(WRONG.to_vec()), any::<prop::sample::Index>());
        let outcome = runner.run(&(labs(), wrongs, 0..4_usize), |(lab, (wrong, at), words)| {
            let text = lab.text();
            let mut lines: Vec<&str> = text.lines().collect();
            let head = format!("[{}.", wrong.0);
            let key = wrong.1.split([' ', '.']).next().unwrap_or_default();
            // Not into one that has the key already: that is wrong as well, and somewhere else.
            let is_free = |line: usize| {
                let mut table = lines[line + 1..].iter().take_while(|line| !line.starts_with('['));
                !table.any(|line| line.starts_with(key))
            };
            let heads = (0..lines.len()).filter(|i| lines[*i].starts_with(&head) && is_free(*i));
            let heads: Vec<usize> = heads.collect();
            prop_assume!(!heads.is_empty());
            let line = heads[at.index(heads.len())] + 1;
            lines.insert(line, wrong.1);
            faults.reset();
            let words = ["up", "plan", "diff", "up --dry-run"][words];
            let refused = tool(&format!("{words} {}", file(&lines.join("\n"))));
            let output = refused.get_output();
            let said = String::from_utf8_lossy(&output.stderr);
            prop_assert_eq!(output.status.code(), Some(2), "{}", &said);
            prop_assert!(said.contains(&format!("--> {FILE}:{}:", line + 1)), "{said}");
            prop_assert!(output.stdout.is_empty(), "{words}: {said}");
            prop_assert_eq!(faults.calls(), [""; 0]);
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    });
}
