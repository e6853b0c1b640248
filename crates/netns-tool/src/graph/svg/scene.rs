//! The image as shapes, before they are written: boxes, wires and labels, each in its place.

use super::block::{Block, LEFT, RIGHT, Row, end_name};
use super::fold::{Folded, fold};
use super::layers::islands;
use super::order::Columns;
use super::size::{HEAD, LINE, MARGIN, PAD, bold_width};
use super::wire;
use crate::graph::model::{Graph, Node, NodeKind, Part, PartKind};

#[derive(Debug, Default)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    pub boxes: Vec<Shape>,
    pub wires: Vec<Path>,
    pub labels: Vec<Label>,
}

/// A box; those of its parts come right after it.
#[derive(Debug)]
pub struct Shape {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Classes of the style sheet.
    pub look: String,
    pub is_part: bool,
    pub tip: String,
    pub texts: Vec<Label>,
}

#[derive(Debug)]
pub struct Path {
    /// As `d` of a path has it.
    pub way: String,
    pub look: String,
    pub tip: String,
}

#[derive(Clone, Debug)]
pub struct Label {
    pub x: f64,
    /// Of the line that the letters stand on.
    pub y: f64,
    pub text: String,
    pub anchor: Anchor,
    pub is_name: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Between two islands.
const ISLAND_GAP: f64 = 40.0;
/// Islands stand beside each other up to this width.
const SHELF: f64 = 1000.0;
/// For the title above all of it.
const TITLE: f64 = 34.0;
/// How far down the name of a switch may stand.
const TALL: f64 = 120.0;

impl Scene {
    pub fn of(graph: &Graph) -> Self {
        let mut scene = Self::default();
        let islands = islands(graph);
        let folded = islands.iter().map(|island| fold(graph, Columns::of(graph, island)));
        let folded: Vec<Folded> = folded.collect();
        let shelf = folded.iter().map(|one| one.width).fold(SHELF, f64::max);
        let (mut x, mut y, mut height) = (0.0, 0.0, 0.0_f64);
        for mut island in folded {
            if x > 0.0 && x + island.width > shelf {
                (x, y, height) = (0.0, y + height + ISLAND_GAP, 0.0);
            }
            for column in &mut island.columns {
                column.frame.x += MARGIN + x;
                column.frame.y += MARGIN + TITLE + y;
            }
            island.gutters = island.gutters.map(|gutter| gutter + MARGIN + x);
            scene.add(graph, &island);
            scene.width = scene.width.max(2.0 * MARGIN + x + island.width);
            x += island.width + ISLAND_GAP;
            height = height.max(island.height);
        }
        scene.height = y + height + 2.0 * MARGIN + TITLE;
        scene.width = scene.width.max(bold_width(&graph.title, 16.0) + 2.0 * MARGIN).ceil();
        scene
    }

    fn add(&mut self, graph: &Graph, island: &Folded) {
        for column in &island.columns {
            for block in column.blocks.iter().map(|block| &island.blocks[*block]) {
                let left = column.frame.at(column.x);
                let right = column.frame.at(column.x + column.width);
                let corner = (left.min(right), column.frame.y + block.y);
                if let Some(node) = block.node {
                    self.boxes.push(outer(&graph.nodes[node], block, corner));
                    let is_mirrored = column.frame.is_mirrored();
                    self.add_parts(graph, node, block, corner, is_mirrored);
                }
                for side in [LEFT, RIGHT] {
                    let is_left = (side == LEFT) != column.frame.is_mirrored();
                    let x = if is_left { corner.0 - 6.0 } else { corner.0 + block.width + 6.0 };
                    let anchor = if is_left { Anchor::End } else { Anchor::Start };
                    for row in &block.rows[side] {
                        self.labels.extend(end_labels(graph, row, x, corner.1, anchor));
                    }
                }
            }
        }
        self.wires.extend(wire::paths(graph, island));
    }

