//! What is shown, for people.

use super::view::{End, Known, Lab, Link, Member, Namespace, Process, View, Waiting, Way};
use crate::address::is_link_local;
use crate::failure::{count, printable, shortened};
use crate::kernel::namespaces::OF_ANOTHER_KIND;
use crate::lab;
use crate::plan::{Place, quote};
use crate::suggest::one_line;
use crate::table::columns;
use crate::topology::{Interface, Nat, Same, label};
use ipnet::IpNet;

pub fn print(view: &View) -> String {
    printable(&match view {
        View::Namespace(namespace) => of_namespace(namespace),
        View::Interface(link) => of_link(link),
        View::Lab(lab) => of_lab(lab),
    })
}

fn of_namespace(one: &Namespace) -> String {
    let path = quote(&one.path.to_string_lossy()).into_owned();
    let mut facts = vec![one.owner.to_string(), path];
    facts.extend(one.same_as.as_ref().map(Same::to_string));
    facts.extend(one.also.iter().map(|name| format!("also called {name}")));
    let head = format!("Network namespace {}: {}", one.name, facts.join(", "));
    if one.state != "sound" {
        let cure = match one.state {
            "broken" => format!("  try: netns-tool delete {}\n", one.name),
            OF_ANOTHER_KIND => format!("  try: umount {}\n", quote(&one.path.to_string_lossy())),
            _ => String::new(),
        };
        return format!("{head}\n  It is no sound namespace ({})\n{cure}", one.state);
    }
    [
        head + "\n",
        section("Interfaces", ends(&one.interfaces)),
        section("Routes", one.routes.iter().map(way).collect()),
        section("Neighbours", one.neighbours.iter().map(known).collect()),
        section("Listening", one.listening.iter().map(waiting).collect()),
        section("Processes", one.processes.iter().map(process).collect()),
    ]
    .concat()
}

fn of_link(link: &Link) -> String {
    let Interface { name, kind, owner, mtu, mac, addresses, .. } = &link.end.interface;
    let whose = place(&link.namespace);
    let kind = kind.as_deref().map_or_else(|| "Interface".to_owned(), capital);
    let mut facts = vec![vec!["state".to_owned(), state(&link.end)]];
    let mut fact = |name: &str, value: String| facts.push(vec![name.to_owned(), value]);
    if !addresses.is_empty() {
        fact("addresses", addresses.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", "));
    }
    if let Some(mac) = mac {
        fact("mac", mac.clone());
    }
    if let Some(mtu) = mtu {
        fact("mtu", mtu.to_string());
    }
    let wired = wiring(&link.end);
    if !wired.is_empty() {
        fact("wired", wired);
    }
    [
        format!("{kind} {name} {whose}: {owner}\n"),
        indent(&facts),
        section("Ports", ends(&link.ports)),
        section("NAT", link.nats.iter().flat_map(nat).collect()),
        section("Routes", link.routes.iter().map(way).collect()),
        section("Neighbours", link.neighbours.iter().map(known).collect()),
    ]
    .concat()
}

fn of_lab(lab: &Lab) -> String {
    let listed = &lab.listed;
    let file = listed.file.as_ref().map(|file| format!(", {}", file.display())).unwrap_or_default();
    let since = listed.since.map(lab::up_for).unwrap_or_default();
    let sizes = format!(
        "{}, {}",
        count(listed.namespaces, "namespace"),
        count(listed.interfaces, "interface")
    );
    let drift = match listed.drift {
        Some(true) => "\n  It is not as its file says: netns-tool diff tells what differs",
        _ => "",
    };
    let head = format!("Lab {}: {sizes}{since}{file}{drift}\n", listed.name);
    let members = lab.members.iter().map(member);
    let nats = section("NAT", lab.nats.iter().flat_map(nat).collect());
    std::iter::once(head).chain(members).chain([nats]).collect()
}

