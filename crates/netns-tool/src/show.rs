//! `show`: all that is known of one namespace, interface or lab.

mod scene;
mod text;
mod view;

use crate::cli::ShowArgs;
use crate::kernel::{Snapshot, Wanted};
use crate::topology::{self, Topology};
use crate::{lab, named};
use anyhow::Result;
use std::time::Duration;

/// What has to be read for it.
pub fn wanted() -> Wanted {
    topology::wanted()
}

/// All of it as text or as JSON.
///
/// # Errors
/// Nothing is called so, or several things are; or it cannot be looked into.
pub fn show(args: &ShowArgs, facts: &Snapshot, limit: Duration) -> Result<String> {
    let topology = Topology::standing(facts);
    let meant = named::find(&args.name, args.kind, &topology)?;
    let view = view::View::of(&meant, &topology, facts, limit)?;
    Ok(if args.json { lab::json(&view) } else { text::print(&view) })
}
