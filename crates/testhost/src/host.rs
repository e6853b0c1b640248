//! Private hosts: a test, or any program, in network, mount and pid namespaces of its own.
//!
//! A test re-executes its own test binary inside `unshare`, because a process with threads (which
//! libtest is) can neither enter a pid namespace nor, cleanly, a mount namespace. `/run` is covered
//! by a fresh tmpfs *before* anything else: `ip netns add` writes there, and without the cover a
//! namespace made by a test would appear on the real machine. `/etc` is covered too ([`etc`]). The pid namespace is what makes sure
//! that nothing a test started outlives it: the kernel kills all of it with its first process.
//!
//! Three ways to get there, all through [`enter`]: as root; as an ordinary user, with a user
//! namespace; and as root with `NETNS_TOOL_TEST_AS=user`, which first becomes uid 65534, so that a CI
//! job that is root anyway also tests what an ordinary user sees.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use anyhow::{Context as _, bail};

use crate::etc;
use crate::share::{SHARE_BUILD, Share, build_folder};
use crate::ticket::{TICKET, Ticket, namespace_of_self};
use crate::watch::{LIMIT, Watch};
use crate::why_not::why_not;

const AS_USER: &str = "NETNS_TOOL_TEST_AS";
const NOBODY: &str = "65534";
/// Where the system's tools are; an ordinary user's PATH often lacks the sbin folders.
const TOOL_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs inside the new namespaces, before the program. Whoever runs the tests in the background, as some CI does, has SIGINT
/// and SIGQUIT ignored, or others, as `perf record` has; that would go on to all that they start, and a shell cannot take it
/// back.
const SET_UP: &str = r#"set -e
mount -n -t tmpfs -o mode=755,nosuid,nodev testhost /run
mount -n -t sysfs sysfs /sys
mkdir -m 1777 /run/tmp
ip link set dev lo up
exec env --default-signal "$@""#;

/// Runs `body`, the whole of a `#[test]`, in a private host.
///
/// # Panics
///
/// Where no private host can be had (the message says which switch forbids it), where the body
/// panics, and where the body did not run at all, for whatever reason.
pub fn private_host<F: FnOnce()>(body: F) {
    match env::var(TICKET) {
        Ok(ticket) => inner(&Ticket::parse(&ticket), body),
        Err(_) => outer(&test_name::<F>(), "").unwrap_or_else(|failure| panic!("{failure}")),
    }
}

/// Runs `body`, the whole of a `#[test]`, once for each variant, each time in a private host of its
/// own which `prepare` has made that variant. One that fails does not stop the others.
///
/// # Panics
///
/// As [`private_host`], naming the variants that failed; and if two variants look the same.
pub fn private_hosts<V: Copy + Debug, F: Fn(V)>(variants: &[V], prepare: impl Fn(V), body: F) {
    let names: Vec<String> = variants.iter().map(|variant| format!("{variant:?}")).collect();
    assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric())), "{names:?}");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    match env::var(TICKET) {
        Ok(ticket) => {
            let ticket = Ticket::parse(&ticket);
            let variant = names.iter().position(|name| *name == ticket.variant);
            let variant = variants[variant.expect("the ticket names one of the variants")];
            inner(&ticket, || {
                prepare(variant);
                body(variant);
            });
        }
        Err(_) => {
            let test = test_name::<F>();
            // At the same time: most of it is waiting.
            let failed: Vec<String> = thread::scope(|scope| {
                let test = test.as_str();
                let running: Vec<_> =
                    names.iter().map(|name| scope.spawn(move || outer(test, name))).collect();
                let ended = running.into_iter().map(|run| run.join().expect("a private host"));
                ended.filter_map(Result::err).collect()
            });
            assert!(failed.is_empty(), "{}", failed.join("\n"));
        }
    }
}

/// A command that runs `program` (and its arguments) in a private host. Standard streams and the
/// working directory are the caller's to set; the exit code is the program's, or 1 from `unshare` or
/// `mount` where there is no private host, in which case [`probe`] says why.
///
/// # Panics
///
/// If `program` is empty.
pub fn enter<S: AsRef<OsStr>>(program: &[S]) -> Command {
    assert!(!program.is_empty(), "no program to run in a private host");
    let root = nix::unistd::geteuid().is_root();
    let share = (root && env::var_os(AS_USER).is_some_and(|v| v == "user")).then(Share::new);
    let mut argv: Vec<OsString> = Vec::new();
    if let Some(share) = &share {
        argv.extend(["unshare", "--mount", "sh", "-c", SHARE_BUILD, "share"].map(Into::into));
        argv.extend([share.build.clone().into(), share.place.clone().into()]);
        argv.extend(
            ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"].map(Into::into),
        );
    }
    argv.push("unshare".into());
    if !root || share.is_some() {
        argv.extend(["--user", "--map-root-user"].map(Into::into));
    }
    argv.extend(["--net", "--mount", "--propagation", "private"].map(Into::into));
    argv.extend(["--pid", "--fork", "--kill-child", "--mount-proc"].map(Into::into));
    argv.extend(["sh", "-c", SET_UP, "private-host"].map(Into::into));
    argv.extend(program.iter().map(|arg| match &share {
        Some(share) => share.translate(arg.as_ref()),
        None => arg.as_ref().to_owned(),
    }));

    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env("TMPDIR", "/run/tmp").env("PATH", full_path());
    if let Some(share) = &share {
        // assert_cmd finds the tool by these, where cargo sets them.
        for (key, value) in env::vars_os() {
            if key.to_string_lossy().starts_with("CARGO_BIN_EXE_") {
                command.env(&key, share.translate(&value));
            }
        }
    }
    command
}

