//! The names of a lab's things, as they are in the kernel.

use super::problem::{Problem, Problems, Span, shown};
use super::raw;
use crate::mark::{LabName, fnv64};
use crate::name::{InterfaceName, NamespaceName};

/// The name of the lab, and what it puts before those of its things.
#[derive(Debug)]
pub struct Names {
    pub lab: String,
    /// Empty if the lab has the name that its file gives it.
    prefix: String,
}

impl Names {
    pub fn new(
        file: &raw::File,
        stem: &str,
        given: Option<&LabName>,
        problems: &mut Problems,
    ) -> Self {
        if let Some(name) = &file.name
            && let Err(why) = LabName::new(&name.value)
        {
            let message = format!("a lab cannot be called `{}`", shown(&name.value));
            problems.add(Problem::new(&name.span, message).label(why));
        }
        let own = file.name.as_ref().map_or(stem, |name| &name.value);
        match given {
            Some(given) if given.as_str() != own => {
                Self { lab: given.to_string(), prefix: format!("{given}-") }
            }
            Some(_) => Self { lab: own.to_owned(), prefix: String::new() },
            None => {
                if let (None, Err(why)) = (&file.name, LabName::new(stem)) {
                    let message =
                        format!("the lab cannot be called `{}`, like its file: {why}", shown(stem));
                    problems.add(
                        Problem::new(&(0..0), message).label("name = \"…\" gives it another name"),
                    );
                }
                Self { lab: own.to_owned(), prefix: String::new() }
            }
        }
    }

    /// The namespace that the file calls so.
    pub fn namespace(&self, name: &str, span: &Span, problems: &mut Problems) -> String {
        let check = |name: &str| NamespaceName::new(name).map(|_| ());
        self.new_name(name, check, &self.prefix, ("namespace", span), problems)
    }

    /// The interface that the file calls so; names inside namespaces are nobody else's.
    pub fn interface(
        &self,
        name: &str,
        is_on_host: bool,
        span: &Span,
        problems: &mut Problems,
    ) -> String {
        let prefix = if is_on_host { &self.prefix } else { "" };
        let check = |name: &str| InterfaceName::new(name).map(|_| ());
        self.new_name(name, check, prefix, ("interface", span), problems)
    }

    fn new_name(
        &self,
        name: &str,
        check: impl Fn(&str) -> Result<(), String>,
        prefix: &str,
        (what, span): (&str, &Span),
        problems: &mut Problems,
    ) -> String {
        let full = format!("{prefix}{name}");
        if let Err(why) = check(name) {
            let message = format!("the {what} cannot be called `{}`", shown(name));
            problems.add(Problem::new(span, message).label(why));
        } else if let Err(why) = check(&full) {
            let message = format!("in the lab `{}` the {what} is called `{full}`", self.lab);
            let label = format!("{why}; choose a shorter --name, or a shorter name here");
            problems.add(Problem::new(span, message).label(label));
        }
        full
    }

    /// A name for an interface that the file gives none: one that tells what is at the other end of the wire, if it fits
    /// and is free, else a short one that stays the same.
    pub fn generated(
        &self,
        (place, interface): (&str, &str),
        is_on_host: bool,
        is_free: impl Fn(&str) -> bool,
    ) -> String {
        let prefix = if is_on_host { &self.prefix } else { "" };
        let is_good = |name: &String| InterfaceName::new(name).is_ok();
        let plain = format!("{prefix}{place}-{interface}");
        if is_good(&plain) && is_free(&plain) {
            return plain;
        }
        let key = format!("{}/{place}/{interface}", self.lab);
        let mut number = 0_u32;
        loop {
            let hash =
                short_hash(&if number == 0 { key.clone() } else { format!("{key}/{number}") });
            let begin: String = place.chars().take(ROOM).collect();
            let fewer: String = place.chars().take(ROOM - 1).collect();
            let names = [format!("{begin}-{hash}"), format!("n{fewer}-{hash}")];
            let name = names.into_iter().find(is_good).unwrap_or(format!("lab-{hash}"));
            if is_free(&name) {
                return name;
            }
            number += 1;
        }
    }
}

/// How many characters a short hash has, of 5 bits each.
const HASH: usize = 6;
/// What is left of an interface's name (15 bytes) before `-` and a hash.
const ROOM: usize = 15 - 1 - HASH;

/// The same for the same text for ever: it is in the names of interfaces, which the next release has to find again.
/// (64 bits, folded to 30, in base32.)
fn short_hash(text: &str) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = fnv64(text);
    let folded = hash ^ (hash >> 32);
    (0..HASH).map(|digit| char::from(DIGITS[(folded >> (5 * digit) & 31) as usize])).collect()
}
