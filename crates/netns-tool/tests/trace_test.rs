//! `trace`: the way of a packet, step by step, up to where it stops.

mod support;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use support::labs::file;
use support::{done, private_host, refused, refused_with, serve, sh, tool};

const LAB: &str = "[bridge.br0]\naddress = [\"10.0.0.1/24\", \"fd00::1/64\"]\nnat = true\n\
    [namespace.web]\nbridge = \"br0\"\n[namespace.db]\nbridge = \"br0\"\n";

/// A lab with a way out to a namespace that answers.
fn stage() {
    sh("ip netns add inet; ip link add up0 type veth peer name eth0 netns inet
        ip addr add 192.0.2.2/24 dev up0; ip link set up0 up
        ip -n inet addr add 192.0.2.1/24 dev eth0; ip -n inet link set eth0 up; ip -n inet link set lo up
        ip route add default via 192.0.2.1");
    done(&format!("up -q {}", file(LAB)));
    support::ping("web", "192.0.2.1");
}

/// What it tells, which must be this but for the time; its exit code agrees.
fn tells(words: &str, expected: &str) {
    let outcome = tool(&format!("trace {words}"));
    let output = outcome.get_output();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let (way, time) = told.split_once("The answer came after ").unwrap_or((&told, ""));
    assert_eq!(way, expected, "{words}");
    assert_eq!(time.ends_with(" ms\n"), output.status.success(), "{words}: {told}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// It stops, and that is the end of what is told.
fn ends(words: &str, end: &str) {
    let outcome = tool(&format!("trace {words}")).code(1);
    let told = String::from_utf8_lossy(&outcome.get_output().stdout).into_owned();
    assert!(told.ends_with(end), "{words}: {told}");
}

#[test]
fn a_packet_is_followed_through_a_bridge_and_a_nat() {
    private_host(|| {
        stage();
        tells(
            "web 192.0.2.1",
            "A ping from `web` to 192.0.2.1\n\
             web\n\
             \x20 route  default via 10.0.0.1 dev eth0\n\
             \x20 out    eth0 <-> web-eth0 on the host, from 10.0.0.2\n\
             host\n\
             \x20 in     web-eth0, port of br0\n\
             \x20 in     br0\n\
             \x20 route  192.0.2.0/24 dev up0\n\
             \x20 nat    the source 10.0.0.2 becomes 192.0.2.2 (the NAT of br0 over up0)\n\
             \x20 out    up0 <-> eth0 in inet, from 192.0.2.2\n\
             inet\n\
             \x20 in     eth0\n",
        );
        tells(
            "web fd00::3",
            "A ping from `web` to fd00::3\n\
             web\n\
             \x20 route  fd00::/64 dev eth0\n\
             \x20 out    eth0 <-> web-eth0 on the host, from fd00::2\n\
             host\n\
             \x20 in     web-eth0, port of br0\n\
             \x20 out    db-eth0, port of br0 <-> eth0 in db, from fd00::2\n\
             db\n\
             \x20 in     eth0\n",
        );
        tells(
            "web web",
            "A ping from `web` to 10.0.0.2\n\
             web\n\
             \x20 route  10.0.0.2 is its own\n\
             \x20 out    lo, from 10.0.0.2\n\
             \x20 in     lo\n",
        );
    });
}

#[test]
fn a_published_port_is_followed_to_its_program() {
    private_host(|| {
        stage();
        serve("web", 80);
        done("nat br0 --publish 8080:10.0.0.2:80");
        let told = done("trace inet 192.0.2.2 --tcp 8080");
        for line in [
            "A connection to TCP port 8080 from `inet` to 192.0.2.2\n",
            "  nat    the destination 192.0.2.2 becomes 10.0.0.2 port 80\n",
            "web\n  in     eth0\n",
        ] {
            assert!(told.contains(line), "{told}");
        }
        let told = done("trace host 192.0.2.2 --tcp 8080");
        assert!(
            told.contains("host\n  nat    the destination 192.0.2.2 becomes 10.0.0.2 port 80\n"),
            "{told}"
        );
        assert_eq!(done("-q trace inet 192.0.2.2 --tcp 8080"), "");
        // Who does not listen does so at the port to which it is sent on.
        done("nat br0 --publish 8081:10.0.0.3:81");
        done("nat br0 --publish 5353:10.0.0.3:53/udp");
        for (asked, name, port, option) in
            [("--tcp 8081", "TCP", 81, "t"), ("--udp 5353", "UDP", 53, "u")]
        {
            let why = format!(
                "No answer: nothing listens at {name} port {port} of `db`\n  try: ip netns exec db ss -lnp{option} sport = :{port}\n"
            );
            tool(&format!("trace inet 192.0.2.2 {asked}")).code(1).stdout(contains(why));
        }
        // What is sent on is not for the host, whoever listens there.
        for (rule, way) in
            [("--dport 80 -j DROP", "dropped"), ("--sport 80 -j DROP", "on the way back: dropped")]
        {
            sh(&format!("iptables -I FORWARD -p tcp {rule}"));
            let why = format!(
                "No answer: {way} on the host by the rule `-A FORWARD -p tcp -m tcp {rule}` of iptables (its counter moved)\n"
            );
            tool("trace inet 192.0.2.2 --tcp 8080").code(1).stdout(contains(why));
            sh(&format!("iptables -D FORWARD -p tcp {rule}"));
        }
    });
}

#[test]
fn it_says_where_and_why_it_stops() {
    private_host(|| {
        stage();
        ends(
            "host web --tcp 81",
            "web\n  in     eth0\nNo answer: nothing listens at TCP port 81 of `web`\n  try: ip netns exec web ss -lnpt sport = :81\n",
        );
        ends(
            "inet 10.0.0.2",
            "  route  there is none to 10.0.0.2\nNo answer: no route to 10.0.0.2 in `inet`\n  try: ip -n inet route get 10.0.0.2\n",
        );
        sh("ip -n db link set eth0 down");
        ends(
            "web 10.0.0.3",
            "interface `eth0` of `db` is down\n  try: ip -n db link set dev eth0 up\n",
        );
        sh(
            "ip netns exec web nft 'add table ip t; add chain ip t o { type filter hook output priority 0; }; add rule ip t o ip daddr 192.0.2.1 counter drop'",
        );
        let dropped = tool("trace web 192.0.2.1").code(1);
        dropped
            .stdout(contains("No answer: dropped in `web` by ").and(contains("its counter moved")));
    });
}

/// The sender still knows the hardware address of who had it.
#[test]
fn an_address_that_nobody_has_any_more_is_told() {
    private_host(|| {
        stage();
        support::ping("web", "10.0.0.3");
        sh("ip -n web neigh replace 10.0.0.3 lladdr $(ip netns exec db cat /sys/class/net/eth0/address) dev eth0 nud permanent
            ip -n db addr flush dev eth0");
        tool("trace web 10.0.0.3").code(1).stdout(contains(
            "No answer: nobody has 10.0.0.3: `web` still sends what goes there to `db`, by a stale entry among its neighbours\n  try: ip -n web neigh show to 10.0.0.3\n",
        ));
    });
}

#[test]
fn the_cure_of_a_rule_with_quotes_in_its_comment_helps() {
    private_host(|| {
        stage();
        let rule = r#"-s 10.0.0.2 -d 192.0.2.1 -m comment --comment "it's \"my\" \\ rule" -j DROP"#;
        sh(&format!("iptables -I FORWARD {rule}"));
        let outcome = tool("trace web 192.0.2.1").code(1);
        let told = String::from_utf8_lossy(&outcome.get_output().stdout).into_owned();
        let (_, cure) = told.split_once("  try: ").expect("a cure");
        sh(cure);
        done("trace web 192.0.2.1");
    });
}

#[test]
fn a_rule_that_stops_it_is_told_with_its_route_and_a_cure() {
    private_host(|| {
        stage();
        let stopped = |verb: &str, rule: &str| {
            format!(
                "  in     br0\n  route  192.0.2.0/24 dev up0\nNo answer: {verb} by the rule `-A FORWARD {rule}` of iptables (its counter moved)\n  try: iptables -D FORWARD {rule}\n"
            )
        };
        sh(
            "iptables -I FORWARD -d 192.0.2.1 -p tcp --dport 9 -j DROP; iptables -I FORWARD -d 192.0.2.1 -p icmp -j REJECT",
        );
        ends(
            "web 192.0.2.1 --tcp 9",
            &stopped("dropped on the host", "-d 192.0.2.1/32 -p tcp -m tcp --dport 9 -j DROP"),
        );
        ends(
            "web 192.0.2.1",
            &stopped(
                "rejected on the host with icmp-port-unreachable",
                "-d 192.0.2.1/32 -p icmp -j REJECT --reject-with icmp-port-unreachable",
            ),
        );
        sh(
            "iptables -D FORWARD -d 192.0.2.1/32 -p icmp -j REJECT; iptables -P FORWARD DROP; iptables -F FORWARD",
        );
        ends("web 192.0.2.1", "  try: iptables -P FORWARD ACCEPT\n");
        sh(
            "iptables -P FORWARD ACCEPT
             ip netns exec db nft 'add table ip t; add chain ip t i { type filter hook input priority 0; policy drop; }'",
        );
        ends("web db", "  try: ip netns exec db nft 'add chain ip t i { policy accept; }'\n");
        sh("ip netns exec db nft 'add chain ip t i { policy accept; }'");
        done("trace web db");
    });
}

#[test]
fn what_is_for_all_has_no_one_way() {
    private_host(|| {
        stage();
        for (to, what) in [
            (
                "10.0.0.255",
                "is the broadcast address of 10.0.0.0/24, the subnet of `eth0` in `web`",
            ),
            (
                "192.0.2.255",
                "is the broadcast address of 192.0.2.0/24, the subnet of `up0` on the host",
            ),
            ("255.255.255.255", "is the broadcast address of any link"),
            ("224.0.0.1", "is a multicast address"),
            ("ff02::1", "is a multicast address"),
            ("0.0.0.0", "is nobody's address"),
            ("fe80::1", "is a link-local address"),
        ] {
            refused(&format!("trace web {to}")).stderr(contains(format!("{to} {what}")));
        }
    });
}

#[test]
fn a_namespace_that_is_called_host_is_traced_by_its_file() {
    private_host(|| {
        sh("ip netns add host; ip link add h0 type veth peer name h1 netns host
            ip addr add 10.7.7.1/24 dev h0; ip link set h0 up
            ip -n host addr add 10.7.7.2/24 dev h1; ip -n host link set h1 up");
        support::ping("host", "10.7.7.1");
        tells(
            "/run/netns/host host",
            "A ping from `/run/netns/host` to 10.7.7.1\n\
             /run/netns/host\n\
             \x20 route  10.7.7.0/24 dev h1\n\
             \x20 out    h1 <-> h0 on the host, from 10.7.7.2\n\
             host\n\
             \x20 in     h0\n",
        );
        let told = done("trace host /run/netns/host");
        assert!(told.contains("to 10.7.7.2\nhost\n"), "{told}");
    });
}

#[test]
fn what_cannot_be_traced_is_told() {
    private_host(|| {
        done("create web");
        refused("trace wbe 10.0.0.2").stderr(contains("did you mean `web`?"));
        refused("trace host wbe").stderr(contains("did you mean `web`?"));
        refused("trace host web").stderr(contains("`web` has no address"));
        refused_with(2, "trace web 10.0.0").stderr(contains("neither an address nor a namespace"));
        refused_with(2, "trace web host --tcp 1 --udp 1").stderr(contains("cannot be used with"));
    });
}
