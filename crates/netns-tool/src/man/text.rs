//! Text of a page, as roff. What stands in backticks is set in bold.

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// A part of a page.
#[derive(Default)]
pub struct Text {
    roff: Roff,
    /// The next paragraph is the first of its section.
    is_begin: bool,
}

impl Text {
    pub fn section(&mut self, heading: &str) {
        self.roff.control("SH", [heading]);
        self.is_begin = true;
    }

    /// Paragraphs, with empty lines between them; lines that are indented stay as they are. What has a section of its
    /// own in a page (exit codes, examples) is left out.
    pub fn prose(&mut self, text: &str) {
        let paragraphs = text.split("\n\n").filter(|paragraph| {
            !["Exit codes:", "Examples:"].iter().any(|lead| paragraph.starts_with(lead))
        });
        for paragraph in paragraphs.filter(|paragraph| !paragraph.trim().is_empty()) {
            let (text, block): (Vec<&str>, Vec<&str>) =
                paragraph.lines().partition(|line| !line.starts_with("  "));
            if !text.is_empty() {
                self.paragraph();
                self.roff.text(inline(&text.join(" ")));
            }
            if !block.is_empty() {
                self.block(&block);
            }
        }
    }

    fn paragraph(&mut self) {
        if !std::mem::take(&mut self.is_begin) {
            self.roff.control("PP", []);
        }
    }

    /// What somebody types, or has in a file.
    pub fn block(&mut self, lines: &[&str]) {
        self.paragraph();
        self.roff.control("RS", ["4"]);
        self.roff.control("nf", []);
        for line in lines {
            self.roff.text([roman(line.trim())]);
        }
        self.roff.control("fi", []);
        self.roff.control("RE", []);
    }

    /// Something, and below it what there is to say about it.
    pub fn item(&mut self, what: &str, text: &str) {
        self.roff.control("TP", []);
        self.roff.text(inline(what));
        self.roff.text(inline(text));
    }

    /// The lines of a paragraph.
    pub fn line(&mut self, text: &str) {
        self.roff.text(inline(text));
    }

    pub fn roff(&self) -> String {
        self.roff.to_roff()
    }
}

fn inline(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    let parts = parts.filter(|(_, part)| !part.is_empty());
    parts.map(|(number, part)| if number % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

/// A part without the lines that every part begins with: a page needs them once.
pub fn body(part: &str) -> &str {
    part.find(".SH ").map_or("", |begin| &part[begin..])
}

/// What clap_mangen takes from the help as it is: backticks, spaces at the ends of lines, and two sentences of clap's own.
pub fn mended(roff: &str) -> String {
    let mut mended = String::new();
    for line in roff.lines() {
        for (number, part) in line.trim_end().split('`').enumerate() {
            let font = match number {
                0 => "",
                odd if odd % 2 == 1 => "\\fB",
                _ => "\\fR",
            };
            mended.extend([font, part]);
        }
        if ["Print help", "Print version"].contains(&line) {
            mended.push('.');
        }
        mended.push('\n');
    }
    mended
}
