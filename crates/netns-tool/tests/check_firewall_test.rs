//! `check` names the rule of the firewall that drops a packet.

mod support;

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;
use support::checks::{ALL, ROUTED, V4, fail, fail_each, stage, whys};
use support::labs::up;
use support::net::enter;
use support::{lived_in, private_host, sh};

#[test]
fn a_rule_of_iptables_drops_it() {
    private_host(|| {
        stage();
        fail(
            "ip netns exec r iptables -A FORWARD -s 10.0.1.0/24 -j DROP",
            &V4,
            "dropped in `r` by the rule `-A FORWARD -s 10.0.1.0/24 -j DROP` of iptables (its counter moved)",
        );
        fail_each(
            "ip netns exec r iptables -F
             ip netns exec b iptables -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset
             ip netns exec b iptables -A INPUT -p udp --dport 80 -j REJECT",
            &[
                (
                    "tcp4",
                    "rejected in `b` with tcp-reset by the rule `-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset` of iptables (its counter moved)",
                ),
                (
                    "udp4",
                    "rejected in `b` with icmp-port-unreachable by the rule `-A INPUT -p udp -m udp --dport 80 -j REJECT --reject-with icmp-port-unreachable` of iptables (its counter moved)",
                ),
            ],
        );
        fail(
            "ip netns exec b iptables -F; ip netns exec a iptables -t mangle -A POSTROUTING -j DROP",
            &V4,
            "dropped in `a` by the rule `-A POSTROUTING -j DROP` of table `mangle` of iptables (its counter moved)",
        );
    });
}

#[test]
fn a_policy_drops_it_on_the_way_back() {
    private_host(|| {
        stage();
        fail(
            "ip netns exec r ip6tables -P FORWARD DROP; ip netns exec r ip6tables -A FORWARD -s fd01::/64 -j ACCEPT",
            &["ping6", "tcp6"],
            "on the way back: dropped in `r` by the policy `DROP` of chain `FORWARD` of ip6tables (its counter moved)",
        );
    });
}

#[test]
fn nft_drops_it() {
    private_host(|| {
        stage();
        fail_each(
            "nft() { ip netns exec r /usr/sbin/nft \"$@\"; }
             nft add table inet t
             nft add chain inet t f '{ type filter hook forward priority 0; }'
             nft add rule inet t f ip saddr 10.0.1.0/24 drop
             nft add rule inet t f ip6 saddr fd01::/64 counter drop",
            &[
                (
                    "ping4",
                    "dropped in `r`, and only the rule `ip saddr 10.0.1.0/24 drop` of chain `f` of nft table `inet t` can have done it (it has no counter)",
                ),
                (
                    "ping6",
                    "dropped in `r` by the rule `ip6 saddr fd01::/64 drop` of chain `f` of nft table `inet t` (its counter moved)",
                ),
                (
                    "tcp4",
                    "dropped in `r`, and only the rule `ip saddr 10.0.1.0/24 drop` of chain `f` of nft table `inet t` can have done it (it has no counter)",
                ),
                (
                    "tcp6",
                    "dropped in `r` by the rule `ip6 saddr fd01::/64 drop` of chain `f` of nft table `inet t` (its counter moved)",
                ),
                (
                    "udp4",
                    "dropped in `r`, and only the rule `ip saddr 10.0.1.0/24 drop` of chain `f` of nft table `inet t` can have done it (it has no counter)",
                ),
                (
                    "udp6",
                    "dropped in `r` by the rule `ip6 saddr fd01::/64 drop` of chain `f` of nft table `inet t` (its counter moved)",
                ),
            ],
        );
        fail(
            "nft() { ip netns exec r /usr/sbin/nft \"$@\"; }
             nft flush ruleset; nft add table inet t
             nft add chain inet t f '{ type filter hook forward priority 0; policy drop; }'",
            &ALL,
            "dropped in `r`, and only the policy `drop` of chain `f` of nft table `inet t` can have done it (it has no counter)",
        );
    });
}

