//! Tables `listener`, `listener_event` and `listener_cursor`.

use super::run::{from_json, to_json};
use super::task::version;
use crate::listener::{Listener, ListenerCursor, ListenerKind, ListenerSpec};
use crate::task::Task;
use crate::{Error, Result};
use store::{Cursor, Row, RowReader, Tx, UnscopedTx};
use types::{Height, Json, ListenerId, Namespace, Page, Time};

const COLUMNS: &str = "id, kind, name, shard, disabled, config, chain, cursor_height, cursor_index, cursor_hash, next_lane_index, problem, next_at,
 created_at, updated_at, version";

/// By id or name.
pub(crate) fn find(
    tx: &mut Tx<'_, '_>,
    kind: ListenerKind,
    name_or_id: &str,
) -> Result<Option<Listener>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM listener WHERE namespace = ?ns AND kind = ?1 AND (id = ?2 OR name = ?2)"
    );
    let row: Option<Row> = tx.row(&sql, (kind.as_str(), name_or_id))?;
    row.map(|row| listener(&mut RowReader::new(row)))
        .transpose()
}

pub(crate) fn list(tx: &mut Tx<'_, '_>, kind: ListenerKind, page: &Page) -> Result<Vec<Listener>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM listener WHERE namespace = ?ns AND kind = ?1 ORDER BY name LIMIT ?2 OFFSET ?3"
    );
    let rows: Vec<Row> = tx.rows(&sql, (kind.as_str(), page.limit, page.skip))?;
    rows.into_iter()
        .map(|row| listener(&mut RowReader::new(row)))
        .collect()
}

/// Number of listeners in the namespace.
pub(crate) fn count(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row("SELECT COUNT(*) FROM listener WHERE namespace = ?ns", ())?;
    Ok(row.map_or(0, |(count,)| count))
}

/// The name of a listener that feeds the task.
pub(crate) fn of_task(tx: &mut Tx<'_, '_>, task: &Task) -> Result<Option<String>> {
    let rows: Vec<(String,)> = tx.rows(
        "SELECT name FROM listener WHERE namespace = ?ns AND (task = ?1 OR task = ?2) ORDER BY name LIMIT 1",
        (task.id.to_string(), &task.name),
    )?;
    Ok(rows.into_iter().next().map(|(name,)| name))
}

/// Inserts or updates a listener. Returns false if it changed concurrently.
pub(crate) fn put(tx: &mut Tx<'_, '_>, listener: &Listener, task: &str) -> Result<bool> {
    let cursor = listener.cursor.as_ref();
    let changed = tx.execute(
        "INSERT INTO listener (namespace, id, kind, name, shard, disabled, config, task, chain, cursor_height, cursor_index, cursor_hash,
                next_lane_index, problem, next_at, created_at, updated_at, version)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (namespace, id) DO UPDATE SET name = ?3, disabled = ?5, config = ?6, task = ?7, chain = ?8, cursor_height = ?9,
                cursor_index = ?10, cursor_hash = ?11, problem = ?13, next_at = ?14, updated_at = ?16, version = ?17
          WHERE listener.version = ?17 - 1",
        (
            listener.id,
            listener.kind.as_str(),
            &listener.name,
            listener.shard,
            listener.disabled,
            to_json(&listener.spec)?,
            task,
            &listener.chain,
            cursor.map(|cursor| cursor.height),
            cursor.map(|cursor| cursor.index),
            cursor.and_then(|cursor| cursor.hash.as_ref()),
            listener.next_lane_index,
            &listener.problem,
            listener.next_at,
            listener.created,
            listener.updated,
            version(listener.version),
        ),
    )?;
    Ok(changed == 1)
}

/// Updates the progress of a listener. Returns false if it is no longer at version `before`.
pub(crate) fn update_progress(
    tx: &mut Tx<'_, '_>,
    listener: &Listener,
    before: u64,
) -> Result<bool> {
    let cursor = listener.cursor.as_ref();
    let changed = tx.execute(
        "UPDATE listener SET cursor_height = ?2, cursor_index = ?3, cursor_hash = ?4, next_lane_index = ?5, problem = ?6, next_at = ?7,
                version = ?8
          WHERE namespace = ?ns AND id = ?1 AND version = ?9",
        (
            listener.id,
            cursor.map(|cursor| cursor.height),
            cursor.map(|cursor| cursor.index),
            cursor.and_then(|cursor| cursor.hash.as_ref()),
            listener.next_lane_index,
            &listener.problem,
            listener.next_at,
            version(listener.version),
            version(before),
        ),
    )?;
    Ok(changed == 1)
}

/// Deletes a listener with its cursors and delivered events.
pub(crate) fn delete(tx: &mut Tx<'_, '_>, id: ListenerId) -> Result<()> {
    tx.execute(
        "DELETE FROM listener_event WHERE namespace = ?ns AND listener = ?1",
        (id,),
    )?;
    tx.execute(
        "DELETE FROM listener_cursor WHERE namespace = ?ns AND listener = ?1",
        (id,),
    )?;
    tx.execute(
        "DELETE FROM listener WHERE namespace = ?ns AND id = ?1",
        (id,),
    )?;
    Ok(())
}

