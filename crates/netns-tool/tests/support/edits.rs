//! A lab's file is edited, and what `up` does for it is compared with what it should, while packets flow.

use super::labs::{FILE, commands, internet, is_as_its_file_says, numbers, up};
use super::{assert_is, done, private_host, sh, start};
use testhost::{Snapshot, foreign_objects, warm_up};

/// What every file here begins with: two namespaces that talk with each other all the time.
pub const TALKING: &str = r#"
[bridge.br0]
address = "10.0.0.1/24"
[namespace.a]
bridge = "br0"
address = "10.0.0.2/24"
[namespace.b]
bridge = "br0"
address = "10.0.0.3/24"
"#;

/// A lab out of parts, each of which is a table or more.
pub fn file_of(parts: &[&str]) -> String {
    format!("{TALKING}{}", parts.concat())
}

/// An edit: the rest of the file before and after it, and the commands, one a line, that lead there and back. Of
/// those that only make something new, `…` stands for the rest.
pub type Edit<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Does each edit and takes it back, while packets flow.
pub fn does(edits: &[Edit<'_>]) {
    private_host(|| {
        warm_up();
        foreign_objects();
        internet();
        let before = Snapshot::settled();
        up(TALKING);
        let mut ping = start("a", "echo ready; exec ping -n -q -i 0.01 10.0.0.3 >/run/tmp/ping");
        let talking = || [numbers("a"), numbers("b")];
        let first = talking();
        for (old, new, there, back) in edits {
            let (old, new) = (file_of(&[*old]), file_of(&[*new]));
            up(&old);
            is_as_its_file_says();
            for (text, wanted) in [(&new, there), (&old, back)] {
                are(&commands(text), wanted, text);
                up(text);
                is_as_its_file_says();
                assert_eq!(talking(), first, "made anew:\n{text}");
            }
        }
        sh(&format!("kill -INT {}", ping.id()));
        ping.wait().expect("the end of ping");
        let said = sh("cat /run/tmp/ping");
        // The last one may be under way still.
        let counts: Vec<u32> =
            said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let all_came = counts.windows(2).any(|pair| pair[0] > 50 && pair[0] - pair[1] <= 1);
        assert!(all_came, "packets were lost between those that were not touched:\n{said}");
        done(&format!("down {FILE}"));
        assert_is(&before);
    });
}

fn are(commands: &[String], wanted: &str, text: &str) {
    let wanted: Vec<&str> = wanted.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_it = |(found, wanted): (&String, &&str)| match wanted.strip_suffix('…') {
        Some(begin) => found.starts_with(begin),
        None => found == wanted,
    };
    let are_all = commands.len() == wanted.len() && commands.iter().zip(&wanted).all(is_it);
    assert!(are_all, "for{text}\nwanted {wanted:#?}\nfound {commands:#?}");
}
