//! Threads inside network namespaces: a thread can be in another than the rest of its process.

use crate::failure::{failed, in_words, missing};
use crate::name::NamespaceName;
use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

/// How many threads go through many namespaces: while one waits for the end of its process, the others keep two processors busy.
const WORKERS: usize = 3;

/// Runs `read` on a thread of its own inside the namespace, so that the rest of the process stays where it is.
///
/// # Errors
/// The namespace is not there, is broken, may not be entered, or `read` fails.
pub fn inside<T: Send>(name: &NamespaceName, read: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let reader = Builder::new().spawn_scoped(scope, move || {
            enter(name)?;
            read()
        });
        let reader = reader.context("cannot start a thread to look into a namespace")?;
        reader.join().unwrap_or_else(|_| Err(failed("a reader of the kernel panicked").into()))
    })
}

/// Does each job inside its namespace, on a few threads that go from one to the next, and `meanwhile` on this one. Gives
/// what each job gave, in their order; an error where its namespace could not be entered.
pub fn each_inside<J: Sync, T: Send, M>(
    jobs: &[(&NamespaceName, J)],
    work: impl Fn(&J) -> Result<T> + Sync,
    meanwhile: impl FnOnce() -> M,
) -> (Vec<Result<T>>, M) {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<T>>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let go_through = || {
        while let Some((index, (name, job))) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(index).map(|job| (index, job))
        } {
            let result = enter(name).and_then(|()| work(job));
            // Nobody panics while holding it.
            if let Ok(mut results) = results.lock() {
                results[index] = Some(result);
            }
        }
    };
    let (met, refusal) = thread::scope(|scope| {
        let workers = 0..WORKERS.min(jobs.len());
        let started = workers.map(|_| Builder::new().spawn_scoped(scope, go_through));
        // Where one cannot be started, the other does it all.
        let (workers, refused): (Vec<_>, Vec<_>) = started.partition(Result::is_ok);
        let met = meanwhile();
        // A panic shows in the result that is missing.
        workers.into_iter().flatten().for_each(|worker| drop(worker.join()));
        (met, refused.into_iter().find_map(Result::err))
    });
    let why = refusal.map(|error| format!(": {}", in_words(&error))).unwrap_or_default();
    let not_done = || {
        Err(failed(format!("no thread could be started to work inside a namespace{why}")).into())
    };
    let results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    (results.into_iter().map(|result| result.unwrap_or_else(not_done)).collect(), met)
}

/// Takes the calling thread into the namespace, for good.
fn enter(name: &NamespaceName) -> Result<()> {
    let path = name.path();
    let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    setns(&file, CloneFlags::CLONE_NEWNET).map_err(|error| {
        let what = format!("cannot enter network namespace `{name}`: {}", error.desc());
        match error {
            // It was one a moment ago: another tool is making or deleting it.
            Errno::EINVAL => failed(what).hint("the same command again").into(),
            _ => missing(what).hint("run it as root (sudo); it needs CAP_SYS_ADMIN").into(),
        }
    })
}
