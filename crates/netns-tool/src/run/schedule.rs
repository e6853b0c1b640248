//! When each step of a plan is done: in the order of the plan where two touch the same place, and else at once, so that
//! one process does many steps of a place, and several places are worked at side by side.

use crate::name::NamespaceName;
use crate::plan::{Cmd, Fact, Place, Step, Tool, Undo};
use std::collections::{BTreeMap, HashMap};

/// A shorter plan is done step by step, each with a process of its own.
pub(super) const LONG: usize = 12;

/// Where a step does its work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Lane {
    /// Among files and directories, which no network namespace has.
    Files,
    Host,
    Netns(NamespaceName),
}

/// Steps of one lane that are done one after the other, as indices into the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub lane: Lane,
    pub steps: Vec<usize>,
}

/// Batches that do not need each other.
pub(super) type Level = Vec<Batch>;

/// What the schedule has to know of a step, or of what takes one back.
pub(super) struct Task {
    lane: Lane,
    /// Of places besides its own.
    touches: Vec<Lane>,
    /// It comes later than what was planned before it for these.
    after: Vec<Lane>,
    /// Nothing else may be done at the same time.
    is_alone: bool,
}

impl Task {
    pub fn of_step(step: &Step) -> Self {
        let made = step.undo.iter().map(|undo| &undo.made);
        let mut touches = lanes(step.gives.iter().chain(made));
        touches.extend(step.undo.iter().map(|undo| lane(&undo.run)));
        // What a value was before has to be looked up when the file is there and nobody changes it.
        let restores = step.undo.iter().any(|undo| is_value(&undo.made));
        Self {
            lane: lane(&step.run),
            touches,
            after: step.after.iter().map(of_place).collect(),
            is_alone: restores || needs_all(&step.run),
        }
    }

    pub fn of_undo(undo: &Undo) -> Self {
        Self {
            lane: lane(&undo.run),
            touches: lanes([&undo.made]),
            after: Vec::new(),
            is_alone: is_value(&undo.made) || needs_all(&undo.run),
        }
    }
}

fn lanes<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Vec<Lane> {
    facts.into_iter().filter_map(Fact::place).map(|place| of_place(&place)).collect()
}

pub(super) fn of_place(place: &Place) -> Lane {
    place.clone().map_or(Lane::Host, Lane::Netns)
}

fn lane(run: &Cmd) -> Lane {
    match run {
        Cmd::Make(_) | Cmd::Remove(_) => Lane::Files,
        // It ends processes from outside.
        Cmd::End { .. } => Lane::Host,
        Cmd::Run { netns, .. } | Cmd::Write { netns, .. } => of_place(netns),
    }
}

fn is_value(fact: &Fact) -> bool {
    match fact {
        Fact::Not(fact) => is_value(fact),
        fact => matches!(fact, Fact::Value { .. }),
    }
}

/// Whether the command may act on what its facts do not name: what it is about is everything that was done before.
fn needs_all(run: &Cmd) -> bool {
    match run {
        Cmd::Run { netns: None, tool, .. } => *tool != Tool::Ip,
        Cmd::Write { netns, .. } => netns.is_none(),
        Cmd::End { .. } => true,
        _ => false,
    }
}

/// Puts each task into the batch of its lane at the lowest level that is not before anything it depends on.
pub(super) fn schedule(tasks: &[Task]) -> Vec<Level> {
    if tasks.len() < LONG {
        let alone = |(index, task): (usize, &Task)| {
            vec![Batch { lane: task.lane.clone(), steps: vec![index] }]
        };
        return tasks.iter().enumerate().map(alone).collect();
    }
    let mut levels: Vec<BTreeMap<&Lane, usize>> = Vec::new();
    let mut batches: Vec<Level> = Vec::new();
    // Of each lane, the level and the lane of the batch that touched it last.
    let mut last: HashMap<&Lane, (usize, &Lane)> = HashMap::new();
    let mut floor = 0;
    for (index, task) in tasks.iter().enumerate() {
        let touched = || std::iter::once(&task.lane).chain(&task.touches);
        let before = touched().chain(&task.after).filter_map(|lane| last.get(lane));
        let earliest = before.map(|(level, lane)| level + usize::from(**lane != task.lane));
        let mut level = earliest.fold(floor, usize::max);
        if task.is_alone {
            level = levels.len();
            floor = level + 1;
        }
        levels.resize_with(levels.len().max(level + 1), BTreeMap::new);
        batches.resize_with(levels.len(), Vec::new);
        let batch = *levels[level].entry(&task.lane).or_insert_with(|| {
            batches[level].push(Batch { lane: task.lane.clone(), steps: Vec::new() });
            batches[level].len() - 1
        });
        batches[level][batch].steps.push(index);
        for lane in touched() {
            last.insert(lane, (level, &task.lane));
        }
    }
    batches
}

/// For each place that a step touches, the level after which no other does.
pub(super) fn finished<'t>(tasks: &'t [Task], levels: &[Level]) -> HashMap<&'t Lane, usize> {
    let mut finished = HashMap::new();
    for (number, level) in levels.iter().enumerate() {
        for task in level.iter().flat_map(|batch| &batch.steps).map(|index| &tasks[*index]) {
            let touched = std::iter::once(&task.lane).chain(&task.touches);
            finished.extend(touched.map(|lane| (lane, number)));
        }
    }
    finished
}

#[cfg(test)]
mod tests;
