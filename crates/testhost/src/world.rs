//! What a test's host looks like before the test: warmed up, and lived in by others.
//!
//! The first namespace and the first firewall rule of a host leave something behind for good (the
//! mount on `/run/netns`, empty base chains, `/run/xtables.lock`). [`warm_up`] gets that over with, so
//! that "nothing is left" can mean nothing. [`foreign_objects`] seeds what the tool must not touch,
//! above all the settings that it could destroy by accident: switching `ip_forward` on and off again
//! overwrites every interface's `forwarding` and `accept_redirects`.

use std::process::{Command, Output, Stdio};

use crate::fault;
use crate::host::is_private;

/// Runs shell lines with the real tools, whatever is mounted over them, and returns what they print.
///
/// # Panics
///
/// If a line fails (`set -e`), or outside of a private host.
pub fn sh(script: &str) -> String {
    let output = try_sh(script, None);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{script}` failed ({}): {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs lines of `ip`, which is not typed again in them, in one process: on the host, or in a namespace of it.
///
/// # Panics
///
/// As [`sh`].
pub fn ip_batch(netns: Option<&str>, lines: &str) {
    let at = netns.map_or_else(String::new, |netns| format!("-n {netns} "));
    sh(&format!("exec ip {at}-batch - <<'END'\n{lines}\nEND"));
}

/// As [`sh`], but the caller judges; `$TOOL` stands for `tool` in the script.
pub(crate) fn try_sh(script: &str, tool: Option<&str>) -> Output {
    assert!(is_private(), "shell lines change the network: only in a private host");
    let mut command = Command::new("sh");
    command.args(["-e", "-c", script]).stdin(Stdio::null());
    command.env("PATH", fault::real_path()).env(fault::PASS, "1");
    if let Some(tool) = tool {
        command.env("TOOL", tool);
    }
    command.output().expect("run sh")
}

/// Makes what the first namespace and the first rules of a host leave behind.
///
/// # Panics
///
/// If `ip`, `iptables` or `ip6tables` fails. (The latter two need not be installed.)
pub fn warm_up() {
    sh("ip netns add warm-up
        ip netns del warm-up
        for tables in iptables ip6tables; do
            command -v $tables >/dev/null || continue
            [ $tables = iptables ] && somewhere=192.0.2.255 || somewhere=2001:db8::ff
            for what in -A -D; do
                echo '*filter'
                for chain in INPUT FORWARD; do echo $what $chain -s $somewhere; done
                echo COMMIT
                echo '*nat'
                for chain in PREROUTING OUTPUT POSTROUTING; do echo $what $chain -s $somewhere; done
                echo COMMIT
            done | $tables-restore -w 5 --noflush
        done");
}

/// Makes what somebody else has on this host: a namespace `foreign` with a veth pair (`fveth0` here,
/// `fveth1` there), a bridge `fbr0` with the port `fport0`, firewall rules with a comment, forwarding
/// for one interface while `ip_forward` is 0 (and so for IPv6), router advertisements taken by one
/// interface even if it forwards, and redirects switched off by an admin.
///
/// # Panics
///
/// If a command fails.
pub fn foreign_objects() {
    ip_batch(
        None,
        "netns add foreign
        link add name fveth0 type veth peer name fveth1 netns foreign
        addr add 198.51.100.1/25 dev fveth0
        link set dev fveth0 up
        link add name fbr0 type bridge
        link set dev fbr0 alias 'the bridge of somebody else'
        addr add 198.51.100.129/25 dev fbr0
        addr add 2001:db8:fb::1/64 dev fbr0 nodad
        link add name fport0 type veth peer name fport1
        link set dev fport0 master fbr0
        link set dev fbr0 up
        link set dev fport0 up
        link set dev fport1 up
        route add 203.0.113.0/24 via 198.51.100.2",
    );
    ip_batch(
        Some("foreign"),
        "link set dev lo up
        addr add 198.51.100.2/25 dev fveth1
        addr add 2001:db8:f::2/64 dev fveth1 nodad
        link set dev fveth1 up
        route add default via 198.51.100.1",
    );
    sh("if command -v iptables >/dev/null; then
            iptables -w 5 -t nat -A POSTROUTING -s 198.51.100.128/25 ! -o fbr0 \
                -m comment --comment 'somebody else: out' -j MASQUERADE
            iptables -w 5 -A FORWARD -i fbr0 -m comment --comment 'somebody else: forward' -j ACCEPT
        fi
        if command -v ip6tables >/dev/null; then
            ip6tables -w 5 -A FORWARD -i fbr0 -m comment --comment 'somebody else: forward' -j ACCEPT
        fi
        if command -v nft >/dev/null; then
            nft 'table inet somebody { chain forward { type filter hook forward priority 5; iifname fbr0 accept; }; }'
        fi
        echo 0 > /proc/sys/net/ipv4/conf/all/accept_redirects
        echo 1 > /proc/sys/net/ipv4/conf/fbr0/forwarding
        echo 1 > /proc/sys/net/ipv6/conf/fbr0/forwarding
        echo 2 > /proc/sys/net/ipv6/conf/fveth0/accept_ra
        mkdir /run/somebody
        echo theirs > /run/somebody/file");
}
