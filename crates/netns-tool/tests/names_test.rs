//! I1 and I2: bad names and values at every argument position, and good names made for real.
//!
//! A bad string must cost nothing: exit code 2, the argument named, not one child started, nothing of the string on
//! the terminal that could act there.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "thousands of runs: each as cheap as can be, and their number is a result"
)]

mod support;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::process::{Command, Output, Stdio};
use std::thread;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use support::faults::{Depth, depth};
use support::{assert_is, done, lived_in, namespaces, private_host, sh};
use testhost::{Faults, binary};

/// Where something is made: what the error calls the argument, and the words, with `{}` for the argument.
const CREATED: [(&str, &str); 8] = [
    ("<NAME>", "create -- {}"),
    ("<NAME>", "create --if-missing ok -- {}"),
    ("<HOST_IF>", "veth -- {} ns1 e0"),
    ("[NS_IF]", "veth -- h0 ns1 {}"),
    ("--host <PEER_IF>", "veth h0 --host={}"),
    ("<NAME>", "bridge -- {}"),
    ("--name <NAME>", "up lab.toml --name={}"),
    ("--name <NAME>", "down lab --name={}"),
];

/// Where something is referred to.
const REFERRED: [(&str, &str); 14] = [
    ("<NAME>", "delete -- {}"),
    ("<NAME>", "delete --if-exists --kill --force -- ok {}"),
    ("[NAMESPACE]", "veth -- h0 {} e0"),
    ("--host-ns <NAMESPACE>", "veth h0 ns1 e0 --host-ns={}"),
    ("--bridge <BRIDGE>", "veth h0 ns1 e0 --bridge={}"),
    ("--attach <IF>", "bridge b0 --attach={}"),
    ("--attach <IF>", "bridge b0 --attach=ok,{}"),
    ("--ns <NAMESPACE>", "bridge b0 --ns={}"),
    ("<BRIDGE>", "nat -- {}"),
    ("[OUTBOUND]", "nat -- b0 {}"),
    ("<BRIDGE>", "nat --delete --if-exists --force -- {}"),
    ("[OUTBOUND]", "nat --delete -- b0 {}"),
    ("<NAME>", "bridge --delete --force -- {}"),
    ("<HOST_IF>", "veth --delete --if-exists -- {} ns1 e0"),
];

/// Addresses, numbers, and words of a fixed set.
const VALUES: [(&str, &str); 18] = [
    ("--addr <CIDR>", "create ok --addr={}"),
    ("--host-addr <CIDR>", "veth h0 ns1 e0 --host-addr={}"),
    ("--ns-addr <CIDR>", "veth h0 ns1 e0 --ns-addr={}"),
    ("--gateway <IP|auto>", "veth h0 ns1 e0 --ns-addr=10.0.0.2/24 --gateway={}"),
    ("--dns <ADDR>", "create ok --dns={}"),
    ("--dns <ADDR>", "veth h0 ns1 e0 --dns={}"),
    ("--mtu <BYTES>", "veth h0 ns1 e0 --mtu={}"),
    ("--host-mac <MAC>", "veth h0 ns1 e0 --host-mac={}"),
    ("--ns-mac <MAC>", "veth h0 ns1 e0 --ns-mac={}"),
    ("--addr <CIDR>", "bridge b0 --addr={}"),
    ("--mtu <BYTES>", "bridge b0 --mtu={}"),
    ("--mac <MAC>", "bridge b0 --mac={}"),
    ("--timeout <SECONDS>", "create ok --timeout={}"),
    ("--wait <SECONDS>", "delete ok --wait={}"),
    ("--color <WHEN>", "nat b0 --color={}"),
    ("--timeout <SECONDS>", "--timeout={} recover"),
    ("unexpected argument", "recover -- {}"),
    ("subcommand", "-- {}"),
];

