//! What is meant by a name: a namespace, an interface, or a lab that is up.

use crate::cli::Kind;
use crate::failure::{Failure, count, failed, missing, usage};
use crate::name::{InterfaceName, NamespaceName};
use crate::plan::{Place, quote_on_one_line};
use crate::suggest::{meant, shown};
use crate::topology::{Interface, Owner, Topology, label};
use std::collections::BTreeSet;

/// What is called so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    Namespace(NamespaceName),
    Interface(Place, InterfaceName),
    Lab(String),
}

/// The one that is called so; `kind` says which, where several are.
///
/// # Errors
/// None is called so, or several are.
pub fn find(name: &str, wanted: Option<Kind>, topology: &Topology) -> Result<Meant, Failure> {
    let mut found = candidates(name, topology);
    found.retain(|one| wanted.is_none_or(|kind| one.kind() == kind));
    // A name of the host is nearer than the same inside a namespace.
    let is_inside = |one: &Meant| matches!(one, Meant::Interface(Some(_), _));
    if found.iter().any(|one| !is_inside(one)) && !name.contains(':') {
        found.retain(|one| !is_inside(one));
    }
    match found.len() {
        0 => Err(nothing(name, wanted, topology)),
        1 => Ok(found.remove(0)),
        _ => Err(several(name, &found)),
    }
}

fn candidates(name: &str, topology: &Topology) -> Vec<Meant> {
    let namespaces = topology.namespaces().filter(|(one, _)| one.as_str() == name);
    let namespaces = namespaces.map(|(one, _)| Meant::Namespace(one.clone()));
    let interfaces = topology.spots.iter().flat_map(|spot| {
        let by_itself = |one: &&Interface| {
            spot.same_as.is_none()
                && one.name.as_str() == name
                && !(one.is_loopback() && spot.at.is_some())
        };
        let with_place = interface_inside(&spot.at, name);
        let its = spot
            .interfaces
            .iter()
            .filter(move |one| by_itself(one) || with_place == Some(one.name.as_str()));
        its.map(|one| Meant::Interface(spot.at.clone(), one.name.clone()))
    });
    let lab = labs(topology).any(|lab| lab == name).then(|| Meant::Lab(name.to_owned()));
    namespaces.chain(interfaces).chain(lab).collect()
}

/// What is named by `NAMESPACE:INTERFACE`.
fn interface_inside<'a>(at: &Place, name: &'a str) -> Option<&'a str> {
    name.strip_prefix(at.as_ref()?.as_str())?.strip_prefix(':')
}

fn labs(topology: &Topology) -> impl Iterator<Item = &str> {
    let owners = topology.spots.iter().map(|spot| &spot.owner);
    let owners = owners.chain(topology.interfaces().map(|(_, one)| &one.owner));
    let owners = owners.chain(topology.nats.iter().map(|nat| &nat.owner));
    owners.filter_map(|owner| match owner {
        Owner::Lab(lab) => Some(lab.as_str()),
        _ => None,
    })
}

fn nothing(name: &str, kind: Option<Kind>, topology: &Topology) -> Failure {
    let what = match kind {
        Some(Kind::Namespace) => "network namespace",
        Some(Kind::Interface) => "interface",
        Some(Kind::Lab) => "lab that is up and",
        None => "namespace, interface or lab",
    };
    if topology.hidden > 0 {
        let hidden = count(topology.hidden, "network namespace");
        return missing(format!("there is no {what} called `{}` that can be seen", shown(name)))
            .note("reason", format!("{hidden} cannot be looked into without root's rights"))
            .hint("the same as root (sudo)");
    }
    let failure = failed(format!("there is no {what} called `{}`", shown(name)));
    // It may be there as something else.
    if let Some(other) = candidates(name, topology).first() {
        let command = format!("netns-tool show {}", quote_on_one_line(name));
        return failure.note("hint", format!("it is {}", other.in_words())).hint(command);
    }
    let known = known(kind, topology);
    match meant(name, known.iter().map(String::as_str)).filter(|meant| meant.starts_with("did")) {
        Some(meant) => failure.note("hint", meant).hint("netns-tool list"),
        None => failure.hint("netns-tool list"),
    }
}

/// The names of all that is of the kind, in order.
fn known(kind: Option<Kind>, topology: &Topology) -> BTreeSet<String> {
    let is_wanted = |one: Kind| kind.is_none_or(|kind| kind == one);
    let mut known = BTreeSet::new();
    if is_wanted(Kind::Namespace) {
        known.extend(topology.namespaces().map(|(one, _)| one.to_string()));
    }
    if is_wanted(Kind::Interface) {
        known.extend(topology.interfaces().map(|(at, one)| label(at, &one.name)));
    }
    if is_wanted(Kind::Lab) {
        known.extend(labs(topology).map(str::to_owned));
    }
    known
}

fn several(name: &str, found: &[Meant]) -> Failure {
    let all: Vec<String> = found.iter().map(Meant::in_words).collect();
    let name_typed = quote_on_one_line(name);
    let hint = match &found[0] {
        Meant::Interface(at, interface) => format!("netns-tool show {}", label(at, interface)),
        Meant::Namespace(_) => format!("netns-tool show {name_typed} --as namespace"),
        Meant::Lab(_) => format!("netns-tool show {name_typed} --as lab"),
    };
    usage(format!("several things are called `{}`: {}", shown(name), all.join(", "))).hint(hint)
}

impl Meant {
    fn in_words(&self) -> String {
        match self {
            Self::Interface(at, interface) => format!("the interface {}", label(at, interface)),
            Self::Namespace(_) => "a namespace".to_owned(),
            Self::Lab(_) => "a lab".to_owned(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Namespace(_) => Kind::Namespace,
            Self::Interface(..) => Kind::Interface,
            Self::Lab(_) => Kind::Lab,
        }
    }
}
