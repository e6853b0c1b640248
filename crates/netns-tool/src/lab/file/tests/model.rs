//! Files in which nothing is wrong.

use super::{made, read, same};
use crate::lab::model::{Bridge, End, Lab, Link, Namespace, Nat, Route};
use crate::lab::whereabouts::Whereabouts;
use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use snapbox::str;
use std::path::PathBuf;

/// The example of the first page.
const TEN_LINES: &str = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = true

[namespace.web]
bridge = "br0"

[namespace.db]
bridge = "br0"
"#;

#[test]
fn ten_lines_are_two_namespaces_on_a_bridge_with_nat() {
    let interface = |name: &str| InterfaceName::new(name).unwrap();
    let netns = |name: &str| NamespaceName::new(name).unwrap();
    let namespace = |name| Namespace {
        name: netns(name),
        addresses: vec![],
        name_servers: vec![],
        hosts: vec![],
        sysctls: vec![],
    };
    let link = |name: &str, address: &str| Link {
        ends: [
            End {
                at: None,
                name: interface(&format!("{name}-eth0")),
                addresses: vec![],
                mac: None,
                bridge: Some(interface("br0")),
            },
            End {
                at: Some(netns(name)),
                name: interface("eth0"),
                addresses: vec![address.parse().unwrap()],
                mac: None,
                bridge: None,
            },
        ],
        mtu: None,
    };
    let route = |name| Route {
        at: Some(netns(name)),
        to: "0.0.0.0/0".parse().unwrap(),
        via: Some([10, 0, 0, 1].into()),
        device: Some(interface("eth0")),
    };
    let mut whereabouts = Whereabouts::default();
    for (at, ip) in
        [(Some("web"), [10, 0, 0, 2]), (Some("db"), [10, 0, 0, 3]), (None, [10, 0, 0, 1])]
    {
        whereabouts.add(at.map(netns), Some(0), ip.into());
    }
    let expected = Lab {
        name: LabName::new("shop").unwrap(),
        file: PathBuf::from("/labs/shop.toml"),
        namespaces: vec![namespace("web"), namespace("db")],
        bridges: vec![Bridge {
            at: None,
            name: interface("br0"),
            addresses: vec!["10.0.0.1/24".parse().unwrap()],
            mtu: None,
            mac: None,
            stp: false,
            vlan_filtering: false,
        }],
        links: vec![link("web", "10.0.0.2/24"), link("db", "10.0.0.3/24")],
        routes: vec![route("web"), route("db")],
        nats: vec![Nat {
            bridge: interface("br0"),
            uplink: None,
            publications: vec![],
            allowed: vec![],
            no_masquerade: false,
            scope: None,
        }],
        processes: vec![],
        expectations: vec![],
        whereabouts,
    };
    assert_eq!(read(TEN_LINES).unwrap(), expected);
}

/// A file with every word of the format.
pub const EVERY_WORD: &str = r#"
name = "shop"

[bridge.br0]
name = "front"
address = ["10.0.0.1/24", "fd00::1/64"]
mtu = 1500
mac = "02:00:00:00:00:01"
stp = true
vlan_filtering = true
nat = { uplink = "eth0", publish = ["8080:web:80", "53:10.0.0.2:53/udp"], allow = ["br1"], masquerade_ipv6 = false, forwarding = "interface" }

[bridge.br1]
address = "10.1.0.1/24"
nat = "wan0"

[bridge.inner]
namespace = "node1"
address = "10.3.0.1/24"

[namespace.web]
bridge = "br0"
address = ["10.0.0.10/24", "fd00::a/64"]
gateway = "10.0.0.1"
mtu = 1400
mac = "02:00:00:00:00:02"
loopback = ["10.255.0.1/32"]
forwarding = true
sysctl = { "net.ipv4.conf.all.rp_filter" = 0, "net.core.somaxconn" = "1024", "net/ipv4/conf/eth0.5/forwarding" = 1, "net.ipv4.conf.eth0/6.forwarding" = 1 }
dns = ["10.0.0.53"]
hosts = { "db.local" = "10.0.0.3", node = "node1" }
routes = [
    { to = "10.2.0.0/16", via = "10.0.0.254" },
    { to = "default", via = "fd00::9", interface = "eth0" },
    { to = "fd01::/64", interface = "eth1" },
    { to = "10.9.9.9", via = "10.1.0.9" },
]

[namespace.web.interface.eth1]
bridge = "br1"

[namespace.web.process.http]
command = ["python3", "-m", "http.server", "80"]
ready = { tcp = 80 }

[namespace.web.process.wait]
command = ["sleep", "60"]
ready = { command = ["true"] }

