//! Reading links, addresses and routes from the kernel over rtnetlink, as `ip` itself does.
//!
//! It reads in process: the text of a tool can be cut off or garbled while its exit status is 0, and a tool takes a
//! thousand times as long. Only the attributes that are needed are decoded, so that whatever a later kernel or a
//! foreign interface adds cannot disturb it. Layouts: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.

pub mod diag;
pub mod ground;

use super::state::{Address, Link, Route};
use crate::name::InterfaceName;
use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use netlink_packet_core::{
    DecodeError, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable, NlasIterator,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNETCONF: u16 = 82;
const RTM_GETNSID: u16 = 90;

// Attributes of a link (linux/if_link.h) …
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_IFALIAS: u16 = 20;
const IFLA_GROUP: u16 = 27;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_VLAN_FILTERING: u16 = 7;
// … of an address (linux/if_addr.h) …
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
// … of a route (linux/rtnetlink.h) …
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_TABLE: u16 = 15;
// … of the number of a namespace (linux/net_namespace.h) …
const NETNSA_NSID: u16 = 1;
// … and of switches (linux/netconf.h).
const NETCONFA_FORWARDING: u16 = 2;

/// A message of rtnetlink whose body is taken apart by its reader.
#[derive(Debug)]
struct Raw {
    kind: u16,
    body: Vec<u8>,
}

impl NetlinkSerializable for Raw {
    fn message_type(&self) -> u16 {
        self.kind
    }
    fn buffer_len(&self) -> usize {
        self.body.len()
    }
    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.body);
    }
}

impl NetlinkDeserializable for Raw {
    type Error = DecodeError;
    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { kind: header.message_type, body: payload.to_vec() })
    }
}

/// Asks about the network namespace that the calling thread was in when it was opened.
pub struct Reader(Socket);

impl Reader {
    pub fn open() -> Result<Self> {
        Self::open_for(NETLINK_ROUTE)
    }

    /// To ask another part of the kernel.
    pub fn open_for(protocol: isize) -> Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self(socket))
    }

    /// All links.
    pub fn links(&self) -> Result<Vec<Link>> {
        self.dump(RTM_GETLINK, link_request(), 16)?.iter().map(|body| link(body)).collect()
    }

    /// All addresses.
    pub fn addresses(&self) -> Result<Vec<Address>> {
        Ok(self.address_bodies()?.iter().filter_map(|body| address(body)).collect())
    }

    /// Whether the kernel still asks on a link of ours whether anybody else has one of its addresses (`IFA_F_TENTATIVE`
    /// of linux/if_addr.h).
    pub fn has_tentative_addresses(&self) -> Result<bool> {
        const TENTATIVE: u8 = 0x40;
        let bodies = self.address_bodies()?;
        let tentative = bodies.iter().filter(|body| body[2] & TENTATIVE != 0);
        let over: Vec<u32> = tentative.map(|body| number(&body[4..8])).collect();
        let is_over = |link: &Link| link.is_ours() && over.contains(&link.index);
        Ok(!over.is_empty() && self.links()?.iter().any(is_over))
    }

    fn address_bodies(&self) -> Result<Vec<Vec<u8>>> {
        self.dump(RTM_GETADDR, vec![0; 8], 8)
    }

    /// The routes of the main table, and the indices of the interfaces over which routes lead, in any table, that a
    /// router advertised.
    pub fn routes(&self) -> Result<(Vec<Route>, BTreeSet<u32>)> {
        let bodies = self.dump(RTM_GETROUTE, vec![0; 12], 12)?;
        let routes = bodies.iter().filter_map(|body| route(body)).collect();
        Ok((routes, bodies.iter().filter_map(|body| advertised_over(body)).collect()))
    }

    /// The number by which the network namespace knows the one behind the file, if it knows it at all;
    /// [`Link::peer_netns`] is such a number.
    pub fn netns_id(&self, file: &impl AsRawFd) -> Result<Option<i32>> {
        // struct rtgenmsg, then NETNSA_FD.
        let mut request = vec![0, 0, 0, 0, 8, 0, 3, 0];
        request.extend(file.as_raw_fd().to_ne_bytes());
        let bodies = self.ask(RTM_GETNSID, request, 0)?.unwrap_or_default();
        let attributes = bodies.first().map(|body| attributes(body, 4)).unwrap_or_default();
        // -1 stands for "not assigned".
        let id = attributes
            .iter()
            .find(|(kind, _)| *kind == NETNSA_NSID)
            .map(|(_, value)| number(value).cast_signed());
        Ok(id.filter(|id| *id >= 0))
    }

    /// The switch of forwarding of a whole family, AF_INET or AF_INET6, as /proc/sys shows it. Where there are many
    /// namespaces, a look into /proc/sys takes as long as there are: the kernel finds those of all behind one hash.
    pub fn forwarding(&self, family: u8) -> Result<u32> {
        // struct netconfmsg, then NETCONFA_IFINDEX with NETCONFA_IFINDEX_ALL.
        let mut request = vec![family, 0, 0, 0, 8, 0, 1, 0];
        request.extend((-1i32).to_ne_bytes());
        let bodies = self.ask(RTM_GETNETCONF, request, 0)?.unwrap_or_default();
        let attributes = bodies.first().map(|body| attributes(body, 4)).unwrap_or_default();
        let value = attributes.iter().find(|(kind, _)| *kind == NETCONFA_FORWARDING);
        value.map(|(_, value)| number(value)).context("the kernel tells nothing of forwarding")
    }
}

