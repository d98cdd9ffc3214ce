//! Used permits, the replay keys they claim, and the bytes signed under them.

use crate::Result;
use store::Tx;
use types::{ChainId, Digest, PermitId, ReplayKey, Time};

/// A use to write: permit, root, chain, signer, intent, anchor, supersedes, superseded by, uses,
/// first and last time.
pub(crate) type UseRow = (
    PermitId,
    PermitId,
    ChainId,
    String,
    Digest,
    ReplayKey,
    Option<PermitId>,
    Option<PermitId>,
    u32,
    Time,
    Time,
);

/// A stored use: the same without the last time, plus the time of revocation. A permit that was
/// revoked unused has only `permit`, `uses` and the revocation.
pub(crate) type StoredUse = (
    PermitId,
    Option<PermitId>,
    Option<ChainId>,
    Option<String>,
    Option<Digest>,
    Option<ReplayKey>,
    Option<PermitId>,
    Option<PermitId>,
    u32,
    Option<Time>,
    Option<Time>,
);

/// Signed bytes: permit, id, chain, signer, anchor, hash of the unsigned bytes, raw bytes, time.
pub(crate) type BytesRow = (
    PermitId,
    String,
    ChainId,
    String,
    ReplayKey,
    Digest,
    Vec<u8>,
    Time,
);

/// The owner of a replay key: signer, replay key, and the root of the permit chain; no root if
/// another namespace owns it.
pub(crate) type OwnerRow = (String, ReplayKey, Option<PermitId>);

/// The stored uses and revocations of these permits.
pub(crate) fn uses(tx: &mut Tx<'_, '_>, permits: &[(PermitId,)]) -> Result<Vec<StoredUse>> {
    Ok(tx.query_rows(
        "SELECT permit, root, chain, signer, intent, anchor, supersedes, superseded_by, uses, first_at, revoked_at
           FROM permit_use WHERE namespace = ?ns AND permit IN ({rows})",
        (),
        permits,
    )?)
}

/// Write into the row of a used permit, so that this transaction conflicts with a concurrent
/// revocation.
pub(crate) fn touch(tx: &mut Tx<'_, '_>, permit: &PermitId) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE permit_use SET last_at = ?2 WHERE namespace = ?ns AND permit = ?1",
        (permit, now),
    )?;
    Ok(())
}

/// Revoke a permit; false if it was already revoked. Writes the same row as a use, so that the
/// database orders the two.
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

/// Insert or update uses.
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

/// The owners of these replay keys of a chain, of any account.
pub(crate) fn owners(
    tx: &mut Tx<'_, '_>,
    chain: &ChainId,
    replay_keys: &[(&ReplayKey,)],
) -> Result<Vec<OwnerRow>> {
    Ok(tx.query_rows(
        "SELECT signer, replay_key, CASE WHEN namespace = ?ns THEN root END
           FROM permit_replay_key WHERE chain = ?1 AND replay_key IN ({rows})",
        (chain,),
        replay_keys,
    )?)
}

/// Claim replay keys: chain, signer, replay key, root, permit. Returns how many were free.
pub(crate) fn claim(
    tx: &mut Tx<'_, '_>,
    rows: &[(ChainId, String, ReplayKey, PermitId, PermitId)],
) -> Result<u64> {
    Ok(tx.execute_rows(
        "INSERT INTO permit_replay_key (namespace, chain, signer, replay_key, root, permit) {ns_rows} ON CONFLICT DO NOTHING",
        (),
        rows,
    )?)
}

/// Release replay keys of this namespace: chain, signer, replay key. Returns how many were claimed.
pub(crate) fn release(tx: &mut Tx<'_, '_>, rows: &[(ChainId, String, ReplayKey)]) -> Result<u64> {
    Ok(tx.execute_rows(
        "DELETE FROM permit_replay_key WHERE namespace = ?ns AND (chain, signer, replay_key) IN ({rows})",
        (),
        rows,
    )?)
}

/// The hashes of bytes that were signed or requested under these permits.
pub(crate) fn known(
    tx: &mut Tx<'_, '_>,
    permits: &[(PermitId,)],
) -> Result<Vec<(PermitId, Digest)>> {
    Ok(tx.query_rows(
        "SELECT permit, unsigned_hash FROM signed_bytes WHERE namespace = ?ns AND permit IN ({rows})
         UNION ALL
         SELECT permit, unsigned_hash FROM signature_request WHERE namespace = ?ns AND permit IN ({rows})",
        (),
        permits,
    )?)
}

/// Insert signed bytes. Existing rows stay unchanged.
pub(crate) fn insert_bytes(tx: &mut Tx<'_, '_>, rows: &[BytesRow]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO signed_bytes (namespace, permit, id, chain, signer, replay_key, unsigned_hash, raw, signed_at) {ns_rows}
         ON CONFLICT DO NOTHING",
        (),
        rows,
    )?;
    Ok(())
}

/// The signed bytes of these permits: permit, id, bytes.
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

/// The ids of all transactions signed under a permit, in the order of signing.
pub(crate) fn ids(tx: &mut Tx<'_, '_>, permit: &PermitId) -> Result<Vec<(String,)>> {
    Ok(tx.rows(
        "SELECT id FROM signed_bytes WHERE namespace = ?ns AND permit = ?1 ORDER BY signed_at, id",
        (permit,),
    )?)
}
