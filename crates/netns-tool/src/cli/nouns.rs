//! The command line of the nouns: what is made, wired and taken back one by one.

use crate::address::{Gateway, Mac, interface_address, name_server};
use crate::firewall::Choice;
use crate::mark::Mark;
use crate::name::{InterfaceName, NamespaceName};
use crate::nat::Publication;
use crate::sysctl::Scope;
use clap::{ArgAction, Args};
use ipnet::IpNet;
use std::net::IpAddr;

/// Make network namespaces, with their loopback up
#[derive(Debug, Args)]
#[command(after_help = "\
    Each is a file in /run/netns, as `ip netns add` makes it. That 127.0.0.1 answers is \
    verified with a ping inside the namespace, where `ping` is installed.")]
pub struct CreateArgs {
    #[arg(skip)]
    pub mark: Mark,
    /// The names of the namespaces
    #[arg(value_name = "NAME", required = true, value_parser = NamespaceName::new)]
    pub names: Vec<NamespaceName>,
    /// Give the loopback one more address (repeatable)
    #[arg(long = "addr", value_name = "CIDR", value_parser = interface_address)]
    pub addresses: Vec<IpNet>,
    /// A name server for what runs inside (repeatable, at most 3)
    #[arg(long = "dns", value_name = "ADDR", value_parser = name_server)]
    pub name_servers: Vec<IpAddr>,
    /// Take a namespace that exists already for a success, if it is sound
    #[arg(long)]
    pub if_missing: bool,
    /// Do not ping 127.0.0.1 inside
    #[arg(long)]
    pub no_verify: bool,
}

/// Delete network namespaces and everything wired to them
#[derive(Debug, Args)]
#[command(after_help = "\
    The veth pairs go first, so that their names can be used again at once. All names are \
    checked before any is deleted. A broken leftover (a file without a namespace on it, or \
    with several) is cleaned up.")]
pub struct DeleteArgs {
    /// The names of the namespaces
    #[arg(value_name = "NAME", required = true, value_parser = NamespaceName::standing)]
    pub names: Vec<NamespaceName>,
    /// Take a namespace that is not there for a success
    #[arg(long)]
    pub if_exists: bool,
    /// End the processes inside first (SIGTERM, then SIGKILL)
    #[arg(long)]
    pub kill: bool,
    /// Delete also what netns-tool did not make
    #[arg(long)]
    pub force: bool,
}

/// Make a veth pair between the host and a namespace (or two namespaces)
#[derive(Debug, Args)]
#[command(override_usage = "netns-tool veth [OPTIONS] <HOST_IF> <NAMESPACE> <NS_IF>\n       \
    netns-tool veth [OPTIONS] <HOST_IF> --host <PEER_IF>")]
#[command(after_help = "\
    Alone it leaves both ends down and without an address, and prints the next steps to type. \
    The options do those steps in the same call.")]
pub struct VethArgs {
    #[arg(skip)]
    pub mark: Mark,
    /// With one queue each way, which makes it sooner.
    #[arg(skip)]
    pub single_queue: bool,
    /// The end on the host
    #[arg(value_name = "HOST_IF", value_parser = InterfaceName::existing)]
    pub host_if: InterfaceName,
    /// The namespace of the other end
    #[arg(value_name = "NAMESPACE", required_unless_present = "peer_if", conflicts_with = "peer_if", requires = "ns_if", value_parser = NamespaceName::existing)]
    pub namespace: Option<NamespaceName>,
    /// The end in the namespace
    #[arg(value_name = "NS_IF", value_parser = InterfaceName::existing)]
    pub ns_if: Option<InterfaceName>,
    /// Keep both ends on the host: the other end, in place of NAMESPACE and NS_IF
    #[arg(long = "host", value_name = "PEER_IF", value_parser = InterfaceName::existing)]
    pub peer_if: Option<InterfaceName>,
    /// Put the first end into this namespace rather than on the host
    #[arg(long, value_name = "NAMESPACE", conflicts_with = "peer_if", value_parser = NamespaceName::existing)]
    pub host_ns: Option<NamespaceName>,
    /// An address for the first end, IPv4 or IPv6 (repeatable)
    #[arg(long = "host-addr", value_name = "CIDR", value_parser = interface_address)]
    pub host_addresses: Vec<IpNet>,
    /// An address for the other end (repeatable)
    #[arg(long = "ns-addr", value_name = "CIDR", value_parser = interface_address)]
    pub ns_addresses: Vec<IpNet>,
    /// Bring both ends up (an address, a bridge or a gateway does that too)
    #[arg(long)]
    pub up: bool,
    /// Make the first end a port of this bridge
    #[arg(long, value_name = "BRIDGE", value_parser = InterfaceName::existing)]
    pub bridge: Option<InterfaceName>,
    /// The default route of the namespace: an address, or `auto` for the bridge's or the host end's (repeatable: IPv4 and IPv6)
    #[arg(long = "gateway", value_name = "IP|auto", conflicts_with = "peer_if")]
    pub gateways: Vec<Gateway>,
    /// A name server for what runs in the namespace (repeatable, at most 3)
    #[arg(long = "dns", value_name = "ADDR", conflicts_with = "peer_if", value_parser = name_server)]
    pub name_servers: Vec<IpAddr>,
    /// The largest packet of both ends, in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(68..=65535))]
    pub mtu: Option<u32>,
    /// The hardware address of the first end
    #[arg(long, value_name = "MAC")]
    pub host_mac: Option<Mac>,
    /// The hardware address of the other end
    #[arg(long, value_name = "MAC")]
    pub ns_mac: Option<Mac>,
    #[command(flatten)]
    pub removal: Removal,
}

