//! Tables `run_step` and `run_attempt`.

use crate::Result;
use crate::run::{Attempt, StepRow};
use store::{Record as _, ScopedTable as _, Tx};
use types::RunId;

/// The steps of a run so far, in order.
pub(crate) fn of_run(tx: &mut Tx, run: RunId) -> Result<Vec<StepRow>> {
    let sql = StepRow::select("WHERE namespace = ?ns AND run = ?1 ORDER BY seq");
    Ok(tx.rows(&sql, (run,))?)
}

/// Inserts or updates a step.
pub(crate) fn put(tx: &mut Tx, step: &StepRow) -> Result<()> {
    StepRow::upsert(tx, std::slice::from_ref(step))?;
    Ok(())
}

/// Failed attempts of a run.
pub(crate) fn attempts(tx: &mut Tx, run: RunId) -> Result<Vec<Attempt>> {
    let sql = Attempt::select("WHERE namespace = ?ns AND run = ?1 ORDER BY seq, round, attempt");
    Ok(tx.rows(&sql, (run,))?)
}

pub(crate) fn put_attempt(tx: &mut Tx, attempt: &Attempt) -> Result<()> {
    Attempt::insert(tx, std::slice::from_ref(attempt), "ON CONFLICT DO NOTHING")?;
    Ok(())
}
