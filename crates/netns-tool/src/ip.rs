//! The commands of `ip`: one constructor for each kind of change, with what it gives and how it is undone.

use crate::address::Mac;
use crate::mark::{ALIAS, GROUP, PROTOCOL};
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::{Cmd, Fact, Place, Route, Setting, Step, Tool, Undo};
use ipnet::IpNet;
use std::net::IpAddr;

/// What an end of a veth pair, or a bridge, is made with: set in the call that makes it, so that no other program
/// (udev, NetworkManager) sees it without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardware {
    /// In bytes.
    pub mtu: Option<u32>,
    pub mac: Option<Mac>,
    /// Of a veth: one queue each way, and not as many as there are processors. Two grace periods of the kernel less.
    pub single_queue: bool,
}

impl Hardware {
    fn words(&self) -> String {
        let mtu = self.mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
        let mac = self.mac.map(|mac| format!(" address {mac}")).unwrap_or_default();
        let queues = if self.single_queue { " numtxqueues 1 numrxqueues 1" } else { "" };
        format!("{mtu}{mac} group {GROUP}{queues}")
    }
}

/// One end of a veth pair.
#[derive(Clone, Debug)]
pub struct End<'a> {
    pub at: &'a Place,
    pub name: &'a InterfaceName,
    pub hardware: Hardware,
}

/// Makes the namespace.
pub fn add_namespace(name: &NamespaceName) -> Step {
    Step::new(
        format!("make network namespace {name}"),
        Cmd::ip(&None, &format!("netns add {name}")),
    )
    .gives([Fact::Namespace(name.clone())])
    .undo([Undo::new(Fact::Namespace(name.clone()), Cmd::ip(&None, &format!("netns del {name}")))])
}

/// Removes the namespace, which must be unused, with all that is in it.
pub fn delete_namespace(name: &NamespaceName, why: String) -> Step {
    // As a word of its own: others give namespaces names with blanks in them.
    Step::new(why, Cmd::run(Tool::Ip, ["netns", "del", name.as_str()]))
        .gives([Fact::not(Fact::Namespace(name.clone()))])
}

/// Makes a veth pair, both ends at once where they belong, `from` the place of one of them or from the host.
pub fn add_veth(from: &Place, one: &End, other: &End) -> Step {
    let netns = |end: &End| match end.at {
        Some(netns) if end.at != from => format!(" netns {netns}"),
        _ => String::new(),
    };
    let (name, peer) = (one.name, other.name);
    let line = format!(
        "link add name {name}{}{} type veth peer name {peer}{}{}",
        netns(one),
        one.hardware.words(),
        netns(other),
        other.hardware.words()
    );
    Step::new(
        format!("make the veth pair {name} and {peer}, both ends where they belong"),
        Cmd::ip(from, &line),
    )
    .gives([link(one.at, one.name), link(other.at, other.name)])
    // With the one end the other is gone too, unless somebody has renamed it meanwhile.
    .undo([one, other].map(|end| undo_link(end.at, end.name)))
}

/// Makes a bridge. `options` are words for the kind, such as `stp_state 1`.
pub fn add_bridge(at: &Place, name: &InterfaceName, hardware: Hardware, options: &str) -> Step {
    Step::new(
        format!("make the bridge {name}"),
        Cmd::ip(at, &format!("link add name {name}{} type bridge{options}", hardware.words())),
    )
    .gives([link(at, name), Fact::Bridge { at: at.clone(), name: name.clone() }])
    .undo([undo_link(at, name)])
}

/// Removes a link; of a veth pair, the other end goes in the same moment.
pub fn delete_link(at: &Place, name: &InterfaceName, why: String) -> Step {
    Step::new(why, Cmd::ip(at, &format!("link del dev {name}"))).gives([Fact::not(link(at, name))])
}

/// Marks a link that was made here, and with `up` brings it up in the same call.
pub fn mark(at: &Place, name: &InterfaceName, alias: &str, up: bool, why: String) -> Step {
    let mut gives =
        vec![Fact::Alias { at: at.clone(), name: name.clone(), alias: alias.to_owned() }];
    let mut run = Cmd::ip(at, &format!("link set dev {name}"));
    with_words(&mut run, &["alias", alias]);
    with_words(&mut run, if up { &["up"][..] } else { &[] });
    gives.extend(up.then(|| Fact::Up { at: at.clone(), name: name.clone() }));
    Step::new(why, run).gives(gives)
}

/// The same, which also gives a bridge its size. In the call that makes it, it would hold only until the first port
/// joins or leaves (`br_mtu_auto_adjust` of net/bridge/br_if.c).
pub fn with_mtu(mark: Step, at: &Place, name: &InterfaceName, mtu: u32) -> Step {
    let mut mark = mark;
    with_words(&mut mark.run, &["mtu", &mtu.to_string()]);
    mark.gives.push(Fact::Set { at: at.clone(), name: name.clone(), setting: Setting::Mtu(mtu) });
    mark
}

/// Why a new link is marked.
pub fn why_marked(name: &InterfaceName, up: bool) -> String {
    format!("mark {name} as made by {ALIAS}{}", if up { ", and bring it up" } else { "" })
}

