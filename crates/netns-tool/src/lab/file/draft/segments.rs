//! Who is on one wire with whom.

use super::{Draft, Spot};
use crate::address::Mac;
use crate::lab::file::problem::{At, Span};
use ipnet::IpNet;

/// An interface, whether a bridge or an end of a wire.
#[derive(Clone, Debug)]
pub struct Card<'d> {
    pub at: Spot,
    pub name: &'d str,
    /// What the file calls it, if it does.
    pub given: Option<&'d str>,
    /// What the rest of the file calls it, if it is a bridge.
    pub key: Option<&'d str>,
    pub span: &'d Span,
    pub addresses: &'d [At<IpNet>],
    pub faulty: bool,
    pub mac: Option<&'d At<Mac>>,
    /// The same for all that reach each other without a router.
    pub segment: usize,
    /// The wire that it is an end of.
    pub wire: Option<usize>,
}

impl Card<'_> {
    pub fn is_called(&self, name: &str) -> bool {
        self.given == Some(name) || self.key == Some(name)
    }
}

impl Draft<'_> {
    /// Bridges that a wire connects are like one.
    pub(super) fn find_segments(&mut self) {
        let count = self.bridges.len();
        let mut segments: Vec<usize> = (0..count + self.wires.len()).collect();
        for (index, wire) in self.wires.iter().enumerate() {
            for bridge in wire.ends.iter().filter_map(|end| end.bridge) {
                let one = root(&mut segments, count + index);
                let other = root(&mut segments, bridge);
                segments[one.max(other)] = one.min(other);
            }
        }
        self.segments = (0..segments.len()).map(|index| root(&mut segments, index)).collect();
    }

    pub fn segment_of_bridge(&self, bridge: usize) -> usize {
        self.segments[bridge]
    }

    /// All interfaces in the order of the file, the ends of wires first.
    pub fn cards(&self) -> Vec<Card<'_>> {
        let ends = self.wires.iter().enumerate().flat_map(|(index, wire)| {
            wire.ends.iter().map(move |end| Card {
                at: end.at,
                name: &end.name,
                given: end.given,
                key: None,
                span: end.span,
                addresses: &end.addresses,
                faulty: end.faulty,
                mac: end.mac,
                segment: self.segments[self.bridges.len() + index],
                wire: Some(index),
            })
        });
        let bridges = self.bridges.iter().enumerate().filter(|(_, bridge)| !bridge.is_lost());
        let bridges = bridges.map(|(index, bridge)| Card {
            at: bridge.at,
            name: &bridge.name,
            given: Some(&bridge.raw.interface().value),
            key: Some(bridge.key()),
            span: &bridge.raw.interface().span,
            addresses: &bridge.raw.addresses.list,
            faulty: bridge.raw.addresses.faulty,
            mac: bridge.raw.mac.as_ref(),
            segment: self.segments[index],
            wire: None,
        });
        ends.chain(bridges).collect()
    }
}

/// The first of those that belong together; the way to it becomes shorter by that.
fn root(segments: &mut [usize], mut index: usize) -> usize {
    while segments[index] != index {
        segments[index] = segments[segments[index]];
        index = segments[index];
    }
    index
}
