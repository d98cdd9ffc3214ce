//! Used permits, the replay keys they claim, and the bytes signed under them.

use crate::Result;
use crate::state::FirstUse;
use store::{Record as _, ScopedTable as _, Tx, list};
use types::{ChainId, Digest, PermitId, ReplayKey, Time};

/// A used or revoked permit. One that was revoked unused has no first use.
#[derive(store::Record)]
#[record(table = "permit_use")]
pub(crate) struct PermitUse {
    #[record(key)]
    pub(crate) permit: PermitId,
    #[record(columns(
        "root",
        "chain",
        "signer",
        "intent",
        "anchor",
        "supersedes",
        "first_at"
    ))]
    pub(crate) first: Option<FirstUse>,
    #[record(update)]
    pub(crate) superseded_by: Option<PermitId>,
    #[record(update)]
    pub(crate) uses: u32,
    #[record(update)]
    pub(crate) last_at: Time,
    pub(crate) revoked_at: Option<Time>,
}

/// A revocation: of a permit that was not used, unless it has a row already.
#[derive(store::Record)]
#[record(table = "permit_use", write)]
pub(crate) struct Revocation<'a> {
    pub(crate) permit: PermitId,
    pub(crate) uses: u32,
    pub(crate) last_at: Time,
    pub(crate) revoked_at: Time,
    pub(crate) revoked_by: &'a str,
    pub(crate) reason: &'a str,
}

/// A replay key to claim.
#[derive(store::Record)]
#[record(table = "permit_replay_key", write)]
pub(crate) struct NewClaim<'a> {
    pub(crate) chain: ChainId,
    pub(crate) signer: &'a str,
    pub(crate) replay_key: &'a ReplayKey,
    pub(crate) root: PermitId,
    pub(crate) permit: PermitId,
}

/// The owner of a replay key.
#[derive(store::Record)]
pub(crate) struct ClaimOwner {
    pub(crate) signer: String,
    pub(crate) replay_key: ReplayKey,
    /// The root of the permit chain; `None` if another namespace owns it.
    pub(crate) root: Option<PermitId>,
}

/// The hash of bytes that were signed, or requested, under a permit.
#[derive(store::Record)]
pub(crate) struct KnownBytes {
    pub(crate) permit: PermitId,
    pub(crate) unsigned_hash: Digest,
    /// `None` for a request.
    pub(crate) signed_at: Option<Time>,
}

/// Signed bytes to insert.
#[derive(store::Record)]
#[record(table = "signed_bytes", write)]
pub(crate) struct NewBytes<'a> {
    pub(crate) permit: PermitId,
    pub(crate) id: &'a str,
    pub(crate) chain: ChainId,
    pub(crate) signer: &'a str,
    /// The anchor of the permit chain.
    pub(crate) replay_key: &'a ReplayKey,
    pub(crate) unsigned_hash: Digest,
    pub(crate) raw: &'a [u8],
    pub(crate) signed_at: Time,
}

/// The stored uses and revocations of these permits.
pub(crate) fn uses(tx: &mut Tx, permits: &[PermitId]) -> Result<Vec<PermitUse>> {
    let sql = PermitUse::select("WHERE namespace = ?ns AND permit IN ({rows})");
    Ok(tx.query_rows(&sql, (), &list(permits))?)
}

/// What became of a permit under which something was signed or requested, or that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "permit_use", read)]
pub struct PermitUsage {
    pub permit: PermitId,
    /// How many different transactions were signed or requested under it.
    pub uses: u32,
    pub revoked_at: Option<Time>,
}

/// What became of these permits, of those that were used or revoked.
pub(crate) fn usage(tx: &mut Tx, permits: &[PermitId]) -> Result<Vec<PermitUsage>> {
    let sql = PermitUsage::select("WHERE namespace = ?ns AND permit IN ({rows})");
    Ok(tx.query_rows(&sql, (), &list(permits))?)
}

/// Revoke a permit; false if it was already revoked. Writes the same row as a use, so that the
/// database orders the two.
pub(crate) fn revoke(tx: &mut Tx, revocation: Revocation<'_>) -> Result<bool> {
    let revoked = Revocation::insert(
        tx,
        &[revocation],
        "ON CONFLICT (namespace, permit) DO UPDATE
            SET revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by,
                reason = excluded.reason
          WHERE permit_use.revoked_at IS NULL",
    )?;
    Ok(revoked == 1)
}

/// Insert or update uses.
pub(crate) fn put_uses(tx: &mut Tx, rows: &[PermitUse]) -> Result<()> {
    PermitUse::upsert(tx, rows)?;
    Ok(())
}

/// The owners of these replay keys of a chain, of any account.
pub(crate) fn owners(
    tx: &mut Tx,
    chain: &ChainId,
    replay_keys: &[&ReplayKey],
) -> Result<Vec<ClaimOwner>> {
    Ok(tx.query_rows(
        "SELECT signer, replay_key, CASE WHEN namespace = ?ns THEN root END
           FROM permit_replay_key WHERE chain = ?1 AND replay_key IN ({rows})",
        (chain,),
        &list(replay_keys),
    )?)
}

/// Claim replay keys. Returns how many were free.
pub(crate) fn claim(tx: &mut Tx, rows: &[NewClaim<'_>]) -> Result<u64> {
    Ok(NewClaim::insert(tx, rows, "ON CONFLICT DO NOTHING")?)
}

/// Release replay keys of this namespace. Returns how many were claimed.
pub(crate) fn release(
    tx: &mut Tx,
    chain: &ChainId,
    signer: &str,
    replay_keys: &[ReplayKey],
) -> Result<u64> {
    Ok(tx.execute_rows(
        "DELETE FROM permit_replay_key
          WHERE namespace = ?ns AND chain = ?1 AND signer = ?2 AND replay_key IN ({rows})",
        (chain, signer),
        &list(replay_keys),
    )?)
}

/// The bytes that were signed or requested under these permits.
pub(crate) fn known(tx: &mut Tx, permits: &[PermitId]) -> Result<Vec<KnownBytes>> {
    Ok(tx.query_rows(
        "SELECT permit, unsigned_hash, signed_at
           FROM signed_bytes WHERE namespace = ?ns AND permit IN ({rows})
         UNION ALL
         SELECT permit, unsigned_hash, NULL
           FROM signature_request WHERE namespace = ?ns AND permit IN ({rows})",
        (),
        &list(permits),
    )?)
}

/// Insert signed bytes. Existing rows stay unchanged.
pub(crate) fn insert_bytes(tx: &mut Tx, rows: &[NewBytes<'_>]) -> Result<()> {
    NewBytes::insert(tx, rows, "ON CONFLICT DO NOTHING")?;
    Ok(())
}

/// The signed bytes of these permits: permit, id, bytes.
pub(crate) fn bytes(tx: &mut Tx, permits: &[PermitId]) -> Result<Vec<(PermitId, String, Vec<u8>)>> {
    Ok(tx.query_rows(
        "SELECT permit, id, raw FROM signed_bytes WHERE namespace = ?ns AND permit IN ({rows})",
        (),
        &list(permits),
    )?)
}
