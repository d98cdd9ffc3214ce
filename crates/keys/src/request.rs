//! Signature requests to back ends that answer later: made in a transaction of the caller, answered
//! by the [`Worker`](crate::Worker) with a fact that names a row and never contains bytes.

use crate::freeze::truncated;
use crate::record::{CheckedAttempts, admit, check, fact};
use crate::sign::{signer_of, signers};
use crate::state::{SigningAttempt, Stage};
use crate::table::request::{
    self as table, Closing, RequestState, SignatureRequest, StoredRequest,
};
use crate::{Error, Result, VerifiedJob};
use std::collections::HashMap;
use store::{Fact, Tx};
use types::{Digest, Json, PermitId, Principal, SignatureRequestId, WalletId};

/// The requests under some permits, by permit and bytes.
type Existing = HashMap<(PermitId, Digest), SignatureRequest>;

/// Check whether signatures may be requested for these jobs, without writing anything. The same
/// checks as in [`sign`](crate::sign) apply; `keys.signing_refused` if the same bytes were refused
/// or withdrawn before.
pub fn check_requests(tx: &mut Tx, jobs: &[VerifiedJob]) -> Result<Vec<Result<()>>> {
    let existing = existing(tx, jobs)?;
    let signers = signers(tx, &attempts(jobs))?;
    let mut wallets: Vec<Result<WalletId>> = Vec::with_capacity(jobs.len());
    for attempt in attempts(jobs) {
        let request = existing.get(&(attempt.permit, attempt.bytes));
        let open = request.map_or(Ok(()), |request| still_open(request).map(drop));
        let wallet = open.and_then(|()| signer_of(&signers, attempt));
        wallets.push(wallet.map(|key| key.wallet));
    }
    let known = attempts(jobs).into_iter().zip(&wallets);
    let known = known.filter_map(|(attempt, wallet)| Some((attempt, *wallet.as_ref().ok()?)));
    let CheckedAttempts { admissions, .. } = check(tx, &known.collect::<Vec<_>>(), Stage::Request)?;
    let mut admissions = admissions.into_iter();
    let mut next = move || admissions.next().expect("one for each known key").map(drop);
    let results = wallets
        .into_iter()
        .map(|wallet| wallet.and_then(|_| next()));
    Ok(results.collect())
}

/// Request signatures for jobs verified by [`verify_job`](crate::verify_job), in one transaction
/// with the caller's own record of them. The use of the permits and the replay keys are committed
/// here, before the back end sees anything; the permits that they supersede stay in force until the
/// signature is recorded. A request is open until its permit expires. If one is refused, so is the
/// transaction: call [`check_requests`] first. Requesting the same bytes under the same permit
/// again returns the same request.
pub fn request_signatures(
    tx: &mut Tx,
    principal: &Principal,
    jobs: &[VerifiedJob],
) -> Result<Vec<SignatureRequestId>> {
    let foreign = jobs.iter().find(|job| job.namespace != *tx.namespace());
    assert!(
        foreign.is_none(),
        "a signature is requested in the namespace that the job was verified in"
    );
    let existing = existing(tx, jobs)?;
    let signers = signers(tx, &attempts(jobs))?;
    let (mut ids, mut new, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for job in jobs {
        let attempt = &job.attempt;
        let signer = signer_of(&signers, attempt)?;
        match existing.get(&(attempt.permit, attempt.bytes)) {
            Some(request) => ids.push(still_open(request)?),
            None => {
                let row = new_request(tx, job, &signer.backend)?;
                ids.push(row.request.id);
                new.push((attempt, signer.wallet));
                rows.push(row);
            }
        }
    }
    let admitted = admit(tx, &new, Stage::Request)?;
    table::insert(tx, &rows)?;
    for (((attempt, _), row), admitted) in new.iter().zip(&rows).zip(admitted) {
        let fact = fact(
            "signature.requested",
            principal,
            attempt,
            admitted?.uses,
            None,
        );
        tx.append(fact.subject(&row.request.id, row.request.version));
    }
    Ok(ids)
}

/// The current state of signature requests, of those that exist.
pub fn signature_requests(
    tx: &mut Tx,
    ids: &[SignatureRequestId],
) -> Result<Vec<SignatureRequest>> {
    table::get(tx, ids)
}

/// Withdraw a signature request that is no longer wanted; a later answer is dropped. Its permit and
/// replay keys stay used, because the back end may have signed already. False if it was answered
/// or refused before.
pub fn withdraw_request(
    tx: &mut Tx,
    principal: &Principal,
    id: &SignatureRequestId,
    note: &str,
) -> Result<bool> {
    close(tx, principal, id, RequestState::Withdrawn, note)
}

/// Close a waiting request without a signature. False if it is not waiting.
pub(crate) fn close(
    tx: &mut Tx,
    principal: &Principal,
    id: &SignatureRequestId,
    state: RequestState,
    note: &str,
) -> Result<bool> {
    let note = truncated(note);
    let closing = Closing {
        id,
        state,
        signed_id: None,
        note: Some(&note),
    };
    let Some(version) = table::close(tx, &closing)? else {
        return Ok(false);
    };
    let kind = format!("signature.{}", <&str>::from(state));
    let payload = serde_json::json!({ "note": note });
    let fact = Fact::new(kind, 1).subject(id, version);
    tx.append(fact.actor(principal).payload(&payload));
    Ok(true)
}

fn attempts(jobs: &[VerifiedJob]) -> Vec<&SigningAttempt> {
    jobs.iter().map(|job| &job.attempt).collect()
}

fn existing(tx: &mut Tx, jobs: &[VerifiedJob]) -> Result<Existing> {
    let permits: Vec<PermitId> = jobs.iter().map(|job| job.attempt.permit).collect();
    let rows = table::under(tx, &permits)?.into_iter();
    Ok(rows
        .map(|row| ((row.request.permit, row.unsigned_hash), row.request))
        .collect())
}

/// The id of a request for the same bytes. Error: `keys.signing_refused`.
fn still_open(request: &SignatureRequest) -> Result<SignatureRequestId> {
    match request.state {
        RequestState::Waiting | RequestState::Answered => Ok(request.id),
        RequestState::Refused | RequestState::Withdrawn => Err(Error::SigningRefused {
            signer: request.signer.clone(),
            backend: request.backend.clone(),
            reason: request.note.clone().unwrap_or_default(),
        }),
    }
}

fn new_request(tx: &mut Tx, job: &VerifiedJob, backend: &str) -> Result<StoredRequest> {
    let (now, attempt) = (tx.now(), &job.attempt);
    let request = SignatureRequest {
        id: SignatureRequestId::new(now, tx.entropy()),
        state: RequestState::Waiting,
        backend: backend.to_owned(),
        permit: attempt.permit,
        chain: attempt.chain,
        signer: attempt.signer.clone(),
        signed_id: None,
        note: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    Ok(StoredRequest {
        request,
        bytes: job.unsigned.bytes.clone(),
        unsigned_hash: attempt.bytes,
        signed_permit: Json::of(job.permit.as_ref())
            .map_err(unwritable)?
            .as_str()
            .to_owned(),
        supersedes: attempt.supersedes,
        attempts: 0,
        next_at: now,
    })
}

fn unwritable(error: serde_json::Error) -> Error {
    let what = format!("a permit has no JSON: {error}");
    store::Error::AssertionFailed { what }.into()
}
