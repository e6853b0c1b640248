//! What is said of names that are not there.

use super::{same, wrong};
use snapbox::str;

#[test]
fn what_is_not_there_is_named_with_what_was_meant() {
    let text = r#"
[bridge.br0]
address = "10.0.0.1/24"
nat = { allow = ["br00"], publish = ["80:wbe:80"] }
[bridge.br1]
namespace = "nobody"
address = "10.0.0.1/24"
[namespace.web]
bridge = "br9"
hosts = { db = "bd" }
routes = [{ to = "10.9.0.0/16", interface = "eht1" }]
[namespace.db]
bridge = "br0"
[namespace.node]
count = 3
[[link]]
from = { namespace = "node", interface = "eth0" }
to = { bridge = "xyz" }
[[link]]
from = { namespace = "node4", interface = "eth0" }
to = { interface = "n4" }
[host]
routes = [{ to = "10.9.0.0/16", interface = "bro" }]
"#;
    same(
        wrong(text),
        str![[r#"
9 problems in shop.toml

there is no bridge `br00`
 --> shop.toml:4:18
  |
4 | nat = { allow = ["br00"], publish = ["80:wbe:80"] }
  |                  ^^^^^^ did you mean `br0`?

there is no namespace `wbe`
 --> shop.toml:4:38
  |
4 | nat = { allow = ["br00"], publish = ["80:wbe:80"] }
  |                                      ^^^^^^^^^^^ did you mean `web`?

there is no namespace `nobody`
 --> shop.toml:6:13
  |
6 | namespace = "nobody"
  |             ^^^^^^^^ there are `web`, `db`, `node1`, `node2`, `node3`

there is no bridge `br9`
 --> shop.toml:9:10
  |
9 | bridge = "br9"
  |          ^^^^^ did you mean `br0`?

there is no namespace `bd`
  --> shop.toml:10:16
   |
10 | hosts = { db = "bd" }
   |                ^^^^ did you mean `db`?

`node` is 3 namespaces
  --> shop.toml:17:22
   |
17 | from = { namespace = "node", interface = "eth0" }
   |                      ^^^^^^ which one of `node1` to `node3`?

there is no bridge `xyz`
  --> shop.toml:18:17
   |
18 | to = { bridge = "xyz" }
   |                 ^^^^^ there are `br0`, `br1`

there is no namespace `node4`
  --> shop.toml:20:22
   |
20 | from = { namespace = "node4", interface = "eth0" }
   |                      ^^^^^^^ did you mean `node1`?

there is no interface `bro` on the host
  --> shop.toml:23:45
   |
23 | routes = [{ to = "10.9.0.0/16", interface = "bro" }]
   |                                             ^^^^^ did you mean `br0`?

"#]],
    );
}

#[test]
fn an_interface_that_is_not_there_is_named_with_what_was_meant() {
    let text = r#"
[bridge.br0]
[namespace.web]
bridge = "br0"
routes = [{ to = "10.9.0.0/16", interface = "eht0" }]
[namespace.db]
routes = [{ to = "10.9.0.0/16", interface = "eth0" }]
[host]
routes = [{ to = "10.9.0.0/16", interface = "web-eth0" }]
"#;
    same(
        wrong(text),
        str![[r#"
3 problems in shop.toml

there is no interface `eht0` in `web`
 --> shop.toml:5:45
  |
5 | routes = [{ to = "10.9.0.0/16", interface = "eht0" }]
  |                                             ^^^^^^ did you mean `eth0`?

there is no interface `eth0` in `db`
 --> shop.toml:7:45
  |
7 | routes = [{ to = "10.9.0.0/16", interface = "eth0" }]
  |                                             ^^^^^^ without `interface` the route leads over the one that reaches `via`

there is no interface `web-eth0` on the host
 --> shop.toml:9:45
  |
9 | routes = [{ to = "10.9.0.0/16", interface = "web-eth0" }]
  |                                             ^^^^^^^^^^ there is `br0`

"#]],
    );
}

#[test]
fn a_nat_is_for_bridges_of_the_host_that_have_a_subnet() {
    let text = r#"
[bridge.br0]
nat = true
[bridge.br1]
namespace = "web"
address = "10.1.0.1/24"
nat = "eth0"
[bridge.br2]
address = "10.2.0.1/24"
nat = { uplink = "br2", forwarding = "none", allow = ["br2", "br1", "br0", "br0"], publish = [
    "80:web:80", "80:10.0.0.2:80", "80:10.2.0.1:80",
    "443:10.2.0.9:1", "443:10.2.0.9:2", "80:80",
    "0:web2:0", "1:localhost:1", "80:fd00::a:80",
] }
[bridge.br3]
address = "10.3.0.1/24"
nat = 3
[namespace.web]
[namespace.web2]
bridge = "br2"
"#;
    same(
        wrong(text),
        str![[r#"
16 problems in shop.toml

bridge `br0` has no address, and so no subnet for a NAT
 --> shop.toml:2:9
  |
2 | [bridge.br0]
  |         ^^^ such as address = "10.0.0.1/24"
3 | nat = true
  |       ----

bridge `br1` is in `web`, and cannot have a NAT
 --> shop.toml:7:7
  |
5 | namespace = "web"
  |             -----
6 | address = "10.1.0.1/24"
7 | nat = "eth0"
  |       ^^^^^^ NAT is for bridges of the host

`br2` cannot be its own uplink
  --> shop.toml:10:18
   |
10 | nat = { uplink = "br2", forwarding = "none", allow = ["br2", "br1", "br0", "br0"], publish = [
   |                  ^^^^^

`forwarding` cannot be `none`
  --> shop.toml:10:38
   |
10 | nat = { uplink = "br2", forwarding = "none", allow = ["br2", "br1", "br0", "br0"], publish = [
   |                                      ^^^^^^ it is "host" (the default) or "interface"

bridge `br2` reaches itself without `allow`
  --> shop.toml:10:55
   |
10 | nat = { uplink = "br2", forwarding = "none", allow = ["br2", "br1", "br0", "br0"], publish = [
   |                                                       ^^^^^

bridge `br1` is not on the host
  --> shop.toml:10:62
   |
10 | nat = { uplink = "br2", forwarding = "none", allow = ["br2", "br1", "br0", "br0"], publish = [
   |                                                              ^^^^^ a NAT allows bridges of the host

bridge `br0` is allowed twice
  --> shop.toml:10:76
   |
10 | nat = { uplink = "br2", forwarding = "none", allow = ["br2", "br1", "br0", "br0"], publish = [
   |                                                                     -----  ^^^^^
   |                                                                     |
   |                                                                     first here

`web` has no IPv4 address on bridge `br2`
  --> shop.toml:11:5
   |
11 |     "80:web:80", "80:10.0.0.2:80", "80:10.2.0.1:80",
   |     ^^^^^^^^^^^ for IPv6: its address, in brackets

`10.0.0.2` is in no subnet of bridge `br2`
  --> shop.toml:11:18
   |
11 |     "80:web:80", "80:10.0.0.2:80", "80:10.2.0.1:80",
   |                  ^^^^^^^^^^^^^^^^ a port leads to the address of a namespace on the bridge

`10.2.0.1` is the address of bridge `br2` itself
  --> shop.toml:11:36
   |
11 |     "80:web:80", "80:10.0.0.2:80", "80:10.2.0.1:80",
   |                                    ^^^^^^^^^^^^^^^^ a port leads to a namespace on the bridge

the port 443 of the host leads to two places
  --> shop.toml:12:23
   |
12 |     "443:10.2.0.9:1", "443:10.2.0.9:2", "80:80",
   |     ----------------  ^^^^^^^^^^^^^^^^
   |     |
   |     first published here

`publish` cannot be `80:80`
  --> shop.toml:12:41
   |
12 |     "443:10.2.0.9:1", "443:10.2.0.9:2", "80:80",
   |                                         ^^^^^^^ a publication has the form [HOST_IP:]HOST_PORT:NS_IP:NS_PORT[/udp], such as 8080:10.0.0.2:80 or [::]:8080:[fd00::2]:80, with ranges such as 8000-8010:10.0.0.2:8000-8010

`publish` cannot be `0:web2:0`
  --> shop.toml:13:5
   |
13 |     "0:web2:0", "1:localhost:1", "80:fd00::a:80",
   |     ^^^^^^^^^^ `0` is no port (1 to 65535) and no range such as 8000-8010

there is no namespace `localhost`
  --> shop.toml:13:17
   |
13 |     "0:web2:0", "1:localhost:1", "80:fd00::a:80",
   |                 ^^^^^^^^^^^^^^^ there are `web`, `web2`

`publish` cannot be `80:fd00::a:80`
  --> shop.toml:13:34
   |
13 |     "0:web2:0", "1:localhost:1", "80:fd00::a:80",
   |                                  ^^^^^^^^^^^^^^^ a publication has the form [HOST_IP:]HOST_PORT:NS_IP:NS_PORT[/udp], such as 8080:10.0.0.2:80 or [::]:8080:[fd00::2]:80, with ranges such as 8000-8010:10.0.0.2:8000-8010

`nat` has to be true, the name of the uplink, or a table
  --> shop.toml:17:7
   |
17 | nat = 3
   |       ^ this is an integer

"#]],
    );
}
