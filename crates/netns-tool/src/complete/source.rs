//! What an argument may be: the names of what stands.

use crate::cli::{Cli, Kind};
use crate::kernel::names::{labs, links, users};
use crate::kernel::namespaces;
use crate::kernel::state::Link;
use crate::lab;
use crate::mark::LabName;
use crate::name::NamespaceName;
use crate::plan::Place;
use crate::topology::label;
use clap::{ArgMatches, CommandFactory};
use clap_complete::engine::CompletionCandidate;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The ids of candidates that stand for what the shell itself knows.
pub const FILES: &str = "files";
pub const FOLDERS: &str = "folders";

/// Where the candidates for an argument come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Namespaces,
    /// A namespace, or the host.
    Places,
    /// Links of one kind, or of any but loopbacks.
    Links(Place, Option<&'static str>),
    Labs,
    LabFiles,
    LabsAndFiles,
    /// The namespaces that a lab file describes.
    NamespacesOf(PathBuf, Option<LabName>),
    /// Whatever can be shown, or only that.
    Anything(Option<Kind>),
    Users,
    Subcommands,
    Folders,
}

impl Source {
    /// That of an argument, by the names of its subcommand and its own; what else the line says decides. None for what
    /// is made, which gets a new name.
    pub fn of(command: &str, arg: &str, line: &ArgMatches) -> Option<Self> {
        let is_set = |flag: &str| is_given::<bool>(line, flag).unwrap_or(false);
        let place = |option: &str| is_given::<NamespaceName>(line, option);
        let is_removal = || is_set("delete");
        Some(match (command, arg) {
            ("exec", "name") if is_set("all") => Self::Labs,
            ("exec" | "shell", "name")
            | ("delete", "names")
            | ("veth", "namespace" | "host_ns")
            | ("bridge", "namespace") => Self::Namespaces,
            ("trace", "from" | "to") => Self::Places,
            ("exec" | "shell", "user") => Self::Users,
            ("veth", "host_if") if is_removal() => Self::Links(place("host_ns"), Some("veth")),
            ("veth", "peer_if") if is_removal() => Self::Links(None, Some("veth")),
            ("veth", "ns_if") if is_removal() => {
                Self::Links(Some(place("namespace")?), Some("veth"))
            }
            ("veth", "bridge") => Self::Links(place("host_ns"), Some("bridge")),
            ("bridge", "name") if is_removal() => Self::Links(place("namespace"), Some("bridge")),
            ("bridge", "attach") => Self::Links(place("namespace"), None),
            ("nat", "bridge" | "allowed") => Self::Links(None, Some("bridge")),
            ("nat", "outbound") => Self::Links(None, None),
            ("up" | "plan" | "diff" | "check" | "run", "file") | ("doctor", "lab") => {
                Self::LabFiles
            }
            ("plan" | "diff" | "check" | "down" | "graph", "name")
            | ("list", "lab")
            | ("capture", "all_of") => Self::Labs,
            ("down" | "graph", "lab") => Self::LabsAndFiles,
            ("run", "inside") => {
                Self::NamespacesOf(is_given(line, "file")?, is_given(line, "name"))
            }
            ("show", "name") => Self::Anything(is_given(line, "kind")),
            ("capture", "place") if is_given::<String>(line, "all_of").is_none() => {
                Self::Anything(None)
            }
            ("man", "page") => Self::Subcommands,
            ("man", "into") => Self::Folders,
            _ => return None,
        })
    }

    /// Those that begin as the word does.
    pub fn candidates(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else { return Vec::new() };
        let mut all = self.all(current);
        all.retain(|candidate| {
            let value = candidate.get_value().to_str();
            value.is_some_and(|value| value.is_empty() || value.starts_with(current))
        });
        all
    }

    fn all(&self, current: &str) -> Vec<CompletionCandidate> {
        match self {
            Self::Namespaces => described(namespace_names(), ""),
            Self::Places => {
                let mut all = described(namespace_names(), "a namespace");
                all.push(CompletionCandidate::new("host").help(Some("this host".into())));
                all
            }
            Self::Links(at, kind) => described(link_names(at, *kind), ""),
            Self::Labs => described(lab_names(), ""),
            Self::LabFiles => vec![shells_own(FILES)],
            Self::LabsAndFiles => {
                let mut all = described(lab_names(), "a lab that is up");
                all.push(shells_own(FILES));
                all
            }
            Self::NamespacesOf(file, name) => described(described_in(file, name.clone()), ""),
            Self::Anything(kind) => anything(*kind, current),
            Self::Users => described(users(), ""),
            Self::Subcommands => Cli::command()
                .get_subcommands()
                .filter(|command| !command.is_hide_set())
                .map(|command| {
                    CompletionCandidate::new(command.get_name()).help(command.get_about().cloned())
                })
                .collect(),
            Self::Folders => vec![shells_own(FOLDERS)],
        }
    }
}

