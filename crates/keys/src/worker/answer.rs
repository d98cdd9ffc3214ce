//! The outcome of a request, and its record.

use super::Worker;
use super::verify::{mismatch, permit, verify};
use crate::freeze::truncated;
use crate::job::VerifiedJob;
use crate::record::{fact, load, new_bytes, permits_up_to, put};
use crate::request::close;
use crate::sign::{signer_of, signers};
use crate::state::PermitState;
use crate::table::permit as permits;
use crate::table::request::{self as table, Closing, RequestState, StoredRequest, UnreadableRow};
use crate::{Error, Result, freeze};
use intent::PolicyKey;
use std::sync::Arc;
use store::Tx;
use telemetry::SIGNATURE_REQUESTS_REJECTED;
use types::{
    Backoff, Namespace, PermitId, Principal, ReplayKey, SignatureRequestId, Time, WalletId,
};

/// The pauses before a back end is asked again for a signature that it did not give.
const BACKOFF: Backoff = Backoff::doubling(500, 60_000);
/// The pause of a request that waits until other calls of its back end return.
const NOT_ASKED_MS: i64 = 1_000;
/// The pause before a row is read again that cannot be read.
const UNREADABLE_MS: i64 = 60_000;

/// A signature, and what was asked of which back end.
pub(super) struct SignedAnswer {
    pub(super) job: VerifiedJob,
    pub(super) backend: &'static str,
    pub(super) signed: intent::Signed,
}

/// What became of a request.
pub(super) enum RequestOutcome {
    Signed(Box<SignedAnswer>),
    /// By the back end, or because the permit ended.
    Refused(String),
    /// The row is not what was requested, with the reason.
    Rejected(String),
    /// Ask again later, with the reason.
    Later(String),
    /// The back end was not asked, because of other requests, with the reason.
    NotAsked(String),
}

impl RequestOutcome {
    /// The outcome of a request that is not signed because of an error.
    pub(super) fn without_signature(row: &StoredRequest, error: Error, now: Time) -> Self {
        match error {
            Error::PermitRevoked { .. }
            | Error::PermitExpired { .. }
            | Error::Superseded { .. }
            | Error::CannotSupersede { .. } => Self::Refused(error.to_string()),
            Error::ForeignPermit { .. }
            | Error::IntentMismatch { .. }
            | Error::EnvelopeExceeded { .. }
            | Error::PermitSpent { .. }
            | Error::ReplayKeyMismatch { .. }
            | Error::RequestMismatch { .. }
            | Error::Intent(intent::Error::InvalidPermitSignature) => {
                Self::Rejected(error.to_string())
            }
            // Another release may read it; but not after the permit has expired.
            error => match permit(row) {
                Some(permit) if now > permit.body.not_after => {
                    let permit = permit.body.id;
                    Self::Refused(Error::PermitExpired { permit }.to_string())
                }
                _ => Self::Later(error.to_string()),
            },
        }
    }
}

/// Record what became of a request. Returns how many were closed: one or none. A request whose
/// outcome cannot be recorded is asked again later, so that it does not delay others.
pub(super) async fn record(
    worker: &Worker,
    namespace: Namespace,
    row: StoredRequest,
    outcome: RequestOutcome,
) -> Result<usize> {
    let id = row.request.id;
    let row = Arc::new(row);
    let recorded = match write(worker, namespace, row.clone(), outcome).await {
        Err(error) if !is_fatal(&error) => {
            let outcome = RequestOutcome::without_signature(&row, error, worker.keys.now());
            write(worker, namespace, row, outcome).await
        }
        recorded => recorded,
    };
    match recorded {
        Err(error) if !is_fatal(&error) => {
            tracing::warn!(event = "signature_request.failed", request = %id, %error, "the answer to a signature request cannot be recorded, will retry");
            Ok(0)
        }
        closed => closed,
    }
}

/// Whether the worker has lost its lease or its database.
pub(super) fn is_fatal(error: &Error) -> bool {
    matches!(error, Error::Store(error) if error.ends_worker())
}

async fn write(
    worker: &Worker,
    namespace: Namespace,
    row: Arc<StoredRequest>,
    outcome: RequestOutcome,
) -> Result<usize> {
    let rejected = match &outcome {
        RequestOutcome::Rejected(reason) => Some(reason.clone()),
        _ => None,
    };
    let (id, policy_key) = (row.request.id, *worker.keys.policy_key());
    let system = Principal::system("keys", namespace);
    let args = (system, row, outcome);
    let db = worker.keys.db().on(&worker.lease);
    let write = db.write_with(&namespace, args, move |tx, (system, row, outcome)| {
        let refused = RequestState::Refused;
        match outcome {
            RequestOutcome::Signed(answer) => {
                record_signature(tx, &policy_key, system, &row.request.id, answer)
            }
            RequestOutcome::Refused(reason) => close(tx, system, &row.request.id, refused, reason),
            RequestOutcome::Rejected(reason) => close(tx, system, &row.request.id, refused, reason),
            RequestOutcome::Later(why) => {
                let pause_ms = BACKOFF.pause(row.attempts);
                let attempts = row.attempts.saturating_add(1);
                postpone(tx, row, attempts, pause_ms, why).map(|()| false)
            }
            RequestOutcome::NotAsked(why) => {
                postpone(tx, row, row.attempts, NOT_ASKED_MS, why).map(|()| false)
            }
        }
    });
    let closed = write.await?;
    if let Some(reason) = rejected.filter(|_| closed) {
        SIGNATURE_REQUESTS_REJECTED.increment([]);
        tracing::error!(event = "signature_request.rejected", request = %id, %namespace, reason, "a signature request is not what was requested; nothing was signed");
    }
    Ok(usize::from(closed))
}

