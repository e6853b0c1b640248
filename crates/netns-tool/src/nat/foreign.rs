//! Rules of others that send on what comes to a port of the host, such as those of a port that Docker has published.
//! Ours would come first, so that theirs would be there and do nothing.
//!
//! Only rules that name the port count: who sends on everything lays no claim to this one.

use super::publication::Publication;
use crate::failure::{Failure, failed};
use crate::family::Family;
use crate::firewall::iptables::split;
use crate::firewall::rule::{Ports, Protocol};
use crate::firewall::{Firewall, nft};
use crate::kernel::state::State;
use crate::mark;
use crate::plan::quote;
use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;
use std::net::IpAddr;

/// A rule that sends connections to a port on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forward {
    /// `None`: of both.
    family: Option<Family>,
    ports: Vec<Ports>,
    /// Those of one network alone, or (`false`) of all others.
    destination: Option<(IpNet, bool)>,
    /// For a person, as is what to do against it.
    text: String,
    cure: String,
}

/// There is no such rule for a port that is to be published.
pub(super) fn check(
    publication: &Publication,
    forwards: &[Forward],
    host: &State,
) -> Result<(), Failure> {
    let find = |forward: &&Forward| forward.clash(publication, host).is_some();
    let Some(forward) = forwards.iter().find(find) else { return Ok(()) };
    let ports = forward.clash(publication, host).unwrap_or(publication.ports);
    let what = format!("port {ports} of the host is sent on already, by a rule of somebody else");
    Err(failed(what)
        .note("rule", forward.text.as_str())
        .hint(format!("another port, or {}", forward.cure)))
}

impl Forward {
    /// The ports that the publication wants at an address for which the rule is.
    fn clash(&self, publication: &Publication, host: &State) -> Option<Ports> {
        let family = publication.family();
        let is_at = |ip: IpAddr| self.destination.is_none_or(|(net, is)| net.contains(&ip) == is);
        let is_of_family = self.family.is_none_or(|of| of == family)
            && self.destination.is_none_or(|(net, _)| Family::of_net(&net) == family);
        let is_same_host = match (publication.host, self.destination) {
            (Some(ip), _) => is_at(ip),
            (None, Some((net, true))) if lies_on_loopback(&net) => true,
            (None, _) => host
                .addresses
                .iter()
                .any(|address| Family::of_net(&address.net) == family && is_at(address.net.addr())),
        };
        let mut shared = self.ports.iter().filter_map(|ports| publication.ports.shared(*ports));
        shared.next().filter(|_| is_of_family && is_same_host)
    }
}

/// The host has each of its addresses, although it lists but one.
fn lies_on_loopback(net: &IpNet) -> bool {
    matches!(net, IpNet::V4(net) if Ipv4Net::new_assert([127, 0, 0, 0].into(), 8).contains(net))
}

/// Those of all tables that are there; our own are none of them.
pub(super) fn forwards(firewall: &Firewall) -> Vec<Forward> {
    let own = firewall.saved.iter().map(|(family, saved)| {
        let command = family.iptables();
        (*family, command, &saved.text)
    });
    let other =
        firewall.other_variant.iter().map(|(family, command, text)| (*family, *command, text));
    let of_iptables = own.chain(other).flat_map(|(family, command, text)| {
        text.lines().filter_map(move |line| of_iptables(family, command, line))
    });
    let items = firewall.ruleset.as_ref().and_then(|ruleset| ruleset["nftables"].as_array());
    of_iptables
        .chain(items.into_iter().flatten().filter_map(|item| of_nft(&item["rule"])))
        .collect()
}

/// A line of `iptables-save`. These targets are those of the table `nat` alone.
fn of_iptables(family: Family, command: &str, line: &str) -> Option<Forward> {
    let rule = line.strip_prefix("-A ")?;
    if !["-j DNAT", "-j REDIRECT"].iter().any(|target| rule.contains(target)) {
        return None;
    }
    let all = split(rule)?;
    let mut words = all.iter().map(String::as_str);
    let is_dockers = words.next()? == "DOCKER";
    let (mut protocol, mut ports, mut destination, mut is_send) = (None, None, None, false);
    let (mut is_negated, mut is_ours) = (false, false);
    while let Some(word) = words.next() {
        match word {
            "-p" => protocol = Protocol::from_name(words.next()?).filter(|_| !is_negated),
            "-d" => destination = Some((words.next()?.parse().ok()?, !is_negated)),
            "--dport" | "--dports" if !is_negated => ports = words.next(),
            "--comment" => is_ours = mark::is_ours(words.next()),
            "-j" => is_send = matches!(words.next()?, "DNAT" | "REDIRECT"),
            _ => {}
        }
        is_negated = word == "!";
    }
    let protocol = protocol.filter(|_| is_send && !is_ours)?;
    let ports = ports?.split(',').map(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        Some(Ports { protocol, first: first.parse().ok()?, last: last.parse().ok()? })
    });
    let ports: Vec<Ports> = ports.collect::<Option<_>>()?;
    let cure = if is_dockers {
        let port = ports.first()?.first;
        format!("end the container that has it: docker ps --filter publish={port}")
    } else {
        let words = all.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        if_not_needed(&format!("{command} -t nat -D {words}"))
    };
    let text = format!("{command} -t nat {line}");
    Some(Forward { family: Some(family), ports, destination, text, cure })
}

