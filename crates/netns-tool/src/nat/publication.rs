//! A published port, as a person types it: `[HOST_IP:]HOST_PORT:NS_IP:NS_PORT[/tcp|udp]`.

use crate::address::is_link_local;
use crate::family::Family;
use crate::firewall::rule::{Ports, Protocol};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// How many ports a range may have that is sent on to other ports: each takes a rule of its own.
const MOVED_MAX: u32 = 1000;

const FORM: &str = "a publication has the form [HOST_IP:]HOST_PORT:NS_IP:NS_PORT[/udp], such as \
    8080:10.0.0.2:80 or [::]:8080:[fd00::2]:80, with ranges such as 8000-8010:10.0.0.2:8000-8010";

/// Ports of the host behind which those of a namespace are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// `None`: at each address of the host.
    pub host: Option<IpAddr>,
    pub ports: Ports,
    /// In the namespace.
    pub to: IpAddr,
    /// The first port in the namespace.
    pub first: u16,
}

impl Publication {
    pub fn family(&self) -> Family {
        Family::of(self.to)
    }

    /// Whether connections to 127.0.0.1 are meant too.
    pub fn is_on_loopback(&self) -> bool {
        self.to.is_ipv4() && self.host.is_none_or(|host| host.is_loopback())
    }

    /// The ports of the host with the port that they are sent on to (`None`: each to the same). A range that moves is
    /// one for each port: no backend has a common way to shift ports.
    pub fn sends(&self) -> Box<dyn Iterator<Item = (Ports, Option<u16>)> + '_> {
        let Ports { protocol, first, last } = self.ports;
        if first == last {
            return Box::new(std::iter::once((self.ports, Some(self.first))));
        }
        if first == self.first {
            return Box::new(std::iter::once((self.ports, None)));
        }
        Box::new((first..=last).map(move |port| {
            (Ports { protocol, first: port, last: port }, Some(self.first + (port - first)))
        }))
    }

    /// The ports that both want at some address of the host.
    pub fn shared(&self, family: Family, host: Option<IpAddr>, ports: Ports) -> Option<Ports> {
        let is_same_host = self.host.is_none() || host.is_none() || self.host == host;
        let is_same = self.family() == family && is_same_host;
        is_same.then(|| self.ports.shared(ports)).flatten()
    }
}

impl FromStr for Publication {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (text, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = Protocol::from_name(protocol)
            .ok_or_else(|| format!("`{protocol}` is neither tcp nor udp"))?;
        let fields = fields(text)?;
        let (host, ports, to, inner) = match fields[..] {
            [ports, to, inner] => (None, ports, to, inner),
            [host, ports, to, inner] => (Some(host), ports, to, inner),
            _ => return Err(FORM.to_owned()),
        };
        let host = host.map(address).transpose()?;
        let to = address(to)?;
        let (first, last) = range(ports)?;
        let (inner_first, inner_last) = range(inner)?;
        if last - first != inner_last - inner_first {
            return Err(format!("`{ports}` and `{inner}` are not as many ports"));
        }
        if first != inner_first && u32::from(last - first) >= MOVED_MAX {
            return Err(format!(
                "a range that is sent on to other ports has at most {MOVED_MAX} of them"
            ));
        }
        check_addresses(host, to)?;
        let host = host.filter(|host| !host.is_unspecified());
        Ok(Self { host, ports: Ports { protocol, first, last }, to, first: inner_first })
    }
}

fn check_addresses(host: Option<IpAddr>, to: IpAddr) -> Result<(), String> {
    if to.is_unspecified() || to.is_loopback() || to.is_multicast() {
        return Err(format!("`{to}` is no address of a namespace that the host could reach"));
    }
    if let Some(ip) = host.into_iter().chain([to]).find(|ip| is_link_local(&IpNet::from(*ip))) {
        return Err(format!(
            "the link-local address `{ip}` means nothing without its interface, and the kernel \
             forwards nothing that comes from one; another address is needed"
        ));
    }
    let Some(host) = host else { return Ok(()) };
    if host.is_ipv4() != to.is_ipv4() {
        return Err(format!("`{host}` and `{to}` are not of one family"));
    }
    if host.is_multicast() {
        return Err(format!("`{host}` is no address of a host"));
    }
    if host.is_ipv6() && host.is_loopback() {
        return Err("the kernel sends nothing on that is for ::1; publish on an address of the \
                    host, or for IPv4 on 127.0.0.1"
            .to_owned());
    }
    Ok(())
}