fn postpone(
    tx: &mut Tx,
    row: &StoredRequest,
    attempts: u32,
    pause_ms: i64,
    why: &str,
) -> Result<()> {
    let pause: Time = tx.now().plus_millis(pause_ms);
    let expired = permit(row).map(|permit| permit.body.not_after.plus_millis(1));
    let next_at = expired
        .filter(|expired| *expired > tx.now())
        .map_or(pause, |expired| pause.min(expired));
    tracing::debug!(event = "signature_request.postponed", request = %row.request.id, why, "a signature request keeps waiting");
    table::postpone(tx, &row.request.id, attempts, next_at, &truncated(why))
}

/// Postpone rows that cannot be read, so that they do not delay the others.
pub(super) async fn postpone_unreadable(
    worker: &Worker,
    namespace: Namespace,
    rows: Vec<UnreadableRow>,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    for row in &rows {
        tracing::error!(event = "signature_request.unreadable", request = row.id, error = row.error, %namespace, "a signature request cannot be read");
    }
    let db = worker.keys.db().on(&worker.lease);
    let write = db.write_with(&namespace, rows, |tx, rows| {
        let next_at = tx.now().plus_millis(UNREADABLE_MS);
        for row in rows {
            let note = truncated(&format!("the row cannot be read: {}", row.error));
            table::postpone_unreadable(tx, row, next_at, &note)?;
        }
        Ok::<_, Error>(())
    });
    write.await
}

/// What a signature is recorded for, checked in the transaction that records it.
struct ConfirmedRequest {
    wallet: WalletId,
    uses: u32,
    anchor: ReplayKey,
    state: PermitState,
}

/// Check again that a row is what was requested, and that its signature is still allowed: it may
/// have been changed, and signing frozen, the permit revoked, superseded or expired meanwhile.
fn confirm(
    tx: &mut Tx,
    policy_key: &PolicyKey,
    row: &StoredRequest,
    answer: &SignedAnswer,
) -> Result<ConfirmedRequest> {
    let job = verify(row, policy_key, tx.namespace())?;
    if job.attempt != answer.job.attempt || job.unsigned != answer.job.unsigned {
        return Err(mismatch("its row was changed while the back end signed"));
    }
    let attempt = &job.attempt;
    let signers = signers(tx, &[attempt])?;
    let signer = signer_of(&signers, attempt)?;
    if signer.backend != answer.backend {
        return Err(mismatch("another back end has signed"));
    }
    let wallet = signer.wallet;
    let state = load(tx, &[attempt])?;
    let freezes = freeze::in_force(tx, [wallet].into_iter())?;
    let frozen = freezes.iter().find(|freeze| freeze.applies_to(&wallet));
    let used = state.confirm(attempt, frozen, tx.now())?;
    let (uses, anchor) = (used.uses, used.first.anchor.clone());
    Ok(ConfirmedRequest {
        wallet,
        uses,
        anchor,
        state,
    })
}

/// Record a signature, unless the request was withdrawn meanwhile.
fn record_signature(
    tx: &mut Tx,
    policy_key: &PolicyKey,
    system: &Principal,
    id: &SignatureRequestId,
    answer: &SignedAnswer,
) -> Result<bool> {
    let Some(row) = table::waiting(tx, id)? else {
        return Ok(false);
    };
    let ConfirmedRequest {
        wallet,
        uses,
        anchor,
        mut state,
    } = confirm(tx, policy_key, &row, answer)?;
    freeze::share_guards(tx, [wallet].into_iter())?;
    let (attempt, signed) = (&answer.job.attempt, &answer.signed);
    let superseded: Vec<PermitId> = permits_up_to(&state, attempt.permit).collect();
    state.supersede(&attempt.permit);
    put(tx, &state, superseded)?;
    let closing = Closing {
        id,
        state: RequestState::Answered,
        signed_id: Some(&signed.id),
        note: None,
    };
    let Some(version) = table::close(tx, &closing)? else {
        return Ok(false);
    };
    let now = tx.now();
    permits::insert_bytes(tx, &[new_bytes(attempt, signed, &anchor, now)])?;
    let transaction = Some(signed.id.as_str());
    let fact = fact("signature.answered", system, attempt, uses, transaction);
    tx.append(fact.subject(id, version));
    Ok(true)
}
