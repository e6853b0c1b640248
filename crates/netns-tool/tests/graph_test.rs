//! `graph`: the picture of a lab file, and of what stands, in each of its forms.
//!
//! `SNAPSHOTS=overwrite cargo test --test graph_test` writes what was really drawn.

#![expect(clippy::disallowed_methods, reason = "the lint guards the tool; a test may run commands")]

mod support;

use snapbox::{IntoData, str};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use support::labs::{FILE, TEN_LINES, file, internet, up};
use support::{done, lived_in, private_host, refused_with, sh, tool, unchanged};

const TWO_SITES: &str = include_str!("../../../docs/labs/two-sites.toml");
const SPINE_LEAF: &str = include_str!("../../../docs/labs/spine-leaf.toml");

/// Pictures are compared with files, which are read when the test is compiled: an ordinary user need not be able to read
/// the work tree.
macro_rules! is_drawn {
    ($actual:expr, $path:literal) => {
        is($actual, $path, include_str!($path))
    };
}

fn is(actual: String, path: &str, expected: &str) {
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path);
        fs::write(&path, actual).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    snapbox::Assert::new()
        .normalize_paths(false)
        .eq(actual, snapbox::Data::text(expected.to_owned()).raw());
}

/// What is drawn of the text as a file of that name.
fn drawn(name: &str, text: &str, words: &str) -> String {
    let path = format!("/run/tmp/{name}.toml");
    fs::write(&path, text).expect("write the lab's file");
    done(&format!("graph {path} {words}"))
}

#[test]
fn two_sites_in_each_form() {
    private_host(|| {
        let drawn = |words: &str| drawn("two-sites", TWO_SITES, words);
        is_drawn!(drawn(""), "graph/two-sites.txt");
        is_drawn!(drawn("--format mermaid"), "graph/two-sites.mmd");
        is_drawn!(drawn("--format dot"), "graph/two-sites.dot");
        // The page of the lab shows it.
        is_drawn!(drawn("--format svg"), "../../../docs/labs/two-sites.svg");
    });
}

#[test]
fn spine_and_leaf_in_each_form() {
    private_host(|| {
        let drawn = |words: &str| drawn("spine-leaf", SPINE_LEAF, words);
        is_drawn!(drawn("--format text"), "graph/spine-leaf.txt");
        is_drawn!(drawn("--format mermaid"), "graph/spine-leaf.mmd");
        is_drawn!(drawn("--format dot"), "graph/spine-leaf.dot");
        is_drawn!(drawn("--format svg"), "../../../docs/labs/spine-leaf.svg");
    });
}

