//! The system tools that are installed, and what they say of themselves.

use crate::failure::Failure;
use crate::plan::{Cmd, Tool};
use crate::system::{child, tools};
use std::path::PathBuf;
use std::time::Duration;

/// A tool as it was found.
#[derive(Debug)]
pub struct Installed {
    pub tool: Tool,
    /// There is such a program, be it fit to be run or not.
    pub is_there: bool,
    /// Where it is; or why it is not run.
    pub path: Result<PathBuf, Failure>,
    /// The first line of what it says when it is asked for its version.
    pub version: Option<String>,
}

/// Looks for the tool, and asks it for its version if it is one of those that tell it.
pub fn read(tool: Tool, limit: Duration) -> Installed {
    let path = tools::find(tool);
    let version = path.is_ok().then(|| version(tool, limit)).flatten();
    Installed { tool, is_there: tools::is_there(tool), path, version }
}

fn version(tool: Tool, limit: Duration) -> Option<String> {
    let option = match tool {
        Tool::Ip | Tool::Iptables | Tool::Ip6tables | Tool::Ping | Tool::Unshare => "-V",
        Tool::Nft => "-v",
        Tool::Slirp4netns | Tool::Pasta | Tool::Tcpdump => "--version",
        _ => return None,
    };
    let cmd = Cmd::run(tool, [option]);
    let output = child::run(&cmd, limit, false).ok()?;
    let said = [output.stdout, output.stderr];
    let line = said.iter().flat_map(|text| text.lines()).find(|line| !line.trim().is_empty())?;
    Some(line.trim().to_owned())
}
