//! `sandbox` where there can be no private host, or no way out of it: it says why, and what to do.

mod support;

use std::fs;

use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use support::typed::{WITHOUT_RIGHTS, said, script};
use support::{HOST, private_host, refused_with, serve, sh, uninstall};

#[test]
fn where_user_namespaces_are_forbidden_it_says_which_switch() {
    private_host(|| {
        // The switch belongs to the user namespace: this one is none of the machine's.
        let forbidden = format!(
            "unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces
             exec {WITHOUT_RIGHTS} netns-tool sandbox -- true'"
        );
        let output = script(&forbidden);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "error: no private host can be made here\n  \
             reason:  `user.max_user_namespaces` is 0 on this machine\n  \
             try:     sudo sysctl -w user.max_user_namespaces=10000, or with CAP_NET_ADMIN and CAP_SYS_ADMIN, \
             which this root does not have: docker run --cap-add, AmbientCapabilities= of systemd and the like\n"
        );
        assert_eq!(output.stdout, b"");
        // What no switch tells: nobody here may have root in a namespace of his own.
        let output =
            script("setpriv --bounding-set=-all --inh-caps=-all netns-tool sandbox -- true");
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            words.starts_with("unshare: ") && words.contains("error: no private host"),
            "{words}"
        );
        assert!(
            words.contains("which this root does not have") && !words.contains("sudo"),
            "{words}"
        );
    });
}

/// What is forbidden to all is so to root.
#[test]
fn to_be_root_is_advised_only_where_it_helps() {
    private_host(|| {
        for kind in ["net", "mnt", "pid"] {
            let limit = format!("user.max_{kind}_namespaces");
            let output = script(&format!(
                "unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_{kind}_namespaces
                 exec {WITHOUT_RIGHTS} netns-tool sandbox -- true'"
            ));
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            assert_eq!(
                String::from_utf8_lossy(&output.stderr),
                format!(
                    "error: no private host can be made here\n  \
                     reason:  `{limit}` is 0 on this machine\n  \
                     try:     sudo sysctl -w {limit}=10000\n"
                )
            );
        }
    });
}

#[test]
fn where_there_are_too_many_it_says_of_what() {
    private_host(|| {
        let refusal = |line: &str| {
            let output = script(line);
            assert_eq!(output.status.code(), Some(3), "{output:?}");
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let words = refusal(
            "unshare --user --map-root-user sh -c 'echo 1 > /proc/sys/user/max_net_namespaces
             exec unshare --net netns-tool sandbox -- true'",
        );
        assert!(
            words.contains("no more network namespaces: `user.max_net_namespaces` is 1 here"),
            "{words}"
        );
        assert!(words.contains("sysctl -w user.max_net_namespaces="), "{words}");
        // As many as may be within each other; this test is in some already.
        let within = |options: &str, last: &str| {
            let script = format!(
                "#!/bin/sh\ncase $1 in 0) exec {last} netns-tool sandbox -- true ;; esac\n\
                 exec unshare {options} sh /run/tmp/within $(($1 - 1))\n"
            );
            fs::write("/run/tmp/within", script).expect("write a script");
            let deep = (28..36).map(|depth| format!("sh /run/tmp/within {depth} 2>&1; "));
            said(&(deep.collect::<String>() + "true"))
        };
        for (options, last, kind) in
            [("--pid --fork", "", "pid"), ("--user --map-root-user", WITHOUT_RIGHTS, "user")]
        {
            let words = within(options, last);
            let reason = format!("no more {kind} namespaces: `user.max_{kind}_namespaces` is ");
            assert!(words.contains(&reason), "{words}");
            assert!(words.contains("or more than 32 would be within each other"), "{words}");
            for (limit, advised) in limits(&words) {
                assert!(advised.is_none_or(|advised| advised > limit), "{words}");
            }
        }
        let words = refusal("ulimit -n 8; exec netns-tool sandbox -- true");
        assert!(words.contains("(ulimit -n) is 8, and it takes 16"), "{words}");
    });
}

/// The limits that are named as the reason, and what is advised instead, if anything is.
fn limits(words: &str) -> Vec<(u64, Option<u64>)> {
    let number = |line: &str, after: &str| {
        let (_, rest) = line.split_once(after)?;
        rest.split(|other: char| !other.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    let lines: Vec<&str> = words.lines().collect();
    let limit = |pair: &[&str]| {
        Some((number(pair[0], "_namespaces` is ")?, number(pair[1], "_namespaces=")))
    };
    lines.windows(2).filter_map(limit).collect()
}

#[test]
fn a_tool_that_is_not_there_is_named() {
    private_host(|| {
        fs::write("/run/tmp/lab.toml", "[namespace.a]\n").expect("write a lab");
        for (program, package) in
            [("ip", "iproute2"), ("mount", "mount"), ("cp", "coreutils"), ("rmdir", "coreutils")]
        {
            // A device is no program.
            let path = sh(&format!("readlink -f $(command -v {program})"));
            sh(&format!("mount --bind /dev/null {path}"));
            for words in ["sandbox", "run --sandbox lab.toml"] {
                let output = script(&format!("netns-tool {words} -- true"));
                assert_eq!(output.status.code(), Some(3), "{output:?}");
                assert_eq!(
                    String::from_utf8_lossy(&output.stderr),
                    format!(
                        "error: `{program}` is not installed\n  \
                         looked:  /usr/sbin:/sbin:/usr/bin:/bin\n  \
                         try:     apt-get install {package} (or your system's package that has it)\n"
                    )
                );
            }
            sh(&format!("umount {path}"));
        }
    });
}

#[test]
fn an_uplink_leads_out() {
    private_host(|| {
        sh("ip link add out0 type veth peer name out1; ip link set out1 up; ip addr add 192.0.2.1/24 dev out0
            ip link set out0 up; ip route add default via 192.0.2.254");
        serve(HOST, 80);
        let nat = "[bridge.br0]\naddress = \"10.0.0.1/24\"\nnat = true\n[namespace.web]\nbridge = \"br0\"\n";
        fs::write("/run/tmp/nat.toml", nat).expect("write a lab");
        let ask = "bash -c \"cat < /dev/tcp/192.0.2.1/80\"";
        let inner =
            format!("cat /etc/resolv.conf; {ask}; netns-tool run -q nat.toml --in web -- {ask}");
        let output = script(&format!("netns-tool sandbox --uplink -- sh -c '{inner}'"));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        if fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_err() {
            // This user may not, on this machine, and is told.
            assert_eq!(output.status.code(), Some(3), "{errors}");
            assert!(errors.contains("could not be given an uplink"), "{errors}");
            assert!(errors.contains("/dev/net/tun"), "{errors}");
        } else {
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "nameserver 10.0.2.3\nyou are 192.0.2.1 on host:80you are 192.0.2.1 on host:80",
                "{errors}"
            );
        }
        assert_eq!(sh("pgrep slirp4netns || echo none"), "none\n");
        sh("mount -t tmpfs tmpfs /dev/net");
        let output = script("netns-tool sandbox --uplink -- true");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{errors}");
        assert!(errors.contains("there is no /dev/net/tun"), "{errors}");
        assert!(errors.contains("try:     modprobe tun"), "{errors}");
        uninstall(&["slirp4netns", "pasta"]);
        refused_with(3, "sandbox --uplink -- true")
            .stderr(contains("not installed").and(contains("apt-get install slirp4netns")));
    });
}
