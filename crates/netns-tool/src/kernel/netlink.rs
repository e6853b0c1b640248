//! Reading links, addresses and routes from the kernel over rtnetlink, as `ip` itself does.
//!
//! It reads in process: the text of a tool can be cut off or garbled while its exit status is 0, and a tool takes a
//! thousand times as long. Only the attributes that are needed are decoded, so that whatever a later kernel or a
//! foreign interface adds cannot disturb it. Layouts: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.

mod decode;
pub mod diag;
pub mod ground;

use super::state::{Address, Link, Refusal, Route};
use crate::name::InterfaceName;
use anyhow::{Context, Result, bail};
use decode::{
    IFLA_IFNAME, address, advertised_over, link, number, refusal, refusal_of_any_table, route, ways,
};
use netlink_packet_core::{
    DecodeError, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

pub use decode::{MAIN, attributes, text};

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETNETCONF: u16 = 82;
const RTM_GETNSID: u16 = 90;

// Attributes of a link (linux/if_link.h), of the number of a namespace (linux/net_namespace.h) and of switches
// (linux/netconf.h); those of answers are beside what takes them apart.
const IFLA_EXT_MASK: u16 = 29;
const NETNSA_NSID: u16 = 1;
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
        let bodies = self.route_bodies()?;
        let routes = bodies.iter().filter_map(|body| route(body)).collect();
        Ok((routes, bodies.iter().filter_map(|body| advertised_over(body)).collect()))
    }

    /// All routes of the main table: those over which packets go on, once for each of their routers, and those that refuse
    /// them.
    pub fn routes_of_all_kinds(&self) -> Result<(Vec<Route>, Vec<Refusal>)> {
        let bodies = self.route_bodies()?;
        let routes = bodies.iter().flat_map(|body| ways(body)).collect();
        Ok((routes, bodies.iter().filter_map(|body| refusal(body)).collect()))
    }

    /// The tables that have a route of the kind, as [`Refusal::kind`], for what goes to the address.
    pub fn refusing_tables(&self, to: IpAddr, kind: &str) -> Result<BTreeSet<u32>> {
        let bodies = self.route_bodies()?;
        let refusals = bodies.iter().filter_map(|body| refusal_of_any_table(body));
        let its = refusals.filter(|(_, one)| one.kind == kind && one.to.contains(&to));
        Ok(its.map(|(table, _)| table).collect())
    }

    fn route_bodies(&self) -> Result<Vec<Vec<u8>>> {
        self.dump(RTM_GETROUTE, vec![0; 12], 12)
    }

    /// Whether the namespace behind the file is one of networks. The kernel also has an ioctl for that (NS_GET_NSTYPE),
    /// but it is not to be had without `unsafe`.
    pub fn is_netns(&self, file: &impl AsRawFd) -> Result<bool> {
        match self.ask(RTM_GETNSID, netns_request(file), 0) {
            Ok(_) => Ok(true),
            Err(error) if is(&error, Errno::EINVAL) => Ok(false),
            Err(error) => Err(error.context("the kernel could not be asked over netlink")),
        }
    }

    /// The number by which the network namespace knows the one behind the file, if it knows it at all;
    /// [`Link::peer_netns`] is such a number.
    pub fn netns_id(&self, file: &impl AsRawFd) -> Result<Option<i32>> {
        let bodies = self.ask(RTM_GETNSID, netns_request(file), 0)?.unwrap_or_default();
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
        Err(error) if is(&error, Errno::ENODEV) => Ok(None),
        Err(error) => Err(error.context("the kernel could not be asked over netlink")),
    }
}

fn is(error: &anyhow::Error, number: Errno) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.and_then(std::io::Error::raw_os_error) == Some(number as i32)
}

/// A question about the namespace behind the file: struct rtgenmsg, then NETNSA_FD.
fn netns_request(file: &impl AsRawFd) -> Vec<u8> {
    let mut request = vec![0, 0, 0, 0, 8, 0, 3, 0];
    request.extend(file.as_raw_fd().to_ne_bytes());
    request
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
