//! Rules of udev (udev(7)) that rename or set up whatever interface comes.

use super::super::Finding;
use super::super::pattern;
use crate::kernel::managers::File;

const NAMES: [&str; 3] = ["veth0", "web-eth0", "br0"];

/// A finding for each file with such a rule.
pub fn rules(files: &[File]) -> Vec<Finding> {
    let found: Vec<Finding> = files.iter().filter_map(of_file).collect();
    match found.is_empty() {
        true => vec![Finding::ok("udev-rules", "no rule of udev is for veths or bridges")],
        false => found,
    }
}

fn of_file(file: &File) -> Option<Finding> {
    let text = file.text.replace("\\\n", " ");
    let rule = text.lines().map(str::trim).find(|rule| touches(rule))?;
    let what = format!("a rule of udev is for every new veth or bridge: `{rule}`");
    let why = format!(
        "{} renames it, or runs a program on it; `KERNEL!=…`, `DRIVERS` or `ATTR{{address}}` in the rule would keep it to what it is meant for",
        file.path.display()
    );
    Some(Finding::warning("udev-rules", what, &why).cure(format!(
        "${{EDITOR:-vi}} {} && udevadm control --reload",
        crate::plan::quote(&file.path.to_string_lossy())
    )))
}

/// Whether it is for interfaces that nothing is known of but their names, and does something to them.
fn touches(rule: &str) -> bool {
    if rule.starts_with('#') {
        return false;
    }
    let (mut is_of_net, mut does_something) = (false, false);
    for part in rule.split(',').map(str::trim) {
        let value = part.split('"').nth(1).unwrap_or_default();
        if let Some((key, _)) = part.split_once("==").or_else(|| part.split_once("!=")) {
            let is_negated = !part.contains("==");
            let holds = |is: bool| is != is_negated;
            let fits = match key.trim() {
                "SUBSYSTEM" => {
                    is_of_net |= value == "net" && !is_negated;
                    holds(value == "net")
                }
                "ACTION" => holds(value.split('|').any(|action| action == "add" || action == "*")),
                "KERNEL" => {
                    let mut patterns = value.split('|');
                    holds(patterns.any(|one| NAMES.iter().any(|name| pattern::is_match(one, name))))
                }
                _ => false,
            };
            if !fits {
                return false;
            }
        } else {
            let key = part.split(['=', '+', ':']).next().unwrap_or_default().trim();
            does_something |=
                key == "NAME" || (key.starts_with("RUN") && !is_harmless(part, value));
        }
    }
    is_of_net && does_something
}

/// What is run does nothing to the interface but what it is set to anyway: systemd's own rule (99-systemd.rules) has the
/// settings of sysctl.d for it written, and what is built into udev loads modules and the like.
fn is_harmless(part: &str, program: &str) -> bool {
    let program = program.split(' ').next().unwrap_or_default();
    part.starts_with("RUN{builtin}") || program.rsplit('/').next() == Some("systemd-sysctl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_for_whatever_comes_count() {
        for rule in [
            r#"SUBSYSTEM=="net", ACTION=="add", KERNEL=="veth*", NAME="lan0""#,
            r#"ACTION=="add|change", SUBSYSTEM=="net", RUN+="/bin/true""#,
            r#"SUBSYSTEM=="net", KERNEL!="eth*", NAME="x0""#,
        ] {
            assert!(touches(rule), "{rule}");
        }
        for rule in [
            r#"SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="00:11:22:33:44:55", NAME="lan0""#,
            r#"SUBSYSTEM=="net", KERNEL=="en*", NAME="lan0""#,
            r#"SUBSYSTEM=="net", ENV{ID_NET_NAME}!="", NAME="$env{ID_NET_NAME}""#,
            r#"SUBSYSTEM=="block", RUN+="/bin/true""#,
            r#"ACTION=="remove", SUBSYSTEM=="net", RUN+="/bin/true""#,
            r#"# SUBSYSTEM=="net", NAME="x""#,
            r#"SUBSYSTEM!="net", GOTO="end""#,
            // As systemd itself brings it.
            r#"ACTION=="add", SUBSYSTEM=="net", KERNEL!="lo", RUN+="/lib/systemd/systemd-sysctl --prefix=/net/ipv4/conf/$name""#,
            r#"SUBSYSTEM=="net", ACTION=="add", RUN{builtin}+="kmod load bridge""#,
        ] {
            assert!(!touches(rule), "{rule}");
        }
    }
}
