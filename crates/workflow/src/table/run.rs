//! Tables `run` and `run_cursor`.

use super::task::version;
use crate::run::{Lane, Run, RunFilter};
use crate::state::{Position, State, StepState};
use crate::{Error, Result};
use serde::de::DeserializeOwned;
use store::{Row, RowReader, ToValue, Tx, UnscopedTx, Value, ValueKind};
use types::{Json, ListenerId, Namespace, Page, RunId, TaskId, Time};

const COLUMNS: &str = "id, shard, task, task_name, version_id, version_label, state, step, step_state, attempt, round, steps, input, encrypted_input,
 result, error, reason, waits_for, initiator, origin, activity, idempotency_key, lane, lane_index, lane_holds, closed, next_at, created_at,
 started_at, ended_at, updated_at, version";

pub(crate) fn get(tx: &mut Tx<'_, '_>, id: RunId) -> Result<Option<Run>> {
    let sql = format!("SELECT {COLUMNS} FROM run WHERE namespace = ?ns AND id = ?1");
    let row: Option<Row> = tx.row(&sql, (id,))?;
    row.map(run).transpose()
}

/// Newest first.
pub(crate) fn list(tx: &mut Tx<'_, '_>, filter: &RunFilter, page: &Page) -> Result<Vec<Run>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM run
          WHERE namespace = ?ns AND (?1 = '' OR state = ?1) AND (?2 = '' OR task = ?2 OR task_name = ?2)
                AND (?3 = '' OR lane = ?3) AND (?4 = '' OR activity = ?4)
          ORDER BY created_at DESC, id DESC LIMIT ?5 OFFSET ?6"
    );
    let listener = filter.listener.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<Row> = tx.rows(
        &sql,
        (
            filter.state.map_or("", State::as_str),
            filter.task.as_deref().unwrap_or_default(),
            listener,
            filter.activity.as_deref().unwrap_or_default(),
            page.limit,
            page.skip,
        ),
    )?;
    rows.into_iter().map(run).collect()
}

/// Runs of the namespace that have not ended.
pub(crate) fn count_open(tx: &mut Tx<'_, '_>) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM run WHERE namespace = ?ns AND closed = 0",
        (),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// The oldest run of a task that has not ended.
pub(crate) fn open_of_task(tx: &mut Tx<'_, '_>, task: TaskId) -> Result<Option<RunId>> {
    let rows: Vec<(RunId,)> = tx.rows(
        "SELECT id FROM run WHERE namespace = ?ns AND task = ?1 AND closed = 0 ORDER BY created_at LIMIT 1",
        (task,),
    )?;
    Ok(rows.into_iter().next().map(|(id,)| id))
}

pub(crate) fn insert(tx: &mut Tx<'_, '_>, run: &Run) -> Result<()> {
    let params = values(run)?;
    let placeholders: Vec<String> = (1..=params.len())
        .map(|number| format!("?{number}"))
        .collect();
    let sql = format!(
        "INSERT INTO run (namespace, {COLUMNS}) VALUES (?ns, {})",
        placeholders.join(", ")
    );
    tx.execute(&sql, params)?;
    Ok(())
}

/// Updates a run. Returns false if it changed concurrently.
pub(crate) fn update(tx: &mut Tx<'_, '_>, run: &Run) -> Result<bool> {
    let position = &run.position;
    let changed = tx.execute(
        "UPDATE run SET state = ?2, step = ?3, step_state = ?4, attempt = ?5, round = ?6, result = ?7, error = ?8, reason = ?9,
                waits_for = ?10, next_at = ?11, started_at = ?12, ended_at = ?13, updated_at = ?14, version = ?15, closed = ?16
          WHERE namespace = ?ns AND id = ?1 AND version = ?15 - 1",
        (
            run.id,
            position.state.as_str(),
            position.step,
            position.step_state.as_str(),
            position.attempt,
            position.round,
            &run.result,
            json(&run.error)?,
            &run.reason,
            &run.waits_for,
            run.next_at,
            run.started,
            run.ended,
            run.updated,
            version(run.version),
            run.closed,
        ),
    )?;
    Ok(changed == 1)
}

