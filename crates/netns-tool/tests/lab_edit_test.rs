//! A lab's file is edited, and `up` does what is needed for it, and no more: what else stands goes on without losing a
//! packet.

mod support;

use support::edits::{does, file_of};
use support::faults::{Depth, depth};
use support::labs::{internet, is_as_its_file_says, numbers, up};
use support::{HOST, assert_is, done, private_host, sh};
use testhost::{Snapshot, foreign_objects, warm_up};

/// One that is there besides.
const C: &str = "[namespace.c]\nbridge = \"br0\"\naddress = \"10.0.0.4/24\"\n";

/// One namespace is made in the place of another.
fn instead(new: &str, old: &str) -> String {
    format!(
        "ip netns add {new}
        ip -n {new} link set dev lo alias …
        ip link add name {new}-eth0 …
        ip -n {new} link set dev eth0 …
        ip -n {new} addr add 10.0.0.4/24 dev eth0
        ip -n {new} route add default …
        ip netns exec {new} …
        ip link set dev {new}-eth0 …
        ip link del dev {old}-eth0
        ip netns del {old}"
    )
}

#[test]
fn namespaces() {
    does(&[
        (
            "",
            C,
            "ip netns add c
            ip -n c link set dev lo alias …
            ip link add name c-eth0 group 28276 …
            ip -n c link set dev eth0 alias netns-tool:lab up
            ip -n c addr add 10.0.0.4/24 dev eth0
            ip -n c route add default via 10.0.0.1 dev eth0 proto 110
            ip netns exec c sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'
            ip link set dev c-eth0 alias netns-tool:lab up master br0",
            "ip link del dev c-eth0
            ip netns del c",
        ),
        // Renamed: another takes its place, and its address.
        (
            C,
            "[namespace.d]\nbridge = \"br0\"\naddress = \"10.0.0.4/24\"\n",
            &instead("d", "c"),
            &instead("c", "d"),
        ),
        (
            "[namespace.n]\ncount = 3\n",
            "[namespace.n]\ncount = 5\n",
            "ip netns add n4
            ip -n n4 link set dev lo …
            ip netns add n5
            ip -n n5 link set dev lo …
            ip netns exec n4 …
            ip netns exec n5 …",
            "ip netns del n4
            ip netns del n5",
        ),
        (
            "[namespace.n]\ncount = 3\n",
            "[namespace.n]\ncount = 2\n",
            "ip netns del n3",
            "ip netns add n3\nip -n n3 …\nip netns exec n3 …",
        ),
    ]);
}

