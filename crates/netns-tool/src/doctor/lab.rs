//! Whether a lab can be built.

use super::Finding;
use super::facts::Facts;
use crate::failure::Failure;
use crate::kernel::Snapshot;
use crate::lab::{self, Up};
use crate::noun::Noun;
use anyhow::Result;

/// `typed`: how one asks for this; `for_up`: what `up` would read before it plans.
pub fn examine(up: &Up, typed: &str, for_up: Result<Snapshot>, facts: &Facts) -> Vec<Finding> {
    let name = &up.lab.name;
    let clashes = lab::clashes(&up.lab, &facts.host.host);
    if !clashes.is_empty() {
        let why = "packets for the one would go to the other: `up` refuses";
        return clashes.iter().map(|failure| refused("subnet", failure, why)).collect();
    }
    let found = Finding::ok("subnet", format!("the subnets of lab `{name}` are free on this host"));
    let planned = for_up.and_then(|facts| Ok(up.plan(&facts)?));
    let of_plan = match planned.map_err(|error| error.downcast::<Failure>()) {
        Ok(work) if work.plan.is_empty() => {
            Finding::ok("plan", format!("lab `{name}` is up, as its file says"))
        }
        Ok(_) => Finding::ok("plan", format!("nothing is in the way of `up` for lab `{name}`")),
        Err(_) if facts.lacking.is_some() => Finding::note(
            "plan",
            "whether anything else is in the way of `up` could not be seen",
            "the firewall and namespaces are to be read for that, which only root can",
        )
        .cure(format!("sudo {typed}")),
        Err(Ok(failure)) => refused("plan", &failure, "`up` refuses"),
        Err(Err(error)) => Finding::broken("plan", format!("{error:#}"), "`up` fails"),
    };
    vec![found, of_plan]
}

/// What `up` would say, and nothing more.
fn refused(check: &'static str, failure: &Failure, why: &str) -> Finding {
    let facts: Vec<&str> = failure.facts().collect();
    let why =
        if facts.is_empty() { why.to_owned() } else { format!("{why} ({})", facts.join("; ")) };
    Finding::broken(check, failure.what.clone(), &why).advised(failure)
}
