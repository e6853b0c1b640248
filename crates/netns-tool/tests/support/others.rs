//! Other people's firewalls on the host: Docker's, firewalld's, a strict table of nft, the other kind of iptables.
//!
//! Each has the rules that the real one installs, as far as they decide about packets.

use std::fs;
use std::path::Path;

use super::echo::serve;
use super::firewalls::Firewall;
use super::{set_sysctl, sh};

/// What Docker 28 has for IPv4 with one container (172.17.0.2) on `docker0`, whose port 80 is published as 8088.
const DOCKER: &str = "*raw
-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
COMMIT
*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:FORWARD DROP
:DOCKER -
:DOCKER-BRIDGE -
:DOCKER-CT -
:DOCKER-FORWARD -
:DOCKER-ISOLATION-STAGE-1 -
:DOCKER-ISOLATION-STAGE-2 -
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-USER -j RETURN
COMMIT
";

/// And for IPv6, where no network of Docker's has it, but the host's forwarding is off: the chains, and the policy that
/// Docker sets with the first network that has it.
const DOCKER6: &str = "*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d ::1/128 -m addrtype --dst-type LOCAL -j DOCKER
COMMIT
*filter
:FORWARD DROP
:DOCKER -
:DOCKER-BRIDGE -
:DOCKER-CT -
:DOCKER-FORWARD -
:DOCKER-ISOLATION-STAGE-1 -
:DOCKER-ISOLATION-STAGE-2 -
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-USER -j RETURN
COMMIT
";

/// Where the container's published port is asked for, with the answer for the client of the stage.
pub const DOCKERS_PORT: &str = "192.0.2.2:8088";

/// Makes the host one that Docker runs on, with the container `docked`. It uses what `iptables` is on this host.
pub fn docker_host() {
    fs::write("/run/tmp/docker.v4", DOCKER).expect("write rules");
    fs::write("/run/tmp/docker.v6", DOCKER6).expect("write rules");
    sh("ip link add name docker0 type bridge; ip addr add 172.17.0.1/16 dev docker0
        ip link set dev docker0 up
        ip netns add docked; ip -n docked link set dev lo up
        ip link add name vdock type veth peer name eth0 netns docked
        ip link set dev vdock master docker0 up
        ip -n docked addr add 172.17.0.2/16 dev eth0; ip -n docked link set dev eth0 up
        ip -n docked route add default via 172.17.0.1
        echo 1 > /proc/sys/net/ipv4/ip_forward
        iptables-restore --noflush </run/tmp/docker.v4; ip6tables-restore --noflush </run/tmp/docker.v6");
    serve("docked", 80);
}

/// What firewalld 1.x has (FirewallBackend=nftables) with the uplink in the zone `public`, and all else in no zone,
/// which means `public` as well: it forwards nothing that is neither translated nor an answer.
const FIREWALLD: &str = r#"table inet firewalld {
    chain mangle_PREROUTING {
        type filter hook prerouting priority mangle + 10; policy accept;
        jump mangle_PREROUTING_POLICIES
    }
    chain mangle_PREROUTING_POLICIES { }
    chain nat_PREROUTING {
        type nat hook prerouting priority dstnat + 10; policy accept;
        jump nat_PREROUTING_POLICIES
    }
    chain nat_PREROUTING_POLICIES { }
    chain nat_POSTROUTING {
        type nat hook postrouting priority srcnat + 10; policy accept;
        jump nat_POSTROUTING_POLICIES
    }
    chain nat_POSTROUTING_POLICIES { }
    chain nat_OUTPUT {
        type nat hook output priority -90; policy accept;
        jump nat_OUTPUT_POLICIES
    }
    chain nat_OUTPUT_POLICIES { }
    chain filter_INPUT {
        type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_INPUT_POLICIES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_FORWARD_POLICIES
        reject with icmpx admin-prohibited
    }
    chain filter_OUTPUT {
        type filter hook output priority filter + 10; policy accept;
        ct state { established, related } accept
        oifname "lo" accept
        jump filter_OUTPUT_POLICIES
    }
    chain filter_INPUT_POLICIES {
        iifname "up0" jump filter_IN_public
        iifname "up0" reject with icmpx admin-prohibited
        jump filter_IN_public
        reject with icmpx admin-prohibited
    }
    chain filter_IN_public {
        tcp dport 22 ct state { new, untracked } accept
        ip6 daddr fe80::/64 udp dport 546 ct state { new, untracked } accept
        meta l4proto { icmp, ipv6-icmp } accept
    }
    chain filter_FORWARD_POLICIES {
        iifname "up0" oifname "up0" jump filter_FWD_public
        iifname "up0" oifname "up0" reject with icmpx admin-prohibited
        iifname "up0" jump filter_FWD_public
        iifname "up0" reject with icmpx admin-prohibited
        oifname "up0" jump filter_FWD_public
        oifname "up0" reject with icmpx admin-prohibited
        jump filter_FWD_public
        reject with icmpx admin-prohibited
    }
    chain filter_FWD_public {
        oifname "up0" iifname "up0" accept
    }
    chain filter_OUTPUT_POLICIES { }
}
"#;

