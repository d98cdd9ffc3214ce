//! The heads of the partitions, as commits move them.

use super::query;
use crate::engine::{Connection, EngineResult, Statement};
use crate::partition::Partition;
use crate::record::update_of;
use crate::{Record as _, UnscopedTable as _};
use types::Digest;

/// The end of a partition's hash chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, store::Record)]
#[record(table = "partition_head", read)]
pub(crate) struct Head {
    pub(crate) seq: i64,
    pub(crate) hash: Digest,
    /// The number of committed transactions. After a lost connection it shows whether the last
    /// commit succeeded.
    pub(crate) commits: i64,
}

/// How often a partition was committed to, and by which owner last.
#[derive(Debug, store::Record)]
#[record(table = "partition_head", read)]
pub(crate) struct CommitCount {
    pub(crate) commits: i64,
    pub(crate) epoch: i64,
}

/// A head with the place that it advances.
#[derive(store::Record)]
#[record(table = "partition_head", global, write)]
struct NextHead<'a> {
    #[record(key)]
    partition: &'a str,
    #[record(key)]
    epoch: i64,
    #[record(update)]
    seq: i64,
    #[record(update)]
    hash: &'a Digest,
    #[record(next_version)]
    commits: i64,
}

/// Read the head of a partition under its owner's epoch; none if another process owns it.
pub(crate) fn get(
    connection: &mut dyn Connection,
    partition: &Partition,
) -> EngineResult<Option<Head>> {
    let sql = Head::select("WHERE partition = ?1 AND epoch = ?2");
    Ok(query(connection, &sql, (partition.name(), partition.epoch()))?.pop())
}

/// Advance a head to the one of the next commit; false if another process owns the partition or has
/// advanced it.
pub(crate) fn advance(
    connection: &mut dyn Connection,
    partition: &Partition,
    next: &Head,
) -> EngineResult<bool> {
    let next = NextHead {
        partition: partition.name(),
        epoch: partition.epoch(),
        seq: next.seq,
        hash: &next.hash,
        commits: next.commits,
    };
    let changed = connection.execute(&Statement {
        sql: NextHead::UPDATE,
        params: &update_of(&next, false),
        namespace: None,
    })?;
    Ok(changed == 1)
}

/// Read the commit count of a partition, under any owner. The update waits for the row lock, so no
/// transaction that moves the head is in progress.
pub(crate) fn lock(
    connection: &mut dyn Connection,
    partition: &Partition,
) -> EngineResult<Option<CommitCount>> {
    let sql = format!(
        "UPDATE partition_head SET commits = commits WHERE partition = ?1 RETURNING {}",
        CommitCount::COLUMNS
    );
    Ok(query(connection, &sql, (partition.name(),))?.pop())
}
