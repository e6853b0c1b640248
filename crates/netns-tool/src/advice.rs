//! What to do about the messages of the system that do not say it themselves.

use crate::failure::{Failure, Kind};
use crate::plan::Cmd;

/// What is known about a message.
struct Advice {
    /// Why the system said it; empty where its own words are enough.
    reason: &'static str,
    hint: String,
    /// Something is missing on this host, rather than wrong with the command.
    is_missing: bool,
}

/// Adds what is known about the reason why the command failed.
pub fn advise(mut failure: Failure, cmd: &Cmd, said: &str) -> Failure {
    let Some(advice) = find(&cmd.to_string(), cmd, said) else { return failure };
    if advice.is_missing {
        failure.kind = Kind::Missing;
    }
    if !advice.reason.is_empty() {
        failure = failure.note("reason", advice.reason);
    }
    failure.hint(advice.hint)
}

fn find(line: &str, cmd: &Cmd, said: &str) -> Option<Advice> {
    let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    let wrong =
        |reason, hint: &str| Some(Advice { reason, hint: hint.to_owned(), is_missing: false });
    let missing =
        |reason, hint: &str| Some(Advice { reason, hint: hint.to_owned(), is_missing: true });
    if matches!(cmd, Cmd::Make(_) | Cmd::Remove(_)) {
        let is_closed = has(&["Read-only", "Permission denied", "not permitted"]);
        let hint = "the command without --dns";
        return is_closed.then(|| wrong("/etc cannot be written here", hint)).flatten();
    }
    // Older kernels answer "Permission denied" where IPv6 is off.
    if has(&["IPv6 is disabled"]) || (has(&["Permission denied"]) && line.ends_with(" nodad")) {
        let sysctl = "sysctl -w net.ipv6.conf.all.disable_ipv6=0";
        let place = cmd.netns().map(|netns| format!("ip netns exec {netns} ")).unwrap_or_default();
        return wrong("IPv6 is turned off there (disable_ipv6)", &format!("{place}{sysctl}"));
    }
    if line.contains(" ping ") {
        return wrong("", "--no-verify leaves this check out");
    }
    if line.contains("/proc/sys") && has(&["Read-only"]) {
        let hint = "turn forwarding on outside first (sysctl -w net.ipv4.ip_forward=1), or run the container with more rights";
        return wrong("/proc/sys is read-only, as it is in most containers", hint);
    }
    if line.contains("netns add") && has(&["No space left on device"]) {
        let reason = "not the disk is full: no more network namespaces are allowed, or /run has no more inodes";
        return wrong(reason, "look at: sysctl user.max_net_namespaces; df -i /run");
    }
    if has(&["Exchange full"]) {
        return wrong("a bridge takes at most 1023 ports", "one more bridge");
    }
    if has(&["Operation not supported", "Unknown device type", "Not supported"]) {
        let reason = "this kernel was built without what the command asks for";
        return match line.contains("vlan_filtering") {
            true => missing(
                reason,
                "the command without --vlan-filtering (the kernel needs CONFIG_BRIDGE_VLAN_FILTERING)",
            ),
            false => missing(reason, "a kernel that has it, or the module: modprobe veth bridge"),
        };
    }
    if has(&["Operation not permitted", "Permission denied"]) {
        let reason = "the rights over this network are missing: it takes root on the host, not only in a user namespace";
        return missing(reason, "the same command with sudo");
    }
    if has(&["Message too long", "No buffer space"]) {
        let reason = "without root's rights on the host, one command can tell the kernel only so much at once";
        return wrong(reason, "some hundred ports in a command; the limit is net.core.wmem_max");
    }
    if has(&["did not end within"]) {
        return wrong("", "look what the system is busy with, or a longer --timeout");
    }
    None
}
