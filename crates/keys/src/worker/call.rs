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
use tokio::time::timeout;
use types::{Namespace, SignatureRequestId};

/// Calls of a back end at the same time.
const CALLS_PER_BACKEND: usize = 16;
/// Those of them that one namespace may make, so that calls of it that hang do not stop others.
const CALLS_PER_NAMESPACE: usize = 4;
/// Calls of a back end one after the other: for fewer a further thread costs more than it saves.
const CALLS_PER_LANE: usize = 16;

/// A back end, and the namespace if the slots are those of one.
type SlotOwner = (&'static str, Option<Namespace>);

/// The calls of all back ends.
pub(super) struct Calls {
    keys: Keys,
    slots: Mutex<HashMap<SlotOwner, Arc<Semaphore>>>,
    running: Arc<Running>,
}

/// The slots for calls of a back end: of one namespace, and of all.
#[derive(Clone)]
struct Slots {
    backend: &'static str,
    namespace: Namespace,
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

/// A slot of the namespace, and one of the back end.
type Slot = [OwnedSemaphorePermit; 2];

impl Slots {
    async fn acquire(&self) -> Option<Slot> {
        let own = self.own.clone().acquire_owned().await.ok()?;
        Some([own, self.all.clone().acquire_owned().await.ok()?])
    }

    /// Warn if no call is possible any more until one returns.
    fn report_exhausted(&self) {
        let Self {
            backend, namespace, ..
        } = self;
        if self.own.available_permits() == 0 || self.all.available_permits() == 0 {
            tracing::warn!(event = "backend.slots_exhausted", backend, %namespace, "a back end is not asked until an earlier call of it returns");
        }
    }
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

    /// Ask the back ends of all requests of a namespace that may be asked. Those of a back end are
    /// asked in order and, where there are many, on several threads.
    pub(super) async fn ask_all(
        &self,
        namespace: Namespace,
        due: Vec<DueRequest>,
    ) -> Vec<(StoredRequest, Answer)> {
        let mut answers = Vec::with_capacity(due.len());
        let mut by_backend: BTreeMap<&'static str, Vec<Asked>> = BTreeMap::new();
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
            let slots = self.slots(backend, namespace);
            // No call of an earlier turn still runs unless its deadline has passed.
            if slots.own.available_permits() == 0 {
                let stuck = || Answer::NotAsked("no earlier call of the back end returns".into());
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
    async fn ask_in_order(&self, lane: Vec<Asked>, slots: Slots) -> Vec<(StoredRequest, Answer)> {
        let clock = self.keys.db().clock();
        let (start, mut answers) = (clock.monotonic_ms(), Vec::with_capacity(lane.len()));
        let mut is_late = false;
        for (row, question) in lane {
            let answer = if is_late {
                Err(Answer::NotAsked(
                    "another call of the back end takes long".into(),
                ))
            } else {
                self.ask(&row, question, &slots).await
            };
            is_late = answer.is_err() || clock.monotonic_ms() > start + self.deadline_ms();
            answers.push((row, answer.unwrap_or_else(|late| late)));
        }
        answers
    }

    /// Ask for one signature. An error if the deadline has passed.
    async fn ask(
        &self,
        row: &StoredRequest,
        question: Question,
        slots: &Slots,
    ) -> std::result::Result<Answer, Answer> {
        let id = row.request.id;
        if lock(&self.running).contains(&id) {
            let why = "an earlier call of the back end has not returned";
            return Ok(Answer::Later(why.into()));
        }
        let limit = Duration::from_millis(self.deadline_ms());
        let Ok(Some(slot)) = timeout(limit, slots.acquire()).await else {
            slots.report_exhausted();
            let why = "other calls of the back end take long";
            return Err(Answer::NotAsked(why.into()));
        };
        let Ok(answer) = timeout(limit, self.start(row, question, slot)).await else {
            slots.report_exhausted();
            return Err(self.not_returned());
        };
        let panicked = |_| Answer::Later("the call of the back end panicked".into());
        Ok(answer.unwrap_or_else(panicked))
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
        slot: Slot,
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

    fn slots(&self, backend: &'static str, namespace: Namespace) -> Slots {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.retain(|_, unused| Arc::strong_count(unused) > 1);
        let mut of = |namespace, count| {
            let slots = slots.entry((backend, namespace));
            let new = || Arc::new(Semaphore::new(count));
            slots.or_insert_with(new).clone()
        };
        Slots {
            backend,
            namespace,
            own: of(Some(namespace), CALLS_PER_NAMESPACE),
            all: of(None, CALLS_PER_BACKEND),
        }
    }
}

/// A call that has not returned.
struct RunningCall {
    running: Arc<Running>,
    id: SignatureRequestId,
    _slot: Slot,
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
