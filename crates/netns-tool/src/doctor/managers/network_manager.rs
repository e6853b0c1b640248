//! NetworkManager, which gives devices that nobody has told it to leave alone connections of its own.

use super::super::Finding;
use crate::kernel::managers::{File, Managers};

const CHECK: &str = "network-manager";

pub fn examine(managers: &Managers) -> Finding {
    let files = &managers.network_manager;
    if let Some(file) = files.iter().find(|file| manages_veths(&file.text)) {
        return cured(Finding::warning(
            CHECK,
            format!("NetworkManager is told to manage veths: {}", file.path.display()),
            WHY,
        ));
    }
    let is_left_alone = files.iter().any(|file| leaves_alone(&file.text));
    if is_left_alone || managers.rules.iter().any(by_rule) {
        return Finding::ok(CHECK, "NetworkManager leaves veths alone");
    }
    cured(Finding::warning(CHECK, "NetworkManager runs, and is not told to leave veths alone", WHY))
}

const WHY: &str =
    "it may take away addresses and routes that it did not make, or set a link down or up";

fn cured(finding: Finding) -> Finding {
    finding.cure(
        "printf '[keyfile]\\nunmanaged-devices=driver:veth;type:bridge\\n' >/etc/NetworkManager/conf.d/90-netns-tool.conf && nmcli general reload",
    )
}

/// A section `[device…]` that is for veths, or for all, and manages them (NetworkManager.conf(5)).
fn manages_veths(text: &str) -> bool {
    let mut is_device = false;
    let (mut is_for_veth, mut is_managed) = (true, false);
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            if is_device && is_for_veth && is_managed {
                return true;
            }
            is_device = section.starts_with("device");
            (is_for_veth, is_managed) = (true, false);
        } else if let Some((key, value)) = line.split_once('=') {
            match key.trim() {
                "match-device" => is_for_veth = is_for_some_veths(value),
                "managed" => is_managed = matches!(value.trim(), "1" | "true" | "yes"),
                _ => {}
            }
        }
    }
    is_device && is_for_veth && is_managed
}

fn leaves_alone(text: &str) -> bool {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("unmanaged-devices"));
    lines
        .into_iter()
        .any(|line| line.trim_start_matches([' ', '+', '=']).split([';', ',']).any(names_veths))
}

/// Those of netns-tool have any names: a pattern of names that is not for all of them is not enough to leave them alone.
fn names_veths(spec: &str) -> bool {
    matches!(spec.trim(), "*" | "driver:veth" | "type:veth" | "interface-name:*")
}

fn is_for_some_veths(specs: &str) -> bool {
    let mut specs = specs.split([';', ',']);
    specs.any(|spec| names_veths(spec) || spec.trim().starts_with("interface-name:veth"))
}

/// The rule of udev that NetworkManager itself brings.
fn by_rule(file: &File) -> bool {
    let is_it = |line: &str| line.contains("\"veth") && line.contains("ENV{NM_UNMANAGED}=\"1\"");
    file.text.lines().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::super::super::Severity;
    use super::*;

    fn severity(conf: &str, rules: &str) -> Severity {
        let file = |text: &str| vec![File { path: "/etc/x".into(), text: text.to_owned() }];
        let managers =
            Managers { network_manager: file(conf), rules: file(rules), ..Managers::default() };
        examine(&managers).severity
    }

    #[test]
    fn it_has_to_be_told_to_leave_veths_alone() {
        assert_eq!(severity("", ""), Severity::Warning);
        let unmanaged = "[keyfile]\nunmanaged-devices=mac:00:11:22:33:44:55;driver:veth\n";
        assert_eq!(severity(unmanaged, ""), Severity::Ok);
        assert_eq!(
            severity("[keyfile]\nunmanaged-devices=interface-name:eth0\n", ""),
            Severity::Warning
        );
        let rule = "ENV{ID_NET_DRIVER}==\"veth\", ENV{NM_UNMANAGED}=\"1\"";
        assert_eq!(severity("", rule), Severity::Ok);
        let managed = "[device-x]\nmatch-device=driver:veth\nmanaged=1\n[main]\n";
        assert_eq!(severity(managed, rule), Severity::Warning);
        let some = "[keyfile]\nunmanaged-devices=interface-name:veth*\n";
        assert_eq!(severity(some, ""), Severity::Warning, "not all have such names");
        assert_eq!(severity("[device-x]\nmatch-device=type:wifi\nmanaged=1\n", rule), Severity::Ok);
    }
}