#[test]
fn bridges_and_links() {
    let c = "[namespace.c]\n[namespace.d]\n[bridge.br1]\naddress = \"10.1.0.1/24\"\n";
    let wire = |to: &str, more: &str| {
        format!(
            "{c}[[link]]\nfrom = {{ namespace = \"c\", interface = \"x\", address = \"10.9.0.1/30\" }}\n\
             to = {{ {to}, address = \"10.9.0.2/30\" }}\n{more}"
        )
    };
    let (to_d, to_host) =
        (wire("namespace = \"d\", interface = \"y\"", ""), wire("interface = \"y\"", ""));
    let moved = "[bridge.br1]\naddress = \"10.1.0.1/24\"\n[namespace.c]\nbridge = ";
    does(&[
        (
            "",
            "[bridge.br1]\naddress = \"10.1.0.1/24\"\n",
            "ip link add name br1 address 4e:a9:cb:bc:98:c7 group 28276 type bridge
            ip link set dev br1 alias netns-tool:lab up
            ip addr add 10.1.0.1/24 dev br1",
            "ip link del dev br1",
        ),
        (
            c,
            &to_d,
            "ip link add name x netns c group 28276 …
            ip -n c link set dev x alias netns-tool:lab up
            ip -n c addr add 10.9.0.1/30 dev x
            ip -n d link set dev y alias netns-tool:lab up
            ip -n d addr add 10.9.0.2/30 dev y",
            "ip -n c link del dev x",
        ),
        // Rewired to another place.
        (
            &to_d,
            &to_host,
            "ip -n c link del dev x
            ip link add name y group 28276 …
            ip link set dev y alias netns-tool:lab up
            ip addr add 10.9.0.2/30 dev y
            ip -n c link set dev x alias netns-tool:lab up
            ip -n c addr add 10.9.0.1/30 dev x",
            "ip -n c link del dev x
            ip link add name x netns c group 28276 …
            ip -n c link set dev x alias netns-tool:lab up
            ip -n c addr add 10.9.0.1/30 dev x
            ip -n d link set dev y alias netns-tool:lab up
            ip -n d addr add 10.9.0.2/30 dev y",
        ),
        // Moved to another bridge.
        (
            &format!("{moved}\"br0\"\naddress = \"10.0.0.4/24\""),
            &format!("{moved}\"br1\"\naddress = \"10.1.0.4/24\""),
            "ip link set dev c-eth0 master br1
            ip -n c addr del 10.0.0.4/24 dev eth0
            ip -n c addr add 10.1.0.4/24 dev eth0
            ip -n c route add default via 10.1.0.1 dev eth0 proto 110",
            "ip link set dev c-eth0 master br0
            ip -n c addr del 10.1.0.4/24 dev eth0
            ip -n c addr add 10.0.0.4/24 dev eth0
            ip -n c route add default via 10.0.0.1 dev eth0 proto 110",
        ),
    ]);
}

