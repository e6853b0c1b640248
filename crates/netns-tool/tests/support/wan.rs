//! The stage for NAT: a host between a bridge with two containers and a namespace that stands for the internet.

use super::{done, sh};

/// The server of the internet, and the address of the host's uplink there.
pub const SERVER: &str = "192.0.2.1:80";
pub const UPLINK: &str = "192.0.2.2";

/// Makes `internet`, wired to the uplink `up0`, over which the host's default route goes, and whose attackers know
/// the way to the inner subnets 10.0.0.0/8; and the bridge `br0` (10.0.0.1/24) with the containers `a` (10.0.0.2) and
/// `b` (10.0.0.3). Nothing forwards yet.
pub fn stage() {
    done("create --no-verify internet a b");
    done("veth up0 internet eth0 --host-addr 192.0.2.2/24 --ns-addr 192.0.2.1/24");
    sh("ip route add default via 192.0.2.1 dev up0
        ip -n internet route add 10.0.0.0/8 via 192.0.2.2");
    done("bridge br0 --addr 10.0.0.1/24");
    done("veth va a eth0 --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto");
    done("veth vb b eth0 --bridge br0 --ns-addr 10.0.0.3/24 --gateway auto");
}

/// The firewall of the host as `iptables-save` shows it, without comments and counters.
pub fn rules() -> String {
    sh("iptables-save | grep -v '^#' | sed 's/ \\[[0-9:]*\\]$//'")
}

/// Makes `internet`, which has 1.1.1.1, behind the gateway 10.0.2.2 of the host's uplink `eth0` (10.0.2.15).
pub fn stage_internet() {
    done("create --no-verify internet --addr 1.1.1.1/32");
    done("veth eth0 internet eth0 --host-addr 10.0.2.15/24 --ns-addr 10.0.2.2/24");
    sh("ip route add default via 10.0.2.2 dev eth0");
}
