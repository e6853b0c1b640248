//! `--dns`: when files of /etc/netns are made, replaced and removed, and when that is refused.

use super::{facts, plan};
use crate::dns::{self, ResolvConf};
use crate::kernel::Snapshot;
use crate::kernel::etc::{self, File, Folder};
use crate::name::NamespaceName;

#[test]
fn name_servers() {
    let mut facts = facts();
    let lines = |line: &str, facts: &Snapshot| -> Vec<String> {
        let work = plan(line, facts).unwrap_or_else(|failure| panic!("{line}: {failure}"));
        work.plan.steps().map(|step| step.run.to_string()).collect()
    };
    assert_eq!(
        lines("create absent --no-verify --dns 10.0.0.53 --dns fd00::53", &facts)[..3],
        [
            "mkdir -m 755 /etc/netns",
            "mkdir -m 755 /etc/netns/absent",
            "(umask 022; set -C; printf '%s\\n' '# netns-tool' 'nameserver 10.0.0.53' 'nameserver fd00::53' > /etc/netns/absent/resolv.conf)",
        ]
    );
    assert!(
        lines("veth v0 ns1 e0 --dns 10.0.0.53", &facts)[2].contains(" '# netns-tool veth e0' ")
    );
    let folder = |names: &[&str]| Folder::Sound(names.iter().map(Into::into).collect());
    let ours = ResolvConf { pair: None, servers: vec!["10.0.0.53".parse().unwrap()] };
    let file = |resolv_conf| etc::Netns {
        folder: folder(&["resolv.conf"]),
        resolv_conf,
        hosts: etc::Hosts::Absent,
    };
    let stand = [
        ("absent", file(File::Ours(ours.clone()))),
        ("ns1", file(File::Ours(ours))),
        ("busy", file(File::Foreign)),
    ];
    facts.etc.folder = folder(&["absent", "ns1", "busy"]);
    let stand = stand.map(|(name, netns)| (NamespaceName::new(name).unwrap(), netns));
    facts.etc.namespaces = stand.into_iter().collect();
    assert_eq!(lines("create absent --no-verify --dns 10.0.0.53", &facts).len(), 2);
    let replaced = lines("create absent --no-verify --dns 10.0.0.54", &facts);
    assert_eq!(replaced[0], "rm /etc/netns/absent/resolv.conf");
    assert!(replaced[1].contains("nameserver 10.0.0.54"));
    let removed = ["rm /etc/netns/absent/resolv.conf", "rmdir /etc/netns/absent"];
    assert_eq!(lines("create absent --no-verify", &facts)[2..], removed);
    assert_eq!(lines("delete absent", &facts), removed);
    assert_eq!(lines("delete busy --kill", &facts).len(), 2);
    facts.etc.folder = folder(&["absent", "ns1"]);
    assert_eq!(lines("delete absent ns1", &facts)[5], "rmdir /etc/netns");
    assert_eq!(lines("veth v0 ns1 e0 --dns 10.0.0.53", &facts).len(), 3);
    for (line, message) in [
        (
            "veth v0 ns1 e0 --dns 10.0.0.54",
            "/etc/netns/ns1/resolv.conf has other name servers: 10.0.0.53",
        ),
        ("veth v0 busy e0 --dns 10.0.0.53", "/etc/netns/busy/resolv.conf is there already"),
        ("create ns1 --if-missing --dns 10.0.0.54", "has other name servers"),
        ("create a --dns 10.0.0.1 --dns 10.0.0.1", "`10.0.0.1` is given twice"),
        ("veth v0 ns1 e0 --dns 1.1.1.1 --dns 1.1.1.2 --dns 1.1.1.3 --dns 1.1.1.4", "at most 3"),
    ] {
        let refusal = plan(line, &facts).map(|work| work.plan).expect_err(line).to_string();
        assert!(refusal.contains(message), "{line}: {refusal}");
    }
    facts.loopback_resolver = "127.0.0.53".parse().ok();
    assert!(dns::unreachable_note(&facts).is_some_and(|note| note.contains(" 127.0.0.53, ")));
}
