//! The reader: what stands in the kernel, as facts for the nouns and as answers for the engine.

mod after;
pub mod etc;
pub mod firewall;
pub mod inside;
mod logs;
mod look;
pub mod namespaces;
mod netlink;
pub mod sockets;
pub mod state;
mod switches;
pub mod whose;

use crate::address::Mac;
use crate::firewall::{Choice, Firewall};
use crate::mark::LabName;
use crate::name::NamespaceName;
use crate::plan::{Place, Tool};
use crate::sysctl::Switches;
use crate::system::tools;
use anyhow::{Context, Result};
pub use look::Look;
use namespaces::{Entry, Mounts, Process, Processes, Running, Seen};
use netlink::Reader;
use nix::libc::{AF_INET, AF_INET6};
use state::State;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

/// What a command wants to know before it plans.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub namespaces: Vec<NamespaceName>,
    /// Also the processes inside them.
    pub processes: bool,
    /// Also all others that are there.
    pub all_namespaces: bool,
    /// Also the numbers by which the first knows the second.
    pub numbers: Vec<[NamespaceName; 2]>,
    /// Also what these files of /proc/sys hold inside.
    pub values: BTreeMap<NamespaceName, Vec<String>>,
    /// Also the routes, of which a router has a hundred thousand.
    pub routes: bool,
    /// The rules of the firewall, as far as they can be read.
    pub rules: bool,
    /// The firewall and the switches of forwarding, and the routes.
    pub firewall: Option<WantedFirewall>,
    /// The sockets on which processes of the host wait.
    pub listeners: bool,
}

/// What is wanted of the firewall.
#[derive(Clone, Copy, Debug, Default)]
pub struct WantedFirewall {
    pub choice: Choice,
    /// Also what of others might be in the way.
    pub whole: bool,
}

/// What was found: the whole input of a plan besides the command line.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub host: State,
    pub namespaces: BTreeMap<NamespaceName, Netns>,
    /// How many others there are that could not be looked into.
    pub hidden: usize,
    pub firewall: Firewall,
    pub switches: Switches,
    /// What is only switched from port to port of a bridge is shown to the firewall too (br_netfilter).
    pub is_bridged_traffic_filtered: bool,
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
}

/// What the host has room for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    /// How many network namespaces there may be; `None`: nobody knows.
    pub namespaces: Option<u64>,
    /// The memory that is available, in bytes.
    pub memory: Option<u64>,
}

impl Room {
    fn read() -> Self {
        let memory = || {
            let text = fs::read_to_string("/proc/meminfo").ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
            Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
        };
        let namespaces = read_value(crate::lab::LIMIT).ok();
        Self { namespaces: namespaces.and_then(|value| value.parse().ok()), memory: memory() }
    }
}

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
            logs: logs::Logs::read(),
            room: Room::read(),
            etc: etc::Etc::read(&names),
            ..Self::default()
        };
        snapshot.namespaces = Netns::read_all(&names, read_state, wanted)?;
        snapshot.hidden = names.len() - snapshot.namespaces.len();
        if let Some(wanted) = wanted.firewall {
            snapshot.firewall = firewall::read(wanted.choice, wanted.whole, limit)?;
            snapshot.switches = switches::read(&snapshot.host)?;
            snapshot.is_bridged_traffic_filtered =
                read_value("/proc/sys/net/bridge/bridge-nf-call-iptables")
                    .is_ok_and(|value| value == "1");
            let resolv_conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            snapshot.loopback_resolver = crate::dns::loopback_resolver(&resolv_conf);
        } else if wanted.rules {
            snapshot.firewall = firewall::read(Choice::Auto, false, limit).unwrap_or_default();
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

    /// What stands at the place; a namespace must have been among the wanted.
    pub fn state(&self, at: &Place) -> &State {
        at.as_ref()
            .and_then(|name| self.namespaces.get(name))
            .map_or(&self.host, |netns| &netns.state)
    }
}

