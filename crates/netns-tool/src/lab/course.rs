//! From what stands to what the file says: the steps, and each difference in words.

use super::links::MTU;
use super::model::{Bridge, Lab, Namespace};
use super::way_back;
use crate::address::Mac;
use crate::cli::{BridgeArgs, CreateArgs};
use crate::dns::{self, ResolvConf};
use crate::failure::{Failure, failed};
use crate::ip;
use crate::kernel::namespaces::Entry;
use crate::kernel::state::Link;
use crate::kernel::{Netns, Snapshot};
use crate::mark::{Mark, fnv64};
use crate::name::{InterfaceName, NamespaceName};
use crate::noun::{Noun, Work, broken, strange, where_is};
use crate::plan::{Cmd, Fact, Place, Setting, Step, Undo};
use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::net::Ipv4Addr;

/// The switch of IPv4 forwarding, which a new namespace takes over from the first of all (`devinet_init_net` of
/// net/ipv4/devinet.c): it is set, so that a lab is the same on every host.
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// That of IPv6.
const FORWARDING_V6: &str = "/proc/sys/net/ipv6/conf/all/forwarding";

/// Something that is not as the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Such as "interface `eth0` in network namespace `web`".
    pub object: String,
    /// Such as "is missing", or "has MTU 1500, not 1400".
    pub difference: String,
}

/// The way, as far as it is planned.
pub struct Course<'a> {
    pub lab: &'a Lab,
    pub mark: &'a Mark,
    /// What will be there after the steps that are planned.
    pub facts: Snapshot,
    pub build: Vec<Step>,
    late: Vec<Step>,
    /// What is written into the /proc/sys of new namespaces: one process for all else that is done there.
    settings: Vec<Step>,
    pub remove: Vec<Step>,
    pub differences: Vec<Difference>,
    pub notes: Vec<String>,
    /// What the steps make: all that is done to it goes with it.
    new: HashSet<(Place, Option<InterfaceName>)>,
}

impl<'a> Course<'a> {
    pub fn new(lab: &'a Lab, mark: &'a Mark, facts: &Snapshot) -> Self {
        Self {
            lab,
            mark,
            facts: facts.clone(),
            build: Vec::new(),
            late: Vec::new(),
            settings: Vec::new(),
            remove: Vec::new(),
            differences: Vec::new(),
            notes: Vec::new(),
            new: HashSet::new(),
        }
    }

    /// Notes what is not as it should be.
    pub fn differs(&mut self, object: impl Into<String>, difference: impl Into<String>) {
        self.differences.push(Difference { object: object.into(), difference: difference.into() });
    }

    /// One step more.
    pub fn step(&mut self, step: Step) {
        self.facts.after(&step);
        // What waits for other places would make all that comes after it wait as well.
        let steps = if step.after.is_empty() { &mut self.build } else { &mut self.late };
        steps.push(step);
    }

    /// Waits where links with addresses of IPv6 came up: without a link-local address that can be used the kernel asks
    /// nobody on the link for its neighbours.
    pub fn settle(&mut self) {
        let lab = self.lab;
        let ends =
            lab.links.iter().flat_map(|link| &link.ends).map(|end| (&end.at, &end.addresses));
        let all = lab.bridges.iter().map(|bridge| (&bridge.at, &bridge.addresses)).chain(ends);
        let has_ipv6 =
            |(_, addresses): &(_, &Vec<IpNet>)| addresses.iter().any(|net| net.addr().is_ipv6());
        let places: BTreeSet<Place> = all.filter(has_ipv6).map(|(at, _)| at.clone()).collect();
        let gives = self.build.iter().flat_map(|step| &step.gives);
        let comes_up = |fact: &&Fact| matches!(fact, Fact::Up { .. } | Fact::Port { .. });
        let touched: HashSet<Place> = gives.filter(comes_up).filter_map(Fact::place).collect();
        for at in places.into_iter().filter(|at| touched.contains(at)) {
            let place = at.as_ref().map_or("the host", NamespaceName::as_str).to_owned();
            let why = format!("wait until the IPv6 addresses of {place} can be used");
            // The ends of links on the host are the last to come up.
            self.build.push(Step::new(why, Cmd::Settle { netns: at }).after([None]));
        }
    }

