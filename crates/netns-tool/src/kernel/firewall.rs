//! The firewall of the host, read back.

pub mod counters;
mod rules;

use super::nf_tables::Tables;
use crate::advice::advise;
use crate::failure::{Failure, failed, missing};
use crate::family::Family;
use crate::firewall::iptables::{self, Saved};
use crate::firewall::{Backend, Choice, Firewall, nft};
use crate::plan::{Cmd, Tool};
use crate::system::{child, tools};
use anyhow::Result;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

pub use rules::Rules;

/// Reads the firewall that is to be used; with `whole`, also what of others might be in its way.
///
/// # Errors
/// Neither is installed, one cannot be read, or netns-tool has rules in the one that is not wanted.
pub fn read(choice: Choice, whole: bool, limit: Duration) -> Result<Firewall> {
    let mut firewall = Firewall::default();
    if tools::is_there(Tool::Nft) {
        read_nft(&mut firewall, whole, limit)?;
    }
    let has_iptables = tools::is_there(Tool::IptablesSave);
    if has_iptables {
        for family in Family::BOTH {
            let saved = saved(family, limit)?;
            firewall.saved.extend(saved.map(|saved| (family, saved)));
        }
    }
    let has_rules = iptables::found(&firewall.saved).iter().any(|found| found.rule.is_ours());
    let (backend, reason) = match (!firewall.frame.is_empty(), has_rules) {
        (true, _) => (Backend::Nft, Some("nft")),
        (_, true) => (Backend::Iptables, Some("iptables")),
        (false, false) if choice == Choice::Nft => (Backend::Nft, None),
        (false, false) if has_iptables || choice == Choice::Iptables => (Backend::Iptables, None),
        (false, false) => (Backend::Nft, None),
    };
    if let Some(name) = reason {
        check_choice(choice, backend, name)?;
    }
    firewall.backend = backend;
    require(backend, choice)?;
    if backend == Backend::Iptables {
        firewall.rules = iptables::found(&firewall.saved);
    }
    firewall.other_variant = other_variant(limit);
    if backend == Backend::Iptables {
        check_variant(&firewall.other_variant)?;
    }
    Ok(firewall)
}

/// One of the two at a time: what the one accepts, the other may drop.
fn check_choice(choice: Choice, backend: Backend, name: &str) -> Result<(), Failure> {
    let is_same = match choice {
        Choice::Auto => true,
        Choice::Iptables => backend == Backend::Iptables,
        Choice::Nft => backend == Backend::Nft,
    };
    if is_same {
        return Ok(());
    }
    Err(failed(format!("the NATs of netns-tool on this host are made with {name}"))
        .hint(format!("--firewall {name}, or delete them first")))
}

/// Nor are there NATs in the variant of iptables that `iptables` was when they were made.
fn check_variant(other: &[(Family, &str, String)]) -> Result<(), Failure> {
    let is_ours = |(family, _, text): &&(Family, &str, String)| {
        Saved::parse(text).rules(*family).any(|rule| rule.is_ours())
    };
    let Some((_, command, _)) = other.iter().find(is_ours) else { return Ok(()) };
    let what = format!(
        "the NATs of netns-tool on this host are made with `{command}`, which `iptables` is no longer"
    );
    Err(failed(what).hint(format!(
        "update-alternatives --set iptables /usr/sbin/{command} (and ip6tables), and delete them first"
    )))
}

fn require(backend: Backend, choice: Choice) -> Result<(), Failure> {
    let tool = match backend {
        Backend::Iptables => Tool::IptablesSave,
        Backend::Nft => Tool::Nft,
    };
    match tools::find(tool) {
        Err(_) if choice == Choice::Auto && !tools::is_there(tool) => {
            Err(missing("neither `iptables` nor `nft` is installed: there is nothing to make a NAT with")
                .hint("apt-get install iptables, or apt-get install nftables (or your system's package that has it)"))
        }
        found => found.map(|_| ()),
    }
}

fn read_nft(firewall: &mut Firewall, whole: bool, limit: Duration) -> Result<()> {
    // What others have may be more than this nft can print (nft 1.0 breaks off at a dormant table).
    let ruleset = whole.then(|| list_nft(&nft::list_ruleset(), limit).ok()).flatten();
    let listing = match &ruleset {
        Some(ruleset) => ruleset.clone(),
        None => list_ours(limit)?,
    };
    let listed = listing.as_ref().map(nft::parse).unwrap_or_default();
    (firewall.frame, firewall.rules) = (listed.frame, listed.rules);
    firewall.ruleset = ruleset.flatten();
    Ok(())
}

/// What our table in nft has; `None` where it is not there.
///
/// # Errors
/// It could not be listed.
fn list_ours(limit: Duration) -> Result<Option<Value>> {
    if Tables::read().is_ok_and(|tables| !tables.has_inet(nft::TABLE)) {
        return Ok(None);
    }
    list_nft(&nft::list_table(), limit)
}

/// What nft lists; `None` where there is nothing, or where this kernel has no nft.
///
/// # Errors
/// It failed twice.
fn list_nft(cmd: &Cmd, limit: Duration) -> Result<Option<Value>> {
    list_nft_once(cmd, limit).or_else(|_| list_nft_once(cmd, limit))
}

