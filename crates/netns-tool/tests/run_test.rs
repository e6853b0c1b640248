//! `run`: a lab is up for as long as a command runs, and gone whatever happens to either.

mod support;

use std::fs;
use std::path::Path;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::{contains, starts_with};
use support::labs::{FILE, WITH_DNS, file};
use support::{assert_is, done, lived_in, private_host, refused_with, sh, tool};
use testhost::{Faults, Mode, Snapshot, binary, warm_up};

#[test]
fn the_lab_is_up_while_the_command_runs() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        let shown = tool(&format!("run {FILE} -- ip netns list")).success();
        shown
            .stdout(contains("web").and(contains("Lab").not()))
            .stderr(contains("Lab `lab` is up: 2 namespaces").and(contains("Lab `lab` is down")));
        let quiet = tool(&format!("run -q {FILE} --in web -- cat /etc/resolv.conf")).success();
        assert!(
            String::from_utf8_lossy(&quiet.get_output().stdout).contains("nameserver 192.0.2.9")
        );
        quiet.stderr("");
        tool(&format!("run -q {FILE} --in web -- ping -c 1 -q 10.0.0.3")).success();
        // The file's names, also in a lab of another name.
        for name in ["web", "ci7-web"] {
            let other = tool(&format!("run -q {FILE} --name ci7 --in {name} -- ip netns identify"));
            other.success().stdout("ci7-web\n");
        }
        // It holds no lock meanwhile.
        let nested = format!("run -q {FILE} -- {} create -q other", binary("netns-tool").display());
        tool(&nested).success();
        done("delete other");
        assert_is(&before);
    });
}

#[test]
fn its_exit_code_is_the_command_s_and_the_lab_goes_all_the_same() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        fs::write("/run/tmp/killed", "#!/bin/sh\nkill -9 $$\n").expect("write a script");
        fs::write("/run/tmp/seven", "#!/bin/sh\nexit 7\n").expect("write a script");
        sh("chmod +x /run/tmp/killed /run/tmp/seven");
        for (command, code) in [
            ("/run/tmp/seven", 7),
            ("/run/tmp/killed", 137),
            ("nosuchprogram", 127),
            ("/etc/passwd", 126),
        ] {
            for place in ["", "--in db"] {
                tool(&format!("run -q {FILE} {place} -- {command}")).code(code);
            }
        }
        assert_is(&before);
        fs::copy(FILE, "/etc/lab.toml").expect("copy the file");
        let sandbox = tool("run -q /etc/lab.toml --sandbox --in db -- ip -br addr show eth0");
        sandbox.success().stdout(contains("10.0.0.3/24"));
        tool("run /etc/lab.toml --sandbox -- false").code(1).stdout("");
        assert_is(&before);
    });
}

/// A private host has a /run of its own.
#[test]
fn a_file_is_found_in_a_private_host_or_refused() {
    private_host(|| {
        file(WITH_DNS);
        let tool = binary("netns-tool").display().to_string();
        sh("mkdir -p /run/tmp/below /run/elsewhere /tmp/lab-links; cp /run/tmp/lab.toml /run/tmp/below
            ln -sf /run/tmp/lab.toml /tmp/lab-links/to-run.toml; cp /run/tmp/lab.toml /etc/lab.toml
            ln -sf /etc/lab.toml /run/tmp/to-etc.toml; ln -sf lab.toml /etc/called.toml
            ln -sfn /run/tmp /tmp/lab-links/folder");
        let run = |folder: &str, path: &str| {
            let code = format!(
                "{tool} run -q {path} --sandbox --in web -- true 2>&1 && echo 0 || echo $?"
            );
            sh(&format!("cd {folder}; {code}"))
        };
        for (folder, path) in [
            ("/run/tmp", "lab.toml"),
            ("/run/tmp", "below/../lab.toml"),
            ("/run/tmp", "/run/tmp/below/lab.toml"),
            ("/tmp/lab-links/folder", "lab.toml"),
            ("/run/tmp", "../../etc/lab.toml"),
            ("/etc", "called.toml"),
            ("/tmp/lab-links", "/etc/called.toml"),
        ] {
            assert_eq!(run(folder, path), "0\n", "{path} in {folder}");
        }
        for (folder, path) in [
            ("/run/elsewhere", "../tmp/lab.toml"),
            ("/run/tmp/below", "../lab.toml"),
            ("/etc", "../run/tmp/lab.toml"),
            ("/tmp/lab-links", "to-run.toml"),
            ("/tmp/lab-links", "folder/lab.toml"),
            ("/tmp", "/run/tmp/to-etc.toml"),
        ] {
            let said = run(folder, path);
            let refusal = format!("error: {path} is not there in a private host");
            assert!(said.starts_with(&refusal) && said.ends_with("\n2\n"), "{folder}: {said}");
        }
        sh("rm -r /tmp/lab-links");
    });
}

/// So is the tool itself, if its file is there.
#[test]
fn the_tool_may_be_where_a_private_host_hides_it() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        sh(&format!(
            "mkdir /run/hidden; touch /run/hidden/nt; mount --bind {} /run/hidden/nt",
            binary("netns-tool").display()
        ));
        for place in ["", "--in web"] {
            // What the command has open is what it had without us.
            let said = sh(&format!(
                "cd /run/tmp; /run/hidden/nt run -q --sandbox {place} lab.toml -- ls /proc/self/fd 2>&1"
            ));
            assert_eq!(said, sh("ls /proc/self/fd"), "{place}");
        }
        sh("umount /run/hidden/nt; rm -r /run/hidden");
        assert_is(&before);
    });
}

