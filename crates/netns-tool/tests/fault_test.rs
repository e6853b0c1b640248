//! F1, F2 and F4 of the fault gates: every call of every command goes wrong in every way, and the host is as promised.
//!
//! Each test is one scenario: it makes its command fail at each call k in each mode (fails before or after its effect,
//! is killed, hangs, prints rubbish or nothing, a signal arrives, netns-tool itself is killed), and prints how many
//! fault points and runs it tried.

mod support;

use support::faults::{LAB, PORTS, UPLINK, modes, thinned, tried, undone};
use testhost::{Scenario, binary, foreign_objects, private_host, sweep, warm_up};

fn create_three() -> Scenario {
    Scenario::build("create", &["create", "a", "b", "c", "--addr", "10.9.9.9/32"])
        .reset(&["$TOOL delete a b c"])
}

fn veth_full() -> Scenario {
    let command = [
        "veth",
        "va",
        "a",
        "eth0",
        "--bridge",
        "br0",
        "--ns-addr",
        "10.0.0.2/24",
        "--ns-addr",
        "fd00::2/64",
        "--gateway",
        "auto",
        "--mtu",
        "1400",
    ];
    Scenario::build("veth with everything", &command)
        .setup(&LAB)
        .reset(&["$TOOL veth va a eth0 --delete"])
}

fn bridge_attach() -> Scenario {
    Scenario::build(
        "bridge with ports",
        &[
            "bridge",
            "br1",
            "--addr",
            "10.1.0.1/24",
            "--attach",
            "p0,q0",
            "--mac",
            "02:00:00:00:00:11",
        ],
    )
    .setup(&PORTS)
    .reset(&["$TOOL bridge br1 --attach p0,q0 --delete"])
}

fn nat() -> Scenario {
    Scenario::build("nat", &["nat", "br0"])
        .setup(&[&LAB[..], &UPLINK].concat())
        .reset(&["$TOOL nat br0 --delete"])
}

#[test]
fn creating_namespaces() {
    tried(&create_three());
}

#[test]
fn creating_without_verification() {
    tried(
        &Scenario::build("create --no-verify", &["create", "a", "--no-verify"])
            .reset(&["$TOOL delete a"]),
    );
}

#[test]
fn creating_one_more() {
    let scenario = Scenario::build("create --if-missing", &["create", "a", "b", "--if-missing"]);
    tried(&scenario.setup(&["$TOOL create a"]).reset(&["$TOOL delete b"]));
}

#[test]
fn deleting_namespaces() {
    let wired = ["$TOOL create a b", "$TOOL veth va a eth0 --up", "$TOOL veth w a eth1 --up"];
    tried(&Scenario::remove("delete", &["delete", "a", "b", "--if-exists"]).setup(&wired).reset(
        &[
            "$TOOL delete a b --if-exists; $TOOL create a b",
            "$TOOL veth va a eth0 --up; $TOOL veth w a eth1 --up",
        ],
    ));
}

#[test]
fn deleting_namespaces_that_are_wired_to_each_other() {
    let lab = ["$TOOL create a b", "$TOOL veth e0 b e1 --host-ns a --up"];
    tried(
        &Scenario::remove("delete pair", &["delete", "a", "b", "--if-exists"])
            .setup(&lab)
            .reset(&["$TOOL delete a b --if-exists", lab[0], lab[1]]),
    );
}

#[test]
fn deleting_a_namespace_with_a_process_inside() {
    let make = "$TOOL create a; $TOOL veth va a eth0 --up";
    let start = "ip netns exec a sleep 600 >/dev/null 2>&1 &
        until ip netns pids a | grep -q .; do sleep 0.01; done";
    tried(
        &Scenario::remove("delete --kill", &["delete", "a", "--kill", "--if-exists"])
            .setup(&[make, start])
            .reset(&["$TOOL delete a --kill --if-exists", make, start]),
    );
}

#[test]
fn deleting_a_broken_leftover() {
    let broken = "mkdir -p /run/netns; touch /run/netns/broken";
    tried(
        &Scenario::remove("delete broken", &["delete", "broken", "--if-exists"])
            .setup(&[broken])
            .reset(&[broken]),
    );
}

#[test]
fn making_a_bare_veth_pair() {
    let scenario = Scenario::build("veth", &["veth", "va", "a", "eth0"]);
    tried(&scenario.setup(&LAB).reset(&["$TOOL veth va a eth0 --delete"]));
}

#[test]
fn making_a_veth_pair_with_everything() {
    tried(&veth_full());
}

/// Its end on the host becomes a port before the other comes up, not after.
#[test]
fn making_a_veth_pair_on_a_bridge_that_is_down() {
    let setup = [&LAB[..], &["ip link set dev br0 down"]].concat();
    let command = ["veth", "va", "a", "eth0", "--bridge", "br0", "--ns-addr", "10.0.0.2/24"];
    let scenario = Scenario::build("veth on a bridge that is down", &command);
    tried(&scenario.setup(&setup).reset(&["$TOOL veth va a eth0 --delete"]));
}

