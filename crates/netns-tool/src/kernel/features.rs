//! Which features this kernel has. That is found out from its modules and its configuration, and only where these say
//! nothing by a try, in a network namespace that is gone at once.

use super::release;
use crate::plan::{Cmd, Tool};
use crate::system::child;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A feature of the kernel.
#[derive(Debug)]
pub struct Feature {
    pub name: &'static str,
    /// Its module.
    pub module: &'static str,
    /// The option of the kernel's configuration.
    option: &'static str,
    /// What works only with it; `None` where there is no program to try it with for certain.
    trial: Option<(Tool, &'static [&'static str])>,
}

pub const VETH: Feature = Feature {
    name: "veth",
    module: "veth",
    option: "CONFIG_VETH",
    trial: Some((
        Tool::Ip,
        &["link", "add", "name", "veth0", "type", "veth", "peer", "name", "veth1"],
    )),
};

pub const BRIDGE: Feature = Feature {
    name: "bridge",
    module: "bridge",
    option: "CONFIG_BRIDGE",
    trial: Some((Tool::Ip, &["link", "add", "name", "br0", "type", "bridge"])),
};

pub const NAT: Feature = Feature {
    name: "NAT",
    module: "nf_nat",
    option: "CONFIG_NF_NAT",
    trial: Some((
        Tool::Nft,
        &[
            "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c masquerade",
        ],
    )),
};

pub const NF_TABLES: Feature = Feature {
    name: "nf_tables",
    module: "nf_tables",
    option: "CONFIG_NF_TABLES",
    trial: Some((Tool::Nft, &["add table ip t"])),
};

pub const IP_TABLES: Feature = Feature {
    name: "the older iptables",
    module: "iptable_nat",
    option: "CONFIG_IP_NF_NAT",
    trial: None,
};

pub const NETEM: Feature =
    Feature { name: "netem", module: "sch_netem", option: "CONFIG_NET_SCH_NETEM", trial: None };

/// Whether the kernel has a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    BuiltIn,
    /// Its module is loaded.
    Loaded,
    /// Its module is there, and is loaded when it is needed.
    Loadable,
    /// It has just been tried.
    Works,
    Absent,
    Unknown,
}

/// What tells of the features.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Such as 6.1.0-18-amd64.
    pub release: String,
    /// /proc/modules.
    loaded: Option<String>,
    /// `modules.builtin` and `modules.dep` of this kernel.
    built_in: Option<String>,
    loadable: Option<String>,
    /// The configuration it was built with.
    config: Option<String>,
}

impl Sources {
    pub fn read(limit: Duration) -> Self {
        let text = |path: &str| fs::read_to_string(path).ok();
        let release = release::read();
        let of_modules = |file| {
            let folder = ["/lib/modules", "/usr/lib/modules"].map(|at| format!("{at}/{release}"));
            folder.iter().find_map(|folder| text(&format!("{folder}/{file}")))
        };
        let (built_in, loadable) = (of_modules("modules.builtin"), of_modules("modules.dep"));
        let config = text(&format!("/boot/config-{release}")).or_else(|| config_of_proc(limit));
        Self { loaded: text("/proc/modules"), built_in, loadable, config, release }
    }

    /// Whether this kernel takes modules that can be installed.
    pub fn has_modules(&self) -> bool {
        self.loadable.is_some()
    }

    /// What the files say of it.
    pub fn presence(&self, feature: &Feature) -> Presence {
        let says = |line: &str| {
            let config = self.config.as_ref();
            config.is_some_and(|config| config.lines().any(|known| known == line))
        };
        let lists = |list: &Option<String>| {
            let list = list.iter().flat_map(|list| list.lines());
            list.map(module_of).any(|name| name == feature.module)
        };
        let is_loaded = |line: &str| line.split(' ').next() == Some(feature.module);
        if self.loaded.iter().flat_map(|list| list.lines()).any(is_loaded) {
            Presence::Loaded
        } else if lists(&self.built_in) || says(&format!("{}=y", feature.option)) {
            Presence::BuiltIn
        } else if lists(&self.loadable) {
            Presence::Loadable
        } else if says(&format!("# {} is not set", feature.option))
            || (self.built_in.is_some() && self.loadable.is_some())
        {
            Presence::Absent
        } else {
            Presence::Unknown
        }
    }

