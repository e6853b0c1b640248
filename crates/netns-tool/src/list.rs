//! `list`: namespaces, bridges and NATs, with their owners.

use crate::address::is_link_local;
use crate::cli::{Kind, ListArgs};
use crate::failure::Failure;
use crate::kernel::Snapshot;
use crate::name::NamespaceName;
use crate::table::{columns, row};
use crate::topology::{Interface, Nat, Owner, Same, Spot, Topology, label};
use crate::{lab, named};
use ipnet::IpNet;
use serde::Serialize;
use std::path::PathBuf;

/// What there is, for programs.
#[derive(Serialize)]
struct Listing<'a> {
    namespaces: Vec<Namespace<'a>>,
    bridges: Vec<Bridge<'a>>,
    nats: Vec<&'a Nat>,
}

#[derive(Serialize)]
struct Namespace<'a> {
    name: &'a NamespaceName,
    path: PathBuf,
    #[serde(flatten)]
    owner: &'a Owner,
    /// `sound`, or why nothing can be known of what is in it.
    state: &'static str,
    interfaces: &'a [Interface],
    same_as: Option<&'a Same>,
}

#[derive(Serialize)]
struct Bridge<'a> {
    /// None: it is on the host.
    namespace: Option<&'a NamespaceName>,
    #[serde(flatten)]
    interface: &'a Interface,
    ports: Vec<&'a str>,
}

/// The whole of it as text or as JSON.
///
/// # Errors
/// The lab that is asked for is not up.
pub fn text(args: &ListArgs, facts: &Snapshot) -> Result<String, Failure> {
    let topology = Topology::standing(facts);
    if let Some(lab) = &args.lab {
        named::find(lab.as_str(), Some(Kind::Lab), &topology)?;
    }
    let is_meant = |owner: &Owner| match (&args.lab, owner) {
        (None, _) => true,
        (Some(meant), Owner::Lab(lab)) => lab == meant,
        (Some(_), _) => false,
    };
    let namespaces = topology.namespaces().filter(|(_, spot)| is_meant(&spot.owner));
    let namespaces = namespaces.map(|(name, spot)| Namespace {
        name,
        path: name.path(),
        owner: &spot.owner,
        state: spot.fault.unwrap_or("sound"),
        // Those of a second name are told of the first.
        interfaces: if spot.same_as.is_none() { &spot.interfaces } else { &[] },
        same_as: spot.same_as.as_ref(),
    });
    let bridges = topology.named_once().flat_map(bridges);
    let listing = Listing {
        namespaces: namespaces.collect(),
        bridges: bridges.filter(|bridge| is_meant(&bridge.interface.owner)).collect(),
        nats: topology.nats.iter().filter(|nat| is_meant(&nat.owner)).collect(),
    };
    Ok(if args.json { lab::json(&listing) } else { tables(&listing) })
}

fn bridges(spot: &Spot) -> impl Iterator<Item = Bridge<'_>> {
    let all = spot.interfaces.iter().filter(|one| one.is_bridge());
    all.map(|interface| Bridge {
        namespace: spot.at.as_ref(),
        interface,
        ports: spot.ports(interface).map(|port| port.name.as_str()).collect(),
    })
}

fn tables(listing: &Listing) -> String {
    let namespaces = listing.namespaces.iter().map(namespace).collect();
    let bridges = listing.bridges.iter().map(bridge).collect();
    let nats = listing.nats.iter().map(|nat| nat_row(nat)).collect();
    let tables = [
        table(["NAMESPACE", "OWNER", "INTERFACES", "ADDRESSES"], namespaces),
        table(["BRIDGE", "OWNER", "PORTS", "ADDRESSES"], bridges),
        table(["NAT", "OWNER", "UPLINK", "SUBNETS AND PUBLISHED PORTS"], nats),
    ];
    let tables: Vec<String> = tables.into_iter().flatten().collect();
    if tables.is_empty() {
        return "There are no namespaces, bridges or NATs\n".to_owned();
    }
    tables.join("\n")
}

/// None where it would have nothing but a head.
fn table(head: [&str; 4], rows: Vec<Vec<String>>) -> Option<String> {
    let all: Vec<_> = std::iter::once(row(head)).chain(rows).collect();
    (all.len() > 1).then(|| columns(&all))
}

fn namespace(namespace: &Namespace) -> Vec<String> {
    let others = || namespace.interfaces.iter().filter(|one| !one.is_loopback());
    let names = some(others().map(|one| one.name.to_string()).collect());
    let interfaces = match namespace.same_as {
        Some(same) => same.to_string(),
        None if namespace.state == "sound" => names,
        None => namespace.state.to_owned(),
    };
    let addresses = others().flat_map(|one| &one.addresses);
    row([
        &namespace.name.to_string(),
        &namespace.owner.to_string(),
        &interfaces,
        &some(addresses.filter_map(shown).collect()),
    ])
}

fn bridge(bridge: &Bridge) -> Vec<String> {
    let Interface { name, owner, addresses, .. } = bridge.interface;
    row([
        &label(&bridge.namespace.cloned(), name),
        &owner.to_string(),
        &bridge.ports.len().to_string(),
        &some(addresses.iter().filter_map(shown).collect()),
    ])
}

fn nat_row(nat: &Nat) -> Vec<String> {
    let subnets = nat.subnets.iter().map(IpNet::to_string);
    row([
        nat.bridge.as_str(),
        &nat.owner.to_string(),
        nat.uplink.as_ref().map_or("-", |uplink| uplink.as_str()),
        &some(subnets.chain(nat.published.iter().cloned()).collect()),
    ])
}

/// Addresses that the kernel gives by itself say nothing.
fn shown(net: &IpNet) -> Option<String> {
    (!is_link_local(net)).then(|| net.to_string())
}

/// So many, and how many more there are.
fn some(words: Vec<String>) -> String {
    const SHOWN: usize = 4;
    let more = words.len().saturating_sub(SHOWN);
    match words.len() {
        0 => "-".to_owned(),
        _ if more < 2 => words.join(", "),
        _ => format!("{} and {more} more", words[..SHOWN].join(", ")),
    }
}
