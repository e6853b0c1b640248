//! The reader: what stands in the kernel, as facts for the nouns and as answers for the engine.

mod after;
pub mod around;
pub mod etc;
pub mod features;
pub mod firewall;
pub mod ground;
pub mod inside;
pub mod installed;
mod logs;
mod look;
pub mod managers;
pub mod names;
pub mod namespaces;
mod netlink;
mod nf_tables;
pub mod orphans;
pub mod peers;
mod reading;
pub mod ready;
pub mod release;
mod room;
mod second_names;
pub mod sockets;
pub mod state;
pub mod switches;
mod wanted;
pub mod whose;

use crate::address::Mac;
use crate::failure::failed;
use crate::family::Family;
use crate::firewall::{Choice, Firewall};
use crate::mark::LabName;
use crate::name::NamespaceName;
use crate::plan::{Place, Tool};
use crate::sysctl::Switches;
use crate::system::tools;
use anyhow::{Context, Result};
pub use look::Look;
use namespaces::{Entry, Process, Running, Seen};
use netlink::Reader;
use nix::libc::{AF_INET, AF_INET6};
pub use room::Room;
use state::State;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
pub use wanted::{Wanted, WantedFirewall};

/// What was found: the whole input of a plan besides the command line.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub host: State,
    pub namespaces: BTreeMap<NamespaceName, Netns>,
    /// Those that have two names or more: each further name, with what has the first.
    pub second_names: BTreeMap<NamespaceName, Place>,
    /// The namespace of this process is that of the host, which stays without any name.
    pub is_on_host: bool,
    /// How many others there are that could not be looked into.
    pub hidden: usize,
    pub firewall: Firewall,
    pub switches: Switches,
    /// The families of which also what is only switched from port to port of a bridge is shown to the firewall.
    pub filtered_on_bridges: BTreeSet<Family>,
    pub listeners: Vec<sockets::Listener>,
    /// What is in /etc/netns for the namespaces.
    pub etc: etc::Etc,
    /// What is left for more of it.
    pub room: Room,
    /// What the programs of labs have printed.
    pub logs: logs::Logs,
    /// The resolver of this host, if it is on the host's own loopback.
    pub loopback_resolver: Option<IpAddr>,
    /// Why there is no `ping` to verify with, if there is none.
    pub no_ping: Option<String>,
    /// A namespace that is made here would be seen by nobody else.
    pub is_unseen_outside: bool,
    /// A hardware address that nobody has.
    pub fresh_mac: Option<Mac>,
    /// Linux finishes bringing a link up when it is asked for it alone, and does not take up to a second.
    pub finishes_links: bool,
}

/// Since when it does (`linkwatch_sync_dev` in `rtnl_getlink` of net/core/rtnetlink.c).
const FINISHES_LINKS: (u32, u32) = (6, 8);

/// A name of /run/netns, and the namespace behind it.
#[derive(Clone, Debug)]
pub struct Netns {
    pub entry: Entry,
    /// Empty where there is no sound namespace.
    pub state: State,
    pub processes: Vec<Process>,
    /// The programs of labs among them.
    pub running: Vec<Running>,
    /// It is the namespace that netns-tool itself runs in.
    pub is_current: bool,
    /// The number by which the host knows it, if any of the host's links leads there.
    pub host_id: Option<i32>,
    /// The numbers by which it knows others.
    pub numbers: BTreeMap<NamespaceName, i32>,
    /// Of files of /proc/sys; one that is not there has none.
    pub values: BTreeMap<String, String>,
}

impl Snapshot {
    /// Reads what is wanted. Nothing is changed.
    pub fn read(wanted: &Wanted, limit: Duration) -> Result<Self> {
        let read_state =
            if wanted.routes || wanted.firewall.is_some() { read_all } else { read_state };
        let mut names: BTreeSet<NamespaceName> = wanted.namespaces.iter().cloned().collect();
        if wanted.all_namespaces {
            names.extend(namespaces::all());
        }
        let mut snapshot = Self {
            host: read_state()?,
            no_ping: tools::find(Tool::Ping).err().map(|failure| failure.what),
            is_unseen_outside: namespaces::are_unseen_outside(),
            fresh_mac: Some(Mac::random()?),
            finishes_links: release::is_since(&release::read(), FINISHES_LINKS),
            logs: logs::Logs::read(),
            room: Room::read(),
            etc: etc::Etc::read(&names),
            ..Self::default()
        };
        let (firewall, namespaces) =
            beside(|| read_firewall(wanted, limit), || Netns::read_all(&names, read_state, wanted));
        (snapshot.namespaces, snapshot.firewall) = (namespaces?, firewall?);
        snapshot.hidden = names.len() - snapshot.namespaces.len();
        if wanted.all_namespaces {
            let sound = snapshot.namespaces.iter().filter(|(_, netns)| netns.is_sound());
            snapshot.second_names = second_names::among(sound.map(|(name, _)| name));
            snapshot.is_on_host = second_names::is_on_host();
            snapshot.wait_for_what_goes(read_state)?;
        }
        if wanted.second_names {
            snapshot.second_names = second_names::among(namespaces::all().iter());
            snapshot.is_on_host = second_names::is_on_host();
        }
        if wanted.processes {
            // Not before: what reads the firewall is a process, too.
            Netns::add_processes(&mut snapshot.namespaces)?;
        }
        if wanted.firewall.is_some() {
            snapshot.switches = switches::read(&snapshot.host)?;
            snapshot.filtered_on_bridges = filtered_on_bridges().unwrap_or_default();
            let resolv_conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            snapshot.loopback_resolver = crate::dns::loopback_resolver(&resolv_conf);
        } else if wanted.rules {
            // A NAT that goes turns back what it has turned.
            if !crate::nat::standing(snapshot.firewall.ours()).is_empty() {
                snapshot.switches = switches::read(&snapshot.host)?;
            }
        }
        if wanted.listeners {
            snapshot.listeners = sockets::listeners()?;
        }
        Ok(snapshot)
    }

