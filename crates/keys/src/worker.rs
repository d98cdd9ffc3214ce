//! The worker of the back ends that answer later: asks them for the signatures of waiting requests,
//! verifies their answers, and records them.

use crate::backend::{SignOutcome, SigningTask};
use crate::blocking::map_parallel;
use crate::record::{fact, load, new_bytes};
use crate::request::{close, truncated};
use crate::sign::{SigningContext, SigningKey};
use crate::state::{PermitState, SigningAttempt};
use crate::table::permit;
use crate::table::request::{self as table, RequestState, SignatureRequest, StoredRequest};
use crate::{Error, Freeze, Keys, Result, freeze, sign};
use futures::future::join_all;
use std::sync::Arc;
use store::{Lease, Tx, UnscopedTx};
use types::{Backoff, Digest, Namespace, Principal, Time};

/// Namespaces served per turn; the next turn begins after the last of them.
const NAMESPACES_PER_TURN: u32 = 64;
/// Requests of a namespace per turn, so that no namespace waits for all requests of another.
const REQUESTS_PER_NAMESPACE: u32 = 100;
/// The pauses before a back end is asked again for a signature that it did not give.
const BACKOFF: Backoff = Backoff::doubling(500, 60_000);

/// Serves the signature requests of all namespaces. Holds the lease of [`Worker::PARTITION`].
pub struct Worker {
    keys: Keys,
    lease: Lease,
    /// The namespace served last.
    last: String,
}

/// The result of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Requests answered or refused.
    pub closed: usize,
}

impl Worker {
    /// The partition whose lease the worker holds.
    pub const PARTITION: &'static str = "signer";

    /// Create the worker. `lease` must be the lease of [`Worker::PARTITION`].
    pub fn new(keys: Keys, lease: Lease) -> Self {
        Self {
            keys,
            lease,
            last: String::new(),
        }
    }

    /// One turn: a bounded number of due requests of each of the next namespaces. A request that
    /// cannot be answered keeps waiting, with growing pauses, and affects no other.
    pub async fn turn(&mut self) -> Result<Progress> {
        let mut progress = Progress::default();
        for namespace in self.next_namespaces().await? {
            self.last = namespace.to_string();
            match serve(self, namespace).await {
                Ok(closed) => progress.closed += closed,
                Err(error @ Error::Store(store::Error::Fenced { .. } | store::Error::Closed)) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(event = "signature_requests.failed", %namespace, %error, "the signature requests of a namespace are delayed")
                }
            }
        }
        Ok(progress)
    }

    async fn next_namespaces(&mut self) -> Result<Vec<Namespace>> {
        let next = self.namespaces_after(self.last.clone()).await?;
        if !next.is_empty() || self.last.is_empty() {
            return Ok(next);
        }
        self.last.clear();
        self.namespaces_after(String::new()).await
    }

    async fn namespaces_after(&self, last: String) -> Result<Vec<Namespace>> {
        let now = self.keys.now();
        let read =
            move |tx: &mut UnscopedTx| table::due_namespaces(tx, &last, now, NAMESPACES_PER_TURN);
        self.keys.db().read_unscoped(read).await
    }

    /// Whether the lease is still valid, so that this worker may ask a back end.
    fn may_act(&self) -> bool {
        let now = self.keys.db().clock().monotonic_ms();
        self.lease.may_act(now)
    }
}

/// A request that is due, and what it takes to answer it.
struct DueRequest {
    row: StoredRequest,
    attempt: SigningAttempt,
    /// The key to ask for, or why it must not be asked.
    key: Result<SigningKey>,
}

/// What became of a request.
enum Answer {
    Signed(intent::Signed),
    Refused(String),
    /// Ask again later, with the reason.
    Later(String),
}

async fn serve(worker: &Worker, namespace: Namespace) -> Result<usize> {
    let due = load_due(worker, namespace).await?;
    if !worker.may_act() {
        return Ok(0);
    }
    fail::point("keys.claimed").await?;
    let keys = worker.keys.clone();
    let answers = map_parallel(due, move |due| ask(&keys, due)).await?;
    fail::point("keys.answered").await?;
    let records = answers
        .into_iter()
        .map(|(due, answer)| record(worker, namespace, due, answer));
    join_all(records).await.into_iter().sum()
}

