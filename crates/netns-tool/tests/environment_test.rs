//! E1: whatever a caller leaves a command with (signals, variables, folders, rights, files in its way), it works, or it says why not and has changed nothing.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "commands started in odd ways, and how many is a result"
)]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{assert_is, done, lived_in, private_host, sh, succeeds, tool, unchanged, uninstall};
use testhost::{Faults, Mode, Sig, Snapshot, binary};

/// Runs a shell script that starts `"$TOOL"`.
fn shell(script: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("TOOL", binary("netns-tool")).stdin(Stdio::null());
    command.output().expect("run a shell")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// It is refused with the code, with a message that has the words, and changes nothing.
fn is_refused(script: &str, code: i32, words: &str) {
    let output = unchanged(|| shell(script));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(code), "`{script}`: {text}");
    assert!(text.contains(words), "`{script}`: no `{words}`: {text}");
}

#[test]
fn it_works_whatever_the_caller_leaves_it_with() {
    const LEFT: [&str; 26] = [
        "trap '' CHLD; exec",
        "trap '' HUP; exec",
        "trap '' INT; exec",
        "trap '' TERM; exec",
        "trap '' CHLD HUP INT TERM QUIT PIPE ALRM USR1 USR2; exec",
        "exec env --block-signal=CHLD",
        "exec env --block-signal",
        "exec env --ignore-signal",
        "exec env -i",
        "exec env -u PATH",
        "exec env PATH=/run/tmp/fake:$PATH",
        "exec env PATH=.:",
        "exec env LD_PRELOAD=/nonexistent/evil.so LD_LIBRARY_PATH=/nonexistent",
        "exec env XTABLES_LIBDIR=/nonexistent IPTABLES_LIB_DIR=/nonexistent",
        "exec env LC_ALL=de_DE.UTF-8 LANG=tr_TR LANGUAGE=de",
        "exec env TMPDIR=/nonexistent HOME=/nonexistent TERM=nonsense COLUMNS=0",
        "exec env COLUMNS=99999999 RUST_BACKTRACE=full CLICOLOR_FORCE=1 POSIXLY_CORRECT=1",
        "exec env ENV=/nonexistent BASH_ENV=/nonexistent IFS=n TESTHOST_REAL=1",
        "mkdir /run/tmp/gone; cd /run/tmp/gone; rmdir /run/tmp/gone; exec",
        "cd /run/tmp/fake; exec",
        "umask 0; exec",
        "umask 777; exec",
        "exec nohup",
        "exec setsid -w",
        "exec nice -n 19",
        "exec 3</dev/null 4</ 9>/dev/null; exec",
    ];
    private_host(|| {
        sh("mkdir /run/tmp/fake
            for tool in ip iptables iptables-save iptables-restore ping sh; do
                printf '#!/bin/sh\\ntouch /run/tmp/was-run\\n' >/run/tmp/fake/$tool
                chmod 755 /run/tmp/fake/$tool
            done");
        lived_in();
        done("bridge br0 --addr 10.0.0.1/24");
        let before = Snapshot::settled();
        for left in LEFT {
            for words in ["create n1", "nat br0 fveth0", "nat br0 fveth0 --delete", "delete n1"] {
                let output = shell(&format!("{left} \"$TOOL\" {words}"));
                assert!(output.status.success(), "{left} {words}: {}", said(&output));
            }
            assert!(!Path::new("/run/tmp/was-run").exists(), "{left}: the fake was run");
            assert_is(&before);
        }
        println!("{} ways to be started", LEFT.len());
    });
}

#[test]
fn a_signal_that_was_ignored_or_blocked_still_ends_a_command() {
    private_host(|| {
        let faults = Faults::install();
        let before = lived_in();
        for left in
            ["trap '' HUP INT TERM; exec", "exec env --block-signal=HUP,INT,TERM", "exec nohup"]
        {
            for signal in [Sig::Hup, Sig::Int, Sig::Term] {
                faults.reset();
                faults.arm(2, Mode::SignalBefore(signal));
                let output = shell(&format!("{left} \"$TOOL\" create n1 n2"));
                assert_eq!(output.status.code(), Some(signal.exit_code()), "{left} {signal:?}");
                assert_is(&before);
            }
        }
    });
}

#[test]
fn children_get_nothing_of_the_caller_s() {
    private_host(|| {
        testhost::warm_up();
        // In place of `ip`, a script that notes what it was started with.
        sh("real=$(readlink -f $(which ip)); touch /run/tmp/ip; mount --bind $real /run/tmp/ip
            cat >/run/tmp/note <<'END'
#!/bin/sh
{
    tr '\\0' '\\n' </proc/$$/environ
    readlink /proc/$$/cwd /proc/$$/fd/0
    cut -d ' ' -f 5 /proc/$$/stat | grep -qx $$ && echo a group of its own
    # Not by grep: while the shell starts one, it blocks signals itself.
    while read -r line; do case $line in SigBlk*|SigIgn*) echo \"$line\" ;; esac; done </proc/$$/status
} >/run/tmp/noted
exec /run/tmp/ip \"$@\"
END
            chmod 755 /run/tmp/note; mount --bind /run/tmp/note $real");
        let output = shell(
            "trap '' INT TERM HUP; umask 0; cd /run/tmp
            LD_PRELOAD=/nonexistent.so XTABLES_LIBDIR=/tmp LC_ALL=de_DE LANG=de SECRET=1 exec \"$TOOL\" create n1 --no-verify",
        );
        assert!(output.status.success(), "{}", said(&output));
        let noted = sh("cat /run/tmp/noted");
        let lines: Vec<&str> = noted.lines().collect();
        let path = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
        let Some((&ignored, lines)) = lines.split_last() else { panic!("{noted}") };
        let zero = "SigBlk:\t0000000000000000";
        let expected = ["LC_ALL=C", path, "/", "/dev/null", "a group of its own", zero];
        assert_eq!(lines, expected);
        // Those above 31 are the harness's own affair.
        let ignored =
            ignored.strip_prefix("SigIgn:\t").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        assert_eq!(ignored.map(|signals| signals & 0x7fff_ffff), Some(0), "{noted}");
    });
}

#[test]
fn the_folder_of_namespaces_is_made_as_ip_makes_it_whatever_the_umask() {
    private_host(|| {
        for umask in ["0", "022", "077", "777"] {
            assert!(shell(&format!("umask {umask}; \"$TOOL\" create n1")).status.success());
            let mode = sh("stat -c '%a' /run/netns");
            assert_eq!(mode.trim(), "755", "umask {umask}: everybody may list the namespaces");
            done("delete n1");
            sh("umount /run/netns; rmdir /run/netns");
        }
    });
}

#[test]
fn a_tool_that_others_can_change_is_not_run() {
    private_host(|| {
        lived_in();
        done("bridge br0 --addr 10.0.0.1/24");
        for (program, words) in [("ip", "bridge br1"), ("iptables-restore", "nat br0 fveth0")] {
            sh(&format!(
                "cp $(readlink -f $(which {program})) /run/tmp/copy; chown 0:0 /run/tmp/copy"
            ));
            // Where another owner is possible: not in a user namespace, which has but one.
            let owner = if succeeds("chown 1:1 /run/tmp/copy") { "chmod 755" } else { "chmod 775" };
            for change in [owner, "chown 0:0 /run/tmp/copy; chmod 777", "chmod 757", "chmod 775"] {
                sh(&format!("{change} /run/tmp/copy"));
                let script = format!(
                    "unshare --mount sh -c 'mount --bind /run/tmp/copy $(readlink -f $(which {program})); exec \"$TOOL\" {words}'"
                );
                is_refused(&script, 3, "somebody but root can change it");
            }
            sh("rm /run/tmp/copy");
        }
    });
}

#[test]
fn an_ip_that_is_not_installed_is_named_with_its_package() {
    private_host(|| {
        done("bridge br0 --addr 10.0.0.1/24");
        not_installed(&["ip"], "iproute2", &["create n1", "bridge br1", "bridge br0 --delete"]);
    });
}

#[test]
fn an_iptables_that_is_not_installed_is_named_with_its_package() {
    private_host(|| {
        done("bridge br0 --addr 10.0.0.1/24");
        done("bridge br1");
        let programs = ["iptables", "iptables-save", "iptables-restore", "nft"];
        not_installed(&programs, "iptables", &["nat br0 br1", "nat br0 br1 --delete"]);
    });
}

/// Without the programs, the lines are refused. (A snapshot needs them, so that others witness that nothing changes.)
fn not_installed(programs: &[&str], package: &str, lines: &[&str]) {
    let state = || {
        sh("ls /sys/class/net; find /run -path /run/tmp -prune -o -print; cat /proc/net/dev_mcast")
    };
    uninstall(programs);
    let before = state();
    for line in lines {
        let hint = format!("apt-get install {package}");
        tool(line).code(3).stdout("").stderr(predicates::str::contains(hint));
    }
    assert_eq!(state(), before);
}

#[test]
fn without_the_rights_it_says_which_is_missing() {
    private_host(|| {
        lived_in();
        for (missing, name) in [
            ("-all", "CAP_NET_ADMIN"),
            ("-net_admin", "CAP_NET_ADMIN"),
            ("-sys_admin", "CAP_SYS_ADMIN"),
        ] {
            let drop = format!("setpriv --bounding-set={missing} --inh-caps={missing}");
            is_refused(&format!("exec {drop} \"$TOOL\" create n1"), 3, name);
        }
        // Where there is another user to be; in a user namespace there is but one, and the above has to do.
        if succeeds("setpriv --reuid 65534 --clear-groups true") {
            std::fs::copy(binary("netns-tool"), "/run/tmp/any").expect("a copy that all may run");
            let line = "exec setpriv --reuid 65534 --clear-groups /run/tmp/any create n1";
            is_refused(line, 3, "with sudo");
        }
        let script =
            "exec unshare --mount sh -c 'mount -t tmpfs none /proc; exec \"$TOOL\" create n1'";
        is_refused(script, 3, "/proc/self/status");
    });
}

#[test]
fn what_others_have_put_in_its_folder_s_place_is_not_used() {
    private_host(|| {
        lived_in();
        sh("mkdir -m 700 /run/somebody/folder");
        for planted in [
            "ln -s /run/somebody/folder /run/netns-tool",
            "ln -s /nowhere /run/netns-tool",
            "ln -s /run/somebody/file /run/netns-tool",
            "touch /run/netns-tool",
            "mkfifo /run/netns-tool",
            "mkdir -m 777 /run/netns-tool",
            "mkdir -m 750 /run/netns-tool",
            "mkdir -m 701 /run/netns-tool",
            // Another owner: in a user namespace, where none can be given, that of the machine's own folders.
            "mkdir -m 700 /run/netns-tool; chown 1:1 /run/netns-tool || mount --bind /etc/ld.so.conf.d /run/netns-tool",
            "mkdir -m 700 /run/netns-tool; ln -s /run/somebody/file /run/netns-tool/lock",
            "mkdir -m 700 /run/netns-tool; mkdir /run/netns-tool/lock",
            "mkdir -m 700 /run/netns-tool; ln -s / /run/netns-tool/lock",
        ] {
            sh(&format!("{{ {planted}; }} 2>/dev/null"));
            for words in ["create n1", "delete foreign --force", "recover"] {
                is_refused(&format!("\"$TOOL\" {words}"), 3, "/run/netns-tool");
            }
            sh("umount /run/netns-tool 2>/dev/null || true; rm -rf /run/netns-tool");
        }
        // A journal that is a link is not followed either.
        sh("mkdir -m 700 /run/netns-tool; ln -s /run/somebody/file /run/netns-tool/journal");
        is_refused("\"$TOOL\" create n1", 4, "journal");
    });
}
