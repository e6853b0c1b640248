//! The other baseline: the same labs by as few processes of `ip` as can be, with texts that are known beforehand. It is
//! the least that a tool can take that shells out: no marks, no journal, no look at what is there.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns};

use super::shape::{BRIDGE, GATEWAY, GROUP, Kind, Shape, host, near, network};
use crate::process;

/// So many go through the namespaces: `ip` computes in one while the kernel holds up another.
const WORKERS: u32 = 3;

/// A waiting queue less for each end, and so two grace periods less for each pair.
const QUEUE: &str = "numtxqueues 1 numrxqueues 1";

pub fn up(shape: Shape) -> Result<()> {
    let half = shape.count / 2;
    at_once([0..half, half..shape.count].map(|numbers| {
        move || {
            batch(
                &numbers
                    .map(|number| format!("netns add {}\n", shape.netns(number)))
                    .collect::<String>(),
            )
        }
    }))?;
    batch(&pairs(shape))?;
    let next = AtomicU32::new(0);
    let worker = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= shape.count {
                return Ok(());
            }
            let path = Path::new("/run/netns").join(shape.netns(number));
            let netns =
                File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
            setns(netns, CloneFlags::CLONE_NEWNET).context("cannot enter a namespace")?;
            if shape.kind == Kind::Chain {
                std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
            }
            batch(&inside(shape, number))?;
        }
    };
    at_once((0..WORKERS).map(|_| worker))?;
    if shape.kind == Kind::Star {
        // Last of all: what an interface says while it comes up would be flooded to every port that is there.
        batch(&format!("link set {BRIDGE} up\n"))?;
    }
    Ok(())
}

/// What belongs to the host: a bridge with a port for each namespace, or the wires between them.
fn pairs(shape: Shape) -> String {
    let mut text = String::new();
    if shape.kind == Kind::Star {
        let _ = write!(
            text,
            "link add {BRIDGE} group {GROUP} type bridge\naddr add {GATEWAY}/16 dev {BRIDGE}\n"
        );
        for number in 0..shape.count {
            let netns = shape.netns(number);
            let _ = writeln!(
                text,
                "link add {netns}-eth0 up master {BRIDGE} group {GROUP} {QUEUE} type veth peer name eth0 {QUEUE} netns {netns}"
            );
        }
        return text;
    }
    for number in 1..shape.count {
        let (left, right) = (shape.netns(number - 1), shape.netns(number));
        let _ = writeln!(
            text,
            "link add right netns {left} {QUEUE} type veth peer name left {QUEUE} netns {right}"
        );
    }
    text
}

fn inside(shape: Shape, number: u32) -> String {
    let mut text = "link set lo up\n".to_owned();
    let mut end = |name: &str, address, prefix| {
        let _ = write!(text, "addr add {address}/{prefix} dev {name}\nlink set {name} up\n");
    };
    if shape.kind == Kind::Star {
        end("eth0", host(number), 16);
        return text + &format!("route add default via {GATEWAY}\n");
    }
    if number > 0 {
        end("left", near(number - 1, 2), 30);
    }
    if number + 1 < shape.count {
        end("right", near(number, 1), 30);
    }
    for (link, via) in shape.routes(number) {
        let _ = writeln!(text, "route add {}/30 via {via}", network(link));
    }
    text
}

/// One process of `ip`, in the namespace of the calling thread.
fn batch(text: &str) -> Result<()> {
    let path = process::find("ip").context("there is no `ip`")?;
    let mut child = Command::new(path)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start `ip`")?;
    child.stdin.take().context("a pipe")?.write_all(text.as_bytes()).context("cannot tell `ip`")?;
    ensure!(child.wait().context("cannot wait for `ip`")?.success(), "`ip` failed in:\n{text}");
    Ok(())
}

fn at_once<W>(works: impl IntoIterator<Item = W>) -> Result<()>
where
    W: FnOnce() -> Result<()> + Send,
{
    std::thread::scope(|scope| {
        let threads: Vec<_> = works.into_iter().map(|work| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}