/// Listeners of a shard that are due.
pub(crate) fn due(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    now: Time,
    limit: u32,
) -> Result<Vec<(Namespace, Listener)>> {
    let sql = format!(
        "SELECT namespace, {COLUMNS} FROM listener WHERE shard = ?1 AND disabled = 0 AND next_at <= ?2 ORDER BY next_at, id LIMIT ?3"
    );
    let rows: Vec<Row> = tx.rows(&sql, (shard, now, limit))?;
    let from_json = |row| {
        let mut columns = RowReader::new(row);
        Ok((columns.take()?, listener(&mut columns)?))
    };
    rows.into_iter().map(from_json).collect()
}

/// When the next listener with a problem is tried again.
pub(crate) fn next_due(tx: &mut UnscopedTx<'_, '_>, shard: i64) -> Result<Option<Time>> {
    let row: Option<(Option<Time>,)> = tx
        .row("SELECT MIN(next_at) FROM listener WHERE shard = ?1 AND disabled = 0 AND problem IS NOT NULL", (shard,))?;
    Ok(row.and_then(|(at,)| at))
}

/// An event delivered before it was final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) event: String,
    pub(crate) block_hash: String,
    pub(crate) height: Height,
    pub(crate) input: Json,
}

/// Delivered events that may still be reverted, newest first.
pub(crate) fn delivered(tx: &mut Tx<'_, '_>, listener: ListenerId) -> Result<Vec<Delivered>> {
    let rows: Vec<(String, String, Height, Json)> = tx.rows(
        "SELECT event, block_hash, height, input FROM listener_event WHERE namespace = ?ns AND listener = ?1
          ORDER BY height DESC, event DESC",
        (listener,),
    )?;
    let delivery = |(event, block_hash, height, input)| Delivered {
        event,
        block_hash,
        height,
        input,
    };
    Ok(rows.into_iter().map(delivery).collect())
}

/// Records a delivery until it is final.
pub(crate) fn insert_delivery(
    tx: &mut Tx<'_, '_>,
    listener: ListenerId,
    delivery: &Delivered,
) -> Result<()> {
    tx.execute(
        "INSERT INTO listener_event (namespace, listener, event, block_hash, height, input) VALUES (?ns, ?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
        (listener, &delivery.event, &delivery.block_hash, delivery.height, &delivery.input),
    )?;
    Ok(())
}

/// Removes a delivery that was reverted.
pub(crate) fn delete_delivery(
    tx: &mut Tx<'_, '_>,
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
    tx: &mut Tx<'_, '_>,
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
pub(crate) fn cursors(tx: &mut Tx<'_, '_>, listener: ListenerId) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT partition, seq FROM listener_cursor WHERE namespace = ?ns AND listener = ?1",
        (listener,),
    )?)
}

pub(crate) fn put_cursors(
    tx: &mut Tx<'_, '_>,
    listener: ListenerId,
    cursors: &[Cursor],
) -> Result<()> {
    let rows: Vec<(&String, i64)> = cursors
        .iter()
        .map(|cursor| (&cursor.partition, cursor.seq))
        .collect();
    tx.execute_rows(
        "WITH n(partition, seq) AS ({rows})
         INSERT INTO listener_cursor (namespace, listener, partition, seq) SELECT ?ns, ?1, n.partition, n.seq FROM n WHERE 1 = 1
         ON CONFLICT (namespace, listener, partition) DO UPDATE SET seq = excluded.seq",
        (listener,),
        &rows,
    )?;
    Ok(())
}

fn listener(columns: &mut RowReader) -> Result<Listener> {
    let (id, kind, name, shard, disabled) = (
        columns.take()?,
        columns.take::<String>()?,
        columns.take()?,
        columns.take()?,
        columns.take()?,
    );
    let spec: Json = columns.take()?;
    let spec: ListenerSpec = from_json(&spec, "listener")?;
    let chain = columns.take()?;
    let (height, index, hash): (Option<Height>, Option<i64>, Option<String>) =
        (columns.take()?, columns.take()?, columns.take()?);
    let kind = [ListenerKind::Firefly, ListenerKind::DataModel]
        .into_iter()
        .find(|candidate| candidate.as_str() == kind);
    Ok(Listener {
        id,
        kind: kind.ok_or_else(|| Error::corrupt("listener", "its kind is unknown"))?,
        name,
        disabled,
        spec,
        chain,
        cursor: height.zip(index).map(|(height, index)| ListenerCursor {
            height,
            index,
            hash,
        }),
        next_lane_index: columns.take()?,
        problem: columns.take()?,
        next_at: columns.take()?,
        created: columns.take()?,
        updated: columns.take()?,
        version: u64::try_from(columns.take::<i64>()?).unwrap_or(0),
        shard,
    })
}
