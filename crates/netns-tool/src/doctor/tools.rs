//! The programs that netns-tool runs.

use super::Finding;
use crate::kernel::installed::Installed;
use crate::plan::Tool;

pub fn examine(all: &[Installed]) -> Vec<Finding> {
    let tool = |of: Tool| all.iter().find(|installed| installed.tool == of);
    let mut found: Vec<Finding> = tool(Tool::Ip).map(ip).into_iter().collect();
    found.extend(firewalls(all));
    let helpers = [
        (Tool::Ping, "ping", "`create` and `veth` cannot test what they have made"),
        (Tool::Setsid, "setsid", "`up` cannot start the programs of a lab"),
        (Tool::Unshare, "unshare", "`sandbox` and `run --sandbox` do not work"),
    ];
    found.extend(helpers.into_iter().filter_map(|(of, check, why)| {
        let tool = tool(of)?;
        Some(unfit(check, tool).unwrap_or_else(|| match tool.is_there {
            true => Finding::ok(check, version(tool)),
            false => missing(Finding::warning(check, not_installed(of), why), of),
        }))
    }));
    let uplinks: Vec<&Installed> =
        [Tool::Slirp4netns, Tool::Pasta].into_iter().filter_map(tool).collect();
    found.push(match uplinks.iter().find(|tool| tool.path.is_ok()) {
        Some(tool) => Finding::ok("uplink", version(tool)),
        None => Finding::note(
            "uplink",
            "neither `slirp4netns` nor `pasta` is installed",
            "without root's rights, `sandbox --uplink` has no way out",
        )
        .cure("apt-get install slirp4netns"),
    });
    found.extend(tool(Tool::Tcpdump).map(tcpdump));
    found
}

fn tcpdump(tool: &Installed) -> Finding {
    const CHECK: &str = "tcpdump";
    unfit(CHECK, tool).unwrap_or_else(|| match tool.is_there {
        true => Finding::ok(CHECK, version(tool)),
        false => missing(
            Finding::note(
                CHECK,
                not_installed(Tool::Tcpdump),
                "`capture` needs it; nothing else does",
            ),
            Tool::Tcpdump,
        ),
    })
}

fn ip(tool: &Installed) -> Finding {
    if let Some(finding) = unfit("ip", tool) {
        return finding;
    }
    if !tool.is_there {
        let why = "every namespace, link and address is made by it";
        return missing(Finding::broken("ip", not_installed(Tool::Ip), why), Tool::Ip);
    }
    if tool.version.as_ref().is_some_and(|version| version.contains("BusyBox")) {
        let why = "it knows no namespaces; what is needed is the one of iproute2";
        return missing(Finding::broken("ip", "`ip` is that of BusyBox", why), Tool::Ip);
    }
    Finding::ok("ip", version(tool))
}

fn firewalls(all: &[Installed]) -> Vec<Finding> {
    let of = |of: Tool| all.iter().find(|installed| installed.tool == of);
    let is_there = |tool: Tool| of(tool).is_some_and(|installed| installed.is_there);
    let (has_iptables, has_nft) = (is_there(Tool::IptablesSave), is_there(Tool::Nft));
    if !has_iptables && !has_nft {
        let what = "neither `iptables` nor `nft` is installed";
        return vec![missing(
            Finding::broken("firewall-tool", what, "there is nothing to make a NAT with"),
            Tool::Iptables,
        )];
    }
    let mut found = Vec::new();
    if has_iptables {
        let parts = [Tool::Iptables, Tool::IptablesSave, Tool::IptablesRestore];
        let faulty = parts.into_iter().filter_map(of).filter_map(|tool| {
            let why = "`nat` needs it";
            let missing =
                || missing(Finding::broken("iptables", not_installed(tool.tool), why), tool.tool);
            unfit("iptables", tool).or_else(|| (!tool.is_there).then(missing))
        });
        found.extend(faulty.take(1));
        if found.is_empty() {
            found.extend(of(Tool::Iptables).map(|tool| Finding::ok("iptables", version(tool))));
        }
        found.extend(ip6tables(
            of(Tool::Iptables),
            of(Tool::Ip6tables),
            is_there(Tool::Ip6tablesSave),
        ));
    }
    found.extend(of(Tool::Nft).map(|tool| nft(tool, has_iptables)));
    found
}

