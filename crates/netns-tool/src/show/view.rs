//! What is shown, as data: people get it as text, programs as JSON.

use super::scene::Scene;
use crate::failure::failed;
use crate::kernel::namespaces::Processes;
use crate::kernel::{Netns, Snapshot};
use crate::lab;
use crate::name::{InterfaceName, NamespaceName};
use crate::named::Meant;
use crate::plan::Place;
use crate::topology::{Interface, Nat, Owner, Same, Topology};
use anyhow::Result;
use ipnet::IpNet;
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Serialize)]
#[serde(tag = "shows", rename_all = "kebab-case")]
pub enum View {
    Namespace(Namespace),
    Interface(Box<Link>),
    Lab(Lab),
}

#[derive(Serialize)]
pub struct Namespace {
    pub name: NamespaceName,
    pub path: PathBuf,
    #[serde(flatten)]
    pub owner: Owner,
    /// `sound`, or why nothing can be known of what is in it.
    pub state: &'static str,
    /// It is a second name of that.
    pub same_as: Option<Same>,
    /// The further names that it has.
    pub also: Vec<NamespaceName>,
    pub interfaces: Vec<End>,
    pub routes: Vec<Way>,
    pub neighbours: Vec<Known>,
    pub listening: Vec<Waiting>,
    pub processes: Vec<Process>,
}

/// An interface with what its place tells of it.
#[derive(Clone, Serialize)]
pub struct End {
    #[serde(flatten)]
    pub interface: Interface,
    /// Whether its other end, or its cable, is there.
    pub carrier: Option<bool>,
    /// Of a port of a bridge, by the spanning tree protocol.
    pub port_state: Option<&'static str>,
    /// Of the other end: the bridge that it is a port of.
    pub peer_master: Option<InterfaceName>,
}

#[derive(Serialize)]
pub struct Link {
    /// None: it is on the host.
    pub namespace: Place,
    #[serde(flatten)]
    pub end: End,
    /// Of a bridge.
    pub ports: Vec<End>,
    pub nats: Vec<Nat>,
    pub routes: Vec<Way>,
    pub neighbours: Vec<Known>,
}

#[derive(Serialize)]
pub struct Lab {
    #[serde(flatten)]
    pub listed: lab::Listed,
    pub members: Vec<Member>,
    pub nats: Vec<Nat>,
}

/// What a lab has in one place.
#[derive(Serialize)]
pub struct Member {
    pub namespace: Place,
    pub interfaces: Vec<End>,
    pub processes: Vec<Process>,
}

#[derive(Serialize)]
pub struct Way {
    /// `unicast`, or how it refuses packets: in the words of ip-route(8).
    pub kind: &'static str,
    pub to: IpNet,
    pub via: Option<IpAddr>,
    pub device: Option<InterfaceName>,
    pub metric: u32,
}

#[derive(Serialize)]
pub struct Known {
    pub address: IpAddr,
    pub mac: Option<String>,
    pub device: InterfaceName,
    pub state: &'static str,
}

#[derive(Serialize)]
pub struct Waiting {
    pub protocol: &'static str,
    pub address: IpAddr,
    pub port: u16,
    pub process: String,
}

#[derive(Serialize)]
pub struct Process {
    pub pid: i32,
    pub command: String,
}

impl View {
    pub fn of(
        meant: &Meant,
        topology: &Topology,
        facts: &Snapshot,
        limit: Duration,
    ) -> Result<Self> {
        Ok(match meant {
            Meant::Namespace(name) => Self::Namespace(namespace(name, topology, facts)?),
            Meant::Interface(at, name) => {
                Self::Interface(Box::new(link(at, name, topology, facts)?))
            }
            Meant::Lab(name) => Self::Lab(whole_lab(name, topology, facts, limit)?),
        })
    }
}

fn namespace(name: &NamespaceName, topology: &Topology, facts: &Snapshot) -> Result<Namespace> {
    let at = Some(name.clone());
    let scene = Scene::look(&at, topology, facts)?;
    let is_sound = facts.namespaces.get(name).is_some_and(Netns::is_sound);
    Ok(Namespace {
        name: name.clone(),
        path: name.path(),
        owner: scene.spot.owner.clone(),
        state: scene.spot.fault.unwrap_or("sound"),
        same_as: scene.spot.same_as.clone(),
        also: scene.spot.also.clone(),
        interfaces: scene.ends(),
        routes: scene.routes().collect(),
        neighbours: scene.neighbours().collect(),
        listening: scene.listening(),
        processes: if is_sound { processes(name, &Processes::read()?) } else { Vec::new() },
    })
}

fn processes(name: &NamespaceName, all: &Processes) -> Vec<Process> {
    let inside = all.inside(name).into_iter();
    inside.map(|one| Process { pid: one.pid, command: one.command }).collect()
}

fn link(at: &Place, name: &InterfaceName, topology: &Topology, facts: &Snapshot) -> Result<Link> {
    let scene = Scene::look(at, topology, facts)?;
    let gone = || failed(format!("`{name}` has just gone")).hint("netns-tool list");
    let interface = scene.spot.interface(name).ok_or_else(gone)?;
    let is_its = |nat: &&Nat| at.is_none() && nat.bridge == *name;
    Ok(Link {
        namespace: at.clone(),
        end: scene.end(interface),
        ports: scene.spot.ports(interface).map(|port| scene.end(port)).collect(),
        nats: topology.nats.iter().filter(is_its).cloned().collect(),
        routes: scene.routes().filter(|way| way.device.as_ref() == Some(name)).collect(),
        neighbours: scene.neighbours().filter(|known| known.device == *name).collect(),
    })
}

fn whole_lab(name: &str, topology: &Topology, facts: &Snapshot, limit: Duration) -> Result<Lab> {
    let is_its = |owner: &Owner| matches!(owner, Owner::Lab(lab) if lab.as_str() == name);
    let listed = lab::list(facts, limit).into_iter().find(|lab| lab.name == name);
    let all = Processes::read()?;
    let mut members = Vec::new();
    for spot in topology.named_once() {
        let has_any = spot.interfaces.iter().any(|one| is_its(&one.owner));
        if !(has_any || is_its(&spot.owner)) {
            continue;
        }
        let scene = Scene::look(&spot.at, topology, facts)?;
        let its = spot.interfaces.iter().filter(|one| is_its(&one.owner) || is_its(&spot.owner));
        members.push(Member {
            namespace: spot.at.clone(),
            interfaces: its.map(|one| scene.end(one)).collect(),
            processes: spot.at.iter().flat_map(|name| processes(name, &all)).collect(),
        });
    }
    Ok(Lab {
        listed: listed.ok_or_else(|| failed(format!("lab `{name}` has just gone")))?,
        members,
        nats: topology.nats.iter().filter(|nat| is_its(&nat.owner)).cloned().collect(),
    })
}
