//! Threads that evaluate: a few, with stacks that hold the deepest document, so that Rego neither
//! blocks the runtime nor ends the process.

use crate::{Error, Result};
use futures::future::try_join_all;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// Items that one thread takes at a time.
const SHARE: usize = 32;

/// Regorus nests a few calls for each rule, loop and comprehension that is nested; the deepest
/// document that compiles takes less than 4 MiB of it in a debug build. Memory is used only as far
/// as a stack grows.
const STACK: usize = 32 * 1024 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when the last clone is gone.
#[derive(Clone)]
pub(crate) struct Threads(Sender<Job>);

impl Threads {
    /// Start so many.
    pub(crate) fn start(count: usize) -> Self {
        let (sender, receiver) = channel();
        let jobs = Arc::new(Mutex::new(receiver));
        for _ in 0..count.max(1) {
            let jobs = jobs.clone();
            let thread = std::thread::Builder::new()
                .name("policy".to_owned())
                .stack_size(STACK);
            thread
                .spawn(move || work(&jobs))
                .expect("a process that cannot start a thread cannot serve");
        }
        Self(sender)
    }

    /// Do something slow with each item, in shares; what comes out stands in the order of the
    /// items.
    pub(crate) async fn each<T, U, F>(&self, items: Vec<T>, act: F) -> Result<Vec<U>>
    where
        T: Send + 'static,
        U: Send + 'static,
        F: Fn(T) -> U + Clone + Send + 'static,
    {
        let mut shares = Vec::new();
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            shares.push(self.share(items.by_ref().take(SHARE).collect(), act.clone()));
        }
        Ok(try_join_all(shares).await?.into_iter().flatten().collect())
    }

    async fn share<T, U, F>(&self, items: Vec<T>, act: F) -> Result<Vec<U>>
    where
        T: Send + 'static,
        U: Send + 'static,
        F: Fn(T) -> U + Send + 'static,
    {
        let (send, done) = oneshot::channel();
        let job = move || {
            let _ = send.send(items.into_iter().map(act).collect()); // whoever asked may have gone
        };
        let stopped = || Error::Stopped {
            why: "a thread broke off".to_owned(),
        };
        self.0.send(Box::new(job)).map_err(|_| stopped())?;
        done.await.map_err(|_| stopped())
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        match job {
            // A job that panics drops its sender, and who waits for it is told; the thread goes on.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(job))),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_out_stands_in_order_and_a_panic_ends_only_itself() {
        let threads = Threads::start(3);
        let squares = threads
            .each((0..1_000u64).collect(), |n| n * n)
            .await
            .expect("nobody panics");
        assert_eq!(squares, (0..1_000u64).map(|n| n * n).collect::<Vec<_>>());
        for _ in 0..5 {
            let broken = threads
                .each(vec![0], |n| assert!(n > 0, "on purpose"))
                .await;
            assert!(matches!(broken, Err(Error::Stopped { .. })));
        }
        assert_eq!(threads.each(vec![1], |n| n + 1).await, Ok(vec![2]));
    }
}