/// That it takes no rights is shown by the pages of the labs, which draw them as an ordinary user.
#[test]
fn a_file_is_drawn_under_another_name_and_changes_nothing() {
    private_host(|| {
        file(TEN_LINES);
        snapbox::assert_data_eq!(
            unchanged(|| done(&format!("graph {FILE} --name blue"))),
            str![[r#"
host
└── blue-br0  10.0.0.1/24
    ├── blue-web-eth0 ── blue-web:eth0  10.0.0.2/24
    ├── blue-db-eth0 ─── blue-db:eth0   10.0.0.3/24
    └── NAT ───────────▶ the internet

"#]]
            .raw()
        );
    });
}

/// Fifty lines are fifty lines: nothing is cut.
#[test]
fn a_large_lab_is_told_in_full() {
    private_host(|| {
        let text = TEN_LINES.replace("[namespace.db]", "[namespace.db]\ncount = 50");
        let text = drawn("lab", &text, "");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 1 + 51 + 1, "{text}");
        assert_eq!(lines[52], "    ├── db50-eth0 ── db50:eth0  10.0.0.52/24");
    });
}

/// The lab of ten lines with a wire that is down, and others wired to it: a namespace of a stranger, and one that has no
/// name.
fn stage_live() {
    internet();
    up(TEN_LINES);
    sh("ip link set db-eth0 down
        ip netns add stranger
        ip link add port0 type veth peer name eth0 netns stranger
        ip link set port0 master br0 up
        ip -n stranger link set eth0 up
        ip -n stranger addr add 10.0.0.99/24 dev eth0
        ip netns add far; ip -n stranger link add away type veth peer name near netns far
        ip -n far addr add 10.99.0.1/24 dev near
        unshare -n sleep 1000 >/dev/null 2>&1 & echo $! > /run/tmp/nameless
        while [ $(readlink /proc/$(cat /run/tmp/nameless)/ns/net) = $(readlink /proc/self/ns/net) ]; do sleep 0.1; done
        ip link add port1 type veth peer name eth0 netns $(cat /run/tmp/nameless)
        ip link set port1 master br0 up");
}

#[test]
fn what_stands_is_drawn_with_what_is_down_and_what_is_foreign() {
    private_host(|| {
        stage_live();
        let drawn = unchanged(|| done("graph"));
        is_drawn!(drawn.clone(), "graph/live.txt");
        assert_eq!(done("graph --live"), drawn);
        assert_eq!(done("graph --quiet --live"), drawn);
        is_drawn!(done("graph --live --format mermaid"), "graph/live.mmd");
        is_drawn!(done("graph --live --format dot"), "graph/live.dot");
        is_drawn!(done("graph --live --format svg"), "graph/live.svg");
        sh("kill $(cat /run/tmp/nameless)");
    });
}

#[test]
fn what_is_no_wire_is_drawn_inside_a_namespace_whether_it_is_up_or_not() {
    private_host(|| {
        sh("ip netns add web
            ip -n web link add eth0 type veth peer name eth1
            ip -n web link add vx0 type vxlan id 42 dstport 4789
            ip -n web link add mv0 link eth0 type macvlan
            ip -n web link add br0 type bridge
            ip -n web link add vx1 type vxlan id 43 dstport 4790
            ip -n web link set vx1 master br0
            ip -n web addr add 10.0.0.1/24 dev mv0; ip -n web link set mv0 up");
        let drawn = unchanged(|| done("graph"));
        for line in
            ["vx0  (vxlan, foreign, down)", "mv0  10.0.0.1/24  (macvlan, foreign)", "vx1  (vxlan,"]
        {
            assert!(drawn.contains(line), "{line}: {drawn}");
        }
        for format in ["mermaid", "dot", "svg"] {
            let drawn = done(&format!("graph --format {format}"));
            assert!(drawn.contains("vx0") && drawn.contains("macvlan"), "{format}: {drawn}");
        }
    });
}

#[test]
fn of_a_lab_that_is_up_only_its_part_is_drawn() {
    private_host(|| {
        stage_live();
        let part = done("graph lab");
        is_drawn!(part.clone(), "graph/live-lab.txt");
        assert_eq!(done(&format!("graph {FILE} --live")), part);
        assert_eq!(done("graph lab --live"), part);
        // The file knows nothing of what has become of it.
        assert!(!done(&format!("graph {FILE}")).contains("down"));
        sh("kill $(cat /run/tmp/nameless)");
    });
}

#[test]
fn a_host_with_nothing_on_it_is_a_host() {
    private_host(|| assert_eq!(done("graph"), "host\n"));
}

#[test]
fn names_of_strangers_mean_nothing_in_any_form() {
    private_host(|| {
        sh("ip netns add n1; ip link add 'a\"<b>&|{' type veth peer name 'x;]--#`' netns n1
            ip link set 'a\"<b>&|{' up; ip -n n1 link set 'x;]--#`' up");
        assert!(done("graph").contains("host:a\"<b>&|{ ── n1:x;]--#`  (foreign)"));
        let svg = done("graph --format svg");
        assert!(svg.contains(">a&quot;&lt;b&gt;&amp;|{<") && !svg.contains("<b>"), "{svg}");
        let mermaid = done("graph --format mermaid");
        assert!(mermaid.contains("a#34;#60;b#62;#38;#124;#123;"), "{mermaid}");
        assert!(mermaid.contains("n1:x#59;#93;--#35;#96;"), "{mermaid}");
        let dot = done("graph --format dot");
        assert!(dot.contains(r"a&quot;\<b\>&amp;\|\{"), "{dot}");
    });
}

#[test]
fn wrong_usage_is_told() {
    private_host(|| {
        lived_in();
        let stderr = |assert: assert_cmd::assert::Assert| {
            String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
        };
        let told = stderr(refused_with(2, "graph nowhere.toml"));
        assert_eq!(told, "error: cannot read nowhere.toml: No such file or directory\n");
        let told = stderr(refused_with(2, "graph a;b"));
        assert!(told.starts_with("error: `a;b` is no lab: "), "{told}");
        let told = stderr(refused_with(2, "graph lab --name other"));
        assert!(told.starts_with("error: `lab` is no file, and --name "), "{told}");
        let told = stderr(refused_with(2, "graph --name other"));
        assert!(told.contains("required"), "{told}");
        let told = stderr(refused_with(2, "graph --format png"));
        assert!(told.contains("[possible values: text, mermaid, dot, svg]"), "{told}");
        let told = stderr(refused_with(1, "graph lab"));
        assert_eq!(told, "error: lab `lab` is not up\n  try:     netns-tool labs\n");
        file(TEN_LINES);
        let told = stderr(refused_with(1, &format!("graph --live {FILE}")));
        assert!(told.contains("lab `lab` is not up"), "{told}");
    });
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_its_place() {
    private_host(|| {
        file(&TEN_LINES.replace("bridge = \"br0\"", "bridge = \"br1\""));
        let assert = tool(&format!("graph {FILE} --format svg")).code(2).stdout("");
        let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(told.contains("there is no bridge `br1`"), "{told}");
        assert!(told.contains(&format!("{FILE}:7:10")), "{told}");
    });
}

#[test]
fn that_nobody_reads_it_is_no_error() {
    private_host(|| {
        file(TEN_LINES);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(testhost::binary("netns-tool"));
        command.args(["graph", FILE]).stdout(Stdio::from(writer));
        let output = command.output().expect("run the tool");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    });
}
