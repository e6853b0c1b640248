//! The lab file: TOML that reads like a description of the network. All that is wrong in it is found at once.

mod check;
mod draft;
mod draw;
mod expect;
mod hosts;
mod names;
mod nat;
mod problem;
mod raw;
mod route;
#[cfg(test)]
pub mod tests;
mod value;

use crate::failure::{Failure, in_words, printable_word, usage};
use crate::lab::model::Lab;
use crate::mark::LabName;
use draft::Draft;
use names::Names;
use nix::fcntl::OFlag;
use problem::{Problem, Problems};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// How long a lab file may be, in bytes.
const TEXT_MAX: u64 = 1 << 20;

/// Reads a lab file. With a name that is not the file's own, the lab is another one, which can stand beside the first.
///
/// # Errors
/// Wrong usage: the file cannot be read, or all that is wrong in it.
pub fn read(path: &Path, name: Option<LabName>) -> Result<Lab, Failure> {
    let shown = printable_word(path.as_os_str());
    let text = text(path, &shown)?;
    let absolute = std::path::absolute(path)
        .map_err(|error| usage(format!("cannot tell where {shown} is: {}", in_words(&error))))?;
    parse(&text, &shown, absolute, name).map_err(Problems::into_failure)
}

/// What the text describes; nothing but the text is looked at.
///
/// # Errors
/// All that is wrong in it.
pub fn parse(
    text: &str,
    path_shown: &str,
    absolute: PathBuf,
    name: Option<LabName>,
) -> Result<Lab, Problems> {
    let mut problems = Problems::new(path_shown, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let end = text.trim_end().len();
        let span = error.span().unwrap_or(end..end);
        problems.add(Problem::new(&span, "this is no TOML").label(error.message()));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let file = raw::File::read(&document, &mut problems);
    let file_name = absolute.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let stem = file_name.strip_suffix(".toml").unwrap_or(&file_name);
    let names = Names::new(&file, stem, name.as_ref(), &mut problems);
    let lab = build(&file, names, absolute.clone(), &mut problems);
    lab.filter(|_| problems.is_empty()).ok_or(problems)
}

/// The lab; of what is wrong in it, `problems` tells.
fn build(
    file: &raw::File,
    names: Names,
    absolute: PathBuf,
    problems: &mut Problems,
) -> Option<Lab> {
    let mut draft = Draft::new(file, names, problems)?;
    draw::draw(&mut draft, problems);
    check::check(&draft, problems);
    let routes = route::routes(&draft, problems);
    let nats = nat::nats(&draft, problems);
    let whereabouts = hosts::whereabouts(&draft);
    let namespaces = hosts::namespaces(&draft, &whereabouts, problems);
    let expectations = expect::expectations(&draft, &whereabouts, problems);
    Some(Lab {
        name: LabName::new(&draft.names.lab).ok()?,
        file: absolute,
        namespaces,
        bridges: draft.bridges.iter().map(|bridge| bridge.finished(&draft)).collect(),
        links: draft.wires.iter().map(|wire| wire.finished(&draft)).collect(),
        routes,
        nats,
        processes: draft.processes(),
        expectations,
        whereabouts: whereabouts.with_places(|at| draft.place(*at)),
    })
}

fn text(path: &Path, shown: &str) -> Result<String, Failure> {
    let cannot =
        |error: &std::io::Error| usage(format!("cannot read {shown}: {}", in_words(error)));
    // Of a FIFO the opening alone would wait for a writer.
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file: File = file.map_err(|error| cannot(&error))?;
    let metadata = file.metadata().map_err(|error| cannot(&error))?;
    if !metadata.is_file() {
        return Err(usage(format!("{shown} is not a regular file, which a lab file has to be")));
    }
    let mut bytes = Vec::new();
    file.take(TEXT_MAX + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > TEXT_MAX {
        return Err(usage(format!(
            "{shown} has more than {TEXT_MAX} bytes, the most of a lab file"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        usage(format!("{shown} is not text (UTF-8): see line {line}"))
    })
}
