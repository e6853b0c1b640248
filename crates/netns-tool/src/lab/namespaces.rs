//! The namespaces of a lab: their loopbacks, names and settings.

use super::course::Course;
use super::model::Namespace;
use crate::cli::CreateArgs;
use crate::dns::{self, ResolvConf};
use crate::failure::{Failure, failed};
use crate::kernel::Netns;
use crate::kernel::namespaces::Entry;
use crate::name::{InterfaceName, NamespaceName};
use crate::noun::{Noun, broken, strange};
use crate::plan::{Cmd, Fact, Step, Undo};
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;

/// The switch of IPv4 forwarding, which a new namespace takes over from the first of all (`devinet_init_net` of
/// net/ipv4/devinet.c): it is set, so that a lab is the same on every host.
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// The same switch by its other name.
const FORWARDING_ALL: &str = "/proc/sys/net/ipv4/conf/all/forwarding";
/// That of IPv6.
const FORWARDING_V6: &str = "/proc/sys/net/ipv6/conf/all/forwarding";

impl Course<'_> {
    pub fn namespace(&mut self, wanted: &Namespace) -> Result<(), Failure> {
        let name = &wanted.name;
        let netns = self.facts.namespaces.get(name).cloned();
        match netns.as_ref().map_or(Entry::Absent, |netns| netns.entry) {
            Entry::Absent => self.make_namespace(wanted),
            Entry::Broken => Err(failed(broken(name).what)
                .hint(format!("netns-tool delete {name}, and the same command again"))),
            Entry::Strange(what) => Err(strange(name, what)),
            Entry::Sound { .. } => match netns {
                Some(netns) if netns.lab().as_ref() == Some(&self.lab.name) => {
                    self.mend_namespace(wanted, &netns)
                }
                _ => Err(self.not_ours(
                    &format!("network namespace `{name}`"),
                    &format!("netns-tool delete --force {name}"),
                )),
            },
        }
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
        Ok(())
    }

    fn mend_namespace(&mut self, wanted: &Namespace, netns: &Netns) -> Result<(), Failure> {
        let name = &wanted.name;
        let at = Some(name.clone());
        let lo = InterfaceName::reported("lo".to_owned());
        self.bring_up(&at, &lo);
        self.addresses(&at, &lo, &with_localhost(netns, &lo, &wanted.addresses));
        self.name_servers(wanted)?;
        if self.hosts(wanted)? {
            self.differs(
                format!("names that network namespace `{name}` knows"),
                "are not those of the file",
            );
        }
        Ok(())
    }

    /// What is set inside, when the interfaces are there that it may be about.
    pub fn values_of(&mut self, wanted: &Namespace) {
        let name = &wanted.name;
        let at = Some(name.clone());
        let is_new = self.is_new(&at, None);
        let Some(netns) = self.facts.namespaces.get(name).cloned() else { return };
        for (path, value) in values(wanted).chain(forwards_no_more(wanted, &netns)) {
            let found = netns.values.get(path).cloned();
            if found.as_deref().map(words) == Some(words(value)) {
                continue;
            }
            if !is_new {
                let shown = found.as_deref().unwrap_or("not there");
                self.differs(
                    format!("`{}` in network namespace `{name}`", setting_name(path)),
                    format!("is {shown}, not {value}"),
                );
            }
            let undo = found.map(|found| Undo::write(&at, path.to_owned(), found));
            let undo: Vec<Undo> = undo.into_iter().filter(|_| !is_new).collect();
            let step = write(name, path, value).undo(undo);
            self.facts.after(&step);
            self.settings.push(step);
        }
    }

    /// The file of names; whether there is anything to be done.
    fn hosts(&mut self, wanted: &Namespace) -> Result<bool, Failure> {
        let mut steps = Vec::new();
        if wanted.hosts.is_empty() {
            return Ok(false);
        }
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
}

/// The addresses of the loopback with 127.0.0.1, which the kernel gives it only as it comes up.
fn with_localhost(netns: &Netns, lo: &InterfaceName, wanted: &[IpNet]) -> Vec<IpNet> {
    let localhost = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8));
    let is_up = netns.state.link(lo).is_some_and(|link| link.up);
    let is_more = is_up && !wanted.contains(&localhost);
    is_more.then_some(localhost).into_iter().chain(wanted.iter().copied()).collect()
}

/// The files of /proc/sys with what they shall hold.
fn values(wanted: &Namespace) -> impl Iterator<Item = (&str, &str)> {
    let is_told =
        wanted.sysctls.iter().any(|(path, _)| [FORWARDING, FORWARDING_ALL].contains(&&**path));
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
