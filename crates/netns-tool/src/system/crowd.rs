//! Several commands of the caller's side by side, in the foreground.

use super::foreground::{Foreground, code, send};
use anyhow::{Context, Result};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::process::Child;

/// Starts so many, of which some run at the same time, and waits for all; signals reach those that run. The exit code of
/// each.
///
/// # Errors
/// Those of `start`; what has been started by then goes on.
pub fn see_to_the_end(
    mut foreground: Foreground,
    count: usize,
    at_once: usize,
    mut start: impl FnMut(usize) -> Result<Child>,
) -> Result<Vec<u8>> {
    let mut codes = vec![0; count];
    let mut waiting = 0..count;
    let running: RefCell<Vec<(usize, Child)>> = RefCell::default();
    let look = || {
        let mut running = running.borrow_mut();
        bury(&mut running, &mut codes)?;
        while running.len() < at_once
            && let Some(index) = waiting.next()
        {
            running.push((index, start(index)?));
        }
        Ok(running.is_empty().then_some(()))
    };
    let pass_on = |signal| {
        for (_, child) in running.borrow().iter() {
            send(Pid::from_raw(child.id().cast_signed()), signal);
        }
    };
    foreground.wait(look, pass_on)?;
    Ok(codes)
}

/// Notes how those that have ended did.
fn bury(running: &mut Vec<(usize, Child)>, codes: &mut [u8]) -> Result<()> {
    let mut left = Vec::new();
    for (index, mut child) in running.drain(..) {
        match child.try_wait().context("cannot wait for a command")? {
            None => left.push((index, child)),
            Some(status) => codes[index] = code(status),
        }
    }
    *running = left;
    Ok(())
}
