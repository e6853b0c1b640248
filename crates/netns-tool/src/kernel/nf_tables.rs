//! Which tables nf_tables has, of nft and of the iptables that stands on it. It is asked in process: on most hosts there are
//! none, and a tool takes a hundred times as long to say so.
//!
//! Layouts: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.

use super::netlink::{Reader, attributes, text};
use crate::family::Family;
use anyhow::Result;
use netlink_sys::protocols::NETLINK_NETFILTER;

/// `NFT_MSG_GETTABLE` of `NFNL_SUBSYS_NFTABLES`.
const GET_TABLE: u16 = 10 << 8 | 1;
const NFTA_TABLE_NAME: u16 = 1;
/// The size of `struct nfgenmsg`, which begins with the family.
const HEADER: usize = 4;

// The families of tables (linux/netfilter.h).
const INET: u8 = 1;
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// The tables of this network namespace.
pub struct Tables(Vec<(u8, String)>);

impl Tables {
    /// # Errors
    /// This kernel has no nf_tables, or does not tell us.
    pub fn read() -> Result<Self> {
        let reader = Reader::open_for(NETLINK_NETFILTER)?;
        let bodies = reader.dump(GET_TABLE, vec![0; HEADER], HEADER)?;
        let table = |body: &Vec<u8>| {
            let attributes = attributes(body, HEADER);
            let name = attributes.iter().find(|(kind, _)| *kind == NFTA_TABLE_NAME);
            (body[0], name.map(|(_, value)| text(value)).unwrap_or_default())
        };
        Ok(Self(bodies.iter().map(table).collect()))
    }

    /// Whether the table is there, which nft names so, such as `inet netns-tool`.
    pub fn has_inet(&self, table: &str) -> bool {
        let name = table.strip_prefix("inet ");
        self.0.iter().any(|(family, found)| *family == INET && Some(found.as_str()) == name)
    }

    /// Whether there is any for this family alone, as those of iptables are.
    pub fn has_any(&self, family: Family) -> bool {
        let number = match family {
            Family::V4 => IPV4,
            Family::V6 => IPV6,
        };
        self.0.iter().any(|(found, _)| *found == number)
    }
}
