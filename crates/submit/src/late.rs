//! Lanes whose signer has a back end that answers later.

use crate::submission::Submission;
use crate::{Result, Submit, table};
use std::slice;
use store::{Tx, UnscopedTx};
use types::{ChainId, SignatureRequestId};

/// Those of these signature requests that can be read. Another is reported, and affects no other.
pub(crate) fn readable_requests(
    tx: &mut Tx,
    ids: &[SignatureRequestId],
) -> Result<Vec<keys::SignatureRequest>> {
    use keys::Error::Store;
    use store::Error::UnexpectedValue;
    match keys::signature_requests(tx, ids) {
        Err(Store(UnexpectedValue { .. })) => {}
        requests => return Ok(requests?),
    }
    let mut readable = Vec::with_capacity(ids.len());
    for id in ids {
        match keys::signature_requests(tx, slice::from_ref(id)) {
            Err(Store(error @ UnexpectedValue { .. })) => {
                tracing::error!(event = "signature_request.unreadable", request = %id, %error, "a signature request cannot be read");
            }
            requests => readable.extend(requests?),
        }
    }
    Ok(readable)
}

/// The back end that signs for a submission, if it answers later.
pub(crate) fn late_backend(
    submit: &Submit,
    tx: &mut UnscopedTx,
    submission: &Submission,
) -> Result<Option<String>> {
    let mut tx = tx.scoped(&submission.namespace);
    late_backend_of(submit, &mut tx, &submission.chain, &submission.signer)
}

/// The back end that signs for an account of the namespace, if it answers later.
pub(crate) fn late_backend_of(
    submit: &Submit,
    tx: &mut Tx,
    chain: &ChainId,
    signer: &str,
) -> Result<Option<String>> {
    let key = keys::find(tx, chain, signer)?;
    let backend = key.map(|key| key.backend);
    Ok(backend.filter(|backend| submit.keys().answers_later(backend)))
}

/// Why the next submission of a lane is not signed although the lane has capacity: what its back
/// end would sign at once could be sent ahead of a nonce that is reserved and has no bytes. Another
/// namespace may have reserved it, so that the reason names none.
pub(crate) fn held_lane(
    submit: &Submit,
    tx: &mut UnscopedTx,
    chain: &ChainId,
    signer: &str,
) -> Result<Option<String>> {
    if table::submission::in_flight(tx, chain, signer)?.signing == 0 {
        return Ok(None);
    }
    let now = tx.now();
    let next = table::submission::permitted(tx, chain, signer, false, now, 1)?;
    let is_late = match next.first() {
        Some(next) => late_backend(submit, tx, next)?.is_some(),
        None => true,
    };
    let reason = "lower nonces of the lane are reserved for transactions that wait for their \
                  signatures; it goes on once these have arrived, or their nonces are filled";
    Ok((!is_late).then(|| reason.to_owned()))
}

/// Shortens the next submissions of a lane to those that are signed in the same way as the first:
/// namespaces that hold the same key may hold it in different back ends. Returns the back end, if
/// it answers later.
pub(crate) fn take_same_backend(
    submit: &Submit,
    tx: &mut UnscopedTx,
    next: &mut Vec<Submission>,
) -> Result<Option<String>> {
    let Some(first) = next.first() else {
        return Ok(None);
    };
    let namespace = first.namespace;
    let backend = late_backend(submit, tx, first)?;
    let mut same = 1;
    while let Some(other) = next.get(same) {
        let is_same = other.namespace == namespace
            || (backend.is_none() && late_backend(submit, tx, other)?.is_none());
        if !is_same {
            break;
        }
        same += 1;
    }
    next.truncate(same);
    Ok(backend)
}
