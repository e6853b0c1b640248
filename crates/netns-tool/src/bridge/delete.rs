//! `bridge --delete`.

use super::memory::Memory;
use crate::cli::BridgeArgs;
use crate::failure::{Failure, failed};
use crate::firewall::Firewall;
use crate::ip;
use crate::kernel::Snapshot;
use crate::kernel::state::{Link, State};
use crate::nat;
use crate::noun::{Work, where_is};
use crate::plan::Step;

impl BridgeArgs {
    pub(super) fn delete(&self, facts: &Snapshot, state: &State) -> Result<Work, Failure> {
        let Some(bridge) = state.link(&self.name) else {
            return self.nothing(
                format!("there is no bridge `{}`{}", self.name, where_is(&self.namespace)),
                "--if-exists takes it for a success",
            );
        };
        if !bridge.is_kind("bridge") {
            return Err(failed(format!("`{}` is not a bridge", self.name)));
        }
        // With these words it may have been joined only.
        let may_stay = self.if_missing && !self.attach.is_empty() && !self.removal.force;
        if may_stay && self.was_there(state, bridge) {
            return self.leave(state, bridge);
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
        if may_stay && named.is_empty() {
            return self.nothing(
                format!(
                    "none of the interfaces that are named is a port of bridge `{}`",
                    self.name
                ),
                &format!("netns-tool bridge {} --delete deletes the bridge", self.name),
            );
        }
        self.check_left(&left)?;
        self.check_nat(&facts.firewall)?;
        Ok(self.delete_with(bridge, &named))
    }

    /// There is nothing to delete, which is an error without `--if-exists`.
    fn nothing(&self, message: String, hint: &str) -> Result<Work, Failure> {
        if self.removal.if_exists {
            return Ok(Work::nothing(&message));
        }
        Err(failed(message).hint(hint))
    }

    /// Whether the bridge was there before the interfaces that are named.
    fn was_there(&self, state: &State, bridge: &Link) -> bool {
        let memory = Memory::of(bridge);
        let mut named = self.attach.iter().filter_map(|name| state.link(name));
        named.any(|link| memory.has_joined(link)) || !bridge.is_ours()
    }

    /// Refuses to delete a bridge with ports that are not named.
    fn check_left(&self, left: &[&Link]) -> Result<(), Failure> {
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = left.iter().map(|port| port.name.as_str()).collect();
        let (listed, typed) = (names.join(", "), names.join(","));
        Err(failed(format!("bridge `{}` still has ports: {listed}", self.name)).hint(format!(
            "delete them first, or take them off with it: --attach {typed} --delete"
        )))
    }

    /// Refuses to delete a bridge with a NAT, whose rules would go on to apply to any other of that name.
    fn check_nat(&self, firewall: &Firewall) -> Result<(), Failure> {
        let Some(uplink) = nat::uplink_of(firewall, &self.name) else { return Ok(()) };
        let name = &self.name;
        Err(failed(format!("bridge `{name}` still has a NAT to `{uplink}`")).hint(format!(
            "netns-tool nat {name} {uplink} --delete, and the same command; --force leaves the NAT"
        )))
    }

    fn delete_with(&self, bridge: &Link, ports: &[&Link]) -> Work {
        let memory = Memory::of(bridge);
        let mut steps: Vec<Step> =
            ports.iter().map(|port| self.detach(port, memory.was_down(port))).collect();
        let why = format!("delete the bridge {}", self.name);
        steps.push(ip::delete_link(&self.namespace, &self.name, why));
        Work::remove(
            steps,
            vec![format!("Bridge deleted: {}{}", self.name, where_is(&self.namespace))],
        )
    }
}
