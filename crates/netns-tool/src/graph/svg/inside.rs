//! A box that has parts: its switches below each other, and beside them what they are wired to in the box itself.

use super::block::{
    Block, Inner, LEAST_HEIGHT, LEAST_WIDTH, LEFT, PartBox, RIGHT, Row, lines, stack, taken,
};
use super::size::{GAP, HEAD, NAME, PAD, SMALL, bold_width, width};
use crate::graph::model::{Graph, Part, PartKind, Wire};
use std::collections::BTreeSet;

/// How much a wire within a box takes.
const INNER_ROW: f64 = 22.0;
/// Between a switch and what it is wired to in its own box: for the word NAT.
const INNER_GAP: f64 = 44.0;
/// Between two wires that go up and down side by side.
const TRACK: f64 = 12.0;

/// A wire within the box: from a part of the first column to another part.
struct Link {
    wire: usize,
    from: usize,
    to: usize,
}

/// The parts of a box that is being arranged. Those of the second column, such as uplinks, stand beside what they
/// are wired to.
pub struct Inside<'a> {
    block: &'a mut Block,
    graph: &'a Graph,
    node: usize,
    links: Vec<Link>,
    second: BTreeSet<usize>,
    /// By part of the second column, or of the first where a wire comes back to it: where its wire arrives.
    arrivals: Vec<(usize, usize, f64)>,
    departures: Vec<(usize, f64)>,
}

impl<'a> Inside<'a> {
    pub fn new(block: &'a mut Block, graph: &'a Graph, node: usize) -> Self {
        let is_here = |wire: &Wire| wire.is_inner() && wire.ends[0].node == node;
        let wires = graph.wires.iter().enumerate().filter(|(_, wire)| is_here(wire));
        let pairs = wires
            .filter_map(|(number, wire)| Some((number, wire.ends[0].part?, wire.ends[1].part?)));
        let pairs: Vec<_> = pairs.collect();
        let parts = &graph.nodes[node].parts;
        let is_interface = |part: usize| parts[part].kind == PartKind::Interface;
        let mut second = BTreeSet::new();
        for (_, one, other) in &pairs {
            match (is_interface(*one), is_interface(*other)) {
                (false, true) => drop(second.insert(*other)),
                (true, false) => drop(second.insert(*one)),
                _ => {}
            }
        }
        for (_, one, other) in &pairs {
            let is_free = !second.contains(one) && !second.contains(other);
            if is_free && is_interface(*one) && is_interface(*other) {
                second.insert(*other);
            }
        }
        let link = |(wire, one, other): &(usize, usize, usize)| {
            let (from, to) = if second.contains(one) { (*other, *one) } else { (*one, *other) };
            Link { wire: *wire, from, to }
        };
        let links = pairs.iter().map(link).collect();
        let (arrivals, departures) = (Vec::new(), Vec::new());
        Self { block, graph, node, links, second, arrivals, departures }
    }

