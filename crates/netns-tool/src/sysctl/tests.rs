//! The switches against a small kernel that has their side effects.

mod model;

use super::*;
use crate::plan::{Cmd, Step};
use model::Kernel;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

/// br0, br1, up0, up1 and a stranger's wg.1; 99 is the index of one that is gone.
const LINKS: [(u32, &str); 5] = [(2, "br0"), (3, "br1"), (4, "up0"), (5, "up1"), (7, "wg.1")];

fn name(name: &str) -> InterfaceName {
    InterfaceName::reported(name.to_owned())
}

fn host() -> State {
    let link = |(index, text): (u32, &str)| Link { index, name: name(text), ..Link::default() };
    State { links: LINKS.map(link).to_vec(), ..State::default() }
}

fn need(scope: Scope, bridge: &str, uplink: &str) -> Need {
    Need { scope, bridges: vec![name(bridge)], uplink: name(uplink) }
}

fn set(indices: &[u32]) -> BTreeSet<u32> {
    indices.iter().copied().collect()
}

fn off(family: Family) -> Forwarding {
    Forwarding { can_force: family == Family::V6, ..Forwarding::off(family) }
}

fn lines(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| step.run.to_string().replace("/proc/sys/net/", "")).collect()
}

fn undo_lines(step: &Step) -> Vec<String> {
    step.undo.iter().map(|undo| undo.run.to_string().replace("/proc/sys/net/", "")).collect()
}

#[test]
fn a_record_reads_back() {
    let v4 = Forwarding { default: true, interfaces: set(&[2, 7]), ..off(Family::V4) };
    assert_eq!(v4.record(70).unwrap(), "ip_forward=0 default=1 on=2,7");
    let strict = Forwarding { accept_redirects: false, ..v4 };
    assert_eq!(strict.record(70).unwrap(), "ip_forward=0 accept_redirects=0 default=1 on=2,7");
    let v6 = Forwarding { hearing: set(&[4, 5]), forced: set(&[2]), ..off(Family::V6) };
    assert_eq!(v6.record(70).unwrap(), "forwarding=0 force=2 ra=4,5");
    let on = Forwarding { on: true, interfaces: set(&[2]), ..off(Family::V6) };
    assert_eq!(on.record(70).unwrap(), "forwarding=1");
    for (family, crafted) in [
        (Family::V4, "no record"),
        (Family::V4, "on=1,2"),
        (Family::V4, "ip_forward=0 x=1"),
        (Family::V4, "ip_forward=0 on=3,x"),
        (Family::V4, "ip_forward=0 on=7,3"),
        (Family::V4, "ip_forward=0 on=03"),
        (Family::V4, "ip_forward=0 \""),
        (Family::V4, "ip_forward=2"),
        (Family::V4, "ip_forward=1 on=2"),
        (Family::V4, "ip_forward=0 ra=2"),
        (Family::V4, "forwarding=0"),
        (Family::V6, "ip_forward=0"),
        (Family::V6, "forwarding=0 accept_redirects=0"),
        (Family::V6, "forwarding=0 ra=2 force=3"),
        (Family::V6, "forwarding=0 ra="),
    ] {
        assert_eq!(Forwarding::from_record(family, crafted), None, "{crafted}");
    }
    let many = Forwarding { interfaces: (1000..1100).collect(), ..off(Family::V4) };
    assert!(many.record(ROOM_IPTABLES).is_err());
}

#[test]
fn the_way_back_sets_what_turning_it_off_changes() {
    let host = host();
    let before =
        Forwarding { accept_redirects: false, interfaces: set(&[7, 99]), ..off(Family::V4) };
    let need = need(Scope::Host, "br0", "up0");
    let steps = before.turn_on(&need, &before, &host).unwrap();
    assert_eq!(lines(&steps), ["echo 1 > ipv4/ip_forward"]);
    assert_eq!(
        undo_lines(&steps[0]),
        [
            "echo 0 > ipv4/ip_forward",
            "echo 0 > ipv4/conf/all/accept_redirects",
            "echo 1 > ipv4/conf/wg.1/forwarding",
        ]
    );
    let going = [Standing { need, before: Some(before.clone()) }];
    let now = Forwarding { on: true, default: true, interfaces: set(&[2, 7]), ..before.clone() };
    assert_eq!(lines(&now.turn_off(&going, &[], &host)), undo_lines(&steps[0]));
    assert_eq!(
        lines(&off(Family::V4).turn_off(&going, &[], &host)),
        undo_lines(&steps[0])[1..],
        "an interrupted way back is finished"
    );
    assert_eq!(before.turn_off(&going, &[], &host), []);
    assert_eq!(now.turn_off(&going, &going, &host), [], "another NAT needs it");
}

