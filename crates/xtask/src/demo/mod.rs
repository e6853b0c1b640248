//! `cargo xtask demo`: the main job for real, shown command by command, in a private host.

pub mod address;
mod script;
mod stage;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{cargo, install, private, process, say};
use stage::Stage;
use testhost::Snapshot;

pub fn run(release: bool) -> Result<ExitCode> {
    install::run()?;
    let build = if release { "release" } else { "debug" };
    say::note(&format!("Building netns-tool ({build} build) ..."));
    let tool = cargo::build_tool(release)?;
    private::rerun(&["demo-inside".as_ref(), tool.as_os_str()])
}

/// The show itself.
pub fn inside(tool: &Path) -> Result<ExitCode> {
    private::begin()?;
    introduce(tool)?;
    let before = Snapshot::settled();
    let lines = script::play(&Stage::new(tool)?)
        .and_then(|()| unchanged(&before))
        .context("demo failed")?;
    say::plain("");
    say::success(&format!(
        "demo passed: a lab with NAT was built, proved and removed; the host is unchanged ({lines} lines of its state compared)"
    ));
    Ok(ExitCode::SUCCESS)
}

fn introduce(tool: &Path) -> Result<()> {
    let version = std::process::Command::new(tool)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot start `{}`", tool.display()))?;
    say::heading("A network lab with netns-tool, from nothing to nothing");
    say::plain(&format!(
        "{} is {}",
        String::from_utf8_lossy(&version.stdout).trim(),
        tool.display()
    ));
    say::plain(if private::as_user()? {
        "It runs in a private host, made without privilege: a user namespace with a network of its own."
    } else {
        "It runs in a private host: namespaces with a network and a /run of their own."
    });
    say::plain("Your own network is never touched. Each line with a `$` is really run.");
    Ok(())
}

/// The proof at the end: how many lines of the host's state were compared. The kernel removes some things a moment
/// after the command has returned.
fn unchanged(before: &Snapshot) -> Result<usize> {
    before
        .wait_equal()
        .map_err(|difference| anyhow::anyhow!("the host is not as it was:\n{difference}"))?;
    Ok(before.sections().map(|name| before.section(name).len()).sum())
}

/// Where a word of a shown command really leads.
fn program(word: &str, tool: &Path) -> Result<std::path::PathBuf> {
    match word {
        "netns-tool" => Ok(tool.to_owned()),
        // The little server and the client of the demo.
        "xtask" => Ok(private::myself()?.into()),
        other => process::find(other).with_context(|| {
            format!("`{other}` is not installed; run `cargo xtask install-tools`")
        }),
    }
}
