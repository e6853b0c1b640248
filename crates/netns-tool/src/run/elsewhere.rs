//! A journal that was written in another network namespace: what it tells of is not here, and something of the same
//! name that is here is somebody else's.

use super::journal::Left;
use super::undo;
use crate::failure::{Failure, failed};
use crate::kernel::whose::{Identity, Whereabouts, own};
use crate::plan::quote;
use anyhow::Result;

/// How many of the things that a killed command has begun are named.
const NAMED: usize = 8;

/// The journal was written here.
///
/// # Errors
/// It was written in another network namespace; which, and what to do.
pub(super) fn check(left: &Left, command: &str) -> Result<()> {
    match left.netns {
        Some(there) if there != own()? => Err(refusal(left, command, there).into()),
        _ => Ok(()),
    }
}

fn refusal(left: &Left, command: &str, there: Identity) -> Failure {
    let (place, remedy) = match there.whereabouts() {
        Whereabouts::Host => (
            "the host's, that of process 1".to_owned(),
            "netns-tool recover, outside of `ip netns exec`".to_owned(),
        ),
        Whereabouts::Name(name) => {
            (format!("`{name}`"), format!("ip netns exec {} netns-tool recover", quote(&name)))
        }
        Whereabouts::Process { pid, command } => (
            format!("that of process {pid} ({command})"),
            format!("nsenter --net=/proc/{pid}/ns/net netns-tool recover"),
        ),
        Whereabouts::Nowhere => (
            "one without a name, and without a process that can be seen from here".to_owned(),
            "if it is gone, remove what is left of the above, and then: rm -r /run/netns-tool"
                .to_owned(),
        ),
    };
    let what = "a killed command has left something in another network namespace, where alone it \
                can be taken back";
    failed(what).note("ran", command).note("begun", begun(left)).note("where", place).hint(remedy)
}

fn begun(left: &Left) -> String {
    let facts: Vec<_> =
        left.steps.iter().flat_map(|step| &step.undo).map(|undo| undo.made.clone()).collect();
    let more = facts.len().saturating_sub(NAMED);
    let named = undo::names(&facts[..facts.len() - more]);
    if more == 0 { named } else { format!("{named}, and {more} more") }
}
