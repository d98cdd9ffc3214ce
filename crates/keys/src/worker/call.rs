//! Calls of back ends. Each runs on a thread of its own with a deadline, so that one that panics or
//! never returns stops no other.

use super::answer::Answer;
use super::due::{DueRequest, Question};
use crate::Keys;
use crate::backend::SignOutcome;
use crate::table::request::StoredRequest;
use futures::future::join_all;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use types::SignatureRequestId;

/// Calls of a back end at the same time.
const CALLS_PER_BACKEND: usize = 16;

/// The calls of all back ends.
pub(super) struct Calls {
    deadline: Duration,
    slots: Mutex<HashMap<&'static str, Arc<Semaphore>>>,
    running: Arc<Running>,
}

/// The requests whose back end is being asked, also those whose deadline has passed.
type Running = Mutex<HashSet<SignatureRequestId>>;

impl Calls {
    pub(super) fn new(keys: &Keys) -> Self {
        Self {
            deadline: Duration::from_millis(keys.settings().backend_deadline_ms),
            slots: Mutex::default(),
            running: Arc::default(),
        }
    }

    /// Ask the back ends of all requests that may be asked. Returns at most one deadline later.
    pub(super) async fn ask_all(&self, due: Vec<DueRequest>) -> Vec<(StoredRequest, Answer)> {
        // No call of an earlier turn still runs unless its deadline has passed.
        let due = due.into_iter().map(|due| {
            let question = due.question.map(|question| {
                let slots = self.slots(question.backend.name());
                let is_stuck = slots.available_permits() == 0;
                (question, (!is_stuck).then_some(slots))
            });
            (due.row, question)
        });
        let due: Vec<_> = due.collect();
        let asked = due.into_iter().map(|(row, question)| async move {
            let answer = match question {
                Err(answer) => answer,
                Ok((_, None)) => Answer::Later("no earlier call of the back end returns".into()),
                Ok((question, Some(slots))) => self.ask(&row, question, slots).await,
            };
            (row, answer)
        });
        join_all(asked).await
    }

    async fn ask(&self, row: &StoredRequest, question: Question, slots: Arc<Semaphore>) -> Answer {
        let id = row.request.id;
        if lock(&self.running).contains(&id) {
            return Answer::Later("an earlier call of the back end has not returned".into());
        }
        let call = async {
            let slot = slots.acquire_owned().await.ok()?;
            self.start(row, question, slot).await.ok()
        };
        match tokio::time::timeout(self.deadline, call).await {
            Ok(Some(answer)) => answer,
            Ok(None) => Answer::Later("the call of the back end panicked".into()),
            Err(_) => {
                let seconds = self.deadline.as_secs_f64();
                Answer::Later(format!("the back end has not returned within {seconds} s"))
            }
        }
    }

    /// Start a call. Its thread belongs to no runtime, which would wait for it when it ends.
    fn start(
        &self,
        row: &StoredRequest,
        question: Question,
        slot: OwnedSemaphorePermit,
    ) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let (id, chain, backend) = (row.request.id, row.request.chain, question.backend.name());
        let span = tracing::info_span!("signature_request", %id, %chain, backend);
        lock(&self.running).insert(id);
        let call = RunningCall {
            running: self.running.clone(),
            id,
            _slot: slot,
        };
        std::thread::spawn(move || {
            let _call = call; // ends when the thread does, also by a panic
            let _span = span.entered();
            let _ = sender.send(ask(question));
        });
        receiver
    }

    fn slots(&self, backend: &'static str) -> Arc<Semaphore> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = slots.entry(backend);
        slots
            .or_insert_with(|| Arc::new(Semaphore::new(CALLS_PER_BACKEND)))
            .clone()
    }
}

/// A call that has not returned.
struct RunningCall {
    running: Arc<Running>,
    id: SignatureRequestId,
    _slot: OwnedSemaphorePermit,
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.id);
    }
}

fn lock(running: &Running) -> MutexGuard<'_, HashSet<SignatureRequestId>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ask the back end. Its signatures are verified: [`intent::assemble`] accepts only the signer's,
/// over exactly the verified bytes.
fn ask(question: Question) -> Answer {
    match question.backend.sign(&question.task) {
        Ok(SignOutcome::Signed(signatures)) => {
            match intent::assemble(&question.job.unsigned, &signatures) {
                Ok(signed) => Answer::Signed {
                    job: question.job,
                    backend: question.backend.name(),
                    signed,
                },
                Err(error) => Answer::Later(format!("its answer is wrong: {error}")),
            }
        }
        Ok(SignOutcome::Pending) => Answer::Later("the back end has not answered".to_owned()),
        Ok(SignOutcome::Refused(reason)) => Answer::Refused(reason),
        Err(error) => Answer::Later(error.to_string()),
    }
}