/// Changes when the run is due, and nothing else.
pub(crate) fn reschedule(tx: &mut Tx<'_, '_>, run: &Run, at: Time) -> Result<()> {
    tx.execute(
        "UPDATE run SET next_at = ?2 WHERE namespace = ?ns AND id = ?1 AND version = ?3",
        (run.id, at, version(run.version)),
    )?;
    Ok(())
}

/// The same, unless [`wake`] changed the due time since the run was loaded.
pub(crate) fn reschedule_unless_woken(
    tx: &mut Tx<'_, '_>,
    run: &Run,
    due: Time,
    at: Time,
) -> Result<()> {
    tx.execute(
        "UPDATE run SET next_at = ?2 WHERE namespace = ?ns AND id = ?1 AND version = ?3 AND next_at = ?4",
        (run.id, at, version(run.version), due),
    )?;
    Ok(())
}

/// Releases the first queued run of a lane, unless another run of the lane is open.
pub(crate) fn release_lane(tx: &mut Tx<'_, '_>, lane: ListenerId, now: Time) -> Result<()> {
    tx.execute(
        "UPDATE run SET next_at = ?2
          WHERE namespace = ?ns AND lane = ?1 AND state = 'queued' AND next_at IS NULL
                AND lane_index = (SELECT MIN(first.lane_index) FROM run first
                                   WHERE first.namespace = ?ns AND first.lane = ?1 AND first.closed = 0)",
        (lane, now),
    )?;
    Ok(())
}

