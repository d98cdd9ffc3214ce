//! Permits that were used, the witnesses that they took, and the bytes that were signed under them.

use crate::Result;
use store::Tx;
use types::{ChainId, Digest, PermitId, Time, Witness};

/// A use that is written: permit, root, chain, signer, intent, anchor, supersedes, superseded by,
/// uses, first and last time.
pub(crate) type UseRow = (
    PermitId,
    PermitId,
    ChainId,
    String,
    Digest,
    Witness,
    Option<PermitId>,
    Option<PermitId>,
    u32,
    Time,
    Time,
);

/// A use that is read: the same without the last time, and when it was revoked. A permit that was
/// revoked unused has neither root nor more.
pub(crate) type StoredUse = (
    PermitId,
    Option<PermitId>,
    Option<ChainId>,
    Option<String>,
    Option<Digest>,
    Option<Witness>,
    Option<PermitId>,
    Option<PermitId>,
    u32,
    Option<Time>,
    Option<Time>,
);

/// Signed bytes: permit, id, chain, signer, anchor, hash of the unsigned bytes, raw bytes, when.
pub(crate) type BytesRow = (
    PermitId,
    String,
    ChainId,
    String,
    Witness,
    Digest,
    Vec<u8>,
    Time,
);

/// Whose a witness is: signer, witness, and the root of the line; nothing for somebody in another
/// namespace.
pub(crate) type OwnerRow = (String, Witness, Option<PermitId>);

/// What was used or revoked of these permits.
pub(crate) fn uses(tx: &mut Tx<'_, '_>, permits: &[(PermitId,)]) -> Result<Vec<StoredUse>> {
    Ok(tx.query_rows(
        "SELECT permit, root, chain, signer, intent, anchor, supersedes, superseded_by, uses, first_at, revoked_at
           FROM permit_use WHERE namespace = ?ns AND permit IN ({rows})",
        (),
        permits,
    )?)
}

/// Write into the row of a used permit, so that whoever revokes it at the same time and this
/// transaction do not miss each other.
pub(crate) fn touch(tx: &mut Tx<'_, '_>, permit: &PermitId) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE permit_use SET last_at = ?2 WHERE namespace = ?ns AND permit = ?1",
        (permit, now),
    )?;
    Ok(())
}

/// Revoke a permit; false if it was revoked before. It writes the row that a use writes: of the
/// two, one comes first for all to see.
pub(crate) fn revoke(
    tx: &mut Tx<'_, '_>,
    permit: &PermitId,
    reason: &str,
    by: &str,
) -> Result<bool> {
    let now = tx.now();
    let revoked = tx.execute(
        "INSERT INTO permit_use (namespace, permit, uses, last_at, revoked_at, revoked_by, reason)
         VALUES (?ns, ?1, 0, ?4, ?4, ?3, ?2)
         ON CONFLICT (namespace, permit) DO UPDATE SET revoked_at = ?4, revoked_by = ?3, reason = ?2
          WHERE permit_use.revoked_at IS NULL",
        (permit, reason, by, now),
    )?;
    Ok(revoked == 1)
}

/// Write uses as they are now.
pub(crate) fn put_uses(tx: &mut Tx<'_, '_>, rows: &[UseRow]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO permit_use (namespace, permit, root, chain, signer, intent, anchor, supersedes, superseded_by, uses,
                                 first_at, last_at) {ns_rows}
         ON CONFLICT (namespace, permit) DO UPDATE
            SET superseded_by = excluded.superseded_by, uses = excluded.uses, last_at = excluded.last_at",
        (),
        rows,
    )?;
    Ok(())
}

/// Whose these witnesses of a chain are, for whichever account.
pub(crate) fn owners(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    witnesses: &[(&Witness,)],
) -> Result<Vec<OwnerRow>> {
    Ok(tx.query_rows(
        "SELECT signer, witness, CASE WHEN namespace = ?ns THEN root END
           FROM permit_witness WHERE chain = ?1 AND witness IN ({rows})",
        (chain,),
        witnesses,
    )?)
}

/// Take witnesses: chain, signer, witness, root, permit. How many were free.
pub(crate) fn claim(
    tx: &mut Tx<'_, '_>,
    rows: &[(ChainId, String, Witness, PermitId, PermitId)],
) -> Result<u64> {
    Ok(tx.execute_rows(
        "INSERT INTO permit_witness (namespace, chain, signer, witness, root, permit) {ns_rows} ON CONFLICT DO NOTHING",
        (),
        rows,
    )?)
}

/// Give witnesses of this namespace back: chain, signer and witness each. How many were taken.
pub(crate) fn give_back(tx: &mut Tx<'_, '_>, rows: &[(ChainId, String, Witness)]) -> Result<u64> {
    Ok(tx.execute_rows(
        "DELETE FROM permit_witness WHERE namespace = ?ns AND (chain, signer, witness) IN ({rows})",
        (),
        rows,
    )?)
}

/// Which bytes were signed, or asked for, under these permits.
pub(crate) fn known(
    tx: &mut Tx<'_, '_>,
    permits: &[(PermitId,)],
) -> Result<Vec<(PermitId, Digest)>> {
    Ok(tx.query_rows(
        "SELECT permit, unsigned_hash FROM signed_bytes WHERE namespace = ?ns AND permit IN ({rows})
         UNION ALL
         SELECT permit, unsigned_hash FROM sign_request WHERE namespace = ?ns AND permit IN ({rows})",
        (),
        permits,
    )?)
}

/// Keep signed bytes. Those that are there stay.
pub(crate) fn insert_bytes(tx: &mut Tx<'_, '_>, rows: &[BytesRow]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO signed_bytes (namespace, permit, id, chain, signer, witness, unsigned_hash, raw, signed_at) {ns_rows}
         ON CONFLICT DO NOTHING",
        (),
        rows,
    )?;
    Ok(())
}

/// All bytes that were signed under these permits: permit, id, bytes.
pub(crate) fn bytes(
    tx: &mut Tx<'_, '_>,
    permits: &[(PermitId,)],
) -> Result<Vec<(PermitId, String, Vec<u8>)>> {
    Ok(tx.query_rows(
        "SELECT permit, id, raw FROM signed_bytes WHERE namespace = ?ns AND permit IN ({rows})",
        (),
        permits,
    )?)
}

/// Every id that was signed under a permit, in the order of signing.
pub(crate) fn ids(tx: &mut Tx<'_, '_>, permit: &PermitId) -> Result<Vec<(String,)>> {
    Ok(tx.rows(
        "SELECT id FROM signed_bytes WHERE namespace = ?ns AND permit = ?1 ORDER BY signed_at, id",
        (permit,),
    )?)
}