    fn add_parts(
        &mut self,
        graph: &Graph,
        node: usize,
        block: &Block,
        (left, top): (f64, f64),
        is_mirrored: bool,
    ) {
        let at = |x: f64| left + if is_mirrored { block.width - x } else { x };
        for one in &block.parts {
            let part = &graph.nodes[node].parts[one.part];
            let x = at(one.x).min(at(one.x + one.width));
            let (y, width, height) = (top + one.y, one.width, one.height);
            let (name, middle) = (&part.name, x + width / 2.0);
            let more: Vec<&String> = part.addresses.iter().chain(&part.notes).collect();
            // Of a tall one it is read where the picture begins.
            let texts = centred(name, &more, middle, y + (height / 2.0).min(TALL));
            let (look, tip) = (part_look(part), part_tip(part));
            self.boxes.push(Shape { x, y, width, height, look, is_part: true, tip, texts });
        }
        for inner in &block.inner {
            let points = inner.points.iter().map(|(x, y)| (at(*x), top + y));
            let points: Vec<(f64, f64)> = points.collect();
            let (x, y) = points[0];
            if !end_name(graph, inner.wire, 0).is_empty() {
                let (x, anchor) =
                    if is_mirrored { (x - 6.0, Anchor::End) } else { (x + 6.0, Anchor::Start) };
                let text = end_name(graph, inner.wire, 0).to_owned();
                self.labels.push(Label { x, y: y - 5.0, text, anchor, is_name: false });
            }
            self.wires.push(wire::inner(graph, inner.wire, &points));
        }
    }
}

/// The name and the addresses of the end of a wire, above it and below it.
fn end_labels(graph: &Graph, row: &Row, x: f64, top: f64, anchor: Anchor) -> Vec<Label> {
    let Some(end) = row.end else { return Vec::new() };
    let name = end_name(graph, row.wire, end);
    let y = top + row.y;
    let label = |y: f64, text: &str| Label { x, y, text: text.to_owned(), anchor, is_name: false };
    let mut labels = Vec::new();
    if !name.is_empty() {
        labels.push(label(y - 5.0, name));
    }
    let mut below = y + 12.0;
    for address in &graph.wires[row.wire].ends[end].addresses {
        labels.push(label(below, address));
        below += LINE;
    }
    labels
}

fn outer(node: &Node, block: &Block, (x, y): (f64, f64)) -> Shape {
    let (width, height) = (block.width, block.height);
    let notes: Vec<&String> = node.notes.iter().collect();
    let texts = if node.parts.is_empty() {
        centred(&node.name, &notes, x + width / 2.0, y + height / 2.0)
    } else {
        lined(&node.name, &notes, x + PAD, y + HEAD - 8.0, Anchor::Start)
    };
    let kind = match node.kind {
        NodeKind::Host => "host",
        NodeKind::Namespace => "namespace",
        NodeKind::Unnamed | NodeKind::Unseen => "namespace unnamed",
        NodeKind::Internet => "internet",
    };
    let look = if node.is_foreign { format!("{kind} foreign") } else { kind.to_owned() };
    let tip = match node.kind {
        NodeKind::Namespace => format!("network namespace {}: {}", node.name, node.owner),
        _ => node.name.clone(),
    };
    Shape { x, y, width, height, look, is_part: false, tip, texts }
}

fn part_look(part: &Part) -> String {
    let kind = if part.kind == PartKind::Switch { "switch" } else { "interface" };
    let foreign = if part.is_foreign { " foreign" } else { "" };
    let down = if part.is_down { " down" } else { "" };
    format!("{kind}{foreign}{down}")
}

fn part_tip(part: &Part) -> String {
    let kind = if part.kind == PartKind::Switch { "bridge" } else { "interface" };
    let down = if part.is_down { ", down" } else { "" };
    let foreign = if part.is_foreign { ", foreign" } else { "" };
    format!("{kind} {}{down}{foreign}", part.name)
}

/// A name with smaller lines below it, around a point.
fn centred(name: &str, more: &[&String], x: f64, y: f64) -> Vec<Label> {
    let lines = f64::from(u32::try_from(more.len()).unwrap_or(0));
    lined(name, more, x, (y + 4.5 - lines * LINE / 2.0).round(), Anchor::Middle)
}

fn lined(name: &str, more: &[&String], x: f64, y: f64, anchor: Anchor) -> Vec<Label> {
    let mut labels = vec![Label { x, y, text: name.to_owned(), anchor, is_name: true }];
    let mut below = y;
    for text in more {
        below += LINE;
        labels.push(Label { x, y: below, text: (*text).clone(), anchor, is_name: false });
    }
    labels
}