#[test]
fn the_routes_from_routers_outlive_ipv6_forwarding() {
    let now = Forwarding {
        interfaces: set(&[7]),
        forced: set(&[3]),
        hearing: set(&[2, 3, 4, 7]),
        always_hearing: set(&[5]),
        ..off(Family::V6)
    };
    // up0 is the uplink; over wg.1 there is a route from a router; br0 has neither.
    let mut kernel = Kernel::new(now.clone(), set(&[5, 7]));
    let (found, mut standing) = (kernel.clone(), vec![]);
    let steps = kernel.create(&need(Scope::Host, "br0", "up0"), &mut standing);
    assert_eq!(
        lines(&steps),
        [
            "echo 2 > ipv6/conf/up0/accept_ra",
            "echo 2 > ipv6/conf/wg.1/accept_ra",
            "echo 1 > ipv6/conf/all/forwarding",
        ]
    );
    assert_eq!(undo_lines(&steps[0]), ["echo 1 > ipv6/conf/up0/accept_ra"]);
    assert_eq!(
        undo_lines(&steps[2]),
        [
            "echo 0 > ipv6/conf/all/forwarding",
            "echo 1 > ipv6/conf/wg.1/forwarding",
            "echo 1 > ipv6/conf/br1/force_forwarding",
        ]
    );
    assert_eq!(kernel.advertised, found.advertised);
    let record = standing[0].before.as_ref().unwrap().record(ROOM_NFT).unwrap();
    assert_eq!(record, "forwarding=0 on=7 force=3 ra=4,7");
    let steps = kernel.delete(&mut standing, 0);
    assert_eq!(
        lines(&steps)[3..],
        ["echo 1 > ipv6/conf/up0/accept_ra", "echo 1 > ipv6/conf/wg.1/accept_ra"],
        "after the switches, which would take away the route over wg.1"
    );
    assert_eq!(kernel, found);
}

#[test]
fn one_by_one_only_the_bridge_and_the_uplink_forward() {
    let narrow = need(Scope::Interface, "br0", "up0");
    for (family, switch) in
        [(Family::V4, "ipv4/conf/br0/forwarding"), (Family::V6, "ipv6/conf/br0/force_forwarding")]
    {
        let mut found = Forwarding { hearing: set(&[2, 4]), ..off(family) };
        found.one_by_one_mut().extend([4, 7]);
        let mut kernel = Kernel::new(found.clone(), set(&[4]));
        let mut standing = vec![];
        let steps = kernel.create(&narrow, &mut standing);
        assert_eq!(lines(&steps), [format!("echo 1 > {switch}")], "the uplink's is on");
        let before = standing[0].before.as_ref().unwrap();
        assert_eq!(*before.one_by_one(), set(&[4]), "no stranger is remembered");
        assert_eq!(lines(&kernel.delete(&mut standing, 0)), [format!("echo 0 > {switch}")]);
        assert_eq!(kernel.now, found);
    }
    let on = Forwarding { on: true, ..off(Family::V6) };
    let before = on.remember(&narrow, &[], &host());
    assert_eq!(on.turn_on(&narrow, &before, &host()).unwrap(), []);
}

#[test]
fn a_kernel_without_the_switch_says_so() {
    let narrow = need(Scope::Interface, "br0", "up0");
    let old = Forwarding::off(Family::V6);
    let refusal = old.turn_on(&narrow, &old, &host()).unwrap_err();
    assert_eq!(refusal.kind, crate::failure::Kind::Missing);
    // Because of a NAT of the whole host it forwards now; it will not when that goes.
    let now = Forwarding { on: true, ..old.clone() };
    assert!(now.turn_on(&narrow, &old, &host()).is_err());
    assert!(now.turn_on(&narrow, &now, &host()).is_ok());
    assert!(Switches::default().of(Family::V6).is_err());
    let nameless = Forwarding { is_nameless: true, ..old.clone() };
    assert!(nameless.turn_on(&need(Scope::Host, "br0", "up0"), &old, &host()).is_err());
}

#[test]
fn what_others_turn_meanwhile_stays() {
    let (wide, narrow) = (need(Scope::Host, "br0", "up0"), need(Scope::Interface, "br0", "up0"));
    for family in Family::BOTH {
        // One of theirs goes on, one that was on goes off.
        let mut kernel = Kernel::new(Forwarding { interfaces: set(&[5]), ..off(family) }, set(&[]));
        let mut standing = vec![];
        kernel.create(&narrow, &mut standing);
        kernel.now.interfaces = &(&kernel.now.interfaces | &set(&[7])) - &set(&[5]);
        kernel.delete(&mut standing, 0);
        assert_eq!(kernel.now.interfaces, set(&[7]), "{family}");
        // Our own switch they have turned off already.
        kernel.create(&narrow, &mut standing);
        kernel.now.one_by_one_mut().remove(&2);
        assert_eq!(kernel.delete(&mut standing, 0).len(), 1, "{family}: of the uplink");
        // The whole host, turned on after the narrow NAT, before and after a wide one: it stays on.
        kernel.create(&narrow, &mut standing);
        let switch = format!("{}/{}", folder(family), host_switch(family));
        kernel.write(&Cmd::Write { netns: None, path: switch, value: "1".to_owned() });
        kernel.create(&wide, &mut standing);
        assert_eq!(kernel.delete(&mut standing, 1), []);
        kernel.delete(&mut standing, 0);
        assert!(kernel.now.on);
        // An interface that was on and that they turned off while the whole host forwarded.
        let mut kernel =
            Kernel::new(Forwarding { interfaces: set(&[5, 7]), ..off(family) }, set(&[]));
        kernel.create(&wide, &mut standing);
        kernel.now.interfaces.remove(&5);
        kernel.delete(&mut standing, 0);
        assert_eq!(kernel.now.interfaces, set(&[7]), "{family}");
    }
}