async fn load_due(worker: &Worker, namespace: Namespace) -> Result<Vec<DueRequest>> {
    let read = move |tx: &mut Tx| {
        let rows = table::due(tx, REQUESTS_PER_NAMESPACE)?.into_iter();
        let due: Vec<(StoredRequest, SigningAttempt)> = rows.filter_map(with_attempt).collect();
        let attempts: Vec<&SigningAttempt> = due.iter().map(|(_, attempt)| attempt).collect();
        let context = SigningContext::load(tx, &attempts)?;
        Ok::<_, Error>((due, context))
    };
    let (due, context) = worker.keys.db().read(&namespace, read).await?;
    context.observe(&worker.keys, &namespace);
    let due = due.into_iter().map(|(row, attempt)| {
        let key = key(&context, &namespace, &row, &attempt);
        DueRequest { row, attempt, key }
    });
    Ok(due.collect())
}

/// The key of a request. An error if it was revoked or frozen since it was made.
fn key(
    context: &SigningContext,
    namespace: &Namespace,
    row: &StoredRequest,
    attempt: &SigningAttempt,
) -> Result<SigningKey> {
    let required = intent::decode(&row.unsigned())?.required_signatures;
    let key = context.key(namespace, attempt, required)?;
    check_still_allowed(&context.state, context.frozen(&key.task.wallet), attempt)?;
    Ok(key)
}

fn with_attempt(row: StoredRequest) -> Option<(StoredRequest, SigningAttempt)> {
    match attempt_of(&row) {
        Ok(attempt) => Some((row, attempt)),
        Err(error) => {
            tracing::error!(event = "signature_request.unreadable", request = %row.request.id, %error, "the bytes of a signature request cannot be decoded");
            None
        }
    }
}

/// The attempt of a request, decoded from its bytes again. Its permit was checked when the request
/// was made.
fn attempt_of(row: &StoredRequest) -> Result<SigningAttempt> {
    let decoded = intent::decode(&row.unsigned())?;
    Ok(SigningAttempt {
        permit: row.request.permit,
        supersedes: None,
        chain: row.request.chain,
        signer: row.request.signer.clone(),
        intent: decoded.intent.hash(),
        is_cancel: decoded.intent.is_cancel(),
        bytes: Digest::of(&row.bytes),
        replay_keys: decoded.replay_keys,
        limit: 0,
        not_after: row.request.created_at,
    })
}

fn check_still_allowed(
    state: &PermitState,
    frozen: Option<&Freeze>,
    attempt: &SigningAttempt,
) -> Result<()> {
    let permit = attempt.permit;
    if state.revoked.contains(&permit) {
        return Err(Error::PermitRevoked { permit });
    }
    match frozen.filter(|freeze| freeze.hard || !attempt.is_cancel) {
        Some(freeze) => Err(Error::Frozen {
            scope: freeze.scope.kind(),
        }),
        None => Ok(()),
    }
}

/// Ask the back end. Its signatures are verified: [`intent::assemble`] accepts only the signer's,
/// over exactly the stored bytes.
fn ask(keys: &Keys, due: DueRequest) -> (DueRequest, Answer) {
    let SignatureRequest {
        id, chain, backend, ..
    } = &due.row.request;
    let _span = tracing::info_span!("signature_request", %id, %chain, backend).entered();
    let asked = due.key.as_ref().map_err(Clone::clone);
    let outcome = asked.and_then(|key| ask_backend(keys, &key.backend, &key.task));
    let answer = match outcome {
        Ok(SignOutcome::Signed(signatures)) => {
            match intent::assemble(&due.row.unsigned(), &signatures) {
                Ok(signed) => Answer::Signed(signed),
                Err(error) => Answer::Later(format!("its answer is wrong: {error}")),
            }
        }
        Ok(SignOutcome::Pending) => Answer::Later("the back end has not answered".to_owned()),
        Ok(SignOutcome::Refused(reason)) => Answer::Refused(reason),
        Err(error) => Answer::from(error),
    };
    (due, answer)
}

