//! Completions: what may stand at the cursor, in shells that are really there, with keys that are really pressed.

#![expect(clippy::disallowed_methods, reason = "shells, and the tool as they start it")]

mod support;

use std::fs;
use std::process::{Command, Output};

use support::labs::file;
use support::terminal::Terminal;
use support::{done, private_host, sh, tool, unchanged};
use testhost::{Faults, binary};

/// Namespaces web, db and lonely, the bridges br0 and fbr, the interfaces web-eth0 and db-eth0; of these lonely and fbr are
/// not of the lab.
fn stage() {
    sh("mkdir -p /run/tmp");
    file(
        "[bridge.br0]\naddress = \"10.0.0.1/24\"\n[namespace.web]\nbridge = \"br0\"\n[namespace.db]\nbridge = \"br0\"\n",
    );
    done("up -q /run/tmp/lab.toml");
    done("create -q lonely");
    sh("ip link add fbr type bridge");
}

/// Where the shells look: the tool is in it, as if it were installed.
fn path() -> String {
    let folder = binary("netns-tool").parent().expect("its folder").display().to_string();
    format!("{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
}

/// What the tool answers to the scripts, for a line whose last word is at the cursor.
fn ask(before: &[&str], line: &str) -> Output {
    let words: Vec<&str> = line.split(' ').collect();
    let index = (words.len() - 1).to_string();
    let tool = binary("netns-tool").display().to_string();
    let mut all = before.to_vec();
    all.extend([tool.as_str(), "__complete", &index, "--"]);
    let mut command = Command::new(all[0]);
    command.args(&all[1..]).args(&words).current_dir("/run/tmp");
    command.output().expect("run the tool")
}

/// The candidates, without what is said about them.
fn candidates(line: &str) -> Vec<String> {
    names(&ask(&[], line))
}

fn names(output: &Output) -> Vec<String> {
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let answer = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    answer
        .lines()
        .skip(1)
        .map(|line| line.split('\t').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn each_argument_gets_the_names_of_what_it_may_be() {
    private_host(|| {
        stage();
        let ask = |line: &str| candidates(&format!("netns-tool {line}"));
        unchanged(|| {
            for line in
                ["exec ", "shell ", "delete ", "veth v ", "veth --host-ns ", "bridge x --ns "]
            {
                assert_eq!(ask(line), ["db", "lonely", "web"], "{line}");
            }
            for line in ["nat ", "veth v web e --bridge ", "bridge --delete "] {
                assert_eq!(ask(line), ["br0", "fbr"], "{line}");
            }
            // What is named already is not offered again, but for the word at the cursor.
            assert_eq!(ask("delete db "), ["lonely", "web"]);
            assert_eq!(ask("delete db web"), ["web"]);
            assert_eq!(ask("nat br0 --allow "), ["fbr"]);
            assert_eq!(ask("bridge x --attach br0,fbr,"), ["br0,fbr,db-eth0", "br0,fbr,web-eth0"]);
            assert_eq!(ask("trace "), ["db", "lonely", "web", "host"]);
            assert_eq!(ask("trace web "), ["db", "lonely", "host"]);
            assert_eq!(ask("trace host "), ["db", "lonely", "web"]);
            assert_eq!(ask("trace web h"), ["host"]);
            for line in ["bridge x --attach ", "nat br0 "] {
                assert_eq!(ask(line), ["br0", "db-eth0", "fbr", "web-eth0"], "{line}");
            }
            assert_eq!(ask("bridge x --attach web-eth0,d"), ["web-eth0,db-eth0"]);
            assert_eq!(ask("bridge x --attach=d"), ["--attach=db-eth0"]);
            assert_eq!(ask("veth --delete "), ["db-eth0", "web-eth0"]);
            assert_eq!(ask("veth web-eth0 web --delete "), ["eth0"]);
            assert_eq!(ask("bridge --ns web --delete "), [""; 0]);
            for line in ["down ", "exec --all ", "list --lab ", "diff lab.toml --name "] {
                assert_eq!(ask(line), ["lab"], "{line}");
            }
            assert_eq!(ask("run lab.toml --in "), ["db", "web"]);
            assert_eq!(ask("run lab.toml --name two --in "), ["two-db", "two-web"]);
            assert_eq!(ask("run nothing.toml --in "), [""; 0]);
            assert_eq!(
                ask("show "),
                ["db", "lonely", "web", "br0", "db-eth0", "fbr", "web-eth0", "lab"]
            );
            assert_eq!(ask("show --as interface w"), ["web-eth0"]);
            assert_eq!(ask("show web:"), ["web:eth0"]);
            assert_eq!(ask("exec --user roo"), ["root"]);
            for line in ["create ", "veth ", "bridge ", "veth n web ", "up lab.toml --name "] {
                assert_eq!(ask(line), [""; 0], "what is created has a name of its own: {line}");
            }
        });
    });
}

/// He can list namespaces and links; into namespaces he cannot look.
#[test]
fn an_ordinary_user_gets_what_he_can_see() {
    private_host(|| {
        stage();
        let user = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
        let ask = |line: &str| names(&ask(&user, &format!("netns-tool {line}")));
        assert_eq!(ask("exec "), ["db", "lonely", "web"]);
        assert_eq!(ask("nat "), ["br0", "fbr"]);
        assert_eq!(ask("down "), ["lab"]);
        assert_eq!(ask("show web:"), [""; 0]);
    });
}

#[test]
fn names_that_a_shell_would_take_for_something_else_are_left_out() {
    private_host(|| {
        sh("mkdir -p /run/netns; cd /run/netns; touch good '$(reboot)' 'a b' 'x;y' -- -n
            touch \"$(printf 'new\\nline')\" \"$(printf '\\033[31mred')\"; mkfifo fifo
            ip link add 'a;b' type bridge; ip link add '$x' type bridge; ip link add fine type bridge");
        assert_eq!(candidates("netns-tool exec "), ["fifo", "good"]);
        assert_eq!(candidates("netns-tool nat "), ["fine"]);
        assert_eq!(candidates("netns-tool down "), [""; 0]);
        assert_eq!(candidates("netns-tool show "), ["fifo", "good", "fine"]);
    });
}

#[test]
fn no_process_is_started_to_know_names() {
    private_host(|| {
        stage();
        let faults = Faults::install();
        done("create -q another");
        assert!(!faults.calls().is_empty(), "nobody would see it");
        faults.reset();
        for line in ["exec ", "down ", "show ", "nat br0 ", "bridge x --ns web --attach "] {
            assert!(!candidates(&format!("netns-tool {line}")).is_empty(), "{line}");
        }
        assert_eq!(faults.calls(), [""; 0]);
    });
}

#[test]
fn an_answer_to_nonsense_is_silence() {
    private_host(|| {
        for words in [&["9", "--", "netns-tool"][..], &["1", "--", "netns-tool", "\u{feff}"]] {
            let output = Command::new(binary("netns-tool")).arg("__complete").args(words).output();
            let output = output.expect("run the tool");
            assert!(output.stderr.is_empty(), "{output:?}");
        }
    });
}

/// The keys that are pressed, and the words of the line then; the same in every shell. `END` is what was typed behind the
/// cursor, a word of its own where the shell has put a space there.
const LINES: &[(&str, &[&str])] = &[
    ("netns-tool cre", &["create", "END"]),
    ("netns-tool __", &["__END"]),
    ("netns-tool exec lo", &["exec", "lonely", "END"]),
    ("netns-tool nat f", &["nat", "fbr", "END"]),
    ("netns-tool bridge x --att", &["bridge", "x", "--attach", "END"]),
    ("netns-tool bridge x --attach d", &["bridge", "x", "--attach", "db-eth0", "END"]),
    ("netns-tool bridge x --attach=d", &["bridge", "x", "--attach=db-eth0", "END"]),
    ("netns-tool bridge x --attach fbr,d", &["bridge", "x", "--attach", "fbr,db-eth0", "END"]),
    ("netns-tool show web:", &["show", "web:eth0", "END"]),
    ("netns-tool show web:e", &["show", "web:eth0", "END"]),
    ("netns-tool --color=ne", &["--color=never", "END"]),
    ("netns-tool list --lab ", &["list", "--lab", "lab", "END"]),
    ("netns-tool up my", &["up", "my lab.toml", "END"]),
    ("netns-tool run lab.t", &["run", "lab.toml", "END"]),
    ("netns-tool run lab.toml --in d", &["run", "lab.toml", "--in", "db", "END"]),
    ("netns-tool exec web -- unsh", &["exec", "web", "--", "unshare", "END"]),
    ("netns-tool exec web -- cat other", &["exec", "web", "--", "cat", "other.text", "END"]),
    ("netns-tool up oth", &["up", "othEND"]),
    ("netns-tool create lon", &["create", "lonEND"]),
];

/// Presses the keys.
fn in_a_terminal(shell: &str, set_up: &str) {
    stage();
    sh("cd /run/tmp; cp lab.toml 'my lab.toml'; touch other.text");
    let mut terminal = Terminal::start(shell, &path(), set_up);
    for (keys, words) in LINES {
        assert_eq!(terminal.completed(keys), *words, "{shell}: {keys:?}");
    }
    let seen = terminal.seen("netns-tool exec ");
    assert!(["web", "db", "lonely"].iter().all(|name| seen.contains(name)), "{shell}: {seen:?}");
    let seen = terminal.seen("netns-tool s");
    assert!(
        ["show", "shell", "sandbox"].iter().all(|name| seen.contains(name)),
        "{shell}: {seen:?}"
    );
    // Where the tool is gone, Tab does nothing.
    let mut terminal =
        Terminal::start(shell, &path(), &format!("{set_up}\nexport PATH=/usr/bin:/bin"));
    let seen = terminal.seen("netns-tool exec ");
    assert!(!seen.contains("not found") && !seen.contains("nknown"), "{shell}: {seen:?}");
}

#[test]
fn bash_completes_at_the_press_of_a_key() {
    private_host(|| {
        in_a_terminal(
            "bash --norc --noprofile -i",
            "source <(netns-tool completions bash)
             bind 'set show-all-if-ambiguous on'; bind 'set enable-bracketed-paste off'; PS1='$ '",
        );
    });
}

/// As a package installs it: a file of $fpath, which zsh reads at the first Tab.
#[test]
fn zsh_completes_at_the_press_of_a_key() {
    private_host(|| {
        in_a_terminal(
            "zsh -f -i",
            "bindkey -e; PS1='$ '; unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste
             mkdir -p /run/tmp/functions; netns-tool completions zsh > /run/tmp/functions/_netns-tool
             fpath=(/run/tmp/functions $fpath); autoload -Uz compinit; compinit -u -d /run/tmp/dump",
        );
    });
}

#[test]
fn zsh_completes_also_what_was_sourced() {
    private_host(|| {
        stage();
        let set_up = "bindkey -e; PS1='$ '; unset zle_bracketed_paste
            autoload -Uz compinit; compinit -u -d /run/tmp/dump; source <(netns-tool completions zsh)";
        let mut terminal = Terminal::start("zsh -f -i", &path(), set_up);
        assert_eq!(terminal.completed("netns-tool exec lo"), ["exec", "lonely", "END"]);
    });
}

#[test]
fn fish_completes_at_the_press_of_a_key() {
    private_host(|| {
        in_a_terminal(
            "fish --no-config --private",
            "set -g fish_autosuggestion_enabled 0; function fish_prompt; echo '$ '; end
             netns-tool completions fish | source",
        );
    });
}

#[test]
fn the_scripts_are_those_that_packages_install() {
    for (shell, script) in [
        ("bash", include_str!("../completions/netns-tool.bash")),
        ("zsh", include_str!("../completions/_netns-tool")),
        ("fish", include_str!("../completions/netns-tool.fish")),
    ] {
        tool(&format!("completions {shell}")).success().stdout(script).stderr("");
    }
    tool("completions tcsh").code(2);
    tool("completions").code(2);
}

/// That the set-up of the tests is what it says: a line that is not completed stays as it was.
#[test]
fn a_shell_without_the_script_completes_nothing() {
    private_host(|| {
        stage();
        fs::write("/run/tmp/lonely-file", "").expect("a file");
        let mut terminal = Terminal::start("bash --norc --noprofile -i", &path(), "PS1='$ '");
        assert_eq!(terminal.completed("netns-tool exec web"), ["exec", "webEND"]);
    });
}
