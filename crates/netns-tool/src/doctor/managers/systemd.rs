//! Files of systemd: of several, sorted by name, the first that matches an interface is the one that counts.

use super::super::Finding;
use super::super::pattern;
use crate::kernel::managers::File;

/// What netns-tool makes on the host: names and kinds of which nobody knows that they are netns-tool's.
const SAMPLES: [[&str; 2]; 3] = [["veth0", "veth"], ["web-eth0", "veth"], ["br0", "bridge"]];

/// Whether systemd-networkd takes over what is made (systemd.network(5)).
pub fn networkd(files: &[File]) -> Finding {
    const CHECK: &str = "networkd";
    let first = |sample| files.iter().find(|file| is_for(&file.text, sample));
    let taken = SAMPLES.into_iter().filter_map(|sample| Some((sample, first(sample)?)));
    let mut taken =
        taken.filter(|(_, file)| !has(&file.text, "Link", "Unmanaged", &["yes", "true", "1"]));
    match taken.next() {
        None => Finding::ok(CHECK, "systemd-networkd leaves veths and bridges alone"),
        Some(([_, kind], file)) => Finding::warning(
            CHECK,
            format!("systemd-networkd takes over every new {kind}: {} matches it", file.path.display()),
            "it sets it up as the file says, and takes away addresses and routes that it did not make",
        )
        .cure("printf '[Match]\\nKind=veth bridge\\n\\n[Link]\\nUnmanaged=yes\\n' >/etc/systemd/network/05-netns-tool.network && networkctl reload"),
    }
}

/// What systemd-udevd does to what is made (systemd.link(5)). Whoever gives a link its address keeps it, and so netns-tool's
/// bridges do; the ends of veths that are inside of namespaces it does not see.
pub fn links(files: &[File]) -> Finding {
    const CHECK: &str = "udev-link";
    let first = |sample| files.iter().find(|file| is_for(&file.text, sample));
    let matching: Vec<([&str; 2], &File)> =
        SAMPLES.into_iter().filter_map(|sample| Some((sample, first(sample)?))).collect();
    let renames = |(_, file): &&(_, &File)| value(&file.text, "Link", "Name").next().is_some();
    let readdresses = |([_, kind], file): &&([&str; 2], &File)| {
        *kind == "veth" && has(&file.text, "Link", "MACAddressPolicy", &["persistent", "random"])
    };
    if let Some(([_, kind], file)) = matching.iter().find(renames) {
        return kept(Finding::warning(
            CHECK,
            format!("systemd-udevd renames every new {kind}: {}", file.path.display()),
            "what netns-tool does next fails, and rules that name it match nothing",
        ));
    }
    if let Some((_, file)) = matching.iter().find(readdresses) {
        return kept(Finding::note(
            CHECK,
            format!(
                "systemd-udevd gives the host's end of a new veth another MAC address, a moment after it was made: {}",
                file.path.display()
            ),
            "the port of a bridge works all the same; of an end with addresses the other side may have learned the old one, and asks again after a while",
        ));
    }
    Finding::ok(CHECK, "systemd-udevd leaves names and MAC addresses alone")
}

fn kept(finding: Finding) -> Finding {
    finding.cure("printf '[Match]\\nKind=veth bridge\\n\\n[Link]\\nMACAddressPolicy=none\\n' >/etc/systemd/network/05-netns-tool.link && udevadm control --reload")
}

/// Whether the file's `[Match]` is for it. What cannot be told of a new interface (its hardware, its host) is no match.
fn is_for(text: &str, [name, kind]: [&str; 2]) -> bool {
    let mut all = lines(text, "Match").peekable();
    all.peek().is_some()
        && all.all(|(key, value)| {
            let is_one = |of: &str| {
                let mut patterns = value.split_whitespace().peekable();
                match patterns.peek().and_then(|first| first.strip_prefix('!')) {
                    None => patterns.any(|one| pattern::is_match(one, of)),
                    Some(_) => {
                        !patterns.any(|one| pattern::is_match(one.trim_start_matches('!'), of))
                    }
                }
            };
            match key {
                "Name" | "OriginalName" => is_one(name),
                "Kind" | "Driver" => is_one(kind),
                // A veth has none of its own.
                "Type" => is_one(if kind == "veth" { "ether" } else { kind }),
                _ => false,
            }
        })
}

/// The keys of a section with their values.
fn lines<'a>(text: &'a str, section: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mut is_inside = false;
    text.lines().map(str::trim).filter_map(move |line| {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_inside = name == section;
            return None;
        }
        let (key, value) =
            line.split_once('=').filter(|_| is_inside && !line.starts_with(['#', ';']))?;
        Some((key.trim(), value.trim()))
    })
}

fn value<'a>(text: &'a str, section: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    lines(text, section).filter(move |(of, _)| *of == key).map(|(_, value)| value)
}

fn has(text: &str, section: &str, key: &str, values: &[&str]) -> bool {
    value(text, section, key).any(|value| values.contains(&value))
}

#[cfg(test)]
mod tests {
    use super::super::super::Severity;
    use super::*;

    fn file(name: &str, text: &str) -> File {
        File { path: format!("/etc/systemd/network/{name}").into(), text: text.to_owned() }
    }

    #[test]
    fn networkd_takes_over_what_a_file_matches() {
        let of = |text| networkd(&[file("50-x.network", text)]).severity;
        for text in [
            "[Match]\nName=*\n[Network]\nDHCP=yes",
            "[Match]\nName=en* veth*",
            "[Match]\nType=ether",
            "[Match]\nName=!lo",
            "[Match]\nKind=bridge",
        ] {
            assert_eq!(of(text), Severity::Warning, "{text}");
        }
        for text in [
            "[Match]\nName=en*",
            // As systemd itself brings it.
            "[Match]\nKind=veth\nName=ve-*",
            "[Match]\nName=*\nMACAddress=00:11:22:33:44:55",
            "[Match]\nName=*\n[Link]\nUnmanaged=yes",
            "[Network]\nDHCP=yes",
            "[Match]\nName=!veth* web* br*",
            "",
        ] {
            assert_eq!(of(text), Severity::Ok, "{text}");
        }
        let cured = [
            file("05-x.network", "[Match]\nKind=veth bridge\n\n[Link]\nUnmanaged=yes\n"),
            file("50-y.network", "[Match]\nName=*"),
        ];
        assert_eq!(networkd(&cured).severity, Severity::Ok);
    }

    #[test]
    fn udevd_changes_what_its_default_matches() {
        let default = file(
            "99-default.link",
            "[Match]\nOriginalName=*\n\n[Link]\nNamePolicy=keep\nMACAddressPolicy=persistent\n",
        );
        assert_eq!(links(std::slice::from_ref(&default)).severity, Severity::Note);
        let of_bridges =
            file("10-x.link", "[Match]\nKind=bridge\n[Link]\nMACAddressPolicy=random\n");
        assert_eq!(links(&[of_bridges]).severity, Severity::Ok);
        let own = file(
            "05-netns-tool.link",
            "[Match]\nKind=veth bridge\n\n[Link]\nMACAddressPolicy=none\n",
        );
        assert_eq!(links(&[own, default]).severity, Severity::Ok);
        let named = file("10-x.link", "[Match]\nOriginalName=*\n[Link]\nName=lan0\n");
        assert!(links(&[named]).what.contains("renames every new veth"));
        assert_eq!(links(&[]).severity, Severity::Ok);
    }
}
