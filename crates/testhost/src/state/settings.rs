use std::collections::HashMap;

use nix::sys::socket::SockProtocol;

use super::{
    AF_INET, AF_INET6, IFLA_AF_SPEC, IFLA_EXT_MASK, RTM_GETLINK, SKIP_STATS, put, put_but,
};
use crate::netlink::{Netlink, attribute, attributes, u32_at};

const RTM_GETNEIGHTBL: u16 = 66;

const IFLA_IFNAME: u16 = 3;
const IFLA_INET_CONF: u16 = 1;
const IFLA_INET6_CONF: u16 = 2;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const NDTA_PARMS: u16 = 6;
const NDTPA_IFINDEX: u16 = 1;
/// The interface (in whose place is its name), a count of references, and a time that is random each few minutes.
const PARMS_MOVING: [u16; 3] = [NDTPA_IFINDEX, 2, 3];

/// For the folder of each interface in /proc/sys/net (`ipv4/conf/eth0`, `ipv6/neigh/eth0`), in the namespace that this
/// thread is in, what the kernel makes all of its files of. Those of `all` and of `default` it does not tell.
pub(crate) fn of_settings() -> Option<HashMap<String, Vec<u8>>> {
    let mut netlink = Netlink::open(SockProtocol::NetlinkRoute)?;
    let (mut states, mut names) = (HashMap::new(), HashMap::new());
    let mut question = vec![0; 16];
    question.extend(attribute(IFLA_EXT_MASK, &SKIP_STATS.to_ne_bytes()));
    for link in netlink.dump(RTM_GETLINK, &question)? {
        let of_link = |kind| attributes(&link[16..]).find(|(number, _)| *number == kind);
        let (_, name) = of_link(IFLA_IFNAME)?;
        let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
        for (family, content) in of_link(IFLA_AF_SPEC).iter().flat_map(|(_, all)| attributes(all)) {
            let (version, all): (_, &[u16]) = match family {
                AF_INET => ("ipv4", &[IFLA_INET_CONF]),
                AF_INET6 => ("ipv6", &[IFLA_INET6_CONF, IFLA_INET6_ADDR_GEN_MODE]),
                _ => continue,
            };
            let mut state = Vec::new();
            for (number, value) in attributes(content).filter(|(number, _)| all.contains(number)) {
                put(&mut state, number, value);
            }
            states.insert(format!("{version}/conf/{name}"), state);
        }
        names.insert(u32_at(&link, 4)?, name);
    }
    for table in netlink.dump(RTM_GETNEIGHTBL, &[0; 4])? {
        let version = match table.first().copied().map(u16::from) {
            Some(AF_INET) => "ipv4",
            Some(AF_INET6) => "ipv6",
            _ => continue,
        };
        let all = |(number, content)| (number == NDTA_PARMS).then_some(content);
        for parms in attributes(&table[4..]).filter_map(all) {
            let index = attributes(parms).find(|(number, _)| *number == NDTPA_IFINDEX);
            let name = index.and_then(|(_, index)| names.get(&u32_at(index, 0)?));
            if let Some(name) = name {
                let mut state = Vec::new();
                put_but(&mut state, parms, &PARMS_MOVING);
                states.insert(format!("{version}/neigh/{name}"), state);
            }
        }
    }
    Some(states)
}
