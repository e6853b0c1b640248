//! A `resolv.conf`: as netns-tool writes it and reads it back, and as the C library reads any.

use crate::failure::{Failure, usage};
use crate::item::Item;
use crate::kernel::etc::resolv_conf;
use crate::mark::ALIAS;
use crate::name::{InterfaceName, NamespaceName};
use std::net::IpAddr;

/// How many name servers the C library asks (`MAXNS` of resolv.h).
const SERVERS_MAX: usize = 3;

/// A `resolv.conf` as netns-tool writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    /// The end in the namespace of the veth pair that it goes with; `None`: it goes with the namespace.
    pub pair: Option<InterfaceName>,
    pub servers: Vec<IpAddr>,
}

impl ResolvConf {
    /// No text of ours is longer, in bytes.
    pub const TEXT_MAX: usize = 256;

    /// The whole file: the mark, as a comment, and the name servers.
    pub fn text(&self) -> String {
        let pair = self.pair.as_ref().map(|name| format!(" veth {name}")).unwrap_or_default();
        let servers = self.servers.iter().map(|ip| format!("nameserver {ip}\n"));
        format!("# {ALIAS}{pair}\n{}", servers.collect::<String>())
    }

    /// Reads it back; `None` where it is not of exactly the form of [`ResolvConf::text`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mark = lines.next()?.strip_prefix("# ")?.strip_prefix(ALIAS)?;
        let pair = mark.strip_prefix(" veth ").and_then(|name| InterfaceName::existing(name).ok());
        let servers = lines.map(|line| line.strip_prefix("nameserver ")?.parse().ok());
        let found = Self { pair, servers: servers.collect::<Option<_>>()? };
        (check(&found.servers).is_ok() && !found.servers.is_empty() && found.text() == text)
            .then_some(found)
    }

    pub(super) fn item(&self, name: &NamespaceName) -> Item {
        Item::File { path: resolv_conf(name), text: self.text() }
    }
}

/// What can be seen to be wrong with the options alone.
pub fn check(servers: &[IpAddr]) -> Result<(), Failure> {
    if servers.len() > SERVERS_MAX {
        return Err(usage(format!(
            "{} name servers; at most {SERVERS_MAX} are asked",
            servers.len()
        ))
        .hint("man 5 resolv.conf"));
    }
    match servers.iter().enumerate().find(|(index, ip)| servers[..*index].contains(ip)) {
        Some((_, twice)) => Err(usage(format!("the name server `{twice}` is given twice"))),
        None => Ok(()),
    }
}

pub fn is_loopback(ip: &IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The first name server of a `resolv.conf` of which all are on the loopback; `None` where one can be asked from
/// elsewhere, or none is named. As the C library reads it (resolv.conf(5)).
pub fn loopback_resolver(resolv_conf: &str) -> Option<IpAddr> {
    let named = resolv_conf.lines().filter_map(|line| {
        let address = line.strip_prefix("nameserver")?.strip_prefix([' ', '\t'])?;
        let address = address.split_whitespace().next()?.split('%').next()?;
        address.parse::<IpAddr>().ok()
    });
    let servers: Vec<_> = named.take(SERVERS_MAX).collect();
    servers.first().copied().filter(|_| servers.iter().all(is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_ours_reads_back_and_no_other_is_taken_for_one() {
        let servers = ["10.0.0.53", "fd00::53"].map(|ip| ip.parse().unwrap()).to_vec();
        for (pair, lead) in [(None, "# netns-tool\n"), (Some("eth0"), "# netns-tool veth eth0\n")] {
            let pair = pair.map(|name| InterfaceName::new(name).unwrap());
            let conf = ResolvConf { pair, servers: servers.clone() };
            let text = format!("{lead}nameserver 10.0.0.53\nnameserver fd00::53\n");
            assert_eq!(conf.text(), text);
            assert_eq!(ResolvConf::parse(&text), Some(conf));
        }
        for foreign in [
            "",
            "# netns-tool\n",
            "nameserver 10.0.0.53\n",
            "# netns-tool\nnameserver 10.0.0.53",
            "# netns-tool\nnameserver 10.0.0.53\n\n",
            "# netns-tool\nnameserver  10.0.0.53\n",
            "# netns-tool\nnameserver 10.0.0.53\r\n",
            "# netns-tool\nnameserver 10.0.0.53 # mine\n",
            "# netns-tool\nnameserver 10.0.0.53\nsearch lan\n",
            "# netns-tool\nnameserver FD00::53\n",
            "# netns-tool veth\nnameserver 10.0.0.53\n",
            "# netns-tool veth a/b\nnameserver 10.0.0.53\n",
            "# netns-toolbox\nnameserver 10.0.0.53\n",
            "# netns-tool\nnameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n",
        ] {
            assert_eq!(ResolvConf::parse(foreign), None, "{foreign:?}");
        }
        let longest = ResolvConf {
            pair: Some(InterfaceName::new(&"i".repeat(15)).unwrap()),
            servers: (0..3)
                .map(|i| format!("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff{i}").parse().unwrap())
                .collect(),
        };
        assert!(longest.text().len() <= ResolvConf::TEXT_MAX);
    }

    #[test]
    fn a_resolver_on_the_loopback_is_found_as_the_c_library_reads_it() {
        let found = |text| loopback_resolver(text).map(|ip| ip.to_string());
        for (text, resolver) in [
            ("nameserver 127.0.0.53\noptions edns0\n", Some("127.0.0.53")),
            ("# x\nsearch lan\nnameserver\t::1 \nnameserver 127.0.0.1\n", Some("::1")),
            ("nameserver ::ffff:127.0.0.1", Some("::ffff:127.0.0.1")),
            (
                "nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\nnameserver 10.0.0.1\n",
                Some("127.0.0.1"),
            ),
            ("nameserver 127.0.0.53\nnameserver 10.0.0.1\n", None),
            ("nameserver fe80::1%eth0\n", None),
            ("#nameserver 127.0.0.53\n; nameserver 127.0.0.53\n nameserver 127.0.0.53\n", None),
            ("nameservers 127.0.0.53\nnameserver x\n", None),
            ("", None),
        ] {
            assert_eq!(found(text).as_deref(), resolver, "{text:?}");
        }
    }
}