/// Make a bridge, and attach interfaces to it
#[derive(Debug, Args)]
#[command(after_help = "\
    With --delete, --attach names the ports that are to be taken off first; they get back as \
    they were.")]
pub struct BridgeArgs {
    #[arg(skip)]
    pub mark: Mark,
    /// It is brought up later, when its ports are there.
    #[arg(skip)]
    pub stays_down: bool,
    /// The name of the bridge
    #[arg(value_name = "NAME", value_parser = InterfaceName::existing)]
    pub name: InterfaceName,
    /// An address for the bridge, IPv4 or IPv6 (repeatable)
    #[arg(long = "addr", value_name = "CIDR", value_parser = interface_address)]
    pub addresses: Vec<IpNet>,
    /// Make existing interfaces ports of the bridge, and bring them up (repeatable, or with commas)
    #[arg(long, value_name = "IF", value_delimiter = ',', value_parser = InterfaceName::existing)]
    pub attach: Vec<InterfaceName>,
    /// The largest packet, in bytes
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(68..=65535))]
    pub mtu: Option<u32>,
    /// The hardware address
    #[arg(long, value_name = "MAC")]
    pub mac: Option<Mac>,
    /// Speak the spanning tree protocol
    #[arg(long)]
    pub stp: bool,
    /// Tell VLANs apart
    #[arg(long)]
    pub vlan_filtering: bool,
    /// Make it inside this namespace rather than on the host
    #[arg(long = "ns", value_name = "NAMESPACE", value_parser = NamespaceName::existing)]
    pub namespace: Option<NamespaceName>,
    /// Take a bridge that exists already, and is as asked for, for a success; attach what is not attached yet
    #[arg(long)]
    pub if_missing: bool,
    #[command(flatten)]
    pub removal: Removal,
}

/// Give a bridge a way out behind an uplink's address, and publish ports
#[derive(Debug, Args)]
#[command(after_help = "\
    The subnets are those of the bridge's addresses, IPv4 and IPv6. What is on the bridge gets \
    out over the uplink, under the uplink's address, and to the bridges of --allow. In come \
    answers, and what calls a published port. Forwarding is on while the NAT is there; --delete puts it back to \
    what it was, if no other NAT of netns-tool needs it.\n\n\
    Examples:\n  \
    netns-tool nat br0                             out by the default route\n  \
    netns-tool nat br0 --publish 8080:10.0.0.2:80  in: host port 8080, to port 80\n  \
    netns-tool nat br1 eth0 --allow br0            out by eth0, and open to br0\n  \
    netns-tool nat br0 --delete                    take the NAT and its ports back")]
pub struct NatArgs {
    #[arg(skip)]
    pub mark: Mark,
    /// The bridge
    #[arg(value_name = "BRIDGE", value_parser = InterfaceName::existing)]
    pub bridge: InterfaceName,
    /// The uplink; by default the interface of the default route
    #[arg(value_name = "OUTBOUND", value_parser = InterfaceName::existing)]
    pub outbound: Option<InterfaceName>,
    /// Let a port of the host lead to one of a namespace, such as 8080:10.0.0.2:80 or 53:10.0.0.2:53/udp; the NAT has to be there already (repeatable)
    #[arg(long = "publish", value_name = "[IP:]PORT:NS_IP:NS_PORT")]
    pub publications: Vec<Publication>,
    /// Let the bridge and this other one reach each other (repeatable)
    #[arg(long = "allow", value_name = "BRIDGE", value_parser = InterfaceName::existing)]
    pub allowed: Vec<InterfaceName>,
    /// Leave the addresses of IPv6 as they are, where their prefix is routed to this host
    #[arg(long)]
    pub no_masquerade: bool,
    /// Turn forwarding on for the whole host (the default), or for the interfaces of the NAT alone
    #[arg(
        long = "forwarding",
        value_name = "host|interface",
        value_enum,
        hide_possible_values = true
    )]
    pub scope: Option<Scope>,
    /// Make the rules with iptables and ip6tables, or with nft; by default with what other NATs use, else with iptables if it is installed
    #[arg(
        long,
        value_name = "auto|iptables|nft",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub firewall: Choice,
    #[command(flatten)]
    pub removal: Removal,
}

/// Taking back.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Taking back")]
pub struct Removal {
    /// Undo what the same words without --delete did
    #[arg(long, action = ArgAction::SetTrue)]
    pub delete: bool,
    /// With --delete: take what is not there for a success
    #[arg(long, requires = "delete")]
    pub if_exists: bool,
    /// With --delete: delete also what netns-tool did not make
    #[arg(long, requires = "delete")]
    pub force: bool,
}