impl Netns {
    /// Reads those of the names, each once.
    fn read_all(
        names: &BTreeSet<NamespaceName>,
        read_state: fn() -> Result<State>,
        wanted: &Wanted,
    ) -> Result<BTreeMap<NamespaceName, Self>> {
        let mut all = BTreeMap::new();
        if names.is_empty() {
            return Ok(all);
        }
        let mounts = Mounts::read()?;
        let (reader, current) = (Reader::open()?, fs::metadata("/proc/self/ns/net")?);
        for name in names {
            all.insert(name.clone(), Self::read(name, mounts.entry(name)?, &reader, &current)?);
        }
        let is_sound = |name: &&NamespaceName| all.get(*name).is_some_and(Self::is_sound);
        let mut others: HashMap<&NamespaceName, Vec<&NamespaceName>> = HashMap::new();
        for [one, other] in &wanted.numbers {
            others.entry(one).or_default().push(other);
        }
        let others = |name| others.get(name).map_or(&[][..], Vec::as_slice);
        let question = |name| (name, Question::about(name, others(name), wanted));
        let sound: Vec<_> = names.iter().filter(is_sound).map(question).collect();
        let read = |question: &Question| Ok((read_state()?, question.numbers(), question.values()));
        let (found, ()) = inside::each_inside(&sound, read, || ());
        let processes = if wanted.processes { Some(Processes::read()?) } else { None };
        for ((name, _), found) in sound.into_iter().zip(found) {
            // One that was not asked for by its name is nobody's concern if it cannot be looked into.
            if found.is_err() && !wanted.namespaces.contains(name) {
                all.remove(name);
            } else if let Some(netns) = all.get_mut(name) {
                (netns.state, netns.numbers, netns.values) = found?;
                netns.processes =
                    processes.as_ref().map_or_else(Vec::new, |processes| processes.inside(name));
                netns.running =
                    processes.as_ref().map_or_else(Vec::new, |processes| processes.running(name));
            }
        }
        Ok(all)
    }

    /// What of it is seen from outside.
    fn read(
        name: &NamespaceName,
        entry: Entry,
        reader: &Reader,
        current: &fs::Metadata,
    ) -> Result<Self> {
        let mut netns = Self {
            entry,
            state: State::default(),
            processes: Vec::new(),
            running: Vec::new(),
            is_current: false,
            host_id: None,
            numbers: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        if netns.is_sound() {
            let file = fs::File::open(name.path())?;
            netns.is_current = same_file(&file.metadata()?, current);
            netns.host_id = reader.netns_id(&file)?;
        }
        Ok(netns)
    }

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

/// What is asked for inside a namespace besides its state.
struct Question {
    /// One that is not sound has no number.
    others: Vec<(NamespaceName, fs::File)>,
    paths: Vec<String>,
}

impl Question {
    fn about(name: &NamespaceName, others: &[&NamespaceName], wanted: &Wanted) -> Self {
        let open =
            |other: &&NamespaceName| Some(((*other).clone(), fs::File::open(other.path()).ok()?));
        let paths = wanted.values.get(name).cloned().unwrap_or_default();
        Self { others: others.iter().filter_map(open).collect(), paths }
    }

    fn numbers(&self) -> BTreeMap<NamespaceName, i32> {
        let reader = if self.others.is_empty() { None } else { Reader::open().ok() };
        let number = |(other, file): &(NamespaceName, fs::File)| {
            Some((other.clone(), reader.as_ref()?.netns_id(file).ok().flatten()?))
        };
        self.others.iter().filter_map(number).collect()
    }

    fn values(&self) -> BTreeMap<String, String> {
        let value = |path: &String| Some((path.clone(), read_value(path).ok()?));
        self.paths.iter().filter_map(value).collect()
    }
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

/// Whether an address of the network namespace that the calling thread is in cannot be used yet.
pub fn has_tentative_addresses() -> Result<bool> {
    Reader::open()?.has_tentative_addresses()
}

/// The same with the routes.
fn read_all() -> Result<State> {
    let reader = Reader::open()?;
    let (routes, advertised) = reader.routes()?;
    Ok(State { routes, advertised, ..state(&reader)? })
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
