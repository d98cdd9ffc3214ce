//! Calls of back ends. Each runs on a thread of its own with a deadline, so that one that panics or
//! never returns stops no other.

use super::answer::{Answer, SignedAnswer};
use super::due::{DueRequest, Question};
use crate::Keys;
use crate::backend::SignOutcome;
use crate::table::request::StoredRequest;
use futures::future::join_all;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use types::SignatureRequestId;

/// Calls of a back end at the same time.
const CALLS_PER_BACKEND: usize = 16;
/// Calls of a back end one after the other: for fewer a further thread costs more than it saves.
const CALLS_PER_LANE: usize = 16;

/// The calls of all back ends.
pub(super) struct Calls {
    keys: Keys,
    slots: Mutex<HashMap<&'static str, Arc<Semaphore>>>,
    running: Arc<Running>,
}

/// A request, and what its back end is asked.
type Asked = (StoredRequest, Question);

/// The requests whose back end is being asked, also those whose deadline has passed.
type Running = Mutex<HashSet<SignatureRequestId>>;

impl Calls {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            keys,
            slots: Mutex::default(),
            running: Arc::default(),
        }
    }

    /// Ask the back ends of all requests that may be asked. Those of a back end are asked in order
    /// and, where there are many, on several threads.
    pub(super) async fn ask_all(&self, due: Vec<DueRequest>) -> Vec<(StoredRequest, Answer)> {
        let mut answers = Vec::with_capacity(due.len());
        let mut by_backend: BTreeMap<&str, Vec<Asked>> = BTreeMap::new();
        for DueRequest { row, question } in due {
            match question {
                Ok(question) => {
                    let asked = by_backend.entry(question.backend.name()).or_default();
                    asked.push((row, question));
                }
                Err(answer) => answers.push((row, answer)),
            }
        }
        let mut lanes = Vec::new();
        for (backend, asked) in by_backend {
            let slots = self.slots(backend);
            // No call of an earlier turn still runs unless its deadline has passed.
            if slots.available_permits() == 0 {
                let stuck = || Answer::Later("no earlier call of the back end returns".into());
                answers.extend(asked.into_iter().map(|(row, _)| (row, stuck())));
                continue;
            }
            let mut asked = asked.into_iter().peekable();
            while asked.peek().is_some() {
                let lane = asked.by_ref().take(CALLS_PER_LANE).collect();
                lanes.push(self.ask_in_order(lane, slots.clone()));
            }
        }
        answers.extend(join_all(lanes).await.into_iter().flatten());
        answers
    }

    /// Ask in order, for about one deadline. What is left then is asked in another turn, which does
    /// not repeat a call that has not returned.
    async fn ask_in_order(
        &self,
        lane: Vec<Asked>,
        slots: Arc<Semaphore>,
    ) -> Vec<(StoredRequest, Answer)> {
        let clock = self.keys.db().clock();
        let (start, mut answers) = (clock.monotonic_ms(), Vec::with_capacity(lane.len()));
        let mut is_late = false;
        for (row, question) in lane {
            let answer = if is_late {
                Answer::Later("another call of the back end takes long".into())
            } else {
                let answer = self.ask(&row, question, &slots).await;
                is_late = answer.is_none() || clock.monotonic_ms() > start + self.deadline_ms();
                answer.unwrap_or_else(|| self.not_returned())
            };
            answers.push((row, answer));
        }
        answers
    }

    /// Ask for one signature. `None` if the back end has not returned at the deadline.
    async fn ask(
        &self,
        row: &StoredRequest,
        question: Question,
        slots: &Arc<Semaphore>,
    ) -> Option<Answer> {
        let id = row.request.id;
        if lock(&self.running).contains(&id) {
            let why = "an earlier call of the back end has not returned";
            return Some(Answer::Later(why.into()));
        }
        let call = async {
            let slot = slots.clone().acquire_owned().await.ok()?;
            self.start(row, question, slot).await.ok()
        };
        let deadline = Duration::from_millis(self.deadline_ms());
        let answer = tokio::time::timeout(deadline, call).await.ok()?;
        let panicked = || Answer::Later("the call of the back end panicked".into());
        Some(answer.unwrap_or_else(panicked))
    }

    fn not_returned(&self) -> Answer {
        let millis = self.deadline_ms();
        Answer::Later(format!("the back end has not returned within {millis} ms"))
    }

    fn deadline_ms(&self) -> u64 {
        self.keys.settings().backend_deadline_ms
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
                Ok(signed) => Answer::Signed(Box::new(SignedAnswer {
                    job: question.job,
                    backend: question.backend.name(),
                    signed,
                })),
                Err(error) => Answer::Later(format!("its answer is wrong: {error}")),
            }
        }
        Ok(SignOutcome::Pending) => Answer::Later("the back end has not answered".to_owned()),
        Ok(SignOutcome::Refused(reason)) => Answer::Refused(reason),
        Err(error) => Answer::Later(error.to_string()),
    }
}
