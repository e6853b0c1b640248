//! The reader: what stands in the kernel, as facts for the nouns and as answers for the engine.

pub mod firewall;
mod look;
pub mod namespaces;
mod netlink;
pub mod state;

use crate::address::Mac;
use crate::failure::failed;
use crate::name::NamespaceName;
use crate::plan::{Place, Tool};
use crate::sysctl::{Forwarding, IPV4};
use crate::system::tools;
use anyhow::{Context, Result};
pub use look::Look;
use namespaces::{Entry, Process};
use state::State;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// What a command wants to know before it plans.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub namespaces: Vec<NamespaceName>,
    /// Also the processes inside them.
    pub processes: bool,
    /// Also the numbers by which they know each other.
    pub numbers: bool,
    /// Also the routes, of which a router has a hundred thousand.
    pub routes: bool,
    /// The rules of the firewall, as far as they can be read.
    pub rules: bool,
    /// The firewall and the switches of forwarding, and the routes.
    pub firewall: bool,
}

/// What was found: the whole input of a plan besides the command line.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub host: State,
    pub namespaces: BTreeMap<NamespaceName, Netns>,
    pub firewall: firewall::Listing,
    pub forwarding: Forwarding,
    /// Why there is no `ping` to verify with, if there is none.
    pub no_ping: Option<String>,
    /// A namespace that is made here would be seen by nobody else.
    pub is_unseen_outside: bool,
    /// A hardware address that nobody has.
    pub fresh_mac: Option<Mac>,
}

/// A name of /run/netns, and the namespace behind it.
#[derive(Clone, Debug)]
pub struct Netns {
    pub entry: Entry,
    /// Empty where there is no sound namespace.
    pub state: State,
    pub processes: Vec<Process>,
    /// It is the namespace that netns-tool itself runs in.
    pub is_current: bool,
    /// The number by which the host knows it, if any of the host's links leads there.
    pub host_id: Option<i32>,
    /// The numbers by which it knows others.
    pub numbers: BTreeMap<NamespaceName, i32>,
}

impl Snapshot {
    /// Reads what is wanted. Nothing is changed.
    pub fn read(wanted: &Wanted, limit: Duration) -> Result<Self> {
        let read_state = if wanted.routes || wanted.firewall { read_all } else { read_state };
        let mut snapshot = Self {
            host: read_state()?,
            no_ping: tools::find(Tool::Ping).err().map(|failure| failure.what),
            is_unseen_outside: namespaces::are_unseen_outside(),
            fresh_mac: Some(Mac::random()?),
            ..Self::default()
        };
        for name in &wanted.namespaces {
            let netns = Netns::read(name, read_state, wanted.processes)?;
            snapshot.namespaces.insert(name.clone(), netns);
        }
        if wanted.numbers {
            for (name, netns) in &mut snapshot.namespaces {
                netns.read_numbers(name, &wanted.namespaces)?;
            }
        }
        if wanted.firewall {
            snapshot.firewall = firewall::Listing::read(limit)?;
            snapshot.forwarding = read_forwarding(&snapshot.host)?;
        } else if wanted.rules && tools::find(Tool::IptablesSave).is_ok() {
            snapshot.firewall = firewall::Listing::read(limit).unwrap_or_default();
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
    fn read(
        name: &NamespaceName,
        read_state: fn() -> Result<State>,
        processes: bool,
    ) -> Result<Self> {
        let entry = namespaces::entry(name)?;
        let mut netns = Self {
            entry,
            state: State::default(),
            processes: Vec::new(),
            is_current: false,
            host_id: None,
            numbers: BTreeMap::new(),
        };
        if matches!(entry, Entry::Sound { .. }) {
            let file = fs::File::open(name.path())?;
            netns.is_current = same_file(&file.metadata()?, &fs::metadata("/proc/self/ns/net")?);
            netns.host_id = netlink::netns_id(&file)?;
            netns.state = namespaces::inside(name, read_state)?;
            if processes {
                netns.processes = namespaces::processes(name)?;
            }
        }
        Ok(netns)
    }

    fn read_numbers(&mut self, name: &NamespaceName, others: &[NamespaceName]) -> Result<()> {
        if !self.is_sound() {
            return Ok(());
        }
        // One that is not sound has no number.
        let files =
            others.iter().filter_map(|other| Some((other, fs::File::open(other.path()).ok()?)));
        let files: Vec<_> = files.collect();
        self.numbers = namespaces::inside(name, || {
            let numbers = files.iter().filter_map(|(other, file)| {
                netlink::netns_id(file).ok().flatten().map(|number| ((*other).clone(), number))
            });
            Ok(numbers.collect())
        })?;
        Ok(())
    }

    pub fn is_sound(&self) -> bool {
        matches!(self.entry, Entry::Sound { .. })
    }

    /// Whether netns-tool made it: the mark is on its `lo`.
    pub fn is_ours(&self) -> bool {
        self.state
            .links
            .iter()
            .any(|link| link.name.as_str() == "lo" && crate::mark::is_ours(link.alias.as_deref()))
    }
}

/// What is read at the place. A namespace that is not there has nothing in it.
fn read_in<T: Default + Send>(at: &Place, read: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    match at {
        None => read(),
        Some(name) if matches!(namespaces::entry(name)?, Entry::Sound { .. }) => {
            namespaces::inside(name, read)
        }
        Some(_) => Ok(T::default()),
    }
}

/// The state of the network namespace that the calling thread is in, but for the routes.
fn read_state() -> Result<State> {
    Ok(State { links: netlink::links()?, addresses: netlink::addresses()?, routes: Vec::new() })
}

/// The same with the routes.
fn read_all() -> Result<State> {
    Ok(State { routes: netlink::routes()?, ..read_state()? })
}

fn read_value(path: &str) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    Ok(text.trim().to_owned())
}

fn read_forwarding(host: &State) -> Result<Forwarding> {
    let is_on = |path: &str| Ok::<_, anyhow::Error>(read_value(&format!("{IPV4}/{path}"))? != "0");
    let mut interfaces = Vec::new();
    for link in &host.links {
        // An interface may go away meanwhile, or (a port of Open vSwitch, say) have no IPv4 settings.
        if is_on(&format!("conf/{}/forwarding", link.name)).unwrap_or(false) {
            interfaces.push(link.index);
        }
    }
    let on = is_on("ip_forward")?;
    if !on && nameless_forwards()? {
        return Err(failed("an interface whose name is not text forwards IPv4 by itself, which cannot be remembered for the way back")
            .hint("give it another name, or turn forwarding on for the whole host: sysctl -w net.ipv4.ip_forward=1")
            .into());
    }
    Ok(Forwarding {
        on,
        accept_redirects: is_on("conf/all/accept_redirects")?,
        default: is_on("conf/default/forwarding")?,
        interfaces,
    })
}

/// Whether the switch is on of an interface whose name is not UTF-8: no path of a command can lead there.
fn nameless_forwards() -> Result<bool> {
    let folder = format!("{IPV4}/conf");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))?;
    let nameless = entries.flatten().filter(|entry| entry.file_name().to_str().is_none());
    let is_on = |entry: fs::DirEntry| fs::read(entry.path().join("forwarding"));
    Ok(nameless.map(is_on).any(|value| value.is_ok_and(|value| !value.starts_with(b"0"))))
}

fn same_file(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
