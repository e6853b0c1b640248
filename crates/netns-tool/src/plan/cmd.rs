//! One command of a plan, as it is executed and as it can be typed.

use super::Place;
use crate::item::Item;
use crate::name::NamespaceName;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// One change, as it can be typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cmd {
    /// A system tool with its arguments, inside `netns`, reading `stdin`.
    Run { netns: Place, tool: Tool, args: Vec<String>, stdin: Option<String> },
    /// A value written to a file of /proc/sys; of /proc/sys/net, to that of the namespace.
    Write {
        #[serde(default)]
        netns: Place,
        path: String,
        value: String,
    },
    /// SIGTERM to the processes in the namespace, and SIGKILL to those that are still there after
    /// [`GRACE_SECONDS`]; `pids` are those known when it was planned.
    End { netns: NamespaceName, pids: Vec<i32> },
    /// A program is started inside the namespace, in a session of its own. It bears the mark, and what it prints goes to
    /// the end of the file `output`. One that is not awaited after that is watched for a moment.
    Start {
        netns: NamespaceName,
        mark: String,
        command: Vec<String>,
        output: String,
        is_awaited: bool,
    },
    /// It is ended like those of [`Cmd::End`], with its children that bear the mark.
    Stop { netns: NamespaceName, mark: String },
    /// Nothing is changed: the program that bears the mark is waited for until it is ready.
    Await { netns: NamespaceName, mark: String, ready: Ready, output: String },
    /// Nothing is changed: it is waited, for [`DAD_SECONDS`] at most, until the addresses of the place can be used.
    Settle { netns: Place },
    /// A file or a directory is made, if nothing has its name.
    Make(Item),
    /// It is removed.
    Remove(Item),
}

/// How long the kernel may ask whether anybody else has an address, in seconds: twice what it takes.
pub const DAD_SECONDS: u64 = 4;

/// The variable in the environment of a program, by which it is found again.
pub const PROCESS: &str = "NETNS_TOOL_PROCESS";

/// Where a program of a lab is looked for.
pub const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What tells that a program is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ready {
    /// Something inside its namespace listens at the port.
    Tcp(u16),
    Udp(u16),
    /// A command that succeeds inside its namespace.
    Command(Vec<String>),
}

/// How long a process may take to end after SIGTERM, in seconds.
pub const GRACE_SECONDS: u64 = 3;

/// The system tools that a plan may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tool {
    Ip,
    Iptables,
    IptablesRestore,
    IptablesSave,
    IptablesLegacySave,
    IptablesNftSave,
    Ip6tables,
    Ip6tablesRestore,
    Ip6tablesSave,
    Ip6tablesLegacySave,
    Ip6tablesNftSave,
    Nft,
    Ping,
    Setsid,
    Umount,
}

impl Tool {
    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Tool::Ip => "ip",
            Tool::Iptables => "iptables",
            Tool::IptablesRestore => "iptables-restore",
            Tool::IptablesSave => "iptables-save",
            Tool::IptablesLegacySave => "iptables-legacy-save",
            Tool::IptablesNftSave => "iptables-nft-save",
            Tool::Ip6tablesNftSave => "ip6tables-nft-save",
            Tool::Ip6tables => "ip6tables",
            Tool::Ip6tablesRestore => "ip6tables-restore",
            Tool::Ip6tablesSave => "ip6tables-save",
            Tool::Ip6tablesLegacySave => "ip6tables-legacy-save",
            Tool::Nft => "nft",
            Tool::Ping => "ping",
            Tool::Setsid => "setsid",
            Tool::Umount => "umount",
        }
    }

    /// The package that brings it, as Debian and Ubuntu call it.
    pub fn package(self) -> &'static str {
        match self {
            Tool::Ip => "iproute2",
            Tool::Nft => "nftables",
            Tool::Iptables
            | Tool::IptablesRestore
            | Tool::IptablesSave
            | Tool::IptablesLegacySave
            | Tool::IptablesNftSave
            | Tool::Ip6tablesNftSave
            | Tool::Ip6tables
            | Tool::Ip6tablesRestore
            | Tool::Ip6tablesSave
            | Tool::Ip6tablesLegacySave => "iptables",
            Tool::Ping => "iputils-ping",
            Tool::Setsid => "util-linux",
            Tool::Umount => "mount",
        }
    }
}

impl Cmd {
    /// A command of `ip`, from its words separated by single spaces.
    pub fn ip(netns: &Place, words: &str) -> Self {
        let args = words.split(' ').map(str::to_owned).collect();
        Self::Run { netns: netns.clone(), tool: Tool::Ip, args, stdin: None }
    }

