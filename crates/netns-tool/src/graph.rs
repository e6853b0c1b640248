//! `graph`: the picture of a network, that of a lab file or what stands.

mod build;
mod dot;
mod mermaid;
mod model;
mod svg;
mod text;

use crate::cli::{GraphArgs, Picture};
use crate::failure::{Failure, failed, usage};
use crate::kernel::Snapshot;
use crate::lab;
use crate::lab::model::Lab;
use crate::mark::LabName;
use crate::suggest::shown;
use crate::topology::Topology;
use model::Graph;
use std::path::Path;

/// What is to be drawn.
pub struct Drawing {
    what: What,
    format: Picture,
}

enum What {
    /// What a file says.
    Planned(Box<Lab>),
    /// All that stands.
    Standing,
    /// What stands of the lab of a file.
    Of(Box<Lab>),
    /// What stands of a lab of that name.
    Named(LabName),
}

impl Drawing {
    /// What the command line says.
    ///
    /// # Errors
    /// Wrong usage; all that is wrong in the file.
    pub fn wanted(args: &GraphArgs) -> Result<Self, Failure> {
        let what = match &args.lab {
            None => What::Standing,
            Some(path) if is_file(path) => {
                let lab = Box::new(lab::read(path, args.name.clone())?);
                if args.live { What::Of(lab) } else { What::Planned(lab) }
            }
            Some(name) => What::Named(lab_name(name, args)?),
        };
        Ok(Self { what, format: args.format })
    }

    /// Whether it is to be drawn from what stands.
    pub fn is_live(&self) -> bool {
        !matches!(self.what, What::Planned(_))
    }

    /// The picture; what stands is only looked at where it is live.
    ///
    /// # Errors
    /// The lab is not up.
    pub fn draw(&self, facts: &Snapshot) -> Result<String, Failure> {
        let graph = match &self.what {
            What::Planned(lab) => Graph::of(&Topology::planned(lab), lab.name.as_str()),
            What::Standing => Graph::of(&Topology::standing(facts).walked(), "what stands"),
            What::Of(lab) => {
                lab::require_up(lab, facts)?;
                standing_lab(&lab.name, facts)
            }
            What::Named(name) if lab::stands(name, facts) => standing_lab(name, facts),
            What::Named(name) => {
                return Err(failed(format!("lab `{name}` is not up")).hint("netns-tool labs"));
            }
        };
        Ok(match self.format {
            Picture::Text => text::print(&graph),
            Picture::Mermaid => mermaid::print(&graph),
            Picture::Dot => dot::print(&graph),
            Picture::Svg => svg::print(&graph),
        })
    }
}

fn standing_lab(name: &LabName, facts: &Snapshot) -> Graph {
    Graph::of(&Topology::standing(facts).of_lab(name).walked(), &format!("{name}, as it stands"))
}

/// As `down` tells a file from a name.
fn is_file(path: &Path) -> bool {
    let text = path.to_str().unwrap_or_default();
    text.contains('/') || text.ends_with(".toml") || path.is_file()
}

fn lab_name(name: &Path, args: &GraphArgs) -> Result<LabName, Failure> {
    let text = name.to_string_lossy();
    let wrong = |why| usage(format!("`{}` is no lab: {why}", shown(&text)));
    let name = LabName::new(&text).map_err(wrong)?;
    match &args.name {
        None => Ok(name),
        Some(other) => {
            Err(usage(format!("`{name}` is no file, and --name is the name of its lab"))
                .hint(format!("netns-tool graph FILE --live --name {other}")))
        }
    }
}
