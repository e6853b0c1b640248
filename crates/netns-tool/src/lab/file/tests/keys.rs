//! What is said of keys that are not there, or have to be, and of what is no TOML.

use super::{same, wrong};
use snapbox::str;

#[test]
fn a_key_that_is_unknown_is_named_with_what_was_meant() {
    let text = r#"
nmae = "x"
[bridge.br0]
adress = "10.0.0.1/24"
nat = { uplnk = "eth0" }
[namespaces.web]
[namespace.web]
address = "10.0.0.2/24"
colour = "blue"
[namespace.web.process.p]
command = ["true"]
ready = { http = 80 }
[[link]]
form = { }
to = { ip = "10.0.0.1/24" }
[host]
route = []
"#;
    same(
        wrong(text),
        str![[r#"
12 problems in shop.toml

a lab has no `nmae`
 --> shop.toml:2:1
  |
2 | nmae = "x"
  | ^^^^ did you mean `name`?

bridge `br0` has no address, and so no subnet for a NAT
 --> shop.toml:3:9
  |
3 | [bridge.br0]
  |         ^^^ such as address = "10.0.0.1/24"
4 | adress = "10.0.0.1/24"
5 | nat = { uplnk = "eth0" }
  |       ------------------

a bridge has no `adress`
 --> shop.toml:4:1
  |
4 | adress = "10.0.0.1/24"
  | ^^^^^^ did you mean `address`?

a NAT has no `uplnk`
 --> shop.toml:5:9
  |
5 | nat = { uplnk = "eth0" }
  |         ^^^^^ did you mean `uplink`?

a lab has no `namespaces`
 --> shop.toml:6:2
  |
6 | [namespaces.web]
  |  ^^^^^^^^^^ did you mean `namespace`?

`address` is of eth0, which needs `bridge`
 --> shop.toml:8:1
  |
8 | address = "10.0.0.2/24"
  | ^^^^^^^ such as bridge = "br0"; `loopback` gives addresses to lo

a namespace has no `colour`
 --> shop.toml:9:1
  |
9 | colour = "blue"
  | ^^^^^^ there are `count`, `bridge`, `address`, `gateway`, `mtu`, `mac`, …

what tells that a process is ready has no `http`
  --> shop.toml:12:11
   |
12 | ready = { http = 80 }
   |           ^^^^ did you mean `tcp`?

a link needs `from`
  --> shop.toml:13:1
   |
13 | [[link]]
   | ^^^^^^^^ such as { namespace = "web", interface = "eth0" }

a link has no `form`
  --> shop.toml:14:1
   |
14 | form = { }
   | ^^^^ did you mean `from`?

the end of a link has no `ip`
  --> shop.toml:15:8
   |
15 | to = { ip = "10.0.0.1/24" }
   |        ^^ there are `namespace`, `interface`, `bridge`, `address`, `mac`

the host has no `route`
  --> shop.toml:17:1
   |
17 | route = []
   | ^^^^^ did you mean `routes`?

"#]],
    );
}

#[test]
fn what_has_to_be_there_is_asked_for() {
    let text = r#"
[namespace.web]
interface.eth1 = { address = "10.0.0.1/24" }
routes = [{ via = "10.0.0.1" }, { to = "10.9.0.0/16" }]
[namespace.web.process.p]
ready = { }
[namespace.web.process.q]
command = ["true"]
ready = { tcp = 1, udp = 2 }
[[link]]
from = { namespace = "web" }
to = { }
"#;
    same(
        wrong(text),
        str![[r#"
7 problems in shop.toml

interface `eth1` has no `bridge`
 --> shop.toml:3:11
  |
3 | interface.eth1 = { address = "10.0.0.1/24" }
  |           ^^^^ an interface that is no port of a bridge is the end of a [[link]]

a route needs `to`
 --> shop.toml:4:11
  |
4 | routes = [{ via = "10.0.0.1" }, { to = "10.9.0.0/16" }]
  |           ^^^^^^^^^^^^^^^^^^^^ such as to = "10.2.0.0/16"

a route needs `via` or `interface`
 --> shop.toml:4:33
  |
4 | routes = [{ via = "10.0.0.1" }, { to = "10.9.0.0/16" }]
  |                                 ^^^^^^^^^^^^^^^^^^^^^^ such as via = "10.0.0.254"

process `p` has no `command`
 --> shop.toml:5:24
  |
5 | [namespace.web.process.p]
  |                        ^ such as command = ["sleep", "60"]

`ready` has to say one thing
 --> shop.toml:6:9
  |
6 | ready = { }
  |         ^^^ such as { tcp = 80 }, { udp = 53 } or { command = ["true"] }

`ready` has to say one thing
 --> shop.toml:9:9
  |
9 | ready = { tcp = 1, udp = 2 }
  |         ^^^^^^^^^^^^^^^^^^^^ such as { tcp = 80 }, { udp = 53 } or { command = ["true"] }

the end in `web` needs `interface`
  --> shop.toml:11:8
   |
11 | from = { namespace = "web" }
   |        ^^^^^^^^^^^^^^^^^^^^^ such as interface = "eth0"

"#]],
    );
}

#[test]
fn syntax_errors_are_located_all_at_once() {
    let text = r#"
[bridge.br0
address = = "10.0.0.1/24"
[namespace.web]
bridge = "br0
[namespace.web]
"#;
    same(
        wrong(text),
        str![[r#"
5 problems in shop.toml

this is no TOML
 --> shop.toml:2:12
  |
2 | [bridge.br0
  |            ^ unclosed table, expected `]`

this is no TOML
 --> shop.toml:3:11
  |
3 | address = = "10.0.0.1/24"
  |           ^ extra `=`, expected nothing

this is no TOML
 --> shop.toml:3:13
  |
3 | address = = "10.0.0.1/24"
  |             ^ unexpected key or value, expected newline, `#`

this is no TOML
 --> shop.toml:5:14
  |
5 | bridge = "br0
  |              ^ invalid basic string, expected `"`

this is no TOML
 --> shop.toml:6:12
  |
6 | [namespace.web]
  |            ^^^ duplicate key

"#]],
    );
}
