//! What a page says besides what the help says.

macro_rules! page {
    ($name:literal, $exit:ident, $files:ident, $environment:ident, $also:expr, $elsewhere:ident, $examples:expr) => {
        Page {
            name: $name,
            examples: $examples,
            exit: $exit,
            files: $files,
            environment: $environment,
            see_also: $also,
            elsewhere: $elsewhere,
        }
    };
}

mod labs;
mod nouns;
mod shared;
mod work;

use super::SECTION;
use super::text::Text;

/// The end of a page.
pub struct Page {
    /// Of the subcommand; empty for netns-tool itself.
    pub name: &'static str,
    /// What is typed, and what that does.
    pub examples: &'static [(&'static str, &'static str)],
    exit: &'static [(&'static str, &'static str)],
    files: &'static [(&'static str, &'static str)],
    environment: &'static [(&'static str, &'static str)],
    /// Other subcommands.
    pub see_also: &'static [&'static str],
    /// Pages of others.
    elsewhere: &'static str,
}

impl Page {
    /// That of a subcommand, or of netns-tool itself. A subcommand without one gets that of netns-tool.
    pub fn of(subcommand: Option<&str>) -> &'static Self {
        let name = subcommand.unwrap_or_default();
        let mut all = [nouns::PAGES, labs::PAGES, work::PAGES].into_iter().flatten();
        all.find(|page| page.name == name).unwrap_or(&nouns::PAGES[0])
    }

    /// Writes it; `all` are the names of the subcommands.
    pub fn write(&self, text: &mut Text, all: &[&str]) {
        let sections =
            [("EXIT STATUS", self.exit), ("FILES", self.files), ("ENVIRONMENT", self.environment)];
        for (heading, items) in sections {
            if !items.is_empty() {
                text.section(heading);
                items.iter().for_each(|(what, about)| text.item(&format!("`{what}`"), about));
            }
        }
        text.section("EXAMPLES");
        for (line, about) in self.examples {
            text.prose(about);
            text.block(&[*line]);
        }
        text.section("SEE ALSO");
        text.line(&format!("{}.", self.others(all)));
    }

    fn others(&self, all: &[&str]) -> String {
        let names = if self.name.is_empty() { all } else { self.see_also };
        let ours = names.iter().map(|name| format!("`netns-tool-{name}`({SECTION})"));
        let root = (!self.name.is_empty()).then(|| format!("`netns-tool`({SECTION})"));
        let elsewhere = self.elsewhere.to_owned();
        root.into_iter().chain(ours).chain([elsewhere]).collect::<Vec<_>>().join(", ")
    }
}
