//! The commands of a plan as they can be typed: each a line (with a here-document where it reads its input) that can be
//! pasted into a POSIX shell.

use super::{Cmd, GRACE_SECONDS, PROCESS, PROGRAMS, Place, Ready};
use crate::mark::LabName;
use crate::name::{InterfaceName, NamespaceName};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

impl Cmd {
    /// The command with no more lines than a person reads.
    pub fn shortened(&self) -> String {
        few_lines(self.to_string())
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Run { stdin, .. } => {
                let input = stdin.as_ref().map(|text| format!(" <<'END'\n{text}END"));
                line(&self.words()) + &input.unwrap_or_default()
            }
            Self::Write { netns, path, value } => {
                let line = format!("echo {} > {}", quote(value), quote(path));
                match netns {
                    None => line,
                    Some(netns) => format!("ip netns exec {netns} sh -c {}", quote(&line)),
                }
            }
            Self::Start { netns, mark, command, output, .. } => format!(
                "(cd / && env -i PATH={PROGRAMS} {PROCESS}={mark} ip netns exec {netns} setsid -f {} </dev/null >>{} 2>&1)",
                line(command),
                quote(output)
            ),
            Self::Stop { mark, .. } => stop(mark),
            Self::Await { netns, ready, seconds, .. } => {
                let test = match ready {
                    Ready::Tcp(port) => format!("ss -Hltn sport = :{port} | grep -q ."),
                    Ready::Udp(port) => format!("ss -Hlun sport = :{port} | grep -q ."),
                    Ready::Command(command) => line(command),
                };
                let wait = format!("until ip netns exec {netns} {test}; do sleep 0.1; done");
                format!("timeout {seconds} sh -c {}", quote(&wait))
            }
            Self::Settle { lab, links, trees, addresses, known, seconds } => {
                let unready = [unready_links(lab, links), growing(trees), tentative(addresses)];
                let unready: Vec<String> = unready.into_iter().flatten().collect();
                let wait =
                    format!("while {{ {}; }} | grep -q .; do sleep 0.1; done", unready.join("; "));
                let wait = format!("timeout {seconds} sh -c {} || true", quote(&wait));
                let wait = (!unready.is_empty()).then_some(wait);
                wait.into_iter().chain(forget(known)).collect::<Vec<_>>().join("\n")
            }
            Self::Make(item) => item.line_to_make(),
            Self::Remove(item) => item.line_to_remove(),
            Self::End { pids, .. } => end(pids),
        };
        f.write_str(&text)
    }
}

/// SIGTERM to all that bear the mark; SIGKILL to those that are there after the grace.
fn stop(mark: &str) -> String {
    let bearing = format!("{PROCESS}={mark} /proc/[0-9]*/environ 2>/dev/null");
    let kill = |signal| {
        format!("grep -lxz {bearing} | cut -d/ -f3 | xargs -r kill -{signal} 2>/dev/null || true")
    };
    format!(
        "{}; for second in $(seq {GRACE_SECONDS}); do grep -qxz {bearing} || break; sleep 1; done; {}",
        kill("TERM"),
        kill("KILL")
    )
}

/// The same for processes by their numbers.
fn end(pids: &[i32]) -> String {
    let alive: Vec<_> = pids.iter().map(|pid| format!("kill -0 {pid} 2>/dev/null")).collect();
    let alive = alive.join(" || ");
    let pids = pids.iter().map(i32::to_string).collect::<Vec<_>>().join(" ");
    let kill = |signal| format!("kill -{signal} {pids} 2>/dev/null || true");
    format!(
        "{}; for second in $(seq {GRACE_SECONDS}); do {alive} || break; sleep 1; done; {}",
        kill("TERM"),
        kill("KILL")
    )
}

/// Prints the lab's veths that are up and carry nothing yet.
fn unready_links(lab: &LabName, places: &[Place]) -> Option<String> {
    let links = everywhere(places, "ip", "-o link show up type veth")?;
    Some(format!("{{ {links}; }} | grep -w \"alias netns-tool:{lab}\" | grep -v \"state UP\""))
}

/// Prints the ports that wait for their spanning tree.
fn growing(places: &[Place]) -> Option<String> {
    let ports = everywhere(places, "bridge", "link show")?;
    Some(format!("{{ {ports}; }} | grep -E \"state (listening|learning)\""))
}

/// Prints the addresses of which the kernel still asks whether anybody else has them.
fn tentative(places: &[Place]) -> Option<String> {
    everywhere(places, "ip", "-6 addr show tentative")
}

