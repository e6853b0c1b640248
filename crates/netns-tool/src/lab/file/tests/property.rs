//! Whatever the text is: no panic, no problem outside of it, and what is right is taken.

use super::super::{Problems, parse};
use super::model::EVERY_WORD;
use super::read;
use crate::failure::Failure;
use proptest::prelude::*;
use std::path::PathBuf;

/// The keys that a line or a token may begin with.
const KEYS: [&str; 17] = [
    "name",
    "address",
    "bridge",
    "namespace",
    "count",
    "nat",
    "gateway",
    "mtu",
    "mac",
    "loopback",
    "forwarding",
    "sysctl",
    "dns",
    "hosts",
    "routes",
    "from",
    "to",
];

/// Words of the format, right and wrong, to be put together at random.
fn token() -> impl Strategy<Value = String> {
    let words = [
        "[bridge.br0]",
        "[bridge.br1]",
        "[namespace.web]",
        "[namespace.db]",
        "[[link]]",
        "[host]",
        "[[expect]]",
        "[namespace.web.interface.eth1]",
        "[namespace.web.process.p]",
        "via",
        "interface",
        "command",
        "ready",
        "publish",
        "uplink",
        "allow",
        "tcp",
        "http",
        "family",
        "reachable",
        "max_rtt",
        "source",
        "=",
        " = ",
        ",",
        "[",
        "]",
        "{",
        "}",
        ".",
        "\n",
        "\n",
        "\r\n",
        "true",
        "false",
        "1",
        "0x1f",
        "-3",
        "1.5",
        "1979-05-27",
        "\"br0\"",
        "\"web\"",
        "\"web1\"",
        "\"10.0.0.1/24\"",
        "\"10.0.0.1/30\"",
        "\"fd00::1/64\"",
        "\"10.0.0.254\"",
        "\"default\"",
        "\"8080:web:80\"",
        "\"02:00:00:00:00:01\"",
        "\"",
        "\"\"\"",
        "'",
        "#",
        "\t",
        "é",
        "\u{202e}",
        "\u{1b}",
        "💥",
        "\u{feff}",
    ];
    prop::sample::select([&KEYS[..], &words].concat()).prop_map(str::to_owned)
}

/// A line as a person would write it, with a value that may be of another key.
fn line() -> impl Strategy<Value = String> {
    let keys = ["command", "ready", "stp", "interface.eth1", "process.p", "adress"];
    let values = [
        "true",
        "false",
        "3",
        "1300",
        "70000",
        "\"br0\"",
        "\"br1\"",
        "\"web\"",
        "\"node\"",
        "\"10.0.0.1/24\"",
        "\"10.0.0.9/24\"",
        "[\"10.0.0.1/24\", \"fd00::1/64\"]",
        "\"10.0.0.2\"",
        "\"fd00::1/64\"",
        "\"02:00:00:00:00:01\"",
        "[]",
        "{}",
        "[\"10.0.0.1\", \"fd00::1\"]",
        "{ bridge = \"br0\" }",
        "{ namespace = \"web\", interface = \"eth2\" }",
        "{ interface = \"out0\", address = \"10.0.0.5/24\" }",
        "{ tcp = 80 }",
        "{ publish = [\"80:web:80\", \"80:10.0.0.2:81\"], allow = [\"br1\"] }",
        "{ web = \"web\", x = \"10.0.0.1\" }",
        "[{ to = \"default\", via = \"10.0.0.2\" }]",
        "[{ to = \"10.9.0.0/16\", interface = \"eth0\" }]",
        "{ \"net.ipv4.ip_forward\" = 1 }",
        "{ command = [\"true\"] }",
        "[\"true\"]",
    ];
    let headers = [
        "[bridge.br0]",
        "[bridge.br1]",
        "[bridge.br2]",
        "[namespace.web]",
        "[namespace.node]",
        "[namespace.db]",
        "[[link]]",
        "[host]",
        "[[expect]]",
        "[namespace.web.interface.eth1]",
        "[namespace.web.process.p]",
    ];
    let pair =
        (prop::sample::select([&KEYS[..], &keys].concat()), prop::sample::select(values.to_vec()))
            .prop_map(|(key, value)| format!("{key} = {value}\n"));
    let header = prop::sample::select(headers.to_vec()).prop_map(|header| format!("{header}\n"));
    prop_oneof![3 => pair, 2 => header]
}

