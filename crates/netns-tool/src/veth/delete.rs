//! `veth --delete`.

use super::side;
use crate::cli::VethArgs;
use crate::failure::{Failure, failed};
use crate::ip::{self, End};
use crate::kernel::Snapshot;
use crate::kernel::state::Link;
use crate::noun::{Work, where_is};
use crate::plan::Plan;

impl VethArgs {
    pub(super) fn delete(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let (one, other) = (self.one(), self.other());
        let pair = format!("{}{} <-> {}{}", one.name, side(one.at), other.name, side(other.at));
        let Some(link) = facts.state(one.at).link(one.name) else {
            let message = format!("there is no interface `{}`{}", one.name, where_is(one.at));
            if self.removal.if_exists {
                return Ok(Work::nothing(&message));
            }
            return Err(failed(message).hint("--if-exists takes it for a success"));
        };
        if !link.is_kind("veth") {
            return Err(failed(format!("`{}` is not an end of a veth pair", one.name)));
        }
        if !is_pair(&one, link, &other, facts) {
            return Err(failed(format!(
                "the other end of `{}` is not `{}`{}",
                one.name,
                other.name,
                where_is(other.at)
            ))
            .hint(format!("`ip -d link show dev {}` shows where it is", one.name)));
        }
        if !link.is_ours() && !self.removal.force {
            return Err(failed(format!(
                "`{}` was not made by netns-tool: it does not bear the mark",
                one.name
            ))
            .hint("--force deletes it all the same"));
        }
        let step =
            ip::delete_link(one.at, one.name, format!("delete {} and its other end", one.name));
        Ok(Work {
            plan: Plan::remove(vec![step]),
            report: vec![format!("veth pair deleted: {pair}")],
        })
    }
}

/// Whether the link is one end, and `other` names the other.
fn is_pair(one: &End, link: &Link, other: &End, facts: &Snapshot) -> bool {
    let Some(there) = facts.state(other.at).link(other.name) else { return false };
    let in_same_place = one.at == other.at;
    // A place numbers the namespaces that its links lead to. Indices alone would not do: each namespace begins at 1.
    let number = other.at.as_ref().filter(|_| !in_same_place).and_then(|netns| match one.at {
        None => facts.namespaces.get(netns)?.host_id,
        Some(one) => facts.namespaces.get(one)?.numbers.get(netns).copied(),
    });
    let leads_there = link.peer_netns == number && link.peer_netns.is_none() == in_same_place;
    leads_there && link.peer == Some(there.index) && there.peer == Some(link.index)
}
