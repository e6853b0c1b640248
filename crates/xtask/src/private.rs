//! xtask in a private host: testhost makes it, and the hidden subcommands run inside.

use std::ffi::{OsStr, OsString};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{process, say};

/// The network namespace outside: what runs inside proves with it that it is inside.
const OUTSIDE: &str = "XTASK_OUTSIDE";

/// What the first namespace and the first rules of a host leave behind, made before anything is compared.
pub const WARM_UP: &str = "ip netns add warm-up
    ip netns del warm-up
    iptables -w 5 -t nat -A POSTROUTING -s 192.0.2.255 -j MASQUERADE
    iptables -w 5 -t nat -D POSTROUTING -s 192.0.2.255 -j MASQUERADE
    iptables -w 5 -A FORWARD -s 192.0.2.255 -j ACCEPT
    iptables -w 5 -D FORWARD -s 192.0.2.255 -j ACCEPT
    ip6tables -w 5 -A FORWARD -s 2001:db8::1 -j ACCEPT
    ip6tables -w 5 -D FORWARD -s 2001:db8::1 -j ACCEPT";

/// Makes testhost give a private host as an ordinary user has it, also to root.
pub const TEST_AS: &str = "NETNS_TOOL_TEST_AS";

/// Runs this program again with these arguments, in a private host. What fails there has been explained there.
pub fn rerun(args: &[&OsStr]) -> Result<ExitCode> {
    // Asked first: `unshare` itself does not know which switch of the kernel says no.
    testhost::probe()?;
    let mut words = vec![myself()?];
    words.extend(args.iter().map(OsString::from));
    let status = testhost::enter(&words)
        .env(OUTSIDE, network()?)
        .stdin(Stdio::null())
        .status()
        .context("cannot start `unshare`; install util-linux")?;
    if let (false, None) = (status.success(), status.code()) {
        say::error(&format!("ended by a signal ({})", process::ended(status)));
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Succeeds if private hosts work here; as whom, is told by the environment, so it takes a process of its own.
pub fn require(test_as: Option<&str>) -> Result<()> {
    let mut probe = std::process::Command::new(myself()?);
    probe.arg("probe").stdin(Stdio::null());
    match test_as {
        Some(user) => probe.env(TEST_AS, user),
        None => probe.env_remove(TEST_AS),
    };
    let who = if test_as.is_some() { "an ordinary user" } else { "this user" };
    let status = probe.status().context("cannot start xtask again")?;
    ensure!(status.success(), "the tests cannot run as {who}; see above");
    Ok(())
}

/// The safety belt of the hidden subcommands: typed by hand on a real host, they must not touch it.
pub fn require_inside() -> Result<()> {
    let inside = network()?;
    ensure!(
        std::env::var_os(OUTSIDE).is_some_and(|outside| outside != inside),
        "this runs in a private host only: use `cargo xtask demo` or `cargo xtask bench`"
    );
    Ok(())
}

/// Makes sure of that. Then it gets over with what the first namespace and rule of a host leave behind, whoever makes
/// them: the mount on /run/netns and empty chains.
pub fn begin() -> Result<()> {
    require_inside()?;
    process::check(
        process::system("sh").args(["-eu", "-c", WARM_UP]).env("PATH", process::SYSTEM_PATH),
    )
    .context("cannot warm up the private host")
}

fn network() -> Result<OsString> {
    let link =
        std::fs::read_link("/proc/self/ns/net").context("cannot read the network namespace")?;
    Ok(link.into())
}

/// Whether this private host stands on a user namespace: root here is not root outside.
pub fn as_user() -> Result<bool> {
    let map = std::fs::read_to_string("/proc/self/uid_map").context("cannot read the uid map")?;
    Ok(map.split_whitespace().nth(2) != Some("4294967295"))
}

pub fn myself() -> Result<OsString> {
    Ok(std::env::current_exe().context("cannot find the xtask program itself")?.into())
}
