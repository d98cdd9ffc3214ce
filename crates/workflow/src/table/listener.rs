//! Tables `listener`, `listener_event` and `listener_cursor`.

use crate::listener::{Listener, ListenerKind};
use crate::task::Task;
use crate::{Error, Result};
use store::{Cursor, InNamespace, Record as _, ScopedTable as _, Tx, UnscopedTx, params};
use types::{Height, Json, ListenerId, Time};

store::text_columns! { as_in_json: ListenerKind }

/// The name of a listener that feeds the task.
pub(crate) fn of_task(tx: &mut Tx, task: &Task) -> Result<Option<String>> {
    Ok(tx.value(
        "SELECT name FROM listener WHERE namespace = ?ns AND (task = ?1 OR task = ?2) ORDER BY name LIMIT 1",
        (task.id, &task.name),
    )?)
}

/// Updates the progress of a listener. [`Error::VersionConflict`] if it is no longer at version
/// `before`.
pub(crate) fn update_progress(tx: &mut Tx, listener: &Listener, before: u64) -> Result<()> {
    let cursor = listener.cursor.as_ref();
    let changed = tx.execute(
        "UPDATE listener
            SET cursor_height = ?height, cursor_index = ?index, cursor_hash = ?hash,
                next_queue_index = ?next_queue_index, problem = ?problem, next_at = ?next_at, version = ?version
          WHERE namespace = ?ns AND id = ?id AND version = ?before",
        params! {
            id: listener.id,
            height: cursor.map(|cursor| cursor.height),
            index: cursor.map(|cursor| cursor.index),
            hash: cursor.and_then(|cursor| cursor.hash.as_ref()),
            next_queue_index: listener.next_queue_index,
            problem: listener.problem,
            next_at: listener.next_at,
            version: listener.version,
            before,
        },
    )?;
    if changed == 1 {
        Ok(())
    } else {
        Err(Error::VersionConflict)
    }
}

/// Deletes the cursors and delivered events of a listener.
pub(crate) fn delete_parts(tx: &mut Tx, id: ListenerId) -> Result<()> {
    tx.execute(
        "DELETE FROM listener_event WHERE namespace = ?ns AND listener = ?1",
        (id,),
    )?;
    tx.execute(
        "DELETE FROM listener_cursor WHERE namespace = ?ns AND listener = ?1",
        (id,),
    )?;
    Ok(())
}

/// Listeners of a shard that are due.
pub(crate) fn due(
    tx: &mut UnscopedTx,
    shard: i64,
    now: Time,
    limit: u32,
) -> Result<Vec<InNamespace<Listener>>> {
    let sql = InNamespace::<Listener>::select(
        "WHERE shard = ?1 AND disabled = 0 AND next_at <= ?2 ORDER BY next_at, id LIMIT ?3",
    );
    Ok(tx.rows(&sql, (shard, now, limit))?)
}

/// When the next listener with a problem is tried again.
pub(crate) fn next_due(tx: &mut UnscopedTx, shard: i64) -> Result<Option<Time>> {
    Ok(tx.value(
        "SELECT MIN(next_at) FROM listener WHERE shard = ?1 AND disabled = 0 AND problem IS NOT NULL",
        (shard,),
    )?)
}

/// An event delivered before it was final.
#[derive(Debug, Clone, PartialEq, Eq, store::Record)]
#[record(table = "listener_event")]
pub(crate) struct Delivered {
    pub(crate) listener: ListenerId,
    pub(crate) event: String,
    pub(crate) block_hash: String,
    pub(crate) height: Height,
    pub(crate) input: Json,
}

/// Delivered events that may still be reverted, newest first.
pub(crate) fn delivered(tx: &mut Tx, listener: ListenerId) -> Result<Vec<Delivered>> {
    let sql = Delivered::select(
        "WHERE namespace = ?ns AND listener = ?1 ORDER BY height DESC, event DESC",
    );
    Ok(tx.rows(&sql, (listener,))?)
}

/// Records a delivery until it is final.
pub(crate) fn insert_delivery(tx: &mut Tx, delivery: Delivered) -> Result<()> {
    Delivered::insert(tx, &[delivery], "ON CONFLICT DO NOTHING")?;
    Ok(())
}

/// Removes a delivery that was reverted.
pub(crate) fn delete_delivery(
    tx: &mut Tx,
    listener: ListenerId,
    event: &str,
    block_hash: &str,
) -> Result<()> {
    tx.execute(
        "DELETE FROM listener_event WHERE namespace = ?ns AND listener = ?1 AND event = ?2 AND block_hash = ?3",
        (listener, event, block_hash),
    )?;
    Ok(())
}

/// Removes deliveries that are final.
pub(crate) fn delete_final_deliveries(
    tx: &mut Tx,
    listener: ListenerId,
    finalized: Height,
) -> Result<()> {
    tx.execute(
        "DELETE FROM listener_event WHERE namespace = ?ns AND listener = ?1 AND height <= ?2",
        (listener, finalized),
    )?;
    Ok(())
}

/// The sequence number read in each partition, for a listener to entries.
pub(crate) fn cursors(tx: &mut Tx, listener: ListenerId) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT partition, seq FROM listener_cursor WHERE namespace = ?ns AND listener = ?1",
        (listener,),
    )?)
}

/// How far a listener has read a partition.
#[derive(store::Record)]
#[record(table = "listener_cursor", write)]
struct ReadCursor<'c> {
    #[record(key)]
    listener: ListenerId,
    #[record(key)]
    partition: &'c str,
    #[record(update)]
    seq: i64,
}

pub(crate) fn put_cursors(tx: &mut Tx, listener: ListenerId, cursors: &[Cursor]) -> Result<()> {
    let rows: Vec<ReadCursor<'_>> = cursors
        .iter()
        .map(|cursor| ReadCursor {
            listener,
            partition: &cursor.partition,
            seq: cursor.seq,
        })
        .collect();
    ReadCursor::upsert(tx, &rows)?;
    Ok(())
}
