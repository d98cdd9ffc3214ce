//! Tables `run` and `run_cursor`.

use crate::Result;
use crate::error::to_stored;
use crate::run::{Run, RunFilter};
use crate::state::{State, StepState};
use store::{
    Record as _, ScopedTable as _, Tx, UnscopedTable as _, UnscopedTx, list as items, params,
};
use types::{ListenerId, Namespace, Page, RunId, TaskId, Time};

store::text_columns! { as_in_json: State, StepState }

pub(crate) fn get(tx: &mut Tx, id: RunId) -> Result<Option<Run>> {
    let sql = Run::select("WHERE namespace = ?ns AND id = ?1");
    Ok(tx.row(&sql, (id,))?)
}

/// Writes in whose name a run acts.
pub(crate) fn put_initiator(tx: &mut Tx, run: &Run) -> Result<()> {
    tx.execute(
        "UPDATE run SET initiator = ?2 WHERE namespace = ?ns AND id = ?1",
        (run.id, to_stored("run", &run.initiator)?),
    )?;
    Ok(())
}

/// Newest first.
pub(crate) fn list(tx: &mut Tx, filter: &RunFilter, page: &Page) -> Result<Vec<Run>> {
    let sql = Run::select(
        "WHERE namespace = ?ns AND (?state = '' OR state = ?state)
                AND (?task = '' OR task = ?task OR task_name = ?task)
                AND (?listener = '' OR queue = ?listener) AND (?activity = '' OR activity = ?activity)
          ORDER BY created_at DESC, id DESC LIMIT ?limit OFFSET ?skip",
    );
    Ok(tx.rows(
        &sql,
        params! {
            state: filter.state.map_or("", State::as_str),
            task: filter.task.as_deref().unwrap_or_default(),
            listener: filter.listener.map(|id| id.to_string()).unwrap_or_default(),
            activity: filter.activity.as_deref().unwrap_or_default(),
            limit: page.limit,
            skip: page.skip,
        },
    )?)
}

/// Runs of the namespace that have not ended.
pub(crate) fn count_open(tx: &mut Tx) -> Result<u64> {
    Ok(tx.count(
        "SELECT COUNT(*) FROM run WHERE namespace = ?ns AND closed = 0",
        (),
    )?)
}

/// The oldest run of a task that has not ended.
pub(crate) fn open_of_task(tx: &mut Tx, task: TaskId) -> Result<Option<RunId>> {
    Ok(tx.value(
        "SELECT id FROM run WHERE namespace = ?ns AND task = ?1 AND closed = 0 ORDER BY created_at LIMIT 1",
        (task,),
    )?)
}

pub(crate) fn insert(tx: &mut Tx, run: &Run) -> Result<()> {
    Run::insert(tx, std::slice::from_ref(run), "")?;
    Ok(())
}

/// Changes when the run is due, and nothing else.
pub(crate) fn reschedule(tx: &mut Tx, run: &Run, at: Time) -> Result<()> {
    tx.execute(
        "UPDATE run SET next_at = ?2 WHERE namespace = ?ns AND id = ?1 AND version = ?3",
        (run.id, at, run.version),
    )?;
    Ok(())
}

/// The same, unless [`wake`] changed the due time since the run was loaded.
pub(crate) fn reschedule_unless_woken(tx: &mut Tx, run: &Run, due: Time, at: Time) -> Result<()> {
    tx.execute(
        "UPDATE run SET next_at = ?2 WHERE namespace = ?ns AND id = ?1 AND version = ?3 AND next_at = ?4",
        (run.id, at, run.version, due),
    )?;
    Ok(())
}

/// Releases the first queued run of a queue, unless another run of the queue is open.
pub(crate) fn release_next(tx: &mut Tx, queue: ListenerId) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE run SET next_at = ?2
          WHERE namespace = ?ns AND queue = ?1 AND state = 'queued' AND next_at IS NULL
                AND queue_index = (SELECT MIN(first.queue_index) FROM run first
                                   WHERE first.namespace = ?ns AND first.queue = ?1 AND first.closed = 0)",
        (queue, now),
    )?;
    Ok(())
}

/// Runs of a queue that have not ended.
pub(crate) fn count_unfinished(tx: &mut Tx, queue: ListenerId) -> Result<u64> {
    Ok(tx.count(
        "SELECT COUNT(*) FROM run WHERE namespace = ?ns AND queue = ?1 AND closed = 0",
        (queue,),
    )?)
}

/// Due runs of a shard, longest due first, at most `each` per namespace.
pub(crate) fn due(
    tx: &mut UnscopedTx,
    shard: i64,
    now: Time,
    per_namespace: u32,
    limit: u32,
) -> Result<Vec<(Namespace, RunId)>> {
    Ok(tx.rows(
        "SELECT namespace, id
           FROM (SELECT namespace, id, next_at, ROW_NUMBER() OVER (PARTITION BY namespace ORDER BY next_at, id) AS turn
                   FROM run WHERE shard = ?1 AND next_at <= ?2) due
          WHERE turn <= ?3 ORDER BY turn, next_at, id LIMIT ?4",
        (shard, now, per_namespace, limit),
    )?)
}

/// When the next run of a shard is due.
pub(crate) fn next_due(tx: &mut UnscopedTx, shard: i64) -> Result<Option<Time>> {
    Ok(tx.value("SELECT MIN(next_at) FROM run WHERE shard = ?1", (shard,))?)
}

/// Makes the runs that wait for one of these submissions due now. A run that is already due gets
/// another due time, so that [`reschedule_unless_woken`] sees that it was woken.
pub(crate) fn wake(tx: &mut UnscopedTx, shard: i64, subjects: &[String], now: Time) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH changed(subject) AS ({rows})
         UPDATE run SET next_at = CASE WHEN run.next_at > ?2 THEN ?2 ELSE run.next_at - 1 END FROM changed
          WHERE run.waits_for = changed.subject AND run.shard = ?1 AND run.next_at IS NOT NULL",
        (shard, now),
        &items(subjects),
    )?)
}

/// How far a shard has read a partition.
#[derive(store::Record)]
#[record(table = "run_cursor", global)]
pub(crate) struct ReadCursor {
    #[record(key)]
    pub(crate) shard: i64,
    #[record(key)]
    pub(crate) partition: String,
    #[record(update)]
    pub(crate) seq: i64,
}

/// The sequence number a shard has read in each partition.
pub(crate) fn cursors(tx: &mut UnscopedTx, shard: i64) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT partition, seq FROM run_cursor WHERE shard = ?1",
        (shard,),
    )?)
}

pub(crate) fn put_cursors(tx: &mut UnscopedTx, cursors: &[ReadCursor]) -> Result<()> {
    ReadCursor::upsert_unscoped(tx, cursors)?;
    Ok(())
}
