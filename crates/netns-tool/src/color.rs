//! Colours of reports on stdout.

use clap::ColorChoice;
use std::io::IsTerminal;

pub const GREEN: &str = "\u{1b}[32m";
pub const YELLOW: &str = "\u{1b}[1;33m";
pub const RED: &str = "\u{1b}[1;31m";
const PLAIN: &str = "\u{1b}[0m";

/// Whether a report is to have colours.
pub fn is_wanted(choice: ColorChoice) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
        }
    }
}

/// The word in the colour, if it is to have one.
pub fn paint(word: &str, color: &str, is_colored: bool) -> String {
    if is_colored { format!("{color}{word}{PLAIN}") } else { word.to_owned() }
}