fn ask_backend(keys: &Keys, name: &str, task: &SigningTask) -> Result<SignOutcome> {
    keys.backend(name)?.sign(task)
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        match error {
            Error::PermitRevoked { .. } => Self::Refused(error.to_string()),
            error => Self::Later(error.to_string()),
        }
    }
}

/// Record what became of a request. Returns how many were closed: one or none.
async fn record(
    worker: &Worker,
    namespace: Namespace,
    due: DueRequest,
    answer: Answer,
) -> Result<usize> {
    let id = due.row.request.id;
    let (due, answer) = (Arc::new(due), Arc::new(answer));
    match write(worker, namespace, due.clone(), answer).await {
        Err(error @ (Error::Frozen { .. } | Error::PermitRevoked { .. })) => {
            let answer = Arc::new(Answer::from(error));
            write(worker, namespace, due, answer).await
        }
        Err(error @ Error::Store(store::Error::Fenced { .. } | store::Error::Closed)) => Err(error),
        Err(error) => {
            tracing::warn!(event = "signature_request.failed", request = %id, %error, "the answer to a signature request cannot be recorded, will retry");
            Ok(0)
        }
        closed => closed,
    }
}

async fn write(
    worker: &Worker,
    namespace: Namespace,
    due: Arc<DueRequest>,
    answer: Arc<Answer>,
) -> Result<usize> {
    let system = Principal::system("keys", namespace);
    let args = (system, due, answer);
    let db = worker.keys.db().on(&worker.lease);
    let write = db.write_with(&namespace, args, |tx, (system, due, answer)| {
        let row = &due.row;
        match answer.as_ref() {
            Answer::Signed(signed) => record_signature(tx, system, due, signed),
            Answer::Refused(reason) => {
                close(tx, system, &row.request.id, RequestState::Refused, reason)
            }
            Answer::Later(why) => postpone(tx, row, why).map(|()| false),
        }
    });
    Ok(usize::from(write.await?))
}

fn postpone(tx: &mut Tx, row: &StoredRequest, why: &str) -> Result<()> {
    let next_at: Time = tx.now().plus_millis(BACKOFF.pause(row.attempts));
    tracing::debug!(event = "signature_request.postponed", request = %row.request.id, why, "a signature request keeps waiting");
    let attempts = row.attempts.saturating_add(1);
    table::postpone(tx, &row.request.id, attempts, next_at, &truncated(why))
}

/// Record a signature, unless signing was frozen, the permit revoked or the request withdrawn
/// meanwhile.
fn record_signature(
    tx: &mut Tx,
    system: &Principal,
    due: &DueRequest,
    signed: &intent::Signed,
) -> Result<bool> {
    let (id, attempt) = (due.row.request.id, &due.attempt);
    let signer = sign::signers(tx, &[attempt])?.into_values().next();
    let wallet = signer.map(|signer| signer.wallet);
    let state = load(tx, &[attempt])?;
    let freezes = freeze::in_force(tx, wallet.into_iter())?;
    check_still_allowed(&state, freezes.first(), attempt)?;
    let used = state.uses.get(&attempt.permit);
    let used = used.ok_or(Error::IntentMismatch {
        permit: attempt.permit,
    })?;
    freeze::share_guards(tx, wallet.into_iter())?;
    permit::touch(tx, &attempt.permit)?;
    let answered = RequestState::Answered;
    let Some(version) = table::close(tx, &id, answered, Some(&signed.id), None)? else {
        return Ok(false); // withdrawn meanwhile
    };
    let now = tx.now();
    let anchor = &used.first.anchor;
    permit::insert_bytes(tx, &[new_bytes(attempt, signed, anchor, now)])?;
    let transaction = Some(signed.id.as_str());
    let fact = fact(
        "signature.answered",
        system,
        attempt,
        used.uses,
        transaction,
    );
    tx.append(fact.subject(&id, version));
    Ok(true)
}
