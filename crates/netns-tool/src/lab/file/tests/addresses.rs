//! Drawing, counting, gateways.

use super::{made, same, wrong};
use snapbox::str;

#[test]
fn the_lowest_free_address_of_each_subnet_is_drawn_in_the_order_of_the_file() {
    let text = r#"
[bridge.br0]
address = ["10.0.0.3/29", "10.0.1.1/24", "fd00::1/64", "fe80::1/64", "192.0.2.1/32"]
[namespace.a]
bridge = "br0"
[namespace.b]
bridge = "br0"
address = ["10.0.0.2/29"]
[namespace.c]
bridge = "br0"
gateway = "10.0.0.4"
[namespace.d]
bridge = "br0"
loopback = "10.0.1.3/32"
[namespace.e]
bridge = "br0"
address = []
"#;
    same(
        made(text),
        str![[r#"
lab shop /labs/shop.toml
namespace a
namespace b
namespace c
namespace d lo 10.0.1.3/32
namespace e
bridge br0 10.0.0.3/29 10.0.1.1/24 fd00::1/64 fe80::1/64 192.0.2.1/32
link  a-eth0 port of br0 <-> eth0 @a 10.0.0.1/29 10.0.1.2/24 fd00::2/64
link  b-eth0 port of br0 <-> eth0 @b 10.0.0.2/29
link  c-eth0 port of br0 <-> eth0 @c 10.0.0.5/29 10.0.1.4/24 fd00::3/64
link  d-eth0 port of br0 <-> eth0 @d 10.0.0.6/29 10.0.1.5/24 fd00::4/64
link  e-eth0 port of br0 <-> eth0 @e
route @a 0.0.0.0/0 via 10.0.0.3 dev eth0
route @a ::/0 via fd00::1 dev eth0
route @b 0.0.0.0/0 via 10.0.0.3 dev eth0
route @c 0.0.0.0/0 via 10.0.0.4 dev eth0
route @d 0.0.0.0/0 via 10.0.0.3 dev eth0
route @d ::/0 via fd00::1 dev eth0

"#]],
    );
}

#[test]
fn a_count_makes_as_many_with_consecutive_addresses() {
    let text = r#"
[bridge.br0]
address = ["10.0.0.1/24"]
[bridge.br1]
address = "10.1.0.1/31"
[namespace.web]
count = 3
bridge = "br0"
address = ["10.0.0.10/24", "fd00::ff/64"]
loopback = "10.255.0.255/32"
[namespace.one]
count = 1
bridge = "br1"
process.p.command = ["true"]
"#;
    same(
        made(text),
        str![[r#"
lab shop /labs/shop.toml
namespace web1 lo 10.255.0.255/32
namespace web2 lo 10.255.1.0/32
namespace web3 lo 10.255.1.1/32
namespace one1
bridge br0 10.0.0.1/24
bridge br1 10.1.0.1/31
link  web1-eth0 port of br0 <-> eth0 @web1 10.0.0.10/24 fd00::ff/64
link  web2-eth0 port of br0 <-> eth0 @web2 10.0.0.11/24 fd00::100/64
link  web3-eth0 port of br0 <-> eth0 @web3 10.0.0.12/24 fd00::101/64
link  one1-eth0 port of br1 <-> eth0 @one1 10.1.0.0/31
route @web1 0.0.0.0/0 via 10.0.0.1 dev eth0
route @web2 0.0.0.0/0 via 10.0.0.1 dev eth0
route @web3 0.0.0.0/0 via 10.0.0.1 dev eth0
route @one1 0.0.0.0/0 via 10.1.0.1 dev eth0
process p @one1 ["true"]

"#]],
    );
}

#[test]
fn bridges_that_are_connected_draw_from_one_subnet() {
    let text = r#"
[bridge.a]
address = "10.0.0.1/24"
[bridge.b]
namespace = "far"
address = "10.0.0.2/24"
[namespace.far]
[namespace.one]
bridge = "a"
[namespace.two]
bridge = "b"
[[link]]
from = { bridge = "a" }
to = { bridge = "b" }
"#;
    same(
        made(text),
        str![[r#"
lab shop /labs/shop.toml
namespace far
namespace one
namespace two
bridge a 10.0.0.1/24
bridge b @far 10.0.0.2/24
link  one-eth0 port of a <-> eth0 @one 10.0.0.3/24
link  two-eth0 @far port of b <-> eth0 @two 10.0.0.4/24
link  a-b port of a <-> b-a @far port of b
route @one 0.0.0.0/0 via 10.0.0.1 dev eth0
route @two 0.0.0.0/0 via 10.0.0.2 dev eth0

"#]],
    );
}

#[test]
fn what_says_a_default_route_itself_gets_no_other_of_that_family() {
    let text = r#"
[bridge.br0]
address = ["10.0.0.1/24", "fd00::1/64"]
[bridge.br1]
address = ["10.1.0.1/24", "fd01::1/64"]
[namespace.a]
bridge = "br0"
interface.eth1 = { bridge = "br1", gateway = "10.1.0.1" }
[namespace.b]
bridge = "br0"
routes = [{ to = "::/0", via = "fd00::5" }]
"#;
    same(
        made(text),
        str![[r#"
lab shop /labs/shop.toml
namespace a
namespace b
bridge br0 10.0.0.1/24 fd00::1/64
bridge br1 10.1.0.1/24 fd01::1/64
link  a-eth0 port of br0 <-> eth0 @a 10.0.0.2/24 fd00::2/64
link  a-eth1 port of br1 <-> eth1 @a 10.1.0.2/24 fd01::2/64
link  b-eth0 port of br0 <-> eth0 @b 10.0.0.3/24 fd00::3/64
route @a ::/0 via fd00::1 dev eth0
route @a 0.0.0.0/0 via 10.1.0.1 dev eth1
route @b 0.0.0.0/0 via 10.0.0.1 dev eth0
route @b ::/0 via fd00::5 dev eth0

"#]],
    );
}

#[test]
fn a_subnet_that_is_full_says_how_many_fit() {
    let text = r#"
[bridge.br0]
address = ["10.0.0.1/29", "fd00::1/64"]
[namespace.web]
count = 6
bridge = "br0"
"#;
    same(
        wrong(text),
        str![[r#"
no address of 10.0.0.0/29 is left for `web6`
 --> shop.toml:6:10
  |
2 | [bridge.br0]
  |         --- the bridge
...
6 | bridge = "br0"
  |          ^^^^^ 5 fit; the bridge needs a larger subnet

"#]],
    );
}

#[test]
fn consecutive_addresses_stay_in_their_subnet() {
    let text = r#"
[bridge.br0]
[namespace.web]
count = 9
bridge = "br0"
address = ["10.0.0.250/24", "fd00::fff8/112"]
loopback = "223.255.255.250/32"
"#;
    same(
        wrong(text),
        str![[r#"
3 problems in shop.toml

9 addresses from `10.0.0.250/24` on do not fit into 10.0.0.0/24
 --> shop.toml:6:12
  |
6 | address = ["10.0.0.250/24", "fd00::fff8/112"]
  |            ^^^^^^^^^^^^^^^ 5 do

9 addresses from `fd00::fff8/112` on do not fit into fd00::/112
 --> shop.toml:6:29
  |
6 | address = ["10.0.0.250/24", "fd00::fff8/112"]
  |                             ^^^^^^^^^^^^^^^^ 8 do

there are not so many addresses after `223.255.255.250/32`
 --> shop.toml:7:12
  |
7 | loopback = "223.255.255.250/32"
  |            ^^^^^^^^^^^^^^^^^^^^ 6 are

"#]],
    );
}