fn nft(tool: &Installed, has_iptables: bool) -> Finding {
    unfit("nft", tool).unwrap_or_else(|| match tool.is_there {
        true => {
            let use_of = if has_iptables { " (used with --firewall nft)" } else { "" };
            Finding::ok("nft", format!("{}{use_of}", version(tool)))
        }
        false => missing(
            Finding::note(
                "nft",
                not_installed(Tool::Nft),
                "what its tables drop could not be seen",
            ),
            Tool::Nft,
        ),
    })
}

/// Both have to write to the same tables of the kernel.
fn ip6tables(
    iptables: Option<&Installed>,
    ip6tables: Option<&Installed>,
    has_save: bool,
) -> Option<Finding> {
    let variant = |tool: Option<&Installed>| {
        let version = tool?.version.as_ref()?;
        version.split_once('(').map(|(_, rest)| rest.trim_end_matches(')').to_owned())
    };
    if !has_save {
        let why = "`nat` can give no way out for IPv6 with iptables";
        let finding = Finding::warning("ip6tables", not_installed(Tool::Ip6tables), why);
        return Some(missing(finding, Tool::Ip6tables));
    }
    match (variant(iptables), variant(ip6tables)) {
        (Some(one), Some(other)) if one != other => Some(
            Finding::warning(
                "ip6tables",
                format!("`iptables` is of the variant {one}, `ip6tables` of {other}"),
                "rules of one host are in two places, and each tool shows half of them",
            )
            .cure(format!(
                "update-alternatives --set ip6tables /usr/sbin/ip6tables-{}",
                if one == "legacy" { "legacy" } else { "nft" }
            )),
        ),
        _ => None,
    }
}

/// One that is there, but is not run.
fn unfit(check: &'static str, tool: &Installed) -> Option<Finding> {
    let failure = tool.path.as_ref().err().filter(|_| tool.is_there)?;
    let why = "netns-tool runs as root, and whoever can change the program would be root, too";
    Some(Finding::broken(check, failure.what.clone(), why).advised(failure))
}

fn not_installed(tool: Tool) -> String {
    format!("`{}` is not installed", tool.program())
}

fn missing(finding: Finding, tool: Tool) -> Finding {
    finding.cure(format!("apt-get install {}", tool.package()))
}

fn version(tool: &Installed) -> String {
    let program = tool.tool.program();
    match &tool.version {
        Some(version) if version.starts_with(program) => version.clone(),
        Some(version) => format!("{program}: {version}"),
        None => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::failure::missing as absent;

    fn there(tool: Tool, version: &str) -> Installed {
        let path = Ok(format!("/usr/sbin/{}", tool.program()).into());
        Installed { tool, is_there: true, path, version: Some(version.to_owned()) }
    }

    fn gone(tool: Tool) -> Installed {
        Installed { tool, is_there: false, path: Err(absent("gone")), version: None }
    }

    fn severity(all: &[Installed], check: &str) -> Option<Severity> {
        examine(all).iter().find(|finding| finding.check == check).map(|finding| finding.severity)
    }

    #[test]
    fn busybox_s_ip_is_no_ip() {
        assert_eq!(
            severity(&[there(Tool::Ip, "ip utility, iproute2-6.1.0")], "ip"),
            Some(Severity::Ok)
        );
        let busybox = there(Tool::Ip, "BusyBox v1.36.1 multi-call binary.");
        assert_eq!(severity(&[busybox], "ip"), Some(Severity::Broken));
        assert_eq!(severity(&[gone(Tool::Ip)], "ip"), Some(Severity::Broken));
    }

    #[test]
    fn one_of_two_firewalls_is_enough() {
        let nft = || there(Tool::Nft, "nftables v1.0.6");
        assert_eq!(severity(&[gone(Tool::Nft)], "firewall-tool"), Some(Severity::Broken));
        assert_eq!(severity(&[nft(), gone(Tool::IptablesSave)], "firewall-tool"), None);
        assert_eq!(severity(&[nft()], "nft"), Some(Severity::Ok));
    }

    #[test]
    fn the_variants_of_iptables_have_to_agree() {
        let of = |v4, v6| {
            let all = [
                there(Tool::Iptables, v4),
                there(Tool::IptablesSave, ""),
                there(Tool::Ip6tables, v6),
                there(Tool::Ip6tablesSave, ""),
            ];
            severity(&all, "ip6tables")
        };
        let (legacy, on_nft) = ("iptables v1.8.9 (legacy)", "ip6tables v1.8.9 (nf_tables)");
        assert_eq!(of(legacy, on_nft), Some(Severity::Warning));
        assert_eq!(of(on_nft, on_nft), None);
    }
}
