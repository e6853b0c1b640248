//! Why there is no private host on this machine: the switches that forbid user namespaces.

use std::fs;

/// What may forbid private hosts on this machine, and the command that allows them.
pub(crate) fn why_not() -> String {
    let switches = [
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "AppArmor forbids user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        (
            "/proc/sys/kernel/unprivileged_userns_clone",
            "0",
            "the kernel forbids user namespaces: sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            "/proc/sys/user/max_user_namespaces",
            "0",
            "no user namespace is allowed: sysctl -w user.max_user_namespaces=10000",
        ),
        (
            "/proc/sys/user/max_net_namespaces",
            "0",
            "no network namespace is allowed: sysctl -w user.max_net_namespaces=10000",
        ),
    ];
    let found: Vec<&str> = switches
        .iter()
        .filter(|(path, bad, _)| fs::read_to_string(path).is_ok_and(|now| now.trim() == *bad))
        .map(|(_, _, advice)| *advice)
        .collect();
    let why = if !found.is_empty() {
        found.join("\n")
    } else if nix::unistd::geteuid().is_root() {
        "no switch of the kernel forbids it; a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN \
         (docker run --privileged), and the commands unshare, setpriv, mount and ip"
            .to_owned()
    } else {
        "no switch of the kernel forbids it; as root it works without user namespaces".to_owned()
    };
    format!("what forbids a private host here: {why}")
}