/// A stand-in for the one command of firewalld that lets an interface through: what the zone `trusted` does.
const FIREWALL_CMD: &str = r#"#!/bin/sh
zone='' interface=''
for word; do case $word in
    --zone=*) zone=${word#*=} ;;
    --add-interface=* | --change-interface=*) interface=${word#*=} ;;
    --permanent | --reload) ;;
    *) echo "firewall-cmd: $word" >&2; exit 2 ;;
esac; done
[ "$zone" = trusted ] && [ -n "$interface" ] || exit 0
for chain in filter_INPUT_POLICIES filter_FORWARD_POLICIES; do
    nft insert rule inet firewalld $chain iifname "$interface" accept
done
echo success
"#;

/// Makes the host one that firewalld guards.
pub fn firewalld_like() {
    fs::write("/run/tmp/firewalld.nft", FIREWALLD).expect("write rules");
    fs::write("/run/tmp/firewall-cmd", FIREWALL_CMD).expect("write a script");
    sh("nft -f /run/tmp/firewalld.nft; chmod 755 /run/tmp/firewall-cmd
        mkdir -p /run/tmp/bin; mv /run/tmp/firewall-cmd /run/tmp/bin");
}

/// Adds a table of an admin who allows nothing through by default: `table inet strict`, which nobody else's ACCEPT
/// can outvote.
pub fn strict_table() {
    sh(
        "nft 'table inet strict { chain forward { type filter hook forward priority filter; policy drop; }; }'",
    );
}

/// Lets the other kind of `iptables` drop what is forwarded, in both families.
pub fn drop_in_other_variant(firewall: Firewall) {
    let variant = firewall.other_variant();
    sh(&format!("iptables-{variant} -P FORWARD DROP; ip6tables-{variant} -P FORWARD DROP"));
}

/// Types what a message says to (its lines after `try:`), as its reader would; returns it.
pub fn type_what_it_says(message: &str) -> String {
    let mut lines = Vec::new();
    let mut is_trying = false;
    for line in message.lines() {
        let text = match line.strip_prefix("  try:") {
            Some(text) => Some(text),
            // The lines that belong to it have no label.
            None => line.strip_prefix("           ").filter(|_| is_trying),
        };
        is_trying = text.is_some();
        lines.extend(text.map(str::trim));
    }
    assert!(!lines.is_empty(), "no `try:` in\n{message}");
    let script = lines.join("\n");
    sh(&format!("PATH=/run/tmp/bin:$PATH\n{script}"));
    script
}

/// Whether a namespace can reach itself through a published port. Where the firewall is asked about what bridges switch,
/// the kernel sends the packet back on the port that it came from, which only a port in hairpin mode takes.
pub fn may_ask_itself() -> bool {
    fs::read_to_string("/proc/sys/net/bridge/bridge-nf-call-iptables")
        .map_or(true, |asks| asks.trim() == "0")
}

/// Has the firewall asked, or not, about what bridges only switch, for both families. Asked it is wherever Docker or
/// Kubernetes has loaded br_netfilter; `false` where this kernel has not loaded it, so that nothing was set.
#[must_use]
pub fn bridges_ask(asks: bool) -> bool {
    let is_loaded = Path::new("/proc/sys/net/bridge").exists();
    for tables in ["iptables", "ip6tables"].iter().filter(|_| is_loaded) {
        set_sysctl(&format!("bridge/bridge-nf-call-{tables}"), if asks { "1" } else { "0" });
    }
    is_loaded
}
