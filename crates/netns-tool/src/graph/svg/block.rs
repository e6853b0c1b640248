//! A box of the image with what is in it: where its switches stand, and at which heights its wires leave.

use super::inside::Inside;
use super::size::{ABOVE, GAP, LINE, NAME, PAD, SMALL, bold_width, row_height, width};
use crate::graph::model::{Graph, WireKind};

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

pub(super) const LEAST_WIDTH: f64 = 64.0;
pub(super) const LEAST_HEIGHT: f64 = 30.0;

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

pub(super) fn lines(count: usize) -> f64 {
    LINE * f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How much rows take, with the gaps between them.
pub(super) fn taken<'a>(rows: impl Iterator<Item = &'a Row>) -> f64 {
    rows.map(|row| row.height + GAP).reduce(|one, other| one + other).map_or(0.0, |sum| sum - GAP)
}

fn taken_by(rows: &[Row]) -> f64 {
    taken(rows.iter())
}

/// The rows below each other; gives where the next one could begin.
pub(super) fn stack<'a>(rows: impl Iterator<Item = &'a mut Row>, mut top: f64) -> f64 {
    for row in rows {
        row.y = top + if row.end.is_some() { ABOVE.floor() } else { 1.0 };
        top += row.height + GAP;
    }
    top
}

/// The word at the end of a wire that no interface gives a name to.
pub fn end_name(graph: &Graph, wire: usize, end: usize) -> &str {
    let wire = &graph.wires[wire];
    match wire.kind {
        WireKind::Nat if end == 0 => "NAT",
        _ => &wire.ends[end].name,
    }
}
