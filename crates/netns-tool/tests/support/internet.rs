//! The stage for NAT with IPv6 and published ports: a host whose uplink leads to a router, and what is beyond.
//!
//! ```text
//! a (10.0.0.2, fd00::2) --+
//! b (10.0.0.3, fd00::3) --+-- br0 -- the host -- up0 ------ router --+-- server (198.51.100.2, 2001:db8:2::2)
//! lan (10.200.0.2) --------- lan0 -'     (192.0.2.2,                 '-- client (198.18.3.2, 2001:db8:3::2)
//!                                         2001:db8:1::ff:fe00:2)
//! ```
//!
//! The host learns its IPv6 address and default route from the router's advertisements. The router knows the way to
//! all inner subnets, so that whatever the host lets in gets in. Nothing on the host forwards yet.

use std::fmt::Write as _;
use std::net::Ipv6Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::echo::serve;
use super::router::Advertiser;
use super::{HOST, done, ip, sh, succeeds};
use testhost::ip_batch;

/// The host's addresses on its uplink `up0`.
pub const UPLINK: &str = "192.0.2.2";
pub const UPLINK6: &str = "2001:db8:1::ff:fe00:2";
/// The addresses of the namespace `server`, which answers on port 80.
pub const SERVER: &str = "198.51.100.2";
pub const SERVER6: &str = "2001:db8:2::2";
/// The addresses of the namespace `client`, from which attackers come. (Beside `testhost::foreign_objects` it is the
/// one to use: the foreign ones have the IPv4 addresses of `server`.)
pub const CLIENT: &str = "198.18.3.2";
pub const CLIENT6: &str = "2001:db8:3::2";
/// Port 80 of `a`, of both addresses, over both protocols.
pub const ALL_OF_A: &str = "nat br0 up0 --publish 8080:10.0.0.2:80 --publish 8080:10.0.0.2:80/udp \
                        --publish 8080:[fd00::2]:80/tcp --publish 8080:[fd00::2]:80/udp";
/// What the router advertises.
const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);

/// Makes the uplink and the router alone, which is enough where no packet goes far. Tests need the advertiser only to
/// make it speak again. What the first use of a
/// firewall leaves for good is there already.
pub fn uplink() -> Advertiser {
    testhost::warm_up();
    namespace("router");
    sh(
        "ip netns exec router sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
            echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
        ip link add name up0 address 02:00:00:00:00:02 type veth peer name in0 address 02:00:00:00:00:01 netns router
        echo 0 > /proc/sys/net/ipv6/conf/up0/dad_transmits
        echo 1 > /proc/sys/net/ipv6/conf/up0/accept_ra"
    );
    let on_host = format!(
        "addr add {UPLINK}/24 dev up0
        link set dev up0 up
        route add default via 192.0.2.1 dev up0"
    );
    let of_router = format!(
        "addr add 192.0.2.1/24 dev in0
        addr add 2001:db8:1::1/64 dev in0
        link set dev in0 up
        route add 10.0.0.0/8 via {UPLINK}
        route add 172.16.0.0/12 via {UPLINK}
        route add fd00::/8 via {UPLINK6}
        route add 2001:db8:a::/48 via {UPLINK6}"
    );
    ip_batch(None, &on_host);
    ip_batch(Some("router"), &of_router);
    // What is advertised comes from there.
    wait_until("the router has its link-local address", || {
        !ip("router", "-6 addr show dev in0 scope link -tentative").is_empty()
    });
    let advertiser = Advertiser::start("router", "in0", PREFIX);
    wait_until("the host has learned its address and default route", || {
        has_default_route6()
            && succeeds("ip -6 -o addr show dev up0 scope global -tentative | grep .")
    });
    advertiser
}

/// Makes all of it but for bridges and `lan`.
pub fn internet() -> Advertiser {
    let advertiser = uplink();
    for name in ["server", "client"] {
        namespace(name);
    }
    wire("out0", "server", "198.51.100", "2001:db8:2", "router");
    wire("out1", "client", "198.18.3", "2001:db8:3", "router");
    serve("server", 80);
    // The first packet of all is lost to nobody: neighbours are known.
    wait_until("the internet answers", || {
        succeeds(&format!("ping -n -c 1 -W 1 {CLIENT6} && ping -n -c 1 -W 1 {CLIENT}"))
    });
    advertiser
}

/// Makes the bridge `br{number}` (10.N.0.1/24 and fd00:N::1/64) with containers, which answer on the ports 80 and 81.
pub fn bridge(number: u8, containers: &[&str]) {
    bridge_with(number, "fd00", containers);
}

