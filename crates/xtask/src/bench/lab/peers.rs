//! Other tools that build the same star, where they are installed.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::form::Form;
use super::shape::{BRIDGE, GATEWAY, GROUP};
use crate::bench::timed;
use crate::{process, say};

/// Builds the star with one socket for the host, and one for each namespace while it is worked at.
const PYROUTE2: &str = r#"
import sys
from ipaddress import ip_address
from pyroute2 import IPRoute, NetNS, netns
bridge_name, gateway, group, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with IPRoute() as host:
    host.link("add", ifname=bridge_name, kind="bridge", group=group)
    bridge = host.link_lookup(ifname=bridge_name)[0]
    host.addr("add", index=bridge, address=gateway, prefixlen=16)
    host.link("set", index=bridge, state="up")
    for number in range(count):
        name = f"h{number + 1}"
        netns.create(name)
        host.link("add", ifname=f"{name}-eth0", kind="veth", group=group,
                  peer={"ifname": "eth0", "net_ns_fd": name})
        port = host.link_lookup(ifname=f"{name}-eth0")[0]
        host.link("set", index=port, master=bridge, state="up")
        with NetNS(name) as inside:
            inside.link("set", index=1, state="up")
            eth0 = inside.link_lookup(ifname="eth0")[0]
            address = str(ip_address(gateway) + 1 + number)
            inside.addr("add", index=eth0, address=address, prefixlen=16)
            inside.link("set", index=eth0, state="up")
            inside.route("add", dst="default", gateway=gateway)
"#;

/// Builds the star and stops it, and prints how long each took: its namespaces live in its own process. That the time
/// of Python's own start is not in it is to its favour.
const MININET: &str = r#"
import sys, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo
begin = time.monotonic()
net = Mininet(topo=SingleSwitchTopo(int(sys.argv[1])), switch=LinuxBridge, controller=None, ipBase="10.0.0.0/16")
net.start()
up = time.monotonic()
lost = net.ping([net.hosts[0], net.hosts[-1]]) if len(net.hosts) > 1 else 0
assert lost == 0, "the first and the last host do not reach each other"
begin_stop = time.monotonic()
net.stop()
print((up - begin) * 1000, (time.monotonic() - begin_stop) * 1000)
"#;

/// Those that are installed; says which are not.
pub fn installed() -> Vec<Form> {
    let is_there = |form: &Form| {
        let module = if *form == Form::Mininet { "mininet.net" } else { "pyroute2" };
        let mut command = python(&format!("import {module}"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let is_there = command.status().is_ok_and(|status| status.success());
        if !is_there {
            say::plain(&format!("{} is not installed: left out", form.name()));
        }
        is_there
    };
    [Form::Mininet, Form::Pyroute2].into_iter().filter(is_there).collect()
}

fn python(program: &str) -> Command {
    let mut command = process::system("python3");
    command.args(["-c", program]).env("PATH", process::SYSTEM_PATH).stdin(Stdio::null());
    command
}

pub fn pyroute2(count: u32) -> Command {
    let mut command = python(PYROUTE2);
    command.args([BRIDGE, &GATEWAY.to_string(), &GROUP.to_string(), &count.to_string()]);
    command
}

/// How long Mininet takes to build and to stop, in milliseconds.
pub fn mininet(count: u32) -> Result<[f64; 2]> {
    let mut command = python(MININET);
    command.arg(count.to_string());
    let (_, output) = timed(command)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text.lines().last().unwrap_or_default();
    let times: Vec<f64> = last.split(' ').filter_map(|word| word.parse().ok()).collect();
    times.try_into().ok().with_context(|| format!("Mininet printed no times: {text}"))
}
