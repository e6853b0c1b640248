//! The command line of `doctor`.

use crate::mark::LabName;
use clap::Args;
use std::path::PathBuf;

/// Of `doctor`.
pub(super) const HELP: &str = "\
    It changes nothing, and needs no root's rights, but sees more with them. A finding is `broken` if something will \
    fail because of it, a `warning` if something may, or a `note`; `try` is the command that cures it.\n\n\
    Exit codes: 0 nothing will break; 1 something will.";

/// Examine the host: what will break a network on it, why, and what cures it
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// A lab file: examine also whether this lab can be built
    #[arg(value_name = "FILE")]
    pub lab: Option<PathBuf>,
    /// The name of the lab, in place of that in the file
    #[arg(long, value_name = "NAME", value_parser = LabName::new, requires = "lab")]
    pub name: Option<LabName>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
