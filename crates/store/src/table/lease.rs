//! Leases, in the rows of the partition heads.

use crate::partition::Partition;
use crate::{Result, UnscopedTx, params};
use types::{Digest, Time};

/// A lease to be taken.
pub(crate) struct LeaseRequest {
    pub(crate) partition: String,
    pub(crate) holder: String,
    pub(crate) ttl_ms: u64,
    /// This process alone has the database open: a lease of another holder is left over.
    pub(crate) sole: bool,
}

/// Take a lease if it is free, expired, or left over from an earlier process.
pub(crate) fn take(tx: &mut UnscopedTx, request: &LeaseRequest) -> Result<Option<Partition>> {
    let LeaseRequest {
        partition,
        holder,
        ttl_ms,
        sole,
    } = request;
    let now = tx.now();
    let epoch: Option<i64> = tx.value(
        "INSERT INTO partition_head (partition, seq, hash, commits, epoch, holder, expires_at)
         VALUES (?partition, 0, ?hash, 0, 1, ?holder, ?until)
         ON CONFLICT (partition) DO UPDATE
            SET epoch = partition_head.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at
          WHERE partition_head.expires_at <= ?now OR (?sole = 1 AND partition_head.holder <> excluded.holder)
         RETURNING epoch",
        params! { partition, hash: Digest::default(), holder, until: end(now, *ttl_ms), now, sole },
    )?;
    Ok(epoch.map(|epoch| Partition::new(partition, epoch)))
}

/// Renew a lease under its epoch; false if another process has it.
pub(crate) fn renew(tx: &mut UnscopedTx, partition: &Partition, ttl_ms: u64) -> Result<bool> {
    let until = end(tx.now(), ttl_ms);
    set_end(tx, partition, until)
}

/// Expire a lease now.
pub(crate) fn release(tx: &mut UnscopedTx, partition: &Partition) -> Result<()> {
    let now = tx.now();
    set_end(tx, partition, now).map(drop)
}

fn set_end(tx: &mut UnscopedTx, partition: &Partition, at: Time) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE partition_head SET expires_at = ?3 WHERE partition = ?1 AND epoch = ?2",
        (partition.name(), partition.epoch(), at),
    )?;
    Ok(changed == 1)
}

fn end(now: Time, ttl_ms: u64) -> Time {
    now.plus_millis(i64::try_from(ttl_ms).unwrap_or(i64::MAX))
}
