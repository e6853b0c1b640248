//! `bridge`: a switch, and the interfaces that are its ports.

mod memory;

use crate::cli::BridgeArgs;
use crate::failure::{Failure, failed, usage};
use crate::ip::{self, Hardware};
use crate::kernel::state::{Link, State};
use crate::kernel::{Snapshot, Wanted};
use crate::name::InterfaceName;
use crate::noun::{
    Noun, Work, check_distinct, check_free, check_new, check_room, require_sound, where_is,
};
use crate::plan::{Cmd, Fact, Plan, Step, Undo};
use memory::{Memory, Port};

impl Noun for BridgeArgs {
    fn wanted(&self) -> Wanted {
        Wanted { namespaces: self.namespace.iter().cloned().collect(), ..Wanted::default() }
    }

    fn check(&self) -> Result<(), Failure> {
        if !self.removal.delete {
            check_new(&self.name)?;
        }
        check_distinct(self.addresses.iter())?;
        match self.attach.iter().find(|port| **port == self.name) {
            Some(_) => Err(usage(format!("bridge `{}` cannot be a port of itself", self.name))),
            None => Ok(()),
        }
    }

    fn plan(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let state = facts.state(&self.namespace);
        if self.removal.delete {
            return self.delete(state);
        }
        require_sound(&self.namespace, facts)?;
        match state.link(&self.name) {
            Some(link) if link.is_kind("bridge") && self.if_missing => self.join(state, link),
            Some(link) if link.is_kind("bridge") => Err(failed(format!(
                "bridge `{}` already exists{}",
                self.name,
                where_is(&self.namespace)
            ))
            .hint("--if-missing to use it, or the command with --delete to remove it")),
            _ => self.create(facts, state),
        }
    }
}

impl BridgeArgs {
    fn create(&self, facts: &Snapshot, state: &State) -> Result<Work, Failure> {
        let at = &self.namespace;
        check_free(at, &self.name, facts)?;
        let ports = self.new_ports(state, None)?;
        let was_down = ports.iter().filter(|port| !port.up);
        let memory = Memory(
            was_down
                .map(|port| Port { index: port.index, was_down: true, joined: false })
                .collect(),
        );
        let mut options = String::new();
        options.push_str(if self.stp { " stp_state 1" } else { "" });
        options.push_str(if self.vlan_filtering { " vlan_filtering 1" } else { "" });
        // Without an address of its own a bridge takes the lowest of its ports', and changes it as they come and go:
        // then whoever has it as its gateway loses packets.
        let hardware = Hardware { mtu: self.mtu, mac: self.mac.or(facts.fresh_mac) };
        let mut steps = vec![
            ip::add_bridge(at, &self.name, hardware, &options),
            ip::mark(at, &self.name, &memory.alias()?, true),
        ];
        steps
            .extend(self.addresses.iter().map(|address| ip::add_address(at, &self.name, *address)));
        steps.extend(ports.iter().map(|port| self.attach(port)));
        let mut traits: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        traits.extend(ports.iter().map(|port| format!("port {}", port.name)));
        let traits =
            if traits.is_empty() { String::new() } else { format!(", {}", traits.join(", ")) };
        Ok(Work {
            plan: Plan::build(steps),
            report: vec![format!("Bridge created: {}{}, up{traits}", self.name, where_is(at))],
        })
    }