/// Has interfaces forget whom they know, as far as others let them.
fn forget(known: &[(Place, InterfaceName)]) -> Option<String> {
    let mut of_name: BTreeMap<&InterfaceName, Vec<Place>> = BTreeMap::new();
    for (at, name) in known {
        of_name.entry(name).or_default().push(at.clone());
    }
    let lines = of_name.iter().filter_map(|(name, at)| everywhere(at, "ip", &forgetting(name)));
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| format!("{{ {}; }} || true", lines.join("; ")))
}

/// What `ip` is told for that.
pub fn forgetting(name: &InterfaceName) -> String {
    format!("neigh flush dev {name}")
}

/// The command in each of the places.
fn everywhere(places: &[Place], tool: &str, words: &str) -> Option<String> {
    let on_host = places.contains(&None).then(|| format!("{tool} {words}"));
    let names: Vec<&str> = places.iter().flatten().map(NamespaceName::as_str).collect();
    let inside = (!names.is_empty())
        .then(|| format!("for ns in {}; do {tool} -n $ns {words}; done", names.join(" ")));
    let all: Vec<String> = on_host.into_iter().chain(inside).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The words of a command, as a shell reads them back.
fn line(words: &[String]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Commands with no more lines than a person reads.
pub fn few_lines(whole: String) -> String {
    const LINES: usize = 24;
    let count = whole.lines().count();
    if count <= LINES {
        return whole;
    }
    let shown: Vec<&str> = whole.lines().take(LINES - 4).collect();
    format!(
        "{}\n… ({} lines more; --dry-run prints them all)",
        shown.join("\n"),
        count - shown.len()
    )
}

/// A word as a POSIX shell reads it back.
pub fn quote(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return Cow::Borrowed(word);
    }
    // Names of others may have what acts on a terminal; quotes do not help against that.
    if crate::failure::printable(word) != word {
        return Cow::Owned(octal(word));
    }
    // It fails for a NUL only, which no parsed name, address or path has.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed("''"))
}

/// The same on one line: for a comment, or a list.
pub fn quote_on_one_line(word: &str) -> Cow<'_, str> {
    if word.contains('\n') { Cow::Owned(octal(word)) } else { quote(word) }
}

fn octal(word: &str) -> String {
    let octal: String = word.bytes().map(|byte| format!("\\{byte:03o}")).collect();
    format!("\"$(printf '{octal}')\"")
}

/// Words of the system, which need not be text, as a POSIX shell reads them back: byte for byte.
pub fn quote_all<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    let words = words.into_iter().map(|word| quote_bytes(word.as_ref()));
    words.collect::<Vec<_>>().join(" ")
}

fn quote_bytes(word: &OsStr) -> String {
    if let Some(text) = word.to_str() {
        return quote(text).into_owned();
    }
    let octal = |byte: &u8| format!("\\{byte:03o}");
    let parts = word.as_bytes().utf8_chunks().map(|chunk| {
        let text = Some(chunk.valid()).filter(|text| !text.is_empty()).map(quote);
        let bytes: String = chunk.invalid().iter().map(octal).collect();
        let bytes = if bytes.is_empty() { bytes } else { format!("\"$(printf '{bytes}')\"") };
        text.unwrap_or_default().into_owned() + &bytes
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Tool;

    #[test]
    fn what_is_no_text_is_quoted_byte_by_byte() {
        let words = [&b"a b\xff\xfec"[..], b"", b"x"].map(OsStr::from_bytes);
        assert_eq!(quote_all(words), "'a b'\"$(printf '\\377')\"\"$(printf '\\376')\"c '' x");
    }

    #[test]
    fn a_command_displays_as_a_line_to_paste() {
        let netns = Some(NamespaceName::new("ns1").unwrap());
        assert_eq!(
            Cmd::ip(&netns, "link set dev lo up").to_string(),
            "ip -n ns1 link set dev lo up"
        );
        let ping = Cmd::run(Tool::Ping, ["-c", "a b'$x"]).at(&netns);
        assert_eq!(ping.to_string(), "ip netns exec ns1 ping -c \"a b'\"'$x'");
        let write = |netns: Place| {
            let path = "/proc/sys/net/ipv4/ip_forward".to_owned();
            Cmd::Write { netns, path, value: "1".to_owned() }.to_string()
        };
        assert_eq!(write(None), "echo 1 > /proc/sys/net/ipv4/ip_forward");
        assert_eq!(
            write(netns),
            "ip netns exec ns1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'"
        );
    }

    #[test]
    fn no_word_acts_on_a_terminal() {
        assert_eq!(quote("\u{1b}[m%"), "\"$(printf '\\033\\133\\155\\045')\"");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("a\nb"), "'a\nb'");
        assert_eq!(quote_on_one_line("a\nb"), "\"$(printf '\\141\\012\\142')\"");
    }
}
