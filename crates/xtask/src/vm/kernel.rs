//! The stock kernel: found by apt, fetched once, unpacked below the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{install, process, say};

/// It depends on the package of the current kernel for virtual machines, whatever its version.
pub const META_PACKAGE: &str = "linux-image-cloud-amd64";

pub struct Kernel {
    /// What `uname -r` says on it.
    pub release: String,
    /// The bootable image.
    pub image: PathBuf,
    /// The folder that stands for `/`.
    root: PathBuf,
}

impl Kernel {
    /// The current kernel of this Debian; unpacked before, or fetched now.
    pub fn fetched(folder: &Path) -> Result<Self> {
        let package = match current_package()? {
            Some(package) => package,
            None => {
                install::refresh()?;
                current_package()?.with_context(|| {
                    format!("apt does not know the package `{META_PACKAGE}`; look at its sources")
                })?
            }
        };
        let root = folder.join(&package);
        if !root.is_dir() {
            fetch(folder, &package, &root)?;
        }
        Self::unpacked(root)
    }

    fn unpacked(root: PathBuf) -> Result<Self> {
        let release = only_entry(&root.join("lib/modules"))?;
        let image = root.join(format!("boot/vmlinuz-{release}"));
        ensure!(image.is_file(), "no kernel at `{}`; remove that folder", image.display());
        Ok(Self { release, image, root })
    }

    /// The files of these modules and of those they need, in the order to load them in.
    pub fn modules(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let mut show = process::system("modprobe");
        // Not this machine's own settings: they could rename or forbid a module.
        show.args(["--config", "/dev/null", "--show-depends", "--all", "--set-version"]);
        show.arg(&self.release).arg("--dirname").arg(&self.root).args(names);
        let files = module_files(&output(&mut show)?);
        ensure!(!files.is_empty(), "`modprobe --show-depends` names no module");
        Ok(files)
    }
}

/// One line for each module: `insmod FILE`, or `builtin NAME`.
fn module_files(depends: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = vec![];
    for file in depends.lines().filter_map(|line| line.strip_prefix("insmod ")) {
        let file = PathBuf::from(file.trim_end());
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

fn current_package() -> Result<Option<String>> {
    let mut ask = process::system("apt-cache");
    // Asked for an unknown package, it fails: the lists may be missing.
    let answer = ask.args(["depends", META_PACKAGE]).env("LC_ALL", "C").output();
    let answer = answer.context("cannot start `apt-cache`")?;
    Ok(image_package(&String::from_utf8_lossy(&answer.stdout)))
}

fn image_package(depends: &str) -> Option<String> {
    let mut names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.find(|name| name.starts_with("linux-image-")).map(str::to_owned)
}

/// Downloads and unpacks beside the place, and moves there what is complete.
fn fetch(folder: &Path, package: &str, root: &Path) -> Result<()> {
    say::note(&format!(
        "Fetching the package {package} (not installing it: it is unpacked into the target folder)"
    ));
    let scratch = super::Scratch::new(folder)?;
    if let Err(error) = download(&scratch.0, package) {
        // The lists may be older than the archive.
        say::note(&format!("{error:#}; trying again with fresh lists"));
        install::refresh()?;
        download(&scratch.0, package)?;
    }
    let archive = scratch.0.join(only_entry(&scratch.0)?);
    let unpacked = scratch.0.join("root");
    process::check(process::system("dpkg-deb").arg("--extract").arg(&archive).arg(&unpacked))?;
    if !unpacked.join("lib").exists() {
        std::os::unix::fs::symlink("usr/lib", unpacked.join("lib"))?;
    }
    let release = only_entry(&unpacked.join("lib/modules"))?;
    process::check(process::system("depmod").arg("--basedir").arg(&unpacked).arg(release))?;
    match std::fs::rename(&unpacked, root) {
        // Another run has been faster.
        Err(_) if root.is_dir() => Ok(()),
        moved => moved.with_context(|| format!("cannot make `{}`", root.display())),
    }
}

fn download(into: &Path, package: &str) -> Result<()> {
    let mut get = process::system("apt-get");
    // As root, apt would fetch as a user of its own, who may not write here.
    get.args(["-q", "-o", "APT::Sandbox::User=root", "download", package]).current_dir(into);
    say::note(&format!("$ {}", process::show(&get)));
    process::check(&mut get)
}

fn only_entry(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<Vec<String>>>()?;
    match (names.pop(), names.len()) {
        (Some(name), 0) => Ok(name),
        _ => bail!("expected one entry in `{}`", folder.display()),
    }
}

/// What a command prints on stdout; what it complains about goes where ours goes.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = process::show(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    ensure!(output.status.success(), "`{shown}` failed ({})", process::ended(output.status));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_what_the_meta_package_depends_on() {
        let answer = "linux-image-cloud-amd64\n  Depends: linux-base\n  Depends: linux-image-9.8.7-6-cloud-amd64\n";
        assert_eq!(image_package(answer).as_deref(), Some("linux-image-9.8.7-6-cloud-amd64"));
        assert_eq!(image_package(""), None);
    }

    #[test]
    fn a_module_that_two_need_is_loaded_once_and_first() {
        let depends = "insmod /k/llc.ko \ninsmod /k/bridge.ko \nbuiltin ipv6\ninsmod /k/llc.ko \ninsmod /k/8021q.ko.xz \n";
        let files = ["/k/llc.ko", "/k/bridge.ko", "/k/8021q.ko.xz"].map(PathBuf::from);
        assert_eq!(module_files(depends), files);
    }
}
