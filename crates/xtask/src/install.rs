//! What the tool, its tests and the demo need from the system, and how each distribution calls it.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{process, say};

/// Programs that come together, and their packages by package manager.
struct Need {
    commands: &'static [&'static str],
    packages: Packages,
}

struct Packages {
    apt: &'static str,
    dnf: &'static str,
    apk: &'static str,
    pacman: &'static str,
    zypper: &'static str,
}

impl Packages {
    const fn same(name: &'static str) -> Self {
        Packages { apt: name, dnf: name, apk: name, pacman: name, zypper: name }
    }
}

const NEEDS: &[Need] = &[
    Need { commands: &["ip"], packages: Packages { dnf: "iproute", ..Packages::same("iproute2") } },
    Need {
        commands: &["iptables", "iptables-restore", "iptables-save"],
        packages: Packages { dnf: "iptables-nft", ..Packages::same("iptables") },
    },
    Need {
        commands: &["ping"],
        packages: Packages { apt: "iputils-ping", ..Packages::same("iputils") },
    },
    Need {
        commands: &["unshare", "nsenter", "setpriv"],
        packages: Packages { apk: "util-linux-misc setpriv", ..Packages::same("util-linux") },
    },
    // The snapshots that prove a host unchanged read nftables as well.
    Need { commands: &["nft"], packages: Packages::same("nftables") },
    // The uplink of a sandbox.
    Need { commands: &["slirp4netns"], packages: Packages::same("slirp4netns") },
    Need { commands: &["tcpdump"], packages: Packages::same("tcpdump") },
];

/// What the test suite needs more: the shells in which netns-tool's words are completed.
const TEST_NEEDS: &[Need] = &[
    Need { commands: &["bash"], packages: Packages::same("bash") },
    Need { commands: &["zsh"], packages: Packages::same("zsh") },
    Need { commands: &["fish"], packages: Packages::same("fish") },
    // A terminal to type at.
    Need {
        commands: &["script"],
        packages: Packages {
            apt: "bsdutils",
            apk: "util-linux-misc",
            ..Packages::same("util-linux")
        },
    },
];

/// What `cargo xtask vm` needs more. It asks for Debian first: the other columns are never read.
const VM_NEEDS: &[Need] = &[
    Need { commands: &["qemu-system-x86_64"], packages: Packages::same("qemu-system-x86") },
    Need { commands: &["busybox"], packages: Packages::same("busybox-static") },
    Need { commands: &["cpio"], packages: Packages::same("cpio") },
    Need { commands: &["depmod", "modprobe"], packages: Packages::same("kmod") },
    Need { commands: &["xz"], packages: Packages::same("xz-utils") },
];

/// A package manager: how to refresh its lists, how to install without a question, which column is its own.
struct Manager {
    program: &'static str,
    refresh: &'static [&'static str],
    install: &'static [&'static str],
    column: fn(&Packages) -> &'static str,
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        refresh: &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "update"],
        install: &[
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-q",
            "-y",
            // A machine that has just booted may be installing its updates.
            "-o",
            "DPkg::Lock::Timeout=120",
            "install",
            "--no-install-recommends",
        ],
        column: |packages| packages.apt,
    },
    Manager {
        program: "dnf",
        refresh: &[],
        install: &["dnf", "-y", "install"],
        column: |packages| packages.dnf,
    },
    Manager {
        program: "apk",
        refresh: &[],
        install: &["apk", "add", "--no-cache"],
        column: |packages| packages.apk,
    },
    Manager {
        program: "pacman",
        refresh: &[],
        install: &["pacman", "-Sy", "--needed", "--noconfirm"],
        column: |packages| packages.pacman,
    },
    Manager {
        program: "zypper",
        refresh: &[],
        install: &["zypper", "--non-interactive", "install"],
        column: |packages| packages.zypper,
    },
];

/// Installs what is missing; says and does nothing when all is there.
pub fn run() -> Result<()> {
    provide(&NEEDS.iter().collect::<Vec<_>>())
}

/// As [`run`], and what only the test suite needs.
pub fn tests() -> Result<()> {
    provide(&NEEDS.iter().chain(TEST_NEEDS).collect::<Vec<_>>())
}

/// As [`run`], and what a virtual machine needs.
pub fn vm() -> Result<()> {
    provide(&NEEDS.iter().chain(VM_NEEDS).collect::<Vec<_>>())
}

/// Fetches the package lists anew, for those who ask apt themselves.
pub fn refresh() -> Result<()> {
    let apt = MANAGERS.iter().find(|manager| manager.program == "apt-get");
    let apt = words(apt.map_or(&[], |manager| manager.refresh), &[]);
    start(&privilege("fresh package lists of apt", [&apt, &vec![]])?, &apt)
}

