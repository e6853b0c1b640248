//! What to do about the messages of the system that do not say it themselves.

use crate::failure::{Failure, Kind};
use crate::plan::Cmd;

/// Adds what is known about the reason.
pub fn advise(failure: Failure, cmd: &Cmd, said: &str) -> Failure {
    let line = cmd.to_string();
    let has = |part: &str| said.contains(part);
    if has("Operation not supported") || has("Unknown device type") || has("Not supported") {
        let mut failure =
            failure.note("reason", "this kernel was built without what the command asks for");
        failure.kind = Kind::Missing;
        if line.contains("vlan_filtering") {
            return failure.hint("the command without --vlan-filtering (the kernel needs CONFIG_BRIDGE_VLAN_FILTERING)");
        }
        return failure.hint(format!(
            "modprobe {}, or another kernel",
            if line.contains("bridge") { "bridge" } else { "veth" }
        ));
    }
    if has("No space left on device") && line.contains("netns add") {
        return failure
            .note("reason", "not the disk is full: no more network namespaces are allowed, or /run has no more inodes")
            .hint("sysctl user.max_net_namespaces; df -i /run");
    }
    if has("Exchange full") {
        return failure.note("reason", "a bridge takes at most 1023 ports");
    }
    // Older kernels answer with "Permission denied".
    if has("IPv6 is disabled") || (has("Permission denied") && line.ends_with(" nodad")) {
        return failure
            .note("reason", "IPv6 is turned off there (disable_ipv6)")
            .hint("turn it on: sysctl -w net.ipv6.conf.all.disable_ipv6=0 (ip netns exec NAMESPACE sysctl …)");
    }
    if line.contains(" ping ") {
        return failure.hint("--no-verify leaves this check out");
    }
    if has("Operation not permitted") || has("Permission denied") {
        return failure
            .note("reason", "the rights over this network are missing: it takes root on the host, not only in a user namespace")
            .hint("the same command with sudo");
    }
    if has("did not end within") {
        return failure.hint("look what the system is busy with, or a longer --timeout");
    }
    failure
}
