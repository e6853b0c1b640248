//! Every kind of change is seen, and its undoing too.

mod stage;

use stage::host;
use testhost::{Snapshot, private_host, sh};

/// A change, a word that its diff must contain, and the way back.
const CHANGES: [(&str, &str, &str, &str); 38] = [
    ("a link", "ip link add name x0 type veth peer name x1", "x0 mtu", "ip link del dev x0"),
    ("a bridge", "ip link add name x0 type bridge", "x0", "ip link del dev x0"),
    (
        "alias",
        "ip link set dev fbr0 alias mine",
        "mine",
        "ip link set dev fbr0 alias 'the bridge of somebody else'",
    ),
    (
        "group",
        "ip link set dev fbr0 group 28276",
        "fbr0 group = 28276",
        "ip link set dev fbr0 group default",
    ),
    (
        "mtu",
        "ip link set dev fport1 mtu 1400",
        "fport1 mtu = 1400",
        "ip link set dev fport1 mtu 1500",
    ),
    (
        "down",
        "ip link set dev fveth0 down",
        "fveth0 flags",
        "ip link set dev fveth0 up; ip route add 203.0.113.0/24 via 198.51.100.2",
    ),
    ("mac", "ip link set dev fport1 address 02:00:00:00:00:07", "02:00:00:00:00:07", ""),
    (
        "promiscuous",
        "ip link set dev fport1 promisc on",
        "promiscuity = 1",
        "ip link set dev fport1 promisc off",
    ),
    (
        "port option",
        "ip link set dev fport0 type bridge_slave hairpin on",
        "hairpin = true",
        "ip link set dev fport0 type bridge_slave hairpin off",
    ),
    (
        "master",
        "ip link set dev fport0 nomaster",
        "- fport0 linkinfo.info_slave_data.bridge_id",
        "",
    ),
    ("bridge stp", "ip link set dev fbr0 type bridge stp_state 1", "stp_state = 1", ""),
    (
        "bridge ageing",
        "ip link set dev fbr0 type bridge ageing_time 10000",
        "ageing_time = 10000",
        "ip link set dev fbr0 type bridge ageing_time 30000",
    ),
    ("address", "ip addr add 10.9.0.1/24 dev fbr0", "10.9.0.1", "ip addr del 10.9.0.1/24 dev fbr0"),
    (
        "IPv6 address",
        "ip addr add 2001:db8:9::1/64 dev fbr0 nodad",
        "2001:db8:9::1",
        "ip addr del 2001:db8:9::1/64 dev fbr0",
    ),
    (
        "limited address",
        "ip addr change 198.51.100.129/25 dev fbr0 valid_lft 900 preferred_lft 900",
        "limited",
        "",
    ),
    (
        "route",
        "ip route add 10.8.0.0/16 via 198.51.100.2",
        "10.8.0.0/16",
        "ip route del 10.8.0.0/16",
    ),
    (
        "IPv6 route",
        "ip -6 route add 2001:db8:8::/48 dev fbr0",
        "2001:db8:8::/48",
        "ip -6 route del 2001:db8:8::/48",
    ),
    (
        "route in a table",
        "ip route add 10.7.0.0/16 dev fbr0 table 77",
        "table=77",
        "ip route del 10.7.0.0/16 table 77",
    ),
    (
        "rule",
        "ip rule add from 10.7.0.0/16 table 77",
        "10.7.0.0",
        "ip rule del from 10.7.0.0/16 table 77",
    ),
    (
        "IPv6 rule",
        "ip -6 rule add from 2001:db8::/64 table 77",
        "2001:db8::",
        "ip -6 rule del from 2001:db8::/64 table 77",
    ),
    (
        "neighbour",
        "ip neigh add 198.51.100.200 lladdr 02:00:00:00:00:09 dev fbr0",
        "198.51.100.200",
        "ip neigh del 198.51.100.200 dev fbr0",
    ),
    (
        "proxy neighbour",
        "ip neigh add proxy 198.51.100.201 dev fbr0",
        "198.51.100.201",
        "ip neigh del proxy 198.51.100.201 dev fbr0",
    ),
    ("ip_forward", "echo 1 > /proc/sys/net/ipv4/ip_forward", "net/ipv4/ip_forward = 1", ""),
    (
        "sysctl of a link",
        "echo 1 > /proc/sys/net/ipv4/conf/fbr0/proxy_arp",
        "conf/fbr0/proxy_arp = 1",
        "echo 0 > /proc/sys/net/ipv4/conf/fbr0/proxy_arp",
    ),
    (
        "IPv6 sysctl",
        "echo 1 > /proc/sys/net/ipv6/conf/fbr0/accept_ra_rt_info_max_plen",
        "max_plen = 1",
        "echo 0 > /proc/sys/net/ipv6/conf/fbr0/accept_ra_rt_info_max_plen",
    ),
    (
        "filter rule",
        "iptables -A FORWARD -s 10.6.0.0/16 -j DROP",
        "10.6.0.0/16",
        "iptables -D FORWARD -s 10.6.0.0/16 -j DROP",
    ),
    (
        "order of rules",
        "iptables -I FORWARD -m comment --comment 'somebody else: forward' -i fbr0 -j ACCEPT; iptables -I FORWARD -j DROP",
        "-A FORWARD -j DROP",
        "iptables -D FORWARD -j DROP; iptables -D FORWARD 1",
    ),
    (
        "nat rule",
        "iptables -t nat -A POSTROUTING -s 10.6.0.0/16 -j MASQUERADE",
        "MASQUERADE",
        "iptables -t nat -D POSTROUTING -s 10.6.0.0/16 -j MASQUERADE",
    ),
    ("policy", "iptables -P FORWARD DROP", ":FORWARD DROP", "iptables -P FORWARD ACCEPT"),
    ("namespace", "ip netns add x", "/run/netns/x", "ip netns del x"),
    (
        "program of a lab",
        "NETNS_TOOL_PROCESS=lab/foreign/p/0 ip netns exec foreign setsid -f sleep 4242 >/dev/null 2>&1",
        "foreign lab/foreign/p/0: s",
        "pkill -f 'sleep 424[2]'",
    ),
    ("file in /run", "echo x > /run/x", "/run/x 0644", "rm /run/x"),
    (
        "content of a file",
        "echo more >> /run/somebody/file",
        "more",
        "echo theirs > /run/somebody/file",
    ),
    ("mode of a file", "chmod 600 /run/somebody/file", "0600", "chmod 644 /run/somebody/file"),
    (
        "stacked mount",
        "mount --bind /run/netns/foreign /run/netns/foreign",
        "/run/netns/foreign nsfs",
        "umount /run/netns/foreign",
    ),
    ("file without a mount", ": > /run/netns/x", "x: broken", "rm /run/netns/x"),
    (
        "sysctl in a namespace",
        "ip netns exec foreign sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'",
        "foreign: sysctl",
        "",
    ),
    (
        "rule in a namespace",
        "ip netns exec foreign iptables -A INPUT -s 10.5.0.0/16 -j DROP",
        "foreign: nft",
        "",
    ),
];

