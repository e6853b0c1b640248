//! Where the system tools are: in the system's own folders alone, never in PATH, and only as root left them.

use super::rights;
use crate::failure::{Failure, in_words, missing};
use crate::plan::Tool;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The only folders that are searched; also the PATH of every child.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// The PATH that children get.
pub fn path() -> String {
    FOLDERS.join(":")
}

/// Finds the tool's program.
///
/// # Errors
/// It is not installed, or somebody but root could have changed it.
pub fn find(tool: Tool) -> Result<PathBuf, Failure> {
    let program = tool.program();
    let Some(path) = locate(tool) else {
        return Err(missing(format!("`{program}` is not installed")).note("looked", path()).hint(
            format!("apt-get install {} (or your system's package that has it)", tool.package()),
        ));
    };
    let metadata = fs::metadata(&path).map_err(|error| {
        missing(format!("cannot look at {}: {}", path.display(), in_words(&error)))
    })?;
    let others_may_write = metadata.mode() & 0o022 != 0;
    if others_may_write || !is_root(metadata.uid()) {
        return Err(missing(format!(
            "{} is not run: somebody but root can change it",
            path.display()
        ))
        .hint(format!("chown root {0}; chmod go-w {0}", path.display())));
    }
    Ok(path)
}

/// Whether there is such a program, be it fit to be run or not.
pub fn is_there(tool: Tool) -> bool {
    locate(tool).is_some()
}

fn locate(tool: Tool) -> Option<PathBuf> {
    let candidates = FOLDERS.iter().map(|folder| Path::new(folder).join(tool.program()));
    candidates.into_iter().find(|path| path.is_file())
}

/// Whether the owner is root; in a user namespace that does not map root, its files show the overflow uid.
fn is_root(uid: u32) -> bool {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    uid == 0
        || (read("/proc/sys/kernel/overflowuid").trim().parse() == Ok(uid)
            && !rights::are_for_all_users())
}
