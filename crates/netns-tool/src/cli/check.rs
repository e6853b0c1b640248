//! The command line of `check`.

use super::LabArgs;
use clap::{Args, ValueEnum};

/// Of `check`.
pub(super) const HELP: &str = "\
    The lab has to be up. An expectation is a table [[expect]] of its file:\n\n  \
    [[expect]]\n  from = \"web\"\n  to = \"db\"\n  tcp = 5432\n\n  \
    [[expect]]\n  from = \"db\"\n  to = \"10.0.0.9\"\n  reachable = false\n\n\
    Exit codes: 0 all hold; 1 one does not, or the lab is not up. What the matrix shows is no failure.";

/// Test whether a lab does what its file expects, and say why where it does not
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub lab: LabArgs,
    /// Show also who reaches whom by ping
    #[arg(long)]
    pub matrix: bool,
    /// How to print it: for people, as TAP 14, as XML of JUnit, or as JSON
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// A form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Tap,
    Junit,
    Json,
}
