//! Asking the kernel over netlink, as far as [`state`](crate::state) needs it: requests, and the bodies of the answers.

use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_MULTI: u16 = 0x2;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;
const HEADER: usize = 16;
/// The kernel fills at most 32 KiB at once.
const BUFFER: usize = 64 * 1024;

/// A socket in the network namespace of the thread that opens it.
pub(crate) struct Netlink {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Netlink {
    pub(crate) fn open(protocol: SockProtocol) -> Option<Self> {
        let (family, flags) = (AddressFamily::Netlink, SockFlag::SOCK_CLOEXEC);
        let socket = socket(family, SockType::Raw, flags, protocol).ok()?;
        Some(Self { socket, buffer: vec![0; BUFFER] })
    }

    /// The bodies of all messages of a dump; `None` if it failed, or something changed in its midst.
    pub(crate) fn dump(&mut self, kind: u16, request: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.ask(kind, NLM_F_REQUEST | NLM_F_DUMP, request)
    }

    /// The body of the one message that answers.
    pub(crate) fn one(&mut self, kind: u16, request: &[u8]) -> Option<Vec<u8>> {
        self.ask(kind, NLM_F_REQUEST, request)?.pop()
    }

    fn ask(&mut self, kind: u16, flags: u16, request: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut message = Vec::with_capacity(HEADER + request.len());
        message.extend(u32::try_from(HEADER + request.len()).ok()?.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(request);
        send(self.socket.as_raw_fd(), &message, MsgFlags::empty()).ok()?;
        let mut bodies = Vec::new();
        loop {
            let length = recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()).ok()?;
            let mut rest = &self.buffer[..length];
            while rest.len() >= HEADER {
                let length = usize::try_from(u32_at(rest, 0)?).ok()?;
                let (kind, flags) = (u16_at(rest, 4)?, u16_at(rest, 6)?);
                match kind {
                    NLMSG_DONE => return Some(bodies),
                    NLMSG_ERROR => return None,
                    _ if flags & NLM_F_DUMP_INTR != 0 => return None,
                    _ => bodies.push(rest.get(HEADER..length)?.to_vec()),
                }
                if flags & NLM_F_MULTI == 0 {
                    return Some(bodies);
                }
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

/// The attributes in a message, after its own header: number and content.
pub(crate) fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let (number, content) = (u16_at(rest, 2)? & NUMBER, rest.get(4..length)?);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((number, content))
    })
}

/// Without the flags "nested" and "in network byte order".
const NUMBER: u16 = 0x3fff;

pub(crate) fn attribute(number: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + content.len()).expect("a short attribute");
    let mut bytes = [length.to_ne_bytes(), number.to_ne_bytes()].concat();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
