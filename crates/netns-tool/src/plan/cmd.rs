//! One command of a plan, as it is executed and as it can be typed.

use super::Place;
use crate::item::Item;
use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// One change, as it can be typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cmd {
    /// A system tool with its arguments, inside `netns`, reading `stdin`.
    Run { netns: Place, tool: Tool, args: Vec<CompactString>, stdin: Option<String> },
    /// A value written to a file of /proc/sys; of /proc/sys/net, to that of the namespace.
    Write {
        #[serde(default)]
        netns: Place,
        path: String,
        value: String,
    },
    /// SIGTERM to the processes in the namespace, and SIGKILL to those that are still there after
    /// [`GRACE_SECONDS`]; `pids` are those known when it was planned.
    End { netns: NamespaceName, pids: Vec<i32> },
    /// A program is started inside the namespace, in a session of its own. It bears the mark, and what it prints goes to
    /// the end of the file `output`. One that is not awaited after that is watched for a moment.
    Start {
        netns: NamespaceName,
        mark: String,
        command: Vec<String>,
        output: String,
        is_awaited: bool,
    },
    /// It is ended like those of [`Cmd::End`], with its children that bear the mark.
    Stop { netns: NamespaceName, mark: String },
    /// Nothing is changed: for so many seconds the program that bears the mark is waited for until it is ready.
    Await { netns: NamespaceName, mark: String, ready: Ready, output: String, seconds: u16 },
    /// It is waited, for so many seconds at most, until the lab's links in these places carry packets and its ports
    /// forward; `trees` are the places where a spanning tree decides that, `addresses` those with addresses of IPv6 that
    /// are to be usable. Nothing is changed, but that the interfaces of `known`, which were there before, forget whom they
    /// know: a neighbour may have another hardware address now, or have been asked for in vain.
    Settle {
        lab: LabName,
        links: Vec<Place>,
        trees: Vec<Place>,
        addresses: Vec<Place>,
        known: Vec<(Place, InterfaceName)>,
        seconds: u64,
    },
    /// A file or a directory is made, if nothing has its name.
    Make(Item),
    /// It is removed.
    Remove(Item),
}

/// The variable in the environment of a program, by which it is found again.
pub const PROCESS: &str = "NETNS_TOOL_PROCESS";

/// Where a program of a lab is looked for.
pub const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What tells that a program is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ready {
    /// Something inside its namespace listens at the port.
    Tcp(u16),
    Udp(u16),
    /// A command that succeeds inside its namespace.
    Command(Vec<String>),
}

/// How long a process may take to end after SIGTERM, in seconds.
pub const GRACE_SECONDS: u64 = 3;

/// The system tools that may be run, by a plan or otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tool {
    Ip,
    Iptables,
    IptablesRestore,
    IptablesSave,
    IptablesLegacySave,
    IptablesNftSave,
    Ip6tables,
    Ip6tablesRestore,
    Ip6tablesSave,
    Ip6tablesLegacySave,
    Ip6tablesNftSave,
    Nft,
    Ping,
    Setsid,
    Mount,
    Umount,
    Cat,
    Cp,
    Ln,
    Mkdir,
    Rm,
    Rmdir,
    Sh,
    Unshare,
    Slirp4netns,
    Pasta,
    Tcpdump,
    Gzip,
}

