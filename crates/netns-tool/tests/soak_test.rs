//! L1: a lab built and removed again and again leaves nothing behind, and stays as quick as it was.
//!
//! `NETNS_TOOL_SOAK=1000` makes it a thousand times (10 otherwise).

#![expect(clippy::print_stdout, reason = "the times are a result")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::{assert_is, done, lived_in, private_host, sh};
use testhost::Snapshot;

const BUILD: [&str; 5] = [
    "create red blue --no-verify",
    "bridge br0 --addr 10.0.0.1/24",
    "veth vr red eth0 --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto",
    "veth vb blue eth0 --bridge br0 --ns-addr 10.0.0.3/24 --gateway auto",
    "nat br0 fveth0",
];
const REMOVE: [&str; 5] = [
    "nat br0 fveth0 --delete",
    "veth vb blue eth0 --bridge br0 --delete",
    "veth vr red eth0 --bridge br0 --delete",
    "bridge br0 --delete",
    "delete red blue",
];

/// The same lab as one types it.
const BARE: &str = "
    for ns in red blue; do ip netns add $ns; ip -n $ns link set dev lo up; done
    ip link add name br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip link set dev br0 up
    n=2
    for ns in red blue; do
        ip link add name v$ns type veth peer name eth0 netns $ns
        ip link set dev v$ns master br0 up
        ip -n $ns addr add 10.0.0.$n/24 dev eth0; ip -n $ns link set dev eth0 up
        ip -n $ns route add default via 10.0.0.1
        n=$((n + 1))
    done
    echo 1 >/proc/sys/net/ipv4/ip_forward
    out='-t nat POSTROUTING -s 10.0.0.0/24 -o fveth0 -j MASQUERADE'
    forward='FORWARD -i br0 -o fveth0 -j ACCEPT
FORWARD -i fveth0 -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
FORWARD -i br0 -o br0 -j ACCEPT'
    iptables -w 5 -t nat -A ${out#-t nat }
    echo \"$forward\" | while read -r rule; do iptables -w 5 -A $rule; done
    echo \"$forward\" | while read -r rule; do iptables -w 5 -D $rule; done
    iptables -w 5 -t nat -D ${out#-t nat }
    echo 0 >/proc/sys/net/ipv4/ip_forward
    echo 0 >/proc/sys/net/ipv4/conf/all/accept_redirects; echo 1 >/proc/sys/net/ipv4/conf/fbr0/forwarding
    ip link del dev vred; ip link del dev vblue; ip link del dev br0
    ip netns del red; ip netns del blue";

#[test]
fn a_lab_that_comes_and_goes_leaves_nothing() {
    private_host(|| {
        lived_in();
        // The second time is like every other.
        cycle();
        sh(BARE);
        let before = Snapshot::settled();
        let counts = counts();
        let cycles = std::env::var("NETNS_TOOL_SOAK").map_or(10, |number| {
            number.parse().unwrap_or_else(|_| panic!("NETNS_TOOL_SOAK is no number: {number}"))
        });
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for i in 0..cycles {
            ours.push(timed(cycle));
            // Ten samples of the bare commands say enough.
            if i * 10 / cycles != (i + 1) * 10 / cycles {
                bare.push(timed(|| drop(sh(BARE))));
            }
            assert_eq!(
                self::counts(),
                counts,
                "mounts, files of /run, links, rules after cycle {i}"
            );
        }
        assert_is(&before);
        println!(
            "{cycles} labs: {:?} each ({} commands), bare ip and iptables {:?}",
            median(&mut ours),
            BUILD.len() + REMOVE.len(),
            median(&mut bare)
        );
    });
}

fn cycle() {
    for line in BUILD.into_iter().chain(REMOVE) {
        done(line);
    }
}

/// Mounts, files of /run, links, rules: what a leak would add to.
fn counts() -> [usize; 4] {
    let lines = |text: String| text.lines().count();
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("the mounts");
    [
        lines(mounts),
        lines(sh("find /run")),
        fs::read_dir("/sys/class/net").expect("the links").count(),
        lines(sh("iptables-save | grep '^-A'")),
    ]
}

fn timed(act: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    act();
    begin.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
