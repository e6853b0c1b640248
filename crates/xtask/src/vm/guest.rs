//! What is inside the virtual machine: an initramfs of this machine's own programs, the modules and the checks.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use super::kernel::{Kernel, output};
use crate::{private, process};

/// The checks, one line `check NAME` each.
pub const CHECKS: &str = include_str!("checks.sh");

/// The first process.
const INIT: &str = "#!/bin/sh
PATH=/usr/sbin:/sbin:/usr/bin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
for module in /modules/*; do
    insmod \"$module\" || echo \"# cannot load $module\"
done
ip link set dev lo up
sh /warm-up.sh
sh /checks.sh
poweroff -f
";

/// What the tool and the checks run; the real ones, BusyBox's of the same name will not do.
const PROGRAMS: &[&str] = &[
    "sh",
    "ip",
    "bridge",
    "ping",
    "iptables",
    "iptables-save",
    "iptables-restore",
    "ip6tables",
    "ip6tables-save",
    "ip6tables-restore",
];

/// What is good enough from BusyBox. Its own shell would prefer its own `ip` and `ping` to the real ones.
const APPLETS: &[&str] =
    &["cat", "cut", "diff", "grep", "insmod", "ls", "mount", "poweroff", "sed", "tail"];

const MODULES: &[&str] = &[
    "bridge",
    "8021q",
    "veth",
    "dummy", // links
    "nf_tables",
    "nft_compat",
    "nft_chain_nat",
    "nft_ct",
    "nft_masq", // iptables, as nftables
    "xt_MASQUERADE",
    "xt_conntrack",
    "xt_comment",
];

/// Builds the initramfs in a folder of its own and returns the file.
pub fn build(folder: &Path, kernel: &Kernel, tool: &Path) -> Result<PathBuf> {
    let root = folder.join("root");
    lay_out(&root)?;
    programs(&root, tool)?;
    for (number, module) in kernel.modules(MODULES)?.iter().enumerate() {
        add_module(&root.join("modules"), number, module)?;
    }
    for (name, text) in [("init", INIT), ("warm-up.sh", private::WARM_UP), ("checks.sh", CHECKS)] {
        let path = root.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    let image = folder.join("initramfs.cpio");
    pack(&root, &image)?;
    Ok(image)
}

fn lay_out(root: &Path) -> Result<()> {
    let folders = ["proc", "sys", "dev", "run", "tmp", "etc", "root", "modules"];
    for name in folders.iter().chain(&["usr/bin", "usr/sbin", "usr/lib", "usr/lib64"]) {
        fs::create_dir_all(root.join(name))?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name))?;
    }
    Ok(())
}

fn programs(root: &Path, tool: &Path) -> Result<()> {
    let mut linked = vec![tool.to_owned()];
    copy(tool, &root.join("usr/bin/netns-tool"))?;
    for name in PROGRAMS.iter().chain(&["busybox"]) {
        let program = process::find(name).with_context(|| {
            format!("`{name}` is not installed; run `cargo xtask install-tools`")
        })?;
        copy(&program, &root.join("bin").join(name))?;
        linked.push(program);
    }
    for applet in APPLETS {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    let extensions = Path::new("/usr/lib/x86_64-linux-gnu/xtables");
    for entry in fs::read_dir(extensions)
        .with_context(|| format!("no extensions of iptables at `{}`", extensions.display()))?
    {
        let extension = entry?.path();
        copy(&extension, &below(root, &extension)?)?;
        linked.push(extension);
    }
    for library in libraries(&linked)? {
        copy(&library, &below(root, &library)?)?;
    }
    Ok(())
}

/// The same path below another root.
fn below(root: &Path, path: &Path) -> Result<PathBuf> {
    Ok(root.join(path.strip_prefix("/").context("not an absolute path")?))
}

/// Copies what a path leads to, not a symlink.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to)
        .with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))?;
    Ok(())
}

/// The shared libraries of these programs, the loader included.
fn libraries(programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut ldd = process::system("ldd");
    // It fails if one of them is linked statically, which is none of our concern.
    let answer = ldd.args(programs).env("LC_ALL", "C").stdin(Stdio::null()).output();
    shared(&String::from_utf8_lossy(&answer.context("cannot start `ldd`")?.stdout))
}

/// Reads lines such as `libc.so.6 => /lib/libc.so.6 (0x7f)`, `/lib64/ld-linux-x86-64.so.2 (0x7f)`, `linux-vdso.so.1 (0x7f)`.
fn shared(ldd: &str) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for line in ldd.lines().filter(|line| line.starts_with('\t')).map(str::trim) {
        ensure!(!line.ends_with("not found"), "a shared library is missing: `{line}`");
        let file = line.split_once(" => ").map_or(line, |(_, file)| file);
        let file = file.split(" (").next().unwrap_or(file);
        if file.starts_with('/') {
            found.insert(PathBuf::from(file));
        }
    }
    Ok(found)
}

/// Puts a module, decompressed, where the names give the order.
fn add_module(folder: &Path, number: usize, module: &Path) -> Result<()> {
    let name = module.file_name().unwrap_or_default().to_string_lossy();
    let to = |name: &str| folder.join(format!("{number:02}-{name}"));
    match name.rsplit_once('.') {
        Some((_, "ko")) => copy(module, &to(&name)),
        Some((plain, "xz")) => {
            let out = File::create(to(plain))?;
            let mut xz = process::system("xz");
            process::check(xz.args(["--decompress", "--stdout"]).arg(module).stdout(out))
        }
        _ => bail!("the module `{name}` is compressed in a way that xtask does not know"),
    }
}

fn pack(root: &Path, image: &Path) -> Result<()> {
    let list = output(process::system("find").arg(".").current_dir(root))?;
    let names = image.with_extension("list");
    fs::write(&names, list)?;
    let mut cpio = process::system("cpio");
    // The tool trusts root's programs alone, and whoever builds this may be another.
    cpio.args(["--create", "--quiet", "--format=newc", "--owner=+0:+0"]).current_dir(root);
    let status = cpio.stdin(File::open(&names)?).stdout(File::create(image)?).status();
    let status = status.context("cannot start `cpio`")?;
    ensure!(status.success(), "`{}` failed ({})", process::show(&cpio), process::ended(status));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_what_ldd_says() {
        let answer = "/bin/x:\n\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n/bin/y:\n\
            \tnot a dynamic executable\n\t/lib64/ld-linux-x86-64.so.2 (0x7f)\n";
        let files = ["/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(shared(answer).unwrap(), BTreeSet::from(files));
        assert!(shared("\tlibx.so => not found\n").is_err());
    }
}
