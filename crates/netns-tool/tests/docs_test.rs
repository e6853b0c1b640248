//! The documentation is run: each page in a private host of its own, each `console` block for real.
//!
//! A line `$ …` of a block is run by `sh`; the lines below it are what it prints. `[..]` stands for anything within a
//! line, a line `...` for any lines. What has no `sudo` in it is run without root's rights. `<!-- setup: … -->` prepares what the reader has or need not see. At its end a
//! page has to leave the host as its first command found it.
//!
//! `DOCS=overwrite cargo test --test docs_test` writes what was really printed into the pages.

#![expect(clippy::disallowed_methods, reason = "the lint guards the tool; a test may run commands")]

mod docs;

use docs::page::Page;
use docs::session;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One test for each page, which is read when the test is compiled: an ordinary user need not be able to read the
/// work tree.
macro_rules! pages {
    ($($test:ident => $path:literal,)*) => {
        const PAGES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../../", $path)))),*];
        $(#[test]
        fn $test() {
            let text = include_str!(concat!("../../../", $path));
            testhost::private_host(|| check($path, text));
        })*
    };
}

pages! {
    readme => "README.md",
    reference => "docs/reference.md",
    ci => "docs/ci.md",
    tutorials => "docs/tutorials/README.md",
    tutorial_1_namespaces => "docs/tutorials/01-namespaces.md",
    tutorial_2_veth_pairs => "docs/tutorials/02-veth-pairs.md",
    tutorial_3_two_namespaces => "docs/tutorials/03-two-namespaces.md",
    tutorial_4_bridge => "docs/tutorials/04-bridge.md",
    tutorial_5_nat => "docs/tutorials/05-nat.md",
    tutorial_6_common_errors => "docs/tutorials/06-common-errors.md",
    tutorial_7_publish => "docs/tutorials/07-publish.md",
    labs => "docs/labs/README.md",
    lab_shop => "docs/labs/shop.md",
    lab_veth_pair => "docs/labs/veth-pair.md",
    lab_one_container => "docs/labs/one-container.md",
    lab_two_containers => "docs/labs/two-containers.md",
    lab_containers_nat => "docs/labs/containers-nat.md",
    lab_two_namespaces => "docs/labs/two-namespaces.md",
    lab_same_subnet => "docs/labs/same-subnet.md",
    lab_router => "docs/labs/router.md",
    lab_routers => "docs/labs/routers.md",
    lab_spine_leaf => "docs/labs/spine-leaf.md",
    lab_two_sites => "docs/labs/two-sites.md",
    lab_dual_stack => "docs/labs/dual-stack.md",
}

/// Runs the page; fails with file and line of whatever is not as it shows.
fn check(name: &str, text: &str) {
    let page = Page::parse(name, text).unwrap_or_else(|error| panic!("{error}"));
    assert!(page.commands() > 0, "{name} has no command that is run");
    let outcome = session::run(&page);
    if std::env::var_os("DOCS").is_some_and(|value| value == "overwrite") {
        fs::write(top().join(name), outcome.text).unwrap_or_else(|error| panic!("{name}: {error}"));
        return;
    }
    assert!(outcome.faults.is_empty(), "{}", outcome.faults.join("\n\n"));
}

#[test]
fn every_page_is_run() {
    let mut there = BTreeSet::from(["README.md".to_owned()]);
    let mut folders = vec![top().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                there.insert(path.strip_prefix(top()).unwrap().display().to_string());
            }
        }
    }
    let run: BTreeSet<String> = PAGES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(there, run, "a page that is there (left) has to be listed in this file (right)");
}

#[test]
fn every_link_leads_somewhere() {
    let changelog = fs::read_to_string(top().join("CHANGELOG.md")).unwrap();
    let mut count = 0;
    for (name, text) in PAGES.iter().copied().chain([("CHANGELOG.md", changelog.as_str())]) {
        let page = Page::parse(name, text).unwrap();
        for (line, target) in links(&page) {
            let broken = broken(name, &target);
            assert!(broken.is_none(), "{name}:{line}: `{target}` {}", broken.unwrap_or_default());
            count += 1;
        }
    }
    assert!(count > 20, "only {count} links were found");
    assert!(broken("README.md", "docs/nowhere.md").is_some());
    assert!(broken("docs/reference.md", "../README.md#nowhere").is_some());
}