impl Tool {
    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Tool::Ip => "ip",
            Tool::Iptables => "iptables",
            Tool::IptablesRestore => "iptables-restore",
            Tool::IptablesSave => "iptables-save",
            Tool::IptablesLegacySave => "iptables-legacy-save",
            Tool::IptablesNftSave => "iptables-nft-save",
            Tool::Ip6tablesNftSave => "ip6tables-nft-save",
            Tool::Ip6tables => "ip6tables",
            Tool::Ip6tablesRestore => "ip6tables-restore",
            Tool::Ip6tablesSave => "ip6tables-save",
            Tool::Ip6tablesLegacySave => "ip6tables-legacy-save",
            Tool::Nft => "nft",
            Tool::Ping => "ping",
            Tool::Setsid => "setsid",
            Tool::Mount => "mount",
            Tool::Umount => "umount",
            Tool::Cat => "cat",
            Tool::Cp => "cp",
            Tool::Ln => "ln",
            Tool::Mkdir => "mkdir",
            Tool::Rm => "rm",
            Tool::Rmdir => "rmdir",
            Tool::Sh => "sh",
            Tool::Unshare => "unshare",
            Tool::Slirp4netns => "slirp4netns",
            Tool::Pasta => "pasta",
            Tool::Tcpdump => "tcpdump",
            Tool::Gzip => "gzip",
        }
    }

    /// The package that brings it, as Debian and Ubuntu call it.
    pub fn package(self) -> &'static str {
        match self {
            Tool::Ip => "iproute2",
            Tool::Nft => "nftables",
            Tool::Iptables
            | Tool::IptablesRestore
            | Tool::IptablesSave
            | Tool::IptablesLegacySave
            | Tool::IptablesNftSave
            | Tool::Ip6tablesNftSave
            | Tool::Ip6tables
            | Tool::Ip6tablesRestore
            | Tool::Ip6tablesSave
            | Tool::Ip6tablesLegacySave => "iptables",
            Tool::Ping => "iputils-ping",
            Tool::Setsid | Tool::Unshare => "util-linux",
            Tool::Mount | Tool::Umount => "mount",
            Tool::Cat | Tool::Cp | Tool::Ln | Tool::Mkdir | Tool::Rm | Tool::Rmdir => "coreutils",
            Tool::Sh => "dash",
            Tool::Slirp4netns => "slirp4netns",
            Tool::Pasta => "passt",
            Tool::Tcpdump => "tcpdump",
            Tool::Gzip => "gzip",
        }
    }
}

impl Cmd {
    /// A command of a tool on the host, with its arguments.
    pub fn run<W: Into<CompactString>>(tool: Tool, args: impl IntoIterator<Item = W>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self::Run { netns: None, tool, args, stdin: None }
    }

    /// A command of `ip`, from its words separated by single spaces.
    pub fn ip(netns: &Place, words: &str) -> Self {
        Self::run(Tool::Ip, words.split(' ')).at(netns)
    }

    /// The same elsewhere.
    pub fn at(mut self, place: &Place) -> Self {
        if let Self::Run { netns, .. } = &mut self {
            netns.clone_from(place);
        }
        self
    }

    /// The same with a text that it reads.
    pub fn reading(mut self, text: String) -> Self {
        if let Self::Run { stdin, .. } = &mut self {
            *stdin = Some(text);
        }
        self
    }

    /// The program and its arguments, as they are executed and as one would type them.
    pub fn words(&self) -> Vec<String> {
        let Self::Run { netns, tool, args, .. } = self else { return Vec::new() };
        let lead: Vec<&str> = match (netns, tool) {
            (None, _) => vec![tool.program()],
            (Some(netns), Tool::Ip) => vec!["ip", "-n", netns.as_str()],
            (Some(netns), _) => vec!["ip", "netns", "exec", netns.as_str(), tool.program()],
        };
        lead.into_iter().map(str::to_owned).chain(args.iter().map(ToString::to_string)).collect()
    }

    /// The namespace that it is run in, if not the host.
    pub fn netns(&self) -> Option<&NamespaceName> {
        match self {
            Self::Run { netns, .. } | Self::Write { netns, .. } => netns.as_ref(),
            Self::End { netns, .. }
            | Self::Start { netns, .. }
            | Self::Stop { netns, .. }
            | Self::Await { netns, .. } => Some(netns),
            Self::Settle { .. } | Self::Make(_) | Self::Remove(_) => None,
        }
    }

    /// The tools that it needs, the one whose program is started first.
    pub fn tools(&self) -> Vec<Tool> {
        match self {
            Self::Run { netns: Some(_), tool, .. } if *tool != Tool::Ip => vec![Tool::Ip, *tool],
            Self::Run { tool, .. } => vec![*tool],
            Self::Start { .. } => vec![Tool::Ip, Tool::Setsid],
            Self::Await { .. } => vec![Tool::Ip],
            _ => Vec::new(),
        }
    }
}
