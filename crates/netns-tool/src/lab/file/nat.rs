//! The NATs of bridges, with the namespaces that ports lead to.

use super::draft::{Bridge, Draft};
use super::problem::{At, Problem, Problems, Span, shown};
use super::raw::{self, Uplink};
use crate::address::is_link_local;
use crate::lab::model::Nat;
use crate::name::InterfaceName;
use crate::nat::Publication;
use std::collections::HashMap;
use std::net::IpAddr;

/// A publication with its place in the text.
type Published<'d> = Vec<(Publication, &'d Span)>;

/// What the NATs of a lab are made from.
struct Known<'d> {
    draft: &'d Draft<'d>,
    /// The names in the kernel of the interfaces of the host, by those of the file.
    on_host: HashMap<&'d str, &'d str>,
    /// The first IPv4 address that a namespace has on a segment.
    first: HashMap<(usize, usize), IpAddr>,
}

pub fn nats(draft: &Draft, problems: &mut Problems) -> Vec<Nat> {
    let known = Known::new(draft);
    let mut published = Vec::new();
    let mut nats = Vec::new();
    for (index, bridge) in draft.bridges.iter().enumerate() {
        let Some(raw) = &bridge.raw.nat else { continue };
        check_place(bridge, raw, problems);
        let publications: Published = raw
            .publish
            .iter()
            .filter_map(|text| Some((known.publication(index, text, problems)?, &text.span)))
            .collect();
        nats.push(Nat {
            bridge: draft.bridge_name(index),
            uplink: known.uplink(bridge, raw, problems),
            publications: publications.iter().map(|(publication, _)| publication.clone()).collect(),
            allowed: known.allowed(index, raw, problems),
            no_masquerade: !raw.masquerade_ipv6,
            scope: raw.scope,
        });
        published.extend(publications);
    }
    check_ports(published, problems);
    nats
}

fn check_place(bridge: &Bridge, raw: &raw::Nat, problems: &mut Problems) {
    let (key, own) = (bridge.key(), &bridge.raw.addresses.list);
    if let Some(namespace) = &bridge.raw.namespace {
        let message = format!("bridge `{key}` is in `{}`, and cannot have a NAT", namespace.value);
        let label = "NAT is for bridges of the host";
        problems.add(Problem::new(&raw.span, message).label(label).beside(&namespace.span, ""));
    } else if !own.iter().any(|own| !is_link_local(&own.value)) && !bridge.raw.addresses.faulty {
        let message = format!("bridge `{key}` has no address, and so no subnet for a NAT");
        let label = "such as address = \"10.0.0.1/24\"";
        problems
            .add(Problem::new(&bridge.raw.key.span, message).label(label).beside(&raw.span, ""));
    }
}

impl<'d> Known<'d> {
    fn new(draft: &'d Draft<'d>) -> Self {
        let (mut on_host, mut first) = (HashMap::new(), HashMap::new());
        for card in draft.cards() {
            let Some(index) = card.at else {
                let given = card.given.into_iter().chain(card.key);
                on_host.extend(given.map(|given| (given, card.name)));
                continue;
            };
            let mut ips = card.addresses.iter().map(|address| address.value.addr());
            if let Some(ip) = ips.find(IpAddr::is_ipv4) {
                first.entry((index, card.segment)).or_insert(ip);
            }
        }
        Self { draft, on_host, first }
    }

    fn uplink(
        &self,
        bridge: &Bridge,
        raw: &raw::Nat,
        problems: &mut Problems,
    ) -> Option<InterfaceName> {
        let Uplink::Named(name) = &raw.uplink else { return None };
        let problem = |message: String| Problem::new(&name.span, message);
        let text = shown(&name.value);
        if name.value == "lo" {
            problems.add(problem("`lo` is no uplink".to_owned()).label("it leads nowhere else"));
        }
        if let Some(own) = self.on_host.get(name.value.as_str()) {
            if **own == bridge.name {
                problems.add(problem(format!("`{text}` cannot be its own uplink")));
            }
            return Some(InterfaceName::reported((*own).to_owned()));
        }
        match InterfaceName::existing(&name.value) {
            Ok(name) => Some(name),
            Err(why) => {
                problems.add(problem(format!("no uplink can be called `{text}`")).label(why));
                None
            }
        }
    }

