//! Who has which addresses in a lab, and which of them is meant by a name.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

/// A number that all interfaces have in common which reach each other without a router.
type Segment = usize;

/// For each place the addresses that the lab's file gives it, in the order of the file; `None` in place of a segment is
/// the loopback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts<P: Ord>(BTreeMap<P, Vec<(Option<Segment>, IpAddr)>>);

impl<P: Ord> Whereabouts<P> {
    pub fn add(&mut self, at: P, segment: Option<Segment>, ip: IpAddr) {
        self.0.entry(at).or_default().push((segment, ip));
    }

    /// The same with other words for the places.
    pub fn with_places<Q: Ord>(&self, place: impl Fn(&P) -> Q) -> Whereabouts<Q> {
        Whereabouts(self.0.iter().map(|(at, own)| (place(at), own.clone())).collect())
    }

    /// The place that has the address.
    pub fn owner(&self, ip: IpAddr) -> Option<&P> {
        let mut places = self.0.iter();
        places.find(|(_, own)| own.iter().any(|(_, other)| *other == ip)).map(|(at, _)| at)
    }

    /// Whether the place has an address of the family.
    pub fn has_family(&self, at: &P, is_ipv4: bool) -> bool {
        self.at(at).iter().any(|(_, ip)| ip.is_ipv4() == is_ipv4)
    }

    /// The addresses, one of each family, by which a place reaches another: one without a router between them, if there is
    /// such, else the first.
    pub fn meant<'a>(&'a self, from: &P, to: &P) -> impl Iterator<Item = IpAddr> + use<'a, P> {
        let own = self.at(to);
        let near: HashSet<Segment> =
            self.at(from).iter().filter_map(|(segment, _)| *segment).collect();
        [true, false].into_iter().filter_map(move |is_ipv4| {
            let is_of = |(_, ip): &&(Option<Segment>, IpAddr)| ip.is_ipv4() == is_ipv4;
            let is_near = |(segment, _): &&(Option<Segment>, IpAddr)| {
                segment.is_some_and(|segment| near.contains(&segment))
            };
            let mut own = own.iter().filter(is_of);
            own.clone().find(is_near).or_else(|| own.next()).map(|(_, ip)| *ip)
        })
    }

    fn at(&self, at: &P) -> &[(Option<Segment>, IpAddr)] {
        self.0.get(at).map_or(&[], Vec::as_slice)
    }
}