#[test]
fn loopback_on_a_bridge_is_turned_on_once() {
    let host = host();
    let bridge = &host.links[0];
    let now = Localnet::default();
    let step = now.turn_on(bridge).unwrap();
    assert_eq!(step.run.to_string(), "echo 1 > /proc/sys/net/ipv4/conf/br0/route_localnet");
    assert_eq!(undo_lines(&step), ["echo 0 > ipv4/conf/br0/route_localnet"]);
    assert_eq!(now.turn_off(bridge), None);
    let on = Localnet { interfaces: set(&[2]), ..now.clone() };
    assert_eq!(on.turn_on(bridge), None);
    assert_eq!(lines(&[on.turn_off(bridge).unwrap()]), undo_lines(&step));
    assert_eq!(Localnet { all: true, ..now }.turn_on(bridge), None);
}

fn any_indices() -> impl Strategy<Value = BTreeSet<u32>> {
    btree_set(prop::sample::select(vec![2, 3, 4, 5, 7]), 0..5)
}

fn any_forwarding() -> impl Strategy<Value = Forwarding> {
    let family = prop::sample::select(Family::BOTH.to_vec());
    let sets = (any_indices(), any_indices(), any_indices(), any_indices());
    (family, any::<[bool; 3]>(), sets).prop_map(|(family, [on, redirects, default], sets)| {
        let is_v6 = family == Family::V6;
        let of_v6 = |set: BTreeSet<u32>| if is_v6 { set } else { BTreeSet::new() };
        let always_hearing = of_v6(&sets.3 - &sets.2);
        Forwarding {
            family,
            on,
            accept_redirects: !is_v6 && redirects,
            default,
            interfaces: sets.0,
            forced: of_v6(sets.1),
            hearing: of_v6(sets.2),
            always_hearing,
            can_force: is_v6,
            is_nameless: false,
        }
    })
}

fn any_need() -> impl Strategy<Value = Need> {
    let scope = prop::sample::select(vec![Scope::Host, Scope::Interface]);
    let bridge = prop::sample::select(vec!["br0", "br1"]);
    (scope, bridge, prop::sample::select(vec!["up0", "up1"]))
        .prop_map(|(scope, bridge, uplink)| need(scope, bridge, uplink))
}

proptest! {
    #[test]
    fn every_record_reads_back(forwarding in any_forwarding()) {
        let record = forwarding.record(200).unwrap();
        let read = Forwarding::from_record(forwarding.family, &record).unwrap();
        prop_assert_eq!(read.record(200).unwrap(), record);
        let remembered = Forwarding {
            always_hearing: BTreeSet::new(), can_force: false, ..forwarding.clone()
        };
        if !forwarding.on {
            prop_assert_eq!(read, remembered);
        }
    }

    #[test]
    fn no_text_but_a_record_is_read(words in "(ip_)?forwarding=[01]( (on|ra|force|default)=[0-9,]{1,4}){0,3}") {
        for family in Family::BOTH {
            if let Some(read) = Forwarding::from_record(family, &words) {
                prop_assert_eq!(read.record(200).unwrap(), words.clone());
            }
        }
    }

    /// NATs of both scopes come and go in any order; what each needs is on as long as it stands, and in the end
    /// every switch is as it was.
    #[test]
    fn when_all_nats_are_gone_all_is_as_before(
        found in any_forwarding(),
        advertised in any_indices(),
        moves in vec((any_need(), any::<bool>(), 0usize..8), 1..12),
    ) {
        // A route from a router is there only over an interface that hears routers.
        let heard = &(&found.hearing | &found.always_hearing) & &advertised;
        let advertised = if found.on { BTreeSet::new() } else { heard };
        let found = Kernel::new(found, advertised);
        let (mut kernel, mut standing) = (found.clone(), Vec::new());
        for (need, comes, at) in moves {
            if comes {
                kernel.create(&need, &mut standing);
            } else if !standing.is_empty() {
                let at = at % standing.len();
                kernel.delete(&mut standing, at);
            }
            for nat in &standing {
                prop_assert!(kernel.now.is_on(&nat.need, &host()), "{:?} of {:?}", nat, kernel);
            }
            prop_assert_eq!(&kernel.advertised, &found.advertised);
        }
        while !standing.is_empty() {
            kernel.delete(&mut standing, 0);
        }
        prop_assert_eq!(kernel, found);
    }
}
