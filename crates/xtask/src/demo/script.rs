//! What the demo shows, in order. Each check here can fail, and says what it wanted.

use anyhow::{Result, ensure};

use super::stage::Stage;

/// Documentation addresses (RFC 5737): what the internet and the uplink are called here.
const INTERNET: &str = "203.0.113.1";
const UPLINK: &str = "203.0.113.2";
const RED: &str = "10.0.0.2";
const BLUE: &str = "10.0.0.3";

pub fn play(stage: &Stage) -> Result<()> {
    internet(stage)?;
    lab(stage)?;
    way_out(stage)?;
    across(stage)?;
    seen_from_outside(stage)?;
    nobody_gets_in(stage)?;
    take_back(stage)
}

fn internet(stage: &Stage) -> Result<()> {
    stage.scene(
        "1. A stand-in for the internet",
        "One namespace, wired to this host's uplink `eth0`; the default route leads there.",
    );
    stage.run("netns-tool create internet")?;
    stage.run(&format!(
        "netns-tool veth eth0 internet wan0 --host-addr {UPLINK}/24 --ns-addr {INTERNET}/24"
    ))?;
    stage.run(&format!("ip route add default via {INTERNET}"))?;
    Ok(())
}

fn lab(stage: &Stage) -> Result<()> {
    stage.scene(
        "2. Two namespaces on a bridge",
        "A namespace is a network of its own; a veth pair is a cable; a bridge is the switch between them.",
    );
    stage.run("netns-tool create red blue")?;
    stage.run("netns-tool bridge br0 --addr 10.0.0.1/24")?;
    for (name, address) in [("red", RED), ("blue", BLUE)] {
        stage.run(&format!(
            "netns-tool veth veth-{name} {name} eth0 --bridge br0 --ns-addr {address}/24 --gateway auto"
        ))?;
    }
    Ok(())
}

fn way_out(stage: &Stage) -> Result<()> {
    stage.scene(
        "3. A way out",
        "The private addresses 10.0.0.x mean nothing outside, so at first red gets no answer from there.\n\
         NAT gives what leaves the uplink's address, and lets the answers back in.",
    );
    stage.run_in_vain(&format!("ip netns exec red ping -c 1 -W 1 {INTERNET}"))?;
    stage.proved("no answer, as it should be: there is no NAT yet");
    stage.run("netns-tool nat br0")?;
    Ok(())
}

fn across(stage: &Stage) -> Result<()> {
    stage.scene(
        "4. Does it work?",
        "red reaches blue across the bridge, and the internet through NAT.",
    );
    for (target, name) in [(BLUE, "blue"), (INTERNET, "the internet")] {
        stage.run(&format!("ip netns exec red ping -c 2 -i 0.2 {target}"))?;
        stage.proved(&format!("red reaches {name}"));
    }
    Ok(())
}

fn seen_from_outside(stage: &Stage) -> Result<()> {
    stage.scene(
        "5. Whom does the internet see?",
        "A small server out there tells each visitor the address it is seen from (`xtask` brings it along).\n\
         It must see the uplink, and nothing of 10.0.0.x.",
    );
    for name in ["red", "blue"] {
        let server =
            stage.start(&format!("ip netns exec internet xtask tell-address {INTERNET}:80"))?;
        let answer = stage.run(&format!("ip netns exec {name} xtask ask-address {INTERNET}:80"))?;
        let seen = server.finish()?;
        ensure!(
            answer.trim() == format!("{INTERNET}:80 sees me as {UPLINK}")
                && seen.trim() == format!("a visitor from {UPLINK}"),
            "{name} should be seen as {UPLINK}, and the internet says: {}",
            seen.trim()
        );
        stage.proved(&format!("{name} is seen as the uplink"));
    }
    Ok(())
}

fn nobody_gets_in(stage: &Stage) -> Result<()> {
    stage.scene(
        "6. Does anybody get in?",
        "The internet reaches the uplink. It even gets a route to the private addresses - and is not let in.",
    );
    stage.run(&format!("ip -n internet route add 10.0.0.0/24 via {UPLINK}"))?;
    stage.run(&format!("ip netns exec internet ping -c 1 {UPLINK}"))?;
    stage.run_in_vain(&format!("ip netns exec internet ping -c 1 -W 1 {RED}"))?;
    stage.proved("no answer, as it should be: only what was asked for is let in");
    Ok(())
}

fn take_back(stage: &Stage) -> Result<()> {
    stage.scene(
        "7. Everything is taken back, in reverse",
        "The same words with `--delete`: the host must be as it was, byte for byte.",
    );
    stage.run("netns-tool nat br0 --delete")?;
    for name in ["blue", "red"] {
        stage.run(&format!("netns-tool veth veth-{name} {name} eth0 --delete"))?;
    }
    stage.run("netns-tool bridge br0 --delete")?;
    stage.run("netns-tool delete red blue")?;
    stage.run("netns-tool veth eth0 internet wan0 --delete")?;
    stage.run("netns-tool delete internet")?;
    Ok(())
}
