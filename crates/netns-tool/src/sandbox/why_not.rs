//! Why there is no private host on this machine: the switches that forbid one.

use crate::failure::{Failure, missing};
use crate::system::rights;
use std::process::ExitStatus;

/// A switch of /proc/sys, and the value with which it forbids private hosts.
struct Switch {
    name: &'static str,
    forbids: &'static str,
    allows: &'static str,
}

/// Those of user namespaces; only who is not root needs one.
const OF_USERS: [Switch; 2] = [
    Switch { name: "user.max_user_namespaces", forbids: "0", allows: "10000" },
    Switch { name: "kernel.unprivileged_userns_clone", forbids: "0", allows: "1" },
];

const OF_ALL: [Switch; 3] = [
    Switch { name: "user.max_net_namespaces", forbids: "0", allows: "10000" },
    Switch { name: "user.max_mnt_namespaces", forbids: "0", allows: "10000" },
    Switch { name: "user.max_pid_namespaces", forbids: "0", allows: "10000" },
];

/// It forbids them but to programs that have a profile of their own, and so is looked at only when it has failed.
const APPARMOR: Switch =
    Switch { name: "kernel.apparmor_restrict_unprivileged_userns", forbids: "1", allows: "0" };

impl Switch {
    fn is_on(&self) -> bool {
        let path = format!("/proc/sys/{}", self.name.replace('.', "/"));
        std::fs::read_to_string(path).is_ok_and(|value| value.trim() == self.forbids)
    }

    fn failure(&self, failure: Failure, as_user: bool) -> Failure {
        let root = if as_user { ", or as root: sudo netns-tool sandbox" } else { "" };
        failure
            .note("reason", format!("{} on this machine", self.state()))
            .hint(format!("sudo {}{root}", self.cure()))
    }

    fn state(&self) -> String {
        format!("`{}` is {}", self.name, self.forbids)
    }

    fn cure(&self) -> String {
        format!("sysctl -w {}={}", self.name, self.allows)
    }
}

/// Something that forbids namespaces of some kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Such as "`user.max_user_namespaces` is 0".
    pub state: String,
    /// What to type.
    pub cure: String,
    pub whose: Whose,
}

/// For whom namespaces are blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Nobody can make network namespaces.
    Networks,
    /// Nobody can make the others that a private host takes.
    PrivateHosts,
    /// Who is not root can make no user namespace.
    Users,
    /// The same, but for programs that are allowed to.
    MostUsers,
}

/// All that is known to forbid namespaces here.
pub fn blocks() -> Vec<Block> {
    let of_all = OF_ALL.iter().map(|switch| match switch.name {
        "user.max_net_namespaces" => (switch, Whose::Networks),
        _ => (switch, Whose::PrivateHosts),
    });
    let of_users = OF_USERS.iter().map(|switch| (switch, Whose::Users));
    let all = of_all.chain(of_users).chain([(&APPARMOR, Whose::MostUsers)]);
    let on = all.filter(|(switch, _)| switch.is_on());
    on.map(|(switch, whose)| Block { state: switch.state(), cure: switch.cure(), whose }).collect()
}

fn none_here() -> Failure {
    missing("no private host can be made here")
}

/// Nothing that is known forbids private hosts.
///
/// # Errors
/// The switch that does.
pub fn check(as_user: bool) -> Result<(), Failure> {
    let of_users = OF_USERS.iter().filter(|_| as_user);
    match of_users.chain(&OF_ALL).find(|switch| switch.is_on()) {
        Some(switch) => Err(switch.failure(none_here(), as_user)),
        None => Ok(()),
    }
}

/// Why `unshare` has failed, which has said so itself.
pub fn explain(as_user: bool, status: ExitStatus) -> Failure {
    let failure = none_here().note("ran", format!("unshare ({status})"));
    reason(failure, as_user)
}

/// Why the first process could not do its work.
pub fn no_set_up(said: &str) -> Failure {
    let failure = missing("the private host could not be set up").note("system", said);
    reason(failure, !rights::are_for_all_users())
}

fn reason(failure: Failure, as_user: bool) -> Failure {
    if as_user && APPARMOR.is_on() {
        return APPARMOR.failure(failure, as_user);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_filtered = status.lines().any(|line| line == "Seccomp:\t2");
    match (is_filtered, as_user) {
        (true, _) => failure
            .note(
                "reason",
                "a container may be around us, and its filter of system calls forbids it",
            )
            .hint("docker run --privileged, or --security-opt seccomp=unconfined and the like"),
        (false, true) => failure.hint("as root: sudo netns-tool sandbox"),
        (false, false) => failure.hint("it takes CAP_SYS_ADMIN and CAP_NET_ADMIN"),
    }
}
