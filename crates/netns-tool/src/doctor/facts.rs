//! All that is read for the examinations.

use crate::failure::{Failure, Kind};
use crate::family::Family;
use crate::firewall::Choice;
use crate::kernel::etc::Etc;
use crate::kernel::features::{self, Feature, Presence, Sources};
use crate::kernel::installed::{self, Installed};
use crate::kernel::managers::Managers;
use crate::kernel::namespaces;
use crate::kernel::orphans::{self, Orphan};
use crate::kernel::{self, Snapshot, Wanted, switches};
use crate::plan::Tool;
use crate::run;
use crate::sandbox::{self, Block};
use crate::system::rights;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

/// What is known of this host.
pub struct Facts {
    /// The capability without which nothing can be changed, if it is missing.
    pub lacking: Option<&'static str>,
    pub is_root: bool,
    pub tools: Vec<Installed>,
    /// The kernel's release.
    pub release: String,
    /// There are modules of this kernel, and so there may be more.
    pub has_modules: bool,
    pub features: Vec<(&'static Feature, Presence)>,
    pub has_ipv6: bool,
    pub has_user_namespaces: bool,
    pub blocks: Vec<Block>,
    /// With the whole firewall, if that could be read.
    pub host: Snapshot,
    /// The older variant of iptables may have rules that cannot be seen from here.
    pub is_legacy_hidden: bool,
    /// Why the firewall could not be read.
    pub unread_firewall: Option<Failure>,
    /// `None`: br_netfilter is not loaded.
    pub filtered_on_bridges: Option<BTreeSet<Family>>,
    /// By interface, with `all` and `default`.
    pub rp_filter: BTreeMap<String, u8>,
    pub managers: Managers,
    pub orphans: Vec<Orphan>,
    /// The files of /run/netns whose names are no text.
    pub nameless: Vec<OsString>,
    /// Whether /run/netns is shared with other mount namespaces; `None`: it is not mounted yet.
    pub is_shared: Option<bool>,
    pub has_journal: bool,
    /// A netns-tool that changes something is at work.
    pub is_at_work: bool,
    /// What is in /etc/netns for any names.
    pub etc: Etc,
    /// The folders with logs of labs.
    pub log_folders: Vec<String>,
}

const TOOLS: [Tool; 13] = [
    Tool::Ip,
    Tool::Iptables,
    Tool::IptablesSave,
    Tool::IptablesRestore,
    Tool::Ip6tables,
    Tool::Ip6tablesSave,
    Tool::Nft,
    Tool::Ping,
    Tool::Setsid,
    Tool::Unshare,
    Tool::Slirp4netns,
    Tool::Pasta,
    Tool::Tcpdump,
];

impl Facts {
    pub fn read(limit: Duration) -> Result<Self> {
        let lacking = rights::lacking()?;
        let tools: Vec<Installed> =
            TOOLS.into_iter().map(|tool| installed::read(tool, limit)).collect();
        let sources = Sources::read(limit);
        let features = wanted_features(&tools)
            .into_iter()
            .map(|feature| (feature, sources.find(feature, lacking.is_none(), limit)));
        let features = features.collect();
        let wanted = Wanted { all_namespaces: true, routes: true, ..Wanted::default() };
        let mut host = Snapshot::read(&wanted, limit)?;
        let unread_firewall = read_firewall(&mut host, limit);
        let filtered_on_bridges = kernel::filtered_on_bridges();
        host.filtered_on_bridges = filtered_on_bridges.clone().unwrap_or_default();
        host.switches = switches::read(&host.host)?;
        Ok(Self {
            lacking,
            is_root: nix::unistd::geteuid().is_root(),
            tools,
            has_modules: sources.has_modules(),
            release: sources.release,
            features,
            has_ipv6: Path::new("/proc/net/if_inet6").exists(),
            has_user_namespaces: Path::new("/proc/self/ns/user").exists(),
            blocks: sandbox::blocks(),
            rp_filter: switches::of_interfaces("rp_filter"),
            is_legacy_hidden: kernel::firewall::is_legacy_hidden(),
            unread_firewall,
            filtered_on_bridges,
            managers: Managers::read(),
            orphans: orphans::read(),
            nameless: namespaces::nameless(),
            is_shared: namespaces::is_shared(),
            has_journal: run::journal_lies_there(),
            is_at_work: run::is_held(),
            etc: Etc::read_all(),
            log_folders: host.logs.folders().map(str::to_owned).collect(),
            host,
        })
    }
}

/// The older iptables and the one on nftables take different parts of the kernel.
fn wanted_features(tools: &[Installed]) -> Vec<&'static Feature> {
    let version = |of: Tool| {
        let tool = tools.iter().find(|installed| installed.tool == of)?;
        tool.version.clone()
    };
    let is_legacy = version(Tool::Iptables).is_some_and(|version| version.contains("legacy"));
    let firewall = if is_legacy { &features::IP_TABLES } else { &features::NF_TABLES };
    vec![&features::VETH, &features::BRIDGE, &features::NAT, firewall, &features::NETEM]
}

/// Reads it into the snapshot.
fn read_firewall(host: &mut Snapshot, limit: Duration) -> Option<Failure> {
    match kernel::firewall::read(Choice::Auto, true, limit) {
        Ok(firewall) => {
            host.firewall = firewall;
            None
        }
        Err(error) => Some(
            error
                .downcast()
                .unwrap_or_else(|error| Failure::new(Kind::Failed, format!("{error:#}"))),
        ),
    }
}
