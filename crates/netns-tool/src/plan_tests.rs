//! The plans of the nouns, as exact text: command line and facts in, script or message out. No root, no kernel.

mod facts;
mod name_servers;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::kernel::Snapshot;
use crate::kernel::state::Address;
use crate::noun::{self, Work};
use clap::Parser;
use facts::facts;

fn plan(line: &str, facts: &Snapshot) -> Result<Work, Failure> {
    let cli = Cli::try_parse_from(format!("netns-tool {line}").split(' ')).unwrap();
    let noun = noun::of(&cli)?.expect("a command with a plan");
    noun.check()?;
    noun.plan(facts)
}

/// The commands of the plan, without the comments between them.
fn commands(line: &str) -> Vec<String> {
    let work = plan(line, &facts()).unwrap_or_else(|failure| panic!("{line}: {failure}"));
    work.plan.steps().map(|step| step.run.to_string()).collect()
}

fn refusal(line: &str) -> String {
    plan(line, &facts()).map(|work| work.plan).expect_err(line).to_string()
}

#[test]
fn create() {
    let work = plan("create absent --addr 10.9.9.9/32", &facts()).unwrap();
    assert_eq!(
        work.plan.script("netns-tool create absent --addr 10.9.9.9/32"),
        "#!/bin/sh\n# netns-tool create absent --addr 10.9.9.9/32\nset -e\n\
         \n# make network namespace absent\nip netns add absent\n\
         \n# bring up its loopback, and mark the namespace as made by netns-tool\n\
         ip -n absent link set dev lo alias netns-tool up\n\
         \n# give lo the address 10.9.9.9/32\nip -n absent addr add 10.9.9.9/32 dev lo\n\
         \n# see that 127.0.0.1 answers inside absent\nip netns exec absent ping -n -q -c 1 -W 2 127.0.0.1\n"
    );
    assert_eq!(work.report[0], "Created network namespace `absent` at /run/netns/absent");
    assert!(commands("create ns1 --if-missing").is_empty());
    assert_eq!(
        commands("create absent absent --no-verify").len(),
        2,
        "a name that is given twice counts once"
    );
    assert!(refusal("create absent ns1").contains("`ns1` already exists"));
    assert!(refusal("create broken --if-missing").contains("`broken` is broken"));
}

#[test]
fn delete() {
    assert_eq!(commands("delete ns1 broken"), ["ip netns del ns1", "ip netns del broken"]);
    assert_eq!(commands("delete busy --kill").len(), 2);
    assert_eq!(commands("delete theirs --force absent --if-exists"), ["ip netns del theirs"]);
    assert!(refusal("delete busy").contains("pid:     7 sleep 9"));
    assert!(refusal("delete theirs").contains("was not made by netns-tool"));
    assert!(refusal("delete ns1 absent").contains("no network namespace `absent`"));
}

