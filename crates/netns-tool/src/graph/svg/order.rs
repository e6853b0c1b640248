//! Who stands above whom in a column, and at which height: near to what it is wired to, and apart from the others.

use super::block::{Block, LEFT, RIGHT};
use super::layers::Island;
use super::size::GAP;
use crate::graph::model::Graph;
use std::collections::BTreeMap;

/// The blocks of an island, and by column which they are, from top to bottom.
pub struct Columns {
    pub blocks: Vec<Block>,
    pub columns: BTreeMap<i32, Vec<usize>>,
}

/// How often the order and the heights are improved. It is stable long before.
const ROUNDS: usize = 6;

impl Columns {
    pub fn of(graph: &Graph, island: &Island) -> Self {
        let mut columns = Self::unordered(graph, island);
        columns.sort_rows();
        for _ in 0..ROUNDS {
            columns.sort(true);
            columns.sort(false);
        }
        columns.sort(true);
        columns.blocks.iter_mut().for_each(|block| block.arrange(graph));
        for list in columns.columns.values() {
            let mut top = 0.0;
            for block in list {
                columns.blocks[*block].y = top;
                top += columns.blocks[*block].height + GAP;
            }
        }
        for _ in 0..ROUNDS {
            columns.settle(false);
            columns.settle(true);
        }
        columns
    }

