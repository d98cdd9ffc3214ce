//! Signatures by back ends that answer later: requested in a transaction, answered by a fact that
//! names a row and never contains bytes.

use crate::record::{admit, fact, new_bytes};
use crate::sign::signers;
use crate::state::SigningAttempt;
use crate::table::permit;
use crate::table::request::{self as table, RequestState, SignatureRequest};
use crate::{Error, Keys, Recorded, Result, VerifiedJob, freeze, record};
use intent::{Signature, Unsigned};
use store::{Fact, Tx};
use types::{Digest, Principal, SignatureRequestId};

/// Request a signature for a job verified by [`verify_job`](crate::verify_job). The same checks as
/// in [`sign`](crate::sign) apply; the use of the permit and its replay keys are committed here,
/// before the back end sees anything. Requesting the same bytes under the same permit again returns
/// the same request.
pub fn request_signature(
    tx: &mut Tx<'_, '_>,
    principal: &Principal,
    checked: &VerifiedJob,
) -> Result<SignatureRequestId> {
    assert!(
        checked.namespace == *tx.namespace(),
        "a signature is requested in the namespace that the job was verified in"
    );
    let attempt = &checked.attempt;
    if let Some(existing) = table::find(tx, &attempt.permit, &attempt.bytes)? {
        return Ok(existing);
    }
    let signer = signers(tx, &[attempt])?.into_values().next();
    let signer = signer.ok_or_else(|| Error::UnknownSigner {
        chain: attempt.chain,
        signer: attempt.signer.clone(),
    })?;
    let admitted = admit(tx, &[(attempt, signer.wallet)])?.pop();
    let permit = attempt.permit;
    let uses = admitted.ok_or(Error::IntentMismatch { permit })??.uses;
    let now = tx.now();
    let request = SignatureRequest {
        id: SignatureRequestId::new(now, tx.entropy()),
        state: RequestState::Waiting,
        backend: signer.backend,
        permit,
        chain: attempt.chain,
        signer: attempt.signer.clone(),
        signed_id: None,
        note: None,
        version: 1,
        created_at: now,
        updated_at: now,
        bytes: checked.unsigned.bytes.clone(),
        unsigned_hash: attempt.bytes,
    };
    table::insert(tx, &request)?;
    let fact = fact("signature.requested", principal, attempt, uses, None);
    tx.append(fact.subject(&request.id, request.version));
    Ok(request.id)
}

/// A signature request by its id. Error: `keys.unknown_request`.
pub fn signature_request(tx: &mut Tx<'_, '_>, id: &SignatureRequestId) -> Result<SignatureRequest> {
    table::get(tx, id)?.ok_or_else(|| Error::UnknownRequest {
        request: id.to_string(),
    })
}

/// Complete a request with signatures, in the order of the sign requests of its bytes. They must be
/// the signer's. The bytes are recorded, unless signing was frozen or the permit revoked meanwhile.
///
/// Errors: `keys.unknown_request`, `keys.request_closed`, `intent.wrong_signature`, `keys.frozen`,
/// `keys.permit_revoked`.
pub async fn complete_request(
    keys: &Keys,
    principal: &Principal,
    id: &SignatureRequestId,
    signatures: Vec<Signature>,
) -> Result<Recorded> {
    let request = keys.read(principal, *id, signature_request).await?;
    let unsigned = request.unsigned();
    let attempt = attempt_of(&request, &unsigned)?;
    let signed = intent::assemble(&unsigned, &signatures)?;
    let args = (request.id, attempt, signed);
    keys.write(principal, args, |tx, principal, (id, attempt, signed)| {
        let (anchor, uses) = check_still_allowed(tx, attempt)?;
        let version = close(tx, id, RequestState::Answered, Some(&signed.id), None)?;
        let now = tx.now();
        permit::insert_bytes(tx, &[new_bytes(attempt, signed, &anchor, now)])?;
        let fact = fact(
            "signature.answered",
            principal,
            attempt,
            uses,
            Some(&signed.id),
        );
        tx.append(fact.subject(id, version));
        Ok(Recorded {
            permit: attempt.permit,
            id: signed.id.clone(),
            anchor,
            already_recorded: false,
        })
    })
    .await
}

/// Close a request without a signature, with the reason. Its permit and replay keys stay used,
/// because the back end may have signed anyway. Errors: `keys.unknown_request`,
/// `keys.request_closed`.
pub async fn decline_request(
    keys: &Keys,
    principal: &Principal,
    id: &SignatureRequestId,
    note: &str,
) -> Result<()> {
    let note: String = note.chars().filter(|c| *c != '\0').take(1_000).collect();
    keys.write(principal, (*id, note), |tx, principal, (id, note)| {
        signature_request(tx, id)?;
        let version = close(tx, id, RequestState::Refused, None, Some(note))?;
        let payload = serde_json::json!({ "note": note });
        let fact = Fact::new("signature.refused", 1).subject(id, version);
        tx.append(fact.actor(principal).payload(&payload));
        Ok(())
    })
    .await
}

fn close(
    tx: &mut Tx<'_, '_>,
    id: &SignatureRequestId,
    state: RequestState,
    signed_id: Option<&str>,
    note: Option<&str>,
) -> Result<u64> {
    let version = table::close(tx, id, state, signed_id, note)?;
    version.ok_or_else(|| Error::RequestClosed {
        request: id.to_string(),
    })
}

/// The attempt of a request, decoded from its bytes again. Its permit was checked when the request
/// was made.
fn attempt_of(request: &SignatureRequest, unsigned: &Unsigned) -> Result<SigningAttempt> {
    let decoded = intent::decode(unsigned)?;
    Ok(SigningAttempt {
        permit: request.permit,
        supersedes: None,
        chain: request.chain,
        signer: request.signer.clone(),
        intent: decoded.intent.hash(),
        is_cancel: decoded.intent.is_cancel(),
        bytes: Digest::of(&unsigned.bytes),
        replay_keys: decoded.replay_keys,
        limit: 0,
        not_after: request.created_at,
    })
}

/// Check that nothing was frozen or revoked since the request was made. Returns the anchor and the
/// uses of its permit.
fn check_still_allowed(
    tx: &mut Tx<'_, '_>,
    attempt: &SigningAttempt,
) -> Result<(types::ReplayKey, u32)> {
    let state = record::load(tx, &[attempt])?;
    if state.revoked.contains(&attempt.permit) {
        return Err(Error::PermitRevoked {
            permit: attempt.permit,
        });
    }
    let signer = signers(tx, &[attempt])?.into_values().next();
    let wallet = signer.map(|signer| signer.wallet);
    let freezes = freeze::in_force(tx, wallet.into_iter())?;
    if let Some(freeze) = freezes
        .iter()
        .find(|freeze| freeze.hard || !attempt.is_cancel)
    {
        return Err(Error::Frozen {
            scope: freeze.scope.kind(),
        });
    }
    let used = state
        .uses
        .get(&attempt.permit)
        .ok_or(Error::IntentMismatch {
            permit: attempt.permit,
        })?;
    freeze::share_guards(tx, wallet.into_iter())?;
    permit::touch(tx, &attempt.permit)?;
    Ok((used.first.anchor.clone(), used.uses))
}
