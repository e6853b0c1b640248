//! What a page says besides what the help says.

use super::SECTION;
use super::text::Text;

/// The end of a page.
pub struct Page {
    /// Of the subcommand; empty for netns-tool itself.
    pub name: &'static str,
    /// What is typed, and what that does.
    pub examples: &'static [(&'static str, &'static str)],
    exit: &'static [(&'static str, &'static str)],
    files: &'static [(&'static str, &'static str)],
    environment: &'static [(&'static str, &'static str)],
    /// Other subcommands.
    pub see_also: &'static [&'static str],
    /// Pages of others.
    elsewhere: &'static str,
}

type Items = [(&'static str, &'static str)];

/// Of what changes the network.
const CHANGING: &Items = &[
    ("0", "It is done."),
    ("1", "It failed, and the host is as it was."),
    ("2", "Wrong usage; nothing was started."),
    (
        "3",
        "Something is missing (root's rights, a tool, a feature of the kernel); nothing was changed.",
    ),
    (
        "4",
        "Something is left that should be gone, because an undo or a removal failed; each thing is listed, with the command to type.",
    ),
    ("5", "Another netns-tool was at work for the whole time of `--wait`."),
    ("128 + n", "Signal n arrived, and the host is as it was."),
];

/// Of what only reads.
const READING: &Items = &[
    ("0", "It is done."),
    ("1", "It failed."),
    ("2", "Wrong usage."),
    ("3", "Something is missing (root's rights, a tool, a feature of the kernel)."),
];

const DIFFERING: &Items = &[
    ("0", "Nothing differs."),
    ("1", "Something differs, or it cannot be known."),
    ("2", "Wrong usage, or the lab file is wrong."),
    ("3", "Something is missing (root's rights, a tool, a feature of the kernel)."),
];

const CHECKING: &Items = &[
    ("0", "All expectations hold. What `--matrix` shows is no failure."),
    ("1", "One does not hold, or the lab is not up."),
    ("2", "Wrong usage, or the lab file is wrong."),
    ("3", "Something is missing (root's rights, a tool, a feature of the kernel)."),
];

const EXAMINING: &Items = &[
    ("0", "Nothing will break."),
    ("1", "Something will."),
    ("2", "Wrong usage, or the lab file is wrong."),
    ("3", "Something is missing (root's rights, a tool, a feature of the kernel)."),
];

/// Of what becomes a command of the caller's, or waits for it.
const RUNNING: &Items = &[
    (
        "0 - 125",
        "That of the command; or one of netns-tool's own, as in `netns-tool`(1), if it did not come to run it.",
    ),
    ("126", "The command cannot be run."),
    ("127", "There is no such command."),
    ("128 + n", "Signal n ended the command."),
];

const ANSWERING: &Items = &[
    ("0", "An answer came."),
    ("1", "None did, which is explained, or it could not be asked."),
    ("2", "Wrong usage."),
    ("3", "Root's rights are missing."),
];

const WATCHING: &Items = &[
    ("0", "It was ended by Ctrl-C."),
    ("1", "There is no such place, or tcpdump failed."),
    ("2", "Wrong usage."),
    ("3", "tcpdump is missing, or root's rights are."),
];

const FILES: &Items = &[
    ("/run/netns/NAME", "A namespace, as `ip netns` makes it."),
    (
        "/etc/netns/NAME/resolv.conf, /etc/netns/NAME/hosts",
        "The name servers of a namespace, and the names that it knows. They are seen in place of those of `/etc` by what is run inside with `netns-tool exec` or `ip netns exec`.",
    ),
    (
        "/run/netns-tool/lock",
        "One netns-tool changes something at a time; it is there for as long.",
    ),
    (
        "/run/netns-tool/journal",
        "What the command in progress has begun. If the command is killed, the next one takes it back.",
    ),
];

const LAB_FILES: &Items = &[
    ("/run/netns/NAME", "A namespace, as `ip netns` makes it."),
    (
        "/etc/netns/NAME/resolv.conf, /etc/netns/NAME/hosts",
        "The name servers of a namespace, and the names that it knows.",
    ),
    ("/run/netns-tool-labs/LAB/", "What the programs of a lab have printed."),
    (
        "/run/netns-tool/lock, /run/netns-tool/journal",
        "The lock, and what the command in progress has begun.",
    ),
    ("/usr/share/doc/netns-tool/examples/", "Labs to begin with."),
];

const SEEN: &Items = &[("/run/netns/NAME", "A namespace, as `ip netns` makes it.")];

const INSIDE: &Items = &[
    ("/run/netns/NAME", "A namespace, as `ip netns` makes it."),
    (
        "/etc/netns/NAME/",
        "Files that are seen in place of those of `/etc` inside of the namespace.",
    ),
];

const NO_FILES: &Items = &[];

const COLOUR: &Items =
    &[("NO_COLOR", "If it is set, nothing is coloured but with `--color always`.")];

const SHELL: &Items = &[
    ("SHELL", "The shell to start, where no command is given."),
    ("NO_COLOR", "If it is set, nothing is coloured but with `--color always`."),
];

