//! Runs a page: each command really, in the private host that the test is in, and compares what it prints.

use super::page::{Page, Part};
use super::scrub::scrub;
use snapbox::Data;
use snapbox::filter::NormalizeToExpected;
use snapbox::report::{Palette, write_diff};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testhost::Snapshot;

/// No command of a page takes so long.
const LIMIT: Duration = Duration::from_secs(60);
const BIN: &str = "/run/tmp/bin";
/// The folder that the commands are run in: a copy of docs/labs.
const LABS: &str = "/run/tmp/labs";
const OUTPUT: &str = "/run/tmp/output";

/// A command that only looks has so long to see what the page shows.
const PATIENCE: Duration = Duration::from_secs(20);

/// Without `sudo` a command has no rights but that of `ping`, so that a page cannot forget the word; and that of making a
/// user namespace for oneself, which is everybody's, but for uid 0 hangs on `CAP_SETFCAP` (`verify_root_map` of the kernel).
const ANYBODY: [&str; 3] = ["setpriv", "--bounding-set=-all,+net_raw,+setfcap", "--inh-caps=-all"];

/// The private host belongs to root already, and need not have the real one.
const SUDO: &str = "#!/bin/sh\nexec \"$@\"\n";

/// `<!-- setup: uplink -->`: this host gets an uplink eth0, and at its other end an internet that knows nothing of
/// private addresses. Its namespace has no name, so that no list shows it.
const UPLINK: &str = "#!/bin/sh -e
ip netns add faraway
ip link add name eth0 type veth peer name wan0 netns faraway
ip -n faraway link set dev lo up
ip -n faraway addr add 203.0.113.1/24 dev wan0
ip -n faraway link set dev wan0 up
[ ! -e /proc/sys/net/ipv6 ] || echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
ip addr add 203.0.113.2/24 dev eth0
ip link set dev eth0 up
until ip -br link show dev eth0 | grep -q ' UP '; do sleep 0.01; done
ip route add default via 203.0.113.1
ip netns exec faraway sleep infinity &
until ip netns pids faraway | grep -q .; do sleep 0.01; done
ip netns del faraway
";

/// What running a page has shown.
pub struct Outcome {
    /// Each with file and line.
    pub faults: Vec<String>,
    /// The page with what was really printed.
    pub text: String,
}

/// Runs the page, which has to leave the host as its first command found it.
pub fn run(page: &Page) -> Outcome {
    furnish();
    let mut session = Session { last: 0, before: None };
    let mut outcome = Outcome { faults: Vec::new(), text: String::new() };
    let mut replaced = Vec::new();
    let typed = typed(page);
    for (number, part) in page.parts.iter().enumerate() {
        match part {
            Part::Setup { line, script } => {
                let (status, said) = session.sh(script, true);
                if status != 0 {
                    outcome.fault(page, *line, &format!("the setup failed ({status}):\n{said}"));
                }
            }
            Part::Command { line, script, shown } => {
                session.begin();
                let expected = page.lines[shown.clone()].join("\n");
                let (status, found) = session.show(script, &expected);
                if found != trimmed(&expected) {
                    outcome.fault(page, *line, &difference(&expected, &found));
                }
                if status != 0 && found.is_empty() && !asks_for_status(page, number + 1) {
                    outcome.fault(page, *line, &format!("it failed ({status}) without a word"));
                }
                replaced.push((shown.clone(), rewritten(&found, &expected, &typed)));
            }
        }
    }
    if let Some(left) = session.before.and_then(|was| was.wait_equal().err()) {
        outcome.fault(page, page.lines.len(), &format!("the page does not clean up:\n{left}"));
    }
    let mut lines = page.lines.clone();
    for (shown, new) in replaced.into_iter().rev() {
        lines.splice(shown, new);
    }
    outcome.text = lines.join("\n") + "\n";
    outcome
}

impl Outcome {
    fn fault(&mut self, page: &Page, line: usize, what: &str) {
        self.faults.push(format!("{}:{line}: {what}", page.name));
    }
}

/// What lasts from one command to the next.
struct Session {
    /// The exit status of the last command, which is `$?` for the next.
    last: i32,
    /// The host as the first command found it.
    before: Option<Snapshot>,
}

impl Session {
    /// A setup before the first command belongs to the host that the page starts from.
    fn begin(&mut self) {
        self.before.get_or_insert_with(|| {
            testhost::warm_up();
            Snapshot::settled()
        });
    }

