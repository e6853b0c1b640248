//! Waiting until what was made can be used.

use super::{Refusal, interruption};
use crate::kernel::inside::each_inside;
use crate::kernel::ready::{has_unready_addresses, has_unready_links};
use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::{Cmd, Place, forgetting};
use crate::system::child;
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(5);

/// What is waited for, in few words.
pub(super) fn awaited(cmd: &Cmd) -> &'static str {
    match cmd {
        Cmd::Settle { trees, .. } if !trees.is_empty() => "the spanning tree, about 30 s",
        _ => "links and addresses",
    }
}

/// Waits until the links and addresses of a lab can be used. That it takes too long is no failure: all that a plan gives
/// is there, and the rest is the kernel's.
pub(super) fn settle(cmd: &Cmd, limit: Duration) -> Result<(), Refusal> {
    let Cmd::Settle { lab, links, addresses, known, seconds, .. } = cmd else { return Ok(()) };
    let deadline = Instant::now() + Duration::from_secs(*seconds);
    let (mut links, mut addresses) = (links.clone(), addresses.clone());
    loop {
        let unready = |error: anyhow::Error| Refusal::new(format!("{error:#}"));
        links = still(&links, has_unready_links, lab).map_err(unready)?;
        // An address comes after the carrier of its link.
        if links.is_empty() {
            addresses = still(&addresses, has_unready_addresses, lab).map_err(unready)?;
        }
        if (links.is_empty() && addresses.is_empty()) || Instant::now() >= deadline {
            forget(known, limit);
            return Ok(());
        }
        interruption().map_err(unready)?;
        std::thread::sleep(PAUSE);
    }
}

/// Has the interfaces forget their neighbours. Where traffic goes on they learn new ones meanwhile, and that `ip` does not
/// come to an end with it is no failure.
fn forget(known: &[(Place, InterfaceName)], limit: Duration) {
    let mut lines: BTreeMap<&Place, String> = BTreeMap::new();
    for (at, name) in known {
        *lines.entry(at).or_default() += &(forgetting(name) + "\n");
    }
    let run = |lines: &String| child::run_batch(lines, true, limit, false);
    let inside: Vec<(&NamespaceName, &String)> =
        lines.iter().filter_map(|(at, lines)| Some((at.as_ref()?, lines))).collect();
    let on_host = || lines.get(&None).map(run);
    drop(each_inside(&inside, |lines| run(lines), on_host));
}

/// The places where something still is so.
fn still(
    places: &[Place],
    is_so: impl Fn(&LabName) -> Result<bool> + Sync,
    lab: &LabName,
) -> Result<Vec<Place>> {
    let inside: Vec<(&NamespaceName, ())> =
        places.iter().flatten().map(|name| (name, ())).collect();
    let is_host = places.contains(&None);
    let (found, on_host) =
        each_inside(&inside, |()| is_so(lab), || Ok::<_, anyhow::Error>(is_host && is_so(lab)?));
    let mut left: Vec<Place> = on_host?.then_some(None).into_iter().collect();
    for ((name, ()), found) in inside.into_iter().zip(found) {
        if found? {
            left.push(Some(name.clone()));
        }
    }
    Ok(left)
}
