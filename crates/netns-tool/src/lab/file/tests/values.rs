//! What is said of values that are wrong by themselves.

use super::{same, wrong};
use snapbox::str;

#[test]
fn every_value_is_checked() {
    let text = r#"
[bridge.br0]
address = ["10.0.0.0/24", "10.0.0.1", 7]
mtu = 67
mac = "01:00:00:00:00:01"
stp = 1
[namespace.lo]
count = 0
[namespace.web]
count = 10001
dns = ["10.0.0.53", "fe80::1"]
loopback = "x"
forwarding = "yes"
gateway = "auto"
hosts = 3
bridge = ["br0"]
"#;
    same(
        wrong(text),
        str![[r#"
14 problems in shop.toml

`address` cannot be `10.0.0.0/24`
 --> shop.toml:3:12
  |
3 | address = ["10.0.0.0/24", "10.0.0.1", 7]
  |            ^^^^^^^^^^^^^ it is the address of the network 10.0.0.0/24 itself; a host could have 10.0.0.1/24

`address` cannot be `10.0.0.1`
 --> shop.toml:3:27
  |
3 | address = ["10.0.0.0/24", "10.0.0.1", 7]
  |                           ^^^^^^^^^^ it has no prefix length; write 10.0.0.1/24

`address` has to be a string
 --> shop.toml:3:39
  |
3 | address = ["10.0.0.0/24", "10.0.0.1", 7]
  |                                       ^ this is an integer

`mtu` cannot be `67`
 --> shop.toml:4:7
  |
4 | mtu = 67
  |       ^^ it has to be 68 to 65535 bytes

`mac` cannot be `01:00:00:00:00:01`
 --> shop.toml:5:7
  |
5 | mac = "01:00:00:00:00:01"
  |       ^^^^^^^^^^^^^^^^^^^ its first octet is odd: that is a group (multicast) address

`stp` has to be true or false
 --> shop.toml:6:7
  |
6 | stp = 1
  |       ^ this is an integer

the namespace cannot be called `lo`
 --> shop.toml:7:12
  |
7 | [namespace.lo]
  |            ^^ it is a word of the `ip` command itself

`count` cannot be `0`
 --> shop.toml:8:9
  |
8 | count = 0
  |         ^ it has to be 1 to 10000

`count` cannot be `10001`
  --> shop.toml:10:9
   |
10 | count = 10001
   |         ^^^^^ it has to be 1 to 10000

`dns` cannot be `fe80::1`
  --> shop.toml:11:21
   |
11 | dns = ["10.0.0.53", "fe80::1"]
   |                     ^^^^^^^^^ a link-local address means nothing without an interface, of which resolv.conf(5) knows none; give another address of the name server

`loopback` cannot be `x`
  --> shop.toml:12:12
   |
12 | loopback = "x"
   |            ^^^ an address has the form 10.0.0.1/24 or fd00::1/64

`forwarding` has to be true or false
  --> shop.toml:13:14
   |
13 | forwarding = "yes"
   |              ^^^^^ this is a string

`hosts` has to be true, or a table of names
  --> shop.toml:15:9
   |
15 | hosts = 3
   |         ^ this is an integer

`bridge` has to be a string
  --> shop.toml:16:10
   |
16 | bridge = ["br0"]
   |          ^^^^^^^ this is a list

"#]],
    );
}

#[test]
fn sysctls_are_those_of_a_namespace() {
    let text = r#"
[namespace.web.sysctl]
"kernel.hostname" = "x"
"net.ipv4..x" = 1
"net/../kernel/x" = 1
"net.ipv4.ip_forward" = 1
"net/ipv4/ip_forward" = 1
"net.a" = ""
"net.b" = "1\n2"
"net.c" = 1.5
net.d = 3
"#;
    same(
        wrong(text),
        str![[r#"
8 problems in shop.toml

`kernel.hostname` is no sysctl of a namespace
 --> shop.toml:3:1
  |
3 | "kernel.hostname" = "x"
  | ^^^^^^^^^^^^^^^^^ a namespace has its own only under `net.`

`net.ipv4..x` is no sysctl of a namespace
 --> shop.toml:4:1
  |
4 | "net.ipv4..x" = 1
  | ^^^^^^^^^^^^^ it has the form net.ipv4.conf.all.rp_filter

`net/../kernel/x` is no sysctl of a namespace
 --> shop.toml:5:1
  |
5 | "net/../kernel/x" = 1
  | ^^^^^^^^^^^^^^^^^ it has the form net.ipv4.conf.all.rp_filter

`net/ipv4/ip_forward` is no sysctl of a namespace
 --> shop.toml:7:1
  |
7 | "net/ipv4/ip_forward" = 1
  | ^^^^^^^^^^^^^^^^^^^^^ it is given twice

`net.a` cannot be ``
 --> shop.toml:8:11
  |
8 | "net.a" = ""
  |           ^^ a value is one line of text, and not empty

`net.b` cannot be `1\n2`
 --> shop.toml:9:11
  |
9 | "net.b" = "1\n2"
  |           ^^^^^^ a value is one line of text, and not empty

`net.c` has to be an integer or a string
  --> shop.toml:10:11
   |
10 | "net.c" = 1.5
   |           ^^^ this is a number with a point

`net` is no sysctl of a namespace
  --> shop.toml:11:1
   |
11 | net.d = 3
   | ^^^ put the whole name in quotes: dots make tables in TOML

"#]],
    );
}

#[test]
fn processes_have_names_and_programs() {
    let text = r#"
[namespace.web.process]
"a b" = { command = ["true"] }
good_1 = { command = ["true"], ready = { tcp = 65536 } }
empty = { command = [] }
blank = { command = [""] }
shell = { command = "true" }
port = { command = ["true"], ready = { udp = 0 } }
"#;
    same(
        wrong(text),
        str![[r#"
6 problems in shop.toml

a process cannot be called `a b`
 --> shop.toml:3:1
  |
3 | "a b" = { command = ["true"] }
  | ^^^^^ a name has the letters a-z and A-Z, digits, `-` and `_`, at most 32

`tcp` cannot be `65536`
 --> shop.toml:4:48
  |
4 | good_1 = { command = ["true"], ready = { tcp = 65536 } }
  |                                                ^^^^^ it has to be 1 to 65535

a command begins with a program
 --> shop.toml:5:21
  |
5 | empty = { command = [] }
  |                     ^^ such as ["sleep", "60"]

a command begins with a program
 --> shop.toml:6:21
  |
6 | blank = { command = [""] }
  |                     ^^^^ such as ["sleep", "60"]

`command` has to be a list
 --> shop.toml:7:21
  |
7 | shell = { command = "true" }
  |                     ^^^^^^ this is a string

`udp` cannot be `0`
 --> shop.toml:8:46
  |
8 | port = { command = ["true"], ready = { udp = 0 } }
  |                                              ^ it has to be 1 to 65535

"#]],
    );
}

#[test]
fn hosts_and_name_servers() {
    let text = r#"
[namespace.web]
dns = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]
hosts = { "a b" = "10.0.0.1", "10.0.0.9" = "10.0.0.9", db = "db" }
[namespace.db]
dns = ["10.0.0.1", "10.0.0.1"]
"#;
    same(
        wrong(text),
        str![[r#"
5 problems in shop.toml

4 name servers; at most 3 are asked
 --> shop.toml:3:7
  |
3 | dns = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

a host cannot be called `a b`
 --> shop.toml:4:11
  |
4 | hosts = { "a b" = "10.0.0.1", "10.0.0.9" = "10.0.0.9", db = "db" }
  |           ^^^^^ a name has letters, digits, `-`, `_` and `.`

a host cannot be called `10.0.0.9`
 --> shop.toml:4:31
  |
4 | hosts = { "a b" = "10.0.0.1", "10.0.0.9" = "10.0.0.9", db = "db" }
  |                               ^^^^^^^^^^ a name has letters, digits, `-`, `_` and `.`

`db` has no address
 --> shop.toml:4:61
  |
4 | hosts = { "a b" = "10.0.0.1", "10.0.0.9" = "10.0.0.9", db = "db" }
  |                                                             ^^^^ nothing that `db` could stand for

the name server `10.0.0.1` is given twice
 --> shop.toml:6:7
  |
6 | dns = ["10.0.0.1", "10.0.0.1"]
  |       ^^^^^^^^^^^^^^^^^^^^^^^^

"#]],
    );
}

#[test]
fn the_caret_stands_under_what_is_wrong_whatever_is_before_it() {
    let text = r#"
[namespace."ü中文 x"]	
# \u{1b}[2J
[namespace.web]
	dns = [	"中文", 	"10.0.0.1", "\u001b[2J", """
two
lines"""]
"#;
    same(
        wrong(text),
        str![[r#"
4 problems in shop.toml

the namespace cannot be called `ü中文 x`
 --> shop.toml:2:12
  |
2 | [namespace."ü中文 x"]    
  |            ^^^^^^^^^ a name begins with a letter

`dns` cannot be `中文`
 --> shop.toml:5:10
  |
5 |     dns = [    "中文",     "10.0.0.1", "\u001b[2J", """
  |                ^^^^^^ a name server is an address such as 10.0.0.53 or fd00::53, without a prefix

`dns` cannot be `\u{1b}[2J`
 --> shop.toml:5:29
  |
5 |     dns = [    "中文",     "10.0.0.1", "\u001b[2J", """
  |                                        ^^^^^^^^^^^ a name server is an address such as 10.0.0.53 or fd00::53, without a prefix

`dns` cannot be `two\nlines`
 --> shop.toml:5:42
  |
5 |     dns = [    "中文",     "10.0.0.1", "\u001b[2J", """
  |                                                     ^^^ a name server is an address such as 10.0.0.53 or fd00::53, without a prefix

"#]],
    );
}