/// Whether private hosts work here; if not, the error says what forbids them and how to allow it.
///
/// # Errors
///
/// When `true` cannot be run in a private host.
pub fn probe() -> anyhow::Result<()> {
    let output =
        enter(&["true"]).output().context("cannot start `unshare` (package util-linux)")?;
    if !output.status.success() {
        bail!("no private host can be made here:\n{}\n{}", text(&output), why_not());
    }
    Ok(())
}

/// Whether this process runs in a private host made by [`private_host`].
pub fn is_private() -> bool {
    env::var_os(TICKET).is_some()
}

/// The program `name` built beside the running test or task, wherever that is.
///
/// # Panics
///
/// If the path of the running program cannot be read.
pub fn binary(name: &str) -> PathBuf {
    build_folder().join(name)
}

fn inner(ticket: &Ticket, body: impl FnOnce()) {
    // The safety belt. Whatever went wrong on the way here: never run on the real machine.
    assert_ne!(namespace_of_self("net"), ticket.net, "not in a network namespace of its own");
    assert_ne!(namespace_of_self("mnt"), ticket.mount, "not in a mount namespace of its own");
    let run = nix::sys::statfs::statfs("/run").expect("statfs /run");
    assert_eq!(run.filesystem_type(), nix::sys::statfs::TMPFS_MAGIC, "/run is not a tmpfs");
    assert!(!Path::new("/run/netns").exists(), "/run is not a fresh one");
    etc::cover().expect("an /etc of its own");
    print_line(&ticket.marker("start"));
    body();
    print_line(&ticket.marker("done"));
}

/// Runs the test again in a private host; what failed there, if it did.
fn outer(name: &str, variant: &str) -> Result<(), String> {
    let exe = env::current_exe().expect("the path of the test binary");
    assert!(!exe.starts_with("/run"), "the build folder is below /run, which a private host hides");
    let ticket = Ticket::new(variant);
    let options = ["--exact", "--include-ignored", "--nocapture", "--test-threads=1"];
    let mut argv: Vec<&OsStr> = vec![exe.as_os_str(), name.as_ref()];
    argv.extend(options.iter().map(OsStr::new));
    let of = if variant.is_empty() { name.to_owned() } else { format!("{name} on {variant}") };
    let child = enter(&argv)
        .env(TICKET, ticket.text())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start `unshare` (package util-linux): {error}"));
    let watch = Watch::over(&child);
    let output = child.wait_with_output().expect("the output of the private host");
    let is_late = watch.end();

    let all = text(&output);
    let (start, done) = (ticket.marker("start"), ticket.marker("done"));
    let said: String = all
        .lines()
        .filter(|line| !line.is_empty() && !line.contains(&start) && !line.contains(&done))
        .map(|line| format!("{line}\n"))
        .collect();
    if is_late {
        return Err(format!("`{of}` was not done after {} s:\n{said}", LIMIT.as_secs()));
    }
    if !all.contains(&start) {
        return Err(format!("no private host for `{of}`:\n{said}\n{}", why_not()));
    }
    if !output.status.success() {
        return Err(format!("`{of}` failed in its private host:\n{said}"));
    }
    if !all.contains(&done) {
        return Err(format!("`{of}` did not run to its end in its private host:\n{said}"));
    }
    // Of a success only what the body printed is of interest, not what libtest says around it.
    show(said_between(&all, &start, &done));
    Ok(())
}

fn said_between<'a>(all: &'a str, start: &str, done: &str) -> &'a str {
    let rest = all.split_once(start).map_or(all, |(_, rest)| rest);
    rest.split_once(done).map_or(rest, |(body, _)| body).trim_start_matches('\n')
}

/// The name of the running test. libtest names its threads after their tests, but runs tests on the
/// main thread with `--test-threads=1`; there the type of the closure tells (`crate::test::{{closure}}`).
fn test_name<F>() -> String {
    let thread = std::thread::current();
    match thread.name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => {
            let path = std::any::type_name::<F>();
            path.strip_suffix("::{{closure}}")
                .and_then(|path| path.split_once("::"))
                .unwrap_or_else(|| panic!("call private_host with a closure, not with `{path}`"))
                .1
                .to_owned()
        }
    }
}

fn full_path() -> OsString {
    let mut path = OsString::from(TOOL_PATH);
    if let Some(own) = env::var_os("PATH") {
        path.push(":");
        path.push(own);
    }
    path
}

fn text(output: &Output) -> String {
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned();
    if !all.is_empty() && !all.ends_with('\n') {
        all.push('\n');
    }
    all + &String::from_utf8_lossy(&output.stderr)
}

#[expect(clippy::print_stdout, reason = "libtest captures print!, and shows it with --nocapture")]
fn show(text: &str) {
    print!("{text}");
}

#[expect(clippy::print_stdout, reason = "the outer process reads the marker from stdout")]
fn print_line(line: &str) {
    println!("\n{line}");
}
