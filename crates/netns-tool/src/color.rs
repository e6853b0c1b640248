//! Colours of what is printed.

use clap::ColorChoice;
use std::io::IsTerminal;

#[derive(Clone, Copy)]
pub enum Color {
    Green,
    Yellow,
    Red,
}

/// Whether what goes there is coloured.
pub fn is_wanted(choice: ColorChoice, to: &impl IsTerminal) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => to.is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    }
}

/// The text in a colour, if there is to be any.
pub fn paint(text: &str, color: impl Into<Option<Color>>, is_colored: bool) -> String {
    let code = match color.into().filter(|_| is_colored) {
        None => return text.to_owned(),
        Some(Color::Green) => "32",
        Some(Color::Yellow) => "33",
        Some(Color::Red) => "1;31",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
