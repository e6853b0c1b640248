//! The command line of what works inside a namespace.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// Of `exec`.
pub(super) const EXEC_HELP: &str = "\
    netns-tool becomes the command: signals, the terminal and the exit code are its own (126 if it \
    cannot be run, 127 if it is not there). It sees the namespace's own /etc/netns files and /sys, \
    as with `ip netns exec`.\n\n\
    With --all it runs in every namespace of a lab at once; each line is labelled with the \
    namespace that it comes from, and the exit code is that of the first in which it failed.";

/// Of `capture`.
pub(super) const CAPTURE_HELP: &str = "\
    NS captures on all interfaces of a namespace, NS:IF on one of them, and the name of an \
    interface on that; of a veth pair, on both ends. FILTER is one of pcap-filter(7), such as \
    icmp, or port 80.\n\nIn one place netns-tool becomes tcpdump. In several, each packet is \
    labelled with where it was seen, in the order of time, and a file has an interface for each \
    place (pcapng).";

/// Watch packets with tcpdump, in the right place
#[derive(Debug, Args)]
pub struct CaptureArgs {
    /// Where; with --all-of, the filter begins here
    #[arg(value_name = "NS[:IF]|IF", required_unless_present = "all_of")]
    pub place: Option<String>,
    /// Which packets
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,
    /// In all places of this lab
    #[arg(long, value_name = "LAB")]
    pub all_of: Option<String>,
    /// Write the packets into a file
    #[arg(short = 'w', long, value_name = "PATH")]
    pub write: Option<PathBuf>,
}

/// Explain the way of a packet, step by step, up to where it stops
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Where it comes from: a namespace, or host
    #[arg(value_name = "FROM")]
    pub from: String,
    /// Where it goes: an address, a namespace, or host
    #[arg(value_name = "TO")]
    pub to: String,
    /// A connection to this TCP port, in place of a ping
    #[arg(long, value_name = "PORT", conflicts_with = "udp")]
    pub tcp: Option<u16>,
    /// A datagram to this UDP port
    #[arg(long, value_name = "PORT")]
    pub udp: Option<u16>,
}

/// Of `trace`.
pub(super) const TRACE_HELP: &str = "\
    A packet is sent and watched in each place: the route that is chosen, the interfaces and ports \
    of bridges, what a NAT makes of its addresses; and if no answer comes, why, down to the rule of \
    the firewall. A namespace that is itself called host is /run/netns/host here.\n\nExit \
    codes: 0 an answer came; 1 none did, or it could not be asked.";

/// Run a command inside a namespace
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The namespace; with --all the lab, which need not be named if it is the only one
    #[arg(value_name = "NS|LAB", required_unless_present = "all")]
    pub name: Option<String>,
    /// Run it in every namespace of a lab
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub who: Who,
    /// The command
    #[arg(value_name = "CMD", last = true, required = true)]
    pub command: Vec<OsString>,
}

/// Work inside a namespace
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// The namespace
    #[arg(value_name = "NS")]
    pub name: String,
    #[command(flatten)]
    pub who: Who,
}

#[derive(Debug, Args)]
pub struct Who {
    /// Run it as this user, with his groups
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
}
