//! Records a run, its step, an attempt and the fact in one transaction, which fails if the run
//! changed concurrently.

use crate::run::{Attempt, Failure, Run, StepRow};
use crate::state::{Position, State, StepState};
use crate::table::{run as table, step as steps};
use crate::{Error, Result, Workflow};
use store::{Lease, ScopedTable as _, Tx};
use types::{Namespace, Principal, RunId};

/// A change of a run, ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) run: Run,
    pub(crate) step: Option<StepRow>,
    /// A failed attempt.
    pub(crate) attempt: Option<Attempt>,
}

impl Change {
    pub(crate) fn new(run: Run, step: Option<StepRow>) -> Self {
        Self {
            run,
            step,
            attempt: None,
        }
    }
}

/// Writes a change. [`Error::VersionConflict`] rolls back whatever else the closure wrote.
pub(crate) fn write(tx: &mut Tx, change: &Change, principal: &Principal) -> Result<()> {
    let Change { run, step, attempt } = change;
    if !run.update(tx)? {
        return Err(Error::VersionConflict);
    }
    if let Some(step) = step {
        steps::put(tx, step)?;
    }
    if let Some(attempt) = attempt {
        steps::put_attempt(tx, attempt)?;
    }
    if let Some(queue) = run.queue.as_ref().filter(|_| run.closed) {
        table::release_next(tx, queue.listener)?;
    }
    tx.append(run.fact(run.fact_kind()).actor(principal));
    Ok(())
}

/// Commits a change on the worker's partition, together with the writes of `extra`.
pub(crate) async fn commit<T, F>(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    change: Change,
    mut extra: F,
) -> Result<(Change, T)>
where
    F: FnMut(&mut Tx, &mut Change) -> Result<T> + Send + 'static,
    T: Send + 'static,
{
    let principal = worker(namespace);
    let write = move |tx: &mut Tx| {
        let mut change = change.clone();
        let extra_result = extra(tx, &mut change)?;
        write(tx, &change, &principal)?;
        Ok::<_, Error>((change, extra_result))
    };
    let (change, extra_result) = workflow.db().on(lease).write(namespace, write).await?;
    crate::metrics::count(&change.run, change.step.as_ref());
    Ok((change, extra_result))
}

/// Fails a run that cannot be advanced.
pub(crate) async fn abort_run(
    workflow: &Workflow,
    lease: &Lease,
    namespace: &Namespace,
    id: RunId,
    failure: Failure,
) -> Result<()> {
    let principal = worker(namespace);
    let abort = move |tx: &mut Tx| {
        let Some(run) = table::get(tx, id)?.filter(|run| run.position.state.is_live()) else {
            return Ok(());
        };
        let now = tx.now();
        let holds = run.queue.as_ref().is_some_and(|queue| queue.holds);
        let position = Position {
            state: State::Failed,
            step_state: StepState::Failed,
            ..run.position
        };
        let (error, ended, version) = (Some(failure.clone()), Some(now), run.version + 1);
        let run = Run {
            position,
            error,
            ended,
            closed: !holds,
            next_at: None,
            updated: now,
            version,
            ..run
        };
        write(tx, &Change::new(run, None), &principal)
    };
    workflow.db().on(lease).write(namespace, abort).await
}

/// The principal of the worker's writes.
pub(crate) fn worker(namespace: &Namespace) -> Principal {
    Principal::system("workflow", *namespace)
}
