//! What is said of things that do not fit together: names, subnets, addresses.

use super::{same, wrong};
use snapbox::str;

#[test]
fn two_things_of_one_name() {
    let text = r#"
[bridge.br0]
[bridge.br1]
name = "br0"
[namespace.web1]
[namespace.web]
count = 2
[namespace.db]
bridge = "br0"
interface.eth0 = { bridge = "br1" }
[[link]]
from = { interface = "br1" }
to = { namespace = "db", interface = "eth1" }
[[link]]
from = { interface = "br1" }
to = { namespace = "db", interface = "eth1" }
"#;
    same(
        wrong(text),
        str![[r#"
5 problems in shop.toml

there are two interfaces `br0` on the host
 --> shop.toml:4:8
  |
2 | [bridge.br0]
  |         --- one here
3 | [bridge.br1]
4 | name = "br0"
  |        ^^^^^

there are two namespaces `web1`
 --> shop.toml:6:12
  |
5 | [namespace.web1]
  |            ---- one here
6 | [namespace.web]
  |            ^^^

there are two interfaces `eth0` in `db`
  --> shop.toml:10:11
   |
 9 | bridge = "br0"
   | ------ one here
10 | interface.eth0 = { bridge = "br1" }
   |           ^^^^

there are two interfaces `br1` on the host
  --> shop.toml:15:22
   |
12 | from = { interface = "br1" }
   |                      ----- one here
...
15 | from = { interface = "br1" }
   |                      ^^^^^

there are two interfaces `eth1` in `db`
  --> shop.toml:16:38
   |
13 | to = { namespace = "db", interface = "eth1" }
   |                                      ------ one here
...
16 | to = { namespace = "db", interface = "eth1" }
   |                                      ^^^^^^

"#]],
    );
}

#[test]
fn subnets_that_overlap_in_one_place() {
    let text = r#"
[bridge.br0]
address = "10.0.0.1/16"
[bridge.br1]
address = "10.0.5.1/24"
[namespace.web]
bridge = "br0"
interface.eth1 = { bridge = "br0" }
[[link]]
from = { address = "10.0.5.9/30" }
to = { namespace = "web", interface = "eth2", address = "10.0.5.10/30" }
"#;
    same(
        wrong(text),
        str![[r#"
4 problems in shop.toml

`10.0.0.1/16` and `10.0.5.1/24` on the host are of subnets that overlap
 --> shop.toml:5:11
  |
3 | address = "10.0.0.1/16"
  |           ------------- the other
4 | [bridge.br1]
5 | address = "10.0.5.1/24"
  |           ^^^^^^^^^^^^^ two interfaces of one place need subnets of their own

`10.0.0.2/16` and `10.0.0.3/16` in `web` are of one subnet
 --> shop.toml:8:29
  |
7 | bridge = "br0"
  |          ----- the other
8 | interface.eth1 = { bridge = "br0" }
  |                             ^^^^^ two interfaces of one place need subnets of their own

`10.0.5.1/24` and `10.0.5.9/30` on the host are of subnets that overlap
  --> shop.toml:10:20
   |
 5 | address = "10.0.5.1/24"
   |           ------------- the other
...
10 | from = { address = "10.0.5.9/30" }
   |                    ^^^^^^^^^^^^^ two interfaces of one place need subnets of their own

`10.0.0.3/16` and `10.0.5.10/30` in `web` are of subnets that overlap
  --> shop.toml:11:57
   |
 8 | interface.eth1 = { bridge = "br0" }
   |                             ----- the other
...
11 | to = { namespace = "web", interface = "eth2", address = "10.0.5.10/30" }
   |                                                         ^^^^^^^^^^^^^^ two interfaces of one place need subnets of their own

"#]],
    );
}

#[test]
fn an_address_on_a_bridge_is_of_its_subnet_and_nobody_elses() {
    let text = r#"
[bridge.br0]
address = ["10.0.0.1/24", "fd00::1/64"]
[namespace.a]
bridge = "br0"
address = ["10.0.0.1/24", "fd01::2/64"]
mac = "02:00:00:00:00:01"
[namespace.b]
bridge = "br0"
address = "10.1.0.2/24"
mac = "02:00:00:00:00:01"
loopback = ["10.9.0.1/32", "10.9.0.1/24"]
"#;
    same(
        wrong(text),
        str![[r#"
5 problems in shop.toml

the address `10.0.0.1` is given twice
 --> shop.toml:6:12
  |
3 | address = ["10.0.0.1/24", "fd00::1/64"]
  |            ------------- first given here
...
6 | address = ["10.0.0.1/24", "fd01::2/64"]
  |            ^^^^^^^^^^^^^

`fd01::2/64` is in no subnet of bridge `br0`
 --> shop.toml:6:27
  |
3 | address = ["10.0.0.1/24", "fd00::1/64"]
  |                           ------------ the bridge's
...
6 | address = ["10.0.0.1/24", "fd01::2/64"]
  |                           ^^^^^^^^^^^^ an address of fd00::/64 reaches the others

`10.1.0.2/24` is in no subnet of bridge `br0`
  --> shop.toml:10:11
   |
 3 | address = ["10.0.0.1/24", "fd00::1/64"]
   |            ------------- the bridge's
...
10 | address = "10.1.0.2/24"
   |           ^^^^^^^^^^^^^ an address of 10.0.0.0/24 reaches the others

two interfaces on one wire have the MAC address `02:00:00:00:00:01`
  --> shop.toml:11:7
   |
 7 | mac = "02:00:00:00:00:01"
   |       ------------------- first given here
...
11 | mac = "02:00:00:00:00:01"
   |       ^^^^^^^^^^^^^^^^^^^ neither can reach the other

the address `10.9.0.1` is given twice
  --> shop.toml:12:28
   |
12 | loopback = ["10.9.0.1/32", "10.9.0.1/24"]
   |             -------------  ^^^^^^^^^^^^^
   |             |
   |             first given here

"#]],
    );
}

#[test]
fn a_mtu_is_large_enough_for_ipv6() {
    let text = r#"
[bridge.br0]
address = "fd00::1/64"
mtu = 1279
[namespace.web]
bridge = "br0"
mtu = 1279
[namespace.db]
mtu = 1500
"#;
    same(
        wrong(text),
        str![[r#"
3 problems in shop.toml

IPv6 needs an `mtu` of at least 1280
 --> shop.toml:4:7
  |
4 | mtu = 1279
  |       ^^^^ because of fd00::1/64

IPv6 needs an `mtu` of at least 1280
 --> shop.toml:7:7
  |
7 | mtu = 1279
  |       ^^^^ because of fd00::2/64

`mtu` is of eth0, which needs `bridge`
 --> shop.toml:9:1
  |
9 | mtu = 1500
  | ^^^ such as bridge = "br0"; `loopback` gives addresses to lo

"#]],
    );
}

#[test]
fn only_one_can_have_a_mac_or_be_meant_by_a_name() {
    let text = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = { publish = ["80:web:80"] }
[namespace.web]
count = 2
bridge = "br0"
mac = "02:00:00:00:00:01"
"#;
    same(
        wrong(text),
        str![[r#"
2 problems in shop.toml

`web` is 2 namespaces
 --> shop.toml:4:20
  |
4 | nat = { publish = ["80:web:80"] }
  |                    ^^^^^^^^^^^ which one of `web1` to `web2`?

2 namespaces cannot have one `mac`
 --> shop.toml:8:7
  |
6 | count = 2
  |         -
7 | bridge = "br0"
8 | mac = "02:00:00:00:00:01"
  |       ^^^^^^^^^^^^^^^^^^^ without it each gets its own

"#]],
    );
}

#[test]
fn a_bridge_has_so_many_ports_and_a_lab_so_many_things() {
    let text = r#"
[bridge.br0]
[namespace.a]
count = 1000
bridge = "br0"
[namespace.b]
count = 24
bridge = "br0"
"#;
    same(
        wrong(text),
        str![[r#"
bridge `br0` has more than 1023 ports
 --> shop.toml:8:10
  |
8 | bridge = "br0"
  |          ^^^^^ the kernel allows no more

"#]],
    );
}
