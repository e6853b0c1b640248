//! A page: the commands of its `console` blocks and its hidden preparations, in their order.

use std::ops::Range;

/// What a fenced block may be. Only `console` shows output, and only `console` is run.
const LANGUAGES: [&str; 5] = ["console", "sh", "text", "make", "yaml"];
const SETUP: &str = "<!-- setup:";

/// A page of the documentation.
pub struct Page {
    /// Its path from the top of the repository.
    pub name: String,
    pub lines: Vec<String>,
    pub parts: Vec<Part>,
}

/// What is run, with the number of its line as an editor shows it.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// `<!-- setup: … -->`: run, but not shown to the reader.
    Setup { line: usize, script: String },
    /// A `$ ` line with its `> ` lines, and the lines of the output that the page shows.
    Command { line: usize, script: String, shown: Range<usize> },
}

impl Page {
    /// Takes a page apart.
    ///
    /// # Errors
    /// What is wrong with it, with file and line.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut parts = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            let wrong = |what: &str| Err(format!("{name}:{}: {what}", at + 1));
            let end = if let Some(language) = lines[at].strip_prefix("```") {
                let Some(end) = find(&lines, at + 1, "```") else {
                    return wrong("this block does not end");
                };
                if !LANGUAGES.contains(&language) {
                    return wrong(
                        "a block is one of ```console (run), ```sh, ```text, ```make and ```yaml (not run)",
                    );
                }
                if language == "console" {
                    parts.extend(commands(name, &lines, at + 1..end)?);
                } else if lines[at..end].iter().any(|line| line.starts_with("$ ")) {
                    return wrong("commands with output belong into ```console, which is run");
                }
                end
            } else if let Some(first) = lines[at].strip_prefix(SETUP) {
                let (script, end) = match first.strip_suffix("-->") {
                    Some(only) => (only.to_owned(), at),
                    None => {
                        let Some(end) = find(&lines, at + 1, "-->") else {
                            return wrong("this setup does not end");
                        };
                        (lines[at + 1..end].join("\n"), end)
                    }
                };
                parts.push(Part::Setup { line: at + 1, script: script.trim().to_owned() });
                end
            } else if lines[at].trim_start().starts_with("```") || lines[at].contains(SETUP) {
                return wrong("blocks and setups begin at the left margin");
            } else {
                at
            };
            at = end + 1;
        }
        Ok(Self { name: name.to_owned(), lines, parts })
    }

    /// The lines outside of all blocks, with their numbers.
    pub fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut fenced = false;
        self.lines.iter().enumerate().filter_map(move |(at, line)| {
            let is_fence = line.starts_with("```");
            fenced ^= is_fence;
            (!fenced && !is_fence).then_some((at + 1, line.as_str()))
        })
    }

    /// How many commands the page has.
    pub fn commands(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part, Part::Command { .. })).count()
    }
}

fn find(lines: &[String], from: usize, wanted: &str) -> Option<usize> {
    (from..lines.len()).find(|at| lines[*at] == wanted)
}

/// The commands of one `console` block.
fn commands(name: &str, lines: &[String], block: Range<usize>) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut at = block.start;
    while at < block.end {
        let Some(first) = lines[at].strip_prefix("$ ") else {
            return Err(format!("{name}:{}: a console block begins with a `$ ` line", at + 1));
        };
        let line = at + 1;
        let mut script = first.to_owned();
        at += 1;
        while let Some(more) = continuation(&lines[at]).filter(|_| at < block.end) {
            script.push('\n');
            script.push_str(more);
            at += 1;
        }
        let begin = at;
        while at < block.end && !lines[at].starts_with("$ ") {
            at += 1;
        }
        parts.push(Part::Command { line, script, shown: begin..at });
    }
    if parts.is_empty() {
        return Err(format!("{name}:{}: an empty console block", block.start));
    }
    Ok(parts)
}

/// What a `> ` line adds to the command; an empty line of it need not end in a blank.
fn continuation(line: &str) -> Option<&str> {
    if line == ">" { Some("") } else { line.strip_prefix("> ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_setups_come_in_their_order() {
        let text = "# T\n<!-- setup: a; b -->\n```console\n$ one \\\n> two\nout\n$ three\n```\n\
            <!-- setup:\nx\ny\n-->\n```sh\nnot run\n```\n";
        let page = Page::parse("p.md", text).unwrap();
        let command =
            |line, script: &str, shown| Part::Command { line, script: script.to_owned(), shown };
        let setup = |line, script: &str| Part::Setup { line, script: script.to_owned() };
        let wanted = [
            setup(2, "a; b"),
            command(4, "one \\\ntwo", 5..6),
            command(7, "three", 7..7),
            setup(9, "x\ny"),
        ];
        assert_eq!(page.parts, wanted);
        assert_eq!(page.commands(), 2);
        let prose: Vec<_> = page.prose().map(|(line, _)| line).collect();
        assert_eq!(prose, [1, 2, 9, 10, 11, 12]);
    }

    #[test]
    fn what_would_not_be_run_is_refused() {
        for (text, line) in [
            ("```\n$ x\n```", 1),
            ("\n```bash\nx\n```", 2),
            ("```text\n$ x\n```", 1),
            ("```console\nx\n```", 2),
            ("```console\n```", 1),
            ("```console\n$ x\n", 1),
            ("  ```console\n  $ x\n  ```", 1),
            ("<!-- setup:\nx\n", 1),
            (" <!-- setup: x -->", 1),
        ] {
            let error = Page::parse("p.md", text).err().unwrap_or_else(|| panic!("{text:?}"));
            assert!(error.starts_with(&format!("p.md:{line}: ")), "{text:?}: {error}");
        }
    }
}