    fn part(&self, part: usize) -> &'a Part {
        &self.graph.nodes[self.node].parts[part]
    }

    pub fn arrange(mut self) {
        let node = &self.graph.nodes[self.node];
        let head = HEAD + lines(node.notes.len());
        let first: Vec<usize> =
            (0..node.parts.len()).filter(|part| !self.second.contains(part)).collect();
        let widths = first.iter().map(|part| part_width(self.part(*part)));
        let first_width = widths.fold(LEAST_WIDTH, f64::max);
        let tracks = f64::from(u32::try_from(self.bent().len()).unwrap_or(u32::MAX));
        let second_x = PAD + first_width + INNER_GAP + TRACK * tracks;
        let mut top = head;
        for part in first {
            top += self.place(part, top, first_width, second_x) + GAP;
        }
        let bottom = self.own_rows(head, top - GAP);
        let right = self.block.parts.iter().map(|one| one.x + one.width).fold(0.0, f64::max);
        let notes = node.notes.iter().map(|note| width(note, SMALL));
        let name = notes.fold(bold_width(&node.name, NAME), f64::max);
        // A wire that comes back goes by a track, which needs its room.
        let tracks_end = if tracks > 0.0 { second_x - INNER_GAP / 2.0 } else { 0.0 };
        self.block.width = (right.max(tracks_end).max(name + PAD) + PAD).ceil();
        self.block.height = bottom + PAD;
        self.draw_links(PAD + first_width + INNER_GAP / 2.0 + 8.0);
    }

    /// The parts to which wires lead that cannot be drawn straight: all but the first to each, and those that come
    /// back to the first column.
    fn bent(&self) -> Vec<usize> {
        let mut targets: Vec<usize> = Vec::new();
        for (number, link) in self.links.iter().enumerate() {
            let is_first = !self.links[..number].iter().any(|before| before.to == link.to);
            let is_straight = is_first && self.second.contains(&link.to);
            if !is_straight && !targets.contains(&link.to) {
                targets.push(link.to);
            }
        }
        targets
    }

    /// A part of the first column, with those of the second that it is the first to be wired to; gives its height.
    fn place(&mut self, part: usize, top: f64, first_width: f64, second_x: f64) -> f64 {
        let is_its = |row: &&Row| row.part == Some(part);
        let [left, right] =
            [LEFT, RIGHT].map(|side| taken(self.block.rows[side].iter().filter(is_its)));
        let out: Vec<(usize, usize, f64)> = self.inner_rows(part);
        let inner: f64 = out.iter().map(|(_, _, height)| height + GAP).sum();
        let right_all = if right > 0.0 { right + inner } else { (inner - GAP).max(0.0) };
        let height = part_height(self.part(part)).max(left).max(right_all);
        let middle = |taken: f64| (top + (height - taken) / 2.0).floor();
        let its = |row: &&mut Row| row.part == Some(part);
        stack(self.block.rows[LEFT].iter_mut().filter(its), middle(left));
        let mut next = stack(self.block.rows[RIGHT].iter_mut().filter(its), middle(right_all));
        self.block.parts.push(PartBox { part, x: PAD, y: top, width: first_width, height });
        for (wire, to, row_height) in out {
            let y = (next + row_height / 2.0).floor();
            self.departures.push((wire, y));
            if to == part {
                self.arrivals.push((wire, to, y));
            } else if self.second.contains(&to) && self.block.part_box(to).is_none() {
                self.place_second(to, second_x, y);
            }
            next += row_height + GAP;
        }
        height
    }

    /// The wires that leave the part within the box, or come back to it: each with the part on the other end (or itself), and its height.
    fn inner_rows(&self, part: usize) -> Vec<(usize, usize, f64)> {
        let mut rows = Vec::new();
        for link in &self.links {
            if link.from == part {
                let is_new = self.second.contains(&link.to)
                    && self.block.part_box(link.to).is_none()
                    && !rows.iter().any(|(_, to, _)| *to == link.to);
                let height = if is_new { self.second_height(link.to) } else { INNER_ROW };
                rows.push((link.wire, link.to, height));
            } else if link.to == part {
                rows.push((link.wire, part, INNER_ROW));
            }
        }
        rows
    }

    fn second_height(&self, part: usize) -> f64 {
        let rows = self.block.rows[RIGHT].iter().filter(|row| row.part == Some(part));
        part_height(self.part(part)).max(taken(rows))
    }

    fn place_second(&mut self, part: usize, x: f64, middle: f64) {
        let height = self.second_height(part);
        let y = middle - (height / 2.0).floor();
        for side in [LEFT, RIGHT] {
            let rows = &mut self.block.rows[side];
            let is_its = |row: &&Row| row.part == Some(part);
            let top = middle - (taken(rows.iter().filter(is_its)) / 2.0).floor();
            stack(rows.iter_mut().filter(|row| row.part == Some(part)), top);
        }
        let width = part_width(self.part(part));
        self.block.parts.push(PartBox { part, x, y, width, height });
    }

    /// What ends at the box itself: beside the parts where there is room, else below; gives where all of it ends.
    fn own_rows(&mut self, head: f64, parts_end: f64) -> f64 {
        let mut bottom = parts_end;
        for side in [LEFT, RIGHT] {
            let rows = &mut self.block.rows[side];
            let has_others = rows.iter().any(|row| row.part.is_some());
            let own = taken(rows.iter().filter(|row| row.part.is_none()));
            let room = parts_end - head;
            let top = match has_others {
                true => parts_end + GAP,
                false => head + ((room - own) / 2.0).max(0.0).floor(),
            };
            if own > 0.0 {
                stack(rows.iter_mut().filter(|row| row.part.is_none()), top);
                bottom = bottom.max(top + own);
            }
        }
        bottom
    }

    fn draw_links(self, track_x: f64) {
        let bent = self.bent();
        let Self { block, links, departures, arrivals, .. } = self;
        for link in links {
            let (Some(from), Some(to)) = (block.part_box(link.from), block.part_box(link.to))
            else {
                continue;
            };
            let leave = departures.iter().find(|(wire, _)| *wire == link.wire).map(|(_, y)| *y);
            let y = leave.unwrap_or(from.y + from.height / 2.0);
            let back = arrivals.iter().find(|(wire, ..)| *wire == link.wire).map(|(.., y)| *y);
            let (end_x, end_y) = match back {
                Some(y) => (to.x + to.width, y),
                None => (to.x, to.y + (to.height / 2.0).floor()),
            };
            let start = (from.x + from.width, y);
            let track = bent.iter().position(|part| *part == link.to).unwrap_or(0);
            let x = track_x + TRACK * f64::from(u32::try_from(track).unwrap_or(0)) + 8.0;
            let points = match y == end_y {
                true => vec![start, (end_x, end_y)],
                false => vec![start, (x, y), (x, end_y), (end_x, end_y)],
            };
            block.inner.push(Inner { wire: link.wire, points });
        }
    }
}

fn part_height(part: &Part) -> f64 {
    LEAST_HEIGHT.max(14.0 + lines(1 + part.addresses.len() + part.notes.len()))
}

fn part_width(part: &Part) -> f64 {
    let small = part.addresses.iter().chain(&part.notes).map(|text| width(text, SMALL));
    (small.fold(bold_width(&part.name, NAME), f64::max) + 20.0).max(LEAST_WIDTH)
}
