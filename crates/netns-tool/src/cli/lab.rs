//! The command line of the labs.

use crate::mark::LabName;
use clap::Args;
use std::path::PathBuf;

/// Of `up`.
pub(super) const UP_HELP: &str = "\
    It changes only what differs: run again it changes nothing, and what somebody has removed or altered is put right. \
    All of it is done or nothing; what is no longer in the file goes at the end.\n\n\
    A lab file, such as lab.toml:\n\n  \
    [bridge.br0]\n  address = \"10.0.0.1/24\"\n  nat = true\n\n  \
    [namespace.web]\n  bridge = \"br0\"\n\n  \
    [namespace.db]\n  bridge = \"br0\"";

/// A lab by its file.
#[derive(Debug, Args)]
pub struct LabArgs {
    /// The lab file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The name of the lab, in place of that in the file; the names of its namespaces, and of its interfaces on the host, begin with it then
    #[arg(long, value_name = "NAME", value_parser = LabName::new)]
    pub name: Option<LabName>,
}

/// Take down a lab: everything that bears its mark
#[derive(Debug, Args)]
pub struct DownArgs {
    /// The lab file, or the name of the lab
    #[arg(value_name = "FILE|NAME")]
    pub lab: PathBuf,
    /// The name of the lab, if it is up under another than that in the file
    #[arg(long, value_name = "NAME", value_parser = LabName::new)]
    pub name: Option<LabName>,
}

/// What is shown of a lab.
#[derive(Debug, Args)]
pub struct ShownArgs {
    #[command(flatten)]
    pub lab: LabArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// List the labs that are up
#[derive(Debug, Args)]
pub struct LabsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
