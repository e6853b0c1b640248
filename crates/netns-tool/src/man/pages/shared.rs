//! What several pages say: exit codes, files, variables of the environment, pages of others.

pub type Items = [(&'static str, &'static str)];

const WRONG_FILE: (&str, &str) = ("2", "Wrong usage, or the lab file is wrong.");
const LACKING: (&str, &str) =
    ("3", "Something is missing (root's rights, a tool, a feature of the kernel).");

/// Of what changes the network.
pub const CHANGING: &Items = &[
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
pub const READING: &Items =
    &[("0", "It is done."), ("1", "It failed."), ("2", "Wrong usage."), LACKING];

pub const DIFFERING: &Items = &[
    ("0", "Nothing differs."),
    ("1", "Something differs, or it cannot be known."),
    WRONG_FILE,
    LACKING,
];

pub const CHECKING: &Items = &[
    ("0", "All expectations hold. What `--matrix` shows is no failure."),
    ("1", "One does not hold, or the lab is not up."),
    WRONG_FILE,
    LACKING,
    ("5", "Another `check` that counts datagrams was at work for the whole time of `--wait`."),
];

pub const EXAMINING: &Items =
    &[("0", "Nothing will break."), ("1", "Something will."), WRONG_FILE, LACKING];

/// Of what becomes a command of the caller's, or waits for it.
pub const RUNNING: &Items = &[
    (
        "0 - 125",
        "That of the command; or one of netns-tool's own, as in `netns-tool`(1), if it did not come to run it.",
    ),
    ("126", "The command cannot be run."),
    ("127", "There is no such command."),
    ("128 + n", "Signal n ended the command."),
];

pub const ANSWERING: &Items = &[
    ("0", "An answer came."),
    ("1", "None did, which is explained, or it could not be asked."),
    ("2", "Wrong usage."),
    ("3", "Root's rights are missing."),
];

pub const WATCHING: &Items = &[
    ("0", "It was ended by Ctrl-C, SIGTERM or SIGHUP; what was seen is written."),
    ("1", "There is no such place, tcpdump failed, or the file cannot be written."),
    ("2", "Wrong usage."),
    ("3", "tcpdump is missing, or root's rights are."),
];

pub const FILES: &Items = &[
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

pub const LAB_FILES: &Items = &[
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

pub const SEEN: &Items = &[("/run/netns/NAME", "A namespace, as `ip netns` makes it.")];

pub const INSIDE: &Items = &[
    ("/run/netns/NAME", "A namespace, as `ip netns` makes it."),
    (
        "/etc/netns/NAME/",
        "Files that are seen in place of those of `/etc` inside of the namespace.",
    ),
];

pub const NO_FILES: &Items = &[];

pub const COLOUR: &Items =
    &[("NO_COLOR", "If it is set, nothing is coloured but with `--color always`.")];

pub const SHELL: &Items = &[
    ("SHELL", "The shell to start, where no command is given."),
    ("NO_COLOR", "If it is set, nothing is coloured but with `--color always`."),
];

pub const IP: &str = "`ip-netns`(8), `ip-link`(8), `network_namespaces`(7)";
pub const WIRES: &str = "`veth`(4), `ip-link`(8), `ip-netns`(8)";
pub const BRIDGES: &str = "`ip-link`(8), `bridge`(8)";
pub const WALLS: &str = "`iptables`(8), `nft`(8), `ip-route`(8)";
pub const WATCHERS: &str = "`tcpdump`(8), `pcap-filter`(7), `wireshark`(1)";
pub const SPACES: &str = "`ip-netns`(8), `namespaces`(7), `network_namespaces`(7)";

pub const COMPLETIONS: &Items = &[
    (
        "/usr/share/bash-completion/completions/netns-tool",
        "The script of bash, as packages install it.",
    ),
    ("/usr/share/zsh/vendor-completions/_netns-tool", "That of zsh."),
    ("/usr/share/fish/vendor_completions.d/netns-tool.fish", "That of fish."),
];

pub const SHELLS: &str = "`bash`(1), `zshcompsys`(1), `fish-complete`(1)";
pub const READERS: &str = "`man`(1)";
