//! Names: of the lab, of what stands on the host, of ends that the file gives none.

use super::{made, outline, parse, same, wrong};
use crate::mark::LabName;
use crate::name::InterfaceName;
use snapbox::str;
use std::path::{Path, PathBuf};

fn named(text: &str, path: &str, name: Option<&str>) -> String {
    let name = name.map(|name| LabName::new(name).unwrap());
    match parse(text, path, PathBuf::from("/labs").join(path), name) {
        Ok(lab) => outline(&lab),
        Err(problems) => format!("{problems}\n"),
    }
}

const TWO: &str = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = { uplink = "eth0", allow = ["br1"], publish = ["80:web:80"] }
[bridge.br1]
address = "10.1.0.1/24"
nat = "up0"
[bridge.br2]
namespace = "web"
[namespace.web]
bridge = "br0"
hosts = { db = "db" }
[namespace.db]
bridge = "br1"
process.p.command = ["true"]
[[link]]
from = { interface = "up0" }
to = { namespace = "db", interface = "up0" }
[[link]]
from = { bridge = "br2" }
to = { namespace = "db", interface = "eth9" }
[host]
routes = [{ to = "10.9.0.0/16", interface = "br1" }]
"#;

#[test]
fn another_name_makes_another_lab_that_stands_beside_the_first() {
    same(
        named(TWO, "shop.toml", Some("b")),
        str![[r#"
lab b /labs/shop.toml
namespace b-web hosts db=10.1.0.2
namespace b-db
bridge b-br0 10.0.0.1/24
bridge b-br1 10.1.0.1/24
bridge br2 @b-web
link  b-web-eth0 port of b-br0 <-> eth0 @b-web 10.0.0.2/24
link  b-db-eth0 port of b-br1 <-> eth0 @b-db 10.1.0.2/24
link  b-up0 <-> up0 @b-db
link  db-eth9 @b-web port of br2 <-> eth9 @b-db
route @b-web 0.0.0.0/0 via 10.0.0.1 dev eth0
route @b-db 0.0.0.0/0 via 10.1.0.1 dev eth0
route 10.9.0.0/16 dev b-br1
nat b-br0 -> eth0 publish 80:10.0.0.2:80 allow b-br1
nat b-br1 -> b-up0
process p @b-db ["true"]

"#]],
    );
    assert_eq!(named(TWO, "shop.toml", Some("shop")), named(TWO, "shop.toml", None));
}

#[test]
fn a_name_that_gets_too_long_is_refused_and_not_cut() {
    same(
        named("[bridge.downstairs]\n[namespace.web]\n", "shop.toml", Some("integration")),
        str![[r#"
in the lab `integration` the interface is called `integration-downstairs`
 --> shop.toml:1:9
  |
1 | [bridge.downstairs]
  |         ^^^^^^^^^^ it has 22 bytes; at most 15 are possible; choose a shorter --name, or a shorter name here

"#]],
    );
}

#[test]
fn the_name_of_the_file_has_to_be_one_if_there_is_no_other() {
    let text = "[namespace.web]\n";
    same(
        named(text, "my lab.toml", None),
        str![[r#"
the lab cannot be called `my lab`, like its file: a name has only the letters a-z and A-Z, digits, `-` and `_`
 --> my lab.toml:1:1
  |
1 | [namespace.web]
  | ^ name = "…" gives it another name

"#]],
    );
    assert!(named(text, "my lab.toml", Some("x")).starts_with("lab x "));
    assert!(named("name = \"y\"\n[namespace.web]", "my lab.toml", None).starts_with("lab y "));
    same(
        wrong("name = \"a b\"\n[namespace.web]"),
        str![[r#"
a lab cannot be called `a b`
 --> shop.toml:1:8
  |
1 | name = "a b"
  |        ^^^^^ a name has only the letters a-z and A-Z, digits, `-` and `_`

"#]],
    );
}

#[test]
fn generated_names_are_readable_if_they_can_be_and_never_change() {
    let text = r#"
[bridge.br0]
[bridge.web-eth0]
[namespace.web]
bridge = "br0"
[namespace.a-very-long-name]
bridge = "br0"
[namespace.a-very-long-namesake]
bridge = "br0"
[namespace.ve]
bridge = "br0"
[[link]]
from = { bridge = "br0" }
to = { bridge = "web-eth0" }
[[link]]
from = { bridge = "br0" }
to = { bridge = "web-eth0" }
[[link]]
from = { bridge = "br0" }
to = { address = "10.0.0.1/24" }
[[link]]
from = { }
to = { namespace = "ve", interface = "eth1" }
"#;
    same(
        made(text),
        str![[r#"
lab shop /labs/shop.toml
namespace web
namespace a-very-long-name
namespace a-very-long-namesake
namespace ve
bridge br0
bridge web-eth0
link  web-7qhbzb port of br0 <-> eth0 @web
link  a-very-l-5zl54c port of br0 <-> eth0 @a-very-long-name
link  a-very-l-dxd4v4 port of br0 <-> eth0 @a-very-long-namesake
link  nve-t3nitp port of br0 <-> eth0 @ve
link  br0-web-eth0 port of br0 <-> web-eth0-br0 port of web-eth0
link  br0-sbeozu port of br0 <-> web-eth0-3f22ii port of web-eth0
link  host-end port of br0 <-> host-br0 10.0.0.1/24
link  nve-emoitp <-> eth1 @ve

"#]],
    );
}

#[test]
fn all_generated_names_are_names_and_no_two_are_the_same() {
    let text = "[bridge.b]\n[namespace.abcdefghijklmnopqrs]\ncount = 1000\nbridge = \"b\"\n";
    let path = Path::new("/labs/shop.toml");
    let lab = parse(text, "shop.toml", path.to_owned(), None).unwrap();
    let names: std::collections::HashSet<_> =
        lab.links.iter().map(|link| link.ends[0].name.as_str()).collect();
    assert_eq!(names.len(), 1000);
    assert!(names.iter().all(|name| InterfaceName::new(name).is_ok()));
}
