//! What may have been meant by a name that is not there.

use crate::failure::printable_word;
use std::ffi::OsStr;

/// How much of a name is repeated in a message, in characters.
pub const SHOWN: usize = 60;

/// A name of others as it is repeated in a message: on one line, and not too long.
pub fn shown(text: &str) -> String {
    cut(text, SHOWN)
}

/// So many characters of a text, on one line.
pub fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", one_line(&text[..end])),
        None => one_line(text),
    }
}

/// Line breaks would look as if the message had ended.
pub fn one_line(text: &str) -> String {
    printable_word(OsStr::new(text))
}

/// The nearest of those that are known, or some of them; none where nothing is known.
pub fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    const LISTED: usize = 6;
    let known: Vec<&str> = known.collect();
    let distance = |other: &&&str| strsim::damerau_levenshtein(name, other);
    let is_near = |other: &&str| distance(&other) <= 1 + name.chars().count() / 4;
    let nearest = known.iter().min_by_key(distance)?;
    if is_near(nearest) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let names: Vec<_> =
        known.iter().take(LISTED).map(|name| format!("`{}`", shown(name))).collect();
    let more = if known.len() > LISTED { ", …" } else { "" };
    let verb = if known.len() == 1 { "there is" } else { "there are" };
    Some(format!("{verb} {}{more}", names.join(", ")))
}
