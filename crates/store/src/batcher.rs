//! Collects concurrent commands of one hot verb and hands them over as one slice.
//!
//! While one slice is under way the next gathers, so batches appear by themselves under load and a lone command does not wait.

use crate::Error;
use std::future::Future;
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
        Self { queue: self.queue.clone() }
    }
}

impl<C, O, E> Batcher<C, O, E>
where
    C: Clone + Send + 'static,
    O: Send + 'static,
    E: From<Error> + Send + 'static,
{
    /// Start one. `verb` takes up to `most` commands and answers each, in their order; when it fails for several, each is tried alone,
    /// so that a bad command fails by itself. Ends when the last door is dropped.
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
        self.queue.try_send(Waiting { command, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy { limit: WAITING },
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })?;
        result.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }
}

async fn serve<C, O, E, V, F>(most: usize, verb: V, mut commands: mpsc::Receiver<Waiting<C, O, E>>)
where
    C: Clone,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    let mut waiting = Vec::new();
    while commands.recv_many(&mut waiting, most).await > 0 {
        let batch = std::mem::take(&mut waiting);
        let slice: Vec<C> = batch.iter().map(|one| one.command.clone()).collect();
        match verb(slice).await {
            Ok(results) => answer(batch, results),
            Err(error) => after_failure(&verb, batch, error).await,
        }
    }
}

fn answer<C, O, E>(batch: Vec<Waiting<C, O, E>>, results: Vec<O>) {
    assert_eq!(results.len(), batch.len(), "a verb answers every command of its slice");
    for (one, result) in batch.into_iter().zip(results) {
        let _ = one.answer.send(Ok(result)); // whoever asked may have gone
    }
}

/// A single command fails with its error; several are tried one by one.
async fn after_failure<C, O, E, V, F>(verb: &V, mut batch: Vec<Waiting<C, O, E>>, error: E)
where
    C: Clone,
    V: Fn(Vec<C>) -> F,
    F: Future<Output = Result<Vec<O>, E>>,
{
    if batch.len() == 1 {
        let one = batch.remove(0);
        let _ = one.answer.send(Err(error));
        return;
    }
    for one in batch {
        let result = verb(vec![one.command]).await;
        let _ = one.answer.send(result.map(|mut results| results.remove(0)));
    }
}
