//! Cargo, as xtask calls it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;

/// The top folder of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("/"))
}

/// The cargo that runs us, in the top folder.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds `netns-tool` and returns the binary; where it lies is cargo's word, not our guess.
pub fn build_tool(release: bool) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--package", "netns-tool", "--bin", "netns-tool"]);
    if release {
        build.arg("--release");
    }
    executable(&messages(build)?)
        .context("cargo built `netns-tool` but did not say where the binary is")
}

/// What cargo says of what it builds, a line of JSON each.
pub fn messages(mut build: Command) -> Result<String> {
    let shown = process::show(&build);
    let output = build
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{shown}`; is cargo installed?"))?;
    if !output.status.success() {
        bail!("`{shown}` failed; see above");
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "netns-tool")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }

    #[test]
    fn the_binary_is_where_cargo_says() {
        let messages = concat!(
            r#"{"target":{"name":"clap"},"executable":null}"#,
            "\nnot json\n",
            r#"{"target":{"name":"netns-tool"},"executable":"/t/debug/netns-tool"}"#,
        );
        assert_eq!(executable(messages), Some(PathBuf::from("/t/debug/netns-tool")));
        assert_eq!(executable(""), None);
    }
}
