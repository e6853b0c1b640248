//! The ways that wires take from box to box.

use super::block::{Block, LEFT, RIGHT, Row};
use super::fold::{Column, Folded};
use super::scene::Path;
use crate::graph::model::{End, Graph, NodeKind, Wire, WireKind};
use std::fmt::Write;

/// Of a corner, in pixels.
const RADIUS: f64 = 8.0;

/// All wires of the island that lead from box to box.
pub fn paths(graph: &Graph, island: &Folded) -> Vec<Path> {
    let mut paths = Vec::new();
    // How many lead from band to band on each side so far.
    let mut turns = [0; 2];
    for (number, block) in island.blocks.iter().enumerate().filter(|(_, one)| one.node.is_some()) {
        for row in &block.rows[RIGHT] {
            let way = way(island, number, row.wire, &mut turns);
            paths.push(path(graph, row.wire, way));
        }
    }
    paths
}

/// A wire within a box.
pub fn inner(graph: &Graph, wire: usize, points: &[(f64, f64)]) -> Path {
    path(graph, wire, rounded(points))
}

fn path(graph: &Graph, number: usize, way: String) -> Path {
    let wire = &graph.wires[number];
    let mut look = match wire.kind {
        WireKind::Cable => "wire",
        WireKind::Nat => "wire nat",
        WireKind::Plain => "wire plain",
    }
    .to_owned();
    look += if wire.is_foreign { " foreign" } else { "" };
    look += if wire.is_down { " down" } else { "" };
    Path { way, look, tip: tip(graph, wire) }
}

fn tip(graph: &Graph, wire: &Wire) -> String {
    let end = |end: &End| {
        let node = &graph.nodes[end.node];
        let name = match node.kind {
            NodeKind::Host | NodeKind::Namespace => format!("{}:{}", node.name, graph.name(end)),
            _ => node.name.clone(),
        };
        let words = std::iter::once(&name).chain(graph.addresses(end)).map(String::as_str);
        words.collect::<Vec<_>>().join(" ")
    };
    let kind = if wire.kind == WireKind::Nat { "NAT: " } else { "" };
    let down = if wire.is_down { " (down)" } else { "" };
    format!("{kind}{} – {}{down}", end(&wire.ends[0]), end(&wire.ends[1]))
}

/// From the block on the left, over those in between, to the last.
fn way(island: &Folded, start: usize, wire: usize, turns: &mut [usize; 2]) -> String {
    let mut at = start;
    let mut way = String::new();
    loop {
        let Some(row) = island.blocks[at].row(RIGHT, wire) else { return way };
        let (column, next) = (island.column_of(at), island.column_of(row.far));
        let (one, other) = (&island.columns[column], &island.columns[next]);
        let far = &island.blocks[row.far];
        let Some(there) = far.row(LEFT, wire) else { return way };
        let y = one.frame.y + island.blocks[at].y + row.y;
        let far_y = other.frame.y + far.y + there.y;
        let begin = one.frame.at(one.x + edge(&island.blocks[at], row, RIGHT));
        let end = other.frame.at(other.x + edge(far, there, LEFT));
        if way.is_empty() {
            let _ = write!(way, "M{begin} {y}");
        }
        if one.band != other.band {
            let side = if one.frame.is_mirrored() { LEFT } else { RIGHT };
            let x = island.track(side, turns[side]);
            turns[side] += 1;
            let turn = rounded(&[(begin, y), (x, y), (x, far_y), (end, far_y)]);
            way += turn.trim_start_matches(|c| c != 'L');
        } else if (y - far_y).abs() > 0.1 {
            way += &bend(one, other, y, far_y);
        }
        let _ = write!(way, "H{end}");
        if far.node.is_some() {
            return way;
        }
        at = row.far;
    }
}

/// Where the wire begins in the block: at the part that it is of, or at the border.
fn edge(block: &Block, row: &Row, side: usize) -> f64 {
    let part = row.part.and_then(|part| block.part_box(part));
    match (part, side) {
        (Some(part), LEFT) => part.x,
        (Some(part), _) => part.x + part.width,
        (None, LEFT) => 0.0,
        (None, _) => block.width,
    }
}

/// Between the labels of two columns, from one height to another.
fn bend(one: &Column, other: &Column, y: f64, far_y: f64) -> String {
    let from = one.frame.at(one.x + one.width + one.labels[RIGHT]);
    let to = other.frame.at(other.x - other.labels[LEFT]);
    let middle = ((from + to) / 2.0).round();
    format!("H{from}C{middle} {y} {middle} {far_y} {to} {far_y}")
}

/// Straight lines with round corners.
fn rounded(points: &[(f64, f64)]) -> String {
    let mut way = String::new();
    for (number, point) in points.iter().enumerate() {
        let (x, y) = *point;
        let is_corner = number > 0 && number + 1 < points.len();
        if !is_corner {
            let _ = write!(way, "{}{x} {y}", if number == 0 { "M" } else { "L" });
            continue;
        }
        let (before, after) = (points[number - 1], points[number + 1]);
        let radius = RADIUS.min(length(before, *point) / 2.0).min(length(*point, after) / 2.0);
        let (ax, ay) = toward(*point, before, radius);
        let (bx, by) = toward(*point, after, radius);
        let _ = write!(way, "L{ax} {ay}Q{x} {y} {bx} {by}");
    }
    way
}

fn length(one: (f64, f64), other: (f64, f64)) -> f64 {
    (one.0 - other.0).abs() + (one.1 - other.1).abs()
}

/// So far from one point in the direction of another, which is right above or beside it.
fn toward(from: (f64, f64), to: (f64, f64), far: f64) -> (f64, f64) {
    let step = |from: f64, to: f64| match from.total_cmp(&to) {
        std::cmp::Ordering::Less => from + far.min(to - from),
        std::cmp::Ordering::Greater => from - far.min(from - to),
        std::cmp::Ordering::Equal => from,
    };
    (step(from.0, to.0), step(from.1, to.1))
}