fn member(member: &Member) -> String {
    let others: Vec<End> =
        member.interfaces.iter().filter(|end| !end.interface.is_loopback()).cloned().collect();
    let head = member.namespace.as_ref().map_or("On the host".to_owned(), ToString::to_string);
    // Each with columns of its own: a command line is long.
    let processes: Vec<Vec<String>> = member.processes.iter().map(process).collect();
    format!("{head}\n{}{}", indent(&ends(&others)), indent(&processes))
}

/// A head, and the rows below it; nothing if there are none.
fn section(head: &str, rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() { String::new() } else { format!("{head}\n{}", indent(&rows)) }
}

fn indent(rows: &[Vec<String>]) -> String {
    columns(rows).lines().map(|line| format!("  {line}\n")).collect()
}

fn ends(ends: &[End]) -> Vec<Vec<String>> {
    let row = |end: &End| {
        let addresses = end.interface.addresses.iter().filter(|net| !is_link_local(net));
        let addresses: Vec<String> = addresses.map(IpNet::to_string).collect();
        let addresses = if addresses.is_empty() { "-".to_owned() } else { addresses.join(", ") };
        vec![end.interface.name.to_string(), state(end), addresses, wiring(end)]
    };
    ends.iter().map(row).collect()
}

fn state(end: &End) -> String {
    let state = match (end.interface.up, end.carrier) {
        (false, _) => "down",
        (true, Some(false)) => "no carrier",
        (true, _) => "up",
    };
    match end.port_state.filter(|state| end.interface.up && *state != "forwarding") {
        Some(port) => format!("{state}, {port}"),
        None => state.to_owned(),
    }
}

/// Who is on the other end, and of which bridge it is a port.
fn wiring(end: &End) -> String {
    let port = end.interface.master.as_ref().map(|master| format!("port of {master}"));
    let peer = end.interface.peer.as_ref().map(|peer| {
        let behind = end.peer_master.as_ref().map(|master| format!(" (port of {master})"));
        format!("<-> {peer}{}", behind.filter(|_| peer.end().is_some()).unwrap_or_default())
    });
    [peer, port].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn way(way: &Way) -> Vec<String> {
    let to = if way.to.prefix_len() == 0 { "default".to_owned() } else { way.to.to_string() };
    let is_ipv6 = way.to.addr().is_ipv6();
    let to = if to == "default" && is_ipv6 { "default (IPv6)".to_owned() } else { to };
    let via = way.via.map(|via| format!("via {via}"));
    let device = way.device.as_ref().map(|device| format!("dev {device}"));
    let refusal = (way.kind != "unicast").then(|| way.kind.to_owned());
    let words: Vec<String> = [refusal, via, device].into_iter().flatten().collect();
    vec![to, words.join(" ")]
}

fn known(known: &Known) -> Vec<String> {
    let mac = known.mac.clone().unwrap_or_else(|| "-".to_owned());
    vec![known.address.to_string(), format!("dev {}", known.device), mac, known.state.to_owned()]
}

fn waiting(waiting: &Waiting) -> Vec<String> {
    let address = match waiting.address {
        std::net::IpAddr::V4(ip) => format!("{ip}:{}", waiting.port),
        std::net::IpAddr::V6(ip) => format!("[{ip}]:{}", waiting.port),
    };
    vec![waiting.protocol.to_owned(), address, one_line(&waiting.process)]
}

fn process(process: &Process) -> Vec<String> {
    vec![process.pid.to_string(), shortened(&one_line(&process.command))]
}

fn nat(nat: &Nat) -> Vec<Vec<String>> {
    let uplink = nat.uplink.as_ref().map_or("-", |uplink| uplink.as_str());
    let subnets: Vec<String> = nat.subnets.iter().map(IpNet::to_string).collect();
    let way_out = format!("{} out over {uplink}", subnets.join(", "));
    let first = vec![label(&None, &nat.bridge), way_out];
    let more = nat.published.iter().map(|one| vec![String::new(), format!("published {one}")]);
    std::iter::once(first).chain(more).collect()
}

fn place(at: &Place) -> String {
    at.as_ref().map_or("on the host".to_owned(), |namespace| format!("in {namespace}"))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
