//! A small pool of evaluation threads with large stacks, so that Rego neither blocks the runtime
//! nor overflows a stack.

use crate::{Error, Result};
use futures::future::try_join_all;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

const ITEMS_PER_JOB: usize = 32;

/// Stack size of a thread. The evaluator recurses a few calls for each nested rule, loop, term and
/// comprehension, up to a depth that fits in a debug build. Memory is committed only as the stack
/// grows.
const STACK_BYTES: usize = 32 * 1024 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// The pool. Its threads end when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct EvaluationPool(Sender<Job>);

impl EvaluationPool {
    /// Start the threads.
    pub(crate) fn start(count: usize) -> Self {
        let (sender, receiver) = channel();
        let jobs = Arc::new(Mutex::new(receiver));
        for _ in 0..count.max(1) {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new()
                .name("policy".to_owned())
                .stack_size(STACK_BYTES);
            thread
                .spawn(move || run_jobs(&jobs))
                .expect("a process that cannot start a thread cannot serve");
        }
        Self(sender)
    }

    /// Apply a slow function to each item, in chunks; the results keep the order of the items.
    pub(crate) async fn map<T, U, F>(&self, items: Vec<T>, f: F) -> Result<Vec<U>>
    where
        T: Send + 'static,
        U: Send + 'static,
        F: Fn(T) -> U + Clone + Send + 'static,
    {
        let mut chunks = Vec::new();
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let (chunk, f) = (items.by_ref().take(ITEMS_PER_JOB), f.clone());
            let chunk: Vec<T> = chunk.collect();
            chunks.push(self.run(move || chunk.into_iter().map(f).collect::<Vec<U>>()));
        }
        Ok(try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    /// Run a slow function on a thread of the pool.
    pub(crate) async fn run<U>(&self, f: impl FnOnce() -> U + Send + 'static) -> Result<U>
    where
        U: Send + 'static,
    {
        let (send, done) = oneshot::channel();
        let job = move || {
            let _ = send.send(f()); // the caller may have been cancelled
        };
        let panicked = || Error::Internal {
            why: "an evaluation thread panicked".to_owned(),
        };
        self.0.send(Box::new(job)).map_err(|_| panicked())?;
        done.await.map_err(|_| panicked())
    }
}

fn run_jobs(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        match job {
            // A panicking job drops its sender, which fails the waiting caller; the thread
            // continues.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_keep_their_order_and_a_panic_fails_only_its_job() {
        let pool = EvaluationPool::start(3);
        let squares = pool
            .map((0..1_000u64).collect(), |n| n * n)
            .await
            .expect("no job panics");
        assert_eq!(squares, (0..1_000u64).map(|n| n * n).collect::<Vec<_>>());
        for _ in 0..5 {
            let failed = pool.map(vec![0], |n| assert!(n > 0, "on purpose")).await;
            assert!(matches!(failed, Err(Error::Internal { .. })));
        }
        assert_eq!(pool.map(vec![1], |n| n + 1).await, Ok(vec![2]));
    }
}