/// The parts between colons, of which those in brackets belong together.
fn fields(text: &str) -> Result<Vec<&str>, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('[') {
            Some(inside) => {
                let (field, after) = inside.split_once(']').ok_or_else(|| FORM.to_owned())?;
                field.parse::<std::net::Ipv6Addr>().map_err(|_| FORM.to_owned())?;
                (field, after)
            }
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        fields.push(field);
        if after.is_empty() {
            return Ok(fields);
        }
        rest = after.strip_prefix(':').ok_or_else(|| FORM.to_owned())?;
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no IP address; {FORM}"))
}

/// A port, or the first and the last of a range.
fn range(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |port: &str| {
        let number = port.parse().ok().filter(|number: &u16| *number > 0);
        // Neither `+80` nor `080`.
        number.filter(|number| number.to_string() == port)
    };
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        (Some(_), Some(_)) => Err(format!("the range `{text}` ends before it begins")),
        _ => Err(format!("`{text}` is no port (1 to 65535) and no range such as 8000-8010")),
    }
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        if let Some(host) = self.host {
            write!(f, "{}:", bracketed(host))?;
        }
        let Ports { protocol, first, last } = self.ports;
        let range = |first: u16| match last - self.ports.first {
            0 => first.to_string(),
            more => format!("{first}-{}", first + more),
        };
        write!(f, "{}:{}:{}", range(first), bracketed(self.to), range(self.first))?;
        if protocol == Protocol::Udp { f.write_str("/udp") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publications_read_and_print_alike() {
        for text in [
            "8080:10.0.0.2:80",
            "127.0.0.1:53:10.0.0.2:5353/udp",
            "8000-8010:10.0.0.2:9000-9010",
            "[2001:db8::1]:1-65535:[fd00::2]:1-65535/udp",
            "169.254.0.1:80:169.254.9.2:80",
        ] {
            assert_eq!(text.parse::<Publication>().unwrap().to_string(), text);
        }
        let any: Publication = "0.0.0.0:80:10.0.0.2:80/tcp".parse().unwrap();
        assert_eq!(any.to_string(), "80:10.0.0.2:80", "0.0.0.0 is each address");
        let moved: Publication = "8000-8010:10.0.0.2:9000-9010".parse().unwrap();
        assert_eq!(moved.sends().count(), 11);
        assert_eq!(moved.sends().last().unwrap().1, Some(9010));
    }

    #[test]
    fn what_is_wrong_with_a_publication_is_said() {
        for (text, why) in [
            ("", "has the form"),
            ("80", "has the form"),
            ("8080:80", "has the form"),
            ("8080:10.0.0.2:80/sctp", "neither tcp nor udp"),
            ("0:10.0.0.2:80", "is no port"),
            ("080:10.0.0.2:80", "is no port"),
            ("65536:10.0.0.2:80", "is no port"),
            ("9-8:10.0.0.2:9-8", "ends before it begins"),
            ("8000-8010:10.0.0.2:80", "not as many ports"),
            ("1-2000:10.0.0.2:3-2002", "at most 1000"),
            ("80:localhost:80", "is no IP address"),
            ("80:127.0.0.1:80", "is no address of a namespace"),
            ("[fd00::1]:80:10.0.0.2:80", "not of one family"),
            ("[::1]:80:[fd00::2]:80", "for ::1"),
            ("[fe80::1]:80:[fd00::2]:80", "link-local address `fe80::1`"),
            ("80:[fe80::2]:80", "link-local address `fe80::2`"),
            ("80:fd00::2:80", "has the form"),
            ("80:[fd00::2:80", "has the form"),
            ("80:[fd00::2]80:80", "has the form"),
        ] {
            let error = text.parse::<Publication>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
