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

/// What is left together when the middle is taken away.
struct Limb {
    nodes: Vec<usize>,
    /// The part of the middle that it hangs on.
    part: Option<usize>,
    is_outward: bool,
    /// How many ends it has.
    weight: usize,
}

fn weight(limbs: &[&Limb]) -> usize {
    limbs.iter().map(|limb| limb.weight).sum()
}

/// The first nodes of the limbs that are in the first half of the groups, by weight.
fn first_half(groups: &[&[&Limb]]) -> Vec<usize> {
    let all: usize = groups.iter().map(|group| weight(group)).sum();
    let mut before = 0;
    let mut first = Vec::new();
    for group in groups {
        let own = weight(group);
        if 2 * before + own <= all {
            first.extend(group.iter().map(|limb| limb.nodes[0]));
        }
        before += own;
    }
    first
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

    /// What is wired to the middle, in the order in which it shows its wires.
    fn limbs(&self, middle: usize) -> Vec<Limb> {
        let mut seen = BTreeSet::from([middle]);
        let mut limbs = Vec::new();
        for (_, near, far) in &self.wires[middle] {
            if !seen.contains(&far.node) {
                let nodes = self.reach(far.node, Some(middle));
                seen.extend(nodes.iter().copied());
                let tips = nodes.iter().filter(|node| self.wires[**node].len() < 2).count();
                let is_outward = self.is_outward(near, far);
                limbs.push(Limb { nodes, part: near.part, is_outward, weight: tips.max(1) });
            }
        }
        limbs
    }

    /// The limbs of the middle, each with the side (-1 or 1) on which it is drawn. What hangs on one switch stays together,
    /// if it is not so much that it is better shared between both sides.
    fn sides(&self, middle: usize) -> Vec<(Vec<usize>, i32)> {
        let limbs = self.limbs(middle);
        let inward: Vec<&Limb> = limbs.iter().filter(|limb| !limb.is_outward).collect();
        let groups: Vec<&[&Limb]> =
            inward.chunk_by(|one, other| one.part.is_some() && one.part == other.part).collect();
        let all = weight(&inward);
        let is_one_sided = inward.len() < limbs.len() && all <= ONE_SIDE;
        let mut left: BTreeSet<usize> = BTreeSet::new();
        if is_one_sided {
            left.extend(inward.iter().map(|limb| limb.nodes[0]));
        } else if limbs.len() > 1 {
            let is_shared = |group: &&[&Limb]| groups.len() == 1 || weight(group) > ONE_SIDE;
            for group in groups.iter().copied().filter(is_shared) {
                left.extend(first_half(&group.chunks(1).collect::<Vec<_>>()));
            }
            let whole: Vec<_> = groups.iter().copied().filter(|group| !is_shared(group)).collect();
            left.extend(first_half(&whole));
        }
        let side = |limb: Limb| {
            let side = if left.contains(&limb.nodes[0]) { -1 } else { 1 };
            (limb.nodes, side)
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
