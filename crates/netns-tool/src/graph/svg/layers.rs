//! Which box stands in which column: the host, or else the middle of the network, in column 0, and each of the others
//! as far to one side as it is away.

use crate::graph::model::{End, Graph, NodeKind, PartKind};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many boxes may stand above each other on one side only, when the other side is that of the uplink.
const ONE_SIDE: usize = 8;

/// A part of the network that is not wired to the rest.
pub struct Island {
    /// The column of each box, in the order in which they are met from the middle.
    pub columns: Vec<(usize, i32)>,
}

/// The boxes with who is wired to whom.
pub struct Net<'a> {
    graph: &'a Graph,
    /// By box: its wires, by their number, with the end that is there and the far one.
    wires: Vec<Vec<(usize, &'a End, &'a End)>>,
}

pub fn islands(graph: &Graph) -> Vec<Island> {
    let net = Net::new(graph);
    let mut seen = BTreeSet::new();
    let mut islands = Vec::new();
    for start in 0..graph.nodes.len() {
        if !seen.contains(&start) {
            let members = net.reach(start, None);
            seen.extend(members.iter().copied());
            islands.push(Island { columns: net.columns(&members) });
        }
    }
    islands
}

impl<'a> Net<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut wires = vec![Vec::new(); graph.nodes.len()];
        for (number, wire) in graph.wires.iter().enumerate().filter(|(_, wire)| !wire.is_inner()) {
            for (near, far) in wire.both_ways() {
                wires[near.node].push((number, near, far));
            }
        }
        // In the order in which the box shows them: by its switches, and what ends at itself last.
        for list in &mut wires {
            list.sort_by_key(|(number, near, _)| (near.part.is_none(), near.part, *number));
        }
        Self { graph, wires }
    }

    fn neighbours(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        self.wires[node].iter().map(|(_, _, far)| far.node)
    }

    /// All that is wired to the start, by depth, other than through `barred`.
    fn reach(&self, start: usize, barred: Option<usize>) -> Vec<usize> {
        let (mut found, mut seen, mut stack) = (Vec::new(), BTreeSet::new(), vec![start]);
        while let Some(node) = stack.pop() {
            if Some(node) != barred && seen.insert(node) {
                found.push(node);
                let next: Vec<usize> = self.neighbours(node).collect();
                stack.extend(next.into_iter().rev());
            }
        }
        found
    }

    /// How many wires each is away.
    fn distances(&self, from: usize) -> BTreeMap<usize, usize> {
        let mut found = BTreeMap::from([(from, 0)]);
        let mut queue = VecDeque::from([from]);
        while let Some(node) = queue.pop_front() {
            let next = found[&node] + 1;
            for far in self.neighbours(node) {
                found.entry(far).or_insert_with(|| {
                    queue.push_back(far);
                    next
                });
            }
        }
        found
    }

    /// The host, or the box from which the others are least far away.
    fn middle(&self, members: &[usize]) -> usize {
        let is_host = |node: &&usize| self.graph.nodes[**node].kind == NodeKind::Host;
        if let Some(host) = members.iter().find(is_host) {
            return *host;
        }
        let rank = |node: &&usize| {
            let farthest = self.distances(**node).into_values().max();
            (farthest, usize::MAX - self.wires[**node].len(), **node)
        };
        members.iter().min_by_key(rank).copied().unwrap_or_default()
    }

    fn columns(&self, members: &[usize]) -> Vec<(usize, i32)> {
        let middle = self.middle(members);
        let mut columns = vec![(middle, 0)];
        for (limb, side) in self.sides(middle) {
            let depths = self.depths(middle, &limb);
            columns.extend(limb.into_iter().map(|node| (node, side * depths[&node])));
        }
        columns
    }

    /// The limbs of the middle, each with the side (-1 or 1) on which it is drawn.
    fn sides(&self, middle: usize) -> Vec<(Vec<usize>, i32)> {
        let mut seen = BTreeSet::from([middle]);
        let mut limbs: Vec<(Vec<usize>, bool)> = Vec::new();
        for (_, near, far) in &self.wires[middle] {
            if !seen.contains(&far.node) {
                let limb = self.reach(far.node, Some(middle));
                seen.extend(limb.iter().copied());
                limbs.push((limb, self.is_outward(near, far)));
            }
        }
        let tips = |limb: &[usize]| limb.iter().filter(|node| self.wires[**node].len() < 2).count();
        let weight = |limb: &[usize]| tips(limb).max(1);
        let outward = limbs.iter().filter(|(_, is_outward)| *is_outward);
        let outward: usize = outward.map(|(limb, _)| weight(limb)).sum();
        let all: usize = limbs.iter().map(|(limb, _)| weight(limb)).sum();
        let is_one_sided = outward > 0 && all - outward <= ONE_SIDE;
        let is_single = limbs.len() == 1;
        let mut before = 0;
        let side = |(limb, is_outward): (Vec<usize>, bool)| {
            if is_outward || is_single {
                return (limb, 1);
            }
            before += 2 * weight(&limb);
            let is_first_half = before - weight(&limb) <= all;
            let side = if is_one_sided || is_first_half { -1 } else { 1 };
            (limb, side)
        };
        limbs.into_iter().map(side).collect()
    }

    /// Behind an uplink is the outside, which is on the right.
    fn is_outward(&self, near: &End, far: &End) -> bool {
        let is_interface =
            |end: &End| self.graph.part(end).is_some_and(|part| part.kind == PartKind::Interface);
        is_interface(near) || self.graph.nodes[far.node].kind == NodeKind::Internet
    }

    /// How far from the middle each is drawn: no two that are wired stand in one column.
    fn depths(&self, middle: usize, limb: &[usize]) -> BTreeMap<usize, i32> {
        let distances = self.distances(middle);
        let mut order = limb.to_vec();
        order.sort_by_key(|node| (distances[node], *node));
        let mut depths = BTreeMap::from([(middle, 0)]);
        for node in &order {
            let inner = self.neighbours(*node).filter_map(|far| depths.get(&far)).max();
            let depth = inner.copied().unwrap_or(0) + 1;
            depths.insert(*node, depth);
        }
        for node in order {
            self.bring_back(node, &mut depths);
        }
        depths
    }

    /// What several others of one column lead to, and that leads nowhere itself, is of the kind of the one before them:
    /// the second spine of a fabric stands above the first.
    fn bring_back(&self, node: usize, depths: &mut BTreeMap<usize, i32>) {
        let own = depths[&node];
        let far: BTreeSet<usize> = self.neighbours(node).collect();
        let is_before = |far: &usize| depths.get(far).is_some_and(|depth| *depth == own - 1);
        if own > 1 && far.len() > 1 && far.iter().all(is_before) {
            depths.insert(node, own - 2);
        }
    }
}
