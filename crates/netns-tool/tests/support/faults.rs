//! Sweeps of faults over the calls of a command, and the hosts that they begin on.

use testhost::{
    Mode, Scenario, Sig, UNDO_FAULTS, binary, foreign_objects, private_host, sweep, sweep_undo,
    warm_up,
};

/// One fault of each kind, the most telling first.
const KINDS: [Mode; 4] =
    [Mode::FailAfter, Mode::KillToolDuring, Mode::FailBefore, Mode::SignalAfter(Sig::Int)];

/// How much is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// `cargo xtask test --soak`, as CI does it.
    Soak,
    Quick,
    /// Where the suite runs a second time, as an ordinary user, with --soak or without: the plans are the same.
    Again,
}

/// What the suite was asked for.
pub fn depth() -> Depth {
    match (std::env::var_os("NETNS_TOOL_TEST_AS").is_some(), is_soak()) {
        (true, _) => Depth::Again,
        (false, true) => Depth::Soak,
        (false, false) => Depth::Quick,
    }
}

/// Whether `--soak` was asked for.
pub fn is_soak() -> bool {
    std::env::var_os("NETNS_TOOL_SOAK").is_some()
}

/// All ways to go wrong, or one of each kind.
pub fn modes() -> &'static [Mode] {
    if is_soak() { &Mode::ALL } else { &KINDS }
}

/// One of each kind, or the most telling: where only the words of the commands differ from what [`modes`] has tried.
pub fn kinds() -> &'static [Mode] {
    match depth() {
        Depth::Soak => &KINDS,
        Depth::Quick | Depth::Again => &KINDS[..2],
    }
}

/// For where each run takes seconds because a whole lab has to come up again, in the private host that the test has made
/// already: this fault at every other call, and with --soak two more at all of them.
pub fn slow_here(scenario: &Scenario, one: Mode) {
    let mut modes = vec![one];
    if depth() == Depth::Soak {
        let more = [Mode::FailAfter, Mode::KillToolDuring, Mode::SignalAfter(Sig::Int)];
        modes.extend(more.into_iter().filter(|more| *more != one).take(2));
    }
    let scenario = match depth() {
        Depth::Quick => scenario.clone().one_of(2),
        Depth::Soak | Depth::Again => thinned(scenario),
    };
    sweep(&binary("netns-tool"), &scenario, &modes).assert_clean();
}

/// Every fault at every call of the scenario's command, or as many as there is time for.
pub fn tried(scenario: &Scenario) {
    private_host(|| {
        warm_up();
        foreign_objects();
        tried_here(scenario, modes());
    });
}

/// The undo itself fails: exit code 4 with each leftover named, or the host as it was.
pub fn undone(scenario: &Scenario) {
    private_host(|| {
        warm_up();
        foreign_objects();
        undone_here(scenario);
    });
}

/// The same in the private host that the test has made already, with some of the faults.
pub fn tried_here(scenario: &Scenario, modes: &[Mode]) {
    sweep(&binary("netns-tool"), &thinned(scenario), modes).assert_clean();
}

/// With --soak every kind at every call. Without they take turns: at every call, or as an ordinary user at some of them.
pub fn thinned(scenario: &Scenario) -> Scenario {
    let scenario = scenario.clone();
    match depth() {
        Depth::Soak => scenario,
        Depth::Quick => scenario.in_turn(),
        Depth::Again => scenario.one_of(5).in_turn(),
    }
}

/// The undo itself fails, in the private host that the test has made already.
pub fn undone_here(scenario: &Scenario) {
    let (ways, stride) = match depth() {
        Depth::Soak => (&UNDO_FAULTS[..], 1),
        Depth::Quick => (&UNDO_FAULTS[1..2], 6),
        Depth::Again => (&UNDO_FAULTS[1..2], 12),
    };
    sweep_undo(&binary("netns-tool"), &scenario.clone().one_of(stride), ways).assert_clean();
}

/// Two namespaces and a bridge with addresses, as the others need them. The bridge has had a port, and the ports to
/// come have been up: what a first port, or a first time up, leaves for good (`NO-CARRIER`, a queueing discipline) is
/// the kernel's, and no part of what is compared.
pub const LAB: [&str; 4] = [
    "$TOOL create a b",
    "$TOOL bridge br0 --addr 10.0.0.1/24 --addr fd00::1/64 --mac 02:00:00:00:00:10",
    "ip link add w0 type veth peer name w1; ip link set w1 up; ip link set w0 master br0 up",
    // Its first port also gives it a link-local address, a moment later.
    "until ip -6 -o addr show dev br0 scope link -tentative | grep -q .; do sleep 0.01; done; ip link del w0",
];

/// One port that is down and one that is up.
pub const PORTS: [&str; 3] = [
    "$TOOL veth p0 --host p1",
    "$TOOL veth q0 --host q1 --up",
    "ip link set p0 up; ip link set p0 down",
];

/// An uplink that leads somewhere, with a default route.
pub const UPLINK: [&str; 4] = [
    "ip link add up0 type veth peer name up1",
    "ip link set up0 up; ip link set up1 up",
    "ip addr add 192.0.2.2/24 dev up0",
    "ip route add default via 192.0.2.1",
];
