//! A closure on its way to a thread that runs it, and its answer on the way back.

use crate::group::Job;
use crate::tx::Core;
use crate::{Error, Result, Unbound};
use tokio::sync::oneshot;

/// A closure as a job, and where its answer will come.
pub(crate) fn task<T, E, F>(run: F) -> (Box<dyn Job>, oneshot::Receiver<std::result::Result<T, E>>)
where
    F: FnMut(&mut Unbound<'_, '_>) -> std::result::Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (send, answer) = oneshot::channel();
    (
        Box::new(Task {
            run,
            result: None,
            send,
        }),
        answer,
    )
}

struct Task<T, E, F> {
    run: F,
    result: Option<std::result::Result<T, E>>,
    send: oneshot::Sender<std::result::Result<T, E>>,
}

impl<T, E, F> Job for Task<T, E, F>
where
    F: FnMut(&mut Unbound<'_, '_>) -> std::result::Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, core: &mut Core<'_>) -> bool {
        self.result = None;
        let result = (self.run)(&mut Unbound::new(core));
        let kept = result.is_ok();
        self.result = Some(result);
        kept
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        let result = match (outcome, self.result) {
            // A closure's own refusal says more than the store can.
            (_, Some(Err(error))) => Err(error),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(Error::Closed.into()),
            (Err(error), _) => Err(error.into()),
        };
        // Whoever asked may have gone; the transaction counts all the same.
        let _ = self.send.send(result);
    }
}

/// The answer, once there is one.
pub(crate) async fn await_answer<T, E: From<Error>>(
    pushed: Result<()>,
    answer: oneshot::Receiver<std::result::Result<T, E>>,
) -> std::result::Result<T, E> {
    pushed?;
    answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
}