    /// Runs a command of the page; gives its exit status, and what it printed with the wildcards of what was
    /// expected. One that only looks is repeated until it sees that, as a reader does who types: the state of a link,
    /// or of a neighbour, follows up to some seconds behind.
    fn show(&mut self, script: &str, expected: &str) -> (i32, String) {
        let last = self.last;
        let start = Instant::now();
        loop {
            let (status, printed) = self.sh(script, script.contains("sudo "));
            let found = normalize(expected, &printed);
            let is_patient = only_looks(script) && start.elapsed() < PATIENCE;
            if !is_patient || found == trimmed(expected) {
                return (status, found);
            }
            self.last = last;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs the script, with root's rights or as anybody; gives its exit status, and what it printed to both streams
    /// in the order of printing. They are a file, because a background process that keeps a pipe open would keep us
    /// waiting.
    fn sh(&mut self, script: &str, as_root: bool) -> (i32, String) {
        let output = File::create(OUTPUT).expect("make a file for the output");
        let both = output.try_clone().expect("the same file for both streams");
        let mut command = Command::new(if as_root { "sh" } else { ANYBODY[0] });
        if !as_root {
            command.args(&ANYBODY[1..]).arg("sh");
        }
        let mut child = command
            .args(["-c", &format!("(exit {})\n{script}", self.last)])
            .env_clear()
            // The tool is found where it was built, which a private host in the private host does not cover, as it does /run.
            .env("PATH", format!("{BIN}:{}:/usr/sbin:/usr/bin:/sbin:/bin", built().display()))
            .env("LC_ALL", "C")
            .current_dir(LABS)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(both)
            .spawn()
            .expect("run sh");
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("wait for sh") {
                break status;
            }
            assert!(start.elapsed() < LIMIT, "`{script}` does not end");
            std::thread::sleep(Duration::from_millis(1));
        };
        self.last = status.code().unwrap_or(255);
        let printed = fs::read(OUTPUT).expect("read the output");
        (self.last, String::from_utf8_lossy(&printed).into_owned())
    }
}

/// The programs that a page may use besides the system's own, and the labs.
fn furnish() {
    fs::create_dir_all(LABS).expect("make a folder for labs");
    for (name, text) in super::labs::LABS {
        fs::write(format!("{LABS}/{name}"), text).expect("write a lab");
    }
    fs::create_dir_all(BIN).expect("make a folder for programs");
    for (name, text) in [("sudo", SUDO), ("uplink", UPLINK)] {
        let path = format!("{BIN}/{name}");
        fs::write(&path, text).expect("write a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    }
}

/// The folder of the tool.
fn built() -> PathBuf {
    testhost::binary("netns-tool").parent().expect("it is in a folder").to_owned()
}

/// It runs `ip`, `bridge` or `ss`, and changes nothing.
fn only_looks(script: &str) -> bool {
    let words: Vec<&str> = script.split_whitespace().skip_while(|word| *word == "sudo").collect();
    let changes = ["add", "del", "set", "exec", "replace", "flush", "&"];
    matches!(words.first(), Some(&("ip" | "bridge" | "ss")))
        && !words.iter().any(|word| changes.contains(word))
}

/// `$ echo $?` after a command that fails shows that the failure is meant.
fn asks_for_status(page: &Page, number: usize) -> bool {
    matches!(page.parts.get(number), Some(Part::Command { script, .. }) if script == "echo $?")
}

fn typed(page: &Page) -> String {
    let scripts = page.parts.iter().map(|part| match part {
        Part::Setup { script, .. } | Part::Command { script, .. } => script.as_str(),
    });
    scripts.collect::<Vec<_>>().join("\n")
}

/// Without blanks at the ends of lines (`ip -br` prints them) and at the end.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

/// What was printed, with the wildcards of what was expected in place of what they match.
fn normalize(expected: &str, printed: &str) -> String {
    // A machine that has much else to do takes more than a second to end a process that was killed.
    let printed = printed.replace("waiting for another netns-tool to end (--wait)\n", "");
    let expected = Data::text(trimmed(expected));
    let normal =
        NormalizeToExpected::new().redact().normalize(Data::text(trimmed(&printed)), &expected);
    trimmed(&normal.render().expect("text stays text"))
}

fn difference(expected: &str, found: &str) -> String {
    let mut text = "it prints something else than the page shows\n".to_owned();
    let (shown, printed) = (Data::text(trimmed(expected)), Data::text(found));
    write_diff(&mut text, &shown, &printed, Some(&"shown"), Some(&"printed"), Palette::plain())
        .expect("write to a string");
    text
}

/// The lines for the page: those that it has already stay, new ones lose what differs from run to run.
fn rewritten(found: &str, expected: &str, typed: &str) -> Vec<String> {
    let known: Vec<&str> = expected.lines().collect();
    let line = |line: &str| {
        if known.contains(&line) { line.to_owned() } else { scrub(line, typed) }
    };
    found.lines().map(line).collect()
}
