//! Labs for tests: their files, and the networks around them.

use std::fs;

use super::{done, ip, sh, tool};

/// The file of the tests' lab, which is named `lab` after it.
pub const FILE: &str = "/run/tmp/lab.toml";

/// Two namespaces on a bridge, one of them with a name server.
pub const WITH_DNS: &str = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n\
    dns = \"192.0.2.9\"\n[namespace.db]\nbridge = \"br0\"\n";

/// The example of the first page.
pub const TEN_LINES: &str = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = true

[namespace.web]
bridge = "br0"

[namespace.db]
bridge = "br0"
"#;

/// A lab with every kind of object. It needs [`internet`].
pub const EVERYTHING: &str = r#"
[bridge.br0]
address = ["10.0.0.1/24", "fd00::1/64"]
mtu = 1450
nat = { uplink = "up0", publish = ["8080:web:80", "5353:10.0.0.3:53/udp"], allow = ["br1"] }

[bridge.br1]
address = "10.1.0.1/24"
mac = "02:00:00:00:01:01"

[bridge.inner]
namespace = "r1"
address = "10.3.0.1/24"

[namespace.web]
bridge = "br0"
mtu = 1450
mac = "02:00:00:00:00:02"
loopback = "10.255.0.1/32"
sysctl = { "net.ipv4.conf.all.rp_filter" = 2 }
dns = "192.0.2.53"
hosts = { "db.local" = "10.0.0.3" }
routes = [{ to = "10.3.0.0/24", via = "10.0.0.9" }, { to = "fd03::/64", via = "fd00::9" }]

[namespace.db]
bridge = "br0"
gateway = false

[namespace.r1]
forwarding = true
interface.eth0 = { bridge = "br1" }

[namespace.r2]

[namespace.leaf]
bridge = "inner"

[[link]]
from = { namespace = "r1", interface = "right", address = ["192.168.0.1/30", "fd12::1/64"] }
to = { namespace = "r2", interface = "left", address = ["192.168.0.2/30", "fd12::2/64"] }
mtu = 1400

[[link]]
from = { namespace = "r2", interface = "out", address = "192.168.1.2/30" }
to = { interface = "lab0", address = "192.168.1.1/30" }

[host]
routes = [{ to = "172.16.1.0/24", via = "192.168.1.2" }, { to = "172.16.2.0/24", via = "192.0.2.9" }]
"#;

/// A bridge with so many ports that it is brought up last, a namespace on it with all the other ends, and a route over that.
/// The ends have no IPv6: the kernel's table of neighbours, which is one for all namespaces of the machine, would overflow,
/// and others would lose packets. See [`quiet`] for those on the host.
pub fn crowd() -> String {
    let mut text = "[bridge.br0]\naddress = \"10.0.0.1/16\"\n[namespace.web]\nbridge = \"br0\"\n\
                    address = \"10.0.0.2/16\"\nsysctl = { \"net.ipv6.conf.all.disable_ipv6\" = 1 }\n\
                    [host]\nroutes = [{ to = \"172.16.0.0/24\", via = \"10.0.0.2\" }]\n"
        .to_owned();
    for number in 1..=500 {
        text += &format!(
            "[[link]]\nfrom = {{ interface = \"p{number}\", bridge = \"br0\" }}\n\
             to = {{ namespace = \"web\", interface = \"q{number}\" }}\n"
        );
    }
    text
}

/// New interfaces of the host have no IPv6.
pub fn quiet() {
    sh("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
}

/// Writes the file of the lab, and gives its path.
pub fn file(text: &str) -> &'static str {
    fs::write(FILE, text).expect("write the lab's file");
    FILE
}

/// The lab is, or becomes, what the text says; the report of `up`.
pub fn up(text: &str) -> String {
    done(&format!("up {}", file(text)))
}

/// The commands that `up` of this file runs, as they are shown, without their reasons and without those that only wait, or
/// have neighbours asked for anew.
pub fn commands(text: &str) -> Vec<String> {
    let script = done(&format!("up {} --dry-run", file(text)));
    let lines = script.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let changes = |line: &&str| {
        let is_to_be_ready = line.starts_with("timeout ") || line.contains(" neigh flush dev ");
        !["set -e", "set +e"].contains(line) && !is_to_be_ready
    };
    lines.filter(changes).map(str::to_owned).collect()
}

/// What `diff` finds, a line each; its exit code agrees.
pub fn differences() -> Vec<String> {
    let outcome = tool(&format!("diff {FILE}"));
    let output = outcome.get_output().clone();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => {
            assert_eq!(text, "Lab `lab` is as its file says\n");
            Vec::new()
        }
        Some(1) if output.stderr.is_empty() && !text.is_empty() => {
            text.lines().map(str::to_owned).collect()
        }
        code => {
            panic!("diff: exit code {code:?}\n{text}{}", String::from_utf8_lossy(&output.stderr))
        }
    }
}

/// The lab is as its file says, and `up` has nothing to do.
pub fn is_as_its_file_says() {
    assert_eq!(differences(), [""; 0], "`diff` finds something");
    let shown = tool(&format!("-v up {FILE}")).success();
    let output = shown.get_output();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.lines().any(|line| line.starts_with("+ ")), "`up` runs something:\n{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing was changed"));
}

/// Makes `internet` (192.0.2.1, fd99::1), somebody else's, behind the uplink `up0` of the host (192.0.2.2, fd99::2), over
/// which its default routes go.
pub fn internet() {
    sh("ip netns add internet; ip -n internet link set dev lo up
        ip link add name up0 type veth peer name eth0 netns internet
        ip addr add 192.0.2.2/24 dev up0; ip addr add fd99::2/64 dev up0 nodad; ip link set dev up0 up
        ip -n internet addr add 192.0.2.1/24 dev eth0; ip -n internet addr add fd99::1/64 dev eth0 nodad
        ip -n internet link set dev eth0 up
        until ip -n internet -6 -o addr show dev eth0 scope link -tentative | grep -q .; do sleep 0.01; done
        until ip -6 -o addr show dev up0 scope link -tentative | grep -q .; do sleep 0.01; done
        ip route add default via 192.0.2.1 dev up0; ip -6 route add default via fd99::1 dev up0");
}

/// The numbers of all interfaces of a place but its loopback: what was made anew has others.
pub fn numbers(place: &str) -> Vec<String> {
    let all = ip(place, "-o link");
    let lines = all.lines().filter_map(|line| {
        let mut words = line.split(": ");
        let (number, name) = (words.next()?, words.next()?.split('@').next()?);
        (name != "lo").then(|| format!("{place}:{name}={number}"))
    });
    lines.collect()
}
