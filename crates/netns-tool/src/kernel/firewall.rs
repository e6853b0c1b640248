//! The rules of the host's IPv4 firewall, read back.

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
    /// There is no `iptables-save`, or it failed.
    pub fn read(limit: Duration) -> Result<Self> {
        let cmd = Cmd::Run { netns: None, tool: Tool::IptablesSave, args: vec![], stdin: None };
        let output = child::run(&cmd, limit, true)?;
        if !output.is_success() {
            return Err(failed("cannot list the rules of the firewall")
                .note("ran", cmd.to_string())
                .note("system", output.reason(limit))
                .into());
        }
        let tables: Vec<_> =
            iptables::saved_tables(&output.stdout).into_iter().map(str::to_owned).collect();
        // Nothing at all is what a host without rules prints; anything else has to be a listing.
        if tables.is_empty() && !output.stdout.trim().is_empty() {
            return Err(
                failed("`iptables-save` printed something that is not a listing of rules").into()
            );
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
