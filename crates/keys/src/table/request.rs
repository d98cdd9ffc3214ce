//! Signature requests.

use crate::Result;
use crate::request::{RequestState, SignatureRequest};
use store::{Record as _, ScopedTable as _, Tx};
use types::{Digest, PermitId, SignatureRequestId};

/// Insert a request.
pub(crate) fn insert(tx: &mut Tx<'_, '_>, request: &SignatureRequest) -> Result<()> {
    SignatureRequest::insert(tx, std::slice::from_ref(request), "")?;
    Ok(())
}

pub(crate) fn get(
    tx: &mut Tx<'_, '_>,
    id: &SignatureRequestId,
) -> Result<Option<SignatureRequest>> {
    let sql = SignatureRequest::select("WHERE namespace = ?ns AND id = ?1");
    Ok(tx.row(&sql, (id,))?)
}

/// The request for these bytes under a permit.
pub(crate) fn find(
    tx: &mut Tx<'_, '_>,
    permit: &PermitId,
    hash: &Digest,
) -> Result<Option<SignatureRequestId>> {
    Ok(tx.value(
        "SELECT id FROM signature_request WHERE namespace = ?ns AND permit = ?1 AND unsigned_hash = ?2",
        (permit, hash),
    )?)
}

/// The requests that wait for a back end, oldest first.
pub(crate) fn waiting(
    tx: &mut Tx<'_, '_>,
    backend: &str,
    limit: u32,
) -> Result<Vec<SignatureRequest>> {
    let sql = SignatureRequest::select(
        "WHERE namespace = ?ns AND backend = ?1 AND state = ?2 ORDER BY id LIMIT ?3",
    );
    Ok(tx.rows(&sql, (backend, RequestState::Waiting, limit))?)
}

/// Close a waiting request; returns the new version, or `None` if it is not waiting.
pub(crate) fn close(
    tx: &mut Tx<'_, '_>,
    id: &SignatureRequestId,
    state: RequestState,
    signed_id: Option<&str>,
    note: Option<&str>,
) -> Result<Option<u64>> {
    let now = tx.now();
    Ok(tx.value(
        "UPDATE signature_request SET state = ?2, signed_id = ?3, note = ?4, version = version + 1, updated_at = ?5
          WHERE namespace = ?ns AND id = ?1 AND state = ?6 RETURNING version",
        (id, state, signed_id, note, now, RequestState::Waiting),
    )?)
}
