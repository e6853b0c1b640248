//! Words for tests that read like sentences. All of them act in the private host of the running test.

#![allow(dead_code, unused_imports, reason = "each test program uses its own part")]

pub mod by_hand;
pub mod checks;
pub mod doctor;
pub mod drift;
pub mod echo;
pub mod edits;
pub mod faults;
pub mod firewalls;
pub mod internet;
pub mod labs;
pub mod law;
pub mod net;
pub mod others;
pub mod router;
pub mod servers;
pub mod terminal;
pub mod typed;
pub mod wan;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use testhost::Snapshot;

pub use echo::{
    Protocol, cannot, cannot_any, reaches, reaches_by, reaches_service, serve, tcp_ask, udp_ask,
};
pub use firewalls::{Firewall, for_each_firewall, for_each_iptables, for_firewalls};
pub use net::{HOST, enter, http_get, inside, no_ping, ping, start};
pub use testhost::{private_host, sh};

/// How long the kernel may take to let go of what has been deleted, on a machine that has much else to do.
pub const SOON: Duration = Duration::from_secs(20);

/// Does what takes less than that on a machine at rest, and far more where it is done the wrong way. A machine that has
/// much else to do is given more tries.
pub fn within<T>(limit: Duration, act: impl Fn() -> T) -> T {
    for _ in 0..5 {
        let begin = Instant::now();
        let outcome = act();
        if begin.elapsed() < limit {
            return outcome;
        }
    }
    panic!("it takes more than {limit:?}, each time of five");
}

/// Runs `netns-tool` with the words of the line; the caller judges.
pub fn tool(line: &str) -> Assert {
    let mut command = Command::cargo_bin("netns-tool").expect("cargo built netns-tool");
    command.args(line.split_whitespace()).assert()
}

/// Runs it, which must work, and gives what it printed on stdout.
pub fn done(line: &str) -> String {
    let assert = tool(line).success();
    String::from_utf8_lossy(&assert.get_output().stdout).into_owned()
}

/// Runs it, which must fail (exit code 1), say so on stderr alone, and change nothing at all.
pub fn refused(line: &str) -> Assert {
    refused_with(1, line)
}

/// The same with another exit code.
pub fn refused_with(code: i32, line: &str) -> Assert {
    let assert = unchanged(|| tool(line));
    assert.code(code).stdout("").stderr(predicates::str::starts_with("error: "))
}

/// Does something that must leave the host byte for byte as it is, and that can be done twice.
pub fn unchanged<T>(act: impl Fn() -> T) -> T {
    let before = Snapshot::take();
    let outcome = act();
    if before == Snapshot::take() {
        return outcome;
    }
    // The states of links follow up to a second behind what was done before: once more, on a host at rest.
    let before = Snapshot::settled();
    let outcome = act();
    assert_is(&before);
    outcome
}

/// The host is, or is very soon, as the snapshot says.
pub fn assert_is(before: &Snapshot) {
    if let Err(diff) = before.wait_equal() {
        panic!("the host is not as it was:\n{diff}");
    }
}

/// A host that others live on, at rest: the state to come back to.
pub fn lived_in() -> Snapshot {
    testhost::warm_up();
    testhost::foreign_objects();
    Snapshot::settled()
}

/// Whether a shell line succeeds.
pub fn succeeds(script: &str) -> bool {
    sh(&format!("if {{ {script}\n}} >/dev/null 2>&1; then echo yes; fi")) == "yes\n"
}

/// `ip` inside the place (a namespace, or [`HOST`]); what it printed.
pub fn ip(place: &str, words: &str) -> String {
    let at = if place == HOST { String::new() } else { format!("-n {place} ") };
    sh(&format!("ip {at}{words}"))
}

/// Whether the place has an interface of that name.
pub fn has_link(place: &str, name: &str) -> bool {
    let all = ip(place, "-br link");
    all.lines().filter_map(|line| line.split([' ', '@']).next()).any(|link| link == name)
}

/// Whether the interface is up, as its administrator wants it.
pub fn is_up(place: &str, name: &str) -> bool {
    ip(place, &format!("link show dev {name} up")).contains(name)
}

/// The names of the namespaces, sorted.
pub fn namespaces() -> Vec<String> {
    let list = sh("ip netns list");
    let mut names: Vec<String> =
        list.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    names.sort();
    names
}

/// The ports of a bridge of the place, sorted.
pub fn ports(place: &str, bridge: &str) -> Vec<String> {
    let all = ip(place, &format!("-br link show master {bridge}"));
    let names = all.lines().filter_map(|line| line.split([' ', '@']).next());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}

/// A value of /proc/sys/net on the host, such as `ipv4/ip_forward`.
pub fn sysctl(name: &str) -> String {
    let path = format!("/proc/sys/net/{name}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

/// Sets a value of /proc/sys/net on the host.
pub fn set_sysctl(name: &str, value: &str) {
    sh(&format!("echo {value} > /proc/sys/net/{name}"));
}

/// Another program in place of an installed one, in this private host.
pub fn replace(program: &str, by: &str) {
    sh(&format!("mount --bind $(readlink -f $(which {by})) $(readlink -f $(which {program}))"));
}

/// Makes programs look as if they had never been installed: each folder that has one of them is covered by one
/// of links to all of its other programs.
pub fn uninstall(programs: &[&str]) {
    for (number, folder) in ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().enumerate() {
        let has_one = |program: &&str| Path::new(folder).join(program).exists();
        if Path::new(folder).is_symlink() || !programs.iter().any(has_one) {
            continue;
        }
        let (real, cover) = (format!("/run/tmp/real{number}"), format!("/run/tmp/cover{number}"));
        sh(&format!("mkdir {real} {cover}; mount --bind {folder} {real}; ln -s {real}/* {cover}"));
        sh(&format!("cd {cover}; rm -f {}; mount --bind {cover} {folder}", programs.join(" ")));
    }
}

/// Whether this host knows other users than root: that of an ordinary user does not.
pub fn has_users() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").expect("read the map of users");
    map.split_whitespace().next_back() == Some("4294967295")
}
