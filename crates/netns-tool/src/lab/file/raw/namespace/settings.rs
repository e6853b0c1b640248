//! What a namespace is told besides its interfaces: sysctls, name servers, names of hosts.

use crate::address::name_server;
use crate::dns;
use crate::lab::file::problem::{At, Problem, Problems, shown};
use crate::lab::file::value::Value;
use std::collections::HashSet;
use std::net::IpAddr;

/// What turns forwarding on, for IPv4 and for IPv6.
const FORWARDING: [&str; 2] =
    ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"];
/// A value has to fit into one write, in bytes (a page, less the newline).
const VALUE_MAX: usize = 4095;
/// The longest name of a host, in bytes (RFC 1123, section 2.1).
const HOST_MAX: usize = 255;

/// What names a namespace knows.
#[derive(Debug)]
pub enum Hosts {
    /// A name with an address, or with the name of a namespace.
    Names(Vec<(String, At<String>)>),
    /// Every namespace of the lab by its name.
    All(At<()>),
}

impl Hosts {
    pub fn read(value: Option<Value>, problems: &mut Problems) -> Self {
        let mut names = Vec::new();
        let Some(value) = value else { return Self::Names(names) };
        match (value.as_flag(), value.as_table("")) {
            (Some(true), _) => return Self::All(At::new((), &value.span)),
            (Some(false), _) => {}
            (None, None) => value.is_not("true, or a table of names", problems),
            (None, Some(table)) => {
                for value in table.entries() {
                    check_host(&value, problems);
                    let meant = value.owned(problems);
                    names.extend(meant.map(|meant| (value.key.value.to_owned(), meant)));
                }
            }
        }
        Self::Names(names)
    }
}

fn check_host(value: &Value, problems: &mut Problems) {
    let name = value.key.value;
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    let is_plain = name.bytes().all(is_word) && !name.starts_with(['-', '.']);
    if name.is_empty() || name.len() > HOST_MAX || !is_plain || name.parse::<IpAddr>().is_ok() {
        problems.add(
            Problem::new(&value.key.span, format!("a host cannot be called `{}`", shown(name)))
                .label("a name has letters, digits, `-`, `_` and `.`"),
        );
    }
}

pub fn name_servers(value: Option<Value>, problems: &mut Problems) -> Vec<IpAddr> {
    let Some(value) = value else { return Vec::new() };
    let values = value.one_or_more();
    let servers: Vec<IpAddr> = values
        .iter()
        .filter_map(|value| value.parsed(name_server, problems))
        .map(|server| server.value)
        .collect();
    if let Err(failure) = dns::check(&servers) {
        problems.add(Problem::new(&value.span, failure.what));
    }
    servers
}

/// Forwarding is two of them; one that is given by its own name as well is left to that.
pub fn sysctls(
    forwarding: Option<Value>,
    own: Option<Value>,
    problems: &mut Problems,
) -> Vec<(String, String)> {
    let forwarding = forwarding.and_then(|value| value.flag(problems));
    let own = own.map(|value| value.entries(problems)).unwrap_or_default();
    let (mut own_paths, mut sysctls) = (HashSet::new(), Vec::new());
    for value in own {
        let name = value.key.value;
        let problem = |why: &str| {
            Problem::new(&value.key.span, format!("`{}` is no sysctl of a namespace", shown(name)))
                .label(why)
        };
        if value.as_table("").is_some() {
            problems.add(problem("put the whole name in quotes: dots make tables in TOML"));
            continue;
        }
        let path = match path(name) {
            Ok(path) => path,
            Err(why) => {
                problems.add(problem(why));
                continue;
            }
        };
        if !own_paths.insert(path.clone()) {
            problems.add(problem("it is given twice"));
        }
        sysctls.extend(setting(&value, problems).map(|setting| (path, setting)));
    }
    let on = forwarding.map(|on| if on { "1" } else { "0" });
    let forwarding = FORWARDING.iter().filter(|path| !own_paths.contains(**path));
    let forwarding = forwarding.filter_map(|path| Some(((*path).to_owned(), on?.to_owned())));
    forwarding.chain(sysctls).collect()
}

fn setting(value: &Value, problems: &mut Problems) -> Option<String> {
    if let Some(number) = value.as_integer() {
        return Some(number.to_string());
    }
    let Some(text) = value.as_text() else {
        value.is_not("an integer or a string", problems);
        return None;
    };
    let is_plain = !text.chars().any(|c| c.is_control() && c != '\t');
    if text.trim().is_empty() || text.len() > VALUE_MAX || !is_plain {
        value.is_wrong(text, "a value is one line of text, and not empty", problems);
        return None;
    }
    Some(text.to_owned())
}

/// The file of a sysctl, with the separators as sysctl(8) takes them: where the first of them is a dot, a slash stands
/// for a dot within a name.
fn path(name: &str) -> Result<String, &'static str> {
    let slashed: String = match name.find(['.', '/']) {
        Some(first) if name[first..].starts_with('.') => {
            let swap = |c| match c {
                '.' => '/',
                '/' => '.',
                c => c,
            };
            name.chars().map(swap).collect()
        }
        _ => name.to_owned(),
    };
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_-.@:".contains(&b);
    let is_part =
        |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_word);
    if !slashed.starts_with("net/") {
        return Err("a namespace has its own only under `net.`");
    }
    if slashed.len() > HOST_MAX || !slashed.split('/').all(is_part) {
        return Err("it has the form net.ipv4.conf.all.rp_filter");
    }
    Ok(format!("/proc/sys/{slashed}"))
}
