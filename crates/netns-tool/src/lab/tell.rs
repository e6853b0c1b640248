//! Plans and differences as text and as JSON.

use super::course::{Course, Difference};
use crate::failure;
use crate::plan::{Place, Plan, Step};
use serde::Serialize;

/// A step of a plan, for programs.
#[derive(Serialize)]
struct Told {
    why: String,
    /// As one types it.
    command: String,
    /// The network namespace that it is run in; none: the host.
    namespace: Place,
    /// Whether it removes: such steps come last, and are not taken back.
    removes: bool,
}

/// The steps of a plan as JSON.
pub fn steps(plan: &Plan) -> String {
    let told = |removes: bool| {
        move |step: &'_ Step| Told {
            why: step.why.clone(),
            command: step.run.to_string(),
            namespace: step.run.netns().cloned(),
            removes,
        }
    };
    let build = plan.build.iter().map(told(false));
    let all: Vec<Told> = build.chain(plan.remove.iter().map(told(true))).collect();
    json(&all)
}

/// What differs, a line each, or as JSON: at its end what is in the way of `up`.
pub fn differences(course: &Course, as_json: bool) -> String {
    let in_the_way = course.obstacles.iter().map(|obstacle| Difference {
        object: obstacle.what.clone(),
        difference: "(`up` cannot mend that)".to_owned(),
    });
    let all: Vec<Difference> = course.differences.iter().cloned().chain(in_the_way).collect();
    if as_json {
        return json(&all);
    }
    if all.is_empty() {
        return format!("Lab `{}` is as its file says\n", course.lab.name);
    }
    let line = |found: &Difference| format!("{} {}\n", found.object, found.difference);
    failure::printable(&all.iter().map(line).collect::<String>())
}

/// For people as well: indented, and with a line break at its end.
pub fn json(value: &(impl Serialize + ?Sized)) -> String {
    // Only a map with keys that are no text cannot be written, and there is none.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
