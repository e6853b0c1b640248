//! A shell in a terminal, at which somebody types.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a shell may take for an answer. It takes a hundredth; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    name: String,
}

impl Terminal {
    /// Starts the shell, which is found in `path`, and types the lines of its set-up.
    #[expect(clippy::disallowed_methods, reason = "a shell in a terminal")]
    pub fn start(shell: &str, path: &str, set_up: &str) -> Self {
        let mut command = Command::new("script");
        command.args(["-q", "-c", shell, "/dev/null"]).env("PATH", path).current_dir("/run/tmp");
        command.env("TERM", "vt100").env("HOME", "/run/tmp").env("SHELL", "/bin/sh");
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("start `script` (package bsdutils)");
        let keys = child.stdin.take().expect("a pipe");
        let mut stdout = child.stdout.take().expect("a pipe");
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let name = shell.split(' ').next().unwrap_or_default().to_owned();
        let mut terminal = Self { child, keys, screen, name };
        for line in set_up.lines().map(str::trim) {
            terminal.enter(line);
        }
        terminal
    }

    /// The words of the line after it was begun like that and Tab was pressed. The last is `END`, or ends so where the
    /// shell has put no space behind.
    pub fn completed(&mut self, begin: &str) -> Vec<String> {
        self.press(&format!("{begin}\tEND\u{1}printf \"<%s>\" \r"));
        let screen = self.until(|screen| word(screen, "END>").is_some());
        let end = word(&screen, "END>").unwrap_or_default();
        let words = screen[..end].rsplit("<netns-tool>").next().unwrap_or_default();
        words
            .trim_end_matches('>')
            .split("><")
            .map(|w| w.trim_start_matches('<').to_owned())
            .collect()
    }

    /// What is to be seen when Tab was pressed twice.
    pub fn seen(&mut self, begin: &str) -> String {
        self.press(&format!("{begin}\t\t"));
        // What is typed now is read when the shell is done with that.
        thread::sleep(Duration::from_millis(500));
        self.press("\u{15}");
        self.enter("")
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("type");
        self.keys.flush().expect("type");
    }

    /// Enters a line, and gives all that is to be seen until it is done.
    fn enter(&mut self, line: &str) -> String {
        let semicolon = if line.is_empty() { "" } else { "; " };
        self.press(&format!("{line}{semicolon}printf '<%s>' ready\r"));
        self.until(|screen| screen.contains("<ready>"))
    }

    fn until(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut screen = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&screen).into_owned();
            if is_it(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(more) => screen.extend(more),
                Err(error) => panic!("{}: {error}, after {text:?}", self.name),
            }
        }
    }
}

/// Where the words end that `printf` wrote.
fn word(screen: &str, end: &str) -> Option<usize> {
    let begin = screen.find("<netns-tool>")?;
    screen[begin..].find(end).map(|end_at| begin + end_at + end.len())
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
