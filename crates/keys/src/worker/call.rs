//! Calls of back ends. Each runs on a thread of its own with a deadline, so that one that panics or
//! never returns stops no other.

use super::answer::{RequestOutcome, SignedAnswer};
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
const CALLS_PER_THREAD: usize = 16;

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
struct Pending {
    row: StoredRequest,
    question: Question,
}

/// What became of one call.
struct CallOutcome {
    outcome: RequestOutcome,
    /// Whether the calls after it are not made: the back end takes too long.
    stops_others: bool,
}

impl CallOutcome {
    fn new(outcome: RequestOutcome) -> Self {
        Self {
            outcome,
            stops_others: false,
        }
    }

    fn late(outcome: RequestOutcome) -> Self {
        Self {
            outcome,
            stops_others: true,
        }
    }
}

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
    ) -> Vec<(StoredRequest, RequestOutcome)> {
        let mut outcomes = Vec::with_capacity(due.len());
        let mut by_backend: BTreeMap<&'static str, Vec<Pending>> = BTreeMap::new();
        for DueRequest { row, question } in due {
            match question {
                Ok(question) => {
                    let pending = by_backend.entry(question.backend.name()).or_default();
                    pending.push(Pending { row, question });
                }
                Err(outcome) => outcomes.push((row, outcome)),
            }
        }
        let mut sequences = Vec::new();
        for (backend, pending) in by_backend {
            let slots = self.slots(backend, namespace);
            // No call of an earlier turn still runs unless its deadline has passed.
            if slots.own.available_permits() == 0 {
                let stuck =
                    || RequestOutcome::NotAsked("no earlier call of the back end returns".into());
                outcomes.extend(pending.into_iter().map(|pending| (pending.row, stuck())));
                continue;
            }
            let mut pending = pending.into_iter().peekable();
            while pending.peek().is_some() {
                let sequence = pending.by_ref().take(CALLS_PER_THREAD).collect();
                sequences.push(self.ask_in_order(sequence, slots.clone()));
            }
        }
        outcomes.extend(join_all(sequences).await.into_iter().flatten());
        outcomes
    }

    /// Ask in order, for about one deadline. What is left then is asked in another turn, which does
    /// not repeat a call that has not returned.
    async fn ask_in_order(
        &self,
        sequence: Vec<Pending>,
        slots: Slots,
    ) -> Vec<(StoredRequest, RequestOutcome)> {
        let clock = self.keys.db().clock();
        let (start, mut outcomes) = (clock.monotonic_ms(), Vec::with_capacity(sequence.len()));
        let mut is_late = false;
        for Pending { row, question } in sequence {
            let asked = if is_late {
                CallOutcome::late(RequestOutcome::NotAsked(
                    "another call of the back end takes long".into(),
                ))
            } else {
                self.ask(&row, question, &slots).await
            };
            is_late = asked.stops_others || clock.monotonic_ms() > start + self.deadline_ms();
            outcomes.push((row, asked.outcome));
        }
        outcomes
    }

    /// Ask for one signature. Stops others if the deadline has passed.
    async fn ask(&self, row: &StoredRequest, question: Question, slots: &Slots) -> CallOutcome {
        let id = row.request.id;
        if lock(&self.running).contains(&id) {
            let why = "an earlier call of the back end has not returned";
            return CallOutcome::new(RequestOutcome::Later(why.into()));
        }
        let limit = Duration::from_millis(self.deadline_ms());
        let Ok(Some(slot)) = timeout(limit, slots.acquire()).await else {
            slots.report_exhausted();
            let why = "other calls of the back end take long";
            return CallOutcome::late(RequestOutcome::NotAsked(why.into()));
        };
        let Ok(outcome) = timeout(limit, self.start(row, question, slot)).await else {
            slots.report_exhausted();
            return CallOutcome::late(self.not_returned());
        };
        let panicked = |_| RequestOutcome::Later("the call of the back end panicked".into());
        CallOutcome::new(outcome.unwrap_or_else(panicked))
    }

    fn not_returned(&self) -> RequestOutcome {
        let millis = self.deadline_ms();
        RequestOutcome::Later(format!("the back end has not returned within {millis} ms"))
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
    ) -> oneshot::Receiver<RequestOutcome> {
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
fn ask(question: Question) -> RequestOutcome {
    match question.backend.sign(&question.task) {
        Ok(SignOutcome::Signed(signatures)) => {
            match intent::assemble(&question.job.unsigned, &signatures) {
                Ok(signed) => RequestOutcome::Signed(Box::new(SignedAnswer {
                    job: question.job,
                    backend: question.backend.name(),
                    signed,
                })),
                Err(error) => RequestOutcome::Later(format!("its answer is wrong: {error}")),
            }
        }
        Ok(SignOutcome::Pending) => {
            RequestOutcome::Later("the back end has not answered".to_owned())
        }
        Ok(SignOutcome::Refused(reason)) => RequestOutcome::Refused(reason),
        Err(error) => RequestOutcome::Later(error.to_string()),
    }
}
