//! The private host as one would type it.

use crate::plan::{Tool, quote_all};
use crate::system::rights;
use std::ffi::OsString;

/// What makes the new namespaces a host, run by its first process. No quotes in it: it is shown within some. The private
/// /etc has copies of the files, and links to the folders. Those hang in a tree that looks like the real one from the root
/// on, so that links lead from them to where they should (`../../usr`).
const SET_UP: &str = r#"set -e
umask 022
resolv=$(cat /etc/resolv.conf 2>/dev/null) || resolv=
mount -n -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mount -n -t sysfs -o nosuid,nodev,noexec sysfs /sys
mkdir /run/etc
mount -n --rbind /etc /run/etc
mount -n -o remount,bind,ro /run/etc
mount -n -t tmpfs -o mode=755,nosuid,nodev tmpfs /etc
mkdir /etc/.host
ln -s /* /etc/.host
rm /etc/.host/etc
mkdir /etc/.host/etc
mount -n --move /run/etc /etc/.host/etc
rmdir /run/etc
(
  cd /etc
  ln -s .host/etc/* .
  rm -f netns resolv.conf debian_chroot
  set --
  for name in *; do
    if [ -f "$name" ] && [ -r "$name" ] && ! [ -L ".host/etc/$name" ]; then set -- "$@" "$name"; fi
  done
  if [ $# != 0 ]; then rm -- "$@"; cd .host/etc; COPY -- "$@" /etc; fi
)
echo sandbox > /etc/debian_chroot
"#;

/// The programs that all of it takes.
pub const TOOLS: [Tool; 10] = [
    Tool::Unshare,
    Tool::Sh,
    Tool::Ip,
    Tool::Mount,
    Tool::Cat,
    Tool::Cp,
    Tool::Ln,
    Tool::Mkdir,
    Tool::Rm,
    Tool::Rmdir,
];

/// The options of `unshare`.
pub fn options(as_user: bool) -> Vec<&'static str> {
    let user: &[&str] = if as_user { &["--user", "--map-root-user"] } else { &[] };
    let all = ["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc"];
    [user, &all].concat()
}

/// What the first process runs; `as_user`: not every user of the machine is known there.
pub fn set_up(as_user: bool, name_server: Option<&str>) -> String {
    // Owners that are not known there cannot be preserved.
    let script = SET_UP.replace("COPY", if as_user { "cp" } else { "cp -p" });
    let resolv = match name_server {
        None => "printf \"%s\\n\" \"$resolv\" > /etc/resolv.conf".to_owned(),
        Some(address) => format!("echo nameserver {address} > /etc/resolv.conf"),
    };
    format!("{script}{resolv}\nip link set dev lo up\n")
}

/// All of it, to be pasted.
pub fn whole(as_user: bool, name_server: Option<&str>, command: &[OsString]) -> String {
    let uplink = match name_server {
        None => String::new(),
        Some(_) => format!("# the uplink, from outside: {}\n", super::uplink::SHOWN),
    };
    // netns-tool itself ends the first process with a pipe, and not when `unshare` is hit by a Ctrl-\ of the terminal.
    format!(
        "{uplink}unshare {} --kill-child sh -c '{}exec \"$@\"\n' sandbox {}\n",
        options(as_user).join(" "),
        set_up(as_user || !rights::are_for_all_users(), name_server),
        quote_all(command)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_of_the_script_is_among_the_tools() {
        const OF_THE_SHELL: [&str; 15] = [
            "[", "cd", "do", "done", "echo", "fi", "for", "if", "printf", "set", "then", "umask",
            "(", ")", "resolv=",
        ];
        let script = set_up(true, None);
        for part in script.split(['\n', ';', '|', '&']).map(str::trim) {
            let command = ["resolv=$(", "then ", "do ", "if "]
                .iter()
                .fold(part, |part, lead| part.strip_prefix(lead).unwrap_or(part));
            let Some(word) = command.split(' ').next().filter(|word| !word.is_empty()) else {
                continue;
            };
            let is_tool = TOOLS.iter().any(|tool| tool.program() == word);
            assert!(is_tool || word == "!" || OF_THE_SHELL.contains(&word), "{word}: {part}");
        }
    }

    #[test]
    fn the_script_is_quoted_and_so_is_the_command() {
        for name_server in [None, Some("10.0.2.3")] {
            assert!(!set_up(true, name_server).contains('\''));
        }
        let script = whole(true, None, &["sh".into(), "-c".into(), "echo 'x'".into()]);
        assert!(script.starts_with(
            "unshare --user --map-root-user --net --mount --propagation private --pid --fork \
             --mount-proc --kill-child sh -c 'set -e\n"
        ));
        assert!(script.ends_with("exec \"$@\"\n' sandbox sh -c \"echo 'x'\"\n"), "{script}");
    }
}
