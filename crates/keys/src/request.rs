//! Signatures by back ends that answer later: requested in a transaction, answered by a fact that
//! names a row and never contains bytes.

use crate::record::{admit, fact};
use crate::sign::signers;
use crate::state::SigningAttempt;
use crate::table::{permit, request as table};
use crate::{Error, Keys, Recorded, Result, VerifiedJob, freeze, record};
use intent::{Signature, Unsigned};
use serde::Serialize;
use store::{Fact, Tx};
use types::{ChainId, PermitId, Principal, SignatureRequestId, Time};

/// The state of a signature request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// The back end has not answered yet.
    Waiting,
    /// Signed; the bytes are recorded.
    Answered,
    /// The back end declined to sign.
    Refused,
}

/// A request for a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureRequest {
    pub id: SignatureRequestId,
    pub state: RequestState,
    /// The back end that is asked to sign.
    pub backend: String,
    pub permit: PermitId,
    pub chain: ChainId,
    pub signer: String,
    /// The id of the signed transaction.
    pub signed_id: Option<String>,
    /// Why it was declined.
    pub note: Option<String>,
    /// Increases with each change.
    pub version: u64,
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    #[serde(skip)]
    bytes: Vec<u8>,
}

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
    let signer = signers(tx, std::slice::from_ref(attempt))?
        .into_values()
        .next();
    let (_, wallet, _, _, backend) = signer.ok_or_else(|| Error::UnknownSigner {
        chain: attempt.chain,
        signer: attempt.signer.clone(),
    })?;
    let admission = admit(tx, &[(attempt, wallet)])?.pop();
    let (_, uses) = admission.ok_or(Error::IntentMismatch {
        permit: attempt.permit,
    })??;
    let now = tx.now();
    let id = SignatureRequestId::new(now, tx.entropy());
    table::insert(
        tx,
        &id,
        &backend,
        &attempt.permit,
        &checked.unsigned,
        &attempt.bytes,
    )?;
    tx.append(fact("signature.requested", principal, attempt, uses, None).subject(&id, 1));
    Ok(id)
}

/// A signature request by its id. Error: `keys.unknown_request`.
pub fn signature_request(tx: &mut Tx<'_, '_>, id: &SignatureRequestId) -> Result<SignatureRequest> {
    let row = table::get(tx, id)?.ok_or_else(|| Error::UnknownRequest {
        request: id.to_string(),
    })?;
    SignatureRequest::from_row(row)
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
    let (actor, id) = (principal.clone(), *id);
    let request = keys
        .db()
        .read(&principal.namespace, move |tx| signature_request(tx, &id))
        .await?;
    let unsigned = request.unsigned();
    let attempt = attempt_of(&request, &unsigned)?;
    let signed = intent::assemble(&unsigned, &signatures)?;
    keys.write(&principal.namespace, move |tx| {
        let (anchor, uses) = check_still_allowed(tx, &attempt)?;
        let version = table::close(
            tx,
            &id,
            RequestState::Answered.stored(),
            Some(&signed.id),
            None,
        )?;
        let version = version.ok_or_else(|| Error::RequestClosed {
            request: id.to_string(),
        })?;
        let (now, permit) = (tx.now(), attempt.permit);
        let row = (
            permit,
            signed.id.clone(),
            attempt.chain,
            attempt.signer.clone(),
            anchor.clone(),
            attempt.bytes,
            signed.raw.clone(),
            now,
        );
        permit::insert_bytes(tx, &[row])?;
        let fact = fact(
            "signature.answered",
            &actor,
            &attempt,
            uses,
            Some(&signed.id),
        );
        tx.append(fact.subject(&id, version.max(0).cast_unsigned()));
        Ok(Recorded {
            permit,
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
    let (actor, id, note) = (
        principal.clone(),
        *id,
        note.chars()
            .filter(|c| *c != '\0')
            .take(1_000)
            .collect::<String>(),
    );
    keys.write(&principal.namespace, move |tx| {
        signature_request(tx, &id)?;
        let version = table::close(tx, &id, RequestState::Refused.stored(), None, Some(&note))?;
        let version = version.ok_or_else(|| Error::RequestClosed {
            request: id.to_string(),
        })?;
        let payload = serde_json::json!({ "note": note });
        tx.append(
            Fact::new("signature.refused", 1)
                .subject(&id, version.max(0).cast_unsigned())
                .actor(&actor)
                .payload(&payload),
        );
        Ok(())
    })
    .await
}

/// The requests that wait for a back end, oldest first.
pub(crate) fn waiting_requests(
    tx: &mut Tx<'_, '_>,
    backend: &str,
    limit: u32,
) -> Result<Vec<SignatureRequest>> {
    table::waiting(tx, backend, limit)?
        .into_iter()
        .map(SignatureRequest::from_row)
        .collect()
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
        bytes: types::Digest::of(&unsigned.bytes),
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
    let wallet = signers(tx, std::slice::from_ref(attempt))?
        .into_values()
        .next()
        .map(|signer| signer.1);
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
    Ok((used.anchor.clone(), used.uses))
}

impl SignatureRequest {
    pub(crate) fn unsigned(&self) -> Unsigned {
        Unsigned {
            chain: self.chain,
            signer: self.signer.clone(),
            bytes: self.bytes.clone(),
        }
    }

    fn from_row(row: table::Row) -> Result<Self> {
        let (
            id,
            state,
            backend,
            permit,
            chain,
            signer,
            bytes,
            signed_id,
            note,
            version,
            created_at,
            updated_at,
        ) = row;
        let all = [
            RequestState::Waiting,
            RequestState::Answered,
            RequestState::Refused,
        ];
        let broken = store::Error::UnexpectedValue {
            column: "state",
            found: "an unknown text",
            expected: "a state of a request",
        };
        let state = all
            .into_iter()
            .find(|known| known.stored() == state)
            .ok_or(broken)?;
        let version = version.max(0).cast_unsigned();
        Ok(Self {
            id,
            state,
            backend,
            permit,
            chain,
            signer,
            signed_id,
            note,
            version,
            created_at,
            updated_at,
            bytes,
        })
    }
}

impl RequestState {
    fn stored(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Answered => "answered",
            Self::Refused => "refused",
        }
    }
}