/// What the line names already where a name makes sense but once; `word` is that at the cursor, which counts as not yet
/// named.
pub fn named_already(command: &str, arg: &str, line: &ArgMatches, word: &str) -> Vec<OsString> {
    let args: &[&str] = match (command, arg) {
        ("trace", _) => &["from", "to"],
        ("delete", "names") => &["names"],
        ("bridge", "attach") => &["attach"],
        ("nat", "allowed" | "bridge") => &["allowed", "bridge"],
        _ => &[],
    };
    let values = |arg: &&str| line.try_get_raw(arg).ok().flatten().into_iter().flatten();
    let mut named: Vec<OsString> = args.iter().flat_map(values).map(OsStr::to_owned).collect();
    if let Some(own) = named.iter().rposition(|name| name == word) {
        named.remove(own);
    }
    named
}

/// What the line says of an argument. The cursor's own word stands for nothing.
fn is_given<T: Clone + Send + Sync + 'static>(line: &ArgMatches, arg: &str) -> Option<T> {
    line.try_get_one::<T>(arg).ok().flatten().cloned()
}

fn shells_own(id: &str) -> CompletionCandidate {
    CompletionCandidate::new("").id(Some(id.to_owned()))
}

/// In order. Where the names are of one kind, there is nothing to say about them.
fn described(names: Vec<String>, help: &'static str) -> Vec<CompletionCandidate> {
    let mut names = names;
    names.sort();
    names.dedup();
    // What the shell is given it puts into the line as it is.
    names.retain(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.@:".contains(&b)));
    let help = (!help.is_empty()).then(|| help.into());
    names.into_iter().map(|name| CompletionCandidate::new(name).help(help.clone())).collect()
}

fn namespace_names() -> Vec<String> {
    namespaces::all().iter().map(NamespaceName::to_string).collect()
}

fn lab_names() -> Vec<String> {
    labs().iter().map(LabName::to_string).collect()
}

fn link_names(at: &Place, kind: Option<&str>) -> Vec<String> {
    let mut links = links(at);
    links.retain(|link| is_usable(link) && kind.is_none_or(|kind| link.is_kind(kind)));
    links.into_iter().map(|link| link.name.to_string()).collect()
}

/// Whether the name can be typed, and is not that of a loopback.
fn is_usable(link: &Link) -> bool {
    link.name.is_plain() && link.name.as_str() != "lo"
}

fn described_in(file: &std::path::Path, name: Option<LabName>) -> Vec<String> {
    let lab = lab::read(file, name);
    lab.map(|lab| lab.namespaces.iter().map(|netns| netns.name.to_string()).collect())
        .unwrap_or_default()
}

/// Namespaces, interfaces and labs; those inside of a namespace once it is named.
fn anything(kind: Option<Kind>, current: &str) -> Vec<CompletionCandidate> {
    let is_wanted = |one: Kind| kind.is_none_or(|kind| kind == one);
    let mut all = Vec::new();
    if is_wanted(Kind::Namespace) {
        all.extend(described(namespace_names(), "a namespace"));
    }
    if is_wanted(Kind::Interface) {
        let netns =
            current.split_once(':').and_then(|(netns, _)| NamespaceName::standing(netns).ok());
        let at = netns.clone();
        let mut inside = netns.map(|_| links(&at)).unwrap_or_default();
        inside.retain(is_usable);
        let inside = inside.iter().map(|link| label(&at, &link.name)).collect();
        all.extend(described(link_names(&None, None), "an interface of the host"));
        all.extend(described(inside, "an interface inside"));
    }
    if is_wanted(Kind::Lab) {
        all.extend(described(lab_names(), "a lab"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also those of subcommands that are yet to come.
    #[test]
    fn no_argument_that_names_what_stands_is_forgotten() {
        const NAMES: [&str; 9] =
            ["NAMESPACE", "NS|LAB", "BRIDGE", "IF", "OUTBOUND", "FILE", "FILE|NAME", "USER", "DIR"];
        let (nothing, mut count) = (ArgMatches::default(), 0);
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            for arg in command.get_arguments() {
                let names = arg.get_value_names().unwrap_or_default();
                if names.iter().any(|name| NAMES.contains(&name.as_str())) {
                    let (command, arg) = (command.get_name(), arg.get_id().as_str());
                    assert!(Source::of(command, arg, &nothing).is_some(), "{command}: {arg}");
                    count += 1;
                }
            }
        }
        assert!(count >= 18, "only {count} were found");
    }
}
