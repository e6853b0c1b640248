//! The sockets of the host's processes on which they wait for others.

use super::netlink::diag as netlink;
use crate::firewall::rule::Protocol;
use anyhow::{Context, Result};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A socket that waits.
#[derive(Clone, Debug)]
pub struct Listener {
    pub protocol: Protocol,
    pub address: IpAddr,
    pub port: u16,
    /// For IPv6 alone (`IPV6_V6ONLY`). /proc, where the kernel tells no more, does not have it.
    pub is_ipv6_only: bool,
    pub(super) inode: u64,
}

/// `TCP_LISTEN`, and `TCP_CLOSE` of a UDP socket that is not connected, of include/net/tcp_states.h.
const WAITING: [(Protocol, &str); 2] = [(Protocol::Tcp, "0A"), (Protocol::Udp, "07")];

impl Listener {
    pub fn is_at(&self, protocol: Protocol, port: u16) -> bool {
        self.protocol == protocol && self.port == port
    }

    /// Whether it gets what comes to the address.
    pub fn is_for(&self, ip: IpAddr) -> bool {
        let is_of_family = match (self.address, ip) {
            (IpAddr::V6(_), IpAddr::V4(_)) => !self.is_ipv6_only,
            (own, ip) => own.is_ipv4() == ip.is_ipv4(),
        };
        self.address == ip || (self.address.is_unspecified() && is_of_family)
    }

    /// Its process, in words.
    pub fn who(&self) -> String {
        let unknown = "a process of somebody".to_owned();
        let wanted = format!("socket:[{}]", self.inode);
        let Ok(processes) = fs::read_dir("/proc") else { return unknown };
        for process in processes.flatten() {
            let Ok(pid) = process.file_name().to_string_lossy().parse::<i32>() else { continue };
            let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
            let has_it = files.flatten().any(|file| {
                fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str())
            });
            if has_it {
                let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                return format!("`{}` (pid {pid})", name.trim_end());
            }
        }
        unknown
    }
}

/// All sockets that wait for connections or datagrams in the network namespace that the calling thread is in.
///
/// # Errors
/// The kernel does not tell, and /proc cannot be read.
pub fn listeners() -> Result<Vec<Listener>> {
    let mut all = Vec::new();
    for (protocol, state) in WAITING {
        // A kernel without that part of it (`CONFIG_INET_DIAG`, `CONFIG_INET_UDP_DIAG`) lists them in /proc only.
        all.extend(netlink::listeners(protocol).or_else(|_| listeners_in_proc(protocol, state))?);
    }
    Ok(all)
}

fn listeners_in_proc(protocol: Protocol, state: &str) -> Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for suffix in ["", "6"] {
        let path = format!("/proc/thread-self/net/{}{suffix}", protocol.name());
        // There is none for a family that the kernel does not speak.
        let Ok(text) = fs::read_to_string(&path) else {
            anyhow::ensure!(suffix == "6", "cannot read {path}");
            continue;
        };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields.get(3) == Some(&state) {
                let listener = parse(protocol, &fields);
                listeners.push(listener.with_context(|| format!("{path} is garbled"))?);
            }
        }
    }
    Ok(listeners)
}

/// What tells that datagrams have come to the program at a port. Of a program that takes them at once only the counter of
/// its whole place tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// How many of the family all programs of the place have taken.
    pub taken: u64,
    /// How many bytes wait in the sockets of the port …
    pub waiting: u64,
    /// … and how many datagrams they had no room for.
    pub refused: u64,
}

impl Arrivals {
    /// What has come since; waiting bytes may have become less.
    pub fn since(self, before: Self) -> Self {
        Self {
            taken: self.taken.saturating_sub(before.taken),
            waiting: self.waiting.saturating_sub(before.waiting),
            refused: self.refused.saturating_sub(before.refused),
        }
    }
}