/// Bad everywhere, by class.
#[rustfmt::skip]
const BAD: [(&str, &[&str]); 12] = [
    ("empty", &[""]),
    ("space", &[" ", "  ", "\t", "a b", " a", "a ", "a\tb", "a\u{b}b", "a\u{c}b", "\u{a0}", "a\u{2003}b"]),
    ("newline", &["\n", "a\n", "\na", "a\nb", "a\r\nb", "\r", "a\rb", "\u{85}", "a\u{2028}b", "\u{2029}",
        "x\nerror: y"]),
    ("control", &["\u{1}", "\u{7}", "\u{8}", "\u{1b}", "\u{1b}[31mred\u{1b}[0m", "\u{1b}]0;title\u{7}", "\u{7f}",
        "a\u{8}\u{8}b", "\u{9b}31m", "\u{90}q\u{9c}", "\u{1b}[2J", "\u{e}", "\u{1b}c", "a\u{1b}b",
        "\u{1b}]8;;http://x\u{7}y", "\u{1f}"]),
    ("path", &["/", "//", "./", "../", "a/b", "/a", "a/", "../x", "../../proc/self/ns/net", "/proc/self/ns/net",
        "/proc/1/ns/net", "/run/netns/x", "/dev/null", "/etc/shadow", "./x", ".", "..", "..\\x", "\\", "C:\\x",
        "a\\b", "~", "~/x", "~root"]),
    ("option", &["-", "--", "---", "-a", "-all", "--all", "--help", "-h", "-n", "--version", "-V", "--delete",
        "--force", "-1", "-x=y", "--addr", "-batch", "-netns", "--color=always"]),
    ("pattern", &["%", "%d", "%s", "x%d", "%n%n%n", "%%", "%2e%2e", "%00", "+", "x+", "+x", "eth+", "*", "?", "a*",
        "[a]", "{a}", "{a,b}", "a?b", "eth[0-9]"]),
    ("quote", &["\"", "'", "`", "\"\"", "''", "a'b", "a\"b", "'a'", "\"; ls", "\\'"]),
    ("shell", &["$(id)", "`id`", "$HOME", "${IFS}", "$", ";", "a;b", "; rm -rf /", "|", "a|b", "||", "&", "&&", "a&b",
        "<", ">", ">x", "<(x)", "!", "!!", "!eth0", "#", "# x", "(a)", "a\\\nb", "$'\\x41'"]),
    ("punctuation", &[":", "a:b", "::", "x:1", "=", "a=b", "^", ",", "a,,b", "a b,c", "{}", "{0}", "<a>", "a\\0b"]),
    ("unicode", &["ü", "ünder", "日本", "е", "a\u{301}", "😀", "\u{200b}", "a\u{200d}b", "\u{202e}abc",
        "abc\u{202e}", "\u{2066}x\u{2069}", "\u{200f}x", "\u{feff}x", "１２", "ａ", "\u{ad}", "İ", "ß",
        "\u{10ffff}", "\u{e000}", "\u{fffd}", "a\u{61c}b", "\u{2060}"]),
    ("address", &["10.0.0.1/33", "fd00::1/129", "10.0.0.256/24", "01:00:00:00:00:0g", "1e3/", "0x10/", "10.0.0.1/-1"]),
];

/// Not even text.
#[rustfmt::skip]
const NOT_UTF8: [&[u8]; 10] = [
    b"\xff", b"\xc3", b"\x80", b"a\xffb", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xfe\xff",
    b"\x1b[31m\xff", b"..\xff",
];

/// Bad as new names alone: something may well be called so.
#[rustfmt::skip]
const BAD_AS_NEW: &[&str] = &[
    "1516", "1", "0", "007", "_x", "9eth", "a.b", "...", "eth0.100", ".hidden", "a@b", "@", "veth0@if2", "_", "_-",
    "0x1", "10.0.0.1", "1.2.3.4.5", "add", "address", "alias", "all", "brd", "broadcast", "bridge", "change",
    "default", "del", "delete", "dev", "down", "group", "help", "host", "label", "link", "list", "lo", "local",
    "master", "mtu", "name", "netns", "nomaster", "none", "peer", "replace", "scope", "self", "set", "show", "type",
    "up", "veth", "via", "vrf",
];

/// The same of interfaces; a namespace may have such a name.
const BAD_AS_NEW_INTERFACE: [&str; 9] =
    ["if0", "if1", "if2", "if10", "if4294967295", "ve-x", "vb-x", "vz-x", "ve-"];

#[test]
fn what_is_bad_everywhere_starts_nothing_anywhere() {
    private_host(|| {
        let faults = Faults::install();
        let before = lived_in();
        let corpus = corpus();
        assert!(corpus.len() >= 150, "{} strings", corpus.len());
        let positions: Vec<_> = CREATED.into_iter().chain(REFERRED).chain(VALUES).collect();
        let (one, other) = positions.split_at(positions.len() / 2);
        let runs = thread::scope(|scope| {
            let helper = scope.spawn(|| try_all(one, &corpus, &faults));
            try_all(other, &corpus, &faults) + helper.join().expect("the helper's half")
        });
        assert!(runs >= 6000 / one_of(), "{runs} runs");
        assert_is(&before);
    });
}

/// At each position one of so many strings is tried, at the next one the others. As an ordinary user: what is refused is
/// refused before anybody asks who.
fn one_of() -> usize {
    match depth() {
        Depth::Soak => 1,
        Depth::Quick => 10,
        Depth::Again => 20,
    }
}

/// Tries the strings at each of the positions; how many runs that were.
fn try_all(positions: &[(&str, &str)], corpus: &[(&str, OsString)], faults: &Faults) -> usize {
    let mut runs = 0;
    for (position, (shown, words)) in positions.iter().enumerate() {
        for (class, bad) in corpus.iter().skip(position % one_of()).step_by(one_of()) {
            let output = run(words, bad);
            runs += 1;
            check_refusal(&output, shown, &format!("{class} {bad:?} in `netns-tool {words}`"));
        }
        assert!(faults.calls().is_empty(), "`netns-tool {words}` ran {:?}", faults.calls());
    }
    runs
}

