//! That what was measured was done: pings across the lab, and an unchanged host after it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, anyhow, bail, ensure};
use testhost::Snapshot;

use super::shape::{GATEWAY, Kind, Shape, host, near};
use crate::process;

/// Up to here a snapshot of all that is there is worth its time.
const SMALL: u32 = 100;

/// The host as it was before.
pub struct Before {
    names: BTreeSet<String>,
    all: Option<Snapshot>,
}

impl Before {
    pub fn look(shape: Shape) -> Result<Self> {
        Ok(Self { names: names()?, all: (shape.count <= SMALL).then(Snapshot::settled) })
    }

    /// At once after the end of what takes the lab away: every name is free again.
    pub fn check_names(&self) -> Result<()> {
        let now = names()?;
        let left: Vec<&str> = now.symmetric_difference(&self.names).map(String::as_str).collect();
        ensure!(left.is_empty(), "it has returned, and these are there or gone: {left:?}");
        Ok(())
    }

    /// The host is as it was, in all that a snapshot sees.
    pub fn check_all(&self) -> Result<()> {
        let Some(before) = &self.all else { return Ok(()) };
        let changed = |diff| anyhow!("it has changed the host:\n{diff}");
        before.wait_equal().map_err(changed)
    }
}

/// The names of interfaces and of network namespaces.
fn names() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for folder in ["/sys/class/net", "/run/netns"].map(Path::new) {
        for entry in folder.read_dir().with_context(|| format!("cannot read {folder:?}"))? {
            names.insert(entry?.path().display().to_string());
        }
    }
    Ok(names)
}

/// The first, the one in the middle and the last reach what they should.
pub fn pings(shape: Shape) -> Result<()> {
    let count = shape.count;
    let (middle, last) = (count / 2, count - 1);
    match shape.kind {
        Kind::Star => {
            for (from, to) in [(0, middle), (middle, last), (last, 0)] {
                ping(shape, from, GATEWAY)?;
                ping(shape, from, host(to))?;
            }
        }
        Kind::Chain => {
            // From one end to the other a packet may take more hops than it lives.
            let reach = middle.min(100);
            ping(shape, 0, near(reach - 1, 2))?;
            ping(shape, last, near(last - reach, 1))?;
        }
        Kind::Line => {
            for link in [0, middle - 1, last - 1] {
                ping(shape, link, near(link, 2))?;
            }
        }
    }
    Ok(())
}

fn ping(shape: Shape, from: u32, to: std::net::Ipv4Addr) -> Result<()> {
    let (netns, to) = (shape.netns(from), to.to_string());
    let mut command = process::system("ip");
    command.args(["netns", "exec", &netns, "ping", "-n", "-c", "1", "-W", "10", "-t", "255", &to]);
    command.env("PATH", process::SYSTEM_PATH).stdin(Stdio::null());
    let output = command.output().context("cannot start `ip`")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        bail!("`{}` gets no answer: {}", process::show(&command), said.trim());
    }
    Ok(())
}