/// Those of the place of the calling thread.
pub fn arrivals(is_ipv4: bool, port: u16) -> Arrivals {
    let read = |name: &str| fs::read_to_string(format!("/proc/thread-self/net/{name}"));
    let taken = if is_ipv4 {
        // A line with the names, and one with the values.
        let text = read("snmp").unwrap_or_default();
        let values = text.lines().filter_map(|line| line.strip_prefix("Udp: ")).nth(1);
        values.and_then(|values| values.split(' ').next()?.parse().ok())
    } else {
        let text = read("snmp6").unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix("Udp6InDatagrams"));
        value.and_then(|value| value.trim().parse().ok())
    };
    let mut arrivals = Arrivals { taken: taken.unwrap_or_default(), ..Arrivals::default() };
    for text in ["udp", "udp6"].into_iter().filter_map(|name| read(name).ok()) {
        for line in text.lines().skip(1) {
            let (waiting, refused) = of_port(line, port).unwrap_or_default();
            arrivals.waiting += waiting;
            arrivals.refused += refused;
        }
    }
    arrivals
}

/// The bytes that wait in the UDP socket of a line, and how many datagrams it had no room for, if it is at the port.
fn of_port(line: &str, port: u16) -> Option<(u64, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let own = u16::from_str_radix(fields.get(1)?.split_once(':')?.1, 16).ok()?;
    let waiting = u64::from_str_radix(fields.get(4)?.split_once(':')?.1, 16).ok()?;
    (own == port).then_some((waiting, fields.get(12)?.parse().ok()?))
}

fn parse(protocol: Protocol, fields: &[&str]) -> Option<Listener> {
    let (address, port) = fields.get(1)?.split_once(':')?;
    let words: Vec<u32> = (0..address.len() / 8)
        .map(|index| u32::from_str_radix(&address[index * 8..index * 8 + 8], 16).ok())
        .collect::<Option<_>>()?;
    // Each word is in the order of the network, printed as a number of this machine.
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let address = match bytes.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
    };
    let port = u16::from_str_radix(port, 16).ok()?;
    let inode = fields.get(9)?.parse().ok()?;
    Some(Listener { protocol, address, port, is_ipv6_only: false, inode })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener, UdpSocket};

    #[test]
    fn the_lines_of_proc_are_understood() {
        let line =
            "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1234 1";
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listener = parse(Protocol::Tcp, &fields).unwrap();
        assert_eq!((listener.address, listener.port), ([127, 0, 0, 1].into(), 8080));
        assert_eq!(listener.inode, 1234);
        let line =
            "7: 00000000:0202 00000000:0000 07 00000000:00001A00 00:00000000 00000000 0 0 99 2 0 3";
        assert_eq!(of_port(line, 514), Some((0x1a00, 3)));
        assert_eq!(of_port(line, 53), None);
    }

    #[test]
    fn proc_tells_the_same_as_the_kernel_when_asked() {
        testhost::private_host(|| {
            let any = |ip: &str| (ip.parse::<IpAddr>().unwrap(), 0);
            let tcp = ["127.0.0.1", "::1"].map(|ip| TcpListener::bind(any(ip)).unwrap());
            let udp = ["127.0.0.1", "::1"].map(|ip| UdpSocket::bind(any(ip)).unwrap());
            let ports = |addresses: [SocketAddr; 2]| addresses.map(|address| address.port());
            for (protocol, state, ports) in [
                (Protocol::Tcp, "0A", ports(tcp.each_ref().map(|one| one.local_addr().unwrap()))),
                (Protocol::Udp, "07", ports(udp.each_ref().map(|one| one.local_addr().unwrap()))),
            ] {
                let told = |listeners: Vec<Listener>| {
                    let ours = listeners.into_iter().filter(|one| ports.contains(&one.port));
                    ours.map(|one| (one.address, one.port, one.inode)).collect::<Vec<_>>()
                };
                let asked = told(netlink::listeners(protocol).unwrap());
                assert_eq!(asked, told(listeners_in_proc(protocol, state).unwrap()));
                assert_eq!(asked.len(), 2);
            }
        });
    }
}
