//! Tables `run_step` and `run_attempt`.

use super::run::{from_json, json, to_json};
use crate::run::{Attempt, StepRow};
use crate::state::StepState;
use crate::{Error, Result};
use store::{Row, RowReader, Tx};
use types::{Json, RunId};

/// The steps of a run so far, in order.
pub(crate) fn of_run(tx: &mut Tx<'_, '_>, run: RunId) -> Result<Vec<StepRow>> {
    let rows: Vec<Row> = tx.rows(
        "SELECT seq, name, kind, state, attempt, round, input, output, encrypted_output, request, idempotency_key, waits_for, error, began_at,
                sent_at, sent_by, ended_at
           FROM run_step WHERE namespace = ?ns AND run = ?1 ORDER BY seq",
        (run,),
    )?;
    rows.into_iter().map(|row| step(run, row)).collect()
}

/// Inserts or updates a step.
pub(crate) fn put(tx: &mut Tx<'_, '_>, step: &StepRow) -> Result<()> {
    tx.execute(
        "INSERT INTO run_step (namespace, run, seq, name, kind, state, attempt, round, input, output, encrypted_output, request, idempotency_key,
                waits_for, error, began_at, sent_at, sent_by, ended_at)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
         ON CONFLICT (namespace, run, seq) DO UPDATE SET state = ?5, attempt = ?6, round = ?7, input = ?8, output = ?9, encrypted_output = ?10,
                request = ?11, idempotency_key = ?12, waits_for = ?13, error = ?14, began_at = ?15, sent_at = ?16, sent_by = ?17,
                ended_at = ?18",
        (
            step.run,
            step.seq,
            &step.name,
            &step.kind,
            step.state.as_str(),
            step.attempt,
            step.round,
            &step.input,
            &step.output,
            &step.encrypted_output,
            &step.request,
            &step.idempotency_key,
            &step.waits_for,
            json(&step.error)?,
            step.began,
            step.sent,
            &step.sent_by,
            step.ended,
        ),
    )?;
    Ok(())
}

/// Failed attempts of a run.
pub(crate) fn attempts(tx: &mut Tx<'_, '_>, run: RunId) -> Result<Vec<Attempt>> {
    let rows: Vec<(u32, u32, u32, types::Time, types::Time, Json)> = tx.rows(
        "SELECT seq, round, attempt, began_at, ended_at, error
           FROM run_attempt WHERE namespace = ?ns AND run = ?1 ORDER BY seq, round, attempt",
        (run,),
    )?;
    let attempt = |(seq, round, attempt, began, ended, error): (_, _, _, _, _, Json)| {
        Ok(Attempt {
            seq,
            round,
            attempt,
            began,
            ended,
            error: from_json(&error, "attempt")?,
        })
    };
    rows.into_iter().map(attempt).collect()
}

pub(crate) fn put_attempt(tx: &mut Tx<'_, '_>, run: RunId, attempt: &Attempt) -> Result<()> {
    tx.execute(
        "INSERT INTO run_attempt (namespace, run, seq, round, attempt, began_at, ended_at, error)
         VALUES (?ns, ?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        (
            run,
            attempt.seq,
            attempt.round,
            attempt.attempt,
            attempt.began,
            attempt.ended,
            to_json(&attempt.error)?,
        ),
    )?;
    Ok(())
}

fn step(run: RunId, row: Row) -> Result<StepRow> {
    let mut columns = RowReader::new(row);
    let (seq, name, kind, state): (u32, String, String, String) = (
        columns.take()?,
        columns.take()?,
        columns.take()?,
        columns.take()?,
    );
    let state = StepState::parse(&state)
        .ok_or_else(|| Error::corrupt("step", format!("{state:?} is not a state")))?;
    Ok(StepRow {
        run,
        seq,
        name,
        kind,
        state,
        attempt: columns.take()?,
        round: columns.take()?,
        input: columns.take()?,
        output: columns.take()?,
        encrypted_output: columns.take()?,
        request: columns.take()?,
        idempotency_key: columns.take()?,
        waits_for: columns.take()?,
        error: columns
            .take::<Option<Json>>()?
            .map(|json| from_json(&json, "error"))
            .transpose()?,
        began: columns.take()?,
        sent: columns.take()?,
        sent_by: columns.take()?,
        ended: columns.take()?,
    })
}