/// What is no text is run, and shown in a script, byte for byte.
#[test]
fn a_word_may_be_any_bytes() {
    private_host(|| {
        file(WITH_DNS);
        let tool = binary("netns-tool").display().to_string();
        for words in [format!("run {FILE} -q"), "sandbox".to_owned()] {
            let line = format!("{words} -n -- sh -c 'printf %s \"$1\" | od -An -tx1' sh \"$word\"");
            let shown = sh(&format!(
                "PATH={}:$PATH; word=$(printf 'a \\377b'); {tool} {line} > /run/tmp/script; sh /run/tmp/script",
                binary("netns-tool").parent().expect("its folder").display()
            ));
            assert!(shown.contains(" 61 20 ff 62\n"), "{shown}");
        }
    });
}

#[test]
fn a_lab_that_failed_can_be_kept() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        tool(&format!("run -q {FILE} --keep-on-failure -- true")).success().stderr("");
        assert_is(&before);
        let kept = tool(&format!("run -q {FILE} --keep-on-failure --in db -- false"));
        kept.code(1).stderr(
            "note: the lab `lab` is left standing: netns-tool shell db; netns-tool down lab\n",
        );
        // Another one would not know which is whose.
        let refusal = refused_with(1, &format!("run {FILE} -- true"));
        refusal.stderr(
            contains("the lab `lab` is up already")
                .and(contains("netns-tool down lab").and(contains("--sandbox"))),
        );
        done("down lab");
        assert_is(&before);
    });
}

#[test]
fn what_is_wrong_is_said_before_anything_is_done() {
    private_host(|| {
        warm_up();
        file(WITH_DNS);
        refused_with(2, &format!("run {FILE} --in wbe -- true")).stderr(
            contains("the lab `lab` has no namespace `wbe`").and(contains("did you mean `web`?")),
        );
        refused_with(2, &format!("run {FILE} --sandbox --in elsewhere -- true"))
            .stderr(contains("there are `web`, `db`"));
        refused_with(2, &format!("run {FILE} --sandbox --keep-on-failure -- true"));
        refused_with(2, &format!("run {FILE} --sandbox -- true"))
            .stderr(contains("is not there in a private host"));
        refused_with(2, "run /run/tmp/nowhere.toml -- true");
        refused_with(2, &format!("run {FILE}"));
    });
}

#[test]
fn a_lab_that_cannot_be_built_leaves_nothing_and_the_command_does_not_run() {
    private_host(|| {
        warm_up();
        let faults = Faults::install();
        file(WITH_DNS);
        done(&format!("run -q {FILE} -- true"));
        faults.reset();
        done(&format!("up -q {FILE}"));
        let calls = faults.calls().len();
        done("down -q lab");
        let before = Snapshot::settled();
        for k in 1..=calls {
            for mode in [Mode::FailBefore, Mode::FailAfter] {
                faults.reset();
                faults.arm(k, mode);
                let outcome = tool(&format!("run -q {FILE} -- touch /run/tmp/ran"));
                faults.reset();
                // Some are survived; then it was a lab like any other.
                let is_built = outcome.get_output().status.success();
                assert_eq!(fs::exists("/run/tmp/ran").expect("look"), is_built, "{mode:?} at {k}");
                if is_built {
                    fs::remove_file("/run/tmp/ran").expect("remove it");
                } else {
                    outcome.failure().stderr(starts_with("error: "));
                }
                assert_is(&before);
            }
        }
    });
}

#[test]
fn what_cannot_be_taken_down_is_named() {
    private_host(|| {
        warm_up();
        let before = lived_in();
        file(WITH_DNS);
        // The command breaks what takes the lab down.
        fs::write(
            "/run/tmp/break",
            "#!/bin/sh\nmount --bind /bin/false $(readlink -f $(which ip))\n",
        )
        .expect("write a script");
        sh("chmod +x /run/tmp/break");
        let outcome = tool(&format!("run -q {FILE} -- /run/tmp/break"));
        sh("umount $(readlink -f $(which ip))");
        outcome.code(4).stderr(
            contains("the lab `lab` could not be taken down").and(contains("netns-tool down lab")),
        );
        done("down lab");
        assert_is(&before);
    });
}

#[test]
fn what_helps_without_an_uplink_is_said() {
    private_host(|| {
        warm_up();
        let text = WITH_DNS.replacen('\n', "\nnat = true\n", 1);
        for text in [&text, &text.replace("true", "{ uplink = \"wan0\" }")] {
            file(text);
            refused_with(1, &format!("run {FILE} -- true")).stderr(contains("--uplink").not());
            let folder = Path::new(FILE).parent().expect("a folder").display();
            let tool = binary("netns-tool").display().to_string();
            let inside =
                sh(&format!("cd {folder}; {tool} run --sandbox lab.toml -- true 2>&1 || echo $?"));
            let way = "netns-tool sandbox --uplink -- netns-tool run FILE -- CMD; or the lab makes its own";
            assert!(inside.contains(way) && inside.ends_with("\n1\n"), "{inside}");
        }
    });
}

#[test]
fn the_script_that_is_shown_does_the_same() {
    private_host(|| {
        let before = lived_in();
        file(WITH_DNS);
        let folder = binary("netns-tool").parent().expect("its folder").display().to_string();
        let code = sh(&format!(
            "PATH={folder}:$PATH; cd /run/tmp; netns-tool run {FILE} -n --in web -- sh -c 'ip -br link show eth0 >seen; exit 9' >script
             sh script >/dev/null || echo $?; grep -c eth0 seen"
        ));
        assert_eq!(code, "9\n1\n");
        assert_is(&before);
    });
}