/// The same for what a NAT of both address families touches.
const NAT_CHANGES: [(&str, &str, &str, &str); 12] = [
    (
        "IPv6 filter rule",
        "ip6tables -A FORWARD -s fd06::/64 -j DROP",
        "@@ ip6tables-save",
        "ip6tables -D FORWARD -s fd06::/64 -j DROP",
    ),
    (
        "IPv6 nat rule",
        "ip6tables -t nat -A POSTROUTING -s fd06::/64 -j MASQUERADE",
        "+ -A POSTROUTING -s fd06::/64 -j MASQUERADE",
        "ip6tables -t nat -D POSTROUTING -s fd06::/64 -j MASQUERADE",
    ),
    (
        "chain without rules",
        "iptables -N NETNS-TOOL; ip6tables -t nat -N NETNS-TOOL",
        ":NETNS-TOOL",
        "iptables -X NETNS-TOOL; ip6tables -t nat -X NETNS-TOOL",
    ),
    (
        "table of nft",
        "nft add table inet netns-tool",
        "netns-tool",
        "nft delete table inet netns-tool",
    ),
    (
        "rule of nft",
        "nft add rule inet somebody forward ip6 daddr fd06::1 drop",
        "fd06::1",
        "nft flush chain inet somebody forward; nft add rule inet somebody forward iifname fbr0 accept",
    ),
    (
        "element of nft",
        "nft add set inet somebody ports '{ type inet_service; }'; nft add element inet somebody ports '{ 8080 }'",
        "8080",
        "nft delete set inet somebody ports",
    ),
    (
        "IPv6 forwarding of one interface",
        "echo 0 > /proc/sys/net/ipv6/conf/fbr0/forwarding",
        "ipv6/conf/fbr0/forwarding = 0",
        "echo 1 > /proc/sys/net/ipv6/conf/fbr0/forwarding",
    ),
    (
        "accept_ra",
        "echo 1 > /proc/sys/net/ipv6/conf/fveth0/accept_ra",
        "ipv6/conf/fveth0/accept_ra = 1",
        "echo 2 > /proc/sys/net/ipv6/conf/fveth0/accept_ra",
    ),
    (
        "route_localnet",
        "echo 1 > /proc/sys/net/ipv4/conf/fbr0/route_localnet",
        "ipv4/conf/fbr0/route_localnet = 1",
        "echo 0 > /proc/sys/net/ipv4/conf/fbr0/route_localnet",
    ),
    (
        "calls of bridges",
        "echo 0 > /proc/sys/net/bridge/bridge-nf-call-ip6tables",
        "bridge-nf-call-ip6tables = 0",
        "echo 1 > /proc/sys/net/bridge/bridge-nf-call-ip6tables",
    ),
    (
        "default route from a router advertisement",
        "ip -6 route add default via fe80::1 dev fveth0 proto ra expires 900",
        "protocol=ra",
        "ip -6 route del default via fe80::1 dev fveth0 proto ra",
    ),
    (
        "IPv6 forwarding of all",
        "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
        "ipv6/conf/all/forwarding = 1",
        "",
    ),
];

