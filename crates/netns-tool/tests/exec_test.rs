//! `exec` and `shell`: netns-tool becomes a command inside a namespace.

mod support;

use std::collections::BTreeSet;
use std::fs;

use predicates::str::{contains, starts_with};
use support::internet::wait_until;
use support::labs::{FILE, file};
use support::typed::{code, complained, said};
use support::{
    assert_is, done, has_users, lived_in, private_host, refused, refused_with, sh, tool, unchanged,
};

const LAB: &str = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n\
    dns = \"192.0.2.9\"\n[namespace.db]\nbridge = \"br0\"\n";

fn lab() {
    done(&format!("up -q {}", file(LAB)));
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn netns_tool_becomes_the_command() {
    private_host(|| {
        lab();
        let both = said("sh -c 'echo $$; exec netns-tool exec web -- sh -c \"echo \\$\\$\"'");
        let pids: Vec<&str> = both.lines().collect();
        assert_eq!(pids[0], pids[1], "it is another process");
        let inside = said(
            "echo typed | X=mine netns-tool exec web -- sh -c 'ip netns identify; cat; echo $X $PWD'",
        );
        assert_eq!(inside, "web\ntyped\nmine /run/tmp\n");
        assert_eq!(
            said("netns-tool exec web -- cat /etc/resolv.conf"),
            "# netns-tool\nnameserver 192.0.2.9\n"
        );
        assert_eq!(said("netns-tool exec web -- ls /sys/class/net"), "eth0\nlo\n");
        for (command, expected) in [
            ("true", 0),
            ("sh -c 'exit 7'", 7),
            ("sh -c 'kill -KILL $$'", 137),
            ("nosuchprogram", 127),
            ("/etc/passwd", 126),
        ] {
            assert_eq!(
                code(&format!("netns-tool exec web -- {command}; exit $?")),
                expected,
                "{command}"
            );
        }
        assert_eq!(
            complained("netns-tool exec web -- nosuchprogram"),
            "error: cannot run `nosuchprogram`: No such file or directory\n"
        );
    });
}

#[test]
fn it_shows_what_one_would_type_and_changes_nothing() {
    private_host(|| {
        lab();
        let typed = unchanged(|| said("netns-tool -n exec web -- echo 'a  b' '$x'"));
        assert_eq!(typed, "ip netns exec web echo 'a  b' '$x'\n");
        assert_eq!(
            said("netns-tool -n exec web --user root -- id"),
            "ip netns exec web runuser -u root -- env HOME=/root SHELL=/bin/bash USER=root LOGNAME=root id\n"
        );
        assert_eq!(
            said("SHELL=/bin/dash netns-tool -n shell web"),
            "ip netns exec web /bin/dash\n"
        );
        assert_eq!(
            said("netns-tool -n exec --all lab -- true"),
            "ip netns exec db true\nip netns exec web true\n"
        );
        unchanged(|| said("netns-tool exec web -- true && netns-tool exec --all -- true"));
    });
}

#[test]
fn where_it_cannot_go_it_says_so() {
    private_host(|| {
        refused("exec web -- true").stderr(contains("network namespace `web` not found"));
        refused("exec web -- true").stderr(contains("netns-tool create web"));
        refused("exec --all -- true").stderr(contains("no lab is up"));
        lab();
        refused("exec wbe -- true").stderr(contains("did you mean `web`?"));
        refused("shell wbe").stderr(contains("did you mean `web`?"));
        refused("exec --all lob -- true").stderr(contains("did you mean `lab`?"));
        sh("touch /run/netns/broken; ln -s web /run/netns/link");
        refused("exec broken -- true").stderr(contains("netns-tool delete broken"));
        refused("exec link -- true").stderr(contains("is a symbolic link"));
        refused_with(2, "exec a/b -- true")
            .stderr(contains("`a/b` is no name of a network namespace"));
        refused_with(2, "exec -- true").stderr(contains("<NS|LAB>"));
        refused_with(2, "exec web").stderr(contains("<CMD>"));
        refused_with(2, "exec web --user nosuch -- id")
            .stderr(contains("there is no user `nosuch`"));
        file("[namespace.far]\n");
        done(&format!("up -q {FILE} --name two"));
        refused_with(2, "exec --all -- true").stderr(contains("several labs are up: lab, two"));
    });
}

#[test]
fn in_all_of_a_lab_each_line_is_labelled() {
    private_host(|| {
        lab();
        done("create other");
        let out = said("netns-tool exec --all -- sh -c 'ip netns identify; printf unfinished'");
        let expected = ["db  | db", "db  | unfinished", "web | unfinished", "web | web"];
        assert_eq!(lines(&out), expected.map(str::to_owned).into());
        let errors = complained(
            "netns-tool exec --all lab -- sh -c 'echo oops >&2; test $(ip netns identify) = db'",
        );
        let expected =
            ["db  | oops", "note: it failed in 1 of 2 namespaces: web (1)", "web | oops"];
        assert_eq!(lines(&errors), expected.map(str::to_owned).into());
        for (command, expected) in [("true", 0), ("sh -c 'exit 9'", 9), ("nosuchprogram", 127)] {
            let line = format!("netns-tool exec -q --all -- {command}; exit $?");
            assert_eq!(code(&line), expected, "{command}");
        }
        // Nobody reads it, and what does not mind that does its work all the same.
        said(
            "netns-tool exec --all -- sh -c 'trap \"\" PIPE; echo a; echo b; touch /run/tmp/$(ip netns identify)' 2>&1 | true; sleep 0.1",
        );
        wait_until("both have done their work", || {
            ["web", "db"].iter().all(|name| fs::exists(format!("/run/tmp/{name}")).expect("look"))
        });
        tool("exec --all lab -- true").success().stdout("").stderr("");
    });
}

#[test]
fn what_prints_without_end_ends_when_its_reader_has_gone() {
    private_host(|| {
        lab();
        let line = "(timeout --foreground 50 netns-tool exec --all -- yes; echo $? >/run/tmp/code) | head -1";
        assert!(said(line).ends_with(" | y\n"));
        wait_until("it has ended", || {
            fs::read_to_string("/run/tmp/code").is_ok_and(|code| !code.is_empty())
        });
        assert_eq!(sh("cat /run/tmp/code").trim(), "0");
    });
}

#[test]
fn signals_reach_all_of_them() {
    private_host(|| {
        let before = lived_in();
        lab();
        let handled = said(
            "netns-tool exec --all -- sh -c 'trap \"echo got; exit 0\" TERM; echo ready; while :; do sleep 0.1; done' > out & tool=$!
             until [ \"$(grep -c ready out)\" = 2 ]; do sleep 0.01; done
             kill -TERM $tool; wait $tool; cat out",
        );
        let expected = ["db  | got", "db  | ready", "web | got", "web | ready"];
        assert_eq!(lines(&handled), expected.map(str::to_owned).into());
        // What is left in the background is waited for, but not for ever; that of a shell does not hear of Ctrl-C.
        let waited = said("netns-tool exec --all -- sh -c '(sleep 0.5; echo late) &'");
        assert_eq!(lines(&waited), ["db  | late", "web | late"].map(str::to_owned).into());
        let line =
            "timeout --foreground -s INT 1 netns-tool exec --all -- sh -c 'sleep 300 &'; exit $?";
        assert_eq!(code(line), 124);
        sh("kill $(ip netns pids web) $(ip netns pids db)");
        done("down lab");
        assert_is(&before);
    });
}

#[test]
fn somebody_else_has_his_own_rights() {
    private_host(|| {
        lab();
        if has_users() {
            let id = said(
                "netns-tool exec web --user nobody -- sh -c 'id -un; id -gn; echo $USER $LOGNAME $HOME; ip netns identify'",
            );
            assert_eq!(id, "nobody\nnogroup\nnobody nobody /nonexistent\nweb\n");
            assert_eq!(said("netns-tool exec web --user 65534 -- id -un"), "nobody\n");
            assert_ne!(code("netns-tool exec web --user nobody -- ip link set lo down"), 0);
            assert_eq!(
                lines(&said("netns-tool exec --all --user nobody -- id -u")),
                ["db  | 65534", "web | 65534"].map(str::to_owned).into()
            );
        } else {
            let refused = tool("exec web --user nobody -- id").code(3);
            refused.stderr(starts_with("error: cannot become the user `nobody`"));
        }
        assert_eq!(said("netns-tool exec web --user root -- id -un"), "root\n");
    });
}

#[test]
fn the_prompt_shows_the_namespace() {
    private_host(|| {
        lab();
        fs::write("/run/tmp/.bashrc", "PS1='mine> '\nX=read\n").expect("write a start-up file");
        for (shell, prompt) in [("/bin/bash", "(web) mine> "), ("/bin/dash", "(web) # ")] {
            let typed = format!(
                "printf 'ip netns identify; echo [$X]; exit 5\\n' | HOME=/run/tmp SHELL={shell} script -qec 'netns-tool shell web' /dev/null; exit $?"
            );
            let output = support::typed::script(&typed);
            let shown = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(shown.contains(prompt) && shown.contains("web\r"), "{shell}: {shown}");
            assert_eq!(output.status.code(), Some(5), "{shell}: {shown}");
            assert_eq!(shown.contains("[read]"), shell == "/bin/bash", "{shown}");
        }
    });
}
