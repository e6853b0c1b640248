//! /run/netns, and what is in it.

use super::Finding;
use super::facts::Facts;
use crate::failure::count;
use crate::kernel::namespaces::{Entry, OF_ANOTHER_KIND};
use crate::name::NamespaceName;
use crate::plan::quote_all;
use std::ffi::OsString;

pub fn examine(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![propagation(facts.is_shared, facts.host.is_unseen_outside)];
    let namespaces = &facts.host.namespaces;
    let faulty: Vec<Finding> =
        namespaces.iter().filter_map(|(name, netns)| entry(name, netns.entry)).collect();
    if faulty.is_empty() {
        found.push(Finding::ok(
            "netns-files",
            match namespaces.len() + facts.host.hidden {
                0 => "no namespaces are in /run/netns".to_owned(),
                all => format!("{} in /run/netns, none of them broken", count(all, "namespace")),
            },
        ));
    }
    found.extend(faulty);
    found.extend(nameless(&facts.nameless));
    if facts.host.hidden > 0 && facts.lacking.is_some() {
        let what = format!("{} could not be looked into", count(facts.host.hidden, "namespace"));
        found.push(
            Finding::note("hidden", what, "only root can enter them")
                .cure("sudo netns-tool doctor"),
        );
    }
    found
}

fn propagation(is_shared: Option<bool>, is_unseen_outside: bool) -> Finding {
    const CHECK: &str = "propagation";
    match (is_shared, is_unseen_outside) {
        (_, true) => Finding::warning(
            CHECK,
            "/run/netns is that of the host, but its mounts are not: this is a mount namespace of its own",
            "a namespace that is made here is seen by nobody else, and its file is a broken one for all others; programs that `ip netns exec` starts are in such a place",
        ),
        (Some(false), _) => Finding::warning(
            CHECK,
            "/run/netns is mounted privately",
            "a namespace that is deleted lives on in every other mount namespace that had it, and one that is made is not seen there; `ip netns add` shares the folder when it finds it unmounted",
        )
        .cure("mount --make-shared /run/netns"),
        (Some(true), _) => Finding::ok(CHECK, "/run/netns is shared with other mount namespaces"),
        (None, _) => Finding::ok(CHECK, "/run/netns is not mounted yet: the first namespace does that"),
    }
}

/// A name that begins with a hyphen would be taken for an option.
fn deletion(name: &NamespaceName) -> String {
    let end = if name.as_str().starts_with('-') { "-- " } else { "" };
    format!("netns-tool delete {end}{name}")
}

/// Files whose names are no text: netns-tool cannot name them, and shows them nowhere else.
fn nameless(names: &[OsString]) -> Option<Finding> {
    let what = format!("{} of /run/netns with a name that is no text", count(names.len(), "file"));
    let why = "netns-tool shows and deletes only what it can write down";
    let cures = names.iter().map(|name| format!("ip netns del {}", quote_all([name])));
    (!names.is_empty()).then(|| Finding::note("nameless", what, why).cures(cures))
}

fn entry(name: &NamespaceName, entry: Entry) -> Option<Finding> {
    const CHECK: &str = "netns-files";
    match entry {
        Entry::Absent | Entry::Sound { mounts: ..=1, .. } => None,
        Entry::Broken => Some(
            Finding::broken(
                CHECK,
                format!("/run/netns/{name} is a file without a namespace, as an interrupted `ip netns add` leaves it"),
                "whatever is done with that name fails (`Invalid argument`), and `ip -all netns exec` stops at it",
            )
            .cure(deletion(name)),
        ),
        Entry::Sound { mounts, .. } => Some(
            Finding::warning(
                CHECK,
                format!("on /run/netns/{name}, {mounts} mounts lie one above the other"),
                "`ip netns delete` takes only the uppermost, and says `Device or resource busy`",
            )
            .cure(format!("umount /run/netns/{name}")),
        ),
        Entry::Strange(what) => {
            let finding = Finding::warning(
                CHECK,
                format!("/run/netns/{name} is {what}, which `ip netns` does not make"),
                "netns-tool leaves it alone, and uses no namespace of that name; `ls -ld` tells whose it is",
            );
            // What is left of it then is a file without a namespace.
            let cures = [format!("umount /run/netns/{name}"), deletion(name)];
            Some(if what == OF_ANOTHER_KIND { finding.cures(cures) } else { finding })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn only_a_file_without_a_namespace_is_broken() {
        let name = NamespaceName::new("web").unwrap();
        let severity = |found| entry(&name, found).map(|finding| finding.severity);
        let sound = |mounts| Entry::Sound { mounts, mixed: false };
        assert_eq!(severity(sound(1)), None);
        assert_eq!(severity(sound(2)), Some(Severity::Warning));
        assert_eq!(severity(Entry::Broken), Some(Severity::Broken));
        assert_eq!(severity(Entry::Strange("a folder")), Some(Severity::Warning));
        let other = entry(&name, Entry::Strange(OF_ANOTHER_KIND)).unwrap();
        assert_eq!(other.cures, ["umount /run/netns/web", "netns-tool delete web"]);
    }

    #[test]
    fn what_is_no_text_is_named_byte_by_byte() {
        use std::os::unix::ffi::OsStringExt;
        let name = OsString::from_vec(b"a\xff".to_vec());
        assert_eq!(nameless(&[name]).unwrap().cures, ["ip netns del a\"$(printf '\\377')\""]);
        assert_eq!(nameless(&[]), None);
        let hyphen = NamespaceName::reported("-x y".to_owned());
        assert_eq!(deletion(&hyphen), "netns-tool delete -- '-x y'");
    }

    #[test]
    fn a_folder_that_others_do_not_see_is_told() {
        assert_eq!(propagation(None, false).severity, Severity::Ok);
        assert_eq!(propagation(Some(true), false).severity, Severity::Ok);
        assert_eq!(propagation(Some(false), false).cures, ["mount --make-shared /run/netns"]);
        assert_eq!(propagation(Some(true), true).severity, Severity::Warning);
    }
}