/// The link of that name in the network namespace that the calling thread is in.
pub fn link_named(name: &InterfaceName) -> Result<Option<Link>> {
    let mut request = link_request();
    let text = name.as_str().as_bytes();
    request.extend(u16::try_from(4 + text.len() + 1)?.to_ne_bytes());
    request.extend(IFLA_IFNAME.to_ne_bytes());
    request.extend(text);
    // The NUL, and up to the next multiple of four.
    request.resize((request.len() + 1).next_multiple_of(4), 0);
    match Reader::open()?.ask(RTM_GETLINK, request, 0) {
        Ok(bodies) => {
            let body = bodies.unwrap_or_default().into_iter().find(|body| body.len() >= 16);
            // The kernel also looks among the alternative names.
            let link = body.map(|body| link(&body)).transpose()?;
            Ok(link.filter(|link| link.name == *name))
        }
        Err(error) if is_no_device(&error) => Ok(None),
        Err(error) => Err(error.context("the kernel could not be asked over netlink")),
    }
}

fn is_no_device(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.and_then(std::io::Error::raw_os_error) == Some(Errno::ENODEV as i32)
}

/// The header of a question about links, and IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS: counters are costly, and nobody
/// here reads them.
fn link_request() -> Vec<u8> {
    let mut request = vec![0; 16];
    request.extend(8u16.to_ne_bytes());
    request.extend(IFLA_EXT_MASK.to_ne_bytes());
    request.extend(8u32.to_ne_bytes());
    request
}

impl Reader {
    /// Asks for a dump until one was not disturbed by a change, and gives its message bodies.
    pub fn dump(&self, kind: u16, request: Vec<u8>, header: usize) -> Result<Vec<Vec<u8>>> {
        for _ in 0..20 {
            if let Some(bodies) = self
                .ask(kind, request.clone(), NLM_F_DUMP)
                .context("the kernel could not be asked over netlink")?
            {
                if let Some(short) = bodies.iter().find(|body| body.len() < header) {
                    bail!(
                        "the kernel sent a netlink message of {} bytes, less than its header",
                        short.len()
                    );
                }
                return Ok(bodies);
            }
        }
        bail!("the network kept changing while it was read; try again when it is quieter")
    }

    /// Sends one request and collects the answer; `None`: something changed during the dump, and parts may be missing.
    fn ask(&self, kind: u16, request: Vec<u8>, flags: u16) -> Result<Option<Vec<Vec<u8>>>> {
        let mut message = NetlinkMessage::new(
            NetlinkHeader::default(),
            NetlinkPayload::InnerMessage(Raw { kind, body: request }),
        );
        message.header.flags = NLM_F_REQUEST | flags;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.0.send(&bytes, 0)?;
        let mut bodies = Vec::new();
        let mut disturbed = false;
        loop {
            // The kernel sends dumps in datagrams of at most 32 KiB.
            let mut datagram = Vec::with_capacity(1 << 16);
            self.0.recv(&mut datagram, 0)?;
            let mut rest = datagram.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<Raw>::deserialize(rest)?;
                disturbed |= message.header.flags & NLM_F_DUMP_INTR != 0;
                match message.payload {
                    NetlinkPayload::Done(_) => return Ok((!disturbed).then_some(bodies)),
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        return Err(error.to_io().into());
                    }
                    NetlinkPayload::InnerMessage(raw) => bodies.push(raw.body),
                    _ => {}
                }
                let length = (message.header.length as usize).next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
            }
            if flags & NLM_F_DUMP != NLM_F_DUMP {
                return Ok(Some(bodies));
            }
        }
    }
}

