//! `[[expect]]`: which ways it stands for, and what is said of what is wrong in it.

use super::{read, same, wrong};
use crate::lab::model::{Expectation, Question};
use crate::plan::Place;
use snapbox::str;
use std::time::Duration;

const NETWORK: &str = r#"
[bridge.br0]
address = ["10.0.0.1/24", "fd00::1/64"]
[bridge.br1]
address = "10.1.0.1/24"
[namespace.web]
bridge = "br0"
interface.eth1 = { bridge = "br1" }
[namespace.db]
bridge = "br1"
[namespace.h]
count = 2
bridge = "br0"
[namespace.alone]
"#;

/// The ways of an expectation with these keys, a line each.
fn ways(keys: &str) -> String {
    let lab = match read(&format!("{NETWORK}[[expect]]\n{keys}")) {
        Ok(lab) => lab,
        Err(problems) => panic!("{problems}"),
    };
    let name = |at: &Place| at.as_ref().map_or("host".to_owned(), ToString::to_string);
    let line = |way: &Expectation| {
        let whom = way.to.at.as_ref().map_or("?".to_owned(), name);
        format!("{} -> {whom} {}\n", name(&way.from), way.to.ip)
    };
    lab.expectations.iter().map(line).collect()
}

fn one(keys: &str) -> Expectation {
    let text = format!("{NETWORK}[[expect]]\nfrom = \"web\"\nto = \"db\"\n{keys}");
    read(&text).map(|lab| lab.expectations[0].clone()).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn a_name_stands_for_the_near_address_of_each_family_that_both_have() {
    same(
        ways("from = \"h1\"\nto = \"web\""),
        str![[r#"
h1 -> web 10.0.0.2
h1 -> web fd00::2

"#]],
    );
    assert_eq!(ways("from = \"db\"\nto = \"web\""), "db -> web 10.1.0.2\n");
    assert_eq!(ways("from = \"h1\"\nto = \"web\"\nfamily = 6"), "h1 -> web fd00::2\n");
    assert_eq!(ways("from = \"db\"\nto = \"host\""), "db -> host 10.1.0.1\n");
    assert_eq!(ways("from = \"db\"\nto = \"10.0.0.2\""), "db -> web 10.0.0.2\n");
    assert_eq!(ways("from = \"host\"\nto = \"192.0.2.1\""), "host -> ? 192.0.2.1\n");
}

#[test]
fn a_count_and_a_list_stand_for_each_of_them_and_each_other() {
    same(
        ways("from = \"h\"\nto = [\"h\", \"host\"]\nfamily = \"ipv4\""),
        str![[r#"
h1 -> h2 10.0.0.4
h1 -> host 10.0.0.1
h2 -> h1 10.0.0.3
h2 -> host 10.0.0.1

"#]],
    );
}

#[test]
fn each_question_has_a_key() {
    assert_eq!(one("").question, Question::Ping);
    assert_eq!(one("ping = true").question, Question::Ping);
    assert_eq!(one("tcp = 5432").question, Question::Tcp(5432));
    assert_eq!(one("udp = 53").question, Question::Udp(53));
    for (given, port, path) in [
        ("8080", 8080, "/"),
        ("\"/health?x=1\"", 80, "/health?x=1"),
        ("\":8080/health\"", 8080, "/health"),
        ("\":8080\"", 8080, "/"),
    ] {
        let question = Question::Http { port, path: path.to_owned() };
        assert_eq!(one(&format!("http = {given}")).question, question);
    }
    let way = one("max_rtt = \"1.5ms\"\nsource = \"10.9.9.9\"");
    assert_eq!(way.max_rtt, Some(Duration::from_micros(1500)));
    assert_eq!((way.source, way.is_reachable), (Some([10, 9, 9, 9].into()), true));
    assert!(!one("reachable = false").is_reachable);
    assert_eq!(one("").line, 1 + NETWORK.matches('\n').count());
}

#[test]
fn all_that_is_wrong_in_them_is_told() {
    let text = r#"
[bridge.br0]
address = "10.0.0.1/24"
[namespace.web]
bridge = "br0"
[namespace.db]
bridge = "br0"
[namespace.alone]

[[expect]]
to = "db"
[[expect]]
from = "wbe"
to = "hots"
[[expect]]
from = "web"
to = "db"
tcp = 80
udp = 53
[[expect]]
from = "web"
to = "db"
tpc = 80
[[expect]]
from = "web"
to = "db"
tcp = 70000
[[expect]]
from = "web"
to = "db"
ping = false
[[expect]]
from = "web"
to = "db"
http = "health"
[[expect]]
from = "web"
to = "db"
family = 5
[[expect]]
from = "web"
to = "db"
family = 6
[[expect]]
from = "web"
to = "10.0.0.9"
family = 6
[[expect]]
from = "web"
to = "db"
reachable = false
source = "10.0.0.2"
[[expect]]
from = "web"
to = "db"
udp = 53
max_rtt = "1ms"
[[expect]]
from = "web"
to = "db"
max_rtt = "1 minute"
[[expect]]
from = "web"
to = "db"
source = "fd00::1"
[[expect]]
from = "web"
to = "alone"
[[expect]]
from = "10.0.0.2"
to = "db"
[[expect]]
from = "web"
to = "web"
"#;
    same(wrong(text), str![[r#""#]]);
}

#[test]
fn host_is_no_name_for_a_namespace_that_has_expectations() {
    let text = "[namespace.host]\nloopback = \"10.0.0.1/32\"\n[[expect]]\nfrom = \"host\"\nto = \"10.0.0.1\"\n";
    same(wrong(text), str![[r#""#]]);
    assert!(read("[namespace.host]\n").is_ok());
}
