//! What is measured: a command of the tool, and the same work as one would type it.

use super::stats::Goal;

/// One row of the table. All but `tool` and `more` are scripts for `sh -eu`; in them `$TOOL` is the binary.
pub struct Scenario {
    pub name: &'static str,
    pub goal: Goal,
    /// Before the first pair.
    pub setup: &'static str,
    /// Before each measurement, not timed.
    pub prepare: &'static str,
    /// Arguments of netns-tool: timed.
    pub tool: &'static [&'static str],
    /// More arguments, where they are too many to be written down; in the scripts `$MORE`.
    pub more: fn() -> Vec<String>,
    /// The bare commands: timed. Empty where there is nothing to compare with.
    pub bare: &'static str,
    /// After each measurement, not timed: fails unless the work was really done.
    pub prove: &'static str,
    /// Takes one measurement's work back, not timed.
    pub clean: &'static str,
    /// After the last pair.
    pub teardown: &'static str,
}

/// At most three times one `iptables-restore` of the same rules.
const RULES: Goal = Goal::Ratio(3.0);
const PUBLICATIONS: usize = 1000;

/// `--publish` for so many ports, each of another address of 10.9.0.0/16.
fn publications() -> Vec<String> {
    let publish = |i| format!("{}:10.9.{}.{}:80", 10_000 + i, i / 250, i % 250 + 2);
    (0..PUBLICATIONS).flat_map(|i| ["--publish".to_owned(), publish(i)]).collect()
}

/// The rules that the tool would make and remove, as it says itself, all in one file for each.
const PUBLISH_SETUP: &str = r#"ip link add br9 type bridge
    ip addr add 10.9.0.1/16 dev br9
    ip link set br9 up
    ip link add up0 type veth peer name up1
    ip addr add 203.0.113.2/24 dev up0
    ip link set up0 up
    ip link set up1 up
    "$TOOL" nat br9 up0
    rules() { "$TOOL" nat br9 up0 $MORE --dry-run "$@" | sed -n "/<<'END'/,/^END/{/END/!p}"; }
    rules >/run/tmp/add
    "$TOOL" nat br9 up0 $MORE
    rules --delete >/run/tmp/remove
    "$TOOL" nat br9 up0 $MORE --delete
    test "$(grep -c '^-[AI]' /run/tmp/add)" -ge 2000
    test "$(grep -c '^-D' /run/tmp/remove)" -ge 2000"#;
const PUBLISH_TEARDOWN: &str = "\"$TOOL\" nat br9 up0 --delete; ip link del br9; ip link del up0";

/// At most 1.5 times the bare commands.
const BARE: Goal = Goal::Ratio(1.5);