/// Adds an address to a link.
pub fn add_address(at: &Place, name: &InterfaceName, address: IpNet) -> Step {
    // On a link that has just been made nobody else can have the address. Without duplicate address detection it
    // can be used at once.
    let nodad = if address.addr().is_ipv6() { " nodad" } else { "" };
    Step::new(
        format!("give {name} the address {address}"),
        Cmd::ip(at, &format!("addr add {address} dev {name}{nodad}")),
    )
    .gives([Fact::Address { at: at.clone(), name: name.clone(), address }])
}

/// Adds a default route over a link that was made here.
pub fn add_default_route(at: &Place, gateway: IpAddr, device: &InterfaceName) -> Step {
    let family = if gateway.is_ipv6() { "-6 " } else { "" };
    Step::new(
        format!("send what is for other networks to {gateway}"),
        Cmd::ip(at, &format!("{family}route add default via {gateway} dev {device}")),
    )
    .gives([Fact::DefaultRoute { at: at.clone(), gateway }])
}

/// Adds a route over a link, marked by its protocol number.
pub fn add_route(at: &Place, route: Route, why: String) -> Step {
    let run = turn_route(at, "add", &route, PROTOCOL);
    Step::new(why, run).gives([Fact::Route { at: at.clone(), route }])
}

/// The way back of a step that adds it.
pub fn undo_route(at: &Place, route: Route) -> Undo {
    let run = turn_route(at, "del", &route, PROTOCOL);
    Undo::new(Fact::Route { at: at.clone(), route }, run)
}

/// Removes a route of ours.
pub fn delete_route(at: &Place, route: Route, why: String) -> Step {
    let run = turn_route(at, "del", &route, PROTOCOL);
    Step::new(why, run).gives([Fact::not(Fact::Route { at: at.clone(), route })])
}

/// Puts the route in the place of another with the same target, which somebody made with that protocol number.
pub fn replace_route(at: &Place, (old, protocol): (Route, u8), route: Route, why: String) -> Step {
    let run = turn_route(at, "replace", &route, PROTOCOL);
    let back = turn_route(at, "replace", &old, protocol);
    let made = Fact::Route { at: at.clone(), route };
    let gone = Fact::not(Fact::Route { at: at.clone(), route: old });
    Step::new(why, run).gives([made.clone(), gone]).undo([Undo::new(made, back)])
}

/// The way back of a step that takes away the route, which somebody made with that protocol number.
pub fn put_back_route(at: &Place, (route, protocol): (Route, u8)) -> Undo {
    let back = turn_route(at, "add", &route, protocol);
    Undo::new(Fact::not(Fact::Route { at: at.clone(), route }), back)
}

fn turn_route(at: &Place, verb: &str, route: &Route, protocol: u8) -> Cmd {
    let family = if route.to.addr().is_ipv6() { "-6 " } else { "" };
    Cmd::ip(at, &format!("{family}route {verb} {route} proto {protocol}"))
}

/// The way back of a step that adds the address to a link that was there before.
pub fn undo_address(at: &Place, name: &InterfaceName, address: IpNet) -> Undo {
    let made = Fact::Address { at: at.clone(), name: name.clone(), address };
    Undo::new(made, Cmd::ip(at, &format!("addr del {address} dev {name}")))
}

/// Takes an address off a link.
pub fn delete_address(at: &Place, name: &InterfaceName, address: IpNet, why: String) -> Step {
    let run = Cmd::ip(at, &format!("addr del {address} dev {name}"));
    let gone = Fact::Address { at: at.clone(), name: name.clone(), address };
    Step::new(why, run).gives([Fact::not(gone)])
}

/// Makes a link a port of a bridge.
pub fn join(at: &Place, name: &InterfaceName, bridge: &InterfaceName) -> Step {
    let made = Fact::Port { at: at.clone(), name: name.clone(), bridge: bridge.clone() };
    let run = Cmd::ip(at, &format!("link set dev {name} master {bridge}"));
    Step::new(format!("make {name} a port of {bridge}"), run).gives([made])
}

/// Sets something of a link, which is set back to what it `was`.
pub fn set_link(
    at: &Place,
    name: &InterfaceName,
    setting: Setting,
    was: Option<Setting>,
    why: String,
) -> Step {
    let line = |setting: Setting| Cmd::ip(at, &format!("link set dev {name} {}", setting.words()));
    let given = Fact::Set { at: at.clone(), name: name.clone(), setting };
    let undo: Vec<Undo> = was.map(|was| Undo::new(given.clone(), line(was))).into_iter().collect();
    Step::new(why, line(setting)).gives([given]).undo(undo)
}

/// Brings a link up.
pub fn up(at: &Place, name: &InterfaceName) -> Step {
    let given = Fact::Up { at: at.clone(), name: name.clone() };
    let line = |words| Cmd::ip(at, &format!("link set dev {name} {words}"));
    Step::new(format!("bring {name} up"), line("up"))
        .gives([given.clone()])
        .undo([Undo::new(given, line("down"))])
}

fn undo_link(at: &Place, name: &InterfaceName) -> Undo {
    Undo::new(link(at, name), Cmd::ip(at, &format!("link del dev {name}")))
}

fn link(at: &Place, name: &InterfaceName) -> Fact {
    Fact::Link { at: at.clone(), name: name.clone() }
}

/// Adds words to a command of `ip`.
pub fn with_words(run: &mut Cmd, words: &[&str]) {
    if let Cmd::Run { args, .. } = run {
        args.extend(words.iter().copied().map(Into::into));
    }
}
