//! Collects concurrent commands of one frequent verb and passes them on as one slice.
//!
//! While one slice runs the next one collects, so batches form under load and a single command does
//! not wait.

use crate::Error;
use crate::group::panic_message;
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tokio::sync::{mpsc, oneshot};

/// How many commands may wait before more are rejected.
const MAX_WAITING: usize = 20_000;

/// Accepts single commands for a verb that takes slices.
pub struct Batcher<C, O, E> {
    queue: mpsc::Sender<Waiting<C, O, E>>,
}

struct Waiting<C, O, E> {
    command: C,
    sender: oneshot::Sender<Result<O, E>>,
}

impl<C, O, E> Clone for Batcher<C, O, E> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<C, O, E> Batcher<C, O, E>
where
    C: Clone + Send + 'static,
    O: Send + 'static,
    E: From<Error> + Send + 'static,
{
    /// Start a batcher. `verb` takes up to `max_batch` commands and returns one result each, in
    /// their order. When it fails for several commands, each is retried alone, so that a bad
    /// command does not fail the others. Ends when the last clone is dropped.
    pub fn start<V, F>(max_batch: usize, verb: V) -> Self
    where
        V: Fn(Vec<C>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<O>, E>> + Send + 'static,
    {
        let (queue, commands) = mpsc::channel(MAX_WAITING);
        tokio::spawn(serve(max_batch, verb, commands));
        Self { queue }
    }

    /// Queue a command and wait for its result.
    pub async fn call(&self, command: C) -> Result<O, E> {
        let (sender, receiver) = oneshot::channel();
        self.queue
            .try_send(Waiting { command, sender })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::Busy { limit: MAX_WAITING },
                mpsc::error::TrySendError::Closed(_) => Error::Closed,
            })?;
        receiver.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }
}

async fn serve<C, O, E, V, F>(
    max_batch: usize,
    verb: V,
    mut commands: mpsc::Receiver<Waiting<C, O, E>>,
) where
    C: Clone,
    E: From<Error>,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    let mut waiting = Vec::new();
    while commands.recv_many(&mut waiting, max_batch.max(1)).await > 0 {
        gather(&mut commands, &mut waiting, max_batch).await;
        let batch = std::mem::take(&mut waiting);
        let slice: Vec<C> = batch.iter().map(|item| item.command.clone()).collect();
        match call_guarded(&verb, slice).await {
            Ok(results) => batch
                .into_iter()
                .zip(results)
                .for_each(|(item, result)| reply(item.sender, Ok(result))),
            Err(error) => after_failure(&verb, batch, error).await,
        }
    }
}

/// Let callers that just got a result queue their next command before the next slice starts: as
/// long as each yield adds commands, yield once more. A single command waits for one yield, some
/// microseconds.
async fn gather<C, O, E>(
    commands: &mut mpsc::Receiver<Waiting<C, O, E>>,
    waiting: &mut Vec<Waiting<C, O, E>>,
    max_batch: usize,
) {
    loop {
        let before = waiting.len();
        tokio::task::yield_now().await;
        while waiting.len() < max_batch
            && let Ok(item) = commands.try_recv()
        {
            waiting.push(item);
        }
        if waiting.len() == before || waiting.len() >= max_batch {
            return;
        }
    }
}

/// Send a result. The caller may be gone.
fn reply<O, E>(sender: oneshot::Sender<Result<O, E>>, result: Result<O, E>) {
    let _ = sender.send(result);
}

/// Call the verb. A panic, or another number of results than of commands, fails this slice without
/// ending the batcher.
async fn call_guarded<C, O, E, V, F>(verb: &V, slice: Vec<C>) -> Result<Vec<O>, E>
where
    E: From<Error>,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    let expected = slice.len();
    let outcome = AssertUnwindSafe(async { verb(slice).await })
        .catch_unwind()
        .await;
    let results = outcome.unwrap_or_else(|panic| {
        Err(Error::Assertion {
            what: panic_message(&*panic),
        }
        .into())
    })?;
    if results.len() == expected {
        return Ok(results);
    }
    let what = format!(
        "a verb returned {} results for {expected} commands",
        results.len()
    );
    Err(Error::Assertion { what }.into())
}

/// A single command fails with the error; several are retried one by one.
async fn after_failure<C, O, E, V, F>(verb: &V, mut batch: Vec<Waiting<C, O, E>>, error: E)
where
    E: From<Error>,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    if batch.len() == 1 {
        return reply(batch.remove(0).sender, Err(error));
    }
    for item in batch {
        let result = call_guarded(verb, vec![item.command]).await;
        reply(item.sender, result.map(|mut results| results.remove(0)));
    }
}