const NOTHING: Scenario = Scenario {
    name: "",
    goal: BARE,
    setup: "",
    prepare: "",
    tool: &[],
    more: Vec::new,
    bare: "",
    prove: "",
    clean: "",
    teardown: "",
};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "create",
        tool: &["create", "one", "--no-verify"],
        bare: "ip netns add one; ip -n one link set lo up",
        prove: "ip netns exec one ping -c 1 -W 2 127.0.0.1",
        clean: "ip netns del one",
        ..NOTHING
    },
    Scenario {
        name: "veth",
        setup: "ip netns add one",
        tool: &["veth", "v0", "one", "v1", "--host-addr", "10.9.0.1/24", "--ns-addr", "10.9.0.2/24"],
        bare: "ip link add v0 type veth peer name v1 netns one
               ip addr add 10.9.0.1/24 dev v0
               ip link set v0 up
               ip -n one addr add 10.9.0.2/24 dev v1
               ip -n one link set v1 up",
        prove: "ping -c 1 -W 2 10.9.0.2",
        clean: "ip link del v0",
        teardown: "ip netns del one",
        ..NOTHING
    },
    Scenario {
        name: "bridge",
        tool: &["bridge", "br9", "--addr", "10.9.0.1/24"],
        bare: "ip link add br9 type bridge
               ip addr add 10.9.0.1/24 dev br9
               ip link set br9 up",
        prove: "ip -d link show dev br9 up | grep -q ' bridge '
                ping -c 1 -W 2 -I br9 10.9.0.1",
        clean: "ip link del br9",
        ..NOTHING
    },
    Scenario {
        name: "nat",
        // A namespace behind the bridge, and one outside that knows no way back to it: only NAT makes them meet.
        setup: "ip link add br9 type bridge
                ip addr add 10.9.0.1/24 dev br9
                ip link set br9 up
                ip netns add lan
                ip netns add net
                ip link add v0 master br9 type veth peer name v1 netns lan
                ip link set v0 up
                ip -n lan addr add 10.9.0.2/24 dev v1
                ip -n lan link set v1 up
                ip -n lan route add default via 10.9.0.1
                ip link add up0 type veth peer name up1 netns net
                ip addr add 203.0.113.2/24 dev up0
                ip link set up0 up
                ip -n net addr add 203.0.113.1/24 dev up1
                ip -n net link set up1 up
                echo 0 >/proc/sys/net/ipv4/ip_forward",
        prepare: "! ip netns exec lan ping -c 1 -W 0.1 203.0.113.1",
        tool: &["nat", "br9", "up0"],
        bare: "iptables -A FORWARD -s 10.9.0.0/24 -i br9 -o up0 -m comment --comment lab -j ACCEPT
               iptables -A FORWARD -i up0 -o br9 -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -m comment --comment lab -j ACCEPT
               for tables in iptables ip6tables; do
                   $tables -A FORWARD -i br9 -o br9 -m comment --comment lab -j ACCEPT
                   $tables -A FORWARD -o br9 -m comment --comment lab -j DROP
                   $tables -A FORWARD -i br9 -m comment --comment lab -j DROP
               done
               iptables -t nat -A POSTROUTING -s 10.9.0.0/24 -o up0 -m comment --comment lab -j MASQUERADE
               echo 1 >/proc/sys/net/ipv4/ip_forward",
        prove: "iptables -t nat -S POSTROUTING | grep -q MASQUERADE
                test \"$(iptables -S | grep -c '^-A')\" -ge 5
                test \"$(ip6tables -S | grep -c '^-A')\" -ge 3
                ip netns exec lan ping -c 1 -W 2 203.0.113.1",
        // With all chains: it is the tool's affair in which of them its rules stand.
        clean: "for table in nat filter; do iptables -t $table -F; iptables -t $table -X; done
                ip6tables -F; ip6tables -X
                echo 0 >/proc/sys/net/ipv4/ip_forward",
        teardown: "ip link del up0; ip link del v0; ip link del br9; ip netns del lan; ip netns del net",
        ..NOTHING
    },
    Scenario {
        name: "delete",
        // Made by the tool for both sides: it deletes nothing that is not its own.
        prepare: "\"$TOOL\" create one --no-verify
                  \"$TOOL\" veth v0 one v1 --host-addr 10.9.0.1/24 --ns-addr 10.9.0.2/24
                  ping -c 1 -W 2 10.9.0.2",
        tool: &["delete", "one"],
        // The host end first: or it lingers for tens of milliseconds, and its name with it.
        bare: "ip link del v0; ip netns del one",
        prove: "test ! -e /run/netns/one; test ! -e /sys/class/net/v0",
        ..NOTHING
    },
    Scenario {
        name: "publish",
        goal: RULES,
        setup: PUBLISH_SETUP,
        tool: &["nat", "br9", "up0"],
        more: publications,
        bare: "iptables-restore --noflush -w 5 </run/tmp/add",
        prove: "test \"$(iptables-save | grep -c 'netns-tool publish br9 up0')\" -eq 2000",
        clean: "iptables-restore --noflush -w 5 </run/tmp/remove
                echo 0 >/proc/sys/net/ipv4/conf/br9/route_localnet",
        teardown: PUBLISH_TEARDOWN,
        ..NOTHING
    },
    Scenario {
        name: "unpublish",
        goal: RULES,
        setup: PUBLISH_SETUP,
        prepare: "iptables-restore --noflush -w 5 </run/tmp/add
                  echo 1 >/proc/sys/net/ipv4/conf/br9/route_localnet",
        tool: &["nat", "br9", "up0", "--delete"],
        more: publications,
        bare: "iptables-restore --noflush -w 5 </run/tmp/remove",
        prove: "test \"$(iptables-save | grep -c 'netns-tool publish')\" -eq 0",
        clean: "echo 0 >/proc/sys/net/ipv4/conf/br9/route_localnet",
        teardown: PUBLISH_TEARDOWN,
    },
    Scenario { name: "--help", goal: Goal::Under(5.0), tool: &["--help"], ..NOTHING },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_proved() {
        for scenario in SCENARIOS {
            assert!(!scenario.tool.is_empty(), "{}", scenario.name);
            assert_eq!(scenario.bare.is_empty(), scenario.prove.is_empty(), "{}", scenario.name);
        }
    }
}
