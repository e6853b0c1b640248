//! `veth --delete`.

use super::pair::is_pair;
use super::side;
use crate::cli::VethArgs;
use crate::dns;
use crate::failure::{Failure, failed};
use crate::ip::{self, End};
use crate::kernel::Snapshot;
use crate::kernel::state::Link;
use crate::noun::{Work, where_is};

impl VethArgs {
    pub(super) fn delete(&self, facts: &Snapshot) -> Result<Work, Failure> {
        let (one, other) = (self.one(), self.other());
        let pair = format!("{}{} <-> {}{}", one.name, side(one.at), other.name, side(other.at));
        // The name servers that came with the pair go with it.
        let whose = other.at.iter().filter(|name| dns::is_ours(name, Some(other.name), &facts.etc));
        let files = dns::take_back(&whose.collect::<Vec<_>>(), &facts.etc);
        let is_here = |end: &End| facts.state(end.at).link(end.name).is_some();
        if !files.is_empty() && !is_here(&one) && !is_here(&other) {
            let report =
                vec![format!("veth pair is gone already, its name servers removed: {pair}")];
            return Ok(Work::remove(files, report));
        }
        let Some(link) = facts.state(one.at).link(one.name) else {
            let message = format!("there is no interface `{}`{}", one.name, where_is(one.at));
            if self.removal.if_exists {
                return Ok(Work::nothing(&message));
            }
            return Err(failed(message).hint("--if-exists takes it for a success"));
        };
        self.check_pair(link, facts)?;
        let mut report = vec![format!("veth pair deleted: {pair}")];
        if !self.name_servers.is_empty() {
            report.extend(other.at.iter().filter_map(|name| dns::kept_line(name, &facts.etc)));
        }
        let step =
            ip::delete_link(one.at, one.name, format!("delete {} and its other end", one.name));
        Ok(Work::remove(std::iter::once(step).chain(files).collect(), report))
    }

    /// Refuses what is not the pair that is meant, or not ours.
    fn check_pair(&self, link: &Link, facts: &Snapshot) -> Result<(), Failure> {
        let (one, other) = (self.one(), self.other());
        if !link.is_kind("veth") {
            return Err(failed(format!("`{}` is not an end of a veth pair", one.name)));
        }
        if !is_pair(one.at, link, (other.at, other.name), facts) {
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
        Ok(())
    }
}