#[test]
fn every_change_is_seen_and_its_undoing_too() {
    private_host(|| {
        let before = host();
        each_is_seen(before, &CHANGES);
    });
}

#[test]
fn every_change_of_a_nat_is_seen_and_its_undoing_too() {
    private_host(|| {
        let before = host();
        each_is_seen(before, &NAT_CHANGES);
        // Newer kernels let one interface forward IPv6 (6.17).
        let switch = "/proc/sys/net/ipv6/conf/fbr0/force_forwarding";
        if std::path::Path::new(switch).exists() {
            let (there, back) = (format!("echo 1 > {switch}"), format!("echo 0 > {switch}"));
            let word = "conf/fbr0/force_forwarding = 1";
            each_is_seen(Snapshot::settled(), &[("force_forwarding", &there, word, &back)]);
        }
    });
}

fn each_is_seen(mut before: Snapshot, changes: &[(&str, &str, &str, &str)]) {
    for &(what, change, word, back) in changes {
        sh(change);
        let diff = before.diff(&Snapshot::take());
        let diff = diff.unwrap_or_else(|| panic!("{what}: not seen"));
        assert!(diff.contains(word), "{what}: `{word}` is not in\n{diff}");
        if back.is_empty() {
            // There is no exact way back (a link's queue, derived settings): go on from here.
            before = Snapshot::settled();
            continue;
        }
        sh(back);
        if let Err(diff) = before.wait_equal() {
            panic!("{what}: the way back is not the way there\n{diff}");
        }
    }
}
