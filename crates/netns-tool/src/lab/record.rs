//! What a lab's namespaces tell of it besides its name: since when it is up, and which file describes it.

use crate::kernel::Snapshot;
use crate::kernel::state::Link;
use crate::mark::{LabName, Mark};
use std::path::{Path, PathBuf};

/// What a link tells of its lab.
pub struct Marked<'a> {
    pub link: &'a Link,
    pub lab: LabName,
    /// In seconds since 1970.
    pub since: Option<u64>,
    pub file: Option<PathBuf>,
}

/// All links that bear the mark of a lab, the loopbacks of its namespaces among them.
pub fn marked(facts: &Snapshot) -> impl Iterator<Item = Marked<'_>> {
    let states = facts.namespaces.values().map(|netns| &netns.state);
    let links = std::iter::once(&facts.host).chain(states).flat_map(|state| &state.links);
    links.filter_map(|link| {
        let (mark, rest) = Mark::read(link.alias.as_deref()?)?;
        let (since, file) = read(rest);
        Some(Marked { link, lab: mark.lab?, since, file })
    })
}

/// As it stands in the alias, after the mark.
pub fn write(since: u64, file: &Path) -> String {
    // A path that is no text, or has a line break, is not told.
    let file = file.to_str().filter(|file| !file.contains(|c: char| c.is_control()));
    let file = file.map(|file| format!(" file {file}")).unwrap_or_default();
    format!(" since {since}{file}")
}

/// Reads it back from what comes after the mark.
fn read(rest: &str) -> (Option<u64>, Option<PathBuf>) {
    let Some(rest) = rest.strip_prefix("since ") else { return (None, None) };
    let (since, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    (since.parse().ok(), rest.strip_prefix("file ").map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for file in ["/root/lab.toml", "/tmp/my labs/a b.toml"] {
            let text = write(1_763_735_214, Path::new(file));
            let rest = text.strip_prefix(' ').unwrap();
            assert_eq!(read(rest), (Some(1_763_735_214), Some(PathBuf::from(file))));
        }
        assert_eq!(read(""), (None, None));
        assert_eq!(read(write(7, Path::new("/a\nb")).trim()), (Some(7), None));
    }
}
