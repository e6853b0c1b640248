use super::*;
use crate::ip::{self, End, Hardware};
use crate::item::Item;
use crate::name::InterfaceName;

fn at(name: &str) -> Place {
    (name != "host").then(|| NamespaceName::new(name).unwrap())
}

fn interface(name: &str) -> InterfaceName {
    InterfaceName::new(name).unwrap()
}

fn add(name: &str) -> Step {
    ip::add_namespace(&NamespaceName::new(name).unwrap())
}

fn mark(place: &str, name: &str) -> Step {
    ip::mark(&at(place), &interface(name), "netns-tool", true, "mark it".to_owned())
}

fn veth(one: (&str, &str), other: (&str, &str)) -> Step {
    let hardware = Hardware::default();
    let (one_at, other_at) = (at(one.0), at(other.0));
    ip::add_veth(
        &one_at,
        &End { at: &one_at, name: &interface(one.1), hardware },
        &End { at: &other_at, name: &interface(other.1), hardware },
    )
}

/// The schedule as text: levels separated by ` | `, and in each the batches by `; `.
fn levels(steps: &[Step]) -> String {
    let mut tasks: Vec<Task> = steps.iter().map(Task::of_step).collect();
    // Enough of them for batches, in a place that nobody else touches.
    tasks.extend((0..LONG).map(|_| Task::of_step(&mark("filler", "f"))));
    let shown = |batch: &Batch| {
        let lane = match &batch.lane {
            Lane::Files => "files",
            Lane::Host => "host",
            Lane::Making(_) => "making",
            Lane::Netns(name) => name.as_str(),
        };
        let own = batch.steps.iter().filter(|index| **index < steps.len());
        let own: Vec<_> = own.map(usize::to_string).collect();
        (!own.is_empty()).then(|| format!("{lane} {}", own.join(" ")))
    };
    let level = |level: &Level| level.iter().filter_map(shown).collect::<Vec<_>>().join("; ");
    let levels: Vec<_> = schedule(&mut tasks).iter().map(level).collect();
    levels.into_iter().filter(|level| !level.is_empty()).collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_short_plan_is_done_step_by_step() {
    let mut tasks: Vec<Task> = (1..LONG).map(|_| Task::of_step(&mark("host", "a"))).collect();
    let levels = schedule(&mut tasks);
    assert_eq!(levels.len(), LONG - 1);
    assert!(levels.iter().all(|level| level.len() == 1 && level[0].steps.len() == 1));
}

#[test]
fn a_star_takes_one_batch_of_the_host_and_one_of_each_namespace() {
    let steps = [
        add("a"),
        veth(("host", "ha"), ("a", "eth0")),
        mark("a", "eth0"),
        add("b"),
        veth(("host", "hb"), ("b", "eth0")),
        mark("host", "hb"),
        mark("b", "eth0"),
        mark("a", "eth1"),
    ];
    assert_eq!(levels(&steps), "host 0 1 3 4 5 | a 2 7; b 6");
}

#[test]
fn many_namespaces_are_made_by_two_and_each_has_one_batch_all_the_same() {
    let names: Vec<String> = (0..MANY).map(|number| format!("n{number}")).collect();
    let own = |name| [add(name), mark(name, "lo1")];
    let mut steps: Vec<Step> = names.iter().flat_map(|name| own(name)).collect();
    steps.push(veth(("host", "h"), ("n0", "eth0")));
    steps.push(mark("n0", "eth0"));
    let made = |numbers: std::ops::Range<usize>| {
        numbers.map(|number| (2 * number).to_string()).collect::<Vec<_>>().join(" ")
    };
    let (first, second) = (made(0..MANY / 2), made(MANY / 2..MANY));
    let others: Vec<String> =
        (1..MANY).map(|number| format!("n{number} {}", 2 * number + 1)).collect();
    let (veth, end) = (2 * MANY, 2 * MANY + 1);
    let expected = format!(
        "making {first}; making {second} | {}; host {veth} | n0 1 {end}",
        others.join("; ")
    );
    assert_eq!(levels(&steps), expected);
}

#[test]
fn a_pair_that_is_made_from_inside_is_not_put_off() {
    let steps = [
        add("a"),
        add("b"),
        veth(("a", "e0"), ("b", "e1")),
        mark("b", "e1"),
        mark("a", "e0").after([at("b")]),
    ];
    assert_eq!(levels(&steps), "host 0 1 | a 2 | b 3 | a 4");
}

#[test]
fn what_somebody_waits_for_is_not_put_off() {
    let steps = [
        add("a"),
        mark("a", "lo1"),
        mark("host", "x").after([at("a")]),
        veth(("host", "h"), ("a", "eth0")),
        mark("a", "eth0"),
    ];
    assert_eq!(levels(&steps), "host 0 | a 1 | host 2 3 | a 4");
}

#[test]
fn a_pair_of_two_namespaces_comes_after_both_and_before_what_is_done_with_its_ends() {
    let steps = [
        add("a"),
        add("b"),
        mark("b", "x"),
        veth(("a", "e0"), ("b", "e1")),
        mark("b", "e1"),
        mark("a", "e0"),
    ];
    assert_eq!(levels(&steps), "host 0 1 | a 3 5 | b 2 4");
}

#[test]
fn what_is_to_come_after_places_comes_after_all_that_was_planned_for_them() {
    let steps = [
        add("a"),
        mark("a", "lo1"),
        mark("host", "x"),
        mark("host", "y").after([at("a")]),
        mark("a", "z"),
    ];
    assert_eq!(levels(&steps), "host 0 2 | a 1 4 | host 3");
}

#[test]
fn what_acts_on_everything_is_done_alone() {
    let path = "/proc/sys/net/ipv4/ip_forward".to_owned();
    let write = Step::new("w", Cmd::Write { netns: None, path: path.clone(), value: "1".into() });
    let inside =
        Step::new("w", Cmd::Write { netns: at("a"), path: path.clone(), value: "1".into() });
    let steps = [
        mark("a", "x"),
        inside.clone(),
        write,
        mark("a", "y"),
        mark("host", "z"),
        inside.undo([Undo::write(&at("a"), path, "0".to_owned())]),
        mark("a", "u"),
    ];
    assert_eq!(levels(&steps), "a 0 1 | host 2 | a 3; host 4 | a 5 | a 6");
}

#[test]
fn files_are_made_beside_all_else() {
    let file = |name: &str| {
        let path = format!("/etc/netns/{name}");
        Item::Directory { path }.make("m".to_owned())
    };
    assert_eq!(levels(&[file("a"), add("a"), file("b"), add("b")]), "files 0 2; host 1 3");
}

/// Whatever the plan: two steps that touch the same place are done in the plan's order.
#[test]
fn the_order_of_the_plan_holds_at_each_place() {
    let places = ["host", "a", "b", "c"];
    let mut random = 1_u32;
    let mut next = |below: usize| {
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (random >> 16) as usize % below
    };
    for _ in 0..300 {
        let steps: Vec<Step> = (0..30)
            .map(|_| match next(3) {
                0 => veth((places[next(4)], "x"), (places[1 + next(3)], "y")),
                1 => mark(places[next(4)], "z").after([at(places[next(4)])]),
                _ => mark(places[next(4)], "z"),
            })
            .collect();
        let mut tasks: Vec<Task> = steps.iter().map(Task::of_step).collect();
        let mut when = vec![(0, Lane::Files, 0); steps.len()];
        for (level, batches) in schedule(&mut tasks).into_iter().enumerate() {
            for batch in batches {
                for (order, step) in batch.steps.iter().enumerate() {
                    when[*step] = (level, batch.lane.clone(), order);
                }
            }
        }
        let touched = |task: &Task| [&[task.lane.clone()][..], &task.touches].concat();
        for later in 0..tasks.len() {
            for earlier in 0..later {
                let needed = [&touched(&tasks[later])[..], &tasks[later].after].concat();
                let is_needed = touched(&tasks[earlier]).iter().any(|lane| needed.contains(lane));
                let (one, other) = (&when[earlier], &when[later]);
                let is_before =
                    one.0 < other.0 || (one.0 == other.0 && one.1 == other.1 && one.2 < other.2);
                assert!(!is_needed || is_before, "{earlier} before {later}: {when:?}");
            }
        }
    }
}