#[test]
fn settings() {
    let with = |more: &str| format!("{C}{more}\n");
    let c = "[namespace.c]\nbridge = \"br0\"\n";
    let bridge = |more: &str| format!("[bridge.br1]\naddress = \"10.1.0.1/24\"\n{more}\n");
    does(&[
        (
            C,
            &format!("{c}address = \"10.0.0.9/24\"\n"),
            "ip -n c addr del 10.0.0.4/24 dev eth0
            ip -n c addr add 10.0.0.9/24 dev eth0
            ip -n c route add default via 10.0.0.1 dev eth0 proto 110",
            "ip -n c addr del 10.0.0.9/24 dev eth0
            ip -n c addr add 10.0.0.4/24 dev eth0
            ip -n c route add default via 10.0.0.1 dev eth0 proto 110",
        ),
        (
            C,
            &format!("{c}address = [\"10.0.0.4/24\", \"fd00::4/64\"]\n"),
            "ip -n c addr add fd00::4/64 dev eth0 nodad",
            "ip -n c addr del fd00::4/64 dev eth0",
        ),
        (
            C,
            &with("gateway = \"10.0.0.3\""),
            "ip -n c route replace default via 10.0.0.3 dev eth0 proto 110",
            "ip -n c route replace default via 10.0.0.1 dev eth0 proto 110",
        ),
        (
            C,
            &with("gateway = false"),
            "ip -n c route del default via 10.0.0.1 dev eth0 proto 110",
            "ip -n c route add default via 10.0.0.1 dev eth0 proto 110",
        ),
        (
            C,
            &with("mtu = 1400"),
            // The bridge has the size of its smallest port.
            "ip link set dev br0 mtu 1400
            ip link set dev c-eth0 mtu 1400
            ip -n c link set dev eth0 mtu 1400",
            "ip link set dev br0 mtu 1500
            ip link set dev c-eth0 mtu 1500
            ip -n c link set dev eth0 mtu 1500",
        ),
        (
            &with("mac = \"02:00:00:00:00:04\""),
            &with("mac = \"02:00:00:00:00:05\""),
            "ip -n c link set dev eth0 address 02:00:00:00:00:05",
            "ip -n c link set dev eth0 address 02:00:00:00:00:04",
        ),
        (
            C,
            &with("routes = [{ to = \"10.7.0.0/16\", via = \"10.0.0.3\" }]"),
            "ip -n c route add 10.7.0.0/16 via 10.0.0.3 dev eth0 proto 110",
            "ip -n c route del 10.7.0.0/16 via 10.0.0.3 dev eth0 proto 110",
        ),
        (
            C,
            &with("forwarding = true"),
            "ip netns exec c sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
            ip netns exec c sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'",
            "ip netns exec c sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward'
            ip netns exec c sh -c 'echo 0 > /proc/sys/net/ipv6/conf/all/forwarding'",
        ),
        (
            &with("sysctl = { \"net.ipv4.conf.all.rp_filter\" = 0 }"),
            &with("sysctl = { \"net.ipv4.conf.all.rp_filter\" = 2 }"),
            "ip netns exec c sh -c 'echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter'",
            "ip netns exec c sh -c 'echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter'",
        ),
        (
            &with("dns = \"192.0.2.53\""),
            &with("hosts = { b = \"10.0.0.3\" }"),
            r"(umask 022; set -C; printf '%s\n' '# netns-tool' '127.0.0.1 localhost' '::1 localhost' '10.0.0.3 b' > /etc/netns/c/hosts)
            rm /etc/netns/c/resolv.conf",
            "(umask 022; set -C; …
            rm /etc/netns/c/hosts",
        ),
        (
            C,
            &with("hosts = { b = \"10.0.0.3\" }"),
            "mkdir -m 755 /etc/netns
            mkdir -m 755 /etc/netns/c
            (umask 022; set -C; …",
            "rm /etc/netns/c/hosts
            rmdir /etc/netns/c
            rmdir /etc/netns",
        ),
        (
            &bridge(""),
            &bridge("mtu = 1400\nmac = \"02:00:00:00:00:10\"\nstp = true"),
            "ip link set dev br1 type bridge stp_state 1
            ip link set dev br1 mtu 1400
            ip link set dev br1 address 02:00:00:00:00:10",
            "ip link set dev br1 type bridge stp_state 0
            ip link set dev br1 mtu 1500
            ip link set dev br1 address 4e:a9:cb:bc:98:c7",
        ),
    ]);
}

#[test]
fn nat() {
    let nat = |more: &str| {
        format!(
            "[bridge.br1]\naddress = \"10.1.0.1/24\"\n[bridge.br2]\naddress = \"10.2.0.1/24\"\n{more}\n\
             [namespace.c]\nbridge = \"br2\"\n"
        )
    };
    let texts = [
        "",
        "nat = true",
        "nat = \"up0\"",
        "nat = { allow = [\"br1\"] }",
        "nat = { publish = \"8080:c:80\" }",
        "nat = { publish = [\"8080:c:80\", \"8081:c:81/udp\"] }",
        "nat = { publish = [\"9000-9003:c:9000-9003\"], allow = [\"br1\"] }",
        "nat = { forwarding = \"interface\", publish = [\"8080:c:80\"] }",
        "nat = \"fveth0\"",
        "nat = { uplink = \"fveth0\", allow = [\"br1\"], publish = \"8080:c:80\" }",
    ];
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        let before = Snapshot::settled();
        up(&file_of(&[&nat("")]));
        let numbers = || [numbers("a"), numbers("b"), numbers("c"), numbers(HOST)];
        let first = numbers();
        // Each, and each way between two that stand beside each other; or from each to each.
        let is_soak = depth() == Depth::Soak;
        for (at, old) in texts.iter().enumerate() {
            let is_near = |to: usize| to == (at + 1) % texts.len() || to == (at + 3) % texts.len();
            for new in texts.iter().enumerate().filter(|(to, _)| is_soak || is_near(*to)) {
                for text in [old, new.1] {
                    up(&file_of(&[&nat(text)]));
                    is_as_its_file_says();
                    let has_rules = sh("iptables-save").contains("netns-tool:lab");
                    assert_eq!(has_rules, !text.is_empty(), "{text}");
                }
            }
        }
        assert_eq!(numbers(), first);
        // As if it had never been another.
        done("down lab");
        assert_is(&before);
    });
}