/// Runs of a lane that have not ended.
pub(crate) fn count_lane(tx: &mut Tx<'_, '_>, lane: ListenerId) -> Result<i64> {
    let row: Option<(i64,)> = tx.row(
        "SELECT COUNT(*) FROM run WHERE namespace = ?ns AND lane = ?1 AND closed = 0",
        (lane,),
    )?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Due runs of a shard, longest due first, at most `each` per namespace.
pub(crate) fn due(
    tx: &mut UnscopedTx<'_, '_>,
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
pub(crate) fn next_due(tx: &mut UnscopedTx<'_, '_>, shard: i64) -> Result<Option<Time>> {
    let row: Option<(Option<Time>,)> =
        tx.row("SELECT MIN(next_at) FROM run WHERE shard = ?1", (shard,))?;
    Ok(row.and_then(|(at,)| at))
}

/// Makes the runs that wait for one of these submissions due now. A run that is already due gets
/// another due time, so that [`reschedule_unless_woken`] sees that it was woken.
pub(crate) fn wake(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    subjects: &[(String,)],
    now: Time,
) -> Result<u64> {
    Ok(tx.execute_rows(
        "WITH changed(subject) AS ({rows})
         UPDATE run SET next_at = CASE WHEN run.next_at > ?2 THEN ?2 ELSE run.next_at - 1 END FROM changed
          WHERE run.waits_for = changed.subject AND run.shard = ?1 AND run.next_at IS NOT NULL",
        (shard, now),
        subjects,
    )?)
}

/// The sequence number a shard has read in each partition.
pub(crate) fn cursors(tx: &mut UnscopedTx<'_, '_>, shard: i64) -> Result<Vec<(String, i64)>> {
    Ok(tx.rows(
        "SELECT partition, seq FROM run_cursor WHERE shard = ?1",
        (shard,),
    )?)
}

pub(crate) fn put_cursors(
    tx: &mut UnscopedTx<'_, '_>,
    shard: i64,
    cursors: &[(String, i64)],
) -> Result<()> {
    tx.execute_rows(
        "WITH n(partition, seq) AS ({rows})
         INSERT INTO run_cursor (shard, partition, seq) SELECT ?1, n.partition, n.seq FROM n WHERE 1 = 1
         ON CONFLICT (shard, partition) DO UPDATE SET seq = excluded.seq",
        (shard,),
        cursors,
    )?;
    Ok(())
}

fn values(run: &Run) -> Result<Vec<Value<'_>>> {
    let position = &run.position;
    let owned = |text: String| Value::Text(text.into());
    let lane_index = run
        .lane
        .as_ref()
        .map_or(Value::Null(ValueKind::Int), |lane| Value::Int(lane.index));
    Ok(vec![
        run.id.to_value(),
        run.shard.to_value(),
        run.task.to_value(),
        run.task_name.to_value(),
        run.version_id.to_value(),
        run.version_label.to_value(),
        Value::Text(position.state.as_str().into()),
        Value::Int(position.step.into()),
        Value::Text(position.step_state.as_str().into()),
        Value::Int(position.attempt.into()),
        Value::Int(position.round.into()),
        run.steps.to_value(),
        ToValue::to_value(&run.input),
        run.encrypted_input.to_value(),
        run.result.to_value(),
        json(&run.error)?.map_or(Value::Null(ValueKind::Text), |json| {
            owned(json.as_str().to_owned())
        }),
        run.reason.to_value(),
        run.waits_for.to_value(),
        owned(to_json(&run.initiator)?.as_str().to_owned()),
        owned(to_json(&run.origin)?.as_str().to_owned()),
        run.activity.to_value(),
        run.idempotency_key.to_value(),
        run.lane
            .as_ref()
            .map_or(Value::Null(ValueKind::Text), |lane| {
                owned(lane.listener.to_string())
            }),
        lane_index,
        run.lane
            .as_ref()
            .map_or(Value::Null(ValueKind::Int), |lane| lane.holds.to_value()),
        run.closed.to_value(),
        run.next_at.to_value(),
        run.created.to_value(),
        run.started.to_value(),
        run.ended.to_value(),
        run.updated.to_value(),
        Value::Int(version(run.version)),
    ])
}

fn run(row: Row) -> Result<Run> {
    let mut columns = RowReader::new(row);
    Ok(Run {
        id: columns.take()?,
        shard: columns.take()?,
        task: columns.take()?,
        task_name: columns.take()?,
        version_id: columns.take()?,
        version_label: columns.take()?,
        position: position(&mut columns)?,
        steps: columns.take()?,
        input: columns.take()?,
        encrypted_input: columns.take()?,
        result: columns.take()?,
        error: columns
            .take::<Option<Json>>()?
            .map(|json| from_json(&json, "error"))
            .transpose()?,
        reason: columns.take()?,
        waits_for: columns.take()?,
        initiator: from_json(&columns.take()?, "initiator")?,
        origin: from_json(&columns.take()?, "origin")?,
        activity: columns.take()?,
        idempotency_key: columns.take()?,
        lane: lane(&mut columns)?,
        closed: columns.take()?,
        next_at: columns.take()?,
        created: columns.take()?,
        started: columns.take()?,
        ended: columns.take()?,
        updated: columns.take()?,
        version: u64::try_from(columns.take::<i64>()?).unwrap_or(0),
    })
}

fn position(columns: &mut RowReader) -> Result<Position> {
    let (state, step, step_state): (String, u32, String) =
        (columns.take()?, columns.take()?, columns.take()?);
    let (attempt, round) = (columns.take()?, columns.take()?);
    let unknown = |text: &str| Error::corrupt("run", format!("{text:?} is not a state"));
    Ok(Position {
        state: State::parse(&state).ok_or_else(|| unknown(&state))?,
        step,
        step_state: StepState::parse(&step_state).ok_or_else(|| unknown(&step_state))?,
        attempt,
        round,
    })
}

fn lane(columns: &mut RowReader) -> Result<Option<Lane>> {
    let (listener, lane_index): (Option<ListenerId>, Option<i64>) =
        (columns.take()?, columns.take()?);
    let holds = columns.take::<Option<bool>>()?.unwrap_or(true);
    Ok(listener.zip(lane_index).map(|(listener, lane_index)| Lane {
        listener,
        index: lane_index,
        holds,
    }))
}

/// Serializes a small value.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<Json> {
    Json::of(value).map_err(|error| Error::corrupt("run", error.to_string()))
}

pub(crate) fn json(value: &Option<impl serde::Serialize>) -> Result<Option<Json>> {
    value.as_ref().map(to_json).transpose()
}

pub(crate) fn from_json<T: DeserializeOwned>(json: &Json, noun: &'static str) -> Result<T> {
    serde_json::from_str(json.as_str()).map_err(|error| Error::corrupt(noun, error.to_string()))
}
