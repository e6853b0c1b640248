//! One test on every firewall that a host may have.

use std::fmt;
use std::fs;
use std::path::Path;

use testhost::private_hosts;

use super::faults::{Depth, depth, is_soak};
use super::{sh, uninstall};

/// What a host has to filter and translate packets with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// `iptables` as most distributions have it today: another way of writing nftables.
    IptablesNft,
    /// `iptables` of old, with tables of its own in the kernel.
    IptablesLegacy,
    /// `nft` alone: no `iptables` is installed.
    NftOnly,
}

/// As people call them.
impl fmt::Display for Firewall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IptablesNft => "iptables-nft",
            Self::IptablesLegacy => "iptables-legacy",
            Self::NftOnly => "nft",
        })
    }
}

impl Firewall {
    pub const ALL: [Self; 3] = [Self::IptablesNft, Self::IptablesLegacy, Self::NftOnly];
    pub const IPTABLES: [Self; 2] = [Self::IptablesNft, Self::IptablesLegacy];

    /// What `--firewall auto` finds on such a host.
    pub fn backend(self) -> &'static str {
        if self == Self::NftOnly { "nft" } else { "iptables" }
    }

    /// The programs of the other kind of `iptables`, by whose rules a host is filtered as well.
    pub fn other_variant(self) -> &'static str {
        if self == Self::IptablesNft { "legacy" } else { "nft" }
    }

    /// Whether nobody can see here what tables it has without making them: those of the legacy `iptables` in a user namespace.
    pub fn is_unseen(self) -> bool {
        self == Self::IptablesLegacy && fs::read_to_string("/proc/net/ip_tables_names").is_err()
    }

    /// All that the firewall says, as text: what a test looks for words in, and compares.
    pub fn rules(self) -> String {
        let tables = if self == Self::NftOnly {
            sh("nft -s list ruleset")
        } else {
            // (Without a table, the legacy ones read a file that is closed to users.)
            sh("for save in iptables-save ip6tables-save; do $save -t filter; $save -t nat; done")
        };
        tables
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(" [").next().unwrap_or_default().to_owned() + "\n")
            .collect()
    }

    /// Makes this the firewall of the private host.
    fn prepare(self) {
        match self {
            Self::IptablesNft => choose("nft"),
            Self::IptablesLegacy => choose("legacy"),
            Self::NftOnly => uninstall_iptables(),
        }
    }
}

/// The lines of the rules; what is accepted may stand in another order.
pub fn sorted(rules: &str) -> Vec<String> {
    let mut lines: Vec<String> = rules.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// Runs the test on a host with each of the firewalls.
pub fn for_each_firewall<F: Fn(Firewall)>(test: F) {
    for_firewalls(&Firewall::ALL, test);
}

/// The same for those with `iptables`.
pub fn for_each_iptables<F: Fn(Firewall)>(test: F) {
    for_firewalls(&Firewall::IPTABLES, test);
}

/// The same for some of them. Without --soak the tests take turns with them, and the second pass, as an ordinary user, is one
/// further.
pub fn for_firewalls<F: Fn(Firewall)>(which: &[Firewall], test: F) {
    let of_name = std::any::type_name::<F>().bytes().map(usize::from).sum::<usize>();
    let turn = (of_name + usize::from(depth() == Depth::Again)) % which.len();
    private_hosts(if is_soak() { which } else { &which[turn..=turn] }, Firewall::prepare, test);
}

/// What `update-alternatives --set iptables /usr/sbin/iptables-VARIANT` does, in this private host alone.
fn choose(variant: &str) {
    let names =
        ["iptables", "ip6tables"].map(|name| ["", "-save", "-restore"].map(|end| (name, end)));
    let links: String = names
        .iter()
        .flatten()
        .map(|(name, end)| format!("ln -sf /usr/sbin/{name}-{variant}{end} {name}{end}\n"))
        .collect();
    sh(&format!(
        "mkdir /run/tmp/alternatives; cd /run/tmp/alternatives; cp -dR /etc/alternatives/. .
        {links}mount --bind . /etc/alternatives"
    ));
    let chosen = sh("iptables --version; ip6tables --version");
    let word = if variant == "nft" { "(nf_tables)" } else { "(legacy)" };
    assert_eq!(chosen.matches(word).count(), 2, "{chosen}");
}

/// `apt-get remove iptables`, in this private host alone.
pub fn uninstall_iptables() {
    let names: Vec<String> = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| ["iptables", "ip6tables", "xtables"].iter().any(|of| name.starts_with(of)))
        .collect();
    uninstall(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(!Path::new("/usr/sbin/iptables").exists() && Path::new("/usr/sbin/nft").exists());
}
