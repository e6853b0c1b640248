//! Private hosts are private, run their bodies, and fail when these fail.
#![expect(clippy::disallowed_methods, reason = "the harness may start processes")]

use std::panic::catch_unwind;
use std::process::Command;
use std::{env, fs};

use testhost::{Snapshot, binary, enter, is_private, private_host, probe, sh};

#[test]
fn a_host_of_its_own() {
    private_host(|| {
        assert!(is_private());
        assert_eq!(sh("ls /sys/class/net").trim(), "lo");
        assert!(sh("ip -br addr show dev lo").contains("127.0.0.1/8"));
        assert_eq!(sh("ls /run").trim(), "tmp", "/run is fresh");
        assert!(env::temp_dir().starts_with("/run"), "temporary files are in the private /run");
        assert_eq!(std::process::id(), 1, "first in a pid namespace of its own");
        sh("ip link add name v0 type veth peer name v1");
    });
    // Here the inner process comes by as well, after the body.
    let link = fs::exists("/sys/class/net/v0").unwrap();
    assert_eq!(link, is_private(), "the link is there, and not on the real machine");
}

#[test]
fn an_etc_of_its_own() {
    private_host(|| {
        let [here, real] = ["/etc", "/etc/.real"].map(|folder| sh(&format!("ls -A {folder}")));
        let all = |list: &str| list.lines().map(str::to_owned).collect::<Vec<_>>();
        let own = |name: &String| name != ".real" && name != "netns";
        let listed: Vec<_> = all(&here).into_iter().filter(own).collect();
        assert_eq!(listed, all(&real).into_iter().filter(own).collect::<Vec<_>>());
        assert!(!fs::exists("/etc/netns").unwrap(), "none until a test makes one");
        sh("grep -q root /etc/passwd; test -d /etc/alternatives/.");
        fs::write("/etc/hosts", "").expect_err("the real files are read-only");
        fs::remove_file("/etc/hosts").unwrap();
        fs::write("/etc/hosts", "127.0.0.1 private\n").unwrap();
        let before = Snapshot::take();
        sh(
            "mkdir -p /etc/netns/host-test; echo nameserver 192.0.2.53 >/etc/netns/host-test/resolv.conf",
        );
        let diff = before.diff(&Snapshot::take()).expect("a snapshot sees /etc/netns");
        assert!(diff.contains("+ /etc/netns/host-test/resolv.conf 0644"), "{diff}");
        sh("ip netns add host-test; ip netns exec host-test grep -q 192.0.2.53 /etc/resolv.conf");
    });
    // Here the inner process comes by as well, after the body.
    assert_eq!(fs::exists("/etc/netns/host-test").unwrap(), is_private());
}

#[test]
fn changes_work_inside() {
    private_host(|| {
        testhost::warm_up();
        testhost::foreign_objects();
        sh("ip netns exec foreign ping -c 1 198.51.100.1");
        assert_eq!(sh("cat /proc/sys/net/ipv4/ip_forward").trim(), "0");
        assert_eq!(sh("cat /proc/sys/net/ipv4/conf/fbr0/forwarding").trim(), "1");
    });
}

#[test]
fn a_failing_body_fails_the_test() {
    if is_private() {
        return private_host(|| panic!("deliberately"));
    }
    // A closure of another name than the test: the thread's name decides.
    let message = message_of(|| private_host(|| {}));
    assert!(message.contains("deliberately"), "{message}");
    assert!(message.contains("a_failing_body_fails_the_test"), "{message}");
}

#[test]
fn a_body_that_ends_the_process_early_fails_the_test() {
    if is_private() {
        return private_host(|| std::process::exit(0));
    }
    let message = message_of(|| private_host(|| {}));
    assert!(message.contains("did not run to its end"), "{message}");
}

#[test]
fn a_name_that_no_test_has_fails() {
    let message = std::thread::Builder::new()
        .name("no_such_test".to_owned())
        .spawn(|| message_of(|| private_host(|| {})))
        .unwrap()
        .join()
        .unwrap();
    assert!(message.contains("no private host for `no_such_test`"), "{message}");
    assert!(message.contains("running 0 tests"), "{message}");
}

#[test]
fn on_one_thread_the_closure_names_the_test() {
    if is_private() {
        return private_host(|| {});
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_host_of_its_own", "--test-threads=1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_program_in_a_private_host() {
    probe().unwrap();
    let mut command = enter(&["sh", "-c", "id -u; ls /sys/class/net; ls -A /run; exit 7"]);
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\nlo\ntmp\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn finds_programs_beside_the_test() {
    // The test binary stands for the tool: as another user it is not where cargo built it.
    private_host(|| {
        let folder = binary("deps");
        let own = env::current_exe().unwrap();
        assert_eq!(Some(folder.as_path()), own.parent());
        let list = Command::new(own).arg("--list").output().unwrap();
        assert!(String::from_utf8_lossy(&list.stdout).contains("finds_programs_beside_the_test"));
    });
}

#[test]
fn an_ordinary_user_has_a_user_namespace() {
    if env::var("NETNS_TOOL_TEST_AS").is_ok_and(|user| user == "user") {
        private_host(|| {
            let map = fs::read_to_string("/proc/self/uid_map").unwrap();
            let fields: Vec<&str> = map.split_whitespace().collect();
            assert_eq!(fields, ["0", "65534", "1"], "root here is nobody outside");
            let groups = groups_of_self();
            assert!(groups.is_empty(), "supplementary groups are left: {groups:?}");
        });
    } else {
        private_host(|| assert_eq!(sh("id -u").trim(), "0"));
    }
}

fn groups_of_self() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").expect("own status");
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).expect("a line");
    line.split_whitespace().map(str::to_owned).collect()
}

fn message_of(body: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = catch_unwind(body).expect_err("it is to panic");
    payload.downcast_ref::<String>().cloned().expect("a message")
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Colour {
    Red,
    Green,
}

#[test]
fn each_variant_has_a_host_of_its_own() {
    testhost::private_hosts(
        &[Colour::Red, Colour::Green],
        |colour| drop(sh(&format!("ip link add name {colour:?}0 type bridge"))),
        |colour| {
            let links = sh("ls /sys/class/net");
            for each in [Colour::Red, Colour::Green] {
                assert_eq!(links.contains(&format!("{each:?}0")), each == colour, "{links}");
            }
        },
    );
}

#[test]
fn a_variant_that_fails_is_named_and_the_others_run() {
    let both = [Colour::Red, Colour::Green];
    if is_private() {
        return testhost::private_hosts(&both, |_| {}, |colour| panic!("deliberately {colour:?}"));
    }
    let message = message_of(|| testhost::private_hosts(&both, |_| {}, |_| {}));
    for colour in both {
        let name = format!("a_variant_that_fails_is_named_and_the_others_run on {colour:?}");
        assert!(message.contains(&name), "{message}");
        assert!(message.contains(&format!("deliberately {colour:?}")), "{message}");
    }
}