/// The attributes after the fixed header of a message, as pairs of kind and value.
pub fn attributes(body: &[u8], header: usize) -> Vec<(u16, Vec<u8>)> {
    let attributes = NlasIterator::new(body.get(header..).unwrap_or_default());
    attributes.map_while(Result::ok).map(|nla| (nla.kind(), nla.value().to_vec())).collect()
}

fn link(body: &[u8]) -> Result<Link> {
    let mut link = Link {
        index: number(&body[4..8]),
        up: number(&body[8..12]) & 1 == 1,
        mtu: 0,
        ..Link::default()
    };
    for (kind, value) in attributes(body, 16) {
        match kind {
            IFLA_ADDRESS => link.mac = value,
            IFLA_IFNAME => link.name = InterfaceName::reported(text(&value)),
            IFLA_MTU => link.mtu = number(&value),
            IFLA_LINK => link.peer = Some(number(&value)),
            IFLA_LINK_NETNSID => link.peer_netns = Some(number(&value).cast_signed()),
            IFLA_MASTER => link.master = Some(number(&value)),
            IFLA_LINKINFO => read_link_info(&value, &mut link),
            IFLA_IFALIAS => link.alias = Some(text(&value)),
            IFLA_GROUP => link.group = number(&value),
            _ => {}
        }
    }
    Ok(link)
}

/// IFLA_LINKINFO: the kind, and of a bridge the settings that can be asked for.
fn read_link_info(value: &[u8], link: &mut Link) {
    for (kind, value) in attributes(value, 0) {
        match kind {
            IFLA_INFO_KIND => link.kind = Some(text(&value)),
            IFLA_INFO_DATA => {
                for (kind, value) in attributes(&value, 0) {
                    match kind {
                        IFLA_BR_STP_STATE => link.stp = number(&value) != 0,
                        IFLA_BR_VLAN_FILTERING => {
                            link.vlan_filtering = value.first().is_some_and(|on| *on != 0)
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn address(body: &[u8]) -> Option<Address> {
    let (prefix, index) = (body[1], number(&body[4..8]));
    let attributes = attributes(body, 8);
    // On a point-to-point link IFA_ADDRESS is the other end's, and IFA_LOCAL our own.
    let find = |wanted| {
        attributes.iter().find(|(kind, _)| *kind == wanted).and_then(|(_, value)| ip(value))
    };
    let ip = find(IFA_LOCAL).or_else(|| find(IFA_ADDRESS))?;
    Some(Address { index, net: IpNet::new(ip, prefix).ok()? })
}

fn route(body: &[u8]) -> Option<Route> {
    const UNICAST: u8 = 1;
    const MAIN: u32 = 254;
    let (family, prefix, mut table, kind) = (body[0], body[1], u32::from(body[4]), body[7]);
    let (mut to, mut via, mut device, mut metric) = (None, None, None, 0);
    for (kind, value) in attributes(body, 12) {
        match kind {
            RTA_DST => to = ip(&value),
            RTA_OIF => device = Some(number(&value)),
            RTA_GATEWAY => via = ip(&value),
            RTA_PRIORITY => metric = number(&value),
            RTA_TABLE => table = number(&value),
            _ => {}
        }
    }
    let any = if family == 2 { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
    let to = IpNet::new(to.unwrap_or(any), prefix).ok()?;
    (table == MAIN && kind == UNICAST).then_some(Route {
        to,
        via,
        device,
        metric,
        protocol: body[5],
    })
}

/// The interface of a route that a router advertised (`RTPROT_RA` of linux/rtnetlink.h).
fn advertised_over(body: &[u8]) -> Option<u32> {
    const RA: u8 = 9;
    let over = || attributes(body, 12).into_iter().find(|(kind, _)| *kind == RTA_OIF);
    (body[5] == RA).then(over)?.map(|(_, value)| number(&value))
}

fn number(bytes: &[u8]) -> u32 {
    bytes.get(..4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

/// Text that ends with a NUL. A foreign name need not be UTF-8: it is shown, never used.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned()
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    v4.or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok())
}
