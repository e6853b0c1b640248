//! What went wrong, in words for the person who typed the command, and the exit code that goes with it.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

/// Why a command ends without success; each kind has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: it failed, and the host is as it was.
    Failed,
    /// 2: wrong usage; nothing was started.
    Usage,
    /// 3: root, a tool or a kernel feature is missing; nothing was changed.
    Missing,
    /// 4: something is left that should be gone.
    Left,
    /// 5: another netns-tool holds the lock.
    Locked,
    /// 128 + n: signal n arrived, and the host is as it was.
    Signal(i32),
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Missing => 3,
            Kind::Left => 4,
            Kind::Locked => 5,
            Kind::Signal(number) => u8::try_from(128 + number).unwrap_or(u8::MAX),
        }
    }
}

/// The label of what to do now.
const TRY: &str = "try";

/// An error for a person: what happened to what, then labelled lines (`ran`, `system`, `undone`, `try`, …).
#[derive(Debug)]
pub struct Failure {
    pub kind: Kind,
    /// What happened to what.
    pub what: String,
    notes: Vec<(&'static str, String)>,
}

impl Failure {
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), notes: Vec::new() }
    }

    /// Adds a labelled line below the message, such as `try: …`.
    pub fn note(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.notes.push((label, text.into()));
        self
    }

    /// What to do now.
    pub fn tries(&self) -> impl Iterator<Item = &str> {
        self.of(|label| label == TRY)
    }

    /// What else was noted: the facts.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.of(|label| label != TRY)
    }

    fn of(&self, is_meant: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        let meant = self.notes.iter().filter(move |(label, _)| is_meant(label));
        meant.map(|(_, text)| text.as_str())
    }

    /// Puts what to do first in the place of what was said of that.
    pub fn first_hint(mut self, text: impl Into<String>) -> Self {
        match self.notes.iter_mut().find(|(label, _)| *label == TRY) {
            Some((_, old)) => *old = text.into(),
            None => return self.hint(text),
        }
        self
    }

    /// Adds what to do now.
    pub fn hint(self, text: impl Into<String>) -> Self {
        self.note(TRY, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.what))?;
        // What to do now comes last.
        let (tries, facts): (Vec<_>, Vec<_>) =
            self.notes.iter().partition(|(label, _)| *label == TRY);
        for (label, text) in facts.into_iter().chain(tries) {
            let text = printable(text);
            for (number, line) in text.trim_end().lines().enumerate() {
                let label = if number == 0 { format!("{label}:") } else { String::new() };
                write!(f, "\n  {label:8} {line}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Shorthand for the usual failure: exit code 1, the host as it was.
pub fn failed(what: impl Into<String>) -> Failure {
    Failure::new(Kind::Failed, what)
}

/// Shorthand for exit code 2.
pub fn usage(what: impl Into<String>) -> Failure {
    Failure::new(Kind::Usage, what)
}

/// Shorthand for exit code 3.
pub fn missing(what: impl Into<String>) -> Failure {
    Failure::new(Kind::Missing, what)
}

/// The words of an error of the system, without its number.
pub fn in_words(error: &std::io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error ").next().unwrap_or(&words).to_owned()
}

/// How much of a command line of others is shown, in characters.
const COMMAND_SHOWN: usize = 80;

/// A command line as far as it is shown.
pub fn shortened(command: &str) -> String {
    match command.char_indices().nth(COMMAND_SHOWN) {
        _ if command.is_empty() => "(unknown)".to_owned(),
        Some((end, _)) => format!("{} …", &command[..end]),
        None => command.to_owned(),
    }
}

/// So many of something, in words.
pub fn count(number: usize, name: &str) -> String {
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// Text of others (names, what a tool said, a command line) made safe for a terminal: control characters
/// but for line breaks are written as `\u{1b}` and the like.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => safe.push(character),
            '\t' => safe.push(' '),
            c if c.is_control() || is_deceptive(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

/// A word of the command line made safe to be shown on one line, also where it is no text.
pub fn printable_word(word: &OsStr) -> String {
    let mut safe = String::new();
    for chunk in word.as_bytes().utf8_chunks() {
        safe.push_str(&printable(chunk.valid()).replace('\n', "\\n"));
        safe.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    safe
}

/// The characters besides the controls that break lines, or reorder or hide text, on a terminal.
fn is_deceptive(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes =
            [Kind::Failed, Kind::Usage, Kind::Missing, Kind::Left, Kind::Locked, Kind::Signal(2)];
        assert_eq!(codes.map(Kind::exit_code), [1, 2, 3, 4, 5, 130]);
    }

    #[test]
    fn words_are_shown_on_one_line_whatever_they_are() {
        let word = OsStr::from_bytes(b"a\n\x1b[2J\xff\xe2\x80\xae\t");
        assert_eq!(printable_word(word), "a\\n\\u{1b}[2J\\xff\\u{202e} ");
        assert_eq!(printable_word(OsStr::new("")), "");
    }

    #[test]
    fn notes_stand_below_the_message_and_no_escape_reaches_the_terminal() {
        let failure = failed("cannot add `\u{1b}[31mx`").hint("again").note("system", "one\ntwo");
        assert_eq!(
            failure.to_string(),
            "cannot add `\\u{1b}[31mx`\n  system:  one\n           two\n  try:     again"
        );
    }
}