    /// The ends on the host of a lab's links whose namespace somebody has just deleted stay for a moment longer: what is
    /// planned with them would find them gone.
    fn wait_for_what_goes(&mut self, read_state: fn() -> Result<State>) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(1);
        let known: Vec<i32> = self.namespaces.values().filter_map(|netns| netns.host_id).collect();
        let leads_nowhere = |link: &state::Link| {
            link.lab().is_some() && link.peer_netns.is_some_and(|number| !known.contains(&number))
        };
        let deadline = Instant::now() + PATIENCE;
        while self.host.links.iter().any(leads_nowhere) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
            self.host = read_state()?;
        }
        Ok(())
    }

    /// What stands at the place; a namespace must have been among the wanted.
    pub fn state(&self, at: &Place) -> &State {
        at.as_ref()
            .and_then(|name| self.namespaces.get(name))
            .map_or(&self.host, |netns| &netns.state)
    }
}

impl Netns {
    pub fn is_sound(&self) -> bool {
        matches!(self.entry, Entry::Sound { .. })
    }

    /// The lab that it belongs to.
    pub fn lab(&self) -> Option<LabName> {
        self.state.links.iter().find(|link| link.name.as_str() == "lo")?.lab()
    }

    /// Whether netns-tool made it: the mark is on its `lo`.
    pub fn is_ours(&self) -> bool {
        self.state
            .links
            .iter()
            .any(|link| link.name.as_str() == "lo" && crate::mark::is_ours(link.alias.as_deref()))
    }
}

/// The firewall, as far as it is wanted; what is only to be read as far as it can be is empty where it cannot.
fn read_firewall(wanted: &Wanted, limit: Duration) -> Result<Firewall> {
    match wanted.firewall {
        Some(wanted) => firewall::read(wanted.choice, wanted.whole, limit),
        None if wanted.rules => Ok(firewall::read(Choice::Auto, false, limit).unwrap_or_default()),
        None => Ok(Firewall::default()),
    }
}

/// Does both at the same time, where a thread can be had: the tools that read a firewall take some time to start.
fn beside<A: Send, B>(
    one: impl Fn() -> Result<A> + Sync,
    other: impl FnOnce() -> B,
) -> (Result<A>, B) {
    thread::scope(|scope| match thread::Builder::new().spawn_scoped(scope, &one) {
        Ok(thread) => {
            let other = other();
            let panicked = || Err(failed("a reader of the kernel panicked").into());
            (thread.join().unwrap_or_else(|_| panicked()), other)
        }
        Err(_) => (one(), other()),
    })
}

/// What is read at the place. A namespace that is not there has nothing in it.
fn read_in<T: Default + Send>(at: &Place, read: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    match at {
        None => read(),
        Some(name) if namespaces::seen(name)? == Seen::Sound => inside::inside(name, read),
        Some(_) => Ok(T::default()),
    }
}

/// The state of the network namespace that the calling thread is in, but for the routes.
fn read_state() -> Result<State> {
    state(&Reader::open()?)
}

fn state(reader: &Reader) -> Result<State> {
    Ok(State { links: reader.links()?, addresses: reader.addresses()?, ..State::default() })
}

/// The same with the routes.
fn read_all() -> Result<State> {
    let reader = Reader::open()?;
    let (routes, advertised) = reader.routes()?;
    let mut all = State { routes, advertised, ..state(&reader)? };
    all.drop_routes_over_nothing();
    Ok(all)
}

/// Of which families the firewall is asked about what bridges only switch; `None`: br_netfilter is not loaded.
pub fn filtered_on_bridges() -> Option<BTreeSet<Family>> {
    const FOLDER: &str = "/proc/sys/net/bridge";
    let is_filtered = |family: &Family| {
        let path = format!("{FOLDER}/bridge-nf-call-{}", family.iptables());
        read_value(&path).is_ok_and(|value| value == "1")
    };
    let is_loaded = Path::new(FOLDER).exists();
    is_loaded.then(|| Family::BOTH.into_iter().filter(is_filtered).collect())
}

/// What a file of /proc/sys shows that the kernel also tells over netlink, and sooner.
fn told(path: &str) -> Option<String> {
    let family = match path {
        "/proc/sys/net/ipv4/ip_forward" => AF_INET,
        "/proc/sys/net/ipv6/conf/all/forwarding" => AF_INET6,
        _ => return None,
    };
    let value = Reader::open().ok()?.forwarding(u8::try_from(family).ok()?).ok()?;
    Some(value.to_string())
}

fn read_value(path: &str) -> Result<String> {
    if let Some(value) = told(path) {
        return Ok(value);
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    Ok(text.trim().to_owned())
}

fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
