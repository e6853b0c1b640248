//! The first process of a private host: it starts the command, buries the dead, and ends with netns-tool.

use super::{GO, script, why_not};
use crate::cli::InitArgs;
use crate::failure::failed;
use crate::run::Settings;
use crate::session::cannot_run;
use crate::system::foreground::{code, send};
use crate::system::pipe::adopt;
use crate::system::{child, ourselves, rights};
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, getpid};
use signal_hook::consts::SIGCHLD;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitCode};

/// Sets the private host up, and runs the command to its end. With this process all the others go.
///
/// # Errors
/// It cannot be set up.
pub fn init(args: &InitArgs, settings: Settings) -> Result<ExitCode> {
    let [mut control, mut report] = adopt([args.control, args.report])?;
    if getpid() != Pid::from_raw(1) {
        return Err(failed("this is not the first process of a private host").into());
    }
    let (bell, ringer) = UnixStream::pair().context("cannot make a socket")?;
    bell.set_nonblocking(true).context("cannot set up a socket")?;
    signal_hook::low_level::pipe::register(SIGCHLD, ringer).context("cannot handle SIGCHLD")?;
    report.write_all(b"!").context("netns-tool is gone")?;
    set_up(args, settings)?;
    let Some(GO) = next(&mut control) else { return Ok(ExitCode::FAILURE) };
    let Some((program, words)) = args.command.split_first() else { return Ok(ExitCode::FAILURE) };
    let mut command = if args.ourselves { ourselves::command() } else { child::of_caller(program) };
    match command.args(words).spawn() {
        Ok(child) => {
            // The command has no exit code then: it ends with us.
            let Some(code) = serve(child, &mut control, &bell)? else {
                return Ok(ExitCode::FAILURE);
            };
            // If netns-tool is gone, nobody wants to know.
            let _ = report.write_all(&[code]);
            Ok(ExitCode::from(code))
        }
        Err(error) => {
            let code = cannot_run(program, &error);
            let _ = report.write_all(&[code]);
            Ok(ExitCode::from(code))
        }
    }
}

fn set_up(args: &InitArgs, settings: Settings) -> Result<()> {
    let script = script::set_up(!rights::are_for_all_users(), args.name_server.as_deref());
    let output = child::run_script(&script, settings.limit)?;
    if output.is_success() {
        return Ok(());
    }
    Err(why_not::no_set_up(&output.reason(settings.limit)).into())
}

/// The next byte from netns-tool; `None`: it is gone.
fn next(control: &mut File) -> Option<u8> {
    let mut byte = [0];
    matches!(control.read(&mut byte), Ok(1)).then_some(byte[0])
}

/// Passes signals on until the command ends, with this exit code; `None`: netns-tool is gone, or has all end.
fn serve(mut command: Child, control: &mut File, bell: &UnixStream) -> Result<Option<u8>> {
    let pid = Pid::from_raw(command.id().cast_signed());
    loop {
        let mut ends =
            [control.as_fd(), bell.as_fd()].map(|end| PollFd::new(end, PollFlags::POLLIN));
        match poll(&mut ends, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for events"),
        }
        let is_word = ends[0].any().unwrap_or(false);
        let _ = (&*bell).read(&mut [0; 64]);
        if let Some(status) = command.try_wait().context("cannot wait for the command")? {
            return Ok(Some(code(status)));
        }
        bury(pid);
        if is_word {
            let Some(signal) = next(control) else { return Ok(None) };
            send(pid, i32::from(signal));
        }
    }
}

/// Waits for the processes whose parents are gone, but not for the command.
fn bury(command: Pid) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(status) = waitid(Id::All, peek) {
        match status.pid() {
            Some(pid) if pid != command => drop(waitpid(pid, None)),
            _ => return,
        }
    }
}
