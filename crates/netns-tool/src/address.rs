//! Addresses as a person types them: an interface address with its prefix, a gateway, a MAC address.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::str::FromStr;

/// An address for an interface, such as `10.0.0.1/24`, checked to be one that a host can have.
///
/// # Errors
/// Says what is wrong with it, with an example of what is right.
pub fn interface_address(text: &str) -> Result<IpNet, String> {
    // std's parser refuses `010`, which some tools take for eight; that of IpNet does not.
    let (ip, prefix) = text.split_once('/').map_or((text, None), |(ip, prefix)| (ip, Some(prefix)));
    let ip =
        IpAddr::from_str(ip).map_err(|_| "an address has the form 10.0.0.1/24 or fd00::1/64")?;
    let Some(prefix) = prefix else {
        return Err(format!(
            "it has no prefix length; write {ip}/{}",
            if ip.is_ipv4() { 24 } else { 64 }
        ));
    };
    let length = prefix.parse().ok().filter(|length: &u8| length.to_string() == prefix);
    let address = length.and_then(|length| IpNet::new(ip, length).ok());
    let Some(address) = address else {
        return Err(format!(
            "`{prefix}` is no prefix length; there are 0 to {}",
            if ip.is_ipv4() { 32 } else { 128 }
        ));
    };
    host_address(address.addr())?;
    if address.prefix_len() == 0 {
        return Err("the prefix /0 is the whole internet, which cannot be on one link".to_owned());
    }
    let is_pair = address.max_prefix_len() - address.prefix_len() <= 1;
    if !is_pair && address.addr() == address.network() && address.addr().is_ipv4() {
        return Err(format!(
            "it is the address of the network {address} itself; a host could have {}",
            first_host(address)
        ));
    }
    if !is_pair && address.addr() == address.broadcast() && address.addr().is_ipv4() {
        return Err(format!("it is the broadcast address of {}", address.trunc()));
    }
    Ok(address)
}

/// The first address that a host can have in the network, with its prefix length.
fn first_host(network: IpNet) -> String {
    let host = network.hosts().next().unwrap_or(network.addr());
    format!("{host}/{}", network.prefix_len())
}

/// The address of a host: not unspecified, not multicast, not broadcast.
fn host_address(ip: IpAddr) -> Result<IpAddr, String> {
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255, 255, 255, 255]) {
        return Err("no host can have this address".to_owned());
    }
    Ok(ip)
}

/// Whether it is an IPv6 address that every interface makes up for itself: it means nothing beyond its link.
pub fn is_link_local(address: &IpNet) -> bool {
    matches!(address.addr(), IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// The address of a name server. One with a zone (`fe80::1%eth0`) is not taken: resolv.conf(5) knows none, and the
/// interface may come later than the file.
///
/// # Errors
/// Says what is wrong with it.
pub fn name_server(text: &str) -> Result<IpAddr, String> {
    const FORM: &str =
        "a name server is an address such as 10.0.0.53 or fd00::53, without a prefix";
    let (ip, zone) = text.split_once('%').map_or((text, None), |(ip, zone)| (ip, Some(zone)));
    let ip = IpAddr::from_str(ip).map_err(|_| FORM)?;
    if is_link_local(&IpNet::from(ip)) {
        return Err("a link-local address means nothing without an interface, of which \
             resolv.conf(5) knows none; give another address of the name server"
            .to_owned());
    }
    if zone.is_some() { Err(FORM.to_owned()) } else { host_address(ip) }
}

/// A default gateway: an address, or the word `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// The address of the bridge, or of the host end, in the same subnet.
    Auto,
    Address(IpAddr),
}

impl FromStr for Gateway {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let ip = IpAddr::from_str(text)
            .map_err(|_| "a gateway is `auto` or an address such as 10.0.0.1".to_owned())?;
        host_address(ip).map(Self::Address)
    }
}

/// The hardware address of an Ethernet interface: unicast, and not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mac([u8; 6]);

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "a MAC address has the form 02:00:00:00:00:01";
        let parts: Vec<&str> = text.split(':').collect();
        let mut octets = [0; 6];
        if parts.len() != octets.len() {
            return Err(FORM.to_owned());
        }
        for (octet, part) in octets.iter_mut().zip(&parts) {
            let is_hex = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
            *octet = u8::from_str_radix(part, 16).ok().filter(|_| is_hex).ok_or(FORM)?;
        }
        if octets[0] & 1 == 1 {
            return Err("its first octet is odd: that is a group (multicast) address".to_owned());
        }
        if octets == [0; 6] {
            return Err("an interface cannot have the address of all zeros".to_owned());
        }
        Ok(Self(octets))
    }
}

impl Mac {
    /// A random one, unicast and locally administered (IEEE 802), as the kernel gives to virtual interfaces.
    ///
    /// # Errors
    /// The kernel's source of randomness cannot be read.
    pub fn random() -> std::io::Result<Self> {
        let mut octets = [0; 6];
        File::open("/dev/urandom")?.read_exact(&mut octets)?;
        octets[0] = octets[0] & 0xfc | 0x02;
        Ok(Self(octets))
    }

    /// The six octets as the kernel reports them.
    pub fn from_octets(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hardware(&self.0))
    }
}

/// A hardware address of any length, as `ip` writes it.
pub fn hardware(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_addresses() {
        for good in [
            "10.0.0.1/24",
            "10.0.5.7/20",
            "10.0.0.0/31",
            "10.0.0.1/32",
            "fd00::1/64",
            "2001:db8::/127",
        ] {
            assert!(interface_address(good).is_ok(), "{good}");
        }
        let bad = [
            "10.0.0.1",
            "10.0.0.0/24",
            "10.0.0.255/24",
            "0.0.0.0/0",
            "10.0.0.1/0",
            "224.0.0.1/24",
            "::/64",
        ];
        for bad in bad.into_iter().chain([
            "10.0.0.1/33",
            "fd00::1/129",
            "",
            "x",
            "10.0.0.01/24",
            "fe80::1%eth0/64",
        ]) {
            assert!(interface_address(bad).is_err(), "{bad}");
        }
        assert!(interface_address("10.0.0.9").unwrap_err().contains("10.0.0.9/24"));
    }

    #[test]
    fn macs_and_gateways() {
        assert_eq!(Mac::from_str("02:0A:00:00:00:ff").unwrap().to_string(), "02:0a:00:00:00:ff");
        for bad in [
            "",
            "02:00:00:00:00",
            "01:00:00:00:00:01",
            "00:00:00:00:00:00",
            "+2:00:00:00:00:01",
            "2:0:0:0:0:1",
        ] {
            assert!(Mac::from_str(bad).is_err(), "{bad}");
        }
        assert_eq!(Gateway::from_str("auto"), Ok(Gateway::Auto));
        assert!(Gateway::from_str("0.0.0.0").is_err());
        assert!(Gateway::from_str("10.0.0.1/24").is_err());
        assert!(name_server("10.0.0.53").is_ok() && name_server("fd00::53").is_ok());
        assert!(name_server("169.254.169.253").is_ok(), "that of a cloud, which needs no zone");
        for bad in
            ["", "dns.example.org", "10.0.0.53/24", "0.0.0.0", "::", "ff02::fb", "fd00::1%e0"]
        {
            assert!(name_server(bad).is_err(), "{bad}");
        }
        for link_local in ["fe80::1", "fe80::1%eth0", "febf::1"] {
            assert!(name_server(link_local).unwrap_err().contains("link-local"), "{link_local}");
        }
    }
}