const IP: &str = "`ip-netns`(8), `ip-link`(8), `network_namespaces`(7)";
const WIRES: &str = "`veth`(4), `ip-link`(8), `ip-netns`(8)";
const BRIDGES: &str = "`ip-link`(8), `bridge`(8)";
const WALLS: &str = "`iptables`(8), `nft`(8), `ip-route`(8)";
const WATCHERS: &str = "`tcpdump`(8), `pcap-filter`(7), `wireshark`(1)";
const SPACES: &str = "`ip-netns`(8), `namespaces`(7), `network_namespaces`(7)";

macro_rules! page {
    ($name:literal, $exit:ident, $files:ident, $environment:ident, $also:expr, $elsewhere:ident, $examples:expr) => {
        Page {
            name: $name,
            examples: $examples,
            exit: $exit,
            files: $files,
            environment: $environment,
            see_also: $also,
            elsewhere: $elsewhere,
        }
    };
}

const PAGES: &[Page] = &[
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
        "up",
        CHANGING,
        LAB_FILES,
        COLOUR,
        &["down", "plan", "diff", "check", "labs", "run"],
        IP,
        &[
            (
                "sudo netns-tool up shop.toml",
                "Build the lab, or put right what is not as the file says."
            ),
            (
                "sudo netns-tool up shop.toml --name other",
                "Build it once more, under another name."
            ),
        ]
    ),
    page!(
        "down",
        CHANGING,
        LAB_FILES,
        COLOUR,
        &["up", "labs"],
        IP,
        &[
            ("sudo netns-tool down shop.toml", "Take down the lab of a file."),
            ("sudo netns-tool down shop", "Take it down by its name: the file is not needed."),
        ]
    ),
    page!(
        "plan",
        READING,
        LAB_FILES,
        COLOUR,
        &["up", "diff"],
        IP,
        &[
            (
                "sudo netns-tool plan shop.toml",
                "Show the commands that `up` would run, as a shell script."
            ),
            ("sudo netns-tool plan shop.toml --json", "Show them to a program."),
        ]
    ),
    page!(
        "diff",
        DIFFERING,
        LAB_FILES,
        COLOUR,
        &["up", "plan", "labs"],
        IP,
        &[
            ("sudo netns-tool diff shop.toml", "Say what is not as the file says, a line each."),
            ("sudo netns-tool diff shop.toml --quiet", "Say nothing if all is."),
        ]
    ),
    page!(
        "check",
        CHECKING,
        LAB_FILES,
        COLOUR,
        &["up", "run"],
        WALLS,
        &[
            (
                "sudo netns-tool check shop.toml",
                "Test what the `[[expect]]` tables of the file say."
            ),
            ("sudo netns-tool check shop.toml --matrix", "Show also who reaches whom."),
            ("sudo netns-tool check shop.toml --format junit", "Report to a CI system."),
        ]
    ),
    page!(
        "labs",
        READING,
        LAB_FILES,
        COLOUR,
        &["list", "up", "down"],
        IP,
        &[
            ("sudo netns-tool labs", "List the labs that are up."),
            ("sudo netns-tool labs --json", "The same for a program."),
        ]
    ),
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
        "run",
        RUNNING,
        LAB_FILES,
        COLOUR,
        &["up", "check", "sandbox", "exec"],
        SPACES,
        &[
            (
                "sudo netns-tool run shop.toml --in web -- make test",
                "Run the tests inside of a namespace of the lab, and take the lab down whatever comes out."
            ),
            (
                "netns-tool run shop.toml --sandbox -- make test",
                "Do all of it in a private host, without root's rights."
            ),
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

const COMPLETIONS: &Items = &[
    (
        "/usr/share/bash-completion/completions/netns-tool",
        "The script of bash, as packages install it.",
    ),
    ("/usr/share/zsh/vendor-completions/_netns-tool", "That of zsh."),
    ("/usr/share/fish/vendor_completions.d/netns-tool.fish", "That of fish."),
];

const SHELLS: &str = "`bash`(1), `zshcompsys`(1), `fish-complete`(1)";
const READERS: &str = "`man`(1)";

impl Page {
    /// That of a subcommand, or of netns-tool itself. A subcommand without one gets that of netns-tool.
    pub fn of(subcommand: Option<&str>) -> &'static Self {
        let name = subcommand.unwrap_or_default();
        PAGES.iter().find(|page| page.name == name).unwrap_or(&PAGES[0])
    }

    /// Writes it; `all` are the names of the subcommands.
    pub fn write(&self, text: &mut Text, all: &[&str]) {
        let sections =
            [("EXIT STATUS", self.exit), ("FILES", self.files), ("ENVIRONMENT", self.environment)];
        for (heading, items) in sections {
            if !items.is_empty() {
                text.section(heading);
                items.iter().for_each(|(what, about)| text.item(&format!("`{what}`"), about));
            }
        }
        text.section("EXAMPLES");
        for (line, about) in self.examples {
            text.prose(about);
            text.block(&[*line]);
        }
        text.section("SEE ALSO");
        text.line(&format!("{}.", self.others(all)));
    }

    fn others(&self, all: &[&str]) -> String {
        let names = if self.name.is_empty() { all } else { self.see_also };
        let ours = names.iter().map(|name| format!("`netns-tool-{name}`({SECTION})"));
        let root = (!self.name.is_empty()).then(|| format!("`netns-tool`({SECTION})"));
        let elsewhere = self.elsewhere.to_owned();
        root.into_iter().chain(ours).chain([elsewhere]).collect::<Vec<_>>().join(", ")
    }
}