#[test]
fn veth() {
    assert_eq!(
        commands("veth v0 ns1 e0"),
        [
            "ip link add name v0 group 28276 type veth peer name e0 netns ns1 group 28276",
            "ip link set dev v0 alias netns-tool",
            "ip -n ns1 link set dev e0 alias netns-tool",
        ]
    );
    let line = "veth v0 ns1 e0 --bridge br0 --ns-addr 10.0.0.9/20 --ns-addr fd00::9/64 --gateway auto --mtu 1400 \
                --host-mac 02:00:00:00:00:01";
    assert_eq!(
        commands(line),
        [
            "ip link add name v0 mtu 1400 address 02:00:00:00:00:01 group 28276 type veth peer name e0 netns ns1 \
         mtu 1400 group 28276",
            "ip -n ns1 link set dev e0 alias netns-tool up",
            "ip -n ns1 addr add 10.0.0.9/20 dev e0",
            "ip -n ns1 addr add fd00::9/64 dev e0 nodad",
            "ip -n ns1 route add default via 10.0.5.7 dev e0",
            "ip -n ns1 -6 route add default via fd00::1 dev e0",
            "ip link set dev v0 alias netns-tool up master br0",
        ]
    );
    let between = commands("veth e0 ns1 e0 --host-ns busy");
    assert_eq!(
        between[0],
        "ip -n busy link add name e0 group 28276 type veth peer name e0 netns ns1 group 28276"
    );
    assert_eq!(
        commands("veth v0 --host v1")[0],
        "ip link add name v0 group 28276 type veth peer name v1 group 28276"
    );
    assert_eq!(commands("veth v0 ns1 e0 --delete --if-exists").len(), 0);
    for (line, message) in [
        (
            "veth v0 absent e0",
            "network namespace `absent` not found\n  try:     netns-tool create absent",
        ),
        ("veth v0 broken e0", "`broken` is broken"),
        ("veth p0 ns1 e0", "interface `p0` already exists (made by netns-tool)"),
        ("veth v0 --host v0", "both ends are called `v0`"),
        ("veth v0 ns1 e0 --bridge eth0", "`eth0` is not a bridge"),
        ("veth v0 ns1 e0 --bridge nope", "there is no bridge `nope`"),
        (
            "veth v0 ns1 e0 --bridge br0 --host-addr 10.0.0.1/24",
            "an address on a port of a bridge is of no use",
        ),
        ("veth v0 ns1 e0 --gateway 10.0.0.1", "a gateway can only be reached from an address"),
        (
            "veth v0 ns1 e0 --ns-addr 10.0.0.2/24 --gateway 10.1.0.1",
            "is in no subnet of `10.0.0.2/24`",
        ),
        (
            "veth v0 ns1 e0 --ns-addr 10.0.0.2/24 --gateway 10.0.0.2",
            "is the namespace's own address",
        ),
        ("veth v0 ns1 e0 --ns-addr 10.8.0.2/24 --gateway auto", "no gateway can be found"),
        ("veth v0 ns1 e0 --ns-addr fd00::2/64 --mtu 1000", "IPv6 needs an MTU of at least 1280"),
        ("veth p0 ns1 e0 --delete", "the other end of `p0` is not `e0` in network namespace `ns1`"),
        ("veth nope ns1 e0 --delete", "there is no interface `nope`"),
        ("veth br0 ns1 e0 --delete", "`br0` is not an end of a veth pair"),
    ] {
        assert!(refusal(line).contains(message), "{line}: {}", refusal(line));
    }
}

#[test]
fn bridge() {
    assert_eq!(
        commands("bridge br1 --addr 10.1.0.1/24 --attach q0,r0 --stp --vlan-filtering --mtu 1400"),
        [
            "ip link add name br1 address 02:00:00:00:00:99 group 28276 type bridge stp_state 1 vlan_filtering 1",
            "ip link set dev br1 alias 'netns-tool ports 6d' up mtu 1400",
            "ip addr add 10.1.0.1/24 dev br1",
            "ip link set dev q0 master br1 up",
            "ip link set dev r0 master br1 up",
        ]
    );
    assert_eq!(
        commands("bridge br1 --ns ns1 --mac 02:00:00:00:00:01")[0],
        "ip -n ns1 link add name br1 address 02:00:00:00:00:01 group 28276 type bridge"
    );
    assert_eq!(
        commands("bridge br0 --if-missing --attach q0"),
        ["ip link set dev br0 alias 'netns-tool ports 6dj'", "ip link set dev q0 master br0 up",]
    );
    assert!(commands("bridge br0 --if-missing --addr 10.0.5.7/20 --attach p0").is_empty());
    assert_eq!(
        commands("bridge br0 --attach p0 --delete"),
        ["ip link set dev p0 nomaster", "ip link del dev br0"]
    );
    assert_eq!(commands("bridge fbr --delete --force"), ["ip link del dev fbr"]);
    for (line, message) in [
        ("bridge br0", "bridge `br0` already exists"),
        ("bridge eth0", "interface `eth0` already exists"),
        (
            "bridge br0 --if-missing --addr 10.7.0.1/24 --mtu 9000",
            "not as asked for\n  try:     ip addr add 10.7.0.1/24 dev br0\n           ip link set dev br0 mtu 9000",
        ),
        (
            "bridge fbr --if-missing --attach q0",
            "netns-tool has made neither bridge `fbr` nor `q0`",
        ),
        ("bridge br1 --attach p0", "`p0` is a port of `br0` already"),
        ("bridge br1 --attach br0", "`br0` cannot be a port"),
        ("bridge br1 --attach nope", "there is no interface `nope`"),
        ("bridge br1 --attach eth0", "`eth0` cannot be a port: the default route leads over it"),
        ("bridge br1 --addr 10.0.9.1/24", "overlaps 10.0.5.7/20, which `br0` has"),
        ("bridge br1 --addr fd00::9/48", "overlaps fd00::1/64, which `br0` has"),
        ("bridge br0 --delete", "bridge `br0` still has ports: p0"),
        ("bridge fbr --delete", "was not made by netns-tool"),
        ("bridge eth0 --delete", "`eth0` is not a bridge"),
        ("bridge br1 --delete", "there is no bridge `br1`"),
    ] {
        assert!(refusal(line).contains(message), "{line}: {}", refusal(line));
    }
}