/// Whatever made the rule may make it again.
fn if_not_needed(removal: &str) -> String {
    format!("remove that rule, if nobody needs it: {removal}")
}

/// A rule of `nft -j list ruleset`. (Those of iptables have targets that nft does not know.)
fn of_nft(rule: &Value) -> Option<Forward> {
    let [family, table, chain] =
        ["family", "table", "chain"].map(|key| rule[key].as_str().unwrap_or_default());
    if nft::TABLE == format!("{family} {table}") {
        return None;
    }
    let name = format!("{family} {} {}", quote(table), quote(chain));
    let expressions = rule["expr"].as_array()?;
    let mut sends = expressions.iter().filter_map(|one| one.get("dnat").or(one.get("redirect")));
    let forward = sends.next()?;
    let family = match forward["family"].as_str().unwrap_or(family) {
        "ip" => Some(Family::V4),
        "ip6" => Some(Family::V6),
        _ => None,
    };
    let (mut ports, mut destination) = (None, None);
    for condition in expressions.iter().map(|one| &one["match"]) {
        let is_equal = condition["op"] == "==";
        let (field, value) = (&condition["left"]["payload"], &condition["right"]);
        match (field["protocol"].as_str(), field["field"].as_str()) {
            (Some(protocol), Some("dport")) if is_equal => {
                ports = Some(nft_ports(Protocol::from_name(protocol)?, value)?);
            }
            (Some("ip" | "ip6"), Some("daddr")) => {
                destination = Some((nft_net(value)?, is_equal));
            }
            _ => {}
        }
    }
    let handle = &rule["handle"];
    let text = format!("that with handle {handle} of: nft -a list chain {name}");
    let cure = if_not_needed(&format!("nft delete rule {name} handle {handle}"));
    Some(Forward { family, ports: ports?, destination, text, cure })
}

/// A port, a range, or a set of them.
fn nft_ports(protocol: Protocol, value: &Value) -> Option<Vec<Ports>> {
    let port = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    let one = |value: &Value| {
        let range = value["range"].as_array().map(Vec::as_slice);
        let (first, last) = match range {
            Some([first, last]) => (port(first)?, port(last)?),
            _ => (port(value)?, port(value)?),
        };
        Some(Ports { protocol, first, last })
    };
    match value["set"].as_array() {
        Some(set) => set.iter().map(one).collect(),
        None => Some(vec![one(value)?]),
    }
}