    /// Now it is time for the steps that wait for others.
    pub fn catch_up(&mut self) {
        self.build.append(&mut self.settings);
        self.build.append(&mut self.late);
    }

    /// All that a noun has planned.
    pub fn take(&mut self, work: Work) {
        work.plan.build.into_iter().for_each(|step| self.step(step));
        for step in work.plan.remove {
            self.removes(step);
        }
        self.notes.extend(
            work.notes.into_iter().filter(|note| !self.notes.contains(note)).collect::<Vec<_>>(),
        );
    }

    /// A step for when all that is new stands.
    pub fn removes(&mut self, step: Step) {
        self.facts.after(&step);
        self.remove.push(step);
    }

    /// A step about something that may be as new as the plan itself: then it needs no way back.
    pub fn step_on(&mut self, at: &Place, name: Option<&InterfaceName>, step: Step) {
        let is_new = self.is_new(at, name);
        self.step(if is_new { step.undo([]) } else { step });
    }

    pub fn makes(&mut self, at: &Place, name: Option<&InterfaceName>) {
        self.new.insert((at.clone(), name.cloned()));
    }

    fn is_new(&self, at: &Place, name: Option<&InterfaceName>) -> bool {
        (at.is_some() && self.new.contains(&(at.clone(), None)))
            || (name.is_some() && self.new.contains(&(at.clone(), name.cloned())))
    }

    /// Whether the mark is this lab's.
    pub fn owns(&self, link: &Link) -> bool {
        link.lab().as_ref() == Some(&self.lab.name)
    }

    pub fn namespace(&mut self, wanted: &Namespace) -> Result<(), Failure> {
        let name = &wanted.name;
        let netns = self.facts.namespaces.get(name).cloned();
        match netns.as_ref().map_or(Entry::Absent, |netns| netns.entry) {
            Entry::Absent => self.make_namespace(wanted),
            Entry::Broken => Err(broken(name)),
            Entry::Strange(what) => Err(strange(name, what)),
            Entry::Sound { .. } => match netns {
                Some(netns) if netns.lab().as_ref() == Some(&self.lab.name) => {
                    self.mend_namespace(wanted, &netns)
                }
                _ => Err(self.not_ours(
                    &format!("network namespace `{name}`"),
                    &format!("netns-tool delete {name}"),
                )),
            },
        }
    }

    /// Something that has a name of the lab, and is not the lab's.
    pub fn not_ours(&self, object: &str, remove: &str) -> Failure {
        failed(format!("{object} is there already, and is not of lab `{}`", self.lab.name))
            .hint(format!("another name in the lab's file, or remove it: {remove}"))
    }

    fn make_namespace(&mut self, wanted: &Namespace) -> Result<(), Failure> {
        let name = &wanted.name;
        self.differs(format!("network namespace `{name}`"), "is missing");
        let args = CreateArgs {
            mark: self.mark.clone(),
            names: vec![name.clone()],
            addresses: wanted.addresses.clone(),
            name_servers: wanted.name_servers.clone(),
            if_missing: false,
            no_verify: true,
        };
        self.take(args.plan(&self.facts)?);
        self.hosts(wanted)?;
        let at = Some(name.clone());
        self.makes(&at, None);
        for (path, value) in values(wanted) {
            let step = write(name, path, value);
            self.facts.after(&step);
            self.settings.push(step);
        }
        Ok(())
    }

    fn mend_namespace(&mut self, wanted: &Namespace, netns: &Netns) -> Result<(), Failure> {
        let name = &wanted.name;
        let at = Some(name.clone());
        let lo = InterfaceName::reported("lo".to_owned());
        self.bring_up(&at, &lo);
        self.addresses(&at, &lo, &with_localhost(netns, &lo, &wanted.addresses));
        for (path, value) in values(wanted).chain(forwards_no_more(wanted, netns)) {
            let found = netns.values.get(path).cloned();
            if found.as_deref().map(words) != Some(words(value)) {
                let found = found.unwrap_or_default();
                self.differs(
                    format!("`{}` in network namespace `{name}`", setting_name(path)),
                    format!(
                        "is {}, not {value}",
                        if found.is_empty() { "not there" } else { &found }
                    ),
                );
                let undo = Undo::write(&at, path.to_owned(), found);
                self.step(write(name, path, value).undo([undo]));
            }
        }
        self.name_servers(wanted)?;
        if self.hosts(wanted)? {
            self.differs(
                format!("names that network namespace `{name}` knows"),
                "are not those of the file",
            );
        }
        Ok(())
    }

