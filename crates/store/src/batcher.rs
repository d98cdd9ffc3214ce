//! Collects concurrent commands of one hot verb and hands them over as one slice.
//!
//! While one slice is under way the next gathers, so batches appear by themselves under load and a
//! lone command does not wait.

use crate::Error;
use crate::group::words_of;
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait before more are refused.
const WAITING: usize = 20_000;

/// A door for single commands in front of a verb that takes slices.
pub struct Batcher<C, O, E> {
    queue: mpsc::Sender<Waiting<C, O, E>>,
}

struct Waiting<C, O, E> {
    command: C,
    answer: oneshot::Sender<Result<O, E>>,
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
    /// Start one. `verb` takes up to `most` commands and answers each, in their order; when it
    /// fails for several, each is tried alone, so that a bad command fails by itself. Ends when
    /// the last door is dropped.
    pub fn start<V, F>(most: usize, verb: V) -> Self
    where
        V: Fn(Vec<C>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Vec<O>, E>> + Send + 'static,
    {
        let (queue, commands) = mpsc::channel(WAITING);
        tokio::spawn(serve(most, verb, commands));
        Self { queue }
    }

    /// Give a command and wait for its answer.
    pub async fn call(&self, command: C) -> Result<O, E> {
        let (answer, result) = oneshot::channel();
        self.queue
            .try_send(Waiting { command, answer })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Error::Busy { limit: WAITING },
                mpsc::error::TrySendError::Closed(_) => Error::Closed,
            })?;
        result.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }
}

async fn serve<C, O, E, V, F>(most: usize, verb: V, mut commands: mpsc::Receiver<Waiting<C, O, E>>)
where
    C: Clone,
    E: From<Error>,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    let mut waiting = Vec::new();
    while commands.recv_many(&mut waiting, most.max(1)).await > 0 {
        gather(&mut commands, &mut waiting, most).await;
        let batch = std::mem::take(&mut waiting);
        let slice: Vec<C> = batch.iter().map(|one| one.command.clone()).collect();
        match guarded(&verb, slice).await {
            Ok(results) => batch
                .into_iter()
                .zip(results)
                .for_each(|(one, result)| tell(one.answer, Ok(result))),
            Err(error) => after_failure(&verb, batch, error).await,
        }
    }
}

/// Let those who were just answered ask again before the next slice goes: as long as each pause
/// brings more, it is worth one more. A lone command waits for one pause, some microseconds.
async fn gather<C, O, E>(
    commands: &mut mpsc::Receiver<Waiting<C, O, E>>,
    waiting: &mut Vec<Waiting<C, O, E>>,
    most: usize,
) {
    loop {
        let before = waiting.len();
        tokio::task::yield_now().await;
        while waiting.len() < most
            && let Ok(one) = commands.try_recv()
        {
            waiting.push(one);
        }
        if waiting.len() == before || waiting.len() >= most {
            return;
        }
    }
}

/// Whoever asked may have gone.
fn tell<O, E>(to: oneshot::Sender<Result<O, E>>, answer: Result<O, E>) {
    let _ = to.send(answer);
}

/// Call the verb. A panic, or another number of answers than of commands, is an error of this slice
/// and not the end of the door.
async fn guarded<C, O, E, V, F>(verb: &V, slice: Vec<C>) -> Result<Vec<O>, E>
where
    E: From<Error>,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    let asked = slice.len();
    let answered = AssertUnwindSafe(async { verb(slice).await })
        .catch_unwind()
        .await;
    let results = answered.unwrap_or_else(|panic| {
        Err(Error::Assertion {
            what: words_of(&*panic),
        }
        .into())
    })?;
    if results.len() == asked {
        return Ok(results);
    }
    let what = format!("a verb answered {} of {asked} commands", results.len());
    Err(Error::Assertion { what }.into())
}

/// A single command fails with its error; several are tried one by one.
async fn after_failure<C, O, E, V, F>(verb: &V, mut batch: Vec<Waiting<C, O, E>>, error: E)
where
    E: From<Error>,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    if batch.len() == 1 {
        return tell(batch.remove(0).answer, Err(error));
    }
    for one in batch {
        let result = guarded(verb, vec![one.command]).await;
        tell(one.answer, result.map(|mut results| results.remove(0)));
    }
}
