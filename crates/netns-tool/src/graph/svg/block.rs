//! A box of the image with what is in it: where its switches stand, and at which heights its wires leave.

use super::size::{ABOVE, GAP, HEAD, LINE, NAME, PAD, SMALL, bold_width, row_height, width};
use crate::graph::model::{Graph, Part, PartKind, Wire, WireKind};
use std::collections::BTreeSet;

/// To which side a wire leaves a box.
pub const LEFT: usize = 0;
pub const RIGHT: usize = 1;

/// A box in its column, or the place that a wire takes that goes past a column.
#[derive(Clone, Debug, Default)]
pub struct Block {
    pub node: Option<usize>,
    pub column: i32,
    pub rows: [Vec<Row>; 2],
    pub parts: Vec<PartBox>,
    pub inner: Vec<Inner>,
    pub width: f64,
    pub height: f64,
    pub y: f64,
}

/// Where a wire leaves a box.
#[derive(Clone, Debug)]
pub struct Row {
    pub wire: usize,
    /// Which end of the wire is here; none where it only goes past.
    pub end: Option<usize>,
    pub part: Option<usize>,
    /// The block in the next column.
    pub far: usize,
    /// From the top of the block.
    pub y: f64,
    pub height: f64,
}

/// A part, from the upper left corner of its box.
#[derive(Clone, Debug)]
pub struct PartBox {
    pub part: usize,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A wire within the box, by its corners.
#[derive(Clone, Debug)]
pub struct Inner {
    pub wire: usize,
    pub points: Vec<(f64, f64)>,
}

/// How much a wire within a box takes.
const INNER_ROW: f64 = 22.0;
/// Between a switch and what it is wired to in its own box: for the word NAT.
const INNER_GAP: f64 = 44.0;
/// Between two wires that go up and down side by side.
const TRACK: f64 = 12.0;
const LEAST_WIDTH: f64 = 64.0;
const LEAST_HEIGHT: f64 = 30.0;

/// A wire within the box: from a part of the first column to another part.
struct Link {
    wire: usize,
    from: usize,
    to: usize,
}

impl Block {
    /// Settles the sizes, when the order of the rows is known.
    pub fn arrange(&mut self, graph: &Graph) {
        for row in self.rows.iter_mut().flatten() {
            let ends = &graph.wires[row.wire].ends;
            let most = ends.iter().map(|end| end.addresses.len()).max().unwrap_or(0);
            row.height = if row.end.is_some() { row_height(most) } else { 2.0 };
        }
        match self.node {
            None => self.pass(),
            Some(node) if graph.nodes[node].parts.is_empty() => self.arrange_plain(graph, node),
            Some(node) => Inside::new(self, graph, node).arrange(),
        }
    }

    fn pass(&mut self) {
        self.rows.iter_mut().flatten().for_each(|row| row.y = 1.0);
        self.height = 2.0;
    }

    fn arrange_plain(&mut self, graph: &Graph, node: usize) {
        let node = &graph.nodes[node];
        let notes = node.notes.iter().map(|note| width(note, SMALL));
        let text = notes.fold(bold_width(&node.name, NAME), f64::max);
        self.width = (text + 2.0 * PAD).max(LEAST_WIDTH);
        let lines = lines(node.notes.len());
        let taken = self.rows.iter().map(|rows| taken(rows.iter()));
        self.height = taken.fold(LEAST_HEIGHT.max(16.0 + lines), f64::max);
        for side in [LEFT, RIGHT] {
            let top = (self.height - taken_by(&self.rows[side])) / 2.0;
            stack(self.rows[side].iter_mut(), top);
        }
    }

    pub fn row(&self, side: usize, wire: usize) -> Option<&Row> {
        self.rows[side].iter().find(|row| row.wire == wire)
    }

    pub fn part_box(&self, part: usize) -> Option<&PartBox> {
        self.parts.iter().find(|one| one.part == part)
    }
}

fn lines(count: usize) -> f64 {
    LINE * f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How much rows take, with the gaps between them.
fn taken<'a>(rows: impl Iterator<Item = &'a Row>) -> f64 {
    rows.map(|row| row.height + GAP).reduce(|one, other| one + other).map_or(0.0, |sum| sum - GAP)
}

fn taken_by(rows: &[Row]) -> f64 {
    taken(rows.iter())
}

/// The rows below each other; gives where the next one could begin.
fn stack<'a>(rows: impl Iterator<Item = &'a mut Row>, mut top: f64) -> f64 {
    for row in rows {
        row.y = top + if row.end.is_some() { ABOVE.floor() } else { 1.0 };
        top += row.height + GAP;
    }
    top
}

fn part_height(part: &Part) -> f64 {
    LEAST_HEIGHT.max(14.0 + lines(1 + part.addresses.len() + part.notes.len()))
}

fn part_width(part: &Part) -> f64 {
    let small = part.addresses.iter().chain(&part.notes).map(|text| width(text, SMALL));
    (small.fold(bold_width(&part.name, NAME), f64::max) + 20.0).max(LEAST_WIDTH)
}

/// The parts of a box that is being arranged. Those of the second column, such as uplinks, stand beside what they
/// are wired to.
struct Inside<'a> {
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
    fn new(block: &'a mut Block, graph: &'a Graph, node: usize) -> Self {
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

    fn arrange(mut self) {
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

/// The word at the end of a wire that no interface gives a name to.
pub fn end_name<'a>(graph: &'a Graph, wire: usize, end: usize) -> &'a str {
    let wire = &graph.wires[wire];
    match wire.kind {
        WireKind::Nat if end == 0 => "NAT",
        _ => &wire.ends[end].name,
    }
}
