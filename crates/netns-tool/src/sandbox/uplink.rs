//! The way out of a private host: slirp4netns or pasta, which make connections on behalf of it. They run outside, and end
//! with it.

use crate::failure::{Failure, in_words, missing};
use crate::plan::Tool;
use crate::run::Settings;
use crate::system::pipe::Pipe;
use crate::system::{child, tether, tools};
use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The name server behind the uplink, which asks those of the host.
pub const NAME_SERVER: &str = "10.0.2.3";

/// As one would type it.
pub const SHOWN: &str = "slirp4netns --configure --mtu=65520 --disable-host-loopback PID tap0";

/// What makes an uplink.
pub enum Means {
    Slirp(PathBuf),
    Pasta(PathBuf),
}

impl Means {
    /// # Errors
    /// None is installed.
    pub fn find(as_user: bool) -> Result<Self, Failure> {
        if tools::is_there(Tool::Slirp4netns) {
            return tools::find(Tool::Slirp4netns).map(Self::Slirp);
        }
        // Started by root, pasta gives root's rights up, and then may not enter what root has made.
        if as_user && tools::is_there(Tool::Pasta) {
            return tools::find(Tool::Pasta).map(Self::Pasta);
        }
        let failure = missing(if as_user {
            "--uplink takes `slirp4netns` or `pasta`, and neither is installed"
        } else {
            "--uplink takes `slirp4netns`, and it is not installed"
        });
        let or_pasta = if as_user { " (or passt, which has pasta)" } else { "" };
        let failure = failure.note("looked", tools::path());
        Err(failure.hint(format!("apt-get install slirp4netns{or_pasta}")))
    }
}

impl Means {
    /// Connects the network namespace of a process.
    ///
    /// # Errors
    /// In the words of the helper.
    pub fn connect(&self, pid: u32, settings: Settings) -> Result<Uplink> {
        let mut said = File::from(memfd_create(c"uplink", MFdFlags::MFD_CLOEXEC)?);
        let (tie, ready) = (Pipe::to_child()?, Pipe::from_child()?);
        let mut command = match self {
            Self::Slirp(program) => slirp(program, pid, &tie, &ready),
            Self::Pasta(program) => pasta(program, pid, &tie),
        };
        command.env("PATH", tools::path()).stdin(Stdio::null()).stdout(Stdio::null());
        let helper = command.stderr(said.try_clone()?).spawn();
        let helper = helper.context("cannot start the helper of the uplink")?;
        let mut uplink = Uplink { helper, _tie: tie.ours };
        drop((tie.childs, ready.childs));
        let is_ready = match self {
            Self::Slirp(_) => wait_for_word(ready.ours, settings),
            Self::Pasta(_) => wait_for_route(pid, &mut uplink.helper, settings),
        };
        if is_ready {
            return Ok(uplink);
        }
        uplink.end();
        let mut words = String::new();
        said.rewind()?;
        said.read_to_string(&mut words)?;
        let failure = missing("the private host could not be given an uplink").note(
            "system",
            if words.is_empty() { "no word within the time limit" } else { &words },
        );
        Err(without_tun(failure).into())
    }
}

/// All helpers take packets from a device, which a container may not have.
fn without_tun(failure: Failure) -> Failure {
    const TUN: &str = "/dev/net/tun";
    match OpenOptions::new().read(true).write(true).open(TUN) {
        Ok(_) => failure,
        Err(error) if error.kind() == ErrorKind::NotFound => failure
            .note("reason", format!("there is no {TUN}, which the helper takes packets from"))
            .hint(format!("modprobe tun; or, for a container, docker run --device {TUN}")),
        Err(error) => failure
            .note("reason", format!("{TUN} cannot be opened: {}", in_words(&error)))
            .hint(format!(
                "chmod 666 {TUN}, as is usual; or, for a container, docker run --device {TUN}"
            )),
    }
}

/// A helper that is at work for as long as this is kept.
pub struct Uplink {
    helper: Child,
    _tie: File,
}

impl Uplink {
    /// Ends it.
    pub fn end(self) {
        let Self { mut helper, _tie: tie } = self;
        drop(tie);
        // It has ended before, or ends with that.
        let _ = helper.wait();
    }
}

fn slirp(program: &Path, pid: u32, tie: &Pipe, ready: &Pipe) -> Command {
    let mut command = child::prepared(program);
    command.args(["--configure", "--mtu=65520", "--disable-host-loopback"]);
    tie.tell(&mut command, "--exit-fd");
    ready.tell(&mut command, "--ready-fd");
    command.arg(pid.to_string()).arg("tap0");
    command
}

/// It does not know how to end with somebody, and gets a process that does. Addresses are those of slirp4netns, and no port of
/// the one side is taken on the other.
fn pasta(program: &Path, pid: u32, tie: &Pipe) -> Command {
    let mut command = tether::command(tie);
    command.arg("--").arg(program).args(["--foreground", "--quiet", "--config-net", "--ipv4-only"]);
    command.args(["--address", "10.0.2.100", "--netmask", "24", "--gateway", "10.0.2.2"]);
    command.args(["--ns-ifname", "tap0", "--dns-forward", NAME_SERVER, "--no-map-gw"]);
    command.args(["-t", "none", "-u", "none", "-T", "none", "-U", "none"]);
    command.arg(pid.to_string());
    command
}

fn wait_for_word(mut ready: File, settings: Settings) -> bool {
    let time = PollTimeout::try_from(settings.limit).unwrap_or(PollTimeout::MAX);
    let is_there = poll(&mut [PollFd::new(ready.as_fd(), PollFlags::POLLIN)], time);
    is_there == Ok(1) && matches!(ready.read(&mut [0]), Ok(1))
}

/// It does not say when it is ready; but then there is a default route.
fn wait_for_route(pid: u32, helper: &mut Child, settings: Settings) -> bool {
    let path = format!("/proc/{pid}/net/route");
    let is_default = |line: &str| line.split_whitespace().nth(1) == Some("00000000");
    let deadline = Instant::now() + settings.limit;
    while Instant::now() < deadline && matches!(helper.try_wait(), Ok(None)) {
        if fs::read_to_string(&path).is_ok_and(|routes| routes.lines().any(is_default)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
