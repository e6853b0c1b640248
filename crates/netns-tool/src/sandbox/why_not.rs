//! Why there is no private host on this machine: the switches that forbid one.

use crate::failure::{Failure, missing};
use crate::system::{child, rights};
use anyhow::Result;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::geteuid;
use std::process::ExitStatus;
use std::time::Duration;

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

    /// `is_of_users`: who has root's rights does without what it forbids.
    fn failure(&self, failure: Failure, is_of_users: bool) -> Failure {
        let or = if is_of_users { format!(", or {}", with_rights()) } else { String::new() };
        failure
            .note("reason", format!("{} on this machine", self.state()))
            .hint(format!("sudo {}{or}", self.cure()))
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

/// What lets somebody do without a user namespace.
fn with_rights() -> &'static str {
    if geteuid().is_root() {
        "with CAP_NET_ADMIN and CAP_SYS_ADMIN, which this root does not have: docker run --cap-add, \
         AmbientCapabilities= of systemd and the like"
    } else {
        "as root: sudo netns-tool sandbox"
    }
}

/// A kind of namespaces that a private host takes, of each of which there may be only so many.
struct Kind {
    name: &'static str,
    /// What makes one: options of `unshare`.
    options: &'static str,
    /// In /proc/sys.
    limit: &'static str,
    /// The kernel lets only so many be within each other (`MAX_PID_NS_LEVEL`, and that of user namespaces).
    is_nested: bool,
}

/// How many namespaces may be within each other.
const NESTED_MAX: usize = 32;

const USER: Kind = Kind {
    name: "user",
    options: "--user --map-root-user",
    limit: "user/max_user_namespaces",
    is_nested: true,
};

const KINDS: [Kind; 3] = [
    Kind { name: "network", options: "--net", limit: "user/max_net_namespaces", is_nested: false },
    Kind { name: "mount", options: "--mount", limit: "user/max_mnt_namespaces", is_nested: false },
    Kind {
        name: "pid",
        options: "--pid --fork",
        limit: "user/max_pid_namespaces",
        is_nested: true,
    },
];

impl Kind {
    /// Whether there can be no more of them, which is tried with those that are made by `first`.
    fn is_exhausted(&self, first: &str) -> bool {
        let script = format!("unshare {first} {} true", self.options);
        let output = child::run_script(&script, TRIAL);
        output.is_ok_and(|output| !output.is_success() && output.stderr.contains(NO_SPACE))
    }

    fn failure(&self, failure: Failure) -> Failure {
        let Self { name, limit, is_nested, .. } = self;
        let value = std::fs::read_to_string(format!("/proc/sys/{limit}")).unwrap_or_default();
        let (value, limit) = (value.trim(), limit.replace('/', "."));
        let reason = format!("there can be no more {name} namespaces: `{limit}` is {value} here");
        let (or, try_or) = match is_nested {
            true => (
                format!(
                    ", or more than {NESTED_MAX} would be within each other, which no kernel allows"
                ),
                ", or fewer sandboxes within each other",
            ),
            false => (", and may be less around it".to_owned(), ""),
        };
        let raise = more(value).map(|more| format!("sudo sysctl -w {limit}={more}, after "));
        failure
            .note("reason", reason + &or)
            .hint(format!("{}a look at who has so many (lsns){try_or}", raise.unwrap_or_default()))
    }
}

/// A limit above the one that was met, and enough for most; `None`: no higher one can be set.
fn more(limit: &str) -> Option<i32> {
    const USUAL: i32 = 20_000;
    let Ok(limit) = limit.parse::<i32>() else { return Some(USUAL) };
    (limit < i32::MAX).then(|| limit.saturating_mul(2).max(USUAL))
}

/// How long a namespace may take to be made.
const TRIAL: Duration = Duration::from_secs(10);

/// ENOSPC in the words of `unshare`, whose locale is ours.
const NO_SPACE: &str = "No space left on device";

/// The kind of namespace of which there can be no more.
fn exhausted(as_user: bool) -> Option<Kind> {
    let first = if as_user { USER.options } else { "" };
    let user = [USER].into_iter().filter(|_| as_user).map(|kind| (kind, ""));
    let mut all = user.chain(KINDS.into_iter().map(|kind| (kind, first)));
    all.find(|(kind, first)| kind.is_exhausted(first)).map(|(kind, _)| kind)
}

/// How many files a private host has open at least while it is made.
const FILES: u64 = 16;

/// The caller's limit on open files, which is his command's too, leaves room for a private host.
///
/// # Errors
/// It does not.
pub fn check_files() -> Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if limit >= FILES {
        return Ok(());
    }
    let reason = format!("the limit on open files (ulimit -n) is {limit}, and it takes {FILES}");
    Err(none_here().note("reason", reason).hint(format!("ulimit -n {FILES}, or more")).into())
}

fn none_here() -> Failure {
    missing("no private host can be made here")
}

/// Nothing that is known forbids private hosts.
///
/// # Errors
/// The switch that does.
pub fn check(as_user: bool) -> Result<(), Failure> {
    // Those of all come first: to be root is no way around them.
    let of_all = OF_ALL.iter().map(|switch| (switch, false));
    let of_users = OF_USERS.iter().filter(|_| as_user).map(|switch| (switch, true));
    match of_all.chain(of_users).find(|(switch, _)| switch.is_on()) {
        Some((switch, is_of_users)) => Err(switch.failure(none_here(), is_of_users)),
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
    if let Some(kind) = exhausted(as_user) {
        return kind.failure(failure);
    }
    if as_user && APPARMOR.is_on() {
        return APPARMOR.failure(failure, true);
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
        (false, true) => failure.hint(with_rights()),
        (false, false) => failure.hint("it takes CAP_SYS_ADMIN and CAP_NET_ADMIN"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lower_limit_is_advised() {
        for (limit, advised) in [
            ("1", Some(20_000)),
            ("96365", Some(192_730)),
            ("2147483646", Some(i32::MAX)),
            ("2147483647", None),
            ("", Some(20_000)),
        ] {
            assert_eq!(more(limit), advised, "{limit}");
        }
    }
}