    /// The file of names; whether there is anything to be done.
    fn hosts(&mut self, wanted: &Namespace) -> Result<bool, Failure> {
        let mut steps = Vec::new();
        dns::give_hosts(&mut steps, &wanted.name, &wanted.hosts, &self.facts.etc)?;
        let is_due = !steps.is_empty();
        steps.into_iter().for_each(|step| self.step(step));
        Ok(is_due)
    }

    fn name_servers(&mut self, wanted: &Namespace) -> Result<(), Failure> {
        let name = &wanted.name;
        let what = format!("name servers of network namespace `{name}`");
        if wanted.name_servers.is_empty() {
            return Ok(());
        }
        let servers = ResolvConf { pair: None, servers: wanted.name_servers.clone() };
        let mut steps = Vec::new();
        dns::give(&mut steps, name, &servers, true, &self.facts.etc)?;
        if !steps.is_empty() {
            self.differs(what, "are not those of the file");
            steps.into_iter().for_each(|step| self.step(step));
        }
        Ok(())
    }

    pub fn bridge(&mut self, wanted: &Bridge) -> Result<(), Failure> {
        let (at, name) = (&wanted.at, &wanted.name);
        let object = format!("bridge `{name}`{}", where_is(at));
        let Some(link) = self.facts.state(at).link(name).cloned() else {
            self.differs(object, "is missing");
            let args = BridgeArgs {
                mark: self.mark.clone(),
                name: name.clone(),
                addresses: wanted.addresses.clone(),
                attach: Vec::new(),
                // What it has anyway it is given at last, if its ports have another.
                mtu: wanted.mtu.filter(|mtu| *mtu != MTU),
                mac: wanted.mac,
                stp: wanted.stp,
                vlan_filtering: wanted.vlan_filtering,
                namespace: at.clone(),
                if_missing: false,
                removal: Default::default(),
            };
            self.facts.fresh_mac = Some(self.mac_of(at, name));
            self.take(args.plan(&self.facts)?);
            self.makes(at, Some(name));
            return Ok(());
        };
        if !self.owns(&link) || !link.is_kind("bridge") {
            return Err(
                self.not_ours(&object, &Cmd::ip(at, &format!("link del dev {name}")).to_string())
            );
        }
        self.bring_up(at, name);
        let settings =
            [Some(Setting::Stp(wanted.stp)), Some(Setting::VlanFiltering(wanted.vlan_filtering))];
        let mac = wanted.mac.unwrap_or_else(|| self.mac_of(at, name));
        let more = [Some(Setting::Mtu(self.size_of(wanted))), Some(Setting::Mac(mac))];
        for setting in settings.into_iter().chain(more).flatten() {
            self.set(at, name, setting);
        }
        self.addresses(at, name, &wanted.addresses);
        Ok(())
    }

    /// The hardware address of a bridge that is given none: always the same, and another for each.
    fn mac_of(&self, at: &Place, name: &InterfaceName) -> Mac {
        let place = at.as_ref().map_or("", NamespaceName::as_str);
        let hash = fnv64(&format!("{}/{place}/{name}", self.lab.name)).to_be_bytes();
        // Locally administered, and of one interface.
        let first = (hash[0] & 0xfc) | 0x02;
        Mac::from_octets([first, hash[1], hash[2], hash[3], hash[4], hash[5]])
    }

    /// The link is up.
    pub fn bring_up(&mut self, at: &Place, name: &InterfaceName) {
        if self.facts.state(at).link(name).is_some_and(|link| !link.up) {
            self.differs(format!("interface `{name}`{}", where_is(at)), "is down");
            self.step(ip::up(at, name));
        }
    }

    /// The link is set like this.
    pub fn set(&mut self, at: &Place, name: &InterfaceName, setting: Setting) {
        let Some(link) = self.facts.state(at).link(name) else { return };
        if link.is_set(setting) {
            return;
        }
        let was = link.setting_like(setting);
        let object = format!("interface `{name}`{}", where_is(at));
        let found = was.map(Setting::words).unwrap_or_default();
        self.differs(object, format!("has {found}, not {}", setting.words()));
        let why = format!("set {name} to {}", setting.words());
        self.step(ip::set_link(at, name, setting, was, why));
    }

