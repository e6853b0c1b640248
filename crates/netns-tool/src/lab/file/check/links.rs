//! Checks of bridges and wires: that what is on one of them fits together.

use crate::address::is_link_local;
use crate::lab::file::draft::{Bridge, Draft, End, Wire};
use crate::lab::file::problem::{At, Problem, Problems, Span};
use ipnet::IpNet;

/// How many ports a bridge takes (`BR_MAX_PORTS` of net/bridge/br_private.h less the one that is not used).
const PORTS_MAX: usize = 1023;
/// The smallest packet size with which IPv6 works, in bytes (RFC 8200, section 5).
const IPV6_MTU: u32 = 1280;

pub fn check(draft: &Draft, problems: &mut Problems) {
    let mut ports = vec![0; draft.bridges.len()];
    for wire in &draft.wires {
        for [end, other] in [[0, 1], [1, 0]].map(|ends| ends.map(|end| &wire.ends[end])) {
            let Some(bridge) = end.bridge else { continue };
            ports[bridge] += 1;
            if ports[bridge] == PORTS_MAX + 1 {
                let key = draft.bridges[bridge].key();
                let message = format!("bridge `{key}` has more than {PORTS_MAX} ports");
                problems.add(Problem::new(end.span, message).label("the kernel allows no more"));
            }
            check_inside(&draft.bridges[bridge], other, problems);
        }
        check_common(wire, problems);
        let nets = wire.ends.iter().flat_map(|end| &end.addresses);
        check_mtu(wire.mtu, nets, problems);
    }
    for bridge in &draft.bridges {
        check_mtu(bridge.raw.mtu.as_ref(), bridge.raw.addresses.list.iter(), problems);
    }
}

fn check_mtu<'n>(
    mtu: Option<&At<u32>>,
    mut addresses: impl Iterator<Item = &'n At<IpNet>>,
    problems: &mut Problems,
) {
    let Some(mtu) = mtu.filter(|mtu| mtu.value < IPV6_MTU) else { return };
    if let Some(address) = addresses.find(|address| address.value.addr().is_ipv6()) {
        let message = format!("IPv6 needs an `mtu` of at least {IPV6_MTU}");
        let label = format!("because of {}", address.value);
        problems.add(Problem::new(&mtu.span, message).label(label));
    }
}

/// Whether the two are neighbours, if each can have any.
fn is_common(one: &IpNet, other: &IpNet) -> bool {
    one.contains(&other.addr()) && other.contains(&one.addr())
}

fn is_subnet(address: &&At<IpNet>) -> bool {
    let net = address.value;
    net.prefix_len() < net.max_prefix_len() && !is_link_local(&net)
}

/// What is on a bridge has addresses of the bridge's subnets.
fn check_inside(bridge: &Bridge, end: &End, problems: &mut Problems) {
    if bridge.raw.addresses.faulty {
        return;
    }
    for address in end.addresses.iter().filter(is_subnet) {
        let of_family =
            |own: &&At<IpNet>| own.value.addr().is_ipv4() == address.value.addr().is_ipv4();
        let own: Vec<_> =
            bridge.raw.addresses.list.iter().filter(is_subnet).filter(of_family).collect();
        let is_inside = own.iter().any(|own| own.value.contains(&address.value.addr()));
        if let (Some(first), false) = (own.first(), is_inside) {
            let key = bridge.key();
            let message = format!("`{}` is in no subnet of bridge `{key}`", address.value);
            let label = format!("an address of {} reaches the others", first.value.trunc());
            problems.add(
                Problem::new(&address.span, message)
                    .label(label)
                    .beside(&first.span, "the bridge's"),
            );
        }
    }
}

/// Of each family that both ends of a wire have, they have addresses in one subnet.
fn check_common(wire: &Wire, problems: &mut Problems) {
    let [one, other] = &wire.ends;
    if one.faulty || other.faulty {
        return;
    }
    for is_ipv4 in [true, false] {
        let nets = |end: &End| -> Vec<(IpNet, Span)> {
            let of_family = |address: &&At<IpNet>| address.value.addr().is_ipv4() == is_ipv4;
            let nets = end.addresses.iter().filter(is_subnet).filter(of_family);
            nets.map(|address| (address.value, address.span.clone())).collect()
        };
        let (ours, theirs) = (nets(one), nets(other));
        let (Some((net, span)), Some((far, far_span))) = (ours.first(), theirs.first()) else {
            continue;
        };
        let has_common =
            ours.iter().any(|(net, _)| theirs.iter().any(|(far, _)| is_common(net, far)));
        if !has_common {
            let message = format!("`{net}` and `{far}` are in no common subnet");
            let label = "so the two ends of the link cannot reach each other";
            problems
                .add(Problem::new(far_span, message).label(label).beside(span, "the other end"));
        }
    }
}
