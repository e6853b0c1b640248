//! The virtual machine: QEMU without a network, and what it says on its serial console.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::report;
use crate::{process, say};

/// Lines of the console that are shown when something has gone wrong.
const TAIL: usize = 40;

#[derive(Default)]
pub struct Console {
    pub lines: Vec<String>,
    /// The machine was still running when its time was over.
    pub hung: Option<Duration>,
}

impl Console {
    pub fn tail(&self) -> String {
        let skipped = self.lines.len().saturating_sub(TAIL);
        let mut tail = format!("The end of the console ({skipped} lines before it):\n");
        for line in &self.lines[skipped..] {
            tail.push_str(&format!("  | {line}\n"));
        }
        tail
    }
}

/// Boots and listens until the machine has powered itself off, or its time is over.
pub fn boot(kernel: &Path, initramfs: &Path, limit: Duration) -> Result<Console> {
    let mut qemu = qemu(kernel, initramfs);
    say::command(&process::show(&qemu));
    let child = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = Guard(child.context("cannot start QEMU")?);
    let stdout = child.0.stdout.take().context("no output of QEMU")?;
    let console = listen(&lines(stdout), Instant::now() + limit);
    Ok(Console { hung: console.hung.then_some(limit), lines: console.lines })
}

fn qemu(kernel: &Path, initramfs: &Path) -> Command {
    // If xtask is killed, the machine goes with it.
    let mut qemu = process::system("setpriv");
    qemu.args(["--pdeathsig", "KILL", "qemu-system-x86_64"]);
    // Emulated, because virtualization is not there everywhere. Nothing but processor, memory and one serial line.
    qemu.args(["-accel", "tcg", "-cpu", "max", "-m", "512"]);
    qemu.args(["-no-user-config", "-nodefaults", "-nic", "none"]);
    qemu.args(["-display", "none", "-serial", "stdio", "-no-reboot"]);
    // A panic reboots at once, which `-no-reboot` turns into an end.
    qemu.args(["-append", "console=ttyS0 quiet loglevel=1 panic=-1", "-kernel"]);
    qemu.arg(kernel).arg("-initrd").arg(initramfs).env("PATH", process::SYSTEM_PATH);
    qemu
}

/// Ends the machine, however we leave.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines as they come, without what could disturb a terminal.
fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            if send.send(text.chars().filter(|c| !c.is_control()).collect()).is_err() {
                return;
            }
            line.clear();
        }
    });
    receive
}

struct Heard {
    lines: Vec<String>,
    hung: bool,
}

fn listen(lines: &Receiver<String>, deadline: Instant) -> Heard {
    let mut heard = Heard { lines: vec![], hung: false };
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if report::is_result(&line) {
                    say::plain(&line);
                }
                heard.lines.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => return heard,
            Err(RecvTimeoutError::Timeout) => {
                heard.hung = true;
                return heard;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_control_characters() {
        let heard = lines(&b"ok a\r\n\x1b[2Jboot\n"[..]);
        assert_eq!(heard.recv().unwrap(), "ok a");
        assert_eq!(heard.recv().unwrap(), "[2Jboot");
        assert!(heard.recv().is_err());
    }

    #[test]
    fn a_machine_that_says_nothing_is_not_waited_for() {
        let (send, receive) = mpsc::channel();
        send.send("booting".to_owned()).unwrap();
        let heard = listen(&receive, Instant::now() + Duration::from_millis(20));
        assert!(heard.hung);
        assert_eq!(heard.lines, ["booting"]);
        drop(send);
        assert!(!listen(&receive, Instant::now() + Duration::from_secs(20)).hung);
    }
}
