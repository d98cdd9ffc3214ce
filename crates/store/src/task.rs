//! Carries a closure to the thread that runs it, and its result back.

use crate::group::Job;
use crate::tx::Core;
use crate::{Error, Result, UnscopedTx};
use tokio::sync::oneshot;

/// Wrap a closure as a job, with the receiver of its result.
pub(crate) fn task<T, E, F>(run: F) -> (Box<dyn Job>, oneshot::Receiver<std::result::Result<T, E>>)
where
    F: FnMut(&mut UnscopedTx) -> std::result::Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
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

struct Task<T, E, F> {
    run: F,
    result: Option<std::result::Result<T, E>>,
    sender: oneshot::Sender<std::result::Result<T, E>>,
}

impl<T, E, F> Job for Task<T, E, F>
where
    F: FnMut(&mut UnscopedTx) -> std::result::Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, core: &mut Core<'_>) -> bool {
        self.result = None;
        let result = (self.run)(&mut UnscopedTx::new(core));
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        let result = match (outcome, self.result) {
            // The closure's own error is more specific than the store's.
            (_, Some(Err(error))) => Err(error),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(Error::Closed.into()),
            (Err(error), _) => Err(error.into()),
        };
        // The caller may be gone; the transaction is committed all the same.
        let _ = self.sender.send(result);
    }
}

/// Wait for the result of a queued job.
pub(crate) async fn await_result<T, E: From<Error>>(
    queued: Result<()>,
    result: oneshot::Receiver<std::result::Result<T, E>>,
) -> std::result::Result<T, E> {
    queued?;
    result.await.unwrap_or_else(|_| Err(Error::Closed.into()))
}
