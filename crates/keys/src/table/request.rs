//! Signature requests.

use crate::Result;
use store::Tx;
use types::{ChainId, Digest, PermitId, SignatureRequestId, Time};

/// A request: id, state, back end, permit, chain, signer, bytes, signed id, note, version, created
/// and updated time.
pub(crate) type Row = (
    SignatureRequestId,
    String,
    String,
    PermitId,
    ChainId,
    String,
    Vec<u8>,
    Option<String>,
    Option<String>,
    i64,
    Time,
    Time,
);

/// Insert a waiting request.
pub(crate) fn insert(
    tx: &mut Tx<'_, '_>,
    id: &SignatureRequestId,
    backend: &str,
    permit: &PermitId,
    unsigned: &intent::Unsigned,
    hash: &Digest,
) -> Result<()> {
    let now = tx.now();
    let intent::Unsigned {
        chain,
        signer,
        bytes,
    } = unsigned;
    tx.execute(
        "INSERT INTO signature_request (namespace, id, state, backend, permit, chain, signer, bytes, unsigned_hash, version,
                                   created_at, updated_at)
         VALUES (?ns, ?1, 'waiting', ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8)",
        (id, backend, permit, chain, signer, bytes, hash, now),
    )?;
    Ok(())
}

pub(crate) fn get(tx: &mut Tx<'_, '_>, id: &SignatureRequestId) -> Result<Option<Row>> {
    Ok(tx.row(
        "SELECT id, state, backend, permit, chain, signer, bytes, signed_id, note, version, created_at, updated_at
           FROM signature_request WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?)
}

/// The request for these bytes under a permit.
pub(crate) fn find(
    tx: &mut Tx<'_, '_>,
    permit: &PermitId,
    hash: &Digest,
) -> Result<Option<SignatureRequestId>> {
    let row: Option<(SignatureRequestId,)> = tx.row(
        "SELECT id FROM signature_request WHERE namespace = ?ns AND permit = ?1 AND unsigned_hash = ?2",
        (permit, hash),
    )?;
    Ok(row.map(|(id,)| id))
}

/// The requests that wait for a back end, oldest first.
pub(crate) fn waiting(tx: &mut Tx<'_, '_>, backend: &str, limit: u32) -> Result<Vec<Row>> {
    Ok(tx.rows(
        "SELECT id, state, backend, permit, chain, signer, bytes, signed_id, note, version, created_at, updated_at
           FROM signature_request WHERE namespace = ?ns AND backend = ?1 AND state = 'waiting' ORDER BY id LIMIT ?2",
        (backend, limit),
    )?)
}

/// Close a waiting request; returns the new version, or `None` if it is not waiting.
pub(crate) fn close(
    tx: &mut Tx<'_, '_>,
    id: &SignatureRequestId,
    state: &str,
    signed_id: Option<&str>,
    note: Option<&str>,
) -> Result<Option<i64>> {
    let now = tx.now();
    let row: Option<(i64,)> = tx.row(
        "UPDATE signature_request SET state = ?2, signed_id = ?3, note = ?4, version = version + 1, updated_at = ?5
          WHERE namespace = ?ns AND id = ?1 AND state = 'waiting' RETURNING version",
        (id, state, signed_id, note, now),
    )?;
    Ok(row.map(|(version,)| version))
}
