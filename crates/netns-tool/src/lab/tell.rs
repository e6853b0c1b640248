//! Plans and differences as text and as JSON.

use super::course::Difference;
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

/// What differs, a line each, or as JSON.
pub fn differences(lab: &str, found: &[Difference], as_json: bool) -> String {
    if as_json {
        return json(found);
    }
    if found.is_empty() {
        return format!("Lab `{lab}` is as its file says\n");
    }
    found.iter().map(|found| format!("{} {}\n", found.object, found.difference)).collect()
}

/// For people as well: indented, and with a line break at its end.
pub fn json(value: &(impl Serialize + ?Sized)) -> String {
    // Only a map with keys that are no text cannot be written, and there is none.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
