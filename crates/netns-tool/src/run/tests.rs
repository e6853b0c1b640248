//! Whole plans, such as a lab has, through the engine: each test in a private host of its own.

use super::*;
use crate::failure::Kind;
use crate::ip::{self, End, Hardware};
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::{Fact, Undo};
use testhost::{Faults, Mode, Snapshot, private_host, sh, warm_up};

const IP_FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

fn netns(number: usize) -> Place {
    Some(NamespaceName::new(&format!("n{number}")).expect("a name"))
}

fn interface(name: &str) -> InterfaceName {
    InterfaceName::reported(name.to_owned())
}

/// A bridge, and around it namespaces with an address and a default route, which forward. Their links join it last.
fn star(count: usize) -> Vec<Step> {
    let (mut steps, ports) = star_without_ports(count, true);
    for (number, port) in (1..).zip(ports) {
        steps.push(port.after([netns(number)]));
    }
    steps
}

/// The same, with a bridge that comes up when all of its ports have.
fn star_opened_last(count: usize) -> Vec<Step> {
    let (mut steps, ports) = star_without_ports(count, false);
    steps.extend(ports);
    let places: Vec<Place> = (1..=count).map(netns).collect();
    steps.push(ip::up(&None, &interface("br0")).undo([]).after(places));
    steps
}

/// What the two have in common, and the steps by which the links join the bridge.
fn star_without_ports(count: usize, is_up: bool) -> (Vec<Step>, Vec<Step>) {
    let (br0, lo, eth0) = (interface("br0"), interface("lo"), interface("eth0"));
    let hardware = Hardware::default();
    let marked = |at: &Place, name: &InterfaceName, is_up: bool| {
        ip::mark(at, name, "netns-tool:star", is_up, format!("mark {name}"))
    };
    let mark = |at: &Place, name: &InterfaceName| marked(at, name, true);
    let mut steps = vec![ip::add_bridge(&None, &br0, hardware, ""), marked(&None, &br0, is_up)];
    for number in 1..=count {
        let (at, host) = (netns(number), interface(&format!("h{number}")));
        let name = at.clone().expect("a namespace");
        let ends =
            (End { at: &None, name: &host, hardware }, End { at: &at, name: &eth0, hardware });
        // What needs the host's batch comes before what is done inside.
        steps.extend([ip::add_namespace(&name), ip::add_veth(&None, &ends.0, &ends.1)]);
        steps.extend([mark(&None, &host), mark(&at, &lo), mark(&at, &eth0)]);
        let forwards = Fact::Value { at: at.clone(), path: IP_FORWARD.into(), value: "1".into() };
        let run = Cmd::Write { netns: at.clone(), path: IP_FORWARD.into(), value: "1".into() };
        steps.push(Step::new("forward", run).gives([forwards]));
        let address = format!("10.7.{}.{}/16", number / 250, number % 250 + 1);
        steps.push(ip::add_address(&at, &eth0, address.parse().expect("an address")));
        let gateway = "10.7.255.254".parse().expect("an address");
        steps.push(ip::add_default_route(&at, gateway, &eth0));
        steps.push(ip::add_address(&at, &lo, "fd00::7/128".parse().expect("an address")));
    }
    let join = |number| ip::join(&None, &interface(&format!("h{number}")), &br0);
    (steps, (1..=count).map(join).collect())
}

/// Takes it away: the namespaces, and with them the pairs.
fn gone(count: usize) -> Vec<Step> {
    let br0 = interface("br0");
    let mut steps = vec![ip::delete_link(&None, &br0, "delete br0".to_owned())];
    for number in 1..=count {
        let name = netns(number).expect("a namespace");
        let host = Fact::Link { at: None, name: interface(&format!("h{number}")) };
        let mut step = ip::delete_namespace(&name, format!("delete {name}"));
        step.gives.push(Fact::not(host));
        steps.push(step);
    }
    steps
}

fn apply(plan: &Plan) -> Result<()> {
    let settings = Settings {
        limit: Duration::from_secs(10),
        wait: Duration::from_secs(10),
        verbose: false,
        progress: false,
    };
    Writer::new(settings)?.apply(plan, "netns-tool up star")
}

/// The failure that the plan ends with, though the host is as it was.
fn refusal(steps: Vec<Step>) -> String {
    warm_up();
    let before = Snapshot::settled();
    let error = apply(&Plan::build(steps)).expect_err("it must fail");
    before.wait_equal().expect("the host is as it was");
    let failure: Failure = error.downcast().expect("a failure in words");
    assert_ne!(failure.kind, Kind::Left);
    failure.to_string()
}