    /// Each box with its rows, and what goes past columns.
    fn unordered(graph: &Graph, island: &Island) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let mut columns: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        let mut of_node = BTreeMap::new();
        for (node, column) in &island.columns {
            of_node.insert(*node, blocks.len());
            columns.entry(*column).or_default().push(blocks.len());
            blocks.push(Block { node: Some(*node), column: *column, ..Block::default() });
        }
        let mut all = Self { blocks, columns };
        for (number, wire) in graph.wires.iter().enumerate().filter(|(_, wire)| !wire.is_inner()) {
            let [Some(one), Some(other)] = [0, 1].map(|end| of_node.get(&wire.ends[end].node))
            else {
                continue;
            };
            let mut ends = [(*one, 0), (*other, 1)];
            ends.sort_by_key(|(block, _)| all.blocks[*block].column);
            all.connect(number, ends, |end| wire.ends[end].part);
        }
        all
    }

    /// A wire from the left block to the right one, each with the number of its end.
    fn connect(
        &mut self,
        wire: usize,
        [(left, one), (right, other)]: [(usize, usize); 2],
        part: impl Fn(usize) -> Option<usize>,
    ) {
        let (first, last) = (self.blocks[left].column, self.blocks[right].column);
        let mut before = (left, Some(one));
        for column in first + 1..=last {
            let next = if column == last {
                (right, Some(other))
            } else {
                self.blocks.push(Block { column, ..Block::default() });
                let block = self.blocks.len() - 1;
                self.columns.entry(column).or_default().push(block);
                (block, None)
            };
            let row = |end: Option<usize>, far| super::block::Row {
                wire,
                end,
                part: end.and_then(&part),
                far,
                y: 0.0,
                height: 0.0,
            };
            self.blocks[before.0].rows[RIGHT].push(row(before.1, next.0));
            self.blocks[next.0].rows[LEFT].push(row(next.1, before.0));
            before = next;
        }
    }

    /// By block, where it stands in its column: from 0 to 1.
    fn ranks(&self) -> Vec<f64> {
        let mut ranks = vec![0.0; self.blocks.len()];
        for list in self.columns.values() {
            let share = 1.0 / f64::from(u32::try_from(list.len()).unwrap_or(u32::MAX));
            let mut rank = share / 2.0;
            for block in list {
                ranks[*block] = rank;
                rank += share;
            }
        }
        ranks
    }

    /// The rows of each part in the order of where they lead.
    fn sort_rows(&mut self) {
        let ranks = self.ranks();
        for rows in self.blocks.iter_mut().flat_map(|block| &mut block.rows) {
            rows.sort_by(|one, other| {
                let key = |row: &super::block::Row| (row.part.is_none(), row.part);
                let by_rank = || ranks[one.far].total_cmp(&ranks[other.far]);
                key(one).cmp(&key(other)).then_with(by_rank).then(one.wire.cmp(&other.wire))
            });
        }
    }

    /// The columns from the middle outwards, or back, and of a column the side that looks to where one comes from.
    fn sweep(&self, is_outward: bool) -> Vec<(i32, usize)> {
        let mut sweep: Vec<(i32, usize)> = self
            .columns
            .keys()
            .filter(|column| !(is_outward && **column == 0))
            .map(|column| (*column, if (*column > 0) == is_outward { LEFT } else { RIGHT }))
            .collect();
        sweep.sort_by_key(|(column, _)| (column.abs(), *column));
        if !is_outward {
            sweep.reverse();
        }
        sweep
    }

    /// One pass that puts each block where those are that it is wired to.
    fn sort(&mut self, is_outward: bool) {
        for (column, side) in self.sweep(is_outward) {
            let ranks = self.ranks();
            let key = |block: usize| {
                let sides = if column == 0 { vec![LEFT, RIGHT] } else { vec![side] };
                let rows = sides.iter().flat_map(|side| &self.blocks[block].rows[*side]);
                let far = rows.map(|row| self.rank_of_row(&ranks, row.far, row.wire, block));
                mean(far).unwrap_or(ranks[block])
            };
            let Some(list) = self.columns.get(&column) else { continue };
            let mut keyed: Vec<(f64, usize)> = list.iter().map(|one| (key(*one), *one)).collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            self.columns.insert(column, keyed.into_iter().map(|(_, block)| block).collect());
            self.sort_rows();
        }
    }

    /// Where the far end of a wire is: the block's rank, and a little for the row within it.
    fn rank_of_row(&self, ranks: &[f64], block: usize, wire: usize, near: usize) -> f64 {
        let far = &self.blocks[block];
        let side = if far.column > self.blocks[near].column { LEFT } else { RIGHT };
        let rows = &far.rows[side];
        let row = rows.iter().position(|row| row.wire == wire).unwrap_or(0);
        let share = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let all = share(self.columns.get(&far.column).map_or(1, Vec::len));
        ranks[block] + (share(row) + 0.5) / share(rows.len().max(1)) / all - 0.5 / all
    }

    /// One pass that puts each block at the height of those that it is wired to, as near as the others let it.
    fn settle(&mut self, is_outward: bool) {
        for (column, side) in self.sweep(is_outward) {
            let Some(list) = self.columns.get(&column).cloned() else { continue };
            let sides = if column == 0 { vec![LEFT, RIGHT] } else { vec![side] };
            let mut wishes = Vec::new();
            let mut offset = 0.0;
            for block in &list {
                let one = &self.blocks[*block];
                let rows = sides
                    .iter()
                    .flat_map(|side| one.rows[*side].iter().map(move |row| (*side, row)));
                let far = rows.map(|(side, row)| {
                    let far = &self.blocks[row.far];
                    let there = far.row(1 - side, row.wire).map_or(0.0, |there| there.y);
                    far.y + there - row.y
                });
                let (wish, weight) = match mean(far) {
                    Some(wish) => (wish, 1.0),
                    None => (one.y, 0.01),
                };
                wishes.push((wish - offset, weight));
                offset += one.height + GAP;
            }
            let mut offset = 0.0;
            for (block, y) in list.iter().zip(nearest_rising(&wishes)) {
                self.blocks[*block].y = y.round() + offset;
                offset += self.blocks[*block].height + GAP;
            }
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The values that never fall and are nearest to those wished for, each with its weight: pools of neighbours that are in
/// each other's way share their mean.
fn nearest_rising(wishes: &[(f64, f64)]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (wish, weight) in wishes {
        let mut pool = (*wish, *weight, 1);
        while let Some(before) = pools.pop_if(|before| before.0 > pool.0) {
            let weight = before.1 + pool.1;
            pool = ((before.0 * before.1 + pool.0 * pool.1) / weight, weight, before.2 + pool.2);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(value, _, count)| std::iter::repeat_n(value, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest_rising;

    #[test]
    fn neighbours_in_each_others_way_share_their_mean() {
        let wishes = [(1.0, 1.0), (4.0, 1.0), (2.0, 1.0), (9.0, 1.0)];
        assert_eq!(nearest_rising(&wishes), [1.0, 3.0, 3.0, 9.0]);
    }
}
