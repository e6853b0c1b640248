//! A lab is tampered with, and mended: what `diff` tells, what `up` makes anew, and what it does not touch.

use super::faults::{Depth, depth};
use super::labs::{EVERYTHING, FILE, differences, internet, is_as_its_file_says, numbers, up};
use super::law::shell;
use super::{HOST, done, namespaces, private_host};
use std::collections::BTreeSet;
use testhost::{Snapshot, foreign_objects, warm_up};

/// What is done to the lab, the first words of the lines in which `diff` tells it, and the interfaces that `up` may make
/// anew.
pub type Case<'a> = (&'a str, &'a [&'a str], &'a str);

/// Each is done to the lab, found, and mended.
pub fn mends(cases: &[Case<'_>]) {
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        up(EVERYTHING);
        let before = Snapshot::settled();
        // The plans are the same for an ordinary user.
        let step = if depth() == Depth::Again { 3 } else { 1 };
        for case in cases.iter().step_by(step) {
            mends_one(case);
        }
        if let Err(diff) = before.wait_equal_but_random_macs() {
            panic!("it was mended otherwise than it was made:\n{diff}");
        }
    });
}

/// Does the harm and mends it, and looks what was told and made anew.
pub fn mends_one((harm, told, made): &Case<'_>) {
    let before = all_numbers();
    shell(harm);
    let found = differences();
    for wanted in *told {
        assert!(found.iter().any(|line| line.starts_with(wanted)), "{harm}: {wanted}: {found:#?}");
    }
    assert!(!found.is_empty(), "{harm}: nothing is told");
    done(&format!("up {FILE}"));
    is_as_its_file_says();
    let may_be_new = |number: &&String| {
        let name = number.split('=').next().unwrap_or_default();
        made.split_whitespace().any(|made| made == name)
    };
    let now = all_numbers();
    let new: Vec<&String> = now.difference(&before).filter(|new| !may_be_new(new)).collect();
    assert!(new.is_empty(), "{harm}: made anew as well: {new:?}");
    let name = |number: &String| number.split('=').next().unwrap_or_default().to_owned();
    let names = [before, now].map(|all| all.iter().map(name).collect::<BTreeSet<_>>());
    assert_eq!(names[0], names[1], "{harm}");
}

fn all_numbers() -> BTreeSet<String> {
    let places = namespaces().into_iter().chain([HOST.to_owned()]);
    places.flat_map(|place| numbers(&place)).collect()
}
