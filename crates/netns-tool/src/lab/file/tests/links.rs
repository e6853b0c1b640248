//! What is said of links and routes that lead nowhere.

use super::{same, wrong};
use snapbox::str;

#[test]
fn the_ends_of_a_link_fit_together() {
    let text = r#"
[bridge.br0]
address = "10.0.0.1/24"

[namespace.a]
[namespace.b]
[[link]]
from = { namespace = "a", interface = "x", address = ["10.5.0.1/24", "fd00::1/64"], mac = "02:00:00:00:00:01" }
to = { namespace = "b", interface = "x", address = ["10.6.0.2/24", "fd00::2/64"], mac = "02:00:00:00:00:01" }
mtu = 1200
[[link]]
from = { namespace = "a", interface = "y" }
to = { namespace = "a", interface = "z" }
[[link]]
from = { namespace = "a", interface = "v" }
to = { namespace = "b", bridge = "br0" }
[[link]]
from = { bridge = "br0" }
to = { bridge = "br0" }
[[link]]
from = { namespace = "a", interface = "w", address = "10.8.0.2/24" }
to = { bridge = "br0", address = "10.0.0.7/24" }
"#;
    same(
        wrong(text),
        str![[r#"
8 problems in shop.toml

`10.5.0.1/24` and `10.6.0.2/24` are in no common subnet
 --> shop.toml:9:53
  |
8 | from = { namespace = "a", interface = "x", address = ["10.5.0.1/24", "fd00::1/64"], mac = "02:00:00:00:00:01" }
  |                                                       ------------- the other end
9 | to = { namespace = "b", interface = "x", address = ["10.6.0.2/24", "fd00::2/64"], mac = "02:00:00:00:00:01" }
  |                                                     ^^^^^^^^^^^^^ so the two ends of the link cannot reach each other

two interfaces on one wire have the MAC address `02:00:00:00:00:01`
 --> shop.toml:9:89
  |
8 | from = { namespace = "a", interface = "x", address = ["10.5.0.1/24", "fd00::1/64"], mac = "02:00:00:00:00:01" }
  |                                                                                           ------------------- first given here
9 | to = { namespace = "b", interface = "x", address = ["10.6.0.2/24", "fd00::2/64"], mac = "02:00:00:00:00:01" }
  |                                                                                         ^^^^^^^^^^^^^^^^^^^ neither can reach the other

IPv6 needs an `mtu` of at least 1280
  --> shop.toml:10:7
   |
10 | mtu = 1200
   |       ^^^^ because of fd00::1/64

both ends of the link are in `a`
  --> shop.toml:13:6
   |
12 | from = { namespace = "a", interface = "y" }
   |        ------------------------------------ one end
13 | to = { namespace = "a", interface = "z" }
   |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

the bridge `br0` is on the host
  --> shop.toml:16:20
   |
16 | to = { namespace = "b", bridge = "br0" }
   |                    ^^^ leave it out: the end is where its bridge is

both ends of the link are ports of `br0`
  --> shop.toml:19:6
   |
18 | from = { bridge = "br0" }
   |        ------------------ one end
19 | to = { bridge = "br0" }
   |      ^^^^^^^^^^^^^^^^^^

`10.8.0.2/24` is in no subnet of bridge `br0`
  --> shop.toml:21:54
   |
 3 | address = "10.0.0.1/24"
   |           ------------- the bridge's
...
21 | from = { namespace = "a", interface = "w", address = "10.8.0.2/24" }
   |                                                      ^^^^^^^^^^^^^ an address of 10.0.0.0/24 reaches the others

a port of a bridge cannot have the address `10.0.0.7/24`
  --> shop.toml:22:34
   |
22 | to = { bridge = "br0", address = "10.0.0.7/24" }
   |                                  ^^^^^^^^^^^^^ it belongs to the bridge: [bridge.br0]

"#]],
    );
}

#[test]
fn a_namespace_is_not_on_its_own_bridge() {
    let text = r#"
[bridge.br0]
namespace = "web"
address = "10.0.0.1/24"
[namespace.web]
bridge = "br0"
"#;
    same(
        wrong(text),
        str![[r#"
the bridge `br0` is in `web` itself
 --> shop.toml:6:10
  |
6 | bridge = "br0"
  |          ^^^^^ a namespace reaches its own bridge without a wire: give the bridge the `address`

"#]],
    );
}

#[test]
fn gateways_are_neighbours() {
    let text = r#"
[bridge.br0]
address = "10.0.0.1/24"

[namespace.a]
bridge = "br0"
gateway = "10.1.0.1"
[namespace.b]
bridge = "br0"
address = "10.0.0.9/24"
gateway = "10.0.0.9"
[namespace.c]
bridge = "br0"
gateway = ["10.0.0.1", "fd00::1"]
[namespace.d]
bridge = "br0"
gateway = ["10.0.0.1", "10.0.0.2"]
[namespace.e]
bridge = "br0"
gateway = true
[namespace.f]
bridge = "br0"
gateway = "10.0.0.1"
routes = [{ to = "default", via = "10.0.0.7" }]
"#;
    same(
        wrong(text),
        str![[r#"
6 problems in shop.toml

the gateway `10.1.0.1` is in no subnet of `eth0`
 --> shop.toml:7:11
  |
7 | gateway = "10.1.0.1"
  |           ^^^^^^^^^^ it has 10.0.0.3/24

the gateway `10.0.0.9` is the namespace's own address
  --> shop.toml:11:11
   |
11 | gateway = "10.0.0.9"
   |           ^^^^^^^^^^ a gateway is another machine

`eth0` in `c` has no IPv6 address
  --> shop.toml:14:24
   |
14 | gateway = ["10.0.0.1", "fd00::1"]
   |                        ^^^^^^^^^ so that it cannot reach this gateway

there can be one gateway for IPv4 and one for IPv6
  --> shop.toml:17:24
   |
17 | gateway = ["10.0.0.1", "10.0.0.2"]
   |            ----------  ^^^^^^^^^^
   |            |
   |            of the same family

`gateway` cannot be `true`
  --> shop.toml:20:11
   |
20 | gateway = true
   |           ^^^^ it is an address, a list of them, or false

there are two default routes for IPv4 in `f`
  --> shop.toml:24:11
   |
23 | gateway = "10.0.0.1"
   |           ---------- one here
24 | routes = [{ to = "default", via = "10.0.0.7" }]
   |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]],
    );
}

#[test]
fn routes_lead_over_neighbours() {
    let text = r#"
[bridge.br0]
address = "10.0.0.1/24"

[namespace.a]
bridge = "br0"
address = "10.0.0.2/24"
routes = [
  { to = "10.2.0.0/16", via = "10.9.0.1" },
  { to = "10.3.0.0/16", via = "10.0.0.2" },
  { to = "10.4.0.0/16", via = "10.0.0.3" },
  { to = "10.4.0.0/16", via = "10.0.0.4" },
  { to = "10.5.0.1/16", via = "10.0.0.4" },
  { to = "10.6.0.0/16", via = "fd00::1" },
  { to = "fd00::/64", via = "fe80::1" },
  { to = "nowhere", via = "10.0.0.4" },
  { to = "10.7.0.0/16", via = "10.0.0.4/24" },
  { to = "10.8.0.0/16", via = "10.7.0.4", interface = "eth0" },
]
"#;
    same(
        wrong(text),
        str![[r#"
9 problems in shop.toml

the router `10.9.0.1` is in no subnet of an interface in `a`
 --> shop.toml:9:31
  |
9 |   { to = "10.2.0.0/16", via = "10.9.0.1" },
  |                               ^^^^^^^^^^ a router has to be on one of its links

the router `10.0.0.2` is an address of `a` itself
  --> shop.toml:10:31
   |
10 |   { to = "10.3.0.0/16", via = "10.0.0.2" },
   |                               ^^^^^^^^^^ a router is another machine

there are two routes to 10.4.0.0/16 in `a`
  --> shop.toml:12:3
   |
11 |   { to = "10.4.0.0/16", via = "10.0.0.3" },
   |   ---------------------------------------- one here
12 |   { to = "10.4.0.0/16", via = "10.0.0.4" },
   |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

`to` cannot be `10.5.0.1/16`
  --> shop.toml:13:10
   |
13 |   { to = "10.5.0.1/16", via = "10.0.0.4" },
   |          ^^^^^^^^^^^^^ the network of that address is 10.5.0.0/16

`10.6.0.0/16` and `fd00::1` are not of one family
  --> shop.toml:14:31
   |
14 |   { to = "10.6.0.0/16", via = "fd00::1" },
   |                               ^^^^^^^^^ a route of one family goes over a router of the same

the link-local router `fe80::1` needs `interface`
  --> shop.toml:15:29
   |
15 |   { to = "fd00::/64", via = "fe80::1" },
   |                             ^^^^^^^^^ such as interface = "eth0"

`to` cannot be `nowhere`
  --> shop.toml:16:10
   |
16 |   { to = "nowhere", via = "10.0.0.4" },
   |          ^^^^^^^^^ it is `default`, or a network such as 10.2.0.0/16 or fd01::/64

`via` cannot be `10.0.0.4/24`
  --> shop.toml:17:31
   |
17 |   { to = "10.7.0.0/16", via = "10.0.0.4/24" },
   |                               ^^^^^^^^^^^^^ it is an address such as 10.0.0.1, without a prefix

the router `10.7.0.4` is in no subnet of `eth0`
  --> shop.toml:18:31
   |
18 |   { to = "10.8.0.0/16", via = "10.7.0.4", interface = "eth0" },
   |                               ^^^^^^^^^^ it has 10.0.0.2/24

"#]],
    );
}
