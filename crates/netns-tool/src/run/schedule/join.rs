//! Joining what is done in a namespace at two times, if nobody waits for it meanwhile: that is a process less.

use super::{Batch, Lane, Level, Task};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What stands in the way of doing something later, by the levels at which it does.
struct Ways<'t> {
    /// Where something is done alone.
    barriers: BTreeSet<usize>,
    /// Where, for each lane, others need what was done there.
    awaited: HashMap<&'t Lane, BTreeSet<usize>>,
    /// Where each lane has a batch.
    batches: BTreeMap<&'t Lane, BTreeSet<usize>>,
}

/// Puts each batch of a namespace into the next one there, where that may be.
pub(super) fn join(tasks: &[Task], levels: &mut [Level]) {
    let ways = Ways::new(tasks, levels);
    for (lane, numbers) in &ways.batches {
        if !matches!(lane, Lane::Netns(_)) {
            continue;
        }
        for (early, late) in numbers.iter().zip(numbers.iter().skip(1)) {
            if ways.is_free(lane, *early, *late) {
                put_off(lane, tasks, levels, (*early, *late));
            }
        }
    }
}

impl<'t> Ways<'t> {
    fn new(tasks: &'t [Task], levels: &[Level]) -> Self {
        let (mut barriers, mut awaited) = (BTreeSet::new(), HashMap::<_, BTreeSet<_>>::new());
        let mut batches = BTreeMap::<_, BTreeSet<_>>::new();
        for (number, level) in levels.iter().enumerate() {
            for task in level.iter().flat_map(|batch| &batch.steps).map(|index| &tasks[*index]) {
                if task.is_alone {
                    barriers.insert(number);
                }
                for lane in task.touches.iter().chain(&task.after) {
                    if *lane != task.lane {
                        awaited.entry(lane).or_default().insert(number);
                    }
                }
                batches.entry(&task.lane).or_default().insert(number);
            }
        }
        Self { barriers, awaited, batches }
    }

    /// Whether what is done there at the one level may be done at the other.
    fn is_free(&self, lane: &Lane, early: usize, late: usize) -> bool {
        let awaited = self.awaited.get(lane);
        self.barriers.range(early..=late).next().is_none()
            && awaited.is_none_or(|levels| levels.range(early + 1..=late).next().is_none())
    }
}

fn put_off(lane: &Lane, tasks: &[Task], levels: &mut [Level], (early, late): (usize, usize)) {
    let is_its = |batch: &Batch| batch.lane == *lane;
    // What they do elsewhere may be what others need.
    let is_at_home = |index: &usize| {
        let task = &tasks[*index];
        task.touches.iter().chain(&task.reaches).all(|other| other == lane)
    };
    let Some(place) = levels[early].iter().position(is_its) else { return };
    if !levels[early][place].steps.iter().all(is_at_home) {
        return;
    }
    let mut steps = levels[early].remove(place).steps;
    if let Some(batch) = levels[late].iter_mut().find(|batch| is_its(batch)) {
        steps.append(&mut batch.steps);
        batch.steps = steps;
    }
}
