//! Whether rules stand.

use super::{list_ours, saved};
use crate::failure::failed;
use crate::family::Family;
use crate::firewall::iptables::{self, Saved};
use crate::firewall::rule::{Rule, Table};
use crate::firewall::{Backend, nft};
use crate::plan::Cmd;
use crate::system::child;
use anyhow::Result;
use std::cell::OnceCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// Answers whether rules stand, reading each listing once.
#[derive(Default)]
pub struct Rules {
    iptables: BTreeMap<Family, Listing>,
    nft: Option<(Vec<&'static str>, HashSet<Rule>)>,
}

impl Rules {
    pub fn has(&mut self, backend: Backend, rule: &Rule, limit: Duration) -> Result<bool> {
        if backend == Backend::Nft {
            return Ok(self.nft(limit)?.1.contains(rule));
        }
        let listing = self.listing(rule.family, limit)?;
        if listing.has_table(rule.table()) {
            Ok(listing.has(rule))
        } else {
            ask(&iptables::check(rule), limit)
        }
    }

    pub fn has_chain(&mut self, family: Family, table: Table, limit: Duration) -> Result<bool> {
        let listing = self.listing(family, limit)?;
        if listing.has_table(table) {
            return Ok(listing.saved.as_ref().is_some_and(|saved| saved.has_chain(table)));
        }
        ask(&iptables::check_chain(family, table), limit)
    }

    /// Whether our table in nft has the line of its frame.
    pub fn has_line(&mut self, line: &str, limit: Duration) -> Result<bool> {
        Ok(self.nft(limit)?.0.contains(&line))
    }

    fn listing(&mut self, family: Family, limit: Duration) -> Result<&Listing> {
        Ok(match self.iptables.entry(family) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Listing::new(family, saved(family, limit)?)),
        })
    }

    fn nft(&mut self, limit: Duration) -> Result<&(Vec<&'static str>, HashSet<Rule>)> {
        if self.nft.is_none() {
            let listing = list_ours(limit)?;
            let nft::Listed { frame, rules } = listing.as_ref().map(nft::parse).unwrap_or_default();
            self.nft = Some((frame, rules.into_iter().map(|found| found.rule).collect()));
        }
        Ok(self.nft.get_or_insert_default())
    }
}

/// What `iptables-save` printed, to be asked for many rules.
struct Listing {
    saved: Option<Saved>,
    family: Family,
    /// Most rules are printed as they are spelled, and need not be parsed.
    printed: HashSet<String>,
    parsed: OnceCell<HashSet<Rule>>,
}

impl Listing {
    fn new(family: Family, saved: Option<Saved>) -> Self {
        let printed = saved.iter().flat_map(Saved::printed).collect();
        Self { saved, family, printed, parsed: OnceCell::new() }
    }

    /// `iptables-save` leaves out, with exit status 0, a table that it cannot express, such as one with native nft sets,
    /// and one whose printing failed; then iptables itself is asked.
    fn has_table(&self, table: Table) -> bool {
        let mut tables = self.saved.iter().flat_map(|saved| &saved.tables);
        tables.any(|name| name == iptables::table_name(table))
    }

    fn has(&self, rule: &Rule) -> bool {
        let all = || self.saved.iter().flat_map(|saved| saved.rules(self.family)).collect();
        self.printed.contains(&iptables::printed(rule))
            || self.parsed.get_or_init(all).contains(rule)
    }
}

/// Asks iptables: exit status 0 for yes, 1 for no.
fn ask(cmd: &Cmd, limit: Duration) -> Result<bool> {
    let output = child::run(cmd, limit, true)?;
    match output.status.and_then(|status| status.code()) {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(failed(format!("cannot find out about the firewall by `{cmd}`"))
            .note("system", output.reason(limit))
            .into()),
    }
}
