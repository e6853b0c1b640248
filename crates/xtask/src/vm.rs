//! `cargo xtask vm`: the tool on a stock Debian kernel, in a virtual machine that has no network of its own.
//!
//! A machine's own kernel may lack what the tool can use (bridge VLAN filtering, dummy interfaces); the stock one has
//! it. Its package is fetched and unpacked below the target folder, never installed.

mod guest;
mod kernel;
mod machine;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, install, process, say};
use kernel::Kernel;
use report::Report;

/// Some twenty seconds of processor time, because QEMU emulates every instruction; and a machine may be busy.
const TIME_LIMIT: Duration = Duration::from_secs(180);

pub fn run() -> Result<ExitCode> {
    if let Some(reason) = unsupported() {
        bail!("{reason}");
    }
    let started = Instant::now();
    install::vm()?;
    say::note("Building netns-tool (debug build) ...");
    let tool = cargo::build_tool(false)?;
    let folder = folder(&tool)?;
    let kernel = Kernel::fetched(&folder)?;
    let guest = Scratch::new(&folder)?;
    let image = guest::build(&guest.0, &kernel, &tool).context("cannot build the initramfs")?;

    say::heading(&format!("netns-tool on Linux {}, in a virtual machine", kernel.release));
    let booted = Instant::now();
    let console = machine::boot(&kernel.image, &image, TIME_LIMIT)?;
    let took = booted.elapsed();

    let report = Report::of(&console.lines, guest::CHECKS);
    if let Some(reason) = report.failure(&console) {
        if report.is_cut_short() || console.hung.is_some() {
            say::plain(&console.tail());
        }
        bail!("{reason}");
    }
    say::success(&format!(
        "vm passed: {} checks on Linux {} in {:.1} s ({:.1} s with building and fetching)",
        report.passed,
        kernel.release,
        took.as_secs_f64(),
        started.elapsed().as_secs_f64()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The step of `cargo xtask ci`: where it cannot run, it says so and why.
pub fn step() -> Result<()> {
    match unsupported() {
        Some(reason) => say::note(&format!(
            "NOT RUN: {reason}.\nWhat it would show (VLAN filtering, dummy interfaces) is shown here only as far as \
             this machine's own kernel has it."
        )),
        None => ensure!(run()? == ExitCode::SUCCESS, "the virtual machine failed; see above"),
    }
    Ok(())
}

/// Why this machine cannot do it, if so.
fn unsupported() -> Option<String> {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let apt = ["apt-get", "apt-cache", "dpkg-deb"].iter().all(|name| process::find(name).is_some());
    why_not(&system, std::env::consts::ARCH, apt)
}

fn why_not(os_release: &str, arch: &str, apt: bool) -> Option<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim_matches('"'))
    };
    if value("ID") == Some("debian") && arch == "x86_64" && apt {
        return None;
    }
    let name = value("PRETTY_NAME").unwrap_or("an unknown system");
    let lacking = if apt { "" } else { " without apt" };
    Some(format!(
        "`cargo xtask vm` needs Debian on x86_64, with apt: it boots the kernel of Debian's package `{}`; \
         this is {name}{lacking} on {arch}",
        kernel::META_PACKAGE
    ))
}

/// `vm` beside the builds, so that `cargo clean` takes it away with them.
fn folder(tool: &Path) -> Result<PathBuf> {
    let target =
        tool.ancestors().nth(2).context("the binary of netns-tool is in no target folder")?;
    let folder = target.join("vm");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    Ok(folder)
}

/// A folder for one run alone, gone at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(folder: &Path) -> Result<Self> {
        remove_leftovers(folder)?;
        let path = folder.join(format!("run-{}", std::process::id()));
        std::fs::create_dir(&path)
            .with_context(|| format!("cannot make the folder `{}`", path.display()))?;
        Ok(Self(path))
    }
}

/// Runs that were killed could not tidy up.
fn remove_leftovers(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(run) = name.to_str().and_then(|name| name.strip_prefix("run-")) else { continue };
        let is_running =
            run != std::process::id().to_string() && Path::new("/proc").join(run).exists();
        if !is_running {
            // Another run may be removing it at this moment.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_on_x86_64_will_do_and_others_are_told() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux\"\nID=debian\n";
        let ubuntu = "PRETTY_NAME=\"Ubuntu 24.04\"\nID=ubuntu\nID_LIKE=debian\n";
        assert_eq!(why_not(debian, "x86_64", true), None);
        for (system, arch, apt, part) in [
            (ubuntu, "x86_64", true, "this is Ubuntu 24.04 on x86_64"),
            (debian, "aarch64", true, "this is Debian GNU/Linux on aarch64"),
            (debian, "x86_64", false, "this is Debian GNU/Linux without apt on x86_64"),
            ("", "x86_64", false, "an unknown system"),
        ] {
            let reason = why_not(system, arch, apt).unwrap();
            assert!(reason.contains(part) && reason.contains("needs Debian"), "{reason}");
        }
    }
}