    /// The same; where the files say nothing, it is tried, for which it takes root's rights.
    pub fn find(&self, feature: &Feature, has_rights: bool, limit: Duration) -> Presence {
        match self.presence(feature) {
            Presence::Unknown if has_rights => try_it(feature, limit),
            known => known,
        }
    }
}

/// The module that a line of `modules.builtin` or `modules.dep` is of, as /proc/modules names it.
fn module_of(line: &str) -> String {
    let path = line.split(':').next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    file.split(".ko").next().unwrap_or_default().replace('-', "_")
}

/// The configuration that the kernel itself shows, where it does.
fn config_of_proc(limit: Duration) -> Option<String> {
    const PATH: &str = "/proc/config.gz";
    if !Path::new(PATH).exists() {
        return None;
    }
    let cmd = Cmd::run(Tool::Gzip, ["-dc", PATH]);
    let output = child::run(&cmd, limit, false).ok()?;
    output.is_success().then_some(output.stdout)
}

/// Tries it in a network namespace that ends with the program.
fn try_it(feature: &Feature, limit: Duration) -> Presence {
    let Some((tool, words)) = feature.trial else { return Presence::Unknown };
    let Ok(program) = crate::system::tools::find(tool) else { return Presence::Unknown };
    let program = program.to_string_lossy();
    let args = ["--net", "--", &program].into_iter().chain(words.iter().copied());
    let cmd = Cmd::run(Tool::Unshare, args);
    match child::run(&cmd, limit, false) {
        Ok(output) if output.is_success() => Presence::Works,
        // Not the feature failed, but the try.
        Ok(output) if output.status.is_some() && !output.stderr.starts_with("unshare:") => {
            Presence::Absent
        }
        _ => Presence::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(sources: Sources) -> Presence {
        sources.presence(&VETH)
    }

    #[test]
    fn modules_and_configuration_tell_of_a_feature() {
        let some = |text: &str| Some(text.to_owned());
        let none = Sources::default();
        assert_eq!(presence(none.clone()), Presence::Unknown);
        let loaded = Sources { loaded: some("veth 45056 0 - Live 0x0"), ..none.clone() };
        assert_eq!(presence(loaded), Presence::Loaded);
        let other = Sources { loaded: some("vethx 45056 0 - Live 0x0"), ..none.clone() };
        assert_eq!(presence(other), Presence::Unknown);
        let built_in = Sources { built_in: some("kernel/drivers/net/veth.ko"), ..none.clone() };
        assert_eq!(presence(built_in), Presence::BuiltIn);
        let config = |line| presence(Sources { config: some(line), ..none.clone() });
        assert_eq!(config("CONFIG_VETH=y"), Presence::BuiltIn);
        assert_eq!(config("# CONFIG_VETH is not set"), Presence::Absent);
        // It is somewhere, but a container need not see where.
        assert_eq!(config("CONFIG_VETH=m"), Presence::Unknown);
        let modules = |dep| {
            presence(Sources { built_in: some("kernel/x.ko"), loadable: some(dep), ..none.clone() })
        };
        assert_eq!(modules("kernel/drivers/net/veth.ko.zst: kernel/y.ko"), Presence::Loadable);
        assert_eq!(modules("kernel/y.ko: kernel/drivers/net/veth.ko"), Presence::Absent);
    }

    #[test]
    fn a_module_is_named_as_the_kernel_names_it() {
        assert_eq!(module_of("kernel/net/bridge/br-netfilter.ko.xz: a.ko"), "br_netfilter");
    }
}