    /// The link has these addresses, and none besides.
    pub fn addresses(&mut self, at: &Place, name: &InterfaceName, wanted: &[IpNet]) {
        let state = self.facts.state(at);
        let Some(link) = state.link(name).cloned() else { return };
        let found: Vec<IpNet> = state
            .addresses_of(&link)
            .filter(|net| wanted.contains(net) || !is_the_kernel_s(name, net))
            .collect();
        let object = format!("interface `{name}`{}", where_is(at));
        for net in found.iter().filter(|net| !wanted.contains(net)) {
            self.differs(
                object.clone(),
                format!("has the address {net}, which is not in the file"),
            );
            if !self.facts.state(at).addresses_of(&link).any(|there| there == *net) {
                continue;
            }
            // First: with an address of IPv4 go those of its subnet that came later.
            let steps = way_back::delete_address(at, &link, *net, self.facts.state(at));
            steps.into_iter().for_each(|step| self.step(step));
        }
        let state = self.facts.state(at);
        let missing: Vec<IpNet> = wanted
            .iter()
            .copied()
            .filter(|net| !state.addresses_of(&link).any(|there| there == *net))
            .collect();
        for net in missing {
            if !found.contains(&net) {
                self.differs(object.clone(), format!("has no address {net}"));
            }
            self.step_on(at, Some(name), ip::add_one_more_address(at, name, net));
        }
    }
}

/// The addresses of the loopback with 127.0.0.1, which the kernel gives it only as it comes up.
fn with_localhost(netns: &Netns, lo: &InterfaceName, wanted: &[IpNet]) -> Vec<IpNet> {
    let localhost = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8));
    let is_up = netns.state.link(lo).is_some_and(|link| link.up);
    let is_more = is_up && !wanted.contains(&localhost);
    is_more.then_some(localhost).into_iter().chain(wanted.iter().copied()).collect()
}

/// What the kernel gives an interface by itself.
fn is_the_kernel_s(name: &InterfaceName, net: &IpNet) -> bool {
    let is_loopback =
        name.as_str() == "lo" && net.addr().is_loopback() && matches!(net.prefix_len(), 8 | 128);
    is_loopback || crate::address::is_link_local(net)
}

/// The files of /proc/sys with what they shall hold.
fn values(wanted: &Namespace) -> impl Iterator<Item = (&str, &str)> {
    let is_told = wanted.sysctls.iter().any(|(path, _)| path == FORWARDING);
    let default = (!is_told).then_some((FORWARDING, "0"));
    default.into_iter().chain(wanted.sysctls.iter().map(|(path, value)| (&path[..], &value[..])))
}

/// The switch of IPv6 forwarding, which is off in a new namespace and has to be turned back where it was in the file.
fn forwards_no_more<'a>(wanted: &Namespace, netns: &Netns) -> Option<(&'a str, &'a str)> {
    let is_told = wanted.sysctls.iter().any(|(path, _)| path == FORWARDING_V6);
    let is_off = netns.values.get(FORWARDING_V6).is_none_or(|value| value == "0");
    (!is_told && !is_off).then_some((FORWARDING_V6, "0"))
}

/// The files of /proc/sys that have to be read to compare.
pub fn paths(wanted: &Namespace) -> Vec<String> {
    let paths = values(wanted).map(|(path, _)| path.to_owned());
    paths.chain([FORWARDING_V6.to_owned()]).collect()
}

fn write(name: &NamespaceName, path: &str, value: &str) -> Step {
    let at = Some(name.clone());
    let why = format!("set {} to {value} inside {name}", setting_name(path));
    let given = Fact::Value { at: at.clone(), path: path.to_owned(), value: value.to_owned() };
    let run = Cmd::Write { netns: at, path: path.to_owned(), value: value.to_owned() };
    Step::new(why, run).gives([given])
}

/// As sysctl(8) names it.
fn setting_name(path: &str) -> String {
    path.strip_prefix("/proc/sys/").unwrap_or(path).replace('/', ".")
}

/// Several numbers are printed with tabs between them.
fn words(value: &str) -> Vec<&str> {
    value.split_whitespace().collect()
}
