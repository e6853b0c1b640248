//! Programs that see a new veth or bridge, and change it after netns-tool has made it.

mod network_manager;
mod systemd;
mod udev;

use super::Finding;
use crate::kernel::managers::{Managers, NETWORK_MANAGER, NETWORKD, UDEVD};

pub fn examine(managers: &Managers) -> Vec<Finding> {
    let runs = |name| managers.running.contains(name);
    let of_network_manager = if runs(NETWORK_MANAGER) {
        network_manager::examine(managers)
    } else {
        Finding::ok("network-manager", "NetworkManager does not run")
    };
    let of_networkd = if runs(NETWORKD) {
        systemd::networkd(&managers.networks)
    } else {
        Finding::ok("networkd", "systemd-networkd does not run")
    };
    let mut found = vec![of_network_manager, of_networkd];
    if runs(UDEVD) {
        found.push(systemd::links(&managers.links));
        found.extend(udev::rules(&managers.rules));
    } else {
        found.push(Finding::ok("udev", "systemd-udevd does not run"));
    }
    found
}