#[test]
fn nat() {
    let all = commands("nat br0");
    let (v6, v4): (Vec<&String>, Vec<&String>) =
        all.iter().partition(|line| line.contains("ip6tables") || line.contains("ipv6"));
    assert!(v6[0].contains("-i br0 -o eth0 -m comment --comment \"netns-tool nat br0 eth0 before forwarding=0\" -j ACCEPT"));
    assert!(v6[1].contains("-s fd00::/64 -o eth0"));
    assert_eq!(v6[2..], ["echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"]);
    assert_eq!(
        v4[..],
        [
            "iptables-restore --noflush -w 5 <<'END'\n*filter\n\
             -N NETNS-TOOL\n\
             -I FORWARD -m comment --comment netns-tool -j NETNS-TOOL\n\
             -I NETNS-TOOL -i br0 -o br0 -m comment --comment \"netns-tool nat br0\" -j ACCEPT\n\
             -I NETNS-TOOL -i eth0 -o br0 -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -m comment --comment \"netns-tool nat br0 eth0\" -j ACCEPT\n\
             -I NETNS-TOOL -s 10.0.0.0/20 -i br0 -o eth0 -m comment --comment \"netns-tool nat br0 eth0 before ip_forward=0 accept_redirects=0\" -j ACCEPT\n\
             -A NETNS-TOOL -o br0 -m comment --comment \"netns-tool nat br0\" -j DROP\n\
             -A NETNS-TOOL -i br0 -m comment --comment \"netns-tool nat br0\" -j DROP\nCOMMIT\nEND",
            "iptables -w 5 -t nat -I POSTROUTING -s 10.0.0.0/20 -o eth0 -m comment --comment 'netns-tool nat br0 eth0 before ip_forward=0 accept_redirects=0' -j MASQUERADE",
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
        ]
    );
    for (line, message) in [
        ("nat nope", "there is no bridge `nope`"),
        ("nat eth0", "`eth0` is not a bridge"),
        ("nat fbr", "bridge `fbr` has no address"),
        ("nat br0 nope", "there is no outbound interface `nope`"),
        ("nat br0 br0", "cannot be its own uplink"),
        ("nat br0 p0", "`p0` is no uplink: it is a port of the bridge `br0`"),
        ("nat br0 --delete", "there is no NAT of `br0` that netns-tool made"),
    ] {
        assert!(refusal(line).contains(message), "{line}: {}", refusal(line));
    }
}

#[test]
fn nat_looks_at_the_routes() {
    let mut without_default = facts();
    without_default.host.routes.remove(0);
    let refusal = |facts: &Snapshot| plan("nat br0", facts).expect_err("nat br0").to_string();
    assert!(refusal(&without_default).contains("the host has no default route"));
    let words = plan("nat br0 --allow br0", &without_default).expect_err("words").to_string();
    assert!(words.contains("--allow `br0` says nothing"), "{words}");
    let mut everything = facts();
    everything.host.addresses.push(Address { index: 3, net: "10.0.0.1/0".parse().unwrap() });
    assert!(refusal(&everything).contains("makes the whole internet its subnet"));
    let mut overlapping = facts();
    overlapping.host.routes[1].to = "10.0.0.0/16".parse().unwrap();
    assert!(refusal(&overlapping).contains("overlaps 10.0.0.0/16, which is on `eth0`"));
}
