//! The law: what a command did is undone with the same words, and its dry run is a script that does the same.

use testhost::{Snapshot, binary};

use super::{sh, tool};

/// A command line of netns-tool, and the shell lines that take it back (`$TOOL` stands for netns-tool).
pub struct Row {
    pub command: &'static str,
    back: &'static str,
}

/// A command that `--delete` takes back.
pub const fn same_words(command: &'static str) -> Row {
    Row { command, back: "" }
}

pub const fn row(command: &'static str, back: &'static str) -> Row {
    Row { command, back }
}

impl Row {
    fn go_back(&self) {
        if self.back.is_empty() {
            tool(&format!("{} --delete", self.command)).success();
        } else {
            shell(self.back);
        }
    }
}

/// Runs shell lines in which `$TOOL` stands for netns-tool.
pub fn shell(lines: &str) {
    sh(&format!("TOOL='{}'\n{lines}", binary("netns-tool").display()));
}

/// Whether the law holds for the rows, which make different things: all are done, taken back, done by their scripts,
/// and taken back again. Four states are compared, byte for byte.
pub fn holds_for(before: &Snapshot, rows: &[Row]) {
    for row in rows {
        tool(row.command).success();
    }
    let after = Snapshot::settled();
    rows.iter().rev().for_each(Row::go_back);
    same(before, "what was done is not undone");
    for Row { command, .. } in rows {
        shell(&format!("$TOOL --dry-run {command} >/run/tmp/script"));
        let script = sh("cat /run/tmp/script");
        assert!(!script.contains("nothing to do"), "`{command}` proves nothing");
        sh("sh /run/tmp/script");
    }
    same(&after, "the commands and their dry runs do not the same");
    rows.iter().rev().for_each(Row::go_back);
    same(before, "what the scripts did is not undone");
}

/// The host is, or is very soon, as the snapshot says, but for random hardware addresses.
pub fn same(wanted: &Snapshot, failure: &str) {
    if let Err(diff) = wanted.wait_equal_but_random_macs() {
        panic!("{failure}:\n{diff}");
    }
}
