//! Namespaces with names that netns-tool would not give them, and namespaces with two names: both are made by others, and
//! neither is hidden.

#![expect(clippy::disallowed_methods, reason = "words with blanks in them, exactly as they are")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::labs::file;
use support::{assert_is, done, lived_in, private_host, sh, unchanged};
use testhost::binary;

const LAB: &str = "[bridge.br0]\naddress = [\"10.0.0.1/24\", \"fd00::1/64\"]\n\
    [namespace.web]\nbridge = \"br0\"\n[namespace.db]\nbridge = \"br0\"\n";

const NAMES: [&str; 7] = ["a b", "a:b", "$(id)", "-x", "it's", "\u{1b}[31m", "x\ny"];

/// The exit code, and what it said on stdout.
fn run(words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(binary("netns-tool")).args(words).output().expect("run it");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn json(line: &str) -> Value {
    serde_json::from_str(&done(line)).expect("JSON")
}

#[test]
fn names_that_only_others_would_give_are_shown_entered_and_deleted() {
    private_host(|| {
        let before = lived_in();
        for name in NAMES {
            let made = Command::new("ip").args(["netns", "add", name]).status();
            assert!(made.expect("ip").success(), "{name:?}");
        }
        sh("ip netns exec 'a b' ip link set lo up; touch '/run/netns/s t'");
        let listed = unchanged(|| done("list"));
        for shown in ["'a b'  ", "a:b  ", "'$(id)'  ", "-x  ", "'s t'  ", "\"it's\"  "] {
            assert!(listed.lines().any(|line| line.starts_with(shown)), "{shown}: {listed}");
        }
        assert!(!listed.contains('\u{1b}') && !listed.contains("\ny"), "{listed}");
        for name in NAMES {
            let (code, said) = run(&["show", "--as", "namespace", "--json", "--", name]);
            let shown: Value = serde_json::from_str(&said).expect("JSON");
            assert_eq!((code, shown["name"].as_str()), (Some(0), Some(name)));
        }
        let flags = |name| run(&["exec", name, "--", "cat", "/sys/class/net/lo/flags"]).1;
        assert_eq!(["a b", "a:b", "x\ny"].map(flags), ["0x9\n", "0x8\n", "0x8\n"]);
        assert!(run(&["show", "a b:lo"]).1.starts_with("Interface lo in 'a b': foreign"));
        assert_eq!(run(&["delete", "a b"]).0, Some(1), "it is not ours");
        for words in [&["create", "a c"][..], &["create", "a b"], &["veth", "v0", "a b", "e0"]] {
            assert_eq!(run(words).0, Some(2), "{words:?}");
        }
        let gone: Vec<&str> = ["delete", "--force", "--"].into_iter().chain(NAMES).collect();
        let gone = [&gone[..], &["s t"]].concat();
        let script = run(&[&["--dry-run"][..], &gone].concat()).1;
        assert!(!script.contains('\u{1b}') && script.contains("ip netns del 'a b'"), "{script}");
        // A comment is one line, whatever the name.
        assert_eq!(script.lines().filter(|line| line.starts_with("# delete")).count(), 7);
        assert_eq!(run(&gone).0, Some(0));
        assert_is(&before);
    });
}

#[test]
fn a_second_name_is_told_to_be_one() {
    private_host(|| {
        done(&format!("up -q {}", file(LAB)));
        sh("touch /run/netns/alias; mount --bind /run/netns/web /run/netns/alias
            ip netns attach here $$");
        let listed = done("list");
        let line = |name: &str| {
            let line = listed.lines().find(|line| line.starts_with(name));
            line.unwrap_or_else(|| panic!("no {name}: {listed}"))
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(line("alias"), "alias lab lab the same as web -");
        assert_eq!(line("here"), "here foreign the same as the host -");
        assert_eq!(line("web"), "web lab lab eth0 10.0.0.2/24, fd00::2/64");
        assert_eq!(listed.lines().filter(|line| line.contains("br0")).count(), 1, "{listed}");
        let all = json("list --json");
        let same = |index: usize| all["namespaces"][index]["same_as"].clone();
        assert_eq!(same(0), serde_json::json!({"on": "namespace", "namespace": "web"}));
        assert_eq!(same(2), serde_json::json!({"on": "host"}));
        assert_eq!(same(1), Value::Null);
        assert_eq!(json("show web-eth0 --json")["peer"]["namespace"], "web");
        assert_eq!(json("show alias:eth0 --json")["peer"]["interface"], "web-eth0");
        let shown = done("show alias");
        assert!(shown.contains("the same as web\n") && shown.contains("<-> web-eth0"), "{shown}");
        let shown = done("show web");
        assert!(shown.contains("also called alias\n") && shown.contains("<-> web-eth0"), "{shown}");
        assert_eq!(json("show lab --json")["members"].as_array().map(Vec::len), Some(3));
        let drawn = done("graph --live");
        assert_eq!(drawn.matches("web:eth0").count(), 1, "{drawn}");
        assert!(drawn.contains("also called alias") && !drawn.contains("here:"), "{drawn}");
        assert_eq!(done("exec --all lab -- hostname").lines().count(), 2);
        // A second name is none of the lab, and what is in the namespace stays.
        done(&format!("up -q {}", file(LAB)));
        assert!(!done("list").contains("alias"));
        assert_eq!(json("show web-eth0 --json")["peer"]["namespace"], "web");
    });
}

#[test]
fn of_two_names_one_goes_and_the_namespace_stays() {
    private_host(|| {
        done("create web");
        done("veth v0 web eth0");
        let before = testhost::Snapshot::settled();
        let alias = "touch /run/netns/alias; mount --bind /run/netns/web /run/netns/alias";
        sh(alias);
        let mut inside = support::start("web", "echo ready; exec sleep 60");
        assert_eq!(done("delete alias"), "Deleted the name `alias` of network namespace `web`\n");
        inside.kill().expect("end it");
        inside.wait().expect("its end");
        assert_is(&before);
        // It is the host's own; whoever deletes the name does no harm.
        sh("ip netns attach here $$");
        support::refused("delete here").stderr(predicates::str::contains("--force"));
        assert_eq!(
            done("delete --force here"),
            "Deleted the name `here` of the host's own network namespace\n"
        );
        assert_is(&before);
        // With the last of its names it goes.
        sh(alias);
        assert_eq!(done("delete web"), "Deleted the name `web` of network namespace `alias`\n");
        assert_eq!(done("show v0 --json").matches("\"alias\"").count(), 1);
        sh("touch /run/netns/web; mount --bind /run/netns/alias /run/netns/web");
        done("delete web alias");
        assert_eq!(done("list"), "There are no namespaces, bridges or NATs\n");
        assert_eq!(sh("ip -br link show type veth"), "");
    });
}
