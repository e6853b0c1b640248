//! What a package ships: the pages of the manual, the completions, and the list of what goes where.

#![expect(clippy::disallowed_methods, reason = "cargo tells what its manifest says")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{done, private_host, refused_with, sh, tool, unchanged};

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// The names in a folder, with what the files hold.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    let mut files: Vec<_> = paths
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect();
    files.sort();
    files
}

/// Those of `netns-tool --help`, so none that is hidden.
fn subcommands() -> Vec<String> {
    let help = done("--help");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    commands
        .filter(|line| !line.starts_with("   "))
        .filter_map(|l| Some(l.split_whitespace().next()?.to_owned()))
        .collect()
}

/// `DOCS=overwrite cargo test --test package_test` writes them anew.
#[test]
fn the_pages_are_those_that_the_binary_writes() {
    let checked_in = top().join("docs/man");
    if std::env::var_os("DOCS").is_some_and(|value| value == "overwrite") {
        files(&checked_in).iter().for_each(|(name, _)| {
            fs::remove_file(checked_in.join(name)).expect("remove a page");
        });
        done(&format!("man --into {}", checked_in.display()));
    }
    let mut expected: Vec<(String, String)> = subcommands()
        .iter()
        .map(|name| (format!("netns-tool-{name}.1"), done(&format!("man {name}"))))
        .collect();
    expected.push(("netns-tool.1".to_owned(), done("man")));
    expected.sort();
    for (page, expected) in files(&checked_in).iter().zip(&expected) {
        assert!(
            page == expected,
            "docs/man/{} is not as the binary writes it: DOCS=overwrite cargo test --test package_test",
            page.0
        );
    }
    assert_eq!(files(&checked_in).len(), expected.len());
    assert!(expected.len() > 20);
}

#[test]
fn all_pages_are_written_into_a_folder() {
    private_host(|| {
        sh("mkdir -p /run/tmp; cd /run/tmp; echo mine > mine; ln -s /run/tmp/mine /run/tmp/link
            mkdir old; ln -s /run/tmp/mine old/netns-tool.1; echo x > old/netns-tool-nat.1; echo y > old/other.1");
        assert_eq!(done("man --into /run/tmp/new/folder"), "");
        done("man --into /run/tmp/old");
        assert_eq!(sh("cat /run/tmp/mine; cat /run/tmp/old/other.1"), "mine\ny\n");
        let new = files(Path::new("/run/tmp/new/folder"));
        assert_eq!(new.len(), subcommands().len() + 1);
        assert!(
            new.iter()
                .all(|page| page.0 == "other.1" || files(Path::new("/run/tmp/old")).contains(page))
        );
        let script = unchanged(|| done("--dry-run man --into /run/tmp/dry"));
        assert!(!Path::new("/run/tmp/dry").exists());
        assert!(
            script.contains("netns-tool man nat > /run/tmp/dry/netns-tool-nat.1\n"),
            "{script}"
        );
        refused_with(1, "man --into /run/tmp/mine");
        refused_with(2, "man creat").stderr(predicates::str::contains("create"));
        refused_with(2, "man __init");
        tool("man create --into /run/tmp").code(2);
    });
}

/// What cargo-deb is told, in the form of JSON.
fn metadata() -> Value {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--offline", "--no-deps", "--format-version", "1", "--manifest-path"]);
    let output = cargo.arg(manifest).output().expect("run cargo");
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut packages = all["packages"].as_array().expect("packages").iter();
    let ours = packages.find(|package| package["name"] == "netns-tool").expect("this package");
    ours["metadata"]["deb"].clone()
}

/// From where to where.
fn assets() -> Vec<(String, String)> {
    let word = |asset: &Value, index: usize| asset[index].as_str().expect("a path").to_owned();
    let metadata = metadata();
    let assets = metadata["assets"].as_array().expect("a list");
    assets.iter().map(|asset| (word(asset, 0), word(asset, 1))).collect()
}

/// The files that an asset stands for; a star stands for any part of a name.
fn meant(asset: &str) -> BTreeSet<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(asset);
    let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
    let name = name.to_string_lossy();
    let (begin, end) = name.split_once('*').unwrap_or((&name, ""));
    let is_meant = |file: &str| match name.contains('*') {
        true => file.starts_with(begin) && file.ends_with(end),
        false => file == name,
    };
    let files = files(folder).into_iter().map(|(file, _)| file).filter(|file| is_meant(file));
    files.map(|file| folder.canonicalize().expect("a folder").join(file)).collect()
}

#[test]
fn the_package_has_all_pages_and_completions_and_nothing_that_is_not_there() {
    let assets = assets();
    let own: Vec<_> = assets.iter().filter(|(from, _)| !from.starts_with("target/")).collect();
    assert_eq!(assets.len() - own.len(), 1, "one is the binary");
    let mut shipped = BTreeSet::new();
    for (from, to) in &own {
        let files = meant(from);
        assert!(!files.is_empty(), "there is no {from}");
        assert!(to.starts_with("usr/share/"), "{to}");
        shipped.extend(files);
    }
    for folder in ["docs/man", "docs/labs", "crates/netns-tool/completions"] {
        for (name, _) in files(&top().join(folder)) {
            let path = top().join(folder).join(&name);
            assert!(shipped.contains(&path), "{folder}/{name} is not among the assets");
        }
    }
    let places: Vec<&str> = assets.iter().map(|(_, to)| to.as_str()).collect();
    for place in [
        "usr/bin/",
        "usr/share/man/man1/",
        "usr/share/bash-completion/completions/netns-tool",
        "usr/share/zsh/vendor-completions/",
        "usr/share/fish/vendor_completions.d/",
    ] {
        assert!(places.contains(&place), "{place}");
    }
}

#[test]
fn the_package_depends_on_what_the_tool_runs() {
    let metadata = metadata();
    let depends = metadata["depends"].as_str().expect("text");
    assert!(["iproute2", "iptables"].iter().all(|name| depends.contains(name)), "{depends}");
    let license = metadata["license-file"][0].as_str().expect("a path");
    assert_eq!(meant(license).len(), 1);
}