#[test]
fn a_star_comes_and_goes() {
    private_host(|| {
        warm_up();
        sh("sysctl -qw net.ipv4.ip_forward=0");
        let before = Snapshot::settled();
        apply(&Plan::build(star(20))).expect("it is built");
        assert_eq!(
            sh("ip netns exec n7 ip route show default").trim(),
            "default via 10.7.255.254 dev eth0"
        );
        assert_eq!(sh("ip netns exec n20 cat /proc/sys/net/ipv4/ip_forward").trim(), "1");
        assert_eq!(sh("cat /proc/sys/net/ipv4/ip_forward").trim(), "0");
        assert_eq!(sh("ip -br link show master br0 | wc -l").trim(), "20");
        sh("ip netns exec n3 ping -c 1 -W 2 10.7.0.5");
        apply(&Plan::remove(gone(20))).expect("it is removed");
        before.wait_equal().expect("the host is as it was");
    });
}

#[test]
fn what_fails_inside_a_namespace_takes_all_of_it_back() {
    private_host(|| {
        let mut steps = star(14);
        let (at, lo) = (netns(9), interface("lo"));
        let twice = ip::add_address(&at, &lo, "fd00::7/128".parse().expect("an address"));
        steps.push(twice);
        let said = refusal(steps);
        assert!(said.contains("could not give lo the address fd00::7/128"), "{said}");
        assert!(said.contains("ip -n n9 addr add fd00::7/128 dev lo nodad"), "{said}");
        assert!(
            said.contains("address already assigned") && !said.contains("Command failed"),
            "{said}"
        );
    });
}

#[test]
fn a_wrong_word_that_ip_names_no_line_for_is_found() {
    private_host(|| {
        let mut steps = star(14);
        let (name, bridge) = (interface("h4"), interface("nowhere"));
        let run = Cmd::ip(&None, "link set dev h4 master nowhere");
        let port = Fact::Port { at: None, name, bridge };
        steps.push(Step::new("join h4 to nowhere", run).gives([port]));
        let said = refusal(steps);
        assert!(said.contains("could not join h4 to nowhere"), "{said}");
    });
}

#[test]
fn a_value_of_the_host_is_put_back_in_its_turn() {
    private_host(|| {
        sh("sysctl -qw net.ipv4.ip_forward=0");
        let mut steps = star(14);
        let value =
            |value: &str| Fact::Value { at: None, path: IP_FORWARD.into(), value: value.into() };
        let run = Cmd::Write { netns: None, path: IP_FORWARD.into(), value: "1".into() };
        let undo = Undo::write(&None, IP_FORWARD.into(), "0".into());
        steps.push(Step::new("let the host forward", run).gives([value("1")]).undo([undo]));
        steps.push(Step::new("fail", Cmd::ip(&None, "link set dev h99 up")));
        let said = refusal(steps);
        assert!(said.contains("could not fail"), "{said}");
    });
}

#[test]
fn each_call_of_a_star_goes_wrong_and_the_host_is_as_it_was() {
    private_host(|| {
        warm_up();
        let faults = Faults::install();
        faults.reset();
        apply(&Plan::build(star(12))).expect("it is built");
        let calls = faults.calls().len();
        apply(&Plan::remove(gone(12))).expect("it is removed");
        assert!(calls <= 3 + 2 * 12, "{calls} processes");
        let before = Snapshot::settled();
        let is_set = |name| std::env::var_os(name).is_some();
        // Once more as an ordinary user, some will do; without --soak, half of the kinds at each call, in turn.
        let step = if is_set("NETNS_TOOL_TEST_AS") { 5 } else { 1 };
        let every = if is_set("NETNS_TOOL_SOAK") { 1 } else { 2 };
        let modes = [Mode::FailBefore, Mode::FailAfter, Mode::KilledAfter, Mode::Empty];
        let stars = [star, star_opened_last];
        for k in (1..=calls).step_by(step) {
            for (turn, &mode) in modes.iter().enumerate().skip(k % every).step_by(every) {
                faults.reset();
                faults.arm(k, mode);
                let outcome = apply(&Plan::build(stars[(k / every + turn) % 2](12)));
                assert!(faults.fired() == 1 && outcome.is_err(), "{mode:?} at {k}");
                faults.reset();
                if let Err(diff) = before.wait_equal() {
                    panic!("{mode:?} at {k}: {:#}\n{diff}", outcome.expect_err("a failure"));
                }
            }
        }
    });
}
