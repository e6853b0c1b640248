//! Interfaces of others have names that a careless tool would print as they are, or take for something else: they disturb
//! nothing, reach the terminal escaped, and lead nowhere by another name.

mod support;

use support::{assert_is, done, ip, lived_in, private_host, refused, refused_with, sh, start};
use testhost::Snapshot;

/// Interfaces of others with names that a careless tool would print, or take for something else. Both ends of one pair on
/// one bridge would be a loop, and a storm that leaves other tests no processor: `eth.100` and `up` are of two.
const STRANGE: &str = r#"
    esc=$(printf '\033[31mx'); bytes=$(printf '\377\200x'); quotes="q\"'\$(id)"
    ip link add name "$esc" type veth peer name "$bytes"
    ip link add name "$quotes" type veth peer name if2
    ip link add name eth.100 type veth peer name far1
    ip link add name up type veth peer name far2
    ip addr add 10.77.0.1/24 dev "$esc"
    for name in "$esc" "$bytes" "$quotes" eth.100 up if2; do ip link set dev "$name" up; done
    for name in "$esc" "$quotes" eth.100; do echo 1 >"/proc/sys/net/ipv4/conf/$name/forwarding"; done"#;

#[test]
fn strange_names_of_others_disturb_nothing_and_reach_the_terminal_escaped() {
    private_host(|| {
        testhost::warm_up();
        sh(STRANGE);
        let before = Snapshot::settled();
        done("create n1 n2");
        done("bridge br0 --addr 10.0.0.1/24 --attach eth.100");
        done("bridge br0 --if-missing --attach if2,up");
        done("veth v0 n1 e0 --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto");
        done("veth up0 n1 in0 --up");
        done("nat br0 up0");
        done("nat br0 --delete");
        // What cannot be put into a command cannot be put back, and so is not lost.
        let switch = "$(printf '/proc/sys/net/ipv4/conf/\\377\\200x/forwarding')";
        sh(&format!("echo 1 >\"{switch}\""));
        refused("nat br0 up0");
        assert_eq!(sh(&format!("cat \"{switch}\"; echo 0 >\"{switch}\"")), "1\n");
        done("bridge br0 --if-missing --attach if2,up --delete");
        sh(
            r#"ip addr add 10.77.0.9/16 dev br0; ip link add "$(printf '\033x')" netns n2 type veth peer name w0"#,
        );
        let printed = [
            refused("nat br0 up0").get_output().stderr.clone(),
            done("delete n2").into_bytes(),
            done("veth v0 n1 e0 --delete").into_bytes(),
            done("delete n1 --dry-run").into_bytes(),
        ];
        for text in &printed {
            assert!(!text.contains(&0x1b), "{:?}", String::from_utf8_lossy(text));
        }
        assert!(String::from_utf8_lossy(&printed[0]).contains("\\u{1b}[31mx"), "it is named");
        let mut inside = start("n1", "printf '\\033[31m' >/dev/null; echo ready; sleep 60");
        let output = refused("delete n1").get_output().clone();
        assert!(!output.stderr.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stderr));
        inside.kill().expect("end the process inside");
        inside.wait().expect("its end");
        done("delete n1 --kill");
        done("bridge br0 --attach eth.100 --delete");
        assert_is(&before);
    });
}

#[test]
fn no_other_name_of_an_interface_leads_to_it() {
    private_host(|| {
        lived_in();
        sh("ip link property add dev fbr0 altname altbr
            ip link property add dev fveth0 altname altveth");
        let second = ip("", "-o link").lines().any(|line| line.starts_with("2:"));
        assert!(second, "there is an interface with index 2");
        for words in [
            "nat if2 fveth0",
            "nat altbr fveth0",
            "nat fbr0 altveth",
            "nat fbr0 if2",
            "nat altbr --delete --force",
            "bridge b9 --attach if2",
            "bridge b9 --attach altveth",
            "bridge altbr",
            "bridge altbr --if-missing",
            "bridge altbr --delete --force",
            "veth v9 foreign e9 --bridge altbr",
            "veth v9 foreign e9 --bridge if2",
            "veth altbr foreign e9",
            "veth altveth foreign fveth1 --delete --force",
            "veth fveth0 foreign fveth1 --delete",
            "delete 1 --force",
            "delete self --force",
            "veth v9 1 e9",
            "veth v9 self e9",
            "bridge b9 --ns 1",
            "bridge if2 --delete --force",
            "veth if2 foreign fveth1 --delete --force",
        ] {
            refused(words);
        }
        for words in
            ["bridge if2", "veth if2 foreign e9", "veth v9 foreign if2", "create 1", "create self"]
        {
            refused_with(2, words);
        }
    });
}