    /// Uses a bridge that exists, which must be as asked for, and attaches what is not attached.
    fn join(&self, state: &State, bridge: &Link) -> Result<Work, Failure> {
        self.compare(state, bridge)?;
        let ports = self.new_ports(state, Some(bridge))?;
        check_room(state, bridge, ports.len())?;
        let mut steps: Vec<Step> = Vec::new();
        if bridge.is_ours() && !ports.is_empty() {
            let mut memory = Memory::of(bridge);
            // Of those that have left by themselves nothing needs to be known any more.
            memory.0.retain(|entry| state.ports(bridge).any(|port| port.index == entry.index));
            memory.0.extend(ports.iter().map(|port| Port {
                index: port.index,
                was_down: !port.up,
                joined: true,
            }));
            let mut note = ip::mark(&self.namespace, &self.name, &memory.alias()?, false);
            note.why = format!("note on {} which ports it got later, for the way back", self.name);
            let mut back = Cmd::ip(&self.namespace, &format!("link set dev {}", self.name));
            ip::with_words(&mut back, &["alias", bridge.alias.as_deref().unwrap_or_default()]);
            note.undo = vec![Undo::new(note.gives[0].clone(), back)];
            steps.push(note);
        } else if let Some(port) = ports.iter().find(|port| !port.is_ours()) {
            return Err(failed(format!(
                "netns-tool has made neither bridge `{}` nor `{}`, and so leaves them alone",
                self.name, port.name
            ))
            .hint(
                Cmd::ip(
                    &self.namespace,
                    &format!("link set dev {} master {} up", port.name, self.name),
                )
                .to_string(),
            ));
        } else if let Some(port) = ports.iter().find(|port| !port.up) {
            return Err(failed(format!(
                "`{}` is down, and on bridge `{}`, which netns-tool did not make, that cannot be noted for the way back",
                port.name, self.name
            ))
            .hint(Cmd::ip(&self.namespace, &format!("link set dev {} up", port.name)).to_string()));
        }
        steps.extend(ports.iter().map(|port| self.attach(port)));
        let what = match ports[..] {
            [] => "as asked for".to_owned(),
            _ => format!(
                "now with {}",
                ports
                    .iter()
                    .map(|port| format!("port {}", port.name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        Ok(Work {
            plan: Plan::build(steps),
            report: vec![format!("Bridge `{}` exists, {what}", self.name)],
        })
    }

    /// Whether a bridge that exists has what is asked for.
    fn compare(&self, state: &State, bridge: &Link) -> Result<(), Failure> {
        let mut cures = Vec::new();
        let mut differ = |is_right: bool, words: String| {
            if !is_right {
                cures.push(Cmd::ip(&self.namespace, &words).to_string());
            }
        };
        let name = &self.name;
        for address in &self.addresses {
            differ(
                state.addresses_of(bridge).any(|net| net == *address),
                format!("addr add {address} dev {name}"),
            );
        }
        differ(bridge.up, format!("link set dev {name} up"));
        differ(
            self.mtu.is_none_or(|mtu| mtu == bridge.mtu),
            format!("link set dev {name} mtu {}", self.mtu.unwrap_or_default()),
        );
        if let Some(mac) = self.mac {
            differ(
                mac.octets()[..] == bridge.mac[..],
                format!("link set dev {name} address {mac}"),
            );
        }
        differ(!self.stp || bridge.stp, format!("link set dev {name} type bridge stp_state 1"));
        differ(
            !self.vlan_filtering || bridge.vlan_filtering,
            format!("link set dev {name} type bridge vlan_filtering 1"),
        );
        if cures.is_empty() {
            return Ok(());
        }
        Err(failed(format!("bridge `{name}` exists, but not as asked for")).hint(cures.join("\n")))
    }

    /// The interfaces to attach that are not ports of the bridge yet.
    fn new_ports<'a>(
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
            if name.as_str() == "lo" || link.is_kind("bridge") {
                return Err(failed(format!(
                    "`{name}` cannot be a port: it is a {}",
                    if link.kind.is_some() { "bridge" } else { "loopback" }
                )));
            }
            if let Some(master) =
                link.master.filter(|master| bridge.is_none_or(|bridge| bridge.index != *master))
            {
                let master =
                    state.by_index(master).map_or("something", |master| master.name.as_str());
                return Err(failed(format!("`{name}` is a port of `{master}` already")).hint(
                    Cmd::ip(&self.namespace, &format!("link set dev {name} nomaster")).to_string(),
                ));
            }
            if link.master.is_none() && !ports.iter().any(|port| port.index == link.index) {
                ports.push(link);
            }
        }
        Ok(ports)
    }

    fn attach(&self, port: &Link) -> Step {
        let (at, name) = (&self.namespace, &port.name);
        let is_port = Fact::Port { at: at.clone(), name: name.clone(), bridge: self.name.clone() };
        let mut gives = vec![is_port.clone()];
        gives.extend((!port.up).then(|| Fact::Up { at: at.clone(), name: name.clone() }));
        Step {
            why: format!("make {name} a port of {}, and bring it up", self.name),
            run: Cmd::ip(at, &format!("link set dev {name} master {} up", self.name)),
            gives,
            undo: vec![Undo::new(is_port, self.detach_command(name, !port.up))],
        }
    }

    fn detach_command(&self, port: &InterfaceName, was_down: bool) -> Cmd {
        Cmd::ip(
            &self.namespace,
            &format!("link set dev {port} nomaster{}", if was_down { " down" } else { "" }),
        )
    }

    fn detach(&self, port: &Link, was_down: bool) -> Step {
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
        Step { why, run: self.detach_command(name, was_down), gives, undo: vec![] }
    }

    /// Takes ports off a bridge that was there before they joined it, and leaves it. The note of who joined goes last:
    /// it tells the same words, typed again, that the bridge has to stay.
    fn leave(&self, state: &State, bridge: &Link, mut memory: Memory) -> Result<Work, Failure> {
        let is_leaving = |port: &&Link| {
            let is_mine = if bridge.is_ours() { memory.has_joined(port) } else { port.is_ours() };
            self.attach.contains(&port.name) && is_mine
        };
        let ports: Vec<&Link> = state.ports(bridge).filter(is_leaving).collect();
        let mut steps: Vec<Step> =
            ports.iter().map(|port| self.detach(port, memory.was_down(port))).collect();
        if bridge.is_ours() {
            let is_named =
                |index| state.by_index(index).is_none_or(|link| self.attach.contains(&link.name));
            memory.0.retain(|entry| !(entry.joined && is_named(entry.index)));
            let mut note = ip::mark(&self.namespace, &self.name, &memory.alias()?, false);
            note.why = format!("forget on {} the ports it got later", self.name);
            steps.push(note);
        } else if ports.is_empty() {
            return Err(failed(format!(
                "bridge `{}` was not made by netns-tool, and none of its ports that are named was",
                self.name
            ))
            .hint(
                Cmd::ip(&self.namespace, &format!("link set dev {} nomaster", self.attach[0]))
                    .to_string(),
            ));
        }
        let names = ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ");
        let what = if ports.is_empty() { "none was left" } else { &names };
        let report =
            vec![format!("Taken off bridge `{}`, which was there before: {what}", self.name)];
        Ok(Work { plan: Plan::remove(steps), report })
    }

    fn delete(&self, state: &State) -> Result<Work, Failure> {
        let Some(bridge) = state.link(&self.name) else {
            let message =
                format!("there is no bridge `{}`{}", self.name, where_is(&self.namespace));
            if self.removal.if_exists {
                return Ok(Work::nothing(&message));
            }
            return Err(failed(message).hint("--if-exists takes it for a success"));
        };
        if !bridge.is_kind("bridge") {
            return Err(failed(format!("`{}` is not a bridge", self.name)));
        }
        let memory = Memory::of(bridge);
        let mut named = self.attach.iter().filter_map(|name| state.link(name));
        let was_there = named.any(|link| memory.has_joined(link)) || !bridge.is_ours();
        if self.if_missing && !self.attach.is_empty() && was_there && !self.removal.force {
            return self.leave(state, bridge, memory);
        }
        if !bridge.is_ours() && !self.removal.force {
            return Err(failed(format!(
                "bridge `{}` was not made by netns-tool: it does not bear the mark",
                self.name
            ))
            .hint("--force deletes it all the same"));
        }
        let (named, left): (Vec<&Link>, Vec<&Link>) =
            state.ports(bridge).partition(|port| self.attach.contains(&port.name));
        // Typed once more after they have left: then it was not the bridge that was to go.
        if self.if_missing && !self.attach.is_empty() && named.is_empty() && !self.removal.force {
            let message = format!(
                "none of the interfaces that are named is a port of bridge `{}`",
                self.name
            );
            if self.removal.if_exists {
                return Ok(Work::nothing(&message));
            }
            return Err(failed(message)
                .hint(format!("netns-tool bridge {} --delete deletes the bridge", self.name)));
        }
        let mut steps: Vec<Step> =
            named.iter().map(|port| self.detach(port, memory.was_down(port))).collect();
        if !left.is_empty() {
            let names: Vec<_> = left.iter().map(|port| port.name.as_str()).collect();
            return Err(failed(format!(
                "bridge `{}` still has ports: {}",
                self.name,
                names.join(", ")
            ))
            .hint(format!(
                "delete them first, or take them off with it: --attach {} --delete",
                names.join(",")
            )));
        }
        steps.push(ip::delete_link(
            &self.namespace,
            &self.name,
            format!("delete the bridge {}", self.name),
        ));
        Ok(Work {
            plan: Plan::remove(steps),
            report: vec![format!("Bridge deleted: {}{}", self.name, where_is(&self.namespace))],
        })
    }
}
