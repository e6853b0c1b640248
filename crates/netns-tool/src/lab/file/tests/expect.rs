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
    same(
        wrong(text),
        str![[r#"
18 problems in shop.toml

an expectation needs `from`
  --> shop.toml:10:1
   |
10 | [[expect]]
   | ^^^^^^^^^^ such as from = "web"

there is no namespace `wbe`
  --> shop.toml:13:8
   |
13 | from = "wbe"
   |        ^^^^^ did you mean `web`?

there is no namespace `hots`
  --> shop.toml:14:6
   |
14 | to = "hots"
   |      ^^^^^^ did you mean `host`?

an expectation asks one thing, not `tcp` and `udp`
  --> shop.toml:19:1
   |
18 | tcp = 80
   | --- one here
19 | udp = 53
   | ^^^ another [[expect]] for it

an expectation has no `tpc`
  --> shop.toml:23:1
   |
23 | tpc = 80
   | ^^^ did you mean `tcp`?

`tcp` cannot be `70000`
  --> shop.toml:27:7
   |
27 | tcp = 70000
   |       ^^^^^ it has to be 1 to 65535

`ping` cannot be `false`
  --> shop.toml:31:8
   |
31 | ping = false
   |        ^^^^^ leave it out; `reachable = false` says that no answer may come

`http` cannot be `health`
  --> shop.toml:35:8
   |
35 | http = "health"
   |        ^^^^^^^^ it is a port, a path such as "/health", or both: ":8080/health"

`family` cannot be `5`
  --> shop.toml:39:10
   |
39 | family = 5
   |          ^ it is 4 or 6

`db` has no IPv6 address
  --> shop.toml:43:10
   |
42 | to = "db"
   |      ----
43 | family = 6
   |          ^

`10.0.0.9` is not IPv6
  --> shop.toml:47:10
   |
46 | to = "10.0.0.9"
   |      ----------
47 | family = 6
   |          ^

what must not be reached cannot have `source`
  --> shop.toml:52:1
   |
51 | reachable = false
   |             -----
52 | source = "10.0.0.2"
   | ^^^^^^

a datagram, which need not be answered, cannot have `max_rtt`
  --> shop.toml:57:1
   |
56 | udp = 53
   | ---
57 | max_rtt = "1ms"
   | ^^^^^^^

`max_rtt` cannot be `1 minute`
  --> shop.toml:61:11
   |
61 | max_rtt = "1 minute"
   |           ^^^^^^^^^^ it is a time such as "5ms", "250us" or "1.5s"

`fd00::1` cannot be who asks over the other family
  --> shop.toml:65:10
   |
65 | source = "fd00::1"
   |          ^^^^^^^^^ with `family = 6` only that one is asked

`alone` has no address in this file
  --> shop.toml:68:6
   |
68 | to = "alone"
   |      ^^^^^^^ an address says which: to = "10.0.0.9"

nobody can ask from the address `10.0.0.2`
  --> shop.toml:70:8
   |
70 | from = "10.0.0.2"
   |        ^^^^^^^^^^ name the namespace that has it, or "host"

`web` cannot ask itself by its name
  --> shop.toml:74:6
   |
74 | to = "web"
   |      ^^^^^ its own address says so: to = "127.0.0.1"

"#]],
    );
}
