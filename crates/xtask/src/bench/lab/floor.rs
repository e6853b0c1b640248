//! The baseline: the same labs by netlink messages of one program, without a process more. What it does is the least
//! that can be done: no marks, no journal, no look at what is there.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::message::{End, Messages, Route};
use super::shape::{BRIDGE, GATEWAY, GROUP, Kind, Shape, host, near, network};

/// The numbers of the interfaces, which are free in a private host, so that none has to be asked for.
const LO: u32 = 1;
const BRIDGE_INDEX: u32 = 99_999;
const FIRST_PORT: u32 = 100_000;
const LEFT: u32 = 1000;
const RIGHT: u32 = 1001;
const NETNS: &str = "/proc/thread-self/ns/net";

pub fn up(shape: Shape) -> Result<()> {
    match shape.kind {
        Kind::Star => star(shape.count),
        Kind::Chain | Kind::Line => chain(shape),
    }
}

pub fn down(shape: Shape) -> Result<()> {
    if shape.kind == Kind::Star {
        // All at once, with the bridge: each alone would wait for a grace period of its own.
        let mut messages = Messages::default();
        messages.delete_group(GROUP);
        Route::open()?.run(messages)?;
    }
    for number in 0..shape.count {
        let path = path(&shape.netns(number));
        umount2(&path, MntFlags::MNT_DETACH)
            .and_then(|()| nix::unistd::unlink(&path))
            .with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn path(netns: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(netns)
}

/// Makes a network namespace, as `ip netns add` does; the calling thread stays in it.
fn enter_new(netns: &str) -> Result<(Route, File)> {
    let path = path(netns);
    File::create_new(&path).with_context(|| format!("cannot make {}", path.display()))?;
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
    mount(Some(NETNS), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| format!("cannot mount {}", path.display()))?;
    Ok((Route::open()?, File::open(NETNS)?))
}

fn star(count: u32) -> Result<()> {
    let home = Route::open()?;
    let mut messages = Messages::default();
    messages.bridge(End { name: BRIDGE, index: BRIDGE_INDEX }, GROUP);
    messages.address(BRIDGE_INDEX, GATEWAY, 16);
    home.run(messages)?;
    let shape = Shape { kind: Kind::Star, count };
    for number in 0..count {
        let name = shape.netns(number);
        let (inside, netns) = enter_new(&name)?;
        let mut messages = Messages::default();
        let port = End { name: &format!("{name}-eth0"), index: FIRST_PORT + number };
        messages.veth(port, GROUP, End { name: "eth0", index: LEFT }, &netns);
        home.run(messages)?;
        let mut messages = Messages::default();
        messages.up(LO);
        messages.up(LEFT);
        messages.address(LEFT, host(number), 16);
        messages.route([0; 4].into(), 0, GATEWAY);
        inside.run(messages)?;
    }
    // Last of all: what an interface says while it comes up would be flooded to every port that is there.
    for number in 0..count {
        let mut messages = Messages::default();
        messages.join(FIRST_PORT + number, BRIDGE_INDEX);
        home.run(messages)?;
    }
    Ok(())
}

fn chain(shape: Shape) -> Result<()> {
    let mut before: Option<Route> = None;
    for number in 0..shape.count {
        let (here, netns) = enter_new(&shape.netns(number))?;
        if shape.kind == Kind::Chain {
            std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
        }
        let mut messages = Messages::default();
        messages.up(LO);
        here.run(messages)?;
        if let Some(before) = before.take() {
            let left = number - 1;
            let mut messages = Messages::default();
            let right = End { name: "right", index: RIGHT };
            messages.veth(right, 0, End { name: "left", index: LEFT }, &netns);
            messages.up(RIGHT);
            messages.address(RIGHT, near(left, 1), 30);
            routes(shape, left, &mut messages);
            before.run(messages)?;
            let mut messages = Messages::default();
            messages.up(LEFT);
            messages.address(LEFT, near(left, 2), 30);
            here.run(messages)?;
        }
        before = Some(here);
    }
    let mut messages = Messages::default();
    routes(shape, shape.count - 1, &mut messages);
    before.map_or(Ok(()), |last| last.run(messages))
}

/// The routes of a router: to every link that is not its own.
fn routes(shape: Shape, number: u32, messages: &mut Messages) {
    for (link, via) in shape.routes(number) {
        messages.route(network(link), 30, via);
    }
}