/// A rule whose counter moves is not the one if it cannot mean the question: one that leads to a chain called so, or one
/// that drops what others send.
#[test]
fn a_rule_for_others_is_not_blamed() {
    private_host(|| {
        stage();
        let others = enter("a", || UdpSocket::bind("0.0.0.0:0").expect("a socket"));
        // Until the host is gone.
        thread::spawn(move || {
            loop {
                others.send_to(b"noise", "10.0.2.2:9").ok();
                thread::sleep(Duration::from_millis(20));
            }
        });
        let only = |rule: &str| {
            format!(
                "dropped in `b`, and only the rule `{rule}` of chain `f` of nft table `inet t` can have done it (it has no counter)"
            )
        };
        fail(
            "nft() { ip netns exec b /usr/sbin/nft \"$@\"; }
             ip netns exec b iptables -N DROP_BAD; ip netns exec b iptables -A INPUT -j DROP_BAD
             ip netns exec b iptables -A INPUT -p udp --dport 9 -j DROP
             nft add table inet t
             nft add chain inet t f '{ type filter hook input priority 10; }'
             nft add rule inet t f ct state invalid drop
             nft add rule inet t f ip saddr 10.0.1.2 icmp type echo-request drop",
            &["ping4"],
            &only("ip saddr 10.0.1.2 icmp type echo-request drop"),
        );
        fail(
            "ip netns exec b nft flush chain inet t f
             ip netns exec b nft 'add rule inet t f meta nfproto ipv4 tcp dport vmap { 80 : drop, 22 : accept }'",
            &["tcp4"],
            &only("meta nfproto ipv4 tcp dport vmap { 22 : accept, 80 : drop }"),
        );
        fail(
            "ip netns exec b nft flush chain inet t f; ip netns exec b nft add counter inet t bad
             ip netns exec b nft add rule inet t f ip protocol udp counter name bad drop",
            &["udp4"],
            "dropped in `b` by the rule `ip protocol udp drop` of chain `f` of nft table `inet t` (its counter moved)",
        );
    });
}

/// What drops the kernel's word that nobody listens is not why nobody answers.
#[test]
fn nobody_listens_and_nobody_hears_of_it() {
    private_host(|| {
        lived_in();
        up(ROUTED);
        sh("ip netns exec b iptables -A OUTPUT -p icmp --icmp-type 3 -j DROP
            ip netns exec b ip6tables -P OUTPUT DROP; ip netns exec b ip6tables -A OUTPUT -p icmpv6 ! --icmpv6-type 1 -j ACCEPT");
        let says_so = "of `b`, and what says so is dropped in `b` by the";
        let v4 = format!(
            "nothing listens at UDP port 80 {says_so} rule `-A OUTPUT -p icmp -m icmp --icmp-type 3 -j DROP` of iptables (its counter moved)"
        );
        let v6 = |what: &str| {
            format!(
                "nothing listens at {what} port 80 {says_so} policy `DROP` of chain `OUTPUT` of ip6tables (its counter moved)"
            )
        };
        fail_each(
            "",
            &[
                ("tcp4", "nothing listens at TCP port 80 of `b`"),
                ("tcp6", &v6("TCP")),
                ("udp4", &v4),
                ("udp6", &v6("UDP")),
            ],
        );
    });
}

/// Also one that answers in the place of the far side, whatever it answers.
#[test]
fn a_rule_of_the_asker_itself_drops_it() {
    private_host(|| {
        stage();
        for with in ["icmp-port-unreachable", "icmp-host-prohibited", "icmp-net-unreachable"] {
            let why = format!(
                "rejected in `a` with {with} by the rule `-A OUTPUT -d 10.0.2.2/32 -j REJECT --reject-with {with}` of iptables (its counter moved)"
            );
            fail(
                &format!(
                    "ip netns exec a iptables -F OUTPUT; ip netns exec a iptables -A OUTPUT -d 10.0.2.2 -j REJECT --reject-with {with}"
                ),
                &V4,
                &why,
            );
        }
    });
}

/// Of those in one place only some are asked about, and it is said where that ends.
#[test]
fn a_rule_is_found_in_any_number_of_places() {
    private_host(|| {
        lived_in();
        let ports = (1..=22)
            .map(|port| format!("[[expect]]\nfrom = \"h1\"\nto = \"host\"\ntcp = {port}\n"));
        up(&format!(
            "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.h]\ncount = 21\nbridge = \"br0\"\n\
             [[expect]]\nfrom = \"host\"\nto = \"h\"\n{}",
            ports.collect::<String>()
        ));
        sh("for n in $(seq 21); do ip netns exec h$n iptables -A INPUT -p icmp -j DROP; done
            iptables -A INPUT -i br0 -p tcp -j DROP");
        let whys = whys();
        assert_eq!(whys.len(), 21 + 22);
        for (index, why) in whys[..21].iter().enumerate() {
            let rule = "by the rule `-A INPUT -p icmp -j DROP` of iptables (its counter moved)";
            assert_eq!(*why, format!("ping4: dropped in `h{}` {rule}", index + 1));
        }
        for why in &whys[21..41] {
            assert_eq!(
                why,
                "tcp4: dropped on the host by the rule `-A INPUT -i br0 -p tcp -j DROP` of iptables (its counter moved)"
            );
        }
        let end =
            "(its firewall was asked about 20 others that were lost on the host, not about this)";
        assert!(whys[41..].iter().all(|why| why.ends_with(end)), "{:#?}", &whys[41..]);
    });
}
