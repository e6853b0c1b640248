//! What others copy into their CI, or use there: the recipes of docs/ci.md, and the action.

#![expect(clippy::disallowed_methods, reason = "the lint guards the tool; a test may run commands")]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};
use support::{assert_is, lived_in, namespaces, private_host};
use testhost::binary;
use yaml_rust2::{Yaml, YamlLoader};

const PAGE: &str = include_str!("../../../docs/ci.md");
const WORKFLOW: &str = include_str!("../../../.github/workflows/ci.yml");
const ACTION: &str = include_str!("../../../.github/actions/netns-tool/action.yml");
const RUN: &str = include_str!("../../../.github/actions/netns-tool/run.sh");
const INSTALL: &str = include_str!("../../../.github/actions/netns-tool/install.sh");
const LAB: &str = "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n";

fn parse(text: &str) -> Yaml {
    let mut documents = YamlLoader::load_from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

/// All texts of the document that a shell runs.
fn scripts(yaml: &Yaml, found: &mut Vec<String>) {
    match yaml {
        Yaml::Hash(table) => {
            for (key, value) in table {
                match (key.as_str(), value) {
                    (Some("run"), Yaml::String(script)) => found.push(script.clone()),
                    (Some("script" | "before_script"), Yaml::Array(lines)) => {
                        found.extend(lines.iter().filter_map(Yaml::as_str).map(str::to_owned));
                    }
                    _ => scripts(value, found),
                }
            }
        }
        Yaml::Array(items) => items.iter().for_each(|item| scripts(item, found)),
        _ => {}
    }
}

fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    PAGE.split(begin.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

/// What is typed after `netns-tool` in a recipe is understood by it: `--help` is answered only if the words before it are.
fn is_understood(line: &str) {
    let words = shlex_like(line);
    let starts = words.iter().enumerate().filter(|(_, word)| word.ends_with("netns-tool"));
    for (start, _) in starts {
        let own = words[start + 1..]
            .iter()
            .take_while(|word| !["--", "&&", ">"].contains(&word.as_str()));
        let own: Vec<&String> = own.collect();
        // It is a path, or an argument of another program.
        if !own.first().is_some_and(|word| ["run", "check", "sandbox"].contains(&word.as_str())) {
            continue;
        }
        let output = Command::new(binary("netns-tool")).args(&own).arg("--help").output();
        let output = output.expect("run the tool");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The words of a simple command.
fn shlex_like(line: &str) -> Vec<String> {
    let plain = line.replace(['"', '\''], " ");
    plain.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_recipes_are_valid_and_their_words_are_known() {
    let recipes = blocks("yaml");
    assert_eq!(recipes.len(), 4);
    let mut lines = Vec::new();
    for recipe in recipes {
        scripts(&parse(recipe), &mut lines);
    }
    assert!(lines.len() > 8, "{lines:?}");
    let others = blocks("make").into_iter().chain(blocks("sh"));
    lines.extend(
        others.flat_map(str::lines).filter(|line| !line.starts_with('#')).map(str::to_owned),
    );
    assert!(lines.iter().filter(|line| line.contains("netns-tool run")).count() > 8, "{lines:?}");
    lines.iter().for_each(|line| is_understood(line));
}

#[test]
fn the_action_takes_what_the_workflow_gives_it() {
    let action = parse(ACTION);
    let inputs = action["inputs"].as_hash().expect("inputs");
    let known: BTreeSet<&str> = inputs.keys().filter_map(Yaml::as_str).collect();
    let mut used = 0;
    for document in [WORKFLOW.to_owned()]
        .into_iter()
        .chain(blocks("yaml").iter().map(|text| (*text).to_owned()))
    {
        let document = parse(&document);
        let jobs = document["jobs"].as_hash().into_iter().flatten();
        let steps = jobs.flat_map(|(_, job)| job["steps"].as_vec().into_iter().flatten());
        for step in steps.filter(|step| {
            step["uses"].as_str().is_some_and(|uses| uses.contains("actions/netns-tool"))
        }) {
            used += 1;
            for (input, _) in step["with"].as_hash().into_iter().flatten() {
                assert!(known.contains(input.as_str().unwrap_or_default()), "{input:?}");
            }
        }
    }
    assert_eq!(used, 3);
    // Each input reaches the script, and nothing that a caller writes is part of the script itself.
    let mut lines = Vec::new();
    scripts(&action, &mut lines);
    assert_eq!(lines, ["\"$GITHUB_ACTION_PATH/install.sh\"", "\"$GITHUB_ACTION_PATH/run.sh\""]);
    for name in known {
        assert!(RUN.contains(&format!("${{{}", name.to_uppercase())), "{name}");
    }
    for script in [RUN, INSTALL] {
        assert!(shell(&["-n", "-c", script], &[]).status.success());
    }
}

/// Runs bash with the tool on its PATH.
fn shell(words: &[&str], environment: &[(&str, &str)]) -> Output {
    let built: PathBuf = binary("netns-tool").parent().expect("a folder").to_owned();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", built.display());
    let mut bash = Command::new("bash");
    bash.args(words).env_clear().env("PATH", path).envs(environment.iter().copied());
    bash.output().expect("run bash")
}

#[test]
fn the_action_runs_commands_in_the_lab() {
    private_host(|| {
        let before = lived_in();
        // Not below /run, which a private host covers; this one is in the private host of the test.
        let file = "/etc/lab.toml";
        std::fs::write(file, LAB).expect("write a lab");
        let run = |script: &str, inside: &str| {
            let inputs = [("LAB", file), ("RUN", script), ("IN", inside), ("SANDBOX", "true")];
            shell(&["-c", RUN], &inputs)
        };
        let seen = run("ip -br addr show dev eth0", "web");
        assert!(seen.status.success(), "{}", String::from_utf8_lossy(&seen.stderr));
        assert!(String::from_utf8_lossy(&seen.stdout).contains("10.0.0.2/24"), "{seen:?}");
        let hosts = run("ping -c 1 -q 10.0.0.2 && test -e \"$LAB\"", "");
        assert!(hosts.status.success(), "{}", String::from_utf8_lossy(&hosts.stderr));
        // It stops at the first that fails, and its code comes out.
        assert_eq!(run("false; true", "web").status.code(), Some(1));
        assert_eq!(run("exit 7", "").status.code(), Some(7));
        let wrong = shell(&["-c", RUN], &[("LAB", file), ("RUN", "true"), ("SANDBOX", "maybe")]);
        assert_eq!(wrong.status.code(), Some(2));
        assert!(!namespaces().contains(&"web".to_owned()));
        std::fs::remove_file(file).expect("remove the lab");
        assert_is(&before);
    });
}
