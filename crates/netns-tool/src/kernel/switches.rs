//! Reading the switches of forwarding in /proc/sys.

use super::read_value;
use super::state::State;
use crate::family::Family;
use crate::sysctl::{Forwarding, Localnet, Switches, folder, host_switch};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The switches of the network namespace that the calling thread is in. A kernel without IPv6 has none of it.
pub fn read(host: &State) -> Result<Switches> {
    let has_v6 = Path::new(folder(Family::V6)).join(host_switch(Family::V6)).exists();
    Ok(Switches {
        v4: forwarding(Family::V4, host)?,
        v6: has_v6.then(|| forwarding(Family::V6, host)).transpose()?,
        localnet: Localnet {
            all: is_on(Family::V4, "conf/all/route_localnet")?,
            interfaces: with_value(Family::V4, "route_localnet", host, |value| value != "0"),
        },
    })
}

/// A switch of IPv4 by interface, with `all` and `default`.
pub fn of_interfaces(switch: &str) -> BTreeMap<String, u8> {
    let conf = format!("{}/conf", folder(Family::V4));
    let entries = fs::read_dir(&conf).into_iter().flatten().flatten();
    let value = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join(switch)).ok()?;
        Some((entry.file_name().to_str()?.to_owned(), text.trim().parse().ok()?))
    };
    entries.filter_map(value).collect()
}

fn forwarding(family: Family, host: &State) -> Result<Forwarding> {
    let is_v6 = family == Family::V6;
    let with = |switch: &str, wanted: &str| match family {
        Family::V4 => BTreeSet::new(),
        Family::V6 => with_value(family, switch, host, |value| value == wanted),
    };
    Ok(Forwarding {
        on: is_on(family, host_switch(family))?,
        accept_redirects: !is_v6 && is_on(family, "conf/all/accept_redirects")?,
        default: is_on(family, "conf/default/forwarding")?,
        interfaces: with_value(family, "forwarding", host, |value| value != "0"),
        forced: with("force_forwarding", "1"),
        hearing: with("accept_ra", "1"),
        always_hearing: with("accept_ra", "2"),
        can_force: is_v6 && Path::new(folder(family)).join("conf/all/force_forwarding").exists(),
        is_nameless: nameless_forwards(family)?,
        family,
    })
}

fn is_on(family: Family, path: &str) -> Result<bool> {
    Ok(read_value(&format!("{}/{path}", folder(family)))? != "0")
}

/// The indices of the interfaces whose switch has such a value. An interface may go away meanwhile, or (a port of
/// Open vSwitch, one with an MTU too small for IPv6) have no settings of the family.
fn with_value(
    family: Family,
    switch: &str,
    host: &State,
    is_such: impl Fn(&str) -> bool,
) -> BTreeSet<u32> {
    let path = |name| format!("{}/conf/{name}/{switch}", folder(family));
    let links = host.links.iter();
    let such =
        links.filter(|link| read_value(&path(&link.name)).is_ok_and(|value| is_such(&value)));
    such.map(|link| link.index).collect()
}

/// Whether a switch is on of an interface whose name is not UTF-8: no path of a command can lead there.
fn nameless_forwards(family: Family) -> Result<bool> {
    let conf = format!("{}/conf", folder(family));
    let entries = fs::read_dir(&conf).with_context(|| format!("cannot read {conf}"))?;
    let mut nameless = entries.flatten().filter(|entry| entry.file_name().to_str().is_none());
    let is_on = |path: &Path, switch| {
        fs::read(path.join(switch)).is_ok_and(|value| !value.starts_with(b"0"))
    };
    Ok(nameless.any(|entry| {
        ["forwarding", "force_forwarding"].iter().any(|switch| is_on(&entry.path(), switch))
    }))
}
