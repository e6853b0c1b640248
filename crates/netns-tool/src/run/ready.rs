//! Waiting until what was made can be used.

use super::{Refusal, interruption};
use crate::kernel::inside::each_inside;
use crate::kernel::ready::{has_unready_addresses, has_unready_links};
use crate::mark::LabName;
use crate::name::NamespaceName;
use crate::plan::{Cmd, Place};
use anyhow::Result;
use std::time::{Duration, Instant};

/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until the links and addresses of a lab can be used. That it takes too long is no failure: all that a plan gives
/// is there, and the rest is the kernel's.
pub(super) fn settle(cmd: &Cmd) -> Result<(), Refusal> {
    let Cmd::Settle { lab, links, addresses, seconds, .. } = cmd else { return Ok(()) };
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
            return Ok(());
        }
        interruption().map_err(unready)?;
        std::thread::sleep(PAUSE);
    }
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