    fn allowed(&self, index: usize, raw: &raw::Nat, problems: &mut Problems) -> Vec<InterfaceName> {
        let mut seen: HashMap<usize, &Span> = HashMap::new();
        for key in &raw.allow {
            let Some(other) = self.draft.find_bridge(key, problems) else { continue };
            let shown = shown(&key.value);
            if other == index {
                let message = format!("bridge `{shown}` reaches itself without `allow`");
                problems.add(Problem::new(&key.span, message));
            } else if self.draft.bridges[other].raw.namespace.is_some() {
                let message = format!("bridge `{shown}` is not on the host");
                problems.add(
                    Problem::new(&key.span, message).label("a NAT allows bridges of the host"),
                );
            } else if matches!(&raw.uplink, Uplink::Named(uplink) if uplink.value == key.value) {
                let message = format!("the uplink `{shown}` needs no `allow`");
                problems.add(Problem::new(&key.span, message).label("the bridge gets out over it"));
            } else if let Some(first) = seen.insert(other, &key.span) {
                let message = format!("bridge `{shown}` is allowed twice");
                problems.add(Problem::new(&key.span, message).beside(first, "first here"));
            }
        }
        let mut allowed: Vec<_> = seen.into_iter().collect();
        allowed.sort_by_key(|(_, span)| span.start);
        allowed.into_iter().map(|(other, _)| self.draft.bridge_name(other)).collect()
    }

    /// A publication as `nat --publish` takes it, in which a namespace may stand for its address.
    fn publication(
        &self,
        bridge: usize,
        text: &At<String>,
        problems: &mut Problems,
    ) -> Option<Publication> {
        let error = match text.value.parse::<Publication>() {
            Ok(publication) => {
                check_target(&self.draft.bridges[bridge], &publication, text, problems);
                return Some(publication);
            }
            Err(error) => error,
        };
        let parts: Vec<&str> = text.value.rsplitn(3, ':').collect();
        if let [inner, name, ports] = parts[..]
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && !name.contains(']')
            && !ports.ends_with(':')
        {
            let index =
                self.draft.find_namespace(&At::new(name.to_owned(), &text.span), problems)?;
            let segment = self.draft.segment_of_bridge(bridge);
            let Some(ip) = self.first.get(&(index, segment)) else {
                let (shown, key) = (shown(name), self.draft.bridges[bridge].key());
                let message = format!("`{shown}` has no IPv4 address on bridge `{key}`");
                let label = "for IPv6: its address, in brackets";
                if !self.draft.is_faulty(index) {
                    problems.add(Problem::new(&text.span, message).label(label));
                }
                return None;
            };
            let publication = format!("{ports}:{ip}:{inner}").parse();
            return publication.map_err(|why: String| problems.add(wrong(text, &why))).ok();
        }
        problems.add(wrong(text, &error));
        None
    }
}

/// What a port leads to is on the bridge, and not the bridge itself.
fn check_target(
    bridge: &Bridge,
    publication: &Publication,
    text: &At<String>,
    problems: &mut Problems,
) {
    let (key, to, own) = (bridge.key(), publication.to, &bridge.raw.addresses);
    if own.list.iter().any(|own| own.value.addr() == to) {
        let message = format!("`{to}` is the address of bridge `{key}` itself");
        let label = "a port leads to a namespace on the bridge";
        problems.add(Problem::new(&text.span, message).label(label));
    } else if !own.list.iter().any(|own| own.value.contains(&to)) && !own.faulty {
        let message = format!("`{to}` is in no subnet of bridge `{key}`");
        let label = "a port leads to the address of a namespace on the bridge";
        problems.add(Problem::new(&text.span, message).label(label));
    }
}

fn wrong(text: &At<String>, why: &str) -> Problem {
    Problem::new(&text.span, format!("`publish` cannot be `{}`", shown(&text.value))).label(why)
}

/// A port of the host leads to one place.
fn check_ports(mut published: Published, problems: &mut Problems) {
    published.sort_by_key(|(publication, span)| (publication.ports.first, span.start));
    for (index, (one, span)) in published.iter().enumerate() {
        let later = published[index + 1..].iter();
        let near = later.take_while(|(other, _)| other.ports.first <= one.ports.last);
        for (other, other_span) in near {
            if one.shared(other.family(), other.host, other.ports).is_none() {
                continue;
            }
            let (first, second) = if span.start <= other_span.start {
                (span, other_span)
            } else {
                (other_span, span)
            };
            let message = format!("the port {} of the host leads to two places", other.ports.first);
            problems.add(Problem::new(second, message).beside(first, "first published here"));
        }
        if problems.is_full() {
            return;
        }
    }
}
