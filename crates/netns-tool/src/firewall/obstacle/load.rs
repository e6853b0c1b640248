//! What a packet carries, as far as it is certain, and whether the words of a firewall mean it.

use super::verdict::Truth;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    Tcp(Ports),
    Udp(Ports),
    /// ICMP, or ICMPv6: a message of one of these types.
    Icmp(&'static [u8]),
    /// A frame of its own, without an IP packet.
    Arp,
}

/// The ports of a packet; `None` where they are not certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    pub from: Option<u16>,
    pub to: Option<u16>,
}

/// The names that nft has for types of messages, with their numbers in ICMP and in ICMPv6.
const TYPES: [(&str, Option<u8>, Option<u8>); 6] = [
    ("echo-request", Some(8), Some(128)),
    ("echo-reply", Some(0), Some(129)),
    ("destination-unreachable", Some(3), Some(1)),
    ("time-exceeded", Some(11), Some(3)),
    ("nd-neighbor-solicit", None, Some(135)),
    ("nd-neighbor-advert", None, Some(136)),
];

impl Load {
    pub const ANY_TCP: Self = Self::Tcp(Ports { from: None, to: None });

    pub fn ports(self) -> Ports {
        match self {
            Self::Tcp(ports) | Self::Udp(ports) => ports,
            Self::Icmp(_) | Self::Arp => Ports::default(),
        }
    }

    /// Whether its protocol is this one, by name or number.
    pub fn is_protocol(self, protocol: &str, is_ipv6: bool) -> Truth {
        let names: &[&str] = match self {
            Self::Tcp(_) => &["tcp", "6"],
            Self::Udp(_) => &["udp", "17"],
            Self::Icmp(_) if is_ipv6 => &["ipv6-icmp", "icmpv6", "58"],
            Self::Icmp(_) => &["icmp", "1"],
            Self::Arp => &[],
        };
        names.contains(&protocol).into()
    }

    /// Whether its message has this type: a name of nft, or a number, with a code or without.
    pub fn is_of_type(self, text: &str, is_ipv6: bool) -> Truth {
        let Self::Icmp(types) = self else { return Truth::No };
        let (word, code) =
            text.split_once('/').map_or((text, None), |(word, code)| (word, Some(code)));
        let number = match TYPES.iter().find(|(name, ..)| *name == word) {
            Some((_, v4, v6)) => *if is_ipv6 { v6 } else { v4 },
            None => word.parse().ok(),
        };
        match number {
            Some(number) if !types.contains(&number) => Truth::No,
            Some(_) if types.len() == 1 && code.is_none() => Truth::Yes,
            // One of several, or a word of which nothing is known here.
            _ => Truth::Unknown,
        }
    }
}

/// Whether the port is among these, in the words of iptables: `80`, `8000:8010`, and several with commas between them.
pub fn is_port(port: Option<u16>, text: &str) -> Truth {
    let Some(port) = port else { return Truth::Unknown };
    let is_in = |part: &str| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        // A range may have one end alone.
        let first = if first.is_empty() { Ok(u16::MIN) } else { first.parse() };
        let last = if last.is_empty() { Ok(u16::MAX) } else { last.parse() };
        let (Ok(first), Ok(last)) = (first, last) else { return Truth::Unknown };
        (first..=last).contains(&port).into()
    };
    Truth::any(text.split(',').map(is_in))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_in_lists_and_ranges() {
        let is = |text| is_port(Some(80), text);
        assert_eq!([is("80"), is("70:90"), is(":80"), is("80:"), is("22,80")], [Truth::Yes; 5]);
        assert_eq!([is("81"), is("81:"), is("22,443,8000:8080")], [Truth::No; 3]);
        assert_eq!([is("http"), is_port(None, "80")], [Truth::Unknown; 2]);
    }

    #[test]
    fn a_message_is_known_by_the_name_or_the_number_of_its_type() {
        let ping = Load::Icmp(&[8]);
        assert_eq!(ping.is_of_type("echo-request", false), Truth::Yes);
        assert_eq!(ping.is_of_type("8", false), Truth::Yes);
        assert_eq!(ping.is_of_type("8/0", false), Truth::Unknown);
        assert_eq!(ping.is_of_type("3/1", false), Truth::No);
        assert_eq!(ping.is_of_type("echo-reply", false), Truth::No);
        let discovery = Load::Icmp(&[135, 136]);
        assert_eq!(discovery.is_of_type("nd-neighbor-solicit", true), Truth::Unknown);
        assert_eq!(discovery.is_of_type("128", true), Truth::No);
        assert_eq!(discovery.is_protocol("ipv6-icmp", true), Truth::Yes);
        assert_eq!(discovery.is_protocol("icmp", true), Truth::No);
    }
}