/// The targets of `[text](target)` outside of blocks.
fn links(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, text) in page.prose() {
        for after in text.split("](").skip(1) {
            found.push((line, after.split(')').next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// What is wrong with a link of the page; pages elsewhere are not looked up.
fn broken(from: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (file, heading) =
        target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { PathBuf::from(from) } else { folder.join(file) };
    let Ok(path) = top().join(path).canonicalize() else { return Some("is not there".to_owned()) };
    let heading = heading?;
    let text = fs::read_to_string(path).unwrap_or_default();
    let page = Page::parse(file, &text).ok()?;
    let mut anchors =
        page.prose().filter(|(_, line)| line.starts_with('#')).map(|(_, l)| anchor(l));
    (!anchors.any(|anchor| anchor == heading)).then(|| "names no heading".to_owned())
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().replace(' ', "-")
}

/// The empty one stands for the options of all.
const COMMANDS: [&str; 25] = [
    "",
    "create",
    "delete",
    "veth",
    "bridge",
    "nat",
    "up",
    "down",
    "plan",
    "diff",
    "check",
    "labs",
    "list",
    "show",
    "graph",
    "doctor",
    "exec",
    "shell",
    "capture",
    "trace",
    "run",
    "sandbox",
    "recover",
    "completions",
    "man",
];

#[test]
fn every_option_is_explained_in_the_reference() {
    let (name, text) = PAGES[1];
    let page = Page::parse(name, text).unwrap();
    let global = long_options(&[]);
    assert!(global.contains("--dry-run"), "{global:?}");
    let mut checked = 0;
    for command in COMMANDS {
        let (section, options) = match command {
            "" => ("Global options".to_owned(), global.clone()),
            _ => {
                let own = long_options(&[command]);
                (format!("netns-tool {command}"), own.difference(&global).cloned().collect())
            }
        };
        let prose = prose_of(&page, &section);
        assert!(!prose.is_empty(), "{name} has no section `## {section}`");
        for option in options {
            let is_there = [" ", "`"].iter().any(|end| prose.contains(&format!("`{option}{end}")));
            assert!(is_there, "{name}: `{option}` is not explained in `## {section}`");
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} options were found");
}

/// The long options that the help of a command lists.
fn long_options(command: &[&str]) -> BTreeSet<String> {
    let tool = testhost::binary("netns-tool");
    let output = Command::new(tool).args(command).arg("--help").output().expect("run the tool");
    let help = String::from_utf8(output.stdout).expect("the help is UTF-8");
    // At other depths are explanations, which mention options as well.
    let is_option = |line: &&str| (2..=6).contains(&(line.len() - line.trim_start().len()));
    let lines = help.lines().filter(is_option).map(str::trim_start).filter(|l| l.starts_with('-'));
    lines
        .filter_map(|line| line.split([' ', ',']).find(|word| word.starts_with("--")))
        .map(str::to_owned)
        .collect()
}

/// What the page says below `## heading`, without its blocks.
fn prose_of(page: &Page, heading: &str) -> String {
    let lines: Vec<&str> = page.prose().map(|(_, line)| line).collect();
    let is_heading = |line: &&&str| line.trim_start_matches("## ").replace('`', "") == heading;
    let Some(begin) = lines.iter().position(|line| is_heading(&line)) else { return String::new() };
    let section = lines[begin + 1..].iter().take_while(|line| !line.starts_with("## "));
    section.copied().collect::<Vec<_>>().join("\n")
}

/// The top of the repository.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// The tests of the tests: each kind of fault is found, with file and line.
#[test]
fn a_page_that_lies_is_found() {
    testhost::private_host(|| {
        for (text, line, what) in [
            ("```console\n$ echo a\nb\n```", 2, "something else"),
            ("```console\n$ echo a\n$ echo b; echo c >&2\nb\n```", 2, "something else"),
            ("```console\n$ echo a\na\n$ false\n```", 4, "failed (1) without a word"),
            ("\n<!-- setup: exit 3 -->\n```console\n$ echo $?\n3\n```", 2, "the setup failed (3)"),
            ("```console\n$ netns-tool -q create n1\n```", 2, "CAP_NET_ADMIN is missing"),
            ("```console\n$ sudo netns-tool -q create n1\n```", 3, "does not clean up"),
        ] {
            let page = Page::parse("page.md", text).unwrap();
            let faults = session::run(&page).faults.join("\n");
            let place = format!("page.md:{line}: ");
            assert!(faults.contains(&place) && faults.contains(what), "{text}\n{faults}");
            testhost::sh("rm -r /run/tmp/bin");
        }
    });
}

#[test]
fn an_honest_page_passes_and_is_rewritten_as_it_is() {
    let text = "Text\n\n```console\n$ echo b >&2; echo a\nb\n[..]\n$ seq 5\n1\n...\n5\n$ exit 4\n$ echo $?\n4\n```\n";
    testhost::private_host(|| {
        let page = Page::parse("page.md", text).unwrap();
        let outcome = session::run(&page);
        assert_eq!(outcome.faults, Vec::<String>::new());
        assert_eq!(outcome.text, text);
        testhost::sh("rm -r /run/tmp/bin");
        let outdated = text.replace("4\n```", "5\n```").replace("b\n[..]", "x");
        let rewritten = session::run(&Page::parse("page.md", &outdated).unwrap()).text;
        assert_eq!(rewritten, text.replace("[..]", "a"));
    });
}
