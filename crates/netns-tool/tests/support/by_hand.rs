//! A NAT and a publication by plain commands, as somebody would type them: what the stage is proven with.

use super::firewalls::Firewall;
use super::{set_sysctl, sh};

/// Of `br0` to `up0`: forwarding, masquerade, and nothing new in.
pub fn nat_by_hand(firewall: Firewall) {
    set_sysctl("ipv6/conf/up0/accept_ra", "2");
    set_sysctl("ipv4/ip_forward", "1");
    set_sysctl("ipv6/conf/all/forwarding", "1");
    if firewall == Firewall::NftOnly {
        sh("nft 'table inet hand {
            chain out { type nat hook postrouting priority srcnat; iifname br0 oifname up0 masquerade; }
            chain forward { type filter hook forward priority filter
                oifname br0 ct state established,related accept; oifname br0 ct status dnat accept
                iifname != br0 oifname br0 drop; }
        }'");
        return;
    }
    for (tables, subnet) in [("iptables", "10.0.0.0/24"), ("ip6tables", "fd00::/64")] {
        sh(&format!(
            "{tables} -t nat -A POSTROUTING -s {subnet} -o up0 -j MASQUERADE
            {tables} -A FORWARD -o br0 -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
            {tables} -A FORWARD ! -i br0 -o br0 -j DROP"
        ));
    }
}

/// Port 8080 of the host is port 80 of `a`, from everywhere.
pub fn publish_by_hand(firewall: Firewall) {
    set_sysctl("ipv4/conf/br0/route_localnet", "1");
    // Where the firewall sees what bridges switch, a translated packet is switched as well, and may have to leave by
    // the port it came in by.
    sh("ip link set dev v0a type bridge_slave hairpin on");
    if firewall == Firewall::NftOnly {
        sh("nft 'table inet hand2 {
            chain to { type nat hook prerouting priority dstnat; jump publish; }
            chain own { type nat hook output priority -100; jump publish; }
            chain back { type nat hook postrouting priority srcnat; ct status dnat oifname br0 fib saddr type local masquerade
                ct status dnat oifname br0 ip saddr 10.0.0.0/24 masquerade
                ct status dnat oifname br0 ip6 saddr fd00::/64 masquerade; }
            chain publish { }
        }
        add rule inet hand2 publish fib daddr type local meta nfproto ipv4 meta l4proto { tcp, udp } th dport 8080 dnat ip to 10.0.0.2:80
        add rule inet hand2 publish fib daddr type local meta nfproto ipv6 meta l4proto { tcp, udp } th dport 8080 dnat ip6 to [fd00::2]:80'");
        return;
    }
    for (tables, subnet, to) in
        [("iptables", "10.0.0.0/24", "10.0.0.2:80"), ("ip6tables", "fd00::/64", "[fd00::2]:80")]
    {
        for protocol in ["tcp", "udp"] {
            sh(&format!(
                "for chain in PREROUTING OUTPUT; do
                    {tables} -t nat -A $chain -m addrtype --dst-type LOCAL -p {protocol} --dport 8080 -j DNAT --to {to}
                done"
            ));
        }
        sh(&format!(
            "{tables} -t nat -A POSTROUTING -o br0 -m conntrack --ctstate DNAT -s {subnet} -j MASQUERADE
            {tables} -t nat -A POSTROUTING -o br0 -m conntrack --ctstate DNAT -m addrtype --src-type LOCAL -j MASQUERADE"
        ));
    }
}