fn list_nft_once(cmd: &Cmd, limit: Duration) -> Result<Option<Value>> {
    let output = child::run(cmd, limit, true)?;
    if !output.is_success() {
        let why = output.reason(limit);
        // The table, or all of nf_tables in this kernel.
        let is_absent = ["No such file or directory", "Protocol not supported", "Not supported"];
        if output.status.is_some() && is_absent.iter().any(|text| why.contains(text)) {
            return Ok(None);
        }
        return Err(unreadable(cmd, why).into());
    }
    match serde_json::from_str(&output.stdout) {
        Ok(listing) if nft::is_listing(&listing) => Ok(Some(listing)),
        _ => Err(unreadable(cmd, "what it printed is not a listing of rules".to_owned()).into()),
    }
}

fn unreadable(cmd: &Cmd, why: String) -> Failure {
    let failure = failed("cannot list the rules of the firewall").note("ran", cmd.to_string());
    advise(failure.note("system", why.clone()), cmd, &why)
}

/// Whether iptables has no tables of the family, as the kernel says.
fn is_known_empty(family: Family) -> bool {
    if is_legacy() {
        return std::fs::read_to_string(legacy_tables(family)).is_ok_and(|names| names.is_empty());
    }
    Tables::read().is_ok_and(|tables| !tables.has_any(family))
}

/// The names of the legacy tables of the family that are in use.
fn legacy_tables(family: Family) -> &'static str {
    match family {
        Family::V4 => "/proc/net/ip_tables_names",
        Family::V6 => "/proc/net/ip6_tables_names",
    }
}

/// What iptables has for the family; `None` where the kernel, or the host, has nothing for IPv6.
///
/// # Errors
/// There is no `iptables-save`, or it failed twice.
fn saved(family: Family, limit: Duration) -> Result<Option<Saved>> {
    let has_family =
        Path::new("/proc/net/if_inet6").exists() && tools::is_there(Tool::Ip6tablesSave);
    if family == Family::V6 && !has_family {
        return Ok(None);
    }
    if is_known_empty(family) {
        return Ok(Some(Saved::default()));
    }
    // It says nothing where there are no rules, but also where it could not say anything: so ask twice.
    Ok(Some(match saved_once(family, limit) {
        Ok(saved) if !saved.tables.is_empty() => saved,
        _ => saved_once(family, limit)?,
    }))
}

fn saved_once(family: Family, limit: Duration) -> Result<Saved> {
    let tool = match family {
        Family::V4 => Tool::IptablesSave,
        Family::V6 => Tool::Ip6tablesSave,
    };
    // In a user namespace the file with the names of the legacy tables is closed to us: so each is named.
    let is_closed = is_legacy() && std::fs::File::open(legacy_tables(family)).is_err();
    let listings: &[&[&str]] =
        if is_closed { &[&["-t", "filter"], &["-t", "nat"]] } else { &[&[]] };
    let mut text = String::new();
    for args in listings {
        let cmd = Cmd::run(tool, args.iter().copied());
        let output = child::run(&cmd, limit, true)?;
        if !output.is_success() {
            return Err(unreadable(&cmd, output.reason(limit)).into());
        }
        if !output.stdout.trim().is_empty() && Saved::parse(&output.stdout).tables.is_empty() {
            let why = "what it printed is not a listing of rules".to_owned();
            return Err(unreadable(&cmd, why).into());
        }
        text.push_str(&output.stdout);
    }
    Ok(Saved::parse(&text))
}

/// The tables of the variant of iptables (legacy, or the one on nft) that `iptables` is not. The one on nft is always
/// there, if only with no tables: that says what `iptables` is.
fn other_variant(limit: Duration) -> Vec<(Family, &'static str, String)> {
    let legacy = [
        (Family::V4, Tool::IptablesLegacySave, "iptables-legacy"),
        (Family::V6, Tool::Ip6tablesLegacySave, "ip6tables-legacy"),
    ];
    let on_nft = [
        (Family::V4, Tool::IptablesNftSave, "iptables-nft"),
        (Family::V6, Tool::Ip6tablesNftSave, "ip6tables-nft"),
    ];
    let is_legacy = is_legacy();
    let mut found = Vec::new();
    for (family, tool, command) in if is_legacy { on_nft } else { legacy } {
        // A legacy table is there only if somebody has used it; to list it would make it.
        let has_tables = |path| std::fs::read_to_string(path).is_ok_and(|names| !names.is_empty());
        if !is_legacy && !has_tables(legacy_tables(family)) {
            continue;
        }
        let cmd = Cmd::run(tool, [""; 0]);
        let output = tools::is_there(tool).then(|| child::run(&cmd, limit, true));
        let text = output.and_then(Result::ok).map(|output| output.stdout).unwrap_or_default();
        found.push((family, command, text));
    }
    found
}

/// Whether the legacy variant may have rules that cannot be seen, as in a user namespace.
pub fn is_legacy_hidden() -> bool {
    let names = std::fs::File::open(legacy_tables(Family::V4));
    let is_denied = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    !is_legacy() && names.err().is_some_and(is_denied)
}

/// Whether `iptables` is the legacy variant: both are one program under many names.
fn is_legacy() -> bool {
    let path = tools::find(Tool::IptablesSave)
        .and_then(|path| std::fs::canonicalize(&path).map_err(|error| failed(format!("{error}"))));
    path.is_ok_and(|path| path.to_string_lossy().contains("legacy"))
}