/// The file with every word of the format, in which some words are others of it, or none.
fn changed() -> impl Strategy<Value = String> {
    let words: Vec<&str> = EVERY_WORD.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
    let change = (0..words.len(), 0..words.len(), 0..3_u8);
    prop::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut words = words.clone();
        for (at, from, kind) in changes {
            match kind {
                0 => words[at] = "",
                1 => words[at] = words[from],
                _ => words.swap(at, from),
            }
        }
        words.concat()
    })
}

/// That each problem lies in the text, and that all can be shown.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Err(problems) = read(text) else { return Ok(()) };
    prop_assert!(!problems.is_empty());
    for problem in problems.sorted() {
        let spans = problem.beside.iter().map(|at| &at.span).chain([&problem.span]);
        for span in spans {
            prop_assert!(text.get(span.clone()).is_some(), "{span:?}: {}", problem.message);
        }
        prop_assert!(!problem.message.contains('\n') && !problem.label.contains('\n'));
    }
    let shown = Problems::into_failure(problems).to_string();
    let is_safe = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}' || c == '\u{feff}');
    prop_assert!(shown.chars().all(is_safe), "{shown}");
    Ok(())
}

/// A lab in which nothing is wrong: bridges, each with a subnet and namespaces, and wires between these.
fn valid() -> impl Strategy<Value = (String, [usize; 3])> {
    let bridge = (any::<bool>(), any::<bool>(), 0..5_usize, prop::option::of(1..4_u32));
    (prop::collection::vec(bridge, 1..6), 0..4_usize).prop_map(|(bridges, links)| {
        let (mut text, mut namespaces) = (String::new(), 0);
        for (index, (has_nat, has_ipv6, on_it, count)) in bridges.iter().enumerate() {
            let ipv6 = if *has_ipv6 { format!(", \"fd00:{index}::1/64\"") } else { String::new() };
            text += &format!("[bridge.br{index}]\naddress = [\"10.{index}.0.1/24\"{ipv6}]\n");
            text += &format!("nat = {has_nat}\n");
            for number in 0..*on_it {
                text += &format!("[namespace.n{index}-{number}x]\nbridge = \"br{index}\"\n");
                text += &count.map(|count| format!("count = {count}\n")).unwrap_or_default();
                namespaces += count.unwrap_or(1) as usize;
            }
        }
        let wires = namespaces + links;
        for link in 0..links {
            text += &format!(
                "[[link]]\nfrom = {{ interface = \"w{link}\", address = \"192.168.{link}.1/30\" }}\n\
                 to = {{ interface = \"v{link}\", address = \"192.168.{link}.2/30\" }}\n"
            );
        }
        (text, [bridges.len(), namespaces, wires])
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn no_words_of_the_format_panic(words in prop::collection::vec(token(), 0..40)) {
        check(&words.concat())?;
    }

    #[test]
    fn no_lines_of_the_format_panic(lines in prop::collection::vec(line(), 0..25)) {
        check(&lines.concat())?;
    }

    #[test]
    fn no_file_that_is_nearly_right_panics(text in changed()) {
        check(&text)?;
    }

    #[test]
    fn labs_that_are_right_are_taken((text, counts) in valid()) {
        let lab = match read(&text) {
            Ok(lab) => lab,
            Err(problems) => return Err(TestCaseError::fail(format!("{problems}\n{text}"))),
        };
        prop_assert_eq!([lab.bridges.len(), lab.namespaces.len(), lab.links.len()], counts);
        prop_assert_eq!(&lab, &read(&text).unwrap());
    }
}

#[test]
fn what_is_huge_is_refused_in_a_moment() {
    let one = "[namespace.n]\ncount = 10000\nbridge = \"b\"\n".to_owned();
    let long = format!("name = \"{}\"", "x".repeat(1_000_000));
    let many = (0..60_000).map(|n| format!("k{n}=1\n")).collect::<String>();
    let deep = "a = ".to_owned() + &"[".repeat(200_000);
    let nested = format!("a{} = 1", ".b".repeat(100_000));
    let unknown = (0..2000).map(|n| format!("[bridge.b{n}]\n")).collect::<String>() + &one;
    for text in [one, unknown, long, many, deep, nested] {
        let begin = std::time::Instant::now();
        let problems = parse(&text, "x.toml", PathBuf::from("/x.toml"), None).unwrap_err();
        let shown = Failure::to_string(&problems.into_failure());
        assert!(shown.len() < 20_000, "{}", shown.len());
        assert!(begin.elapsed().as_secs() < 20, "{:?}: {:.60}", begin.elapsed(), text);
    }
}