/// The same with global IPv6 addresses, as they are forwarded without a masquerade: 2001:db8:a:N::/64.
pub fn global_bridge(number: u8, containers: &[&str]) {
    bridge_with(number, "2001:db8:a", containers);
}

fn bridge_with(number: u8, prefix: &str, containers: &[&str]) {
    let (four, six) = (format!("10.{number}.0"), format!("{prefix}:{number}"));
    let name = format!("br{number}");
    sh(&format!(
        "ip link add name {name} type bridge; echo 0 > /proc/sys/net/ipv6/conf/{name}/accept_dad"
    ));
    let mut on_host = format!(
        "addr add {four}.1/24 dev {name}
        addr add {six}::1/64 dev {name} nodad
        link set dev {name} up\n"
    );
    for container in containers {
        namespace(container);
        let port = format!("v{number}{container}");
        let _ = writeln!(
            on_host,
            "link add name {port} type veth peer name eth0 netns {container}
            link set dev {port} master {name} up"
        );
    }
    ip_batch(None, &on_host);
    for (place, container) in containers.iter().enumerate() {
        own_end(container, &four, &six, place + 2);
        serve(container, 80);
        serve(container, 81);
    }
    if let Some(last) = containers.last() {
        let pings = format!("ip netns exec {last} ping -n -c 1 -W 1");
        wait_until("the bridge forwards", || {
            succeeds(&format!("{pings} {four}.1 && {pings} {six}::1"))
        });
    }
}

/// Makes the stage of most tests: the internet, and `br0` with the containers `a` and `b`.
pub fn lab() -> Advertiser {
    let advertiser = internet();
    bridge(0, &["a", "b"]);
    advertiser
}

/// Makes a third interface of the host, `lan0`, with the namespace `lan` (10.200.0.2, fd00:200::2) on it, which has
/// the host for its gateway and answers on port 80.
pub fn lan() {
    namespace("lan");
    wire("lan0", "lan", "10.200.0", "fd00:200", HOST);
    // Until then the host asks nobody there for his hardware address on behalf of others.
    wait_until("the host's end has its link-local address", || {
        succeeds("ip -6 -o addr show dev lan0 scope link -tentative | grep .")
    });
    serve("lan", 80);
}

/// A namespace whose interfaces have their IPv6 addresses at once.
fn namespace(name: &str) {
    sh(&format!(
        "ip netns add {name}
        exec ip netns exec {name} sh -c 'ip link set dev lo up; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'"
    ));
}

/// A wire from the router's (or the host's) interface, which has .1, to `eth0` of the namespace, which has .2.
fn wire(interface: &str, to: &str, four: &str, six: &str, router: &str) {
    match router {
        HOST => sh(&format!(
            "ip link add name {interface} type veth peer name eth0 netns {to}
            echo 0 > /proc/sys/net/ipv6/conf/{interface}/accept_dad"
        )),
        _ => ip(router, &format!("link add name {interface} type veth peer name eth0 netns {to}")),
    };
    let far_end = format!(
        "addr add {four}.1/24 dev {interface}
        addr add {six}::1/64 dev {interface} nodad
        link set dev {interface} up"
    );
    ip_batch((router != HOST).then_some(router), &far_end);
    own_end(to, four, six, 2);
}

/// The `eth0` of a namespace, whose gateways have the first addresses of the subnets.
fn own_end(netns: &str, four: &str, six: &str, host: usize) {
    let lines = format!(
        "addr add {four}.{host}/24 dev eth0
        addr add {six}::{host}/64 dev eth0 nodad
        link set dev eth0 up
        route add default via {four}.1
        route add default via {six}::1"
    );
    ip_batch(Some(netns), &lines);
}

/// Whether the host has the default route that the router advertised.
pub fn has_default_route6() -> bool {
    sh("ip -6 route show default").contains("proto ra")
}

/// Waits for what takes a moment.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "not within a minute: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Makes the namespace an attacker's who is wired to the host by `eth0` (the router: `in0`): what he sends to 127.0.0.1
/// goes to the host, whose own services are there, believed to be seen by nobody else.
pub fn aim_at_loopback_of_host(attacker: &str, device: &str, host: &str) {
    sh(&format!(
        "ip -n {attacker} addr del 127.0.0.1/8 dev lo
        ip netns exec {attacker} sh -c 'echo 1 > /proc/sys/net/ipv4/conf/{device}/route_localnet'
        ip -n {attacker} route add 127.0.0.1 via {host} dev {device}"
    ));
}

/// The stage with a NAT of `br0`.
pub fn nat_lab() {
    lab();
    done("nat br0 up0");
}

pub fn six(port: u16) -> String {
    format!("[{UPLINK6}]:{port}")
}
