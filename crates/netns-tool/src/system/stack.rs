//! Room on the stack.

use std::panic::resume_unwind;
use std::thread::{self, Builder};

/// In bytes.
const SIZE: usize = 4 << 20;

/// Does the work on a stack of its own: that of the caller (`ulimit -s`) may be too small for so many subcommands, and
/// his limits are left alone until it is known whether a command of his is to have them.
pub fn with_room<T: Send>(work: impl Fn() -> T + Sync) -> T {
    thread::scope(|scope| match Builder::new().stack_size(SIZE).spawn_scoped(scope, &work) {
        Ok(worker) => worker.join().unwrap_or_else(|panic| resume_unwind(panic)),
        // There may be no more threads for him either.
        Err(_) => work(),
    })
}
