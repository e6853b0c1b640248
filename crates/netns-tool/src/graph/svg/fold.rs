//! Where each column stands: from left to right; a long line of them comes back below itself, like a road uphill.

use super::block::{Block, LEFT, RIGHT, end_name};
use super::order::Columns;
use super::size::{GAP, NAME, SMALL, width};
use crate::graph::model::Graph;

/// What is wider than this, and flat, is folded.
const WIDEST: f64 = 1500.0;
/// How wide each part of what is folded is about.
const BAND: f64 = 1250.0;
/// Between two bands, one above the other.
const BAND_GAP: f64 = 46.0;
/// Between the wires that lead from band to band.
const TRACK: f64 = 12.0;

/// An island with all of its columns in their places.
pub struct Folded {
    pub blocks: Vec<Block>,
    /// From left to right as if nothing were folded.
    pub columns: Vec<Column>,
    pub width: f64,
    pub height: f64,
    /// Where the wires from band to band begin to go down: on the left, and on the right.
    pub gutters: [f64; 2],
}

#[derive(Clone, Debug, Default)]
pub struct Column {
    pub blocks: Vec<usize>,
    /// Counted from the beginning of its band, in the direction in which that goes.
    pub x: f64,
    pub width: f64,
    /// How far the labels reach out on each side.
    pub labels: [f64; 2],
    /// How much the wires to the next column have to bend.
    bend: f64,
    pub band: usize,
    pub frame: Frame,
}

/// From the places within a band to those in the image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame {
    pub x: f64,
    pub y: f64,
    /// Where a band goes from right to left: how wide it is.
    mirror: Option<f64>,
}

impl Frame {
    pub fn at(&self, x: f64) -> f64 {
        self.x + self.mirror.map_or(x, |width| width - x)
    }

    pub fn is_mirrored(&self) -> bool {
        self.mirror.is_some()
    }
}

pub fn fold(graph: &Graph, columns: Columns) -> Folded {
    let Columns { mut blocks, columns } = columns;
    let mut columns: Vec<Column> =
        columns.into_values().map(|list| column(graph, &blocks, list)).collect();
    for column in &columns {
        for block in &column.blocks {
            widen(&mut blocks[*block], column.width);
        }
    }
    let total = place(&mut columns);
    let height = normalize(
        &mut blocks,
        &columns.iter().flat_map(|one| one.blocks.clone()).collect::<Vec<_>>(),
    );
    if total <= WIDEST || total < 2.5 * height {
        return Folded { blocks, columns, width: total, height, gutters: [0.0; 2] };
    }
    bands(blocks, columns, total)
}

fn column(graph: &Graph, blocks: &[Block], list: Vec<usize>) -> Column {
    let reach = |side: usize| {
        let rows = list.iter().flat_map(|block| &blocks[*block].rows[side]);
        let ends = rows.filter_map(|row| Some((row, row.end?)));
        let texts = ends.flat_map(|(row, end)| {
            let addresses = graph.wires[row.wire].ends[end].addresses.iter().map(String::as_str);
            std::iter::once(end_name(graph, row.wire, end)).chain(addresses)
        });
        texts.map(|text| width(text, SMALL)).fold(0.0, f64::max) + 14.0
    };
    let rise = |block: &usize| {
        let one = &blocks[*block];
        let rises = one.rows[RIGHT].iter().map(|row| {
            let far = &blocks[row.far];
            let there = far.row(LEFT, row.wire).map_or(0.0, |there| there.y);
            (far.y + there - one.y - row.y).abs()
        });
        rises.fold(0.0, f64::max)
    };
    let rise = list.iter().map(rise).fold(0.0, f64::max);
    Column {
        width: list.iter().map(|block| blocks[*block].width).fold(0.0, f64::max),
        labels: [reach(LEFT), reach(RIGHT)],
        bend: (rise * 0.4).round().clamp(14.0, 150.0),
        blocks: list,
        ..Column::default()
    }
}

