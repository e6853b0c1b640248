//! The pages of netns-tool itself, and of what makes single things and takes them away.

use super::Page;
use super::shared::{BRIDGES, CHANGING, COLOUR, FILES, IP, WALLS, WIRES};

pub const PAGES: &[Page] = &[
    page!(
        "",
        CHANGING,
        FILES,
        COLOUR,
        &[],
        IP,
        &[
            ("sudo netns-tool create red blue", "Make two namespaces."),
            ("sudo netns-tool bridge br0 --addr 10.0.0.1/24", "Make a bridge with an address."),
            (
                "sudo netns-tool veth veth-red red eth0 --bridge br0 --ns-addr 10.0.0.2/24 --gateway auto",
                "Wire the first to the bridge, and give it an address and a default route."
            ),
            (
                "sudo netns-tool nat br0",
                "Let what is on the bridge out, by the interface of the default route."
            ),
            ("sudo netns-tool exec red -- ping 10.0.0.1", "Work inside."),
            ("sudo netns-tool up shop.toml", "Do all of that, as a file describes it."),
        ]
    ),
    page!(
        "create",
        CHANGING,
        FILES,
        COLOUR,
        &["delete", "veth", "exec", "list"],
        IP,
        &[
            ("sudo netns-tool create red blue", "Make two namespaces."),
            (
                "sudo netns-tool create red --dns 192.0.2.53",
                "Make one whose programs ask this name server."
            ),
            ("netns-tool create red --dry-run", "Show the commands that would be run."),
        ]
    ),
    page!(
        "delete",
        CHANGING,
        FILES,
        COLOUR,
        &["create", "list", "recover"],
        IP,
        &[
            (
                "sudo netns-tool delete red blue",
                "Delete two namespaces, and the veth pairs that lead to them."
            ),
            ("sudo netns-tool delete red --kill", "End what runs inside first."),
        ]
    ),
    page!(
        "veth",
        CHANGING,
        FILES,
        COLOUR,
        &["create", "bridge", "show"],
        WIRES,
        &[
            (
                "sudo netns-tool veth veth0 red eth0 --host-addr 10.0.1.1/24 --ns-addr 10.0.1.2/24 --gateway auto",
                "Wire the host to a namespace, whose default route leads to the host."
            ),
            ("sudo netns-tool veth veth0 red eth0 --delete", "Take that back."),
            (
                "sudo netns-tool veth eth0 blue eth0 --host-ns red",
                "Wire two namespaces to each other."
            ),
        ]
    ),
    page!(
        "bridge",
        CHANGING,
        FILES,
        COLOUR,
        &["veth", "nat", "show"],
        BRIDGES,
        &[
            ("sudo netns-tool bridge br0 --addr 10.0.0.1/24", "Make a bridge with an address."),
            (
                "sudo netns-tool bridge br0 --attach veth0,veth1 --if-missing",
                "Make two interfaces its ports."
            ),
            ("sudo netns-tool bridge br0 --delete", "Take it away."),
        ]
    ),
    page!(
        "nat",
        CHANGING,
        FILES,
        COLOUR,
        &["bridge", "check", "show"],
        WALLS,
        &[
            (
                "sudo netns-tool nat br0",
                "Let what is on the bridge out, by the interface of the default route."
            ),
            (
                "sudo netns-tool nat br0 --publish 8080:10.0.0.2:80",
                "Let port 8080 of the host lead to port 80 of a namespace."
            ),
            (
                "sudo netns-tool nat br1 eth0 --allow br0",
                "Let a bridge out by eth0, and let it and another one reach each other."
            ),
            ("sudo netns-tool nat br0 --delete", "Take back the NAT, and its published ports."),
        ]
    ),
    page!(
        "recover",
        CHANGING,
        FILES,
        COLOUR,
        &["delete"],
        IP,
        &[
            ("sudo netns-tool recover", "Take back what a killed command has left."),
            ("netns-tool recover --dry-run", "Say whether one has left anything."),
        ]
    ),
];
