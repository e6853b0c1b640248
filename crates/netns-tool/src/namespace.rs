//! `create` and `delete`: network namespaces that stay.

mod delete;

pub use delete::{end_processes, unmount};

use crate::cli::CreateArgs;
use crate::dns::{self, ResolvConf};
use crate::failure::{Failure, failed, missing};
use crate::ip;
use crate::kernel::namespaces::Entry;
use crate::kernel::{Netns, Snapshot, Wanted};
use crate::name::{InterfaceName, NamespaceName};
use crate::noun::{Noun, Work, broken, check_distinct, strange};
use crate::plan::{Cmd, Fact, Step, Tool};
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

impl Noun for CreateArgs {
    fn check(&self) -> Result<(), Failure> {
        check_distinct(self.addresses.iter())?;
        dns::check(&self.name_servers)
    }

    fn wanted(&self) -> Wanted {
        Wanted { namespaces: self.names.clone(), ..Wanted::default() }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let (mut steps, mut report, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for (name, netns) in named(&self.names, facts) {
            match netns.entry {
                Entry::Absent => {
                    check_seen(name, "create", facts)?;
                    if let Some(wanted) = self.resolv_conf() {
                        dns::give(&mut steps, name, &wanted, true, &facts.etc)?;
                    }
                    new.push(name);
                    steps.extend(self.create(name, facts));
                    report.push(format!(
                        "Created network namespace `{name}` at {}",
                        name.path().display()
                    ));
                    report.push(self.loopback_line(facts));
                    report.extend(dns::given_lines(name, &self.name_servers));
                }
                Entry::Broken => return Err(broken(name)),
                Entry::Strange(what) => return Err(strange(name, what)),
                Entry::Sound { .. } if self.if_missing => {
                    self.compare(name, netns, facts)?;
                    report.push(format!(
                        "Network namespace `{name}` exists at {}",
                        name.path().display()
                    ));
                }
                Entry::Sound { .. } => {
                    return Err(failed(format!("network namespace `{name}` already exists"))
                        .hint(format!("--if-missing to keep it, or netns-tool delete {name}")));
                }
            }
        }
        if self.name_servers.is_empty() {
            // What an earlier namespace has left is not the new one's.
            steps.extend(dns::take_back(&new, &facts.etc));
            report.extend(new.iter().filter_map(|name| dns::left_line(name, &facts.etc)));
        }
        Ok(Work::build(steps, report))
    }
}

impl CreateArgs {
    /// Whether a namespace that exists has what is asked for.
    fn compare(
        &self,
        name: &NamespaceName,
        netns: &Netns,
        facts: &Snapshot,
    ) -> Result<(), Failure> {
        let mut files = Vec::new();
        if let Some(wanted) = self.resolv_conf() {
            dns::give(&mut files, name, &wanted, false, &facts.etc)?;
        }
        let at = Some(name.clone());
        let lo = netns.state.links.iter().find(|link| link.name.as_str() == "lo");
        let has =
            |address| lo.is_some_and(|lo| netns.state.addresses_of(lo).any(|net| net == address));
        let is_up = lo.is_some_and(|lo| lo.up);
        let up = (!is_up).then(|| Cmd::ip(&at, "link set dev lo up").to_string());
        let missing = self.addresses.iter().filter(|address| !has(**address));
        let cures: Vec<String> = up
            .into_iter()
            .chain(missing.map(|net| Cmd::ip(&at, &format!("addr add {net} dev lo")).to_string()))
            .chain(files.iter().map(|step| step.run.to_string()))
            .collect();
        if cures.is_empty() {
            return Ok(());
        }
        Err(failed(format!("network namespace `{name}` exists, but not as asked for"))
            .hint(cures.join("\n")))
    }

    /// The file of name servers that is asked for.
    fn resolv_conf(&self) -> Option<ResolvConf> {
        let servers = self.name_servers.clone();
        (!servers.is_empty()).then_some(ResolvConf { pair: None, servers })
    }

    /// The steps for one namespace.
    fn create(&self, name: &NamespaceName, facts: &Snapshot) -> Vec<Step> {
        let at = Some(name.clone());
        let lo = InterfaceName::reported("lo".to_owned());
        let why = "bring up its loopback, and mark the namespace as made by netns-tool";
        let mut up = ip::mark(&at, &lo, &self.mark.alias(), true, why.to_owned());
        if !self.no_verify {
            // The kernel gives it this address when it goes up; where there is no `ping`, this is all that is verified.
            let address = Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8).into();
            up.gives.push(Fact::Address { at: at.clone(), name: lo.clone(), address });
        }
        let mut steps = vec![ip::add_namespace(name), up];
        steps.extend(self.addresses.iter().map(|address| ip::add_address(&at, &lo, *address)));
        if !self.no_verify && facts.no_ping.is_none() {
            steps.push(Step::new(
                format!("see that 127.0.0.1 answers inside {name}"),
                Cmd::run(Tool::Ping, ["-n", "-q", "-c", "1", "-W", "2", "127.0.0.1"]).at(&at),
            ));
        }
        steps
    }

    fn loopback_line(&self, facts: &Snapshot) -> String {
        let seen = match &facts.no_ping {
            _ if self.no_verify => "not verified".to_owned(),
            None => "127.0.0.1 answers".to_owned(),
            Some(why) => format!("127.0.0.1 is there; {why}"),
        };
        let more = self.addresses.iter().map(|address| format!(", {address}")).collect::<String>();
        format!("Loopback is up ({seen}){more}")
    }
}

/// Each name once, with what is there.
fn named<'a>(
    names: &'a [NamespaceName],
    facts: &'a Snapshot,
) -> Vec<(&'a NamespaceName, &'a Netns)> {
    let mut named: Vec<(&NamespaceName, &Netns)> = Vec::new();
    for name in names {
        if let Some(netns) =
            facts.namespaces.get(name).filter(|_| !named.iter().any(|(seen, _)| *seen == name))
        {
            named.push((name, netns));
        }
    }
    named
}

/// Refuses to make or delete what others would go on to see otherwise.
fn check_seen(name: &NamespaceName, command: &str, facts: &Snapshot) -> Result<(), Failure> {
    if !facts.is_unseen_outside {
        return Ok(());
    }
    let reason = "what is mounted here in /run/netns does not reach the rest of the system; so it is within `ip netns exec`, and in some services";
    Err(missing(format!(
        "cannot {command} network namespace `{name}` for more than this shell alone"
    ))
    .note("reason", reason)
    .hint(format!(
        "the command outside of it, or: nsenter --target 1 --mount netns-tool {command} {name}"
    )))
}
