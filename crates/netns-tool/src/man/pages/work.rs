//! The pages of what shows what stands, works in it, or helps at a shell.

use super::Page;
use super::shared::{
    ANSWERING, COLOUR, COMPLETIONS, EXAMINING, INSIDE, IP, NO_FILES, READERS, READING, RUNNING,
    SEEN, SHELL, SHELLS, SPACES, WALLS, WATCHERS, WATCHING,
};

pub const PAGES: &[Page] = &[
    page!(
        "list",
        READING,
        SEEN,
        COLOUR,
        &["show", "labs"],
        IP,
        &[
            ("sudo netns-tool list", "List all namespaces, bridges and NATs."),
            ("sudo netns-tool list --lab shop", "List those of a lab."),
        ]
    ),
    page!(
        "show",
        READING,
        SEEN,
        COLOUR,
        &["list"],
        IP,
        &[
            ("sudo netns-tool show red", "Show a namespace, or whatever else is called so."),
            (
                "sudo netns-tool show red:eth0",
                "Show an interface inside of a namespace, and where its cable ends."
            ),
            ("sudo netns-tool show shop --as lab --json", "Show a lab to a program."),
        ]
    ),
    page!(
        "graph",
        READING,
        SEEN,
        COLOUR,
        &["show", "list", "up"],
        IP,
        &[
            ("netns-tool graph shop.toml", "Draw what a lab file says."),
            ("netns-tool graph shop.toml --format svg >shop.svg", "Draw it as an image."),
            ("sudo netns-tool graph", "Draw what stands."),
        ]
    ),
    page!(
        "doctor",
        EXAMINING,
        SEEN,
        COLOUR,
        &["check", "up"],
        WALLS,
        &[
            ("sudo netns-tool doctor", "Examine the host."),
            ("sudo netns-tool doctor shop.toml", "Examine also whether a lab can be built on it."),
        ]
    ),
    page!(
        "exec",
        RUNNING,
        INSIDE,
        COLOUR,
        &["shell", "run"],
        SPACES,
        &[
            ("sudo netns-tool exec red -- ip addr", "Run a command inside of a namespace."),
            (
                "sudo netns-tool exec red --user alice -- curl http://10.0.0.3/",
                "Run it as somebody else than root."
            ),
            (
                "sudo netns-tool exec --all shop -- ip -br addr",
                "Run it in each namespace of a lab."
            ),
        ]
    ),
    page!(
        "capture",
        WATCHING,
        SEEN,
        COLOUR,
        &["exec", "check"],
        WATCHERS,
        &[
            ("sudo netns-tool capture red icmp", "Watch pings on all interfaces of a namespace."),
            ("sudo netns-tool capture veth-red", "Watch both ends of a veth pair."),
            (
                "sudo netns-tool capture --all-of shop icmp",
                "Watch a ping cross a bridge and a NAT."
            ),
            (
                "sudo netns-tool capture --all-of shop -w shop.pcapng",
                "Write the packets of a whole lab for Wireshark."
            ),
        ]
    ),
    page!(
        "trace",
        ANSWERING,
        SEEN,
        COLOUR,
        &["check", "capture", "show"],
        WATCHERS,
        &[
            (
                "sudo netns-tool trace red 192.0.2.1",
                "Follow a ping from a namespace to an address."
            ),
            (
                "sudo netns-tool trace host red --tcp 80",
                "Follow a connection from the host into a namespace."
            ),
        ]
    ),
    page!(
        "shell",
        RUNNING,
        INSIDE,
        SHELL,
        &["exec"],
        SPACES,
        &[
            ("sudo netns-tool shell red", "Work inside of a namespace."),
            ("sudo netns-tool shell red --user alice", "Work there as somebody else than root."),
        ]
    ),
    page!(
        "sandbox",
        RUNNING,
        NO_FILES,
        SHELL,
        &["run"],
        SPACES,
        &[
            ("netns-tool sandbox", "Try things out in a shell. Nothing of it is left."),
            ("netns-tool sandbox -- netns-tool up shop.toml", "Run a command."),
            ("netns-tool sandbox --uplink -- make test", "Run one that needs a way out."),
        ]
    ),
    page!(
        "completions",
        READING,
        COMPLETIONS,
        COLOUR,
        &["man"],
        SHELLS,
        &[
            (
                "netns-tool completions bash | sudo tee /etc/bash_completion.d/netns-tool >/dev/null",
                "Install the script for everybody who uses bash with the package bash-completion."
            ),
            (
                "netns-tool completions zsh | sudo tee /usr/local/share/zsh/site-functions/_netns-tool >/dev/null",
                "The same for zsh."
            ),
            (
                "netns-tool completions fish >~/.config/fish/completions/netns-tool.fish",
                "Install the one of fish for yourself."
            ),
        ]
    ),
    page!(
        "man",
        READING,
        NO_FILES,
        COLOUR,
        &["completions"],
        READERS,
        &[
            ("netns-tool man create | man -l -", "Read a page that is not installed."),
            ("sudo netns-tool man --into /usr/local/share/man/man1", "Install all pages."),
        ]
    ),
];