#[test]
fn making_a_veth_pair_between_namespaces() {
    let command = [
        "veth",
        "e0",
        "b",
        "e0",
        "--host-ns",
        "a",
        "--host-addr",
        "10.2.0.1/24",
        "--ns-addr",
        "10.2.0.2/24",
    ];
    let with_gateway = [&command[..], &["--gateway", "auto"]].concat();
    tried(
        &Scenario::build("veth --host-ns", &with_gateway)
            .setup(&LAB)
            .reset(&["$TOOL veth e0 b e0 --host-ns a --delete"]),
    );
}

#[test]
fn making_a_veth_pair_on_the_host() {
    let command =
        ["veth", "h0", "--host", "h1", "--host-addr", "10.3.0.1/24", "--ns-addr", "10.3.0.2/24"];
    tried(&Scenario::build("veth --host", &command).reset(&["$TOOL veth h0 --host h1 --delete"]));
}

#[test]
fn deleting_a_veth_pair() {
    let make = "$TOOL veth va a eth0 --ns-addr 10.0.0.2/24";
    tried(
        &Scenario::remove("veth --delete", &["veth", "va", "a", "eth0", "--delete", "--if-exists"])
            .setup(&[&LAB[..], &[make]].concat())
            .reset(&["$TOOL veth va a eth0 --delete --if-exists", make]),
    );
}

#[test]
fn making_a_bridge() {
    let command = [
        "bridge",
        "br1",
        "--addr",
        "10.1.0.1/24",
        "--addr",
        "fd01::1/64",
        "--stp",
        "--mtu",
        "1400",
    ];
    tried(&Scenario::build("bridge", &command).reset(&["$TOOL bridge br1 --delete"]));
}

#[test]
fn making_a_bridge_in_a_namespace() {
    let scenario =
        Scenario::build("bridge --ns", &["bridge", "br1", "--ns", "a", "--addr", "10.1.0.1/24"]);
    tried(&scenario.setup(&LAB).reset(&["$TOOL bridge br1 --ns a --delete"]));
}

#[test]
fn making_a_bridge_with_ports() {
    tried(&bridge_attach());
}

#[test]
fn joining_a_bridge() {
    let words = ["bridge", "br0", "--if-missing", "--attach", "p0,q0"];
    tried(
        &Scenario::build("bridge --if-missing", &words)
            .setup(&[&LAB[..], &PORTS].concat())
            .reset(&["$TOOL bridge br0 --if-missing --attach p0,q0 --delete"]),
    );
}

#[test]
fn leaving_a_bridge() {
    let join = "$TOOL bridge br0 --if-missing --attach p0,q0";
    let words = ["bridge", "br0", "--if-missing", "--attach", "p0,q0", "--delete", "--if-exists"];
    tried(
        &Scenario::remove("bridge --if-missing --delete", &words)
            .setup(&[&LAB[..], &PORTS, &[join]].concat())
            .reset(&["$TOOL bridge br0 --if-missing --attach p0,q0 --delete --if-exists", join]),
    );
}

#[test]
fn deleting_a_bridge_with_ports() {
    let make = "$TOOL bridge br1 --addr 10.1.0.1/24 --attach p0,q0 --mac 02:00:00:00:00:11";
    tried(
        &Scenario::remove(
            "bridge --delete",
            &["bridge", "br1", "--attach", "p0,q0", "--delete", "--if-exists"],
        )
        .setup(&[&PORTS[..], &[make]].concat())
        .reset(&["$TOOL bridge br1 --attach p0,q0 --delete --if-exists", make]),
    );
}

#[test]
fn turning_nat_on() {
    tried(&nat());
}

#[test]
fn turning_a_second_nat_on() {
    let scenario = Scenario::build("second nat", &["nat", "br2", "up0"]);
    tried(
        &scenario
            .setup(
                &[
                    &LAB[..],
                    &UPLINK,
                    &["$TOOL bridge br2 --addr 10.4.0.1/24 --addr 10.5.0.1/20", "$TOOL nat br0"],
                ]
                .concat(),
            )
            .reset(&["$TOOL nat br2 up0 --delete"]),
    );
}

#[test]
fn turning_nat_off() {
    tried(
        &Scenario::remove("nat --delete", &["nat", "br0", "--delete", "--if-exists"])
            .setup(&[&LAB[..], &UPLINK, &["$TOOL nat br0"]].concat())
            .reset(&["$TOOL nat br0 --delete --if-exists", "$TOOL nat br0"]),
    );
}

#[test]
fn a_name_that_is_taken_is_not_touched() {
    private_host(|| {
        warm_up();
        foreign_objects();
        for command in [
            &["create", "x", "foreign"][..],
            &["bridge", "fbr0"],
            &["veth", "fbr0", "foreign", "e0"],
        ] {
            let scenario = thinned(&Scenario::refused("taken", command));
            let report = sweep(&binary("netns-tool"), &scenario, modes());
            assert!(report.failures.is_empty(), "{report}");
        }
    });
}

#[test]
fn undoing_a_create_fails() {
    undone(&Scenario::build("undo of create", &["create", "a", "b"]).reset(&["$TOOL delete a b"]));
}

#[test]
fn undoing_a_veth_fails() {
    undone(&veth_full());
}

#[test]
fn undoing_a_bridge_fails() {
    undone(&bridge_attach());
}

#[test]
fn undoing_a_nat_fails() {
    undone(&nat());
}
