//! Carries a closure to the thread that runs it, and its result back.

use crate::group::Job;
use crate::tx::Core;
use crate::{Error, Result, UnscopedTx};
use tokio::sync::oneshot;

/// What a closure on a transaction returns: a `Result` whose error may be one of the store.
pub trait TxResult: Send + 'static {
    #[doc(hidden)]
    fn failed(error: Error) -> Self;
    #[doc(hidden)]
    fn is_failed(&self) -> bool;
}

impl<T, E> TxResult for std::result::Result<T, E>
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
pub(crate) fn as_job<R, F>(run: F) -> (Box<dyn Job>, oneshot::Receiver<R>)
where
    F: FnMut(&mut UnscopedTx) -> R + Send + 'static,
    R: TxResult,
{
    let (sender, receiver) = oneshot::channel();
    (
        Box::new(QueuedClosure {
            run,
            result: None,
            sender,
        }),
        receiver,
    )
}

struct QueuedClosure<R, F> {
    run: F,
    result: Option<R>,
    sender: oneshot::Sender<R>,
}

impl<R, F> Job for QueuedClosure<R, F>
where
    F: FnMut(&mut UnscopedTx) -> R + Send,
    R: TxResult,
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
            (Err(error), Some(result)) if !result.is_failed() => R::failed(error),
            // The closure's own error is more specific than the store's.
            (_, Some(result)) => result,
            (Ok(()), None) => R::failed(Error::Closed),
            (Err(error), None) => R::failed(error),
        };
        // The caller may be gone; the transaction is committed all the same.
        let _ = self.sender.send(result);
    }
}

/// Wait for the result of a queued job.
pub(crate) async fn await_result<R: TxResult>(
    queued: Result<()>,
    result: oneshot::Receiver<R>,
) -> R {
    match queued {
        Ok(()) => result.await.unwrap_or_else(|_| R::failed(Error::Closed)),
        Err(error) => R::failed(error),
    }
}