#[test]
fn what_is_bad_as_a_new_name_is_never_made_and_disturbs_nothing() {
    private_host(|| {
        let faults = Faults::install();
        let before = lived_in();
        let mut runs = 0;
        let both = BAD_AS_NEW.iter().map(|name| (*name, true));
        let all = both.chain(BAD_AS_NEW_INTERFACE.map(|name| (name, false)));
        let step = match depth() {
            Depth::Soak => 1,
            Depth::Quick => 2,
            Depth::Again => 5,
        };
        for (name, for_namespaces) in all.step_by(step) {
            for (shown, words) in CREATED {
                let is_interface = words.starts_with("veth") || words.starts_with("bridge");
                if for_namespaces || is_interface {
                    let output = run(words, name.as_ref());
                    let said = String::from_utf8_lossy(&output.stderr);
                    let by_name = format!("`{name}` cannot be the name of a new ");
                    let shown = if said.contains(&by_name) { &by_name } else { shown };
                    check_refusal(&output, shown, &format!("{name:?} in `netns-tool {words}`"));
                    runs += 1;
                }
            }
            assert!(faults.calls().is_empty(), "{name:?}: {:?}", faults.calls());
            for (_, words) in REFERRED {
                let output = run(words, name.as_ref());
                runs += 1;
                let code = output.status.code();
                // There is none of that name, which `--if-exists` takes for a success.
                let is_fine = words.contains("--if-exists") && code == Some(0);
                let what = format!("{name:?} in `netns-tool {words}`: {output:?}");
                assert!(is_fine || matches!(code, Some(1 | 2)), "{what}");
            }
            let reads = ["iptables-save", "ip6tables-save", "nft -j list"];
            let changing = |call: &String| !reads.iter().any(|read| call.starts_with(read));
            assert!(!faults.calls().iter().any(changing), "{name:?}: {:?}", faults.calls());
            faults.reset();
        }
        println!("bad new names: {runs} runs");
        assert_is(&before);
    });
}

#[test]
fn random_names_that_are_accepted_are_made_under_exactly_that_name() {
    private_host(|| {
        let before = lived_in();
        let others = namespaces();
        // Mostly good, with a bad one now and then, and of every length.
        let strategy =
            proptest::string::string_regex("[A-Za-z0-9.+_-]{1,3}|[a-z][A-Za-z0-9_-]{0,70}");
        let strategy = strategy.expect("a strategy");
        let mut runner = TestRunner::deterministic();
        let (mut accepted, mut rejected) = (BTreeSet::new(), 0);
        while accepted.len() < 200 {
            let name = strategy.new_tree(&mut runner).expect("a name").current();
            let code = run("create --dry-run -- {}", name.as_ref()).status.code();
            assert_eq!(code, Some(if is_good(&name) { 0 } else { 2 }), "{name:?}");
            if code == Some(0) {
                accepted.insert(name);
            } else {
                rejected += 1;
            }
        }
        let all: Vec<&str> = accepted.iter().map(String::as_str).collect();
        for some in all.chunks(25) {
            done(&format!("create --no-verify {}", some.join(" ")));
        }
        let mut expected: Vec<String> = others.iter().cloned().chain(accepted.clone()).collect();
        expected.sort();
        assert_eq!(namespaces(), expected);
        // An independent witness: the folder itself.
        let listed = sh("ls -A /run/netns | LC_ALL=C sort");
        assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
        for some in all.chunks(25) {
            done(&format!("delete {}", some.join(" ")));
        }
        assert_eq!(namespaces(), others);
        println!("{} random names made and deleted, {rejected} rejected", accepted.len());
        assert_is(&before);
    });
}

/// The rule of DESIGN.md for a namespace that is made, in other words than the tool's.
fn is_good(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    first && rest && name.len() <= 64 && !BAD_AS_NEW.contains(&name)
}

fn corpus() -> Vec<(&'static str, OsString)> {
    let long = [256, 300, 4096, 100_000].map(|length| ("too long", "a".repeat(length).into()));
    let text = BAD.iter().flat_map(|(class, all)| all.iter().map(|bad| (*class, (*bad).into())));
    let bytes = NOT_UTF8.map(|bad| ("not UTF-8", OsString::from_vec(bad.to_vec())));
    text.chain(long).chain(bytes).collect()
}

/// Runs the tool with the argument where `{}` stands.
fn run(words: &str, argument: &OsStr) -> Output {
    let words = words.split(' ').map(|word| match word.split_once("{}") {
        Some((lead, _)) => OsString::from_vec([lead.as_bytes(), argument.as_bytes()].concat()),
        None => word.into(),
    });
    let mut command = Command::new(binary("netns-tool"));
    command.args(words).stdin(Stdio::null()).output().expect("run the tool")
}

fn check_refusal(output: &Output, shown: &str, what: &str) {
    let said = String::from_utf8(output.stderr.clone()).expect("UTF-8 on stderr");
    let brief: String = said.chars().take(600).collect();
    assert_eq!(output.status.code(), Some(2), "{what}: {brief:?}");
    assert!(output.stdout.is_empty(), "{what}: {:?}", output.stdout);
    assert!(said.starts_with("error: ") && said.contains(shown), "{what}: no `{shown}`: {brief:?}");
    assert!(!said.lines().skip(1).any(|line| line.starts_with("error:")), "{what}: {brief:?}");
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!said.contains(acts), "{what}: control characters reach the terminal: {brief:?}");
}