fn nft_net(value: &Value) -> Option<IpNet> {
    match value["prefix"]["addr"].as_str() {
        Some(ip) => {
            let length = u8::try_from(value["prefix"]["len"].as_u64()?).ok()?;
            IpNet::new(ip.parse().ok()?, length).ok()
        }
        None => value.as_str()?.parse().ok().map(|ip: IpAddr| IpNet::from(ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::state::Address;
    use serde_json::json;

    fn clash(forward: Option<Forward>, publication: &str) -> Option<String> {
        let nets = ["127.0.0.1/8", "192.0.2.2/24", "::1/128", "2001:db8::2/64"];
        let addresses = nets.map(|net| Address { index: 1, net: net.parse().unwrap() });
        let host = State { addresses: addresses.to_vec(), ..State::default() };
        let publication = publication.parse().unwrap();
        Some(forward?.clash(&publication, &host)?.to_string())
    }

    const PUBLICATION: &str = "8000-8100:10.0.0.2:8000-8100";

    #[test]
    fn rules_of_iptables_that_take_a_port() {
        for (matches, shared) in [
            ("DOCKER ! -i docker0 -p tcp -m tcp --dport 8080", Some("8080/tcp")),
            ("PREROUTING -p tcp -m tcp --dport 8090:9000", Some("8090-8100/tcp")),
            ("PREROUTING -p tcp -m multiport --dports 80,7000:8000", Some("8000/tcp")),
            ("PREROUTING -d 192.0.2.2/32 -p tcp -m tcp --dport 8080", Some("8080/tcp")),
            ("OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 8080", Some("8080/tcp")),
            ("OUTPUT ! -d 192.0.2.2/32 -p tcp -m tcp --dport 8080", Some("8080/tcp")),
            ("PREROUTING -d 203.0.113.9/32 -p tcp -m tcp --dport 8080", None),
            ("PREROUTING -p udp -m udp --dport 8080", None),
            ("PREROUTING -p tcp -m tcp --dport 80", None),
            ("PREROUTING -p tcp -m tcp --sport 8080", None),
            ("PREROUTING -p tcp -m tcp ! --dport 8080", None),
            ("PREROUTING -i eth0 -p tcp", None),
            ("PREROUTING -p tcp -m tcp --dport 8080 -m comment --comment \"netns-tool x\"", None),
        ] {
            for target in ["DNAT --to-destination 172.17.0.2:80", "REDIRECT --to-ports 3128"] {
                let line = format!("-A {matches} -j {target}");
                let forward = || of_iptables(Family::V4, "iptables", &line);
                assert_eq!(clash(forward(), PUBLICATION).as_deref(), shared, "{line}");
                assert_eq!(clash(forward(), "8080:[fd00::2]:80"), None, "{line}");
            }
        }
        let other =
            "-A DOCKER -p tcp -m tcp --dport 8080 -m comment --comment \"-j DNAT\" -j RETURN";
        assert_eq!(of_iptables(Family::V4, "iptables", other), None);
        let here = "-A PREROUTING -d 192.0.2.2/32 -p tcp -m tcp --dport 8080 -j DNAT";
        let forward = || of_iptables(Family::V4, "iptables", here);
        assert_eq!(clash(forward(), "192.0.2.3:8080:10.0.0.2:80"), None);
        assert!(clash(forward(), "192.0.2.2:8080:10.0.0.2:80").is_some());
        let quoted = "-A X -p tcp --dport 1 -m comment --comment \"$(id)\" -j REDIRECT";
        let forward = of_iptables(Family::V6, "ip6tables-legacy", quoted).unwrap();
        let removal = "ip6tables-legacy -t nat -D X -p tcp --dport 1 -m comment --comment '$(id)' -j REDIRECT";
        assert!(forward.cure.ends_with(removal), "{}", forward.cure);
    }

    #[test]
    fn rules_of_nft_that_take_a_port() {
        let rule = |table: &str, dport: Value, more: Value, forward: Value| {
            let dport = json!({"match": {"op": "==", "right": dport,
                "left": {"payload": {"protocol": "tcp", "field": "dport"}}}});
            json!({"family": "inet", "table": table, "chain": "pre", "handle": 7, "expr": [dport, more, forward]})
        };
        let daddr = |op: &str, ip: Value| {
            json!({"match": {"op": op, "right": ip,
                "left": {"payload": {"protocol": "ip", "field": "daddr"}}}})
        };
        let dnat = || json!({"dnat": {"family": "ip", "addr": "172.17.0.2", "port": 80}});
        let prefix = json!({"prefix": {"addr": "192.0.2.0", "len": 24}});
        let counter = || json!({"counter": {"packets": 0, "bytes": 0}});
        for (rule, shared) in [
            (rule("nat", json!(8080), counter(), dnat()), Some("8080/tcp")),
            (rule("nat", json!({"range": [8090, 9000]}), counter(), dnat()), Some("8090-8100/tcp")),
            (rule("nat", json!({"set": [80, 8080]}), counter(), dnat()), Some("8080/tcp")),
            (rule("nat", json!(8080), counter(), json!({"redirect": null})), Some("8080/tcp")),
            (rule("nat", json!(8080), daddr("==", prefix), dnat()), Some("8080/tcp")),
            (rule("nat", json!(8080), daddr("==", json!("203.0.113.9")), dnat()), None),
            (rule("nat", json!(8080), daddr("==", json!("@set")), dnat()), None),
            (rule("nat", json!(80), counter(), dnat()), None),
            (rule("nat", json!("@ports"), counter(), dnat()), None),
            (rule("nat", json!(8080), counter(), json!({"accept": null})), None),
            (rule("netns-tool", json!(8080), counter(), dnat()), None),
        ] {
            assert_eq!(clash(of_nft(&rule), PUBLICATION).as_deref(), shared, "{rule}");
        }
        let forward = of_nft(&rule("nat", json!(8080), counter(), dnat())).unwrap();
        assert!(
            forward.cure.ends_with("nft delete rule inet nat pre handle 7"),
            "{}",
            forward.cure
        );
        assert_eq!(clash(Some(forward), "8080:[fd00::2]:80"), None);
        let both = of_nft(&rule("nat", json!(8080), counter(), json!({"redirect": {"port": 1}})));
        assert!(clash(both, "8080:[fd00::2]:80").is_some());
    }
}
