//! The rules of the host's IPv4 firewall, read back.

use crate::advice::advise;
use crate::failure::failed;
use crate::iptables;
use crate::plan::{Cmd, Rule, Tool};
use crate::system::child;
use anyhow::Result;
use std::time::Duration;

/// What `iptables-save` printed.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub rules: Vec<Rule>,
    /// The tables that were printed whole.
    tables: Vec<String>,
    limit: Duration,
}

impl Listing {
    /// # Errors
    /// There is no `iptables-save`, or it failed twice.
    pub fn read(limit: Duration) -> Result<Self> {
        // It says nothing where there are no rules, but also where it could not say anything: so ask twice.
        match Self::read_once(limit) {
            Ok(listing) if !listing.tables.is_empty() => Ok(listing),
            _ => Self::read_once(limit),
        }
    }

    fn read_once(limit: Duration) -> Result<Self> {
        let cmd = Cmd::Run { netns: None, tool: Tool::IptablesSave, args: vec![], stdin: None };
        let output = child::run(&cmd, limit, true)?;
        let refused = |why: String| {
            let failure =
                failed("cannot list the rules of the firewall").note("ran", cmd.to_string());
            advise(failure.note("system", why.clone()), &cmd, &why)
        };
        if !output.is_success() {
            return Err(refused(output.reason(limit)).into());
        }
        let tables: Vec<_> =
            iptables::saved_tables(&output.stdout).into_iter().map(str::to_owned).collect();
        if tables.is_empty() && !output.stdout.trim().is_empty() {
            return Err(refused("what it printed is not a listing of rules".to_owned()).into());
        }
        Ok(Self { rules: iptables::parse_save(&output.stdout), tables, limit })
    }

    /// Whether the rule is there. `iptables-save` leaves out, with exit status 0, a table that it cannot express,
    /// such as one with native nft sets, and one whose printing failed; then `iptables -C` is asked.
    pub fn has(&self, rule: &Rule) -> Result<bool> {
        if self.tables.contains(&rule.table) {
            return Ok(self.rules.contains(rule));
        }
        let output = child::run(&iptables::check(rule), self.limit, true)?;
        match output.status.and_then(|status| status.code()) {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(failed(format!("cannot find out whether the firewall has the rule `{rule}`"))
                .note("system", output.reason(self.limit))
                .into()),
        }
    }
}
