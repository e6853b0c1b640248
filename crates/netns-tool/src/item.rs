//! Files and directories that a plan makes and removes: `/etc/netns` and what is in it.

use crate::plan::{Cmd, Fact, Step, Undo, quote};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A directory, or a file with all of its text, which consists of whole lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    Directory {
        path: String,
    },
    File {
        path: String,
        text: String,
    },
    /// A file that others write to.
    Log {
        path: String,
    },
}

impl Item {
    pub fn path(&self) -> &str {
        let (Self::Directory { path } | Self::File { path, .. } | Self::Log { path }) = self;
        path
    }

    /// Makes it. What is there already is neither changed nor followed.
    pub fn make(self, why: String) -> Step {
        let made = Fact::Item(self.clone());
        let undo = vec![Undo::new(made.clone(), Cmd::Remove(self.clone()))];
        Step::new(why, Cmd::Make(self)).gives([made]).undo(undo)
    }

    /// Removes it; a directory has to be empty.
    pub fn remove(self, why: String) -> Step {
        let gone = Fact::not(Fact::Item(self.clone()));
        let undo = vec![Undo::new(gone.clone(), Cmd::Make(self.clone()))];
        Step::new(why, Cmd::Remove(self)).gives([gone]).undo(undo)
    }

    /// The line that makes it, for a POSIX shell. `set -C` keeps a file that is there as it is.
    pub fn line_to_make(&self) -> String {
        match self {
            Self::Directory { path } => format!("mkdir -m 755 {}", quote(path)),
            Self::Log { path } => format!("(umask 022; set -C; : > {})", quote(path)),
            Self::File { path, text } => {
                let lines: Vec<_> = text.lines().map(|line| quote(line).into_owned()).collect();
                let lines = lines.join(" ");
                format!("(umask 022; set -C; printf '%s\\n' {lines} > {})", quote(path))
            }
        }
    }

    /// The line that removes it.
    pub fn line_to_remove(&self) -> String {
        let program = if matches!(self, Self::Directory { .. }) { "rmdir" } else { "rm" };
        format!("{program} {}", quote(self.path()))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if matches!(self, Self::Directory { .. }) { "directory" } else { "file" };
        write!(f, "{kind} `{}`", self.path())
    }
}
