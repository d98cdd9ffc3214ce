//! Reads the audit trail of a namespace. Each function opens its own transaction.

use crate::{Cursor, Db, Result, StoredFact, UnscopedTx};
use types::{Namespace, Principal};

/// Facts of all namespaces that one query reads.
const BATCH: u32 = 1_000;
/// The largest number of queries of one call. A page may be shorter than its limit because of it.
const MAX_BATCHES: usize = 20;

/// A page of the facts of one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactPage {
    pub facts: Vec<StoredFact>,
    /// The last position that was read; none at the end of the partition.
    pub next: Option<i64>,
}

/// The facts of the principal's namespace in one partition after a cursor, in order. The page may
/// contain fewer than `limit` facts; there are more as long as it has a next position.
pub async fn facts(
    db: &Db,
    principal: &Principal,
    after: Cursor,
    limit: usize,
) -> Result<FactPage> {
    let args = (principal.namespace, after, limit);
    let read = db.read_unscoped_with(args, |tx, (namespace, after, limit)| {
        page(tx, namespace, after, *limit)
    });
    read.await
}

fn page(
    tx: &mut UnscopedTx,
    namespace: &Namespace,
    after: &Cursor,
    limit: usize,
) -> Result<FactPage> {
    let (mut facts, mut cursor) = (Vec::new(), after.clone());
    for _ in 0..MAX_BATCHES {
        let batch = crate::facts_after(tx, &cursor, BATCH)?;
        let is_last = batch.len() < BATCH as usize;
        for fact in batch {
            cursor.seq = fact.cursor.seq;
            if fact.namespace == *namespace {
                facts.push(fact);
            }
            if facts.len() == limit {
                let next = Some(cursor.seq);
                return Ok(FactPage { facts, next });
            }
        }
        if is_last {
            return Ok(FactPage { facts, next: None });
        }
    }
    let next = Some(cursor.seq);
    Ok(FactPage { facts, next })
}

/// Every partition with its last fact.
pub async fn partitions(db: &Db) -> Result<Vec<Cursor>> {
    db.read_unscoped(crate::partitions).await
}
