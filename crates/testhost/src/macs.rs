//! Random hardware addresses, and what the kernel makes of them.
//!
//! Two runs of one command make links with different random addresses, and these turn up in bridge
//! identities and in IPv6 link-local addresses. Comparing two such runs hides exactly these.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use crate::render::Sections;

/// Sections in which the order of lines is itself configuration.
const ORDERED: [&str; 2] = ["tables", "nft"];

/// All hardware addresses in a snapshot.
pub(crate) fn all(sections: &Sections) -> BTreeSet<String> {
    let is_mac = |word: &&str| {
        word.len() == 17
            && word.bytes().enumerate().all(|(i, byte)| match i % 3 {
                2 => byte == b':',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    sections
        .values()
        .flatten()
        .filter(|line| line.contains(" address = "))
        .flat_map(|line| line.split(' ').filter(is_mac))
        .map(str::to_owned)
        .collect()
}

/// The sections with these hardware addresses, and the link-local addresses made of them, hidden.
pub(crate) fn hidden(sections: &Sections, macs: &BTreeSet<&String>) -> Sections {
    let words: Vec<(String, &str)> = macs
        .iter()
        .flat_map(|mac| {
            [
                (mac.to_string(), "RANDOM-MAC"),
                (bridge_id(mac), "= 8000.RANDOM-MAC"),
                (link_local(mac), "RANDOM-LINK-LOCAL"),
            ]
        })
        .collect();
    let mut all = sections.clone();
    for (name, lines) in &mut all {
        let mut changed = false;
        for line in lines.iter_mut() {
            for (word, name) in &words {
                if line.contains(word.as_str()) {
                    *line = line.replace(word.as_str(), name);
                    changed = true;
                }
            }
        }
        if changed && !ORDERED.iter().any(|ordered| name.contains(ordered)) {
            lines.sort_unstable();
        }
    }
    all
}

/// A bridge's identity as `ip` prints it: with the default priority, and without leading zeroes
/// (`8000.6:b1:b2:9:b2:ea`).
fn bridge_id(mac: &str) -> String {
    let bytes: Vec<String> = bytes(mac).iter().map(|byte| format!("{byte:x}")).collect();
    format!("= 8000.{}", bytes.join(":"))
}

/// The EUI-64 link-local address of a hardware address (RFC 4291, appendix A).
fn link_local(mac: &str) -> String {
    let [a, b, c, d, e, f] = bytes(mac);
    let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
    let address =
        Ipv6Addr::new(0xfe80, 0, 0, 0, word(a ^ 2, b), word(c, 0xff), word(0xfe, d), word(e, f));
    address.to_string()
}

fn bytes(mac: &str) -> [u8; 6] {
    let mut bytes = [0; 6];
    for (byte, text) in bytes.iter_mut().zip(mac.split(':')) {
        *byte = u8::from_str_radix(text, 16).expect("only hardware addresses get here");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{bridge_id, link_local};

    #[test]
    fn link_local_of_a_mac() {
        assert_eq!(link_local("16:47:5e:84:b7:2d"), "fe80::1447:5eff:fe84:b72d");
    }

    #[test]
    fn bridge_id_has_no_leading_zeroes() {
        assert_eq!(bridge_id("06:b1:b2:09:b2:ea"), "= 8000.6:b1:b2:9:b2:ea");
    }
}
