//! How xtask talks: headings, commands and verdicts, with colour on a terminal only.

use std::io::{self, IsTerminal, Write};

const BOLD: &str = "1";
const GREEN: &str = "1;32";
const RED: &str = "1;31";
const CYAN: &str = "1;36";

/// Says on stderr what is about to happen, so that stdout stays with the results.
pub fn note(text: &str) {
    eprintln!("{}", paint(text, BOLD, colour_on(&io::stderr())));
}

pub fn error(text: &str) {
    eprintln!("{} {text}", paint("error:", RED, colour_on(&io::stderr())));
}

pub fn heading(text: &str) {
    line(&paint(text, CYAN, colour_on(&io::stdout())));
}

pub fn command(text: &str) {
    line(&format!("$ {}", paint(text, BOLD, colour_on(&io::stdout()))));
}

pub fn success(text: &str) {
    line(&paint(text, GREEN, colour_on(&io::stdout())));
}

pub fn plain(text: &str) {
    line(text);
}

/// One line to stdout. A reader that went away (`cargo xtask demo | head`) is no reason to panic.
fn line(text: &str) {
    if cfg!(test) {
        // What is written past `println!` escapes libtest, and would be counted by `cargo xtask test`.
        println!("{text}");
        return;
    }
    let _ = writeln!(io::stdout(), "{text}");
}

fn colour_on(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !set("NO_COLOR") && !dumb
}

fn paint(text: &str, code: &str, on: bool) -> String {
    if on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_only_when_it_is_on() {
        assert_eq!(paint("x", RED, false), "x");
        assert_eq!(paint("x", RED, true), "\x1b[1;31mx\x1b[0m");
    }
}
