//! The command line of `graph`.

use crate::mark::LabName;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Of `graph`.
pub(super) const HELP: &str = "\
    With FILE it draws what the file says: nothing is read but the file, and it takes no rights. With NAME, that of a \
    lab that is up, or with nothing, it draws what stands, as --live does.\n\n  \
    netns-tool graph lab.toml\n  \
    netns-tool graph lab.toml --format svg > lab.svg\n  \
    sudo netns-tool graph";

/// Draw a network: that of a lab file, or what stands
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// A lab file, or the name of a lab that is up; without it, all that stands
    #[arg(value_name = "FILE|NAME")]
    pub lab: Option<PathBuf>,
    /// Draw what stands; of a lab its part, and what that is wired to
    #[arg(long)]
    pub live: bool,
    /// The form of the picture: for a terminal, for Markdown, for Graphviz, or an image
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Picture,
    /// The name of the lab, in place of that in the file
    #[arg(long, value_name = "NAME", value_parser = LabName::new, requires = "lab")]
    pub name: Option<LabName>,
}

/// A form of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    Text,
    Mermaid,
    Dot,
    Svg,
}
