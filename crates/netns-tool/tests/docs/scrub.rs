//! What differs from run to run, made a wildcard when pages are rewritten.

const WILD: &str = "[..]";

/// Hides times, process ids, interface indices, and addresses that the kernel chose. What the page itself types
/// (`typed`, all its commands) stays.
pub fn scrub(line: &str, typed: &str) -> String {
    if let Some((lead, _)) = line.split_once("min/avg/max/mdev = ") {
        return format!("{lead}min/avg/max/mdev = {WILD} ms");
    }
    let line = hide_number(line, "  pid:     ");
    let line = hide_number(&line, ", time ");
    let line = hide_number(&line, " time=");
    let line = hide_peer(&line);
    let line = hide_index(&line);
    let words: Vec<String> = line.split(' ').map(|word| hide_word(word, typed)).collect();
    words.join(" ")
}

/// Hides the number after a lead.
fn hide_number(line: &str, lead: &str) -> String {
    let Some((before, after)) = line.split_once(lead) else { return line.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if rest.len() == after.len() {
        return line.to_owned();
    }
    format!("{before}{lead}{WILD}{rest}")
}

/// Hides the index of the other end after a name, with the padding that depends on its length.
fn hide_peer(line: &str) -> String {
    let line = hide_number(line, "@if");
    match line.split_once("@if[..]  ") {
        Some((before, after)) => format!("{before}@if{WILD} {}", after.trim_start()),
        None => line,
    }
}

/// Hides the interface index at the begin of an entry of `ip link`.
fn hide_index(line: &str) -> String {
    match line.split_once(": ") {
        Some((index, rest)) if index.parse::<u32>().is_ok() => format!("{WILD}: {rest}"),
        _ => line.to_owned(),
    }
}

fn hide_word(word: &str, typed: &str) -> String {
    let is_fixed = word == "00:00:00:00:00:00" || word == "ff:ff:ff:ff:ff:ff";
    let is_random = (is_mac(word) && !is_fixed) || word.starts_with("fe80::");
    if is_random && !typed.contains(word) { WILD.to_owned() } else { word.to_owned() }
}

fn is_mac(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    parts.len() == 6
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_hidden() {
        for (line, wanted) in [
            ("rtt min/avg/max/mdev = 0.1/0.1/0.1/0.000 ms", "rtt min/avg/max/mdev = [..] ms"),
            ("1 received, 0% packet loss, time 0ms", "1 received, 0% packet loss, time [..]ms"),
            ("64 bytes: ttl=64 time=0.175 ms", "64 bytes: ttl=64 time=[..] ms"),
            ("eth0@if12         UP    10.0.0.2/24", "eth0@if[..] UP    10.0.0.2/24"),
            ("  pid:     93 sleep 100", "  pid:     [..] sleep 100"),
            ("3: veth0@if2: <UP> mtu 1500", "[..]: veth0@if[..]: <UP> mtu 1500"),
            (
                "link/ether 6a:00:1b:2c:3d:4e brd ff:ff:ff:ff:ff:ff",
                "link/ether [..] brd ff:ff:ff:ff:ff:ff",
            ),
            ("inet6 fe80::1:2/64 scope link", "inet6 [..] scope link"),
            ("link/ether 02:00:00:00:00:01", "link/ether 02:00:00:00:00:01"),
            ("inet 10.0.0.1/24 scope global br0", "inet 10.0.0.1/24 scope global br0"),
            ("error: there is no bridge `br0`", "error: there is no bridge `br0`"),
        ] {
            assert_eq!(scrub(line, "--host-mac 02:00:00:00:00:01"), wanted);
        }
    }
}
