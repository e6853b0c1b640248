use nix::sys::socket::SockProtocol;

use super::{put, put_but};
use crate::netlink::{Netlink, attributes};

const fn nft(message: u16) -> u16 {
    10 << 8 | message
}

const GET_GENERATION: u16 = nft(16);
const GENERATION_ID: u16 = 1;
/// Tables, chains and rules, each with its attributes that number it in the order of making, and the counters of a chain.
const TEXT: [(u16, &[u16]); 3] = [(nft(1), &[4]), (nft(4), &[2, 8]), (nft(7), &[3, 6])];
/// Sets, objects and flowtables.
const MORE: [u16; 3] = [nft(10), nft(19), nft(23)];

/// What the tools' listings of the rules, without handles and counters, are made of, in the namespace that this thread
/// is in. Where there are sets and the like, whose elements it does not ask for, it is the number of the generation, which
/// every change raises, but which only on the host is no other's. `None` where the kernel does not say, or it says nothing to us.
pub(crate) fn of_rules(is_host: bool) -> Option<Vec<u8>> {
    let mut netlink = Netlink::open(SockProtocol::NetlinkNetFilter)?;
    let generation = generation(&mut netlink)?;
    let mut has_more = false;
    for kind in MORE {
        has_more |= !netlink.dump(kind, &ALL_FAMILIES)?.is_empty();
    }
    if has_more {
        return is_host.then_some(generation);
    }
    let mut state = Vec::new();
    for (kind, moving) in TEXT {
        for body in netlink.dump(kind, &ALL_FAMILIES)? {
            // After the family there is only the version, and the generation again.
            put(&mut state, kind, body.get(..1)?);
            put_but(&mut state, body.get(4..)?, moving);
        }
    }
    (self::generation(&mut netlink)? == generation).then_some(state)
}

const ALL_FAMILIES: [u8; 4] = [0; 4];

fn generation(netlink: &mut Netlink) -> Option<Vec<u8>> {
    let answer = netlink.one(GET_GENERATION, &ALL_FAMILIES)?;
    let mut all = attributes(answer.get(4..)?);
    all.find(|(number, _)| *number == GENERATION_ID).map(|(_, generation)| generation.to_vec())
}
