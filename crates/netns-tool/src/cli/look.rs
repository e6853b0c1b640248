//! The command line of what shows what stands.

use crate::mark::LabName;
use clap::{Args, ValueEnum};

/// List namespaces, bridges and NATs, and whose they are
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only what belongs to this lab
    #[arg(long, value_name = "NAME", value_parser = LabName::new)]
    pub lab: Option<LabName>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Show a namespace, a bridge, a link or a lab
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A namespace, an interface of the host, a lab; or NAMESPACE:INTERFACE
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What the name is that of, where several have it
    #[arg(long = "as", value_name = "KIND")]
    pub kind: Option<Kind>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Namespace,
    Interface,
    Lab,
}
