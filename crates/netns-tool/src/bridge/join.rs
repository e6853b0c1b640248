//! A bridge that was there before: ports join it, and leave it again.

use super::memory::{Memory, Port, mark_of};
use crate::cli::BridgeArgs;
use crate::failure::{Failure, failed};
use crate::ip;
use crate::kernel::state::{Link, State};
use crate::noun::{Work, check_room};
use crate::plan::{Cmd, Step, Undo};

impl BridgeArgs {
    /// Uses a bridge that exists, which must be as asked for, and attaches what is not attached.
    pub(super) fn join(&self, state: &State, bridge: &Link) -> Result<Work, Failure> {
        self.compare(state, bridge)?;
        let ports = self.new_ports(state, Some(bridge))?;
        check_room(state, bridge, ports.len())?;
        let mut steps: Vec<Step> = Vec::new();
        if !bridge.is_ours() {
            self.check_unnoted(&ports)?;
        } else if !ports.is_empty() {
            steps.push(self.note(state, bridge, &ports)?);
        }
        steps.extend(ports.iter().map(|port| self.attach(port)));
        let what = if ports.is_empty() {
            "as asked for".to_owned()
        } else {
            let ports = ports.iter().map(|port| format!("port {}", port.name));
            format!("now with {}", ports.collect::<Vec<_>>().join(", "))
        };
        Ok(Work::build(steps, vec![format!("Bridge `{}` exists, {what}", self.name)]))
    }

    /// Notes on the bridge which ports join it.
    fn note(&self, state: &State, bridge: &Link, ports: &[&Link]) -> Result<Step, Failure> {
        let mut memory = Memory::of(bridge);
        // Of those that have left by themselves nothing needs to be known any more.
        memory.0.retain(|entry| state.ports(bridge).any(|port| port.index == entry.index));
        memory.0.extend(ports.iter().map(|port| Port {
            index: port.index,
            was_down: !port.up,
            joined: true,
        }));
        let why = format!("note on {} which ports it got later, for the way back", self.name);
        let mut note =
            ip::mark(&self.namespace, &self.name, &memory.alias(&mark_of(bridge))?, false, why);
        let mut back = Cmd::ip(&self.namespace, &format!("link set dev {}", self.name));
        ip::with_words(&mut back, &["alias", bridge.alias.as_deref().unwrap_or_default()]);
        note.undo = vec![Undo::new(note.gives[0].clone(), back)];
        Ok(note)
    }

    /// Whether the ports can leave again a bridge of somebody else, on which nothing is noted.
    fn check_unnoted(&self, ports: &[&Link]) -> Result<(), Failure> {
        let set = |words: String| Cmd::ip(&self.namespace, &format!("link set dev {words}"));
        if let Some(port) = ports.iter().find(|port| !port.is_ours()) {
            return Err(failed(format!(
                "netns-tool has made neither bridge `{}` nor `{}`, and so leaves them alone",
                self.name, port.name
            ))
            .hint(set(format!("{} master {} up", port.name, self.name)).to_string()));
        }
        if let Some(port) = ports.iter().find(|port| !port.up) {
            return Err(failed(format!(
                "`{}` is down, and on bridge `{}`, which netns-tool did not make, that cannot be noted for the way back",
                port.name, self.name
            ))
            .hint(set(format!("{} up", port.name)).to_string()));
        }
        Ok(())
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

    /// Takes ports off a bridge that was there before they joined it, and leaves it. The note of who joined goes last:
    /// it tells the same words, typed again, that the bridge has to stay.
    pub(super) fn leave(&self, state: &State, bridge: &Link) -> Result<Work, Failure> {
        let mut memory = Memory::of(bridge);
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
            let why = format!("forget on {} the ports it got later", self.name);
            steps.push(ip::mark(
                &self.namespace,
                &self.name,
                &memory.alias(&mark_of(bridge))?,
                false,
                why,
            ));
        } else if ports.is_empty() {
            let words = format!("link set dev {} nomaster", self.attach[0]);
            return Err(failed(format!(
                "bridge `{}` was not made by netns-tool, and none of its ports that are named was",
                self.name
            ))
            .hint(Cmd::ip(&self.namespace, &words).to_string()));
        }
        let names = ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ");
        let what = if ports.is_empty() { "none was left" } else { &names };
        let report =
            vec![format!("Taken off bridge `{}`, which was there before: {what}", self.name)];
        Ok(Work::remove(steps, report))
    }
}
