//! The labs that are measured: as a file for the tool, and as what one would type.

use std::fmt::Write;
use std::net::Ipv4Addr;

use clap::ValueEnum;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// One bridge with an address, and around it namespaces with an address and a default route.
    Star,
    /// Routers in a line with a /30 a link, each with a static route to every link.
    Chain,
    /// The same without the routes: as much for each namespace however many there are.
    Line,
}

#[derive(Clone, Copy)]
pub struct Shape {
    pub kind: Kind,
    pub count: u32,
}

pub const BRIDGE: &str = "br0";
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The group of the links of what is not made by the tool, so that they can go together.
pub const GROUP: u32 = 4711;

/// The address of a namespace of the star: the one that the tool draws for it as well.
pub fn host(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(GATEWAY.to_bits() + 1 + number)
}

/// The network of a link of the chain, which lies between the routers `link` and `link + 1`.
pub fn network(link: u32) -> Ipv4Addr {
    near(link, 0)
}

/// An end of such a link: 1 is the left one.
pub fn near(link: u32, end: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 78, 0, 0).to_bits() + 4 * link + end)
}

impl Shape {
    pub fn name(self) -> String {
        let name = match self.kind {
            Kind::Star => "star",
            Kind::Chain => "chain",
            Kind::Line => "line",
        };
        format!("{name} {}", self.count)
    }

    pub fn netns(self, number: u32) -> String {
        match self.kind {
            Kind::Star => format!("h{}", number + 1),
            Kind::Chain | Kind::Line => format!("r{number}"),
        }
    }

    /// To which links a router needs a route, and over whom.
    pub fn routes(self, number: u32) -> Vec<(u32, Ipv4Addr)> {
        if self.kind != Kind::Chain {
            return Vec::new();
        }
        let left = (0..number.saturating_sub(1)).map(|link| (link, near(number - 1, 1)));
        let right = (number + 1..self.count - 1).map(|link| (link, near(number, 2)));
        left.chain(right).collect()
    }

    /// The lab file.
    pub fn file(self) -> String {
        let count = self.count;
        if self.kind == Kind::Star {
            return format!(
                "[bridge.{BRIDGE}]\naddress = \"{GATEWAY}/16\"\n\n\
                 [namespace.h]\ncount = {count}\nbridge = \"{BRIDGE}\"\n"
            );
        }
        let mut text = String::new();
        for number in 0..count {
            let _ = writeln!(text, "[namespace.{}]", self.netns(number));
            if self.kind == Kind::Chain {
                let route = |(link, via)| {
                    format!("    {{ to = \"{}/30\", via = \"{via}\" }},\n", network(link))
                };
                let routes: String = self.routes(number).into_iter().map(route).collect();
                let _ = writeln!(text, "forwarding = true\nroutes = [\n{routes}]");
            }
        }
        for link in 0..count - 1 {
            let end = |end: u32, number: u32, name: &str| {
                let (netns, address) = (self.netns(number), near(link, end));
                format!(
                    "{{ namespace = \"{netns}\", interface = \"{name}\", address = \"{address}/30\" }}"
                )
            };
            let (from, to) = (end(1, link, "right"), end(2, link + 1, "left"));
            let _ = write!(text, "\n[[link]]\nfrom = {from}\nto = {to}\n");
        }
        text
    }

    /// The star as one types it, one process a step; `enter` is what stands before a command that belongs inside.
    pub fn script(self, enter: fn(&str) -> String) -> String {
        let mut text = format!(
            "ip link add {BRIDGE} group {GROUP} type bridge\n\
             ip addr add {GATEWAY}/16 dev {BRIDGE}\nip link set {BRIDGE} up\n"
        );
        for number in 0..self.count {
            let netns = self.netns(number);
            let (port, inside, address) = (format!("{netns}-eth0"), enter(&netns), host(number));
            let _ = write!(
                text,
                "ip netns add {netns}\n\
                 ip link add {port} group {GROUP} type veth peer name eth0 netns {netns}\n\
                 ip link set {port} master {BRIDGE}\nip link set {port} up\n\
                 {inside} link set lo up\n{inside} addr add {address}/16 dev eth0\n\
                 {inside} link set eth0 up\n{inside} route add default via {GATEWAY}\n"
            );
        }
        text
    }

    /// The quickest way that there is to take it away by commands.
    pub fn removal(self) -> String {
        let links = match self.kind {
            Kind::Star => format!("ip link del group {GROUP}\n"),
            Kind::Chain | Kind::Line => String::new(),
        };
        let netns = |number| format!("netns del {}\n", self.netns(number));
        let names: String = (0..self.count).map(netns).collect();
        format!("{links}ip -batch - <<END\n{names}END\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_has_a_route_to_every_link_but_its_own() {
        let chain = Shape { kind: Kind::Chain, count: 5 };
        let links = |number| chain.routes(number).iter().map(|(link, _)| *link).collect::<Vec<_>>();
        assert_eq!(links(0), [1, 2, 3]);
        assert_eq!(links(2), [0, 3]);
        assert_eq!(links(4), [0, 1, 2]);
        assert_eq!(chain.routes(2)[0].1, Ipv4Addr::new(10, 78, 0, 5));
        assert_eq!(chain.routes(2)[1].1, Ipv4Addr::new(10, 78, 0, 10));
    }

    #[test]
    fn the_files_are_of_the_size_they_say() {
        let file = |kind, count| Shape { kind, count }.file();
        assert!(file(Kind::Star, 7).contains("count = 7"));
        assert_eq!(file(Kind::Chain, 4).matches("[[link]]").count(), 3);
        assert_eq!(file(Kind::Chain, 4).matches("to = \"10.").count(), 6);
        assert_eq!(file(Kind::Line, 4).matches("to = \"10.").count(), 0);
    }
}
