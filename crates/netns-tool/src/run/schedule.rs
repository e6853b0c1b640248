//! When each step of a plan is done: in the order of the plan where two touch the same place, and else at once, so that
//! one process does many steps of a place, and several places are worked at side by side.

mod join;

use crate::name::NamespaceName;
use crate::plan::{Cmd, Fact, Place, Step, Tool, Undo};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// So many namespaces are made by two processes.
const MANY: usize = 16;

/// A shorter plan is done step by step, each with a process of its own.
pub(super) const LONG: usize = 12;

/// Where a step does its work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Lane {
    /// Among files and directories, which no network namespace has.
    Files,
    Host,
    /// On the host too, but it only makes namespaces: two processes do that side by side.
    Making(usize),
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
    /// Of places besides its own, where it makes a link: they have to be there, and it is nobody else's who works there.
    reaches: Vec<Lane>,
    /// The namespaces that it makes.
    makes: Vec<Lane>,
    /// It comes later than what was planned before it for these.
    after: Vec<Lane>,
    /// Nothing else may be done at the same time.
    is_alone: bool,
}

impl Task {
    pub fn of_step(step: &Step) -> Self {
        let made = step.undo.iter().map(|undo| &undo.made);
        let is_link = |fact: &&Fact| matches!(fact, Fact::Link { .. });
        let (links, others): (Vec<&Fact>, Vec<&Fact>) =
            step.gives.iter().chain(made).partition(is_link);
        let is_namespace = |fact: &&Fact| matches!(fact, Fact::Namespace(_));
        let makes = lanes(step.gives.iter().filter(is_namespace));
        // What a value was before has to be looked up when the file is there and nobody changes it. And what takes the
        // place of something that the step takes away must be seen not to be there, once it is away.
        let is_of_before = |undo: &Undo| matches!(undo.made, Fact::Not(_)) || is_value(&undo.made);
        let restores = step.undo.iter().any(is_of_before);
        Self {
            lane: lane(&step.run),
            touches: lanes(others),
            reaches: lanes(links),
            makes,
            after: step.after.iter().map(of_place).collect(),
            is_alone: restores || needs_all(&step.run),
        }
    }

    pub fn of_undo(undo: &Undo) -> Self {
        Self {
            lane: lane(&undo.run),
            touches: lanes([&undo.made]),
            reaches: Vec::new(),
            makes: Vec::new(),
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
        Cmd::End { .. }
        | Cmd::Start { .. }
        | Cmd::Stop { .. }
        | Cmd::Await { .. }
        | Cmd::Settle { .. } => Lane::Host,
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
        Cmd::End { .. }
        | Cmd::Start { .. }
        | Cmd::Stop { .. }
        | Cmd::Await { .. }
        | Cmd::Settle { .. } => true,
        _ => false,
    }
}

/// The tasks in batches, each as late as possible, in an order in which none comes before anything it depends on.
pub(super) fn schedule(tasks: &mut [Task]) -> Vec<Level> {
    if tasks.len() < LONG {
        let alone = |(index, task): (usize, &Task)| {
            vec![Batch { lane: task.lane.clone(), steps: vec![index] }]
        };
        return tasks.iter().enumerate().map(alone).collect();
    }
    share_making(tasks);
    let mut levels = as_early_as_possible(tasks);
    join::join(tasks, &mut levels);
    levels.retain(|level| !level.is_empty());
    levels
}

/// Gives each of two processes half of the namespaces to make, where there are many.
fn share_making(tasks: &mut [Task]) {
    let makes = |task: &&mut Task| !task.makes.is_empty() && task.lane == Lane::Host;
    let making: Vec<&mut Task> = tasks.iter_mut().filter(makes).collect();
    let count = making.len();
    if count >= MANY {
        for (index, task) in making.into_iter().enumerate() {
            task.lane = Lane::Making(2 * index / count);
        }
    }
}

/// Puts each task into the batch of its lane at the lowest level that is not before anything it depends on.
fn as_early_as_possible(tasks: &[Task]) -> Vec<Level> {
    let mut levels: Vec<BTreeMap<&Lane, usize>> = Vec::new();
    let mut batches: Vec<Level> = Vec::new();
    // Of each lane, the level of the batch that touched it last, and its lane; none where several did.
    let mut last: HashMap<&Lane, (usize, Option<&Lane>)> = HashMap::new();
    // Of each namespace that the plan makes, where it does.
    let mut made: HashMap<&Lane, (usize, Option<&Lane>)> = HashMap::new();
    let mut floor = 0;
    for (index, task) in tasks.iter().enumerate() {
        let touched = || std::iter::once(&task.lane).chain(&task.touches);
        let reached = task.reaches.iter().filter(|lane| **lane != task.lane);
        let before = touched().chain(&task.after).filter_map(|lane| last.get(lane));
        let before = before.chain(reached.clone().filter_map(|lane| made.get(lane)));
        let earliest = before.map(|(level, lane)| level + usize::from(*lane != Some(&task.lane)));
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
        for lane in touched().chain(reached) {
            let touch = last.entry(lane).or_insert((level, Some(&task.lane)));
            *touch = match touch.0.cmp(&level) {
                Ordering::Less => (level, Some(&task.lane)),
                Ordering::Equal => (level, touch.1.filter(|of| **of == task.lane)),
                Ordering::Greater => *touch,
            };
        }
        made.extend(task.makes.iter().map(|lane| (lane, (level, Some(&task.lane)))));
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
