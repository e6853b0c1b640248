//! The test programs of the workspace, as cargo builds them.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::cargo;

/// A test program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub package: String,
    /// Of an integration test, what `cargo test --test` calls it; else the name of what it is the unit tests of.
    pub name: String,
    pub is_integration: bool,
    pub file: PathBuf,
    /// Where cargo starts it.
    pub folder: PathBuf,
}

/// Builds all of them, in the order of their names.
pub fn build() -> Result<Vec<Program>> {
    let mut build = cargo::cargo();
    build.args(["test", "--workspace", "--no-run"]);
    let programs = read(&cargo::messages(build)?);
    ensure!(!programs.is_empty(), "cargo built the tests but did not say where they are");
    Ok(programs)
}

fn read(messages: &str) -> Vec<Program> {
    let values = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut programs: Vec<Program> = values.filter_map(|value: Value| program(&value)).collect();
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    programs
}

fn program(message: &Value) -> Option<Program> {
    let target = &message["target"];
    let is_test = message["profile"]["test"].as_bool() == Some(true);
    let folder = PathBuf::from(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    is_test.then_some(())?;
    Some(Program {
        package: folder.file_name()?.to_str()?.to_owned(),
        name: target["name"].as_str()?.to_owned(),
        is_integration: target["kind"][0] == "test",
        file: message["executable"].as_str()?.into(),
        folder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_are_told_from_what_they_test() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/r/crates/netns-tool/Cargo.toml","target":{"kind":["bin"],"name":"netns-tool"},"profile":{"test":false},"executable":"/t/debug/netns-tool"}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/r/crates/netns-tool/Cargo.toml","target":{"kind":["test"],"name":"nat_test"},"profile":{"test":true},"executable":"/t/debug/deps/nat_test-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/r/crates/netns-tool/Cargo.toml","target":{"kind":["bin"],"name":"a"},"profile":{"test":true},"executable":"/t/debug/deps/a-2"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let found = read(messages);
        let program = |name: &str, is_integration, file: &str| Program {
            package: "netns-tool".to_owned(),
            name: name.to_owned(),
            is_integration,
            file: file.into(),
            folder: "/r/crates/netns-tool".into(),
        };
        assert_eq!(
            found,
            [
                program("a", false, "/t/debug/deps/a-2"),
                program("nat_test", true, "/t/debug/deps/nat_test-1")
            ]
        );
    }
}
