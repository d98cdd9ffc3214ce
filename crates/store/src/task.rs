//! Carries a closure to the thread that runs it, and its result back.

use crate::group::Job;
use crate::tx::Core;
use crate::{Error, Result, UnscopedTx};
use tokio::sync::oneshot;

/// What a closure on a transaction returns: a `Result` whose error may be one of the store.
pub trait Outcome: Send + 'static {
    #[doc(hidden)]
    fn failed(error: Error) -> Self;
    #[doc(hidden)]
    fn is_failed(&self) -> bool;
}

impl<T, E> Outcome for std::result::Result<T, E>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    fn failed(error: Error) -> Self {
        Err(error.into())
    }

    fn is_failed(&self) -> bool {
        self.is_err()
    }
}

/// Wrap a closure as a job, with the receiver of its result.
pub(crate) fn task<R, F>(run: F) -> (Box<dyn Job>, oneshot::Receiver<R>)
where
    F: FnMut(&mut UnscopedTx) -> R + Send + 'static,
    R: Outcome,
{
    let (sender, receiver) = oneshot::channel();
    (
        Box::new(Task {
            run,
            result: None,
            sender,
        }),
        receiver,
    )
}

struct Task<R, F> {
    run: F,
    result: Option<R>,
    sender: oneshot::Sender<R>,
}

impl<R, F> Job for Task<R, F>
where
    F: FnMut(&mut UnscopedTx) -> R + Send,
    R: Outcome,
{
    fn run(&mut self, core: &mut Core<'_>) -> bool {
        self.result = None;
        let result = (self.run)(&mut UnscopedTx::new(core));
        let succeeded = !result.is_failed();
        self.result = Some(result);
        succeeded
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        let result = match (outcome, self.result) {
            // The closure's own error is more specific than the store's.
            (Err(error), Some(result)) if !result.is_failed() => R::failed(error),
            (_, Some(result)) => result,
            (Ok(()), None) => R::failed(Error::Closed),
            (Err(error), None) => R::failed(error),
        };
        // The caller may be gone; the transaction is committed all the same.
        let _ = self.sender.send(result);
    }
}

/// Wait for the result of a queued job.
pub(crate) async fn await_result<R: Outcome>(
    queued: Result<()>,
    result: oneshot::Receiver<R>,
) -> R {
    match queued {
        Ok(()) => result.await.unwrap_or_else(|_| R::failed(Error::Closed)),
        Err(error) => R::failed(error),
    }
}