/// All boxes of a column are as wide as the widest; what is in them stays in the middle.
fn widen(block: &mut Block, width: f64) {
    let shift = ((width - block.width) / 2.0).floor();
    block.width = width;
    block.parts.iter_mut().for_each(|part| part.x += shift);
    block.inner.iter_mut().flat_map(|inner| &mut inner.points).for_each(|point| point.0 += shift);
}

/// The columns beside each other; gives where the last one ends.
fn place(columns: &mut [Column]) -> f64 {
    let mut x = 0.0;
    let mut before: Option<(f64, f64)> = None;
    for column in columns {
        x += before.map_or(0.0, |(labels, bend)| labels + bend + column.labels[LEFT]);
        column.x = x;
        x += column.width;
        before = Some((column.labels[RIGHT], column.bend));
    }
    x
}

/// Lets the blocks begin at 0; gives where they end.
fn normalize(blocks: &mut [Block], list: &[usize]) -> f64 {
    let top = list.iter().map(|block| blocks[*block].y).fold(f64::INFINITY, f64::min);
    let mut bottom: f64 = 0.0;
    for block in list {
        blocks[*block].y -= top;
        bottom = bottom.max(blocks[*block].y + blocks[*block].height);
    }
    bottom
}

fn bands(mut blocks: Vec<Block>, mut columns: Vec<Column>, total: f64) -> Folded {
    let count = (1..=columns.len()).find(|count| total <= BAND * size(*count)).unwrap_or(1);
    let each = columns.len().div_ceil(count).max(1);
    let (mut width, mut gutters) = (0.0_f64, [0.0_f64; 2]);
    for (band, part) in columns.chunks_mut(each).enumerate() {
        width = width.max(place(part));
        part.iter_mut().for_each(|column| column.band = band);
    }
    for pair in columns.windows(2).filter(|pair| pair[0].band != pair[1].band) {
        let wires = pair[0].blocks.iter().map(|block| blocks[*block].rows[RIGHT].len()).sum();
        let labels = pair[0].labels[RIGHT].max(pair[1].labels[LEFT]);
        let side = if pair[0].band % 2 == 0 { RIGHT } else { LEFT };
        gutters[side] = gutters[side].max(labels + TRACK * size(wires) + NAME);
    }
    let (left, mut y) = (gutters[LEFT], 0.0);
    for part in columns.chunks_mut(each) {
        let list: Vec<usize> = part.iter().flat_map(|one| one.blocks.clone()).collect();
        let height = normalize(&mut blocks, &list);
        for column in part.iter_mut() {
            let mirror = (column.band % 2 == 1).then_some(width);
            column.frame = Frame { x: left, y, mirror };
        }
        y += height + BAND_GAP;
    }
    let labels = |side: usize| {
        let ends = columns.windows(2).filter(|pair| pair[0].band != pair[1].band);
        let its = ends.filter(|pair| (pair[0].band % 2 == 0) == (side == RIGHT));
        its.map(|pair| pair[0].labels[RIGHT].max(pair[1].labels[LEFT])).fold(0.0, f64::max)
    };
    let downs = [left - labels(LEFT) - TRACK, left + width + labels(RIGHT) + TRACK];
    Folded {
        width: left + width + gutters[RIGHT],
        height: y - BAND_GAP.max(GAP),
        blocks,
        columns,
        gutters: downs,
    }
}

fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl Folded {
    /// How far out the wire of that number among those from band to band goes.
    pub fn track(&self, side: usize, number: usize) -> f64 {
        let out = TRACK * size(number);
        self.gutters[side] + if side == RIGHT { out } else { -out }
    }

    /// Its column, by the number in `columns`.
    pub fn column_of(&self, block: usize) -> usize {
        self.columns.iter().position(|one| one.blocks.contains(&block)).unwrap_or_default()
    }
}
