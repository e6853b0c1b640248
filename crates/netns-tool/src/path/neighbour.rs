//! Why a neighbour has not told its hardware address.

use super::loss::{ALL, Kind, Loss, PASSING, Uncounted};
use super::words::{asking, ip as ip_command, place};
use super::{Finding, Reason, Site};
use crate::kernel::ground::value;
use crate::plan::Place;
use std::net::IpAddr;

/// Somebody was asked in vain: why, as far as the lab tells; else a firewall drops the asking or the telling.
pub fn no_reply(site: &Site, at: &Place, neighbour: IpAddr, device: u32) -> Finding {
    let name = site.name(at, device);
    let whom = format!("no reply to {} from {neighbour}", asking(neighbour));
    let what = format!("{whom} on `{name}` of {}", place(at));
    let own = site.link(at, device).and_then(|link| site.fault(at, link));
    let fault = own.or_else(|| {
        let (holder, link) = site.holder(neighbour)?;
        site.cut_off(holder, link)
    });
    if let Some(fault) = fault {
        let what = format!("{what}: {}", fault.what);
        return Finding::Known(Reason { what, hint: fault.hint });
    }
    let look = ip_command(at, &format!("neigh show dev {name}"));
    let Some((owner, link)) = site.owner(neighbour) else {
        let meant = site.lab.whereabouts.owner(neighbour);
        let meant = meant.map(|at| format!(", which the file gives to {}", place(at)));
        let what = format!("{what}: nobody has that address{}", meant.unwrap_or_default());
        return Finding::Known(Reason::new(what).hint(look));
    };
    let loss = |at: &Place, kind: Kind, hooks: &'static [&'static str]| {
        Loss::new(at, kind, hooks).lead(format!("{what}: ")).uncounted(Uncounted::Suspected)
    };
    let mut losses = vec![loss(owner, Kind::Neighbour, ALL), loss(at, Kind::Neighbour, ALL)];
    let between = site.far_end(owner, link);
    let between = between.filter(|(far, port)| site.bridge_of(far, port.index).is_some());
    losses.extend(between.map(|(far, _)| loss(far, on_bridge(far, neighbour), PASSING)));
    Finding::Dropped { losses, otherwise: Reason::new(what).hint(look) }
}

/// What the asking is to the firewall of a place that only switches it: with br_netfilter all of it sees what is IPv6, else
/// what judges frames.
fn on_bridge(at: &Place, neighbour: IpAddr) -> Kind {
    let is_shown =
        || value(at, "/proc/sys/net/bridge/bridge-nf-call-ip6tables").as_deref() == Some("1");
    if neighbour.is_ipv6() && is_shown() { Kind::Neighbour } else { Kind::Crossing }
}

/// The place got a packet that was sent to it on the link by an address which neither it nor anybody else has: the sender
/// still goes by what it has once learnt.
pub fn stale(site: &Site, at: &Place, sender: &Place, neighbour: IpAddr) -> Option<Reason> {
    if sender == at || site.owner(neighbour).is_some() {
        return None;
    }
    let what = format!(
        "nobody has {neighbour}: {} still sends what goes there to {}, by a stale entry among its neighbours",
        place(sender),
        place(at)
    );
    Some(Reason::new(what).hint(ip_command(sender, &format!("neigh show to {neighbour}"))))
}