[namespace.node1]
hosts = true
process.dns = { command = ["dns"], ready = { udp = 53 } }

[namespace.node2]
bridge = "inner"
gateway = false

[[link]]
from = { namespace = "node1", interface = "upper", address = "192.168.1.1/30", mac = "02:00:00:00:00:03" }
to = { interface = "down0", address = "192.168.1.2/30" }
mtu = 1300

[[link]]
from = { bridge = "br0" }
to = { bridge = "inner" }

[host]
routes = [ { to = "172.16.1.0/24", via = "192.168.1.1" }, { to = "172.16.2.0/24", via = "203.0.113.1" } ]
"#;

#[test]
fn every_word_of_the_format_makes_something() {
    same(
        made(EVERY_WORD),
        str![[r#"
lab shop /labs/shop.toml
namespace web lo 10.255.0.1/32 dns 10.0.0.53 hosts db.local=10.0.0.3 node=10.3.0.1 sysctl /proc/sys/net/ipv4/ip_forward=1 /proc/sys/net/ipv6/conf/all/forwarding=1 /proc/sys/net/ipv4/conf/all/rp_filter=0 /proc/sys/net/core/somaxconn=1024 /proc/sys/net/ipv4/conf/eth0.5/forwarding=1 /proc/sys/net/ipv4/conf/eth0.6/forwarding=1
namespace node1 hosts web=10.0.0.10 web=fd00::a node1=192.168.1.1 node2=10.3.0.2
namespace node2
bridge front 10.0.0.1/24 fd00::1/64 mtu 1500 mac 02:00:00:00:00:01 stp vlan_filtering
bridge br1 10.1.0.1/24
bridge inner @node1 10.3.0.1/24
link  web-eth0 port of front <-> eth0 @web 10.0.0.10/24 fd00::a/64 mac 02:00:00:00:00:02 mtu 1400
link  web-eth1 port of br1 <-> eth1 @web 10.1.0.2/24
link  node2-eth0 @node1 port of inner <-> eth0 @node2 10.3.0.2/24
link  upper @node1 192.168.1.1/30 mac 02:00:00:00:00:03 <-> down0 192.168.1.2/30 mtu 1300
link  br0-inner port of front <-> inner-br0 @node1 port of inner
route @web 0.0.0.0/0 via 10.0.0.1 dev eth0
route @web 10.2.0.0/16 via 10.0.0.254 dev eth0
route @web ::/0 via fd00::9 dev eth0
route @web fd01::/64 dev eth1
route @web 10.9.9.9/32 via 10.1.0.9 dev eth1
route 172.16.1.0/24 via 192.168.1.1 dev down0
route 172.16.2.0/24 via 203.0.113.1
nat front -> eth0 publish 8080:10.0.0.10:80 53:10.0.0.2:53/udp allow br1 no_masquerade forwarding interface
nat br1 -> wan0
process http @web ["python3", "-m", "http.server", "80"] ready Tcp(80)
process wait @web ["sleep", "60"] ready Command(["true"])
process dns @node1 ["dns"] ready Udp(53)

"#]],
    );
}

#[test]
fn a_bridge_inside_a_namespace_is_the_router_of_those_on_it() {
    let text = r#"
[namespace.router]
forwarding = false
[bridge.lan]
namespace = "router"
address = "10.5.0.1/24"
[namespace.pc]
bridge = "lan"
routes = [{ to = "10.6.0.0/16", via = "10.5.0.1" }]
"#;
    same(
        made(text),
        str![[r#"
lab shop /labs/shop.toml
namespace router sysctl /proc/sys/net/ipv4/ip_forward=0 /proc/sys/net/ipv6/conf/all/forwarding=0
namespace pc
bridge lan @router 10.5.0.1/24
link  pc-eth0 @router port of lan <-> eth0 @pc 10.5.0.2/24
route @pc 0.0.0.0/0 via 10.5.0.1 dev eth0
route @pc 10.6.0.0/16 via 10.5.0.1 dev eth0

"#]],
    );
}

#[test]
fn the_order_is_that_of_the_file() {
    let text = r#"
[namespace.zoo]
[bridge.z]
[namespace.ape.interface.eth7]
bridge = "b"
[bridge.b]
[namespace.ape]
bridge = "z"
[namespace.ant]
bridge = "b"
"#;
    same(
        made(text),
        str![[r#"
lab shop /labs/shop.toml
namespace zoo
namespace ape
namespace ant
bridge z
bridge b
link  ape-eth7 port of b <-> eth7 @ape
link  ape-eth0 port of z <-> eth0 @ape
link  ant-eth0 port of b <-> eth0 @ant

"#]],
    );
}
