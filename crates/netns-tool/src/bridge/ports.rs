//! The ports of a bridge: which interfaces can be one, and the steps that attach and detach them.

use crate::address::is_link_local;
use crate::cli::BridgeArgs;
use crate::failure::{Failure, failed};
use crate::kernel::state::{Link, State};
use crate::name::InterfaceName;
use crate::noun::where_is;
use crate::plan::{Cmd, Fact, Step, Undo};
use ipnet::IpNet;

impl BridgeArgs {
    /// The interfaces to attach that are not ports of the bridge yet.
    pub(super) fn new_ports<'a>(
        &self,
        state: &'a State,
        bridge: Option<&Link>,
    ) -> Result<Vec<&'a Link>, Failure> {
        let mut ports: Vec<&Link> = Vec::new();
        for name in &self.attach {
            let Some(link) = state.link(name) else {
                return Err(failed(format!(
                    "there is no interface `{name}`{}",
                    where_is(&self.namespace)
                ))
                .hint(format!("see which there are: {}", Cmd::ip(&self.namespace, "-br link"))));
            };
            let is_new = self.check_port(state, link, bridge)?;
            if is_new && !ports.iter().any(|port| port.index == link.index) {
                ports.push(link);
            }
        }
        Ok(ports)
    }

    /// Whether the interface has yet to become a port of the bridge, which it must be able to.
    fn check_port(
        &self,
        state: &State,
        link: &Link,
        bridge: Option<&Link>,
    ) -> Result<bool, Failure> {
        let name = &link.name;
        if name.as_str() == "lo" || link.is_kind("bridge") {
            return Err(failed(format!(
                "`{name}` cannot be a port: it is a {}",
                if link.kind.is_some() { "bridge" } else { "loopback" }
            )));
        }
        let Some(master) = link.master else {
            self.check_unused(state, link)?;
            return Ok(true);
        };
        if bridge.is_some_and(|bridge| bridge.index == master) {
            return Ok(false);
        }
        let master = state.by_index(master).map_or("something", |master| master.name.as_str());
        let leave = Cmd::ip(&self.namespace, &format!("link set dev {name} nomaster"));
        Err(failed(format!("`{name}` is a port of `{master}` already")).hint(leave.to_string()))
    }

    /// Refuses to cut the place off: what arrives at a port goes to the bridge.
    fn check_unused(&self, state: &State, link: &Link) -> Result<(), Failure> {
        let (at, name) = (&self.namespace, &link.name);
        let leads_out =
            |ipv4| state.default_routes(ipv4).iter().any(|route| route.device == Some(link.index));
        if leads_out(true) || leads_out(false) {
            let attach = Cmd::ip(at, &format!("link set dev {name} master {} up", self.name));
            return Err(failed(format!(
                "`{name}` cannot be a port: the default route{} leads over it, and what arrives at a port goes to the bridge",
                where_is(at)
            ))
            .hint(format!("the command without `{name}`; to attach it all the same: {attach}")));
        }
        let is_lost = |net: &IpNet| !is_link_local(net);
        let lost: Vec<IpNet> = state.addresses_of(link).filter(is_lost).collect();
        if lost.is_empty() {
            return Ok(());
        }
        let listed: Vec<String> = lost.iter().map(|net| format!("`{net}`")).collect();
        let mut cures: Vec<String> = lost
            .iter()
            .map(|net| Cmd::ip(at, &format!("addr del {net} dev {name}")).to_string())
            .collect();
        cures.push(format!("and the same command; --addr {} gives it to the bridge", lost[0]));
        Err(failed(format!(
            "`{name}`{} cannot be a port as long as it has {}: what arrives at a port goes to the bridge",
            where_is(at),
            listed.join(", ")
        ))
        .hint(cures.join("\n")))
    }

    pub(super) fn attach(&self, port: &Link) -> Step {
        let (at, name) = (&self.namespace, &port.name);
        let is_port = Fact::Port { at: at.clone(), name: name.clone(), bridge: self.name.clone() };
        let mut gives = vec![is_port.clone()];
        gives.extend((!port.up).then(|| Fact::Up { at: at.clone(), name: name.clone() }));
        Step::new(
            format!("make {name} a port of {}, and bring it up", self.name),
            Cmd::ip(at, &format!("link set dev {name} master {} up", self.name)),
        )
        .gives(gives)
        .undo([Undo::new(is_port, self.detach_command(name, !port.up))])
    }

    fn detach_command(&self, port: &InterfaceName, was_down: bool) -> Cmd {
        Cmd::ip(
            &self.namespace,
            &format!("link set dev {port} nomaster{}", if was_down { " down" } else { "" }),
        )
    }

    pub(super) fn detach(&self, port: &Link, was_down: bool) -> Step {
        let (at, name, bridge) = (&self.namespace, &port.name, &self.name);
        let mut gives = vec![Fact::not(Fact::Port {
            at: at.clone(),
            name: name.clone(),
            bridge: bridge.clone(),
        })];
        gives.extend(was_down.then(|| Fact::not(Fact::Up { at: at.clone(), name: name.clone() })));
        let why = format!(
            "take {name} off {bridge}{}",
            if was_down { ", and bring it down, as it was before" } else { "" }
        );
        Step::new(why, self.detach_command(name, was_down)).gives(gives)
    }
}