    /// The program and its arguments, as they are executed and as one would type them.
    pub fn words(&self) -> Vec<String> {
        let Self::Run { netns, tool, args, .. } = self else { return Vec::new() };
        let lead: Vec<&str> = match (netns, tool) {
            (None, _) => vec![tool.program()],
            (Some(netns), Tool::Ip) => vec!["ip", "-n", netns.as_str()],
            (Some(netns), _) => vec!["ip", "netns", "exec", netns.as_str(), tool.program()],
        };
        lead.into_iter().map(str::to_owned).chain(args.iter().cloned()).collect()
    }

    /// The command with no more lines than a person reads.
    pub fn shortened(&self) -> String {
        few_lines(self.to_string())
    }

    /// The namespace that it is run in, if not the host.
    pub fn netns(&self) -> Option<&NamespaceName> {
        match self {
            Self::Run { netns, .. } | Self::Write { netns, .. } | Self::Settle { netns } => {
                netns.as_ref()
            }
            Self::Start { netns, .. } | Self::Stop { netns, .. } | Self::Await { netns, .. } => {
                Some(netns)
            }
            _ => None,
        }
    }

    /// The tools that it needs, the one whose program is started first.
    pub fn tools(&self) -> Vec<Tool> {
        match self {
            Self::Run { netns: Some(_), tool, .. } if *tool != Tool::Ip => vec![Tool::Ip, *tool],
            Self::Run { tool, .. } => vec![*tool],
            Self::Start { .. } => vec![Tool::Ip, Tool::Setsid],
            Self::Await { .. } => vec![Tool::Ip],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Cmd {
    /// A line (with a here-document where it reads its input) that can be pasted into a POSIX shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { stdin, .. } => {
                let words: Vec<_> = self.words();
                let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
                f.write_str(&quoted.join(" "))?;
                match stdin {
                    Some(text) => write!(f, " <<'END'\n{text}END"),
                    None => Ok(()),
                }
            }
            Self::Write { netns, path, value } => {
                let line = format!("echo {} > {}", quote(value), quote(path));
                match netns {
                    None => f.write_str(&line),
                    Some(netns) => write!(f, "ip netns exec {netns} sh -c {}", quote(&line)),
                }
            }
            Self::Start { netns, mark, command, output, .. } => write!(
                f,
                "env -i PATH={PROGRAMS} {PROCESS}={mark} ip netns exec {netns} setsid -f {} </dev/null >>{} 2>&1",
                line(command),
                quote(output)
            ),
            Self::Stop { mark, .. } => {
                let kill = |signal| {
                    format!(
                        "grep -lxz {PROCESS}={mark} /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 | xargs -r kill -{signal}"
                    )
                };
                write!(f, "{} || true; sleep 1; {} || true", kill("TERM"), kill("KILL"))
            }
            Self::Await { netns, ready, .. } => {
                let test = match ready {
                    Ready::Tcp(port) => format!("ss -Hltn sport = :{port} | grep -q ."),
                    Ready::Udp(port) => format!("ss -Hlun sport = :{port} | grep -q ."),
                    Ready::Command(command) => line(command),
                };
                let wait = format!("until ip netns exec {netns} {test}; do sleep 0.1; done");
                write!(f, "timeout 10 sh -c {}", quote(&wait))
            }
            Self::Settle { netns } => {
                let lead = netns.as_ref().map_or_else(String::new, |netns| format!(" -n {netns}"));
                write!(
                    f,
                    "timeout {DAD_SECONDS} sh -c 'while ip{lead} -6 addr show tentative | grep -q .; do sleep 0.1; done' || true"
                )
            }
            Self::Make(item) => f.write_str(&item.line_to_make()),
            Self::Remove(item) => f.write_str(&item.line_to_remove()),
            Self::End { pids, .. } => {
                let alive: Vec<_> =
                    pids.iter().map(|pid| format!("kill -0 {pid} 2>/dev/null")).collect();
                let alive = alive.join(" || ");
                let pids = pids.iter().map(i32::to_string).collect::<Vec<_>>().join(" ");
                write!(
                    f,
                    "kill -TERM {pids} 2>/dev/null || true; for second in $(seq {GRACE_SECONDS}); do {alive} || break; sleep 1; done; "
                )?;
                write!(f, "kill -KILL {pids} 2>/dev/null || true")
            }
        }
    }
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
        let octal: String = word.bytes().map(|byte| format!("\\{byte:03o}")).collect();
        return Cow::Owned(format!("\"$(printf '{octal}')\""));
    }
    // It fails for a NUL only, which no parsed name, address or path has.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed("''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_displays_as_a_line_to_paste() {
        let netns = Some(NamespaceName::new("ns1").unwrap());
        assert_eq!(
            Cmd::ip(&netns, "link set dev lo up").to_string(),
            "ip -n ns1 link set dev lo up"
        );
        let args = vec!["-c".to_owned(), "a b'$x".to_owned()];
        let ping = Cmd::Run { netns: netns.clone(), tool: Tool::Ping, args, stdin: None };
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
    }
}