fn provide(needs: &[&'static Need]) -> Result<()> {
    let missing = missing(needs, |name| process::find(name).is_some());
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().flat_map(|(_, names)| names).copied().collect::<Vec<_>>().join(", ");
    let Some(manager) = MANAGERS.iter().find(|m| process::find(m.program).is_some()) else {
        bail!(
            "missing on this machine: {names}; no package manager that xtask knows: install them by hand"
        );
    };
    let packages = packages(&missing, manager);
    let refresh = words(manager.refresh, &[]);
    let install = words(manager.install, &packages);
    let prefix = privilege(&names, [&refresh, &install])?;

    say::note(&format!("Missing on this machine: {names}. Installing: {}", packages.join(" ")));
    // Stale lists may still do; if they do not, the installation says what is wrong.
    if !refresh.is_empty()
        && let Err(error) = start(&prefix, &refresh)
    {
        say::note(&format!("{error:#}; trying with the lists that are there"));
    }
    start(&prefix, &install).context("the missing programs could not be installed")?;
    still_missing(needs)
}

fn still_missing(needs: &[&'static Need]) -> Result<()> {
    let left = missing(needs, |name| process::find(name).is_some());
    if let Some((_, names)) = left.first() {
        bail!(
            "{} still not in {} after the installation: install by hand",
            names.join(", "),
            process::SYSTEM_PATH
        );
    }
    Ok(())
}

/// Each need with the programs of it that are not there.
fn missing(
    needs: &[&'static Need],
    is_there: impl Fn(&str) -> bool,
) -> Vec<(&'static Need, Vec<&'static str>)> {
    needs
        .iter()
        .map(|need| (*need, need.commands.iter().copied().filter(|name| !is_there(name)).collect()))
        .filter(|(_, names): &(_, Vec<_>)| !names.is_empty())
        .collect()
}

fn packages(missing: &[(&'static Need, Vec<&str>)], manager: &Manager) -> Vec<&'static str> {
    missing.iter().flat_map(|(need, _)| (manager.column)(&need.packages).split(' ')).collect()
}

fn words(command: &[&str], more: &[&str]) -> Vec<String> {
    command.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

/// What goes before a command that needs root: nothing for root, `sudo` for a user who has it.
fn privilege(names: &str, commands: [&Vec<String>; 2]) -> Result<Vec<String>> {
    if process::is_root()? {
        return Ok(vec![]);
    }
    if process::find("sudo").is_some() {
        // It asks for a password on the terminal if it must, and fails by itself where there is none.
        return Ok(vec!["sudo".to_owned()]);
    }
    let lines = commands.iter().filter(|words| !words.is_empty()).map(|words| words.join(" "));
    bail!(
        "missing on this machine: {names}; installing them needs root, and `sudo` is not installed.\nAs root, type:\n  {}",
        lines.collect::<Vec<_>>().join(" && ")
    )
}

fn start(prefix: &[String], words: &[String]) -> Result<()> {
    let words: Vec<&String> = prefix.iter().chain(words).collect();
    let Some((program, args)) = words.split_first() else { return Ok(()) };
    let mut command = Command::new(process::find(program).unwrap_or_else(|| program.into()));
    command.args(args);
    say::note(&format!("$ {}", process::show(&command)));
    process::check(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(program: &str) -> &'static Manager {
        MANAGERS.iter().find(|manager| manager.program == program).unwrap()
    }

    fn all_needs() -> Vec<&'static Need> {
        NEEDS.iter().chain(TEST_NEEDS).collect()
    }

    #[test]
    fn nothing_is_missing_when_all_is_there() {
        assert!(missing(&all_needs(), |_| true).is_empty());
    }

    #[test]
    fn a_fresh_debian_gets_iptables_and_ping() {
        let missing = missing(&all_needs(), |name| !name.starts_with("iptables") && name != "ping");
        let apt = manager("apt-get");
        assert_eq!(packages(&missing, apt), ["iptables", "iputils-ping"]);
        assert!(
            words(apt.install, &packages(&missing, apt))
                .join(" ")
                .ends_with("install --no-install-recommends iptables iputils-ping")
        );
    }

    #[test]
    fn every_manager_names_every_package() {
        let all = missing(&all_needs(), |_| false);
        for manager in MANAGERS {
            assert!(packages(&all, manager).len() >= NEEDS.len(), "{}", manager.program);
        }
        assert!(packages(&all, manager("apk")).contains(&"setpriv"));
        assert!(packages(&all, manager("dnf")).contains(&"iproute"));
    }

    #[test]
    fn one_missing_program_of_a_package_is_enough() {
        let missing = missing(&all_needs(), |name| name != "setpriv");
        assert_eq!(packages(&missing, manager("apt-get")), ["util-linux"]);
    }

    #[test]
    fn a_virtual_machine_needs_more_on_debian() {
        let missing = missing(&VM_NEEDS.iter().collect::<Vec<_>>(), |name| name == "xz");
        assert_eq!(
            packages(&missing, manager("apt-get")),
            ["qemu-system-x86", "busybox-static", "cpio", "kmod"]
        );
    }
}
