//! Every setting of an interface is seen to change, although most are known from an earlier reading.

use std::fs;
use std::path::{Path, PathBuf};

use testhost::{Snapshot, foreign_objects, private_host, sh, warm_up};

const FOLDERS: [&str; 4] = ["ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh"];
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the settings of an interface");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a setting").path()).collect();
    files.sort();
    files
}

/// Writes another value than there is; the one from before, or `None` if the kernel takes no other.
fn changed(file: &Path) -> Option<String> {
    let before = fs::read_to_string(file).ok()?;
    let number: i64 = before.trim().parse().ok()?;
    for other in [number + 1, number - 1, 0, 1, 2, number + 100] {
        if fs::write(file, other.to_string()).is_ok() && fs::read_to_string(file).ok()? != before {
            return Some(before);
        }
    }
    None
}

#[test]
fn each_setting_of_an_interface_is_seen_to_change() {
    private_host(|| {
        warm_up();
        foreign_objects();
        let (mut seen, mut unseen) = (0, Vec::new());
        for folder in FOLDERS {
            for file in files(&Path::new("/proc/sys/net").join(folder).join("fport1")) {
                // So that all of it is known, and then all that the change before this one has changed.
                let before = Snapshot::take();
                let Some(value) = changed(&file) else { continue };
                let name = file.strip_prefix("/proc/sys").expect("a setting").display().to_string();
                let diff = before.diff(&Snapshot::take()).unwrap_or_default();
                if diff.contains(&format!("+ {name} = ")) {
                    seen += 1;
                } else {
                    unseen.push(name.clone());
                }
                fs::write(&file, value).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
        assert!(unseen.is_empty(), "to be added to `UNTOLD` in settings.rs: {unseen:?}");
        assert!(seen > 90, "{seen} settings could be changed");
        let known = Snapshot::settled();
        assert_eq!(known.diff(&Snapshot::take_anew()), None);
    });
}

/// Of many interfaces with the same settings one is read; they must not be taken for each other.
#[test]
fn interfaces_have_their_own_settings() {
    private_host(|| {
        warm_up();
        sh(
            "ip netns add n1; ip link add x0 type veth peer name y0; ip link add x1 type veth peer name y1 netns n1",
        );
        let before = Snapshot::settled();
        sh("echo 1 >/proc/sys/net/ipv4/conf/x0/proxy_arp
            ip netns exec n1 sh -c 'echo 7 >/proc/sys/net/ipv6/neigh/y1/mcast_solicit'");
        let diff = before.diff(&Snapshot::take()).expect("two changes");
        let lines: Vec<&str> = diff.lines().filter(|line| line.starts_with(['+', '-'])).collect();
        assert_eq!(
            lines,
            [
                "- net/ipv6/neigh/y1/mcast_solicit = 3",
                "+ net/ipv6/neigh/y1/mcast_solicit = 7",
                "- net/ipv4/conf/x0/proxy_arp = 0",
                "+ net/ipv4/conf/x0/proxy_arp = 1",
            ]
        );
        sh("ip link set x0 name z0");
        let renamed = Snapshot::take();
        assert!(renamed.section("sysctl").iter().any(|l| l == "net/ipv4/conf/z0/proxy_arp = 1"));
        assert!(!renamed.section("sysctl").iter().any(|l| l.contains("/x0/")));
        sh(
            "ip link del z0; echo 0 | ip netns exec n1 tee /proc/sys/net/ipv6/neigh/y1/mcast_solicit",
        );
        let gone = Snapshot::take();
        assert!(!gone.section("sysctl").iter().any(|l| l.contains("/z0/") || l.contains("/y0/")));
        assert!(
            gone.section("n1: sysctl").iter().any(|l| l == "net/ipv6/neigh/y1/mcast_solicit = 0")
        );
        // All at once.
        sh("echo 1 >/proc/sys/net/ipv4/conf/all/forwarding");
        let known = Snapshot::settled();
        assert_eq!(known.diff(&Snapshot::take_anew()), None);
    });
}
